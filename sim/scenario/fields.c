/* The top of the format: the run, security, timers, and the sections of the file. And how the
 * tables are looked at. */
#include "sim/scenario/fields.h"

#include <string.h>

#include "sim/scenario/fields_table.h"

const char *const words_fidelity[] = {"packet", "fast", "full", NULL};
static const char *const words_random[] = {"seeded", "system", NULL};
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
