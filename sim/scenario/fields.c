#include "sim/scenario/fields.h"

#include <string.h>

#include "sim/scenario/scenario.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define FIELDS(f) .fields = (f), .count = SIM_ARRAY_LEN(f)
#define YEAR_NS 31557600e9

const char *const words_role[] = {"pne", "gateway", "server", "router", NULL};
const char *const words_kind[] = {"tls", "dtls", "clear", "clear-datagram", NULL};
const char *const words_auth[] = {"mutual", "server-only", "psk", NULL};
const char *const words_certificates[] = {"ecdsa-p256", "ecdsa-p384", "ed25519",
                                          "rsa-2048",   "rsa-3072",   NULL};
const char *const words_resumption[] = {"none", "tickets", NULL};
const char *const words_loss[] = {"none", "random", "gilbert-elliott", NULL};
const char *const words_issuer[] = {"scenario-ca", "other-ca", "self", NULL};
const char *const words_fault[] = {"link-down", "node-silent", NULL};
const char *const words_encoding[] = {"xml", "cbor", NULL};
const char *const words_media[] = {"text", "audio", "video", NULL};
const char *const words_hop[] = {"pne--gateway", "gateway--server", "server--server", NULL};

const char *const words_fidelity[] = {"packet", "fast", "full", NULL};
static const char *const words_medium[] = {"duplex", "shared", NULL};
static const char *const words_by[] = {"round-robin", "block", NULL};
static const char *const words_double[] = {"refuse", "first", NULL};
static const char *const words_secret[] = {"right", "wrong", NULL};
static const char *const words_joining[] = {"open", "closed", NULL};
static const char *const words_random[] = {"seeded", "system", NULL};
static const char *const words_allow[] = {"allow", "deny", NULL};
static const char *const words_ask[] = {"on-request", "after-registration", NULL};
static const char *const words_store[] = {"server", "gateway", "pne", NULL};
static const char *const words_protection[] = {"none", "session", "group_key", NULL};

/* --- run ----------------------------------------------------------------------------------- */

static const struct field record_fields[] = {
    {"messages", FIELD_SAMPLE, AT(raw_scenario, messages), .fallback = "all", .max = 4e9,
     .doc = "Which CPNS messages get rows in the result: all, every n-th, or none."},
    {"pcap", FIELD_TEXTS, AT(raw_scenario, pcap), .fallback = "none", .names = "node pattern",
     .doc = "Which nodes' links are captured when a capture directory is given: none, all, or node "
            "names with the wildcards * and ?."},
};
static const struct section section_record = {.name = "record",
                                              .title = "record",
                                              FIELDS(record_fields),
                                              .always = true,
                                              .doc = "What is recorded."};

static const struct field run_fields[] = {
    {"until", FIELD_TIME, AT(raw_scenario, until), .required = true, .min = 1, .max = 100 * YEAR_NS,
     .doc = "Virtual time at which the run ends."},
    {"seed", FIELD_UNSIGNED, AT(raw_scenario, seed), .fallback = "1",
     .doc = "Seed of all random draws; --seed overrides it."},
    {"random", FIELD_WORD, AT(raw_scenario, random), .fallback = "seeded", .words = words_random,
     .doc = "Where keys and nonces come from: streams made from the seed (repeatable), or the "
            "system."},
    {"record", FIELD_MAP, AT(raw_scenario, record), .section = &section_record,
     .doc = "What is recorded."},
};
static const struct section section_run = {
    .name = "run",
    .title = "run",
    FIELDS(run_fields),
    .always = true,
    .doc = "How long, with which seed, and what is recorded.",
    .example = "run: {until: 120 s, seed: 20240611, record: {messages: all, pcap: none}}\n"};

/* --- security ------------------------------------------------------------------------------ */

static const struct field protection_fields[] = {
    {"protection", FIELD_WORD, AT(raw_scenario, protection), .fallback = "none",
     .words = words_protection,
     .doc = "Whether messages to a Service Group go outside the sessions (none, what clause 5.9.1 "
            "says), through them all the same (session), or outside them with their payload sealed "
            "by a group key that the server hands to the members and changes as they come and go "
            "(group_key, an extension of this simulator)."},
};
static const struct section section_protection = {.name = "service_group",
                                                  .title = "service_group",
                                                  FIELDS(protection_fields),
                                                  .always = true,
                                                  .doc =
                                                      "Protection of messages to Service Groups."};

static const struct field security_fields[] = {
    {"policies", FIELD_NAMED, AT(raw_scenario, policies), .section = &section_policy, .digit = true,
     .doc = "Named policies; a name may begin with a digit, as 3gpp-33210."},
    {"pne_gateway", FIELD_REF, AT(raw_scenario, pne_gateway), .fallback = "default",
     .names = "policy",
     .doc = "Policy of the PNE to gateway hop; a device or a node may override it."},
    {"gateway_server", FIELD_REF, AT(raw_scenario, gateway_server), .fallback = "default",
     .names = "policy",
     .doc = "Policy of the gateway to server hop; a device or a node may override it."},
    {"service_group", FIELD_MAP, AT(raw_scenario, service_group), .section = &section_protection,
     .doc = "Protection of messages to Service Groups."},
    {"revocation", FIELD_MAP, AT(raw_scenario, revocation), .section = &section_revocation,
     .doc = "How what the CA says of certificates changes in the run."},
};
static const struct section section_security = {.name = "security",
                                                .title = "security",
                                                FIELDS(security_fields),
                                                .always = true,
                                                .doc = "Which secure sessions the hops use.",
                                                .example = "security:\n"
                                                           "  policies:\n"
                                                           "    modern: {versions: [\"1.3\"]}\n"
                                                           "  pne_gateway: modern\n"
                                                           "  gateway_server: modern\n"
                                                           "  service_group: {protection: none}\n"};

