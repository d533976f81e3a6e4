/* Nodes: what they are, what they attach to, what they prove themselves with. */
#include "sim/scenario/fields_table.h"

const char *const words_role[] = {"pne", "gateway", "server", "router", NULL};
const char *const words_issuer[] = {"scenario-ca", "other-ca", "self", NULL};
static const char *const words_by[] = {"round-robin", "block", NULL};
static const char *const words_secret[] = {"right", "wrong", NULL};
static const char *const words_allow[] = {"allow", "deny", NULL};

static const struct field attach_fields[] = {
    {"to", FIELD_TEXTS, AT(raw_node, attach_to), .required = true,
     .names = "gateway or router selector", .doc = "Gateway or gateways; of a server, routers."},
    {"by", FIELD_WORD, AT(raw_node, attach_by), .fallback = "round-robin", .words = words_by,
     .doc = "With several gateways (or routers): copy 1 to gateway 1, copy 2 to gateway 2 and so "
            "on (round-robin), or the first copies to gateway 1, the next to gateway 2 (block)."},
    {"link", FIELD_REF, AT(raw_node, attach_link), .required = true, .names = "link",
     .doc = "Link to the gateway or router."},
};
static const struct section section_attach = {.name = "attach",
                                              .title = "attach",
                                              FIELDS(attach_fields),
                                              .doc =
                                                  "PNEs: the gateways they attach to. Servers: the "
                                                  "routers that lead to them."};

static const struct field uplink_fields[] = {
    {"to", FIELD_TEXTS, AT(raw_node, uplink_to), .required = true, .names = "server selector",
     .doc = "Server; with several, copy 1 to server 1, copy 2 to server 2 and so on."},
    {"link", FIELD_REF, AT(raw_node, uplink_link), .required = true, .names = "link",
     .doc = "Link to the server, or with via to the router."},
    {"via", FIELD_TEXTS, AT(raw_node, uplink_via), .names = "router selector",
     .doc = "Routers: the link leads to one of them, and from there the way of least delay to the "
            "server, which has to attach to a router too."},
    {"by", FIELD_WORD, AT(raw_node, uplink_by), .words = words_by,
     .doc = "With via and several routers: round-robin, or the first copies to the first router "
            "(block); round-robin without it."},
};
static const struct section section_uplink = {.name = "uplink",
                                              .title = "uplink",
                                              FIELDS(uplink_fields),
                                              .doc = "Gateways: the server they belong to."};

static const struct field standby_uplink_fields[] = {
    {"to", FIELD_TEXTS, AT(raw_node, standby_to), .required = true, .names = "server selector",
     .doc = "Server; with several, copy 1 to server 1, copy 2 to server 2 and so on."},
    {"link", FIELD_REF, AT(raw_node, standby_over), .required = true, .names = "link",
     .doc = "Link to the server, or with via to the router."},
    {"via", FIELD_TEXTS, AT(raw_node, standby_via), .names = "router selector",
     .doc = "Routers, as for gateways."},
    {"by", FIELD_WORD, AT(raw_node, standby_by), .words = words_by,
     .doc = "With via and several routers, as for gateways."},
};
static const struct section section_standby_uplink = {.name = "standby_uplink",
                                                      .title = "uplink",
                                                      FIELDS(standby_uplink_fields),
                                                      .doc =
                                                          "The server of a gateway on a device."};

static const struct field standby_fields[] = {
    {"link", FIELD_REF, AT(raw_node, standby_link), .required = true, .names = "link",
     .doc = "Link over which the other members of its networks reach it as their gateway; their "
            "policy towards it is theirs towards any gateway."},
    {"uplink", FIELD_MAP, AT(raw_node, standby_uplink), .section = &section_standby_uplink,
     .required = true, .doc = "Its server."},
    {"policy", FIELD_REF, AT(raw_node, standby_policy), .names = "policy",
     .doc = "Policy towards the server instead of the hop's and the device's."},
};
static const struct section section_standby = {
    .name = "standby",
    .title = "standby",
    FIELDS(standby_fields),
    .doc = "PNEs: a gateway on the same device, named ID.gw (copies ID.gw/1 and so on); where only "
           "a gateway can be meant, the PNE's name stands for it. It serves nobody until it "
           "takes over a network, unless a network names it as its gateway."};

