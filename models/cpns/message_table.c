/* The types of CPNS messages (cpns-model.md section 3 where no other source is named); their fields
 * are in message_fields.c. Encoders, decoders, checks, the tables in README.md and in the Wireshark
 * dissector all read both. */
#include "models/cpns/message.h"

#define R CPNS_REQUIRED
#define O CPNS_OPTIONAL
/* The envelope [ours]; target, PNID and SGID differ between types. */
#define ENVELOPE(target, pn, sg)                                                                   \
    [CPNS_VERSION] = R, [CPNS_TRANSACTION_ID] = R, [CPNS_ORIGIN_ENTITY_ID] = R,                    \
    [CPNS_TARGET_ID] = (target), [CPNS_PN_ID] = (pn), [CPNS_SG_ID] = (sg), [CPNS_TIMESTAMP] = R,   \
    [CPNS_HOP_LIMIT] = R
#define RESPONSE(target, pn, sg) ENVELOPE(target, pn, sg), [CPNS_STATUS] = R, [CPNS_REASON] = O

#define TYPE(number, title, way, origin, what)                                                     \
    .code = (number), .name = (title), .path = (way), .source = (origin), .doc = (what)

static const struct cpns_type_info types[CPNS_TYPE_COUNT] = {
    [CPNS_ENTITY_DISCOVERY_REQUEST] =
        {TYPE(1, "EntityDiscoveryRequest", "device->device", "US8989051",
              "asks a device in radio reach what it is; TargetID where it is known already"),
         .presence = {ENVELOPE(O, O, O), [CPNS_MODE] = R, [CPNS_NETWORK] = O}},
    [CPNS_ENTITY_DISCOVERY_RESPONSE] =
        {TYPE(2, "EntityDiscoveryResponse", "device->device", "US8989051",
              "tells the mode of the device that was asked"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_MODE] = R, [CPNS_NETWORK] = O, [CPNS_PN_NAME] = O}},
    [CPNS_PN_ESTABLISHMENT_REQUEST] =
        {TYPE(3, "PNEstablishmentRequest", "P->G", "US9301122",
              "asks the gateway to make a Personal Network; PNEID with type 3"),
         .presence = {ENVELOPE(R, O, O), [CPNS_ESTABLISHMENT_TYPE] = R, [CPNS_PNE_INFO] = R,
                      [CPNS_PNE_ID] = O, [CPNS_PN_NAME] = O, [CPNS_MODE] = O, [CPNS_USER_ID] = O,
                      [CPNS_CAPABILITY] = O, [CPNS_BATTERY_LEVEL] = O}},
    [CPNS_PN_ESTABLISHMENT_RESPONSE] =
        {TYPE(4, "PNEstablishmentResponse", "G->P", "US9301122",
              "the Personal Network that now exists, or why not"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_PN_NAME] = O, [CPNS_GATEWAY_ID] = O, [CPNS_MEMBER_ID] = O,
              [CPNS_LEASE] = O, [CPNS_CAPABLE_ID] = O, [CPNS_ADMIN_ID] = O}},
    [CPNS_PN_CONNECTION_REQUEST] =
        {TYPE(5, "PNConnectionRequest", "G->P", "US9130823",
              "invites another PNE into the Personal Network"),
         .presence = {ENVELOPE(R, O, O), [CPNS_MODE] = R, [CPNS_PN_NAME] = O, [CPNS_GATEWAY_ID] = O,
                      [CPNS_PNE_INFO] = O}},
    [CPNS_PN_CONNECTION_RESPONSE] =
        {TYPE(6, "PNConnectionResponse", "P->G", "US9130823", "whether the PNE joins"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_CONSENT] = R, [CPNS_MODE] = O, [CPNS_PNE_INFO] = O,
                      [CPNS_USER_ID] = O, [CPNS_CAPABILITY] = O, [CPNS_BATTERY_LEVEL] = O}},
    [CPNS_PN_CONNECTION_REJECT] =
        {TYPE(7, "PNConnectionReject", "G->P", "US9241001",
              "turns a PNE away, e.g. for missing subscriber information"),
         .presence = {ENVELOPE(R, O, O), [CPNS_REASON] = R, [CPNS_STATUS] = O}},
    [CPNS_PN_CONNECTION_FORWARDED] =
        {TYPE(8, "PNConnectionForwarded", "G->S", "US9071590",
              "the PNE's request with the gateway's own information added"),
         .presence = {ENVELOPE(R, O, O), [CPNS_PNE_ID] = R, [CPNS_GATEWAY_ID] = R,
                      [CPNS_PNE_INFO] = O, [CPNS_MODE] = O, [CPNS_ESTABLISHMENT_TYPE] = O,
                      [CPNS_PN_NAME] = O, [CPNS_NETWORK] = O, [CPNS_USER_ID] = O,
                      [CPNS_CAPABILITY] = O, [CPNS_BATTERY_LEVEL] = O}},
    [CPNS_REGISTRATION_REQUEST] =
        {TYPE(9, "RegistrationRequest", "G->S", "US9026634",
              "enters a Personal Network, or renews its lease, in the server's inventory"),
         .presence =
             {ENVELOPE(R, R, O), [CPNS_PN_NAME] = R, [CPNS_MEMBER_ID] = O, [CPNS_GATEWAY_ID] = O,
              [CPNS_LEASE] = O, [CPNS_OPENNESS] = O, [CPNS_CAPABLE_ID] = O, [CPNS_ADMIN_ID] = O,
              [CPNS_ADMINEE_ID] = O, [CPNS_OLD_GATEWAY_ID] = O, [CPNS_SEQUENCE] = O}},
    [CPNS_REGISTRATION_RESPONSE] =
        {TYPE(10, "RegistrationResponse", "S->G", "US9026634", "what became of the registration"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PN_NAME] = O, [CPNS_MEMBER_ID] = O, [CPNS_LEASE] = O,
                      [CPNS_CAPABLE_ID] = O, [CPNS_ADMIN_ID] = O, [CPNS_ADMINEE_ID] = O}},
    [CPNS_AUTHENTICATION_REQUEST] =
        {TYPE(11, "AuthenticationRequest", "S->G->P", "US9071590 US9130823",
              "challenge to a PNE, with the Personal Networks it may choose from"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_CHALLENGE] = R, [CPNS_PN_LIST] = O, [CPNS_PNE_ID] = O,
              [CPNS_GATEWAY_ID] = O, [CPNS_PN_NAME] = O, [CPNS_KEY_EPOCH] = O}},
    [CPNS_AUTHENTICATION_RESPONSE] =
        {TYPE(12, "AuthenticationResponse", "P->G->S", "US9071590 US9130823",
              "answer, and in PNID the Personal Network to join or in PNName a new one"),
         .response = true,
         .presence = {ENVELOPE(R, O, O), [CPNS_STATUS] = O, [CPNS_REASON] = O, [CPNS_ANSWER] = R,
                      [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_PN_NAME] = O,
                      [CPNS_USER_ID] = O, [CPNS_KEY_EPOCH] = O}},
    [CPNS_AUTHENTICATION_RESULT] =
        {TYPE(13, "AuthenticationResult", "S->G->P", "US9071590 US9130823",
              "whether the answer was right"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O,
                      [CPNS_PN_NAME] = O, [CPNS_LEASE] = O}},
    [CPNS_SERVICE_ACCESS_REQUEST] =
        {TYPE(14, "ServiceAccessRequest", "P->G->S->G->P", "ours",
              "uses a service of another PNE or of the server"),
         .presence = {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = R, [CPNS_PAYLOAD] = R,
                      [CPNS_SERVICE_NAME] = O, [CPNS_PEER_PN_ID] = O}},
    [CPNS_SERVICE_ACCESS_RESPONSE] = {TYPE(15, "ServiceAccessResponse", "P->G->S->G->P", "ours",
                                           "what the service gave back"),
                                      .response = true,
                                      .presence = {RESPONSE(R, O, O), [CPNS_SERVICE_ID] = O,
                                                   [CPNS_PAYLOAD] = O, [CPNS_SERVICE_NAME] = O}},
    [CPNS_SG_CREATE_REQUEST] =
        {TYPE(16, "SGCreateRequest", "P->G->S", "US9300739", "makes a Service Group for a service"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_SG_NAME] = R, [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O,
              [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O,
              [CPNS_CONTENT] = O, [CPNS_ADMIN_ID] = O, [CPNS_OBJECT_ID] = O}},
    [CPNS_SG_CREATE_RESPONSE] =
        {TYPE(17, "SGCreateResponse", "S->G->P", "US9300739",
              "the Service Group that now exists, or why not"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
                      [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O,
                      [CPNS_ADMIN_ID] = O, [CPNS_OBJECT_ID] = O}},
    [CPNS_SG_JOIN_REQUEST] =
        {TYPE(18, "SGJoinRequest", "P->G->S (closed: ->G->owner)", "ours",
              "asks to join; of a closed group the server asks the owner, PNEID says for whom; "
              "with Change updated a member asks whether it still is one"),
         .presence =
             {ENVELOPE(R, O, R), [CPNS_PNE_ID] = O, [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
              [CPNS_OWNER_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_REASON] = O, [CPNS_CHANGE] = O}},
    [CPNS_SG_JOIN_RESPONSE] =
        {TYPE(19, "SGJoinResponse", "S->G->P (closed: owner->G->S first)", "ours",
              "whether the PNE is a member now, and who the others are"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
              [CPNS_OWNER_ID] = O, [CPNS_JOINING_POLICY] = O, [CPNS_MEMBER_ID] = O}},
    [CPNS_SG_MEMBER_CHANGE] =
        {TYPE(20, "SGMemberChange", "S->G->P, and back", "US8761140",
              "tells a member which members came or went; Status 200 says that it heard it"),
         .presence = {ENVELOPE(R, O, R), [CPNS_MEMBER_ID] = R, [CPNS_CHANGE] = R,
                      [CPNS_SG_NAME] = O, [CPNS_OWNER_ID] = O, [CPNS_STATUS] = O}},
    [CPNS_SG_MESSAGE] =
        {TYPE(21, "SGMessage", "P->G->S->G->members", "US20110246605",
              "message destined to a Service Group: outside sessions by clause 5.9.1"),
         .presence =
             {ENVELOPE(R, O, R), [CPNS_PAYLOAD] = R, [CPNS_SERVICE_ID] = O, [CPNS_KEY_EPOCH] = O}},
    [CPNS_PN_RELEASE_REQUEST] = {TYPE(22, "PNReleaseRequest", "P->G->S or G->S", "US9026634",
                                      "ends a Personal Network"),
                                 .presence = {ENVELOPE(R, R, O), [CPNS_REASON] = O}},
    [CPNS_PN_RELEASE_RESPONSE] = {TYPE(23, "PNReleaseResponse", "S->G->P or S->G", "US9026634",
                                       "whether it ended"),
                                  .response = true, .presence = {RESPONSE(R, O, O)}},
    [CPNS_PN_RELEASE_NOTIFICATION] = {TYPE(24, "PNReleaseNotification", "G->P", "US9026634",
                                           "tells the other PNEs that the Personal Network ended"),
                                      .presence = {ENVELOPE(R, R, O), [CPNS_REASON] = O}},
    [CPNS_KEEP_ALIVE] = {TYPE(25, "KeepAlive", "both hops, both ways", "ours",
                              "shows that the sender is there; Status 200 marks the answer to one"),
                         .presence = {ENVELOPE(R, O, O), [CPNS_STATUS] = O}},
    [CPNS_SERVICE_REGISTRATION_REQUEST] =
        {TYPE(26, "ServiceRegistrationRequest", "P->G->S", "US9071617",
              "enters a service of the PNE, and who may find it; Expiry 0 takes it back"),
         .presence = {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = R, [CPNS_SERVICE_NAME] = O,
                      [CPNS_CONTENT] = O, [CPNS_OPENNESS] = O, [CPNS_CONFIRMING_ID] = O,
                      [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_EXPIRY] = O}},
    [CPNS_SERVICE_REGISTRATION_RESPONSE] =
        {TYPE(27, "ServiceRegistrationResponse", "S->G->P", "US9071617",
              "what became of the service's registration"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O, [CPNS_CONTENT] = O,
              [CPNS_OPENNESS] = O, [CPNS_CONFIRMING_ID] = O, [CPNS_EXPIRY] = O}},
    [CPNS_SERVICE_SEARCH_REQUEST] =
        {TYPE(28, "ServiceSearchRequest", "P->G->S", "US9071617", "looks for services"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O, [CPNS_CONTENT] = O,
              [CPNS_KEYWORD] = O, [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SERVICE_SEARCH_RESPONSE] =
        {TYPE(29, "ServiceSearchResponse", "S->G->P", "US9071617",
              "the services that the one who asks may see"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_SERVICE_ID] = O, [CPNS_FOUND_SERVICE_ID] = O,
                      [CPNS_PROVIDER_ID] = O}},
    [CPNS_OWNER_CONFIRMATION_REQUEST] =
        {TYPE(30, "OwnerConfirmationRequest", "S->G->P", "US9071617",
              "asks the confirming entity whether the PNE named may see the service"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = R, [CPNS_PNE_ID] = R, [CPNS_SERVICE_NAME] = O,
              [CPNS_CONTENT] = O, [CPNS_OPENNESS] = O, [CPNS_KEYWORD] = O}},
    [CPNS_OWNER_CONFIRMATION_RESPONSE] =
        {TYPE(31, "OwnerConfirmationResponse", "P->G->S", "US9071617", "whether it may"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_ACCEPT] = R, [CPNS_SERVICE_ID] = O, [CPNS_PNE_ID] = O}},
    [CPNS_USER_REGISTRATION_REQUEST] =
        {TYPE(32, "UserRegistrationRequest", "G->S", "US8887253",
              "enters the user of a PNE, for whom a key shall be assigned"),
         .presence = {ENVELOPE(R, O, O), [CPNS_USER_ID] = R, [CPNS_USER_INFO] = R,
                      [CPNS_PNE_ID] = R, [CPNS_GATEWAY_ID] = O, [CPNS_SERIAL_NUMBER] = O}},
    [CPNS_USER_REGISTRATION_RESPONSE] =
        {TYPE(33, "UserRegistrationResponse", "S->G", "US8887253",
              "the first authentication data, for the trigger"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_USER_ID] = O, [CPNS_PNE_ID] = O,
                      [CPNS_CHALLENGE] = O, [CPNS_AUTHENTICATION_DATA] = O}},
    [CPNS_INSTALLATION_REQUEST] =
        {TYPE(34, "InstallationRequest", "G->P", "US8887253",
              "tells the PNE whose user it shall have"),
         .presence = {ENVELOPE(R, O, O), [CPNS_USER_ID] = R, [CPNS_USER_INFO] = R,
                      [CPNS_GATEWAY_ID] = O, [CPNS_SERIAL_NUMBER] = O}},
    [CPNS_INSTALLATION_TRIGGER] =
        {TYPE(35, "InstallationTrigger", "G->P", "US8887253",
              "the first authentication data, which the PNE checks"),
         .presence = {ENVELOPE(R, O, O), [CPNS_USER_ID] = R, [CPNS_CHALLENGE] = R,
                      [CPNS_AUTHENTICATION_DATA] = R, [CPNS_GATEWAY_ID] = O}},
    [CPNS_INSTALLATION_RESPONSE] =
        {TYPE(36, "InstallationResponse", "P->G", "ours",
              "whether the PNE takes what an InstallationRequest or InstallationTrigger said"),
         .response = true, .presence = {RESPONSE(R, O, O), [CPNS_USER_ID] = O}},
    [CPNS_KEY_ASSIGNMENT_REQUEST] =
        {TYPE(37, "KeyAssignmentRequest", "P->G->S", "US8887253",
              "the second authentication data, made with fresh octets of the PNE"),
         .presence = {ENVELOPE(R, O, O), [CPNS_USER_ID] = R, [CPNS_CHALLENGE] = R,
                      [CPNS_AUTHENTICATION_DATA] = R, [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_KEY_ASSIGNMENT_RESPONSE] =
        {TYPE(38, "KeyAssignmentResponse", "S->G->P", "US8887253",
              "the user key, sealed for the PNE"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_USER_ID] = O, [CPNS_SEALED_KEY] = O, [CPNS_KEY_EPOCH] = O}},
    [CPNS_PNE_PROVISIONING_REQUEST] =
        {TYPE(39, "PNEProvisioningRequest", "G->S", "US8819415",
              "asks for what the gateway needs to authenticate the PNE of that serial number"),
         .presence = {ENVELOPE(R, O, O), [CPNS_PNE_ID] = R, [CPNS_SERIAL_NUMBER] = R,
                      [CPNS_GATEWAY_ID] = O}},
    [CPNS_PNE_PROVISIONING_RESPONSE] =
        {TYPE(40, "PNEProvisioningResponse", "S->G", "US8819415",
              "the value chain and TK_PNE, sealed under K_GS"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_SERIAL_NUMBER] = O,
                      [CPNS_CHALLENGE] = O, [CPNS_SEALED_VALUE] = O, [CPNS_SEALED_KEY] = O}},
    [CPNS_PNE_PROVISIONING] =
        {TYPE(41, "PNEProvisioning", "G->P", "US8819415",
              "one value of the chain, sealed under TK_PNE"),
         .presence = {ENVELOPE(R, O, O), [CPNS_CHALLENGE] = R, [CPNS_SEALED_VALUE] = R,
                      [CPNS_SEQUENCE] = O, [CPNS_GATEWAY_ID] = O, [CPNS_SERIAL_NUMBER] = O}},
    [CPNS_PNE_PROVISIONING_RESULT] =
        {TYPE(42, "PNEProvisioningResult", "P->G", "ours",
              "the PNE's proof that it could open the value"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_ANSWER] = O, [CPNS_SEQUENCE] = O, [CPNS_PNE_ID] = O}},
    [CPNS_DEVICE_CAPABILITIES_REQUEST] =
        {TYPE(43, "DeviceCapabilitiesRequest", "S->G(->P)", "US9131360",
              "asks what a device can do; the gateway answers where it is the target"),
         .presence = {ENVELOPE(R, O, O), [CPNS_PNE_ID] = O}},
    [CPNS_DEVICE_CAPABILITIES_RESPONSE] =
        {TYPE(44, "DeviceCapabilitiesResponse", "(P->)G->S", "US9131360", "what it can do"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_MODE] = O, [CPNS_NETWORK] = O, [CPNS_PNE_INFO] = O,
                      [CPNS_PNE_ID] = O, [CPNS_CAPABILITY] = O, [CPNS_BATTERY_LEVEL] = O}},
    [CPNS_SG_DISCOVERY_REQUEST] =
        {TYPE(45, "SGDiscoveryRequest", "P->G->S", "US8762487",
              "looks for Service Groups by word, service, object or member"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_SERVICE_ID] = O, [CPNS_KEYWORD] = O, [CPNS_MEMBER_ID] = O,
              [CPNS_SG_NAME] = O, [CPNS_OBJECT_ID] = O, [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_DISCOVERY_RESPONSE] =
        {TYPE(46, "SGDiscoveryResponse", "S->G->P", "US8762487",
              "the Service Groups found, and the service of each"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_FOUND_SG_ID] = O, [CPNS_FOUND_SERVICE_ID] = O,
                      [CPNS_SERVICE_ID] = O}},
    [CPNS_SG_MEMBER_INFO] =
        {TYPE(47, "SGMemberInfo", "P->G->S", "US9300739",
              "the owner tells who the members of a new Service Group are"),
         .presence = {ENVELOPE(R, O, R), [CPNS_MEMBER_ID] = R, [CPNS_CHANGE] = O, [CPNS_PNE_ID] = O,
                      [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_MEMBER_INFO_RESPONSE] =
        {TYPE(48, "SGMemberInfoResponse", "S->G->P", "ours",
              "which of them are members or invited now"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_MEMBER_ID] = O, [CPNS_SG_NAME] = O, [CPNS_OWNER_ID] = O}},
    [CPNS_SG_ADMIN_INFO] =
        {TYPE(49, "SGAdminInfo", "P->G->S", "US9300739",
              "the owner tells who administers the Service Group"),
         .presence =
             {ENVELOPE(R, O, R), [CPNS_ADMIN_ID] = R, [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_ADMIN_INFO_RESPONSE] =
        {TYPE(50, "SGAdminInfoResponse", "S->G->P", "ours", "who does now"), .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_ADMIN_ID] = O, [CPNS_SG_NAME] = O, [CPNS_OWNER_ID] = O}},
    [CPNS_SG_INVITE_REQUEST] =
        {TYPE(51, "SGInviteRequest", "P->G->S->G->P", "ours", "asks the PNE named to join"),
         .presence =
             {ENVELOPE(R, O, R), [CPNS_PNE_ID] = R, [CPNS_SG_NAME] = O, [CPNS_SERVICE_ID] = O,
              [CPNS_OWNER_ID] = O, [CPNS_REASON] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_INVITE_RESPONSE] =
        {TYPE(52, "SGInviteResponse", "P->G->S->G->P", "ours", "whether it does"), .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_ACCEPT] = O, [CPNS_PNE_ID] = O, [CPNS_SG_NAME] = O,
                      [CPNS_SERVICE_ID] = O, [CPNS_OWNER_ID] = O, [CPNS_MEMBER_ID] = O}},
    [CPNS_SG_LEAVE_REQUEST] =
        {TYPE(53, "SGLeaveRequest", "P->G->S", "ours",
              "leaves a Service Group, or takes the PNE named out of it; an owner transfers first"),
         .presence = {ENVELOPE(R, O, R), [CPNS_PNE_ID] = O, [CPNS_CANDIDATE_ID] = O,
                      [CPNS_REASON] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_LEAVE_RESPONSE] = {TYPE(54, "SGLeaveResponse", "S->G->P", "ours", "whether it left"),
                                .response = true,
                                .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O}},
    [CPNS_SG_DELETE_REQUEST] =
        {TYPE(55, "SGDeleteRequest", "P->G->S", "ours", "ends a Service Group"),
         .presence = {ENVELOPE(R, O, R), [CPNS_REASON] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_DELETE_RESPONSE] = {TYPE(56, "SGDeleteResponse", "S->G->P", "ours",
                                      "whether it ended"),
                                 .response = true, .presence = {RESPONSE(R, O, O)}},
    [CPNS_SG_OWNER_TRANSFER_REQUEST] =
        {TYPE(57, "SGOwnerTransferRequest", "P->G->S->G->P", "US8924514",
              "gives the Service Group away; the server asks the successor"),
         .presence =
             {ENVELOPE(R, O, R), [CPNS_CANDIDATE_ID] = O, [CPNS_OWNER_ID] = O, [CPNS_SG_NAME] = O,
              [CPNS_SERVICE_ID] = O, [CPNS_REASON] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_OWNER_TRANSFER_RESPONSE] =
        {TYPE(58, "SGOwnerTransferResponse", "P->G->S->G->P", "US8924514",
              "whether the successor takes it"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_ACCEPT] = O, [CPNS_CANDIDATE_ID] = O,
                      [CPNS_OWNER_ID] = O, [CPNS_SG_NAME] = O}},
    [CPNS_SG_OWNER_CHANGE] =
        {TYPE(59, "SGOwnerChange", "S->G->P, and back", "US8761140",
              "tells a member who owns the Service Group now; Status 200 says that it heard it"),
         .presence = {ENVELOPE(R, O, R), [CPNS_OWNER_ID] = R, [CPNS_SG_NAME] = O, [CPNS_REASON] = O,
                      [CPNS_ADMIN_ID] = O, [CPNS_STATUS] = O}},
    [CPNS_SG_KEY_UPDATE] =
        {TYPE(60, "SGKeyUpdate", "S->G->P", "ours",
              "extension of ours: hands a member the key of its Service Group, sealed for it"),
         .presence = {ENVELOPE(R, O, R), [CPNS_KEY_EPOCH] = R, [CPNS_SEALED_KEY] = R,
                      [CPNS_SG_NAME] = O, [CPNS_REASON] = O}},
    [CPNS_SG_KEY_UPDATE_RESPONSE] =
        {TYPE(61, "SGKeyUpdateResponse", "P->G->S", "ours", "whether the member has the key"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_KEY_EPOCH] = O, [CPNS_PNE_ID] = O}},
    [CPNS_GW_SWITCH_REQUEST] =
        {TYPE(62, "GWSwitchRequest", "new P->old G; new G->S->old G", "US9491140",
              "asks to become the gateway of the Personal Network, then has the server make it "
              "that, which has the old one give it up (ours)"),
         .presence = {ENVELOPE(R, R, O), [CPNS_CANDIDATE_ID] = O, [CPNS_MODE] = O,
                      [CPNS_OLD_GATEWAY_ID] = O, [CPNS_NEW_GATEWAY_ID] = O, [CPNS_PN_NAME] = O,
                      [CPNS_MEMBER_ID] = O, [CPNS_CAPABLE_ID] = O, [CPNS_REASON] = O,
                      [CPNS_BATTERY_LEVEL] = O, [CPNS_SEQUENCE] = O}},
    [CPNS_GW_SWITCH_RESPONSE] =
        {TYPE(63, "GWSwitchResponse", "old G->new P; S->new G", "US9491140",
              "whether it may, and what the old gateway or the server knows of the Personal "
              "Network"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_CANDIDATE_ID] = O, [CPNS_MODE] = O,
                      [CPNS_OLD_GATEWAY_ID] = O, [CPNS_NEW_GATEWAY_ID] = O, [CPNS_PN_NAME] = O,
                      [CPNS_MEMBER_ID] = O, [CPNS_CAPABLE_ID] = O, [CPNS_LEASE] = O,
                      [CPNS_ADMIN_ID] = O, [CPNS_ADMINEE_ID] = O, [CPNS_SEQUENCE] = O,
                      [CPNS_FOUND_SG_ID] = O, [CPNS_PNE_ID] = O}},
    [CPNS_GW_CHANGE] =
        {TYPE(64, "GWChange", "new P->old G->P", "US9491140",
              "tells a PNE its new gateway, with which it makes a new session"),
         .presence = {ENVELOPE(R, R, O), [CPNS_NEW_GATEWAY_ID] = R, [CPNS_OLD_GATEWAY_ID] = O,
                      [CPNS_PN_NAME] = O, [CPNS_REASON] = O, [CPNS_NETWORK] = O}},
    [CPNS_PN_ADD_DEVICE] =
        {TYPE(65, "PNAddDevice", "P->G->S or G->S", "US9026634",
              "brings a device into a Personal Network that exists"),
         .presence =
             {ENVELOPE(R, R, O), [CPNS_PNE_ID] = R, [CPNS_GATEWAY_ID] = O, [CPNS_PNE_INFO] = O,
              [CPNS_MODE] = O, [CPNS_CAPABILITY] = O, [CPNS_REASON] = O}},
    [CPNS_PN_ADD_DEVICE_RESPONSE] =
        {TYPE(66, "PNAddDeviceResponse", "S->G->P or S->G", "US9026634", "whether it is in"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_PN_NAME] = O,
                      [CPNS_GATEWAY_ID] = O, [CPNS_MEMBER_ID] = O, [CPNS_LEASE] = O}},
    [CPNS_PN_LEAVE] =
        {TYPE(67, "PNLeave", "P->G->S or G->S; G->P", "US9026634",
              "takes a device out of a Personal Network"),
         .presence =
             {ENVELOPE(R, R, O), [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_REASON] = O}},
    [CPNS_PN_LEAVE_RESPONSE] =
        {TYPE(68, "PNLeaveResponse", "S->G->P or S->G", "US9026634", "whether it is out"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_PNE_ID] = O, [CPNS_MEMBER_ID] = O}},
    [CPNS_BRIDGE_SETUP_REQUEST] =
        {TYPE(69, "BridgeSetupRequest", "G1->P1->P2->G2", "US8958343 US9014055",
              "asks the gateway of another Personal Network for a bridge between two PNEs"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_PEER_PN_ID] = R, [CPNS_GATEWAY_ID] = O,
              [CPNS_PEER_GATEWAY_ID] = O, [CPNS_BRIDGE_ID] = O, [CPNS_SERVICE_ID] = O,
              [CPNS_PN_NAME] = O, [CPNS_NETWORK] = O, [CPNS_MEMBER_ID] = O, [CPNS_REASON] = O}},
    [CPNS_BRIDGE_SETUP_RESPONSE] =
        {TYPE(70, "BridgeSetupResponse", "G2->P2->P1->G1", "US8958343 US9014055", "allow or deny"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_ACCEPT] = R, [CPNS_GATEWAY_ID] = O,
                      [CPNS_PEER_PN_ID] = O, [CPNS_PEER_GATEWAY_ID] = O, [CPNS_BRIDGE_ID] = O,
                      [CPNS_SERVICE_ID] = O, [CPNS_PN_NAME] = O, [CPNS_MEMBER_ID] = O}},
    [CPNS_DISCOVERY_EXECUTION_REQUEST] =
        {TYPE(71, "DiscoveryExecutionRequest", "G->P", "US8958343",
              "has a PNE look which devices and networks are in its reach"),
         .presence = {ENVELOPE(R, O, O), [CPNS_NETWORK] = O, [CPNS_PEER_PN_ID] = O}},
    [CPNS_DISCOVERY_EXECUTION_RESPONSE] =
        {TYPE(72, "DiscoveryExecutionResponse", "P->G", "US8958343", "what it found"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_FOUND_DEVICE_ID] = O, [CPNS_FOUND_PN_ID] = O,
                      [CPNS_FOUND_NETWORK] = O, [CPNS_PEER_GATEWAY_ID] = O}},
    [CPNS_ADMIN_ASSIGN] =
        {TYPE(73, "AdminAssign", "P->G, G->P, G->S", "US9491246",
              "makes a member the administrator of its Personal Network"),
         .presence =
             {ENVELOPE(R, R, O), [CPNS_CANDIDATE_ID] = R, [CPNS_USER_ID] = O, [CPNS_ADMINEE_ID] = O,
              [CPNS_GATEWAY_ID] = O, [CPNS_ADMIN_ID] = O, [CPNS_REASON] = O}},
    [CPNS_ADMIN_ASSIGN_RESPONSE] =
        {TYPE(74, "AdminAssignResponse", "P->G, S->G, G->P", "US9491246", "whether it is now"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_ACCEPT] = O, [CPNS_CANDIDATE_ID] = O,
                      [CPNS_ADMIN_ID] = O, [CPNS_ADMINEE_ID] = O, [CPNS_USER_ID] = O}},
    [CPNS_ADMINEE_CHANGE] =
        {TYPE(75, "AdmineeChange", "P->G, G->P, G->S", "US9491246",
              "the administrator adds, removes or edits the data of members"),
         .presence =
             {ENVELOPE(R, R, O), [CPNS_ADMINEE_ID] = R, [CPNS_CHANGE] = R, [CPNS_ADMIN_ID] = O,
              [CPNS_USER_ID] = O, [CPNS_GATEWAY_ID] = O, [CPNS_OPENNESS] = O, [CPNS_REASON] = O}},
    [CPNS_ADMINEE_CHANGE_RESPONSE] =
        {TYPE(76, "AdmineeChangeResponse", "P->G, S->G, G->P", "US9491246",
              "whether that was done"),
         .response = true,
         .presence =
             {RESPONSE(R, O, O), [CPNS_ADMINEE_ID] = O, [CPNS_ADMIN_ID] = O, [CPNS_CHANGE] = O}},
    [CPNS_PN_USAGE_INFO_CREATE_REQUEST] =
        {TYPE(77, "PNUsageInfoCreateRequest", "P->G->S", "US9537713",
              "keeps how the user uses the Personal Network, under an alias; Expiry 0 deletes it"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_USER_ID] = R, [CPNS_EXPIRY] = R, [CPNS_ALIAS] = O,
              [CPNS_STORE] = O, [CPNS_USAGE_INDEX] = O, [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_PN_USAGE_INFO_CREATE_RESPONSE] =
        {TYPE(78, "PNUsageInfoCreateResponse", "S->G->P", "US9537713",
              "the information that is kept now"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_USER_ID] = O, [CPNS_ALIAS] = O, [CPNS_EXPIRY] = O,
                      [CPNS_STORE] = O, [CPNS_USAGE_INDEX] = O, [CPNS_PNE_ID] = O,
                      [CPNS_GATEWAY_ID] = O}},
    [CPNS_BATTERY_INDICATION] =
        {TYPE(79, "BatteryIndication", "P->G->S or G->S", "US9807158",
              "the battery of a device fell below a threshold"),
         .presence = {ENVELOPE(R, O, O), [CPNS_BATTERY_LEVEL] = R, [CPNS_PNE_ID] = O,
                      [CPNS_GATEWAY_ID] = O, [CPNS_MODE] = O}},
    [CPNS_BATTERY_INDICATION_RESPONSE] =
        {TYPE(80, "BatteryIndicationResponse", "S->G->P or S->G", "ours",
              "the server knows; 202: it looks for another gateway"),
         .response = true, .presence = {RESPONSE(R, O, O), [CPNS_NEW_GATEWAY_ID] = O}},
    [CPNS_BATTERY_QUERY] = {TYPE(81, "BatteryQuery", "S->G->P", "US9807158",
                                 "asks a device for the charge of its battery"),
                            .presence = {ENVELOPE(R, O, O), [CPNS_PNE_ID] = O}},
    [CPNS_BATTERY_QUERY_RESPONSE] =
        {TYPE(82, "BatteryQueryResponse", "P->G->S", "US9807158", "what it has left"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_BATTERY_LEVEL] = O, [CPNS_PNE_ID] = O,
                      [CPNS_MODE] = O, [CPNS_CAPABILITY] = O}},
    [CPNS_SWITCH_INSTRUCTION] = {TYPE(83, "SwitchInstruction", "S->G->P", "US9807158",
                                      "has the PNE chosen take over as gateway"),
                                 .presence = {ENVELOPE(R, R, O), [CPNS_CANDIDATE_ID] = R,
                                              [CPNS_OLD_GATEWAY_ID] = O, [CPNS_REASON] = O}},
    [CPNS_SWITCH_INSTRUCTION_RESPONSE] =
        {TYPE(84, "SwitchInstructionResponse", "P->G->S", "US9807158", "whether it does"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_CANDIDATE_ID] = O, [CPNS_ACCEPT] = O}},
    [CPNS_WAKE_UP] = {TYPE(85, "WakeUp", "S->G->P", "US9807158",
                           "wakes a device that stands by, before it takes over"),
                      .presence = {ENVELOPE(R, O, O), [CPNS_REASON] = O, [CPNS_CANDIDATE_ID] = O,
                                   [CPNS_OLD_GATEWAY_ID] = O}},
    [CPNS_WAKE_UP_RESPONSE] =
        {TYPE(86, "WakeUpResponse", "P->G->S", "ours", "it is awake"), .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_BATTERY_LEVEL] = O, [CPNS_MODE] = O}},
    [CPNS_ZONE_ANNOUNCEMENT] =
        {TYPE(87, "ZoneAnnouncement", "G->P", "US8874142",
              "tells devices in reach whether the gateway serves its zone"),
         .presence = {ENVELOPE(R, O, O), [CPNS_ZONE_SUPPORT] = R, [CPNS_ZONE_ID] = O,
                      [CPNS_NETWORK] = O, [CPNS_GATEWAY_ID] = O, [CPNS_PN_NAME] = O,
                      [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O}},
    [CPNS_ZONE_INFO_REQUEST] =
        {TYPE(88, "ZoneInfoRequest", "P->G", "US8837367",
              "registers with the zone, with location and capability; asks what it offers"),
         .presence =
             {ENVELOPE(R, O, O), [CPNS_LOCATION] = O, [CPNS_CAPABILITY] = O, [CPNS_PNE_INFO] = O,
              [CPNS_ZONE_ID] = O, [CPNS_SERVICE_ID] = O, [CPNS_USER_ID] = O}},
    [CPNS_ZONE_INFO_RESPONSE] =
        {TYPE(89, "ZoneInfoResponse", "G->P", "US8837367", "information fitted to who asked"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_TAILORED_INFO] = O, [CPNS_ZONE_ID] = O,
                      [CPNS_SERVICE_ID] = O, [CPNS_SERVICE_NAME] = O, [CPNS_LEASE] = O,
                      [CPNS_PAYLOAD] = O}},
    [CPNS_INVENTORY_UPDATE] =
        {TYPE(90, "InventoryUpdate", "S->S", "ours",
              "one entry of an inventory that the servers share"),
         .presence = {ENVELOPE(R, O, O),       [CPNS_INVENTORY] = R, [CPNS_CHANGE] = R,
                      [CPNS_SERVER_ID] = R,    [CPNS_SEQUENCE] = R,  [CPNS_PN_NAME] = O,
                      [CPNS_GATEWAY_ID] = O,   [CPNS_PNE_ID] = O,    [CPNS_MEMBER_ID] = O,
                      [CPNS_CAPABLE_ID] = O,   [CPNS_ADMIN_ID] = O,  [CPNS_ADMINEE_ID] = O,
                      [CPNS_OPENNESS] = O,     [CPNS_LEASE] = O,     [CPNS_SERVICE_ID] = O,
                      [CPNS_SERVICE_NAME] = O, [CPNS_CONTENT] = O,   [CPNS_CONFIRMING_ID] = O,
                      [CPNS_SG_NAME] = O,      [CPNS_OWNER_ID] = O,  [CPNS_JOINING_POLICY] = O,
                      [CPNS_OBJECT_ID] = O,    [CPNS_USER_ID] = O,   [CPNS_USER_INFO] = O,
                      [CPNS_EXPIRY] = O,       [CPNS_MODE] = O}},
    [CPNS_INVENTORY_UPDATE_RESPONSE] =
        {TYPE(91, "InventoryUpdateResponse", "S->S", "ours",
              "409: the other server has a newer state of it"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_INVENTORY] = O, [CPNS_SEQUENCE] = O}},
    [CPNS_SG_KEY_REQUEST] =
        {TYPE(92, "SGKeyRequest", "P->G->S", "ours",
              "extension of ours: a member asks for the key of its Service Group, of which it met "
              "a message it cannot read"),
         .presence = {ENVELOPE(R, O, R), [CPNS_PNE_ID] = O, [CPNS_GATEWAY_ID] = O}},
    [CPNS_SG_KEY_RESPONSE] =
        {TYPE(93, "SGKeyResponse", "S->G->P", "ours",
              "extension of ours: the key, sealed for the member"),
         .response = true,
         .presence = {RESPONSE(R, O, O), [CPNS_KEY_EPOCH] = O, [CPNS_SEALED_KEY] = O}},
};

static const struct cpns_type_info unknown = {
    .name = "unknown", .path = "", .source = "", .doc = "its type could not be read"};

const struct cpns_type_info *cpns_type_info(enum cpns_type type)
{
    CHECK((unsigned)type <= CPNS_TYPE_COUNT);
    return type == CPNS_TYPE_COUNT ? &unknown : &types[type];
}