/* --- devices and links --------------------------------------------------------------------- */

static const struct field energy_fields[] = {
    {"capacity", FIELD_ENERGY, AT(raw_device, capacity), .required = true, .min = 1, .max = 1e12,
     .doc = "What the full battery holds; `battery` says how much of it is there at the start."},
    {"idle", FIELD_POWER, AT(raw_device, idle), .max = 1e9,
     .doc = "Drain at all times; the CPU's figure without it."},
    {"active", FIELD_POWER, AT(raw_device, active), .max = 1e9,
     .doc = "What a core takes besides while it works on a session; the CPU's figure without it."},
    {"low", FIELD_RATIO, AT(raw_device, low), .fallback = "20 %", .max = 1,
     .doc = "At this charge the server is told; and again at each half of it."},
};
static const struct section section_energy = {
    .name = "energy",
    .title = "energy",
    FIELDS(energy_fields),
    .doc = "The battery. Octets sent and received cost what the link's technology says. A device "
           "whose battery is empty answers nothing more."};

static const struct field device_fields[] = {
    {"extends", FIELD_REF, AT(raw_device, extends), .names = "device",
     .doc = "Device whose keys hold where this one does not say otherwise."},
    {"cpu", FIELD_REF, AT(raw_device, cpu), .required = true, .names = "cpu",
     .doc = "CPU profile: what cryptography costs in virtual time."},
    {"battery", FIELD_RATIO, AT(raw_device, battery), .fallback = "100 %", .max = 1,
     .doc = "Charge at the start."},
    {"policy", FIELD_REF, AT(raw_device, policy), .names = "policy",
     .doc = "Policy towards the peer instead of the hop's."},
    {"encoding", FIELD_WORD, AT(raw_device, encoding), .words = words_encoding,
     .doc = "Encoding of the messages it sends, where the node does not say; xml without it."},
    {"media", FIELD_WORD, AT(raw_device, media), .fallback = "text", .words = words_media,
     .doc = "The richest content that it can show: a capability, by which a zone service tailors "
            "its information."},
    {"energy", FIELD_MAP, AT(raw_device, energy), .section = &section_energy,
     .doc = "The battery and what drains it; without it the charge stays what it is."},
};
const struct section section_device = {
    .name = "devices",
    .title = "device",
    FIELDS(device_fields),
    .bytes = sizeof(struct raw_device),
    .inherits = true,
    .doc = "Named device profiles, with single inheritance.",
    .example = "devices:\n"
               "  wearable: {cpu: cortex-m4-64mhz, battery: 30 %, encoding: cbor, energy: "
               "{capacity: 4 kJ}}\n"
               "  phone: {extends: wearable, cpu: cortex-a76, battery: 80 %}\n"};

static const struct field delay_fields[] = {
    {"mean", FIELD_TIME, AT(raw_link, mean), .required = true, .max = 3600e9,
     .doc = "Mean one-way delay."},
    {"jitter", FIELD_TIME, AT(raw_link, jitter), .fallback = "0 ms", .max = 3600e9,
     .doc = "Standard deviation of the delay."},
};
static const struct section section_delay = {.name = "delay",
                                             .title = "delay",
                                             FIELDS(delay_fields),
                                             .shorthand = "mean",
                                             .doc = "One-way delay: a time, or mean and jitter."};

static const struct field loss_fields[] = {
    {"model", FIELD_WORD, AT(raw_link, model), .required = true, .words = words_loss,
     .doc = "Loss model: each packet by itself (random), or in bursts (gilbert-elliott)."},
    {"rate", FIELD_RATIO, AT(raw_link, loss_rate), .max = 1,
     .doc = "random: probability that a packet is lost."},
    {"enter", FIELD_RATIO, AT(raw_link, enter), .max = 1,
     .doc = "gilbert-elliott: probability per frame of going from good to bad."},
    {"leave", FIELD_RATIO, AT(raw_link, leave), .max = 1,
     .doc = "gilbert-elliott: probability per frame of going from bad to good."},
    {"rate_good", FIELD_RATIO, AT(raw_link, rate_good), .max = 1,
     .doc = "gilbert-elliott: loss in the good state; 0 % without it."},
    {"rate_bad", FIELD_RATIO, AT(raw_link, rate_bad), .max = 1,
     .doc = "gilbert-elliott: loss in the bad state; 100 % without it."},
};
static const struct section section_loss = {
    .name = "loss",
    .title = "loss",
    FIELDS(loss_fields),
    .doc = "Loss of packets. A file that gives `loss` replaces the technology's as a whole."};

