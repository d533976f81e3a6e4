#include "models/cpns/verbs.h"

#include "models/entities.h"

#define PNES (UINT32_C(1) << ROLE_PNE)
#define GATEWAYS (UINT32_C(1) << ROLE_GATEWAY)
#define SERVERS (UINT32_C(1) << ROLE_SERVER)

const struct scenario_verb cpns_verbs[] = {
    [VERB_SERVICE_ACCESS] =
        {
            .name = "service-access",
            .doc =
                "A PNE asks a service of the server or of another PNE with a payload of the given "
                "size and gets as "
                "much back; skipped (event work_skipped) while the PNE is in no personal network; "
                "with a service, of its provider, otherwise echo",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_NODE,
            .has_size = true,
            .service = USE_OPTIONAL,
            .service_defined = true,
        },
    [VERB_GROUP_MESSAGE] =
        {
            .name = "group-message",
            .doc =
                "A member sends a message to its Service Group; skipped while it is not a member",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
            .has_size = true,
        },
    [VERB_GROUP_JOIN] =
        {
            .name = "group-join",
            .doc = "A PNE asks to join a Service Group, beyond those it is a member of by the "
                   "scenario",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
        },
    [VERB_PN_RELEASE] =
        {
            .name = "pn-release",
            .doc = "A member or the gateway ends a personal network: the server deletes it, all "
                   "members are told, the "
                   "sessions are closed",
            .has_from = true,
            .from_roles = PNES | GATEWAYS,
            .target = TARGET_PN,
        },
    [VERB_PN_ADD] =
        {
            .name = "pn-add",
            .doc = "A device comes into a personal network that stands: a candidate or one that "
                   "left, brought in by the gateway or a member (where there is an administrator, "
                   "by that alone); without `to` the PNE itself asks",
            .has_from = true,
            .from_roles = PNES | GATEWAYS,
            .target = TARGET_PN_NODE,
        },
    [VERB_PN_LEAVE] =
        {
            .name = "pn-leave",
            .doc = "A member leaves its personal network, which goes on without it and ends with "
                   "its last member; with `to` the administrator takes another one out",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_PN_NODE,
        },
    [VERB_ADMIN_ASSIGN] =
        {
            .name = "admin-assign",
            .doc = "A member makes a PNE (itself without `to`) the administrator of their personal "
                   "network: the administrator hands it on, where there is none a member of the "
                   "gateway's user begins; the candidate has to be of that user and is asked",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_PN_NODE,
        },
    [VERB_ADMINEE_ADD] =
        {
            .name = "adminee-add",
            .doc = "The administrator may edit the data of a member of its user again",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_PN_NODE,
        },
    [VERB_ADMINEE_REMOVE] =
        {
            .name = "adminee-remove",
            .doc = "The administrator gives up editing the data of a member; by default it may "
                   "edit those of all members of its user",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_PN_NODE,
        },
    [VERB_USAGE_INFO] =
        {
            .name = "usage-info",
            .doc = "A member (or the administrator for the one in `to`) has the server keep its "
                   "use of the personal network under the network's alias",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_PN_NODE,
            .has_expiry = true,
        },
    [VERB_ZONE_INFO] =
        {
            .name = "zone-info",
            .doc = "A visitor of a zone tells its gateway where it is and what its device can do, "
                   "and is told about what is nearest; each visitor does so when it comes in, too",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_NOTHING,
        },
    [VERB_DISCOVERY_EXECUTION] =
        {
            .name = "discovery-execution",
            .doc = "A gateway has a member look which PNEs of other networks are in its reach over "
                   "`bridges`",
            .has_from = true,
            .from_roles = GATEWAYS,
            .target = TARGET_NODE,
        },
    [VERB_BRIDGE_SETUP] =
        {
            .name = "bridge-setup",
            .doc =
                "A gateway looks for a bridge from its personal network to another one, and asks "
                "the gateway there; it does so by itself when its server is out of reach",
            .has_from = true,
            .from_roles = GATEWAYS,
            .target = TARGET_PN,
        },
    [VERB_DEVICE_CAPABILITIES] =
        {
            .name = "device-capabilities",
            .doc = "A server asks a gateway of its or a registered PNE what the device can do; "
                   "skipped while the PNE is in no personal network",
            .has_from = true,
            .from_roles = SERVERS,
            .target = TARGET_NODE,
        },
    [VERB_KEY_ASSIGNMENT] =
        {
            .name = "key-assignment",
            .doc = "The gateway has user keys assigned to the members of its network, or to the "
                   "one in `to`; "
                   "skipped for members that are not there",
            .has_from = true,
            .from_roles = GATEWAYS,
            .target = TARGET_PN_NODE,
        },
    [VERB_PNE_PROVISIONING] =
        {
            .name = "pne-provisioning",
            .doc = "The gateway authenticates the members of its network, or the one in `to`, by "
                   "the next value of their chain, "
                   "which the server gives it with the first",
            .has_from = true,
            .from_roles = GATEWAYS,
            .target = TARGET_PN_NODE,
        },
    [VERB_SERVICE_SEARCH] =
        {
            .name = "service-search",
            .doc = "A PNE looks for a registered service, by its id or by a keyword in id, name or "
                   "content; it gets those that are open to it",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_NOTHING,
            .service = USE_OPTIONAL,
            .service_defined = true,
            .keyword = USE_OPTIONAL,
        },
    [VERB_GROUP_DISCOVER] =
        {
            .name = "group-discover",
            .doc = "A PNE looks for Service Groups by a keyword in the name, by service, by a "
                   "member",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_NOTHING,
            .service = USE_OPTIONAL,
            .keyword = USE_OPTIONAL,
            .member = USE_OPTIONAL,
            .one_member = true,
        },
    [VERB_GROUP_INVITE] =
        {
            .name = "group-invite",
            .doc = "A member of a Service Group (of a closed one its owner) invites PNEs, which "
                   "join without being approved",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
            .member = USE_REQUIRED,
        },
    [VERB_GROUP_LEAVE] =
        {
            .name = "group-leave",
            .doc = "A member leaves a Service Group; an owner hands it over first, and the last "
                   "one ends it; with a member, the owner takes that one out",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
            .member = USE_OPTIONAL,
            .one_member = true,
        },
    [VERB_GROUP_DELETE] =
        {
            .name = "group-delete",
            .doc = "The owner ends a Service Group; anybody else is refused",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
        },
    [VERB_GROUP_OWNER_TRANSFER] =
        {
            .name = "group-owner-transfer",
            .doc = "The owner hands a Service Group over, to the member wished or to the first "
                   "that the server finds willing",
            .has_from = true,
            .from_roles = PNES,
            .target = TARGET_GROUP,
            .member = USE_OPTIONAL,
            .one_member = true,
        },
    [VERB_GATEWAY_SWITCH] =
        {
            .name = "gateway-switch",
            .doc = "The gateway on the device of the member `to` takes the personal network over "
                   "from its gateway, with that one's consent; skipped while `to` is not in it or "
                   "is its gateway already",
            .target = TARGET_PN_NODE,
            .by_target = true,
        },
};
const size_t cpns_verb_count = SIM_ARRAY_LEN(cpns_verbs);