static const struct field mesh_fields[] = {
    {"link", FIELD_REF, AT(raw_node, mesh_link), .required = true, .names = "link",
     .doc = "Link to the servers behind it in the file (and its copies behind each copy)."},
    {"policy", FIELD_REF, AT(raw_node, mesh_policy), .names = "policy",
     .doc = "Policy towards them; gateway_server without it."},
};
static const struct section section_mesh = {
    .name = "mesh",
    .title = "mesh",
    FIELDS(mesh_fields),
    .doc = "Servers: each is joined with every other that has this key, the one that stands first "
           "in the file being the client."};

static const struct field certificate_fields[] = {
    {"present", FIELD_BOOL, AT(raw_node, present), .fallback = "true",
     .doc = "false: the node sends no certificate."},
    {"issuer", FIELD_WORD, AT(raw_node, issuer), .fallback = "scenario-ca", .words = words_issuer,
     .doc = "Who signed it: the CA that all nodes trust, a CA that nobody trusts, or itself."},
    {"identity", FIELD_TEXT, AT(raw_node, identity), .names = "node selector",
     .doc = "Node whose name the certificate carries; without it the node's own."},
    {"not_before", FIELD_TIME, AT(raw_node, not_before), .min = -100 * YEAR_NS,
     .max = 100 * YEAR_NS,
     .doc = "Start of validity in virtual time, may be negative; -1 d without it (or a day before "
            "not_after, where that is earlier)."},
    {"not_after", FIELD_TIME, AT(raw_node, not_after), .min = -100 * YEAR_NS, .max = 100 * YEAR_NS,
     .doc = "End of validity in virtual time, may be negative; 30 d without it (or 30 days after "
            "not_before, where that is later)."},
    {"revoked", FIELD_BOOL, AT(raw_node, revoked), .fallback = "false",
     .doc = "Whether the CA has revoked it before the run; policies with `crl` or `ocsp` ask."},
    {"revoked_at", FIELD_TIME, AT(raw_node, revoked_at), .max = 100 * YEAR_NS,
     .doc = "When the CA revokes it. What it says from then on gets to others as "
            "`security.revocation` has it; a session that stands is not looked at again."},
};
static const struct section section_certificate = {
    .name = "certificate",
    .title = "certificate",
    FIELDS(certificate_fields),
    .always = true,
    .doc = "What certificate the node presents: wrong ones are written here."};

static const struct field psk_fields[] = {
    {"secret", FIELD_WORD, AT(raw_node, secret), .fallback = "right", .words = words_secret,
     .doc = "Whether the node holds the pre-shared key or another one."},
};
static const struct section section_psk = {.name = "psk",
                                           .title = "psk",
                                           FIELDS(psk_fields),
                                           .always = true,
                                           .doc = "Pre-shared key of the node."};

