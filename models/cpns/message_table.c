/* The table of CPNS messages (cpns-model.md section 3 where no other source is named). Encoders,
 * decoders, checks, the tables in README.md and in the Wireshark dissector all read it. */
#include "models/cpns/message.h"

/* Room for the payload's base64 and all the rest below CPNS_MESSAGE_MAX_BYTES. */
enum { PAYLOAD_MAX = 720 * 1024, NAME_MAX_BYTES = 256, URN_BYTES = 45 };

static const char *const versions[] = {"1.0", NULL};
static const char *const modes[] = {"pne", "pn_gw", "both", NULL};
static const char *const policies[] = {"open", "closed", NULL};
static const char *const changes[] = {"joined", "left", "invited", "removed", NULL};
static const int64_t statuses[] = {200, 202, 400, 401, 403, 404, 408, 409, 410, 429, 503, 504, 0};

#define NAMED(n)                                                                                   \
    .name = n, .missing = n " is missing", .misplaced = n " is not a field of this type",          \
    .repeated = n " is repeated", .invalid = n " has a value that is not allowed"
#define URN .min = URN_BYTES, .max = URN_BYTES, .urn = true
#define NAME .min = 1, .max = NAME_MAX_BYTES

static const struct cpns_field_info fields[CPNS_FIELD_COUNT] = {
    [CPNS_VERSION] = {NAMED("Version"), .key = 1, .kind = CPNS_TEXT, .min = 1, .max = 8,
                      .values = versions, .doc = "version of the message format"},
    [CPNS_TRANSACTION_ID] = {NAMED("TransactionID"), .key = 2, .kind = CPNS_INTEGER, .min = 0,
                             .max = INT64_MAX, .doc = "joins a response to its request"},
    [CPNS_ORIGIN_ENTITY_ID] = {NAMED("OriginEntityID"), .key = 3, .kind = CPNS_TEXT, URN,
                               .doc = "entity that made the message"},
    [CPNS_TARGET_ID] = {NAMED("TargetID"), .key = 4, .kind = CPNS_TEXT, URN,
                        .doc = "entity, PN or Service Group that it is for"},
    [CPNS_PN_ID] = {NAMED("PNID"), .key = 5, .kind = CPNS_TEXT, URN,
                    .doc = "Personal Network that it is about"},
    [CPNS_SG_ID] = {NAMED("SGID"), .key = 6, .kind = CPNS_TEXT, URN,
                    .doc = "Service Group that it is about"},
    [CPNS_TIMESTAMP] = {NAMED("Timestamp"), .key = 7, .kind = CPNS_INTEGER, .min = 0,
                        .max = INT64_MAX, .doc = "virtual time of sending, in microseconds"},
    [CPNS_HOP_LIMIT] = {NAMED("HopLimit"), .key = 8, .kind = CPNS_INTEGER, .min = 1, .max = 255,
                        .doc = "hops that it may still go"},
    [CPNS_STATUS] = {NAMED("Status"), .key = 9, .kind = CPNS_INTEGER, .min = 200, .max = 504,
                     .integers = statuses, .doc = "outcome, with HTTP's meaning of the number"},
    [CPNS_MODE] = {NAMED("Mode"), .key = 10, .kind = CPNS_TEXT, .min = 1, .max = 8, .values = modes,
                   .doc = "what the device is in Personal Networks"},
    [CPNS_NETWORK] = {NAMED("Network"), .key = 11, .kind = CPNS_TEXT, NAME,
                      .doc = "technology of the link"},
    [CPNS_ESTABLISHMENT_TYPE] = {NAMED("EstablishmentType"), .key = 12, .kind = CPNS_INTEGER,
                                 .min = 1, .max = 3,
                                 .doc = "1: this PNE and the gateway; 2: all PNEs paired with the "
                                        "gateway; 3: the listed PNEs"},
    [CPNS_PNE_INFO] = {NAMED("PNEInfo"), .key = 13, .kind = CPNS_TEXT, .max = NAME_MAX_BYTES,
                       .doc = "name of the device"},
    [CPNS_PNE_ID] = {NAMED("PNEID"), .key = 14, .kind = CPNS_TEXT_LIST, URN,
                     .doc = "PNEs that it is about"},
    [CPNS_PN_NAME] = {NAMED("PNName"), .key = 15, .kind = CPNS_TEXT, NAME,
                      .doc = "name (alias) of the Personal Network"},
    [CPNS_GATEWAY_ID] = {NAMED("GatewayID"), .key = 16, .kind = CPNS_TEXT, URN,
                         .doc = "gateway of the Personal Network"},
    [CPNS_CONSENT] = {NAMED("Consent"), .key = 17, .kind = CPNS_INTEGER, .min = 0, .max = 1,
                      .doc = "1: the PNE agrees to join"},
    [CPNS_REASON] = {NAMED("Reason"), .key = 18, .kind = CPNS_TEXT, .max = NAME_MAX_BYTES,
                     .doc = "why, in words"},
    [CPNS_LEASE] = {NAMED("Lease"), .key = 19, .kind = CPNS_INTEGER, .min = 1, .max = INT32_MAX,
                    .doc = "seconds that the registration lasts"},
    [CPNS_CHALLENGE] = {NAMED("Challenge"), .key = 20, .kind = CPNS_BYTES, .min = 8, .max = 64,
                        .doc = "fresh octets to be answered"},
    [CPNS_ANSWER] = {NAMED("Answer"), .key = 21, .kind = CPNS_BYTES, .min = 8, .max = 64,
                     .doc = "proof of the key, made from the challenge"},
    [CPNS_PN_LIST] = {NAMED("OfferedPNID"), .key = 22, .kind = CPNS_TEXT_LIST, URN,
                      .doc = "Personal Networks to choose from"},
    [CPNS_SERVICE_ID] = {NAMED("ServiceID"), .key = 23, .kind = CPNS_TEXT, NAME,
                         .doc = "service that is used"},
    [CPNS_SERVICE_NAME] = {NAMED("ServiceName"), .key = 24, .kind = CPNS_TEXT, NAME,
                           .doc = "name of the service for people"},
    [CPNS_PAYLOAD] = {NAMED("Payload"), .key = 25, .kind = CPNS_BYTES, .max = PAYLOAD_MAX,
                      .doc = "content of the service or the group's message"},
    [CPNS_SG_NAME] = {NAMED("SGName"), .key = 26, .kind = CPNS_TEXT, NAME,
                      .doc = "name of the Service Group"},
    [CPNS_OWNER_ID] = {NAMED("OwnerID"), .key = 27, .kind = CPNS_TEXT, URN,
                       .doc = "PNE that owns the Service Group"},
    [CPNS_JOINING_POLICY] = {NAMED("JoiningPolicy"), .key = 28, .kind = CPNS_TEXT, .min = 1,
                             .max = 8, .values = policies,
                             .doc = "closed: the owner approves who joins"},
    [CPNS_MEMBER_ID] = {NAMED("MemberID"), .key = 29, .kind = CPNS_TEXT_LIST, URN,
                        .doc = "members of the Personal Network or the Service Group"},
    [CPNS_CHANGE] = {NAMED("Change"), .key = 30, .kind = CPNS_TEXT, .min = 1, .max = 8,
                     .values = changes, .doc = "what happened to the members named"},
};