static const struct field link_fields[] = {
    {"extends", FIELD_REF, AT(raw_link, extends), .names = "link",
     .doc = "Link whose keys hold where this one does not say otherwise."},
    {"technology", FIELD_REF, AT(raw_link, technology), .required = true, .names = "technology",
     .doc = "Link technology: gives every key that is not written here."},
    {"delay", FIELD_MAP, AT(raw_link, delay), .section = &section_delay, .doc = "One-way delay."},
    {"rate", FIELD_RATE, AT(raw_link, rate), .min = 1, .max = 1e12,
     .doc = "Data rate, in each direction unless the medium is shared."},
    {"mtu", FIELD_SIZE, AT(raw_link, mtu), .min = 68, .max = 65535, .doc = "Largest IP packet."},
    {"queue", FIELD_INTEGER, AT(raw_link, queue), .min = 1, .max = 1e6,
     .doc = "Packets that wait at each end before others are dropped."},
    {"frame", FIELD_SIZE, AT(raw_link, frame), .max = 65535,
     .doc = "Payload of a link-layer frame, into which packets are cut; 0 B: one frame a packet."},
    {"overhead", FIELD_SIZE, AT(raw_link, overhead), .max = 65535,
     .doc = "Octets that the link layer adds to a frame."},
    {"medium", FIELD_WORD, AT(raw_link, medium), .words = words_medium,
     .doc = "Whether the two directions have a channel each or share one."},
    {"loss", FIELD_MAP, AT(raw_link, loss), .section = &section_loss, .doc = "Loss of packets."},
    {"fidelity", FIELD_WORD, AT(raw_link, fidelity), .words = words_fidelity,
     .doc = "How closely hops over this link are simulated; without it as the scenario says. "
            "Under full the device decides rate, delay, jitter, loss, frame, overhead and medium "
            "(ethernet heeds rate and delay)."},
    {"range", FIELD_LENGTH, AT(raw_link, range), .min = 1e-3, .max = 1e8,
     .doc = "Distance up to which it reaches, where both ends have a position; any distance "
            "without it."},
    {"trace", FIELD_TEXT, AT(raw_link, trace), .names = "file",
     .doc = "CSV file of delay, rate and loss over time, relative to this file; what a trace is, "
            "stands in the README beside this page."},
    {"trace_period", FIELD_TIME, AT(raw_link, trace_period), .min = 1, .max = 50 * YEAR_NS,
     .doc = "The trace begins again after this time; without it its last row holds to the end."},
};
const struct section section_link = {
    .name = "links",
    .title = "link",
    FIELDS(link_fields),
    .bytes = sizeof(struct raw_link),
    .inherits = true,
    .doc = "Named link profiles. The name of a technology may be used as a link as it is, without "
           "an entry here.",
    .example =
        "links:\n"
        "  ward-ble: {technology: ble, delay: {mean: 12 ms, jitter: 4 ms}, rate: 700 kbit/s,\n"
        "             mtu: 251 B, loss: {model: gilbert-elliott, enter: 2 %, leave: 30 %}}\n"
        "  lte: {technology: lte, delay: 30 ms, rate: 20 Mbit/s, loss: {model: random, rate: "
        "0.5 %}}\n"};

/* --- nodes --------------------------------------------------------------------------------- */

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

/* --- routers ------------------------------------------------------------------------------- */

static const struct field wire_fields[] = {
    {"between", FIELD_TEXTS, AT(raw_wire, between), .required = true, .names = "router selector",
     .doc = "The two routers, a list."},
    {"link", FIELD_REF, AT(raw_wire, link), .required = true, .names = "link",
     .doc = "Link between them."},
    {"delay", FIELD_TIME, AT(raw_wire, delay), .max = 3600e9,
     .doc = "Mean one-way delay instead of the link's."},
    {"rate", FIELD_RATE, AT(raw_wire, rate), .min = 1, .max = 1e12,
     .doc = "Data rate instead of the link's."},
    {"mtu", FIELD_SIZE, AT(raw_wire, mtu), .min = 68, .max = 65535,
     .doc = "Largest IP packet instead of the link's."},
    {"fidelity", FIELD_WORD, AT(raw_wire, fidelity), .words = words_fidelity,
     .doc = "How closely it is simulated; without it as the link says. All wires of a way have to "
            "agree."},
};
const struct section section_wire = {
    .name = "wires",
    .title = "wire",
    FIELDS(wire_fields),
    .bytes = sizeof(struct raw_wire),
    .doc = "Links between routers, an entry each. Gateways with `via` reach their servers over "
           "them, on the way of least delay.",
    .example = "nodes:\n"
               "  - {id: r, role: router, count: 3}\n"
               "  - {id: srv, role: server, attach: {to: r/3, link: fibre}}\n"
               "  - {id: gw, role: gateway, count: 9, uplink: {to: srv, via: r/*, link: lte}}\n"
               "wires:\n"
               "  - {between: [r/1, r/2], link: fibre, delay: 4 ms}\n"
               "  - {between: [r/2, r/3], link: fibre, delay: 2500 us, rate: 10 Gbit/s}\n"};