static const struct field node_fields[] = {
    {"id", FIELD_ID, AT(raw_node, id), .required = true,
     .doc = "Name of the node, or of its copies: id/1 to id/COUNT."},
    {"role", FIELD_WORD, AT(raw_node, role), .required = true, .words = words_role,
     .doc = "What the node is; a device that is PNE and gateway is a pne with standby."},
    {"count", FIELD_INTEGER, AT(raw_node, count), .min = 1, .max = 1e6,
     .doc = "Number of copies; without it there is one node, named by the id alone."},
    {"names", FIELD_TEXTS, AT(raw_node, names), .names = "name",
     .doc = "Routers only, instead of count: names of the copies, id/NAME each."},
    {"device", FIELD_REF, AT(raw_node, device), .names = "device",
     .doc = "Device profile; without it a usual CPU for the role."},
    {"mix", FIELD_SHARES, AT(raw_node, mix), .names = "device",
     .doc = "Instead of device: shares of the copies by device profile, 100 % together."},
    {"attach", FIELD_MAP, AT(raw_node, attach), .section = &section_attach,
     .doc = "PNEs, required there: the gateways they attach to. Servers: routers that lead to "
            "them."},
    {"uplink", FIELD_MAP, AT(raw_node, uplink), .section = &section_uplink,
     .doc = "Gateways only, required there: the server they belong to."},
    {"standby", FIELD_MAP, AT(raw_node, standby), .section = &section_standby,
     .doc = "PNEs only: a gateway on the same device. With it, attach may be left out: the PNE "
            "belongs to that gateway then."},
    {"mesh", FIELD_MAP, AT(raw_node, mesh), .section = &section_mesh,
     .doc = "Servers only: joins it with the other servers that have this key."},
    {"policy", FIELD_REF, AT(raw_node, policy), .names = "policy",
     .doc = "Policy towards the peer (gateway or server) instead of the hop's and the device's."},
    {"encoding", FIELD_WORD, AT(raw_node, encoding), .words = words_encoding,
     .doc = "Encoding of the messages it sends; without it the device's, else xml."},
    {"start", FIELD_TIME_DIST, AT(raw_node, start), .max = 100 * YEAR_NS,
     .doc =
         "PNEs only: how long after its network's `at` it first asks to be connected, a draw for "
         "each copy; at once without it."},
    {"certificate", FIELD_MAP, AT(raw_node, certificate), .section = &section_certificate,
     .doc = "What certificate it presents; a good one without it."},
    {"psk", FIELD_MAP, AT(raw_node, psk), .section = &section_psk,
     .doc = "What pre-shared key it holds; the right one without it."},
    {"position", FIELD_MAP, AT(raw_node, position), .section = &section_position,
     .doc = "Where it stands, or where its copies are put; nowhere in particular without it, and "
            "then always in reach."},
    {"mobility", FIELD_MAP, AT(raw_node, mobility), .section = &section_mobility,
     .doc = "How it moves, or comes and goes; it stays without it."},
    {"fidelity", FIELD_WORD, AT(raw_node, fidelity), .words = words_fidelity,
     .doc = "How closely the hop to its gateway or server is simulated; without it as the link "
            "says."},
    {"user", FIELD_ID, AT(raw_node, user), .slash = true,
     .doc = "Whose device it is: the name in a User ID such as sip:alice@cpns. A PNE without it "
            "belongs to its gateway's user, a gateway is its own."},
    {"zone", FIELD_MAP, AT(raw_node, zone), .section = &section_zone,
     .doc = "Gateways only: the service of the zone that it covers."},
    {"bridge", FIELD_WORD, AT(raw_node, bridge), .words = words_allow,
     .doc = "Gateways only: what it answers to another gateway that asks for a bridge over two of "
            "their PNEs; with deny it does not look for one either; allow without it."},
};
const struct section section_node = {
    .name = "nodes",
    .title = "node",
    FIELDS(node_fields),
    .bytes = sizeof(struct raw_node),
    .doc = "Servers, gateways, PNEs and routers, an entry a node or a number of copies. To give "
           "single copies "
           "something else (a wrong certificate, another policy), write an entry of their own that "
           "attaches to the same gateway.",
    .example =
        "nodes:\n"
        "  - {id: srv, role: server}\n"
        "  - {id: gw, role: gateway, count: 2, device: phone, uplink: {to: srv, link: lte}}\n"
        "  - {id: pne, role: pne, count: 50, mix: {wearable: 80 %, phone: 20 %},\n"
        "     attach: {to: gw/*, by: round-robin, link: ble}}\n"
        "  - {id: stale, role: pne, attach: {to: gw/1, link: ble}, certificate: {not_after: -1 "
        "h}}\n"
        "  - {id: spare, role: pne, attach: {to: gw/1, link: wlan},\n"
        "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"};