#define R CPNS_REQUIRED
#define O CPNS_OPTIONAL
/* The envelope [ours]; target, PNID and SGID differ between types. */
#define ENVELOPE(target, pn, sg)                                                                   \
    [CPNS_VERSION] = R, [CPNS_TRANSACTION_ID] = R, [CPNS_ORIGIN_ENTITY_ID] = R,                    \
    [CPNS_TARGET_ID] = (target), [CPNS_PN_ID] = (pn), [CPNS_SG_ID] = (sg), [CPNS_TIMESTAMP] = R,   \
    [CPNS_HOP_LIMIT] = R
#define RESPONSE(target, pn, sg) ENVELOPE(target, pn, sg), [CPNS_STATUS] = R, [CPNS_REASON] = O

static const struct cpns_type_info types[CPNS_TYPE_COUNT] = {
    [CPNS_ENTITY_DISCOVERY_REQUEST] =
        {.name = "EntityDiscoveryRequest",
         .code = 1,
         .path = "device->device",
         .source = "US8989051",
         .presence = {ENVELOPE(O, O, O), [CPNS_MODE] = R, [CPNS_NETWORK] = O},
         .doc = "asks a device in radio reach what it is; TargetID where it is known already"},
    [CPNS_ENTITY_DISCOVERY_RESPONSE] =
        {.name = "EntityDiscoveryResponse",
         .code = 2,
         .path = "device->device",
         .source = "US8989051",
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_MODE] = R, [CPNS_NETWORK] = O, [CPNS_PN_NAME] = O},
         .doc = "tells the mode of the device that was asked"},
    [CPNS_PN_ESTABLISHMENT_REQUEST] =
        {.name = "PNEstablishmentRequest",
         .code = 3,
         .path = "P->G",
         .source = "US9301122",
         .presence = {ENVELOPE(R, O, O), [CPNS_ESTABLISHMENT_TYPE] = R, [CPNS_PNE_INFO] = R,
                      [CPNS_PNE_ID] = O, [CPNS_PN_NAME] = O, [CPNS_MODE] = O},
         .doc = "asks the gateway to make a Personal Network; PNEID with type 3"},
    [CPNS_PN_ESTABLISHMENT_RESPONSE] =
        {.name = "PNEstablishmentResponse",
         .code = 4,
         .path = "G->P",
         .source = "US9301122",
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PN_NAME] = O, [CPNS_GATEWAY_ID] = O,
                      [CPNS_MEMBER_ID] = O, [CPNS_LEASE] = O},
         .doc = "the Personal Network that now exists, or why not"},
    [CPNS_PN_CONNECTION_REQUEST] =
        {.name = "PNConnectionRequest",
         .code = 5,
         .path = "G->P",
         .source = "US9130823",
         .presence = {ENVELOPE(R, O, O), [CPNS_MODE] = R, [CPNS_PN_NAME] = O, [CPNS_GATEWAY_ID] = O,
                      [CPNS_PNE_INFO] = O},
         .doc = "invites another PNE into the Personal Network"},
    [CPNS_PN_CONNECTION_RESPONSE] =
        {.name = "PNConnectionResponse",
         .code = 6,
         .path = "P->G",
         .source = "US9130823",
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_CONSENT] = R, [CPNS_MODE] = O, [CPNS_PNE_INFO] = O},
         .doc = "whether the PNE joins"},
    [CPNS_PN_CONNECTION_REJECT] =
        {.name = "PNConnectionReject",
         .code = 7,
         .path = "G->P",
         .source = "US9241001",
         .presence = {ENVELOPE(R, O, O), [CPNS_REASON] = R, [CPNS_STATUS] = O},
         .doc = "turns a PNE away, e.g. for missing subscriber information"},
    [CPNS_PN_CONNECTION_FORWARDED] =
        {.name = "PNConnectionForwarded",
         .code = 8,
         .path = "G->S",
         .source = "US9071590",
         .presence = {ENVELOPE(R, O, O), [CPNS_PNE_ID] = R, [CPNS_GATEWAY_ID] = R,
                      [CPNS_PNE_INFO] = O, [CPNS_MODE] = O, [CPNS_ESTABLISHMENT_TYPE] = O,
                      [CPNS_PN_NAME] = O, [CPNS_NETWORK] = O},
         .doc = "the PNE's request with the gateway's own information added"},
    [CPNS_REGISTRATION_REQUEST] =
        {.name = "RegistrationRequest",
         .code = 9,
         .path = "G->S",
         .source = "US9026634",
         .presence = {ENVELOPE(R, R, O), [CPNS_PN_NAME] = R, [CPNS_MEMBER_ID] = O,
                      [CPNS_GATEWAY_ID] = O, [CPNS_LEASE] = O},
         .doc = "enters a Personal Network, or renews its lease, in the server's inventory"},
    [CPNS_REGISTRATION_RESPONSE] =
        {.name = "RegistrationResponse",
         .code = 10,
         .path = "S->G",
         .source = "US9026634",
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_PN_NAME] = O, [CPNS_MEMBER_ID] = O, [CPNS_LEASE] = O},
         .doc = "what became of the registration"},
    [CPNS_AUTHENTICATION_REQUEST] =
        {.name = "AuthenticationRequest",
         .code = 11,
         .path = "S->G->P",
         .source = "US9071590 US9130823",
         .presence = {ENVELOPE(R, O, O), [CPNS_CHALLENGE] = R, [CPNS_PN_LIST] = O,
                      [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_PN_NAME] = O},
         .doc = "challenge to a PNE, with the Personal Networks it may choose from"},
    [CPNS_AUTHENTICATION_RESPONSE] =
        {.name = "AuthenticationResponse",
         .code = 12,
         .path = "P->G->S",
         .source = "US9071590 US9130823",
         .response = true,
         .presence = {ENVELOPE(R, O, O), [CPNS_STATUS] = O, [CPNS_REASON] = O, [CPNS_ANSWER] = R,
                      [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_PN_NAME] = O},
         .doc = "answer, and in PNID the Personal Network to join or in PNName a new one"},
    [CPNS_AUTHENTICATION_RESULT] =
        {.name = "AuthenticationResult",
         .code = 13,
         .path = "S->G->P",
         .source = "US9071590 US9130823",
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O,
                      [CPNS_PN_NAME] = O, [CPNS_LEASE] = O},
         .doc = "whether the answer was right"},
    [CPNS_SERVICE_ACCESS_REQUEST] = {.name = "ServiceAccessRequest",
                                     .code = 14,
                                     .path = "P->G->S->G->P",
                                     .source = "ours",
                                     .presence = {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = R,
                                                  [CPNS_PAYLOAD] = R, [CPNS_SERVICE_NAME] = O},
                                     .doc = "uses a service of another PNE or of the server"},
    [CPNS_SERVICE_ACCESS_RESPONSE] = {.name = "ServiceAccessResponse",
                                      .code = 15,
                                      .path = "P->G->S->G->P",
                                      .source = "ours",
                                      .response = true,
                                      .presence = {RESPONSE(R, O, O), [CPNS_SERVICE_ID] = O,
                                                   [CPNS_PAYLOAD] = O, [CPNS_SERVICE_NAME] = O},
                                      .doc = "what the service gave back"},
    [CPNS_SG_CREATE_REQUEST] =
        {.name = "SGCreateRequest",
         .code = 16,
         .path = "P->G->S",
         .source = "US9300739",
         .presence =
             {ENVELOPE(R, O, O), [CPNS_SG_NAME] = R, [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O,
              [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O},
         .doc = "makes a Service Group for a service"},
    [CPNS_SG_CREATE_RESPONSE] =
        {.name = "SGCreateResponse",
         .code = 17,
         .path = "S->G->P",
         .source = "US9300739",
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
                      [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O},
         .doc = "the Service Group that now exists, or why not"},
    [CPNS_SG_JOIN_REQUEST] =
        {.name = "SGJoinRequest",
         .code = 18,
         .path = "P->G->S (closed: ->G->owner)",
         .source = "ours",
         .presence = {ENVELOPE(R, O, R), [CPNS_PNE_ID] = O, [CPNS_SG_NAME] = O,
                      [CPNS_SERVICE_ID] = O, [CPNS_OWNER_ID] = O, [CPNS_GATEWAY_ID] = O},
         .doc = "asks to join; of a closed group the server asks the owner, PNEID says for whom"},
    [CPNS_SG_JOIN_RESPONSE] =
        {.name = "SGJoinResponse",
         .code = 19,
         .path = "S->G->P (closed: owner->G->S first)",
         .source = "ours",
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
              [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O},
         .doc = "whether the PNE is a member now, and who the others are"},
    [CPNS_SG_MEMBER_CHANGE] =
        {.name = "SGMemberChange",
         .code = 20,
         .path = "S->G->P",
         .source = "US8761140",
         .presence = {ENVELOPE(R, O, R), [CPNS_MEMBER_ID] = R,
                      [CPNS_CHANGE] = R, [CPNS_SG_NAME] = O, [CPNS_OWNER_ID] = O},
         .doc = "tells a member which members came or went"},
    [CPNS_SG_MESSAGE] =
        {.name = "SGMessage",
         .code = 21,
         .path = "P->G->S->G->members",
         .source = "US20110246605",
         .presence = {ENVELOPE(R, O, R), [CPNS_PAYLOAD] = R, [CPNS_SERVICE_ID] = O},
         .doc = "message destined to a Service Group: outside sessions by clause 5.9.1"},
    [CPNS_PN_RELEASE_REQUEST] = {.name = "PNReleaseRequest",
                                 .code = 22,
                                 .path = "P->G->S or G->S",
                                 .source = "US9026634",
                                 .presence = {ENVELOPE(R, R, O), [CPNS_REASON] = O},
                                 .doc = "ends a Personal Network"},
    [CPNS_PN_RELEASE_RESPONSE] = {.name = "PNReleaseResponse",
                                  .code = 23,
                                  .path = "S->G->P or S->G",
                                  .source = "US9026634",
                                  .response = true,
                                  .presence = {RESPONSE(R, O, O)},
                                  .doc = "whether it ended"},
    [CPNS_PN_RELEASE_NOTIFICATION] = {.name = "PNReleaseNotification",
                                      .code = 24,
                                      .path = "G->P",
                                      .source = "US9026634",
                                      .presence = {ENVELOPE(R, R, O), [CPNS_REASON] = O},
                                      .doc =
                                          "tells the other PNEs that the Personal Network ended"},
    [CPNS_KEEP_ALIVE] = {.name = "KeepAlive",
                         .code = 25,
                         .path = "both hops, both ways",
                         .source = "ours",
                         .presence = {ENVELOPE(R, O, O), [CPNS_STATUS] = O},
                         .doc =
                             "shows that the sender is there; Status 200 marks the answer to one"},
};

static const struct cpns_type_info unknown = {
    .name = "unknown", .path = "", .source = "", .doc = "its type could not be read"};

const struct cpns_field_info *cpns_field_info(enum cpns_field field)
{
    CHECK((unsigned)field < CPNS_FIELD_COUNT);
    return &fields[field];
}

const struct cpns_type_info *cpns_type_info(enum cpns_type type)
{
    CHECK((unsigned)type <= CPNS_TYPE_COUNT);
    return type == CPNS_TYPE_COUNT ? &unknown : &types[type];
}