static const struct field bridge_fields[] = {
    {"between", FIELD_TEXTS, AT(raw_bridge, between), .required = true, .names = "PNE selector",
     .doc = "The two PNEs, a list."},
    {"link", FIELD_REF, AT(raw_bridge, link), .required = true, .names = "link",
     .doc = "Link between them."},
    {"fidelity", FIELD_WORD, AT(raw_bridge, fidelity), .words = words_fidelity,
     .doc = "How closely it is simulated; without it as the link says."},
};
const struct section section_bridge = {
    .name = "bridges",
    .title = "bridge",
    FIELDS(bridge_fields),
    .bytes = sizeof(struct raw_bridge),
    .doc = "Links between PNEs, which may couple their networks. No session protects them: what "
           "passes there is recorded with the exemption bridge.",
    .example = "bridges:\n"
               "  - {between: [pne/1, pne/26], link: wlan}\n"};

static const struct field import_fields[] = {
    {"graphml", FIELD_TEXT, AT(raw_scenario, graphml), .required = true, .names = "file",
     .doc = "GraphML file, relative to this file; which data keys count, stands in the README "
            "beside this page."},
    {"link", FIELD_REF, AT(raw_scenario, import_link), .required = true, .names = "link",
     .doc = "Link of the edges that name none themselves."},
    {"prefix", FIELD_ID, AT(raw_scenario, import_prefix), .fallback = "r",
     .doc = "The routers are named PREFIX/NAME, with the name that the GraphML file gives them."},
    {"double_edges", FIELD_WORD, AT(raw_scenario, import_double), .fallback = "refuse",
     .words = words_double,
     .doc = "What to do with several edges between the same two nodes, as maps of operators have "
            "them: they are an error, or the first counts."},
};
const struct section section_import = {
    .name = "import",
    .title = "import",
    FIELDS(import_fields),
    .doc = "A graph whose nodes become routers and whose edges become wires between them, as if "
           "they were written here.",
    .example = "import: {graphml: backbone.graphml, link: fibre, prefix: r}\n"};

/* --- networks and groups ------------------------------------------------------------------- */

static const struct field establishment_fields[] = {
    {"type", FIELD_INTEGER, AT(raw_pn, type), .fallback = "1", .min = 1, .max = 3,
     .doc =
         "Type of the establishment request: 1 the asking PNE and the gateway, 2 all PNEs paired "
         "with the gateway, 3 the listed members."},
    {"by", FIELD_TEXT, AT(raw_pn, by), .fallback = "members", .names = "PNE selector",
     .doc = "Who asks: every member for itself (the word members), or one member."},
    {"at", FIELD_TIME_DIST, AT(raw_pn, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc = "When; a draw for each member that asks."},
};
static const struct section section_establishment = {.name = "establishment",
                                                     .title = "establishment",
                                                     FIELDS(establishment_fields),
                                                     .always = true,
                                                     .doc = "How the network comes to be."};

static const struct field pn_fields[] = {
    {"id", FIELD_ID, AT(raw_pn, id), .required = true, .slash = true,
     .doc = "Name of the personal network."},
    {"alias", FIELD_TEXT, AT(raw_pn, alias), .doc = "Name it registers with; the id without it."},
    {"gateway", FIELD_TEXT, AT(raw_pn, gateway), .required = true, .names = "gateway selector",
     .doc = "Its gateway at the start, exactly one; a PNE with standby stands for the gateway on "
            "its device."},
    {"members", FIELD_TEXTS, AT(raw_pn, members), .names = "PNE selector",
     .doc = "Its PNEs, attached to that gateway (any, where the gateway is on the device of a "
            "PNE); without it all PNEs attached to that gateway."},
    {"establishment", FIELD_MAP, AT(raw_pn, establishment), .section = &section_establishment,
     .doc = "How it comes to be."},
    {"candidates", FIELD_TEXTS, AT(raw_pn, candidates), .names = "PNE selector",
     .doc = "PNEs, attached to that gateway, that are no members but may be added later."},
    {"admin", FIELD_TEXT, AT(raw_pn, admin), .names = "PNE selector",
     .doc = "Its administrator, one of its members. Then nobody else but the gateway may release "
            "it, add or remove members; without it every member may release it and add others."},
    {"capabilities", FIELD_WORD, AT(raw_pn, capabilities), .fallback = "on-request",
     .words = words_ask,
     .doc = "When the server asks the members what they can do: when the workload says so, or "
            "each one after its registration too."},
};
const struct section section_pn = {
    .name = "personal_networks",
    .title = "personal network",
    FIELDS(pn_fields),
    .bytes = sizeof(struct raw_pn),
    .doc = "Personal networks. A PNE may be in several; the first is the active one. Without this "
           "section there is one for each gateway that has PNEs, "
           "named pn-GATEWAY, of type 1, by members, at 0 s.",
    .example =
        "personal_networks:\n"
        "  - {id: ward, gateway: gw/1, establishment: {type: 1, by: members, at: {uniform: [0 "
        "s, 5 s]}}}\n"
        "  - {id: clinic, gateway: gw/2, members: [pne/2, pne/4, pne/6],\n"
        "     establishment: {type: 3, by: pne/2, at: 1 s}}\n"};

static const struct field group_fields[] = {
    {"id", FIELD_ID, AT(raw_group, id), .required = true, .doc = "Name of the Service Group."},
    {"owner", FIELD_TEXT, AT(raw_group, owner), .required = true, .names = "PNE selector",
     .doc = "The PNE that creates it, exactly one."},
    {"members", FIELD_TEXTS, AT(raw_group, members), .required = true, .names = "PNE selector",
     .doc = "The PNEs that join it, at any gateway; the owner belongs to it without being named."},
    {"service", FIELD_TEXT, AT(raw_group, service), .doc = "Its service; the id without it."},
    {"joining", FIELD_WORD, AT(raw_group, joining), .fallback = "open", .words = words_joining,
     .doc = "Whether the owner has to approve who joins (closed)."},
    {"at", FIELD_TIME, AT(raw_group, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc =
         "Earliest time of its creation; it waits for the owner's personal network in any case."},
    {"unwilling", FIELD_TEXTS, AT(raw_group, unwilling), .names = "PNE selector",
     .doc = "PNEs that say no when they are invited, or asked to own it; none without it."},
    {"protection", FIELD_LATER, AT(raw_group, later), .doc = "Protection of this group."},
};
const struct section section_group = {
    .name = "service_groups",
    .title = "service group",
    FIELDS(group_fields),
    .bytes = sizeof(struct raw_group),
    .doc = "Service Groups.",
    .example = "service_groups:\n"
               "  - {id: vitals, owner: pne/1, members: [pne/2..10, pne/30], service: heart-rate, "
               "joining: open}\n"};

/* --- activity ------------------------------------------------------------------------------ */

static const struct field work_fields[] = {
    {"do", FIELD_REF, AT(raw_work, do_), .required = true, .names = "verb",
     .doc = "What is done; the verbs are listed below."},
    {"at", FIELD_TIME, AT(raw_work, at), .max = 100 * YEAR_NS,
     .doc = "Once, at this time; either at or every is required."},
    {"every", FIELD_TIME_DIST, AT(raw_work, every), .max = 100 * YEAR_NS,
     .doc = "Again and again, with this time between; a stream of draws for each node of from."},
    {"start", FIELD_TIME, AT(raw_work, start), .max = 100 * YEAR_NS,
     .doc = "With every: when the first interval begins; 0 s without it."},
    {"until", FIELD_TIME, AT(raw_work, until), .max = 100 * YEAR_NS,
     .doc = "With every: no repetition after this time; the end of the run without it."},
    {"count", FIELD_INTEGER, AT(raw_work, count), .min = 1, .max = 9e15,
     .doc = "With every: at most so many repetitions for each node of from."},
    {"from", FIELD_TEXTS, AT(raw_work, from), .names = "node selector",
     .doc = "Nodes that do it, each for itself."},
    {"to", FIELD_TEXTS, AT(raw_work, to), .names = "node selector or service group",
     .doc = "Whom it is for: nodes, or Service Groups, by the verb; with several, each use draws "
            "one; for a verb about nodes, without it, the server that the sender belongs to."},
    {"pn", FIELD_TEXTS, AT(raw_work, pn), .names = "personal network",
     .doc = "Which personal network it is about, for verbs about one."},
    {"size", FIELD_SIZE_DIST, AT(raw_work, size), .max = 1 << 20,
     .doc = "Octets of payload, for verbs that carry any; 100 B without it."},
    {"expiry", FIELD_TIME, AT(raw_work, expiry), .max = 60 * YEAR_NS,
     .doc = "usage-info: how long the information is kept; 0 s deletes what is there; 1 h without "
            "it."},
    {"store", FIELD_WORDS, AT(raw_work, store), .words = words_store,
     .doc = "usage-info: who keeps it besides the server, which always does; nobody without it."},
    {"service", FIELD_TEXT, AT(raw_work, service), .names = "service",
     .doc = "Which service it is about, for verbs about one; service-access without `to` goes to "
            "its provider."},
    {"keyword", FIELD_TEXT, AT(raw_work, keyword),
     .doc = "What names have to contain, for verbs that look for something."},
    {"member", FIELD_TEXTS, AT(raw_work, member), .names = "PNE selector",
     .doc = "The PNEs that are invited, the successor that is wished, or a member that is looked "
            "for, for verbs about members."},
};
const struct section section_work = {
    .name = "workload",
    .title = "workload entry",
    FIELDS(work_fields),
    .bytes = sizeof(struct raw_work),
    .doc = "What the nodes do once their networks stand.",
    .example =
        "workload:\n"
        "  - {every: {exponential: 2 s}, do: service-access, from: pne/*, to: pne/1, size: "
        "{lognormal: [200 B, 0.4]}}\n"
        "  - {every: 5 s, start: 10 s, count: 20, do: group-message, from: pne/1, to: vitals, "
        "size: 120 B}\n"
        "  - {at: 60 s, do: pn-release, from: pne/1, pn: ward}\n"};

static const struct field fault_fields[] = {
    {"id", FIELD_ID, AT(raw_fault, id), .doc = "Name in the results; fault-N without it."},
    {"do", FIELD_WORD, AT(raw_fault, do_), .required = true, .words = words_fault,
     .doc = "link-down: the links carry nothing; node-silent: the nodes answer nothing more, a PNE "
            "with all of its device."},
    {"at", FIELD_TIME, AT(raw_fault, at), .required = true, .max = 100 * YEAR_NS,
     .doc = "When it begins."},
    {"for", FIELD_TIME, AT(raw_fault, for_), .min = 1, .max = 100 * YEAR_NS,
     .doc = "How long; to the end of the run without it."},
    {"target", FIELD_TEXTS, AT(raw_fault, target), .required = true,
     .names = "link selector A--B, or node selector",
     .doc = "Links (A--B) for link-down, nodes for node-silent."},
};
const struct section section_fault = {
    .name = "faults",
    .title = "fault",
    FIELDS(fault_fields),
    .bytes = sizeof(struct raw_fault),
    .doc = "What breaks.",
    .example = "faults:\n"
               "  - {id: cut, at: 40 s, for: 3 s, do: link-down, target: gw/1--srv}\n"
               "  - {at: 50 s, do: node-silent, target: [pne/3, pne/5..7]}\n"};

static const struct field expect_fields[] = {
    {"claim", FIELD_REF, AT(raw_expect, claim), .names = "claim",
     .doc = "A claim that has to hold; either claim or metric is required."},
    {"metric", FIELD_REF, AT(raw_expect, metric), .names = "metric",
     .doc = "A metric that has to lie within bounds."},
    {"subject", FIELD_TEXT, AT(raw_expect, subject), .names = "hop or message type",
     .doc =
         "What it is judged on: pne--gateway, gateway--server, server--server, or for metrics of "
         "messages a "
         "message type such as ServiceAccessRequest; everything without it."},
    {"min", FIELD_BOUND, AT(raw_expect, min), .doc = "Least value, in the metric's unit."},
    {"max", FIELD_BOUND, AT(raw_expect, max), .doc = "Largest value, in the metric's unit."},
};
const struct section section_expect = {
    .name = "expect",
    .title = "expectation",
    FIELDS(expect_fields),
    .bytes = sizeof(struct raw_expect),
    .doc = "What has to come out; judged from what was measured, it sets the exit code.",
    .example = "expect:\n"
               "  - {claim: no-plaintext-on-wire}\n"
               "  - {claim: mutual-authentication, subject: pne--gateway}\n"
               "  - {metric: setup_ms.p95, subject: pne--gateway, max: 400 ms}\n"
               "  - {metric: delivery_ratio, min: 99 %}\n"};

const struct claim claims[] = {
    {"no-plaintext-on-wire",
     "No protected payload or identity was found in the clear among the octets on the links."},
    {"mutual-authentication", "In every established session both ends proved who they are."},
    {"every-signalling-message-protected",
     "Every signalling message that is not exempt went through an established session."},
    {"witnesses-agree",
     "The two ends of each session say the same about it, and the tap on its link nothing else, "
     "unless an attack on it explains that."},
    {"no-unconfirmed-message", "Every message in a session was sent when both ends had established "
                               "it: none as 0-RTT data, which anybody may have sent."},
    {"confidentiality",
     "No eavesdropper found a message that went through a session among the octets of a link."},
    {"group-confidentiality", "No eavesdropper could read a message to a Service Group that "
                              "travelled outside the sessions."},
    {"exempt-confidentiality",
     "No eavesdropper could read another message that travelled outside the sessions."},
    {"identity-privacy", "No eavesdropper saw who the two ends of a session are."},
    {"integrity", "No record that was altered brought an altered message."},
    {"authenticity", "No record that was forged or sent back brought a message."},
    {"replay-protection", "No record that was sent again brought a message again."},
    {"ordering", "No record that came out of turn brought its message out of turn."},
    {"completeness", "A record that is missing, and the end of a stream, are noticed."},
    {"availability",
     "Messages that were held back arrive all the same; sessions that begin while somebody "
     "exhausts their server are established."},
    {"origin-authenticity", "No message was accepted in the name of somebody who did not send it."},
    {"end-to-end-confidentiality", "No curious relay could read what it handed on."},
    {"forward-secrecy",
     "No long-term key that was stolen opened a capture; unknown until `check --witness tshark`."},
    {"peer-authentication", "Nobody was taken for an end of a session without being it."},
    {"downgrade-protection",
     "No handshake succeeded that an attacker had robbed of what is strong, nor one after it with "
     "less than both ends can do."},
};
const size_t claim_count = SIM_ARRAY_LEN(claims);

const struct metric metrics[] = {
    {"setup_ms.mean", METRIC_MS, OF_HOP, "Mean time to set a session up."},
    {"setup_ms.p50", METRIC_MS, OF_HOP, "Median time to set a session up."},
    {"setup_ms.p95", METRIC_MS, OF_HOP, "95th percentile of the time to set a session up."},
    {"setup_ms.p99", METRIC_MS, OF_HOP, "99th percentile of the time to set a session up."},
    {"setup_ms.max", METRIC_MS, OF_HOP, "Longest time to set a session up."},
    {"revocation_ms.window", METRIC_MS, OF_HOP,
     "From the revocation of a certificate to the last session that was set up with it; no bound "
     "holds where it was never refused."},
    {"revocation_ms.access", METRIC_MS, OF_HOP,
     "From the revocation of a certificate until no session with it stood any more; no bound holds "
     "where one stood to the end."},
    {"latency_ms.mean", METRIC_MS, OF_MESSAGES, "Mean time from sending to delivery."},
    {"latency_ms.p50", METRIC_MS, OF_MESSAGES, "Median time from sending to delivery."},
    {"latency_ms.p95", METRIC_MS, OF_MESSAGES, "95th percentile of the time to delivery."},
    {"latency_ms.p99", METRIC_MS, OF_MESSAGES, "99th percentile of the time to delivery."},
    {"latency_ms.max", METRIC_MS, OF_MESSAGES, "Longest time from sending to delivery."},
    {"sessions.established", METRIC_COUNT, OF_HOP, "Sessions that both ends established."},
    {"sessions.failed", METRIC_COUNT, OF_HOP, "Sessions that failed."},
    {"messages.sent", METRIC_COUNT, OF_MESSAGES, "Messages sent."},
    {"messages.delivered", METRIC_COUNT, OF_MESSAGES, "Messages delivered."},
    {"messages.lost", METRIC_COUNT, OF_MESSAGES, "Messages lost."},
    {"messages.refused", METRIC_COUNT, OF_MESSAGES, "Messages refused."},
    {"delivery_ratio", METRIC_RATIO, OF_MESSAGES, "Messages delivered of those sent."},
    {"flow_ms.mean", METRIC_MS, OF_FLOWS, "Mean duration of a flow that was done."},
    {"flow_ms.p50", METRIC_MS, OF_FLOWS, "Median duration of a flow that was done."},
    {"flow_ms.p95", METRIC_MS, OF_FLOWS, "95th percentile of the duration of a flow."},
    {"flow_ms.p99", METRIC_MS, OF_FLOWS, "99th percentile of the duration of a flow."},
    {"flow_ms.max", METRIC_MS, OF_FLOWS, "Longest duration of a flow that was done."},
    {"interruption_ms.mean", METRIC_MS, OF_FLOWS, "Mean interruption of a flow that had one."},
    {"interruption_ms.p50", METRIC_MS, OF_FLOWS, "Median interruption of a flow that had one."},
    {"interruption_ms.p95", METRIC_MS, OF_FLOWS, "95th percentile of the interruptions."},
    {"interruption_ms.p99", METRIC_MS, OF_FLOWS, "99th percentile of the interruptions."},
    {"interruption_ms.max", METRIC_MS, OF_FLOWS, "Longest interruption of a flow."},
    {"flows.begun", METRIC_COUNT, OF_FLOWS, "Flows begun."},
    {"flows.done", METRIC_COUNT, OF_FLOWS, "Flows that were done."},
    {"flows.refused", METRIC_COUNT, OF_FLOWS, "Flows that somebody refused."},
    {"flows.timeout", METRIC_COUNT, OF_FLOWS, "Flows that nobody answered."},
    {"flows.failed", METRIC_COUNT, OF_FLOWS, "Flows that broke in the middle."},
    {"flows.open", METRIC_COUNT, OF_FLOWS, "Flows that were not over when the run ended."},
    {"flows.interrupted", METRIC_COUNT, OF_FLOWS, "Flows that were interrupted."},
};
const size_t metric_count = SIM_ARRAY_LEN(metrics);

/* --- timers and the whole ------------------------------------------------------------------ */

static const struct field timer_fields[] = {
    {"request", FIELD_TIME, AT(raw_scenario, request), .fallback = "5 s", .min = 1e6,
     .max = 86400e9, .doc = "How long an answer to a request is waited for."},
    {"request_tries", FIELD_INTEGER, AT(raw_scenario, request_tries), .fallback = "3", .min = 1,
     .max = 100, .doc = "How often a request is sent in all."},
    {"request_backoff", FIELD_NUMBER, AT(raw_scenario, request_backoff), .fallback = "2", .min = 1,
     .max = 100, .doc = "Factor by which the wait grows from try to try."},
    {"keep_alive", FIELD_TIME, AT(raw_scenario, keep_alive), .fallback = "30 s", .min = 1e6,
     .max = 100 * YEAR_NS, .doc = "Time between keep-alives on a session."},
    {"idle_close", FIELD_TIME, AT(raw_scenario, idle_close), .fallback = "300 s", .min = 1e6,
     .max = 100 * YEAR_NS, .doc = "A session without traffic for so long is closed."},
    {"pn_lease", FIELD_TIME, AT(raw_scenario, pn_lease), .fallback = "3600 s", .min = 1e6,
     .max = 100 * YEAR_NS, .doc = "Lease of a personal network at the server."},
    {"reconnect", FIELD_TIME, AT(raw_scenario, reconnect), .fallback = "1 s", .min = 1e6,
     .max = 86400e9,
     .doc = "From the start of a session that failed, or broke, to the start of the next one at "
            "least; 20 % more or less, drawn for each. One that stood for longer is followed at "
            "once."},
    {"reconnect_backoff", FIELD_NUMBER, AT(raw_scenario, reconnect_backoff), .fallback = "1.6",
     .min = 1, .max = 100,
     .doc = "Factor by which that time grows from failure to failure in a row."},
    {"reconnect_most", FIELD_TIME, AT(raw_scenario, reconnect_most), .fallback = "120 s",
     .min = 1e6, .max = 86400e9, .doc = "Up to this."},
    {"close_timeout", FIELD_TIME, AT(raw_scenario, close_timeout), .fallback = "5 s", .min = 1e6,
     .max = 86400e9,
     .doc = "A session over TCP that is being closed is given up when nothing moves for so long."},
};
static const struct section section_timers = {
    .name = "timers",
    .title = "timers",
    FIELDS(timer_fields),
    .always = true,
    .doc = "Timers of the protocol.",
    .example = "timers: {request: 2 s, request_tries: 4, keep_alive: 20 s}\n"};

static const struct field scenario_fields[] = {
    {"cpns", FIELD_INTEGER, AT(raw_scenario, cpns), .required = true,
     .doc = "Major version of the format, 1. Included files may leave it out."},
    {"name", FIELD_ID, AT(raw_scenario, name),
     .doc = "Name of the scenario; the file's name without its ending when absent."},
    {"description", FIELD_TEXT, AT(raw_scenario, description), .doc = "What it is about."},
    {"include", FIELD_TEXTS, AT(raw_scenario, include), .names = "file",
     .doc = "Files whose sections come in as well; paths are relative to this file."},
    {"run", FIELD_MAP, AT(raw_scenario, run), .section = &section_run, .required = true,
     .doc = "How long, with which seed, and what is recorded."},
    {"params", FIELD_PARAMS, AT(raw_scenario, params),
     .doc = "Values with names, used as $name wherever a value stands; --set NAME=VALUE overrides "
            "them."},
    {"fidelity", FIELD_WORD, AT(raw_scenario, fidelity), .fallback = "packet",
     .words = words_fidelity,
     .doc =
         "How closely hops are simulated: ns-3's TCP and UDP over the link model (packet), "
         "lighter ones over the same links (fast; FIDELITY.md says how far they agree), or ns-3's "
         "TCP and UDP over its devices and channels (full: ethernet, wlan, zigbee; hops of other "
         "technologies are simulated as packet)."},
    {"security", FIELD_MAP, AT(raw_scenario, security), .section = &section_security,
     .doc = "Which secure sessions the hops use."},
    {"devices", FIELD_NAMED, AT(raw_scenario, devices), .section = &section_device,
     .doc = "Device profiles."},
    {"links", FIELD_NAMED, AT(raw_scenario, links), .section = &section_link,
     .doc = "Link profiles."},
    {"nodes", FIELD_LIST, AT(raw_scenario, nodes), .section = &section_node, .required = true,
     .doc = "Servers, gateways, PNEs and routers."},
    {"wires", FIELD_LIST, AT(raw_scenario, wires), .section = &section_wire,
     .doc = "Links between routers."},
    {"bridges", FIELD_LIST, AT(raw_scenario, bridges), .section = &section_bridge,
     .doc = "Links between PNEs."},
    {"personal_networks", FIELD_LIST, AT(raw_scenario, personal_networks), .section = &section_pn,
     .doc = "Personal networks."},
    {"service_groups", FIELD_LIST, AT(raw_scenario, service_groups), .section = &section_group,
     .doc = "Service Groups."},
    {"services", FIELD_LIST, AT(raw_scenario, services), .section = &section_service,
     .doc = "Services of PNEs, registered with the server."},
    {"workload", FIELD_LIST, AT(raw_scenario, workload), .section = &section_work,
     .doc = "What the nodes do."},
    {"faults", FIELD_LIST, AT(raw_scenario, faults), .section = &section_fault,
     .doc = "What breaks."},
    {"expect", FIELD_LIST, AT(raw_scenario, expect), .section = &section_expect,
     .doc = "What has to come out."},
    {"timers", FIELD_MAP, AT(raw_scenario, timers), .section = &section_timers,
     .doc = "Timers of the protocol."},
    {"attackers", FIELD_LIST, AT(raw_scenario, attackers), .section = &section_attacker,
     .doc = "Who attacks."},
    {"sweep", FIELD_LATER, AT(raw_scenario, later), .doc = "Parameter sweeps."},
    {"import", FIELD_MAP, AT(raw_scenario, import), .section = &section_import,
     .doc = "Routers and links between them from a GraphML file."},
};
const struct section section_scenario = {.name = "scenario",
                                         .title = "scenario",
                                         FIELDS(scenario_fields),
                                         .bytes = sizeof(struct raw_scenario),
                                         .doc = "Keys at the top of the file."};

const struct field *field_find(const struct section *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->fields[i].key, key) == 0) {
            return &s->fields[i];
        }
    }
    return NULL;
}

struct value *field_value(const struct field *f, void *raw)
{
    return (struct value *)((unsigned char *)raw + f->offset);
}

const struct value *field_value_const(const struct field *f, const void *raw)
{
    return (const struct value *)((const unsigned char *)raw + f->offset);
}

size_t words_count(const char *const *words)
{
    size_t n = 0;
    while (words[n] != NULL) {
        n++;
    }
    return n;
}

bool value_ok(const struct value *v)
{
    return v->state >= VALUE_DEFAULT;
}
