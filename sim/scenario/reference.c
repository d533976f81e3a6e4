#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/scenario.h"

/* The format's reference page. Prose is here; every key comes from the table of fields. */

static const char intro[] =
    "# Scenario files\n"
    "\n"
    "A scenario is one YAML file (UTF-8): who is there, how they are connected, which secure\n"
    "sessions they use, what they do, what breaks, and what has to come out. This page is made "
    "from\n"
    "the table that checks the files: it lists every key.\n"
    "\n"
    "The smallest useful file:\n"
    "\n"
    "```yaml\n"
    "cpns: 1\n"
    "run: {until: 60 s}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: ble}}\n"
    "```\n"
    "\n"
    "## Rules for all of it\n"
    "\n"
    "- Unknown keys are errors; keys that begin with `x-` are ignored, whatever they hold.\n"
    "- A key that a reader of YAML 1.1 takes for a boolean (on, off, yes, no, y, n, true, false) "
    "is an\n"
    "  error, and so is a key that stands twice in one mapping.\n"
    "- Anchors, aliases, merge keys and tags are not part of the format: use `extends` and "
    "`params`.\n"
    "- One document a file, at most 32 levels deep, at most 64 MiB.\n"
    "- Names (of nodes, policies, devices, links, groups ...) begin with a letter and go on with\n"
    "  letters, digits, `_`, `.` and `-`, without `--`, at most 64 in all. Names are "
    "case-sensitive.\n"
    "- All errors of a file are told in one go, with file, line and column.\n"
    "\n"
    "## Values and units\n"
    "\n"
    "Units are mandatory; a blank before the unit is optional; decimals (`1.5 s`) and exponents\n"
    "(`1e3 B`) are fine.\n"
    "\n"
    "| Kind | Units | Example |\n"
    "|---|---|---|\n"
    "| time | ns, us, ms, s, min, h, d | `30 ms` |\n"
    "| rate | bit/s, kbit/s, Mbit/s, Gbit/s | `20 Mbit/s` |\n"
    "| size | B, kB (1000 B), KiB (1024 B), MB, MiB | `120 B` |\n"
    "| energy | uJ, mJ, J, kJ, mWh (3.6 J), Wh | `4 kJ` |\n"
    "| power | uW, mW, W | `25 mW` |\n"
    "| length | mm, cm, m, km | `10 m` |\n"
    "| place | two or three lengths: x, y, and z (0 m without it) | `[12 m, 3 m]` |\n"
    "| speed | m/s, km/h | `1.5 m/s` |\n"
    "| percentage | % | `5 %` |\n"
    "| whole number, number | none, and no quotes | `3` |\n"
    "| truth | `true` or `false`, no quotes | `true` |\n"
    "\n"
    "Times are virtual and count from the start of the run. Only validity of certificates may be\n"
    "negative.\n"
    "\n"
    "Where a **distribution** is allowed, a plain value is a constant, and each use draws anew "
    "from:\n"
    "\n"
    "| Written | Draws |\n"
    "|---|---|\n"
    "| `{uniform: [0 s, 5 s]}` | evenly between the two |\n"
    "| `{exponential: 2 s}` | exponential with this mean |\n"
    "| `{normal: [200 B, 50 B]}` | normal with mean and standard deviation, cut off at 0 |\n"
    "| `{lognormal: [200 B, 0.4]}` | lognormal with median and sigma (a plain number) |\n"
    "\n"
    "## Selectors\n"
    "\n"
    "| Selector | Names |\n"
    "|---|---|\n"
    "| `srv` | the node; of an entry with `count`, all copies |\n"
    "| `pne/3` | copy 3 |\n"
    "| `pne/2..9` | copies 2 to 9 |\n"
    "| `pne/*` | all copies; of an entry without `count`, the one node |\n"
    "| `pne/3--gw/1`, `pne/*--gw/*`, `gw/1--srv` | links between nodes that are attached, in "
    "either "
    "order |\n"
    "\n"
    "Several selectors are a list: `[pne/1, pne/5..9]`; a node named twice counts once. Where one "
    "node\n"
    "is needed, a selector of several is an error.\n"
    "\n"
    "## Parameters, --set and --seed\n"
    "\n"
    "```yaml\n"
    "params: {pnes: 50, wait: 5 s}\n"
    "nodes:\n"
    "  - {id: pne, role: pne, count: $pnes, attach: {to: gw/*, link: ble}}\n"
    "```\n"
    "\n"
    "`$name` (or `\"${name}\"`, in quotes) may stand wherever a single value stands, also inside "
    "one\n"
    "(`pne/$n`); `$$` is a dollar. `--set pnes=200` overrides a parameter, `--set run.until=30s`,\n"
    "`--set security.pne_gateway=old`, `--set nodes.pne.count=3` a value by its path (entries of "
    "lists\n"
    "by their id), `--seed 7` the seed.\n"
    "\n"
    "## include and extends\n"
    "\n"
    "`include: [lib/devices.yaml, lib/links.yaml]` brings in other files, by paths relative to "
    "the\n"
    "file that includes. Entries of lists come before the file's own; of named entries (policies,\n"
    "devices, links, params) and single values the including file's wins; two included files that\n"
    "define the same are an error. `cpns`, `name` and `description` of included files do not "
    "count. A\n"
    "file included twice counts once, one that includes itself is an error.\n"
    "\n"
    "`extends: NAME` inside a policy, device or link takes over each key that is not written; a "
    "nested\n"
    "mapping (`delay`, `loss`) is taken over as a whole or not at all.\n"
    "\n";

static void cell(const char *s, struct buf *out)
{
    for (; *s != '\0'; s++) {
        if (*s == '|') {
            buf_append_u8(out, '\\');
        }
        buf_append_u8(out, (uint8_t)*s);
    }
}

static void write_type(const struct field *f, struct buf *out)
{
    const char *const *units = field_units(f->type);
    if (f->type == FIELD_REF || f->type == FIELD_TEXT) {
        buf_append_str(out, f->names != NULL ? f->names : "text");
    } else if (f->type == FIELD_TEXTS) {
        buf_printf(out, "%s, one or a list", f->names);
    } else if (f->type == FIELD_TIME_DIST || f->type == FIELD_SIZE_DIST ||
               f->type == FIELD_SPEED_DIST) {
        buf_printf(out, "%s or distribution",
                   f->type == FIELD_TIME_DIST   ? "time"
                   : f->type == FIELD_SIZE_DIST ? "size"
                                                : "speed");
    } else if (f->type == FIELD_PLACE || f->type == FIELD_EXTENT) {
        buf_append_str(out, f->type == FIELD_PLACE ? "two or three lengths" : "two lengths");
    } else if (f->type == FIELD_WORD || f->type == FIELD_WORDS) {
        buf_append_str(out, f->type == FIELD_WORD ? "word" : "list of words");
    } else if (f->type == FIELD_ID) {
        buf_append_str(out, "name");
    } else if (f->type == FIELD_SHARES) {
        buf_append_str(out, "mapping of device: percentage");
    } else if (f->type == FIELD_MAP && f->section->shorthand != NULL) {
        buf_printf(out, "%s, or mapping (below)",
                   field_find(f->section, f->section->shorthand)->type == FIELD_PLACE
                       ? "two or three lengths"
                       : "time");
    } else if (f->type == FIELD_MAP) {
        buf_append_str(out, "mapping (below)");
    } else if (f->type == FIELD_NAMED || f->type == FIELD_LIST) {
        buf_append_str(out, f->type == FIELD_NAMED ? "mapping of names to entries (below)"
                                                   : "list of entries (below)");
    } else if (units != NULL) {
        buf_append_str(out, f->type == FIELD_TIME     ? "time"
                            : f->type == FIELD_RATE   ? "rate"
                            : f->type == FIELD_SIZE   ? "size"
                            : f->type == FIELD_ENERGY ? "energy"
                            : f->type == FIELD_POWER  ? "power"
                            : f->type == FIELD_LENGTH ? "length"
                                                      : "percentage");
    } else {
        cell(field_shape(f), out);
    }
}

static void write_limit(const struct field *f, double v, struct buf *out)
{
    struct field plain = *f;
    struct value value = {.v.i = (int64_t)v};
    if (f->type == FIELD_NUMBER || f->type == FIELD_RATIO || f->type == FIELD_LENGTH) {
        value.v.d = v;
    } else if (f->type == FIELD_PLACE || f->type == FIELD_EXTENT) {
        plain.type = FIELD_LENGTH;
        value.v.d = v;
    } else if (f->type == FIELD_SPEED_DIST) {
        plain.type = FIELD_SPEED;
        value.v.d = v;
    } else if (f->type == FIELD_TIME_DIST) {
        plain.type = FIELD_TIME;
    } else if (f->type == FIELD_SIZE_DIST) {
        plain.type = FIELD_SIZE;
    }
    value_write(&plain, &value, false, out);
}

static void write_allowed(const struct field *f, struct buf *out)
{
    for (size_t i = 0; f->words != NULL && f->words[i] != NULL; i++) {
        buf_printf(out, "%s`%s`", i > 0 ? ", " : "", f->words[i]);
    }
    if (f->type == FIELD_SAMPLE) {
        buf_append_str(out, "`all`, `none`, `sampled N`");
    } else if (f->min != 0 || f->max != 0) {
        write_limit(f, f->min, out);
        buf_append_str(out, " to ");
        write_limit(f, f->max, out);
    }
}

static void write_table(const struct section *s, struct buf *out)
{
    buf_append_str(out, "| Key | Type | Default | Allowed | Meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        if (f->type == FIELD_LATER) {
            continue;
        }
        buf_printf(out, "| `%s` | ", f->key);
        write_type(f, out);
        buf_append_str(out, " | ");
        if (f->required) {
            buf_append_str(out, "**required**");
        } else if (f->fallback != NULL) {
            buf_printf(out, "`%s`", f->fallback);
        }
        buf_append_str(out, " | ");
        write_allowed(f, out);
        buf_append_str(out, " | ");
        cell(f->doc, out);
        buf_append_str(out, " |\n");
    }
    buf_append_u8(out, '\n');
}

/* Keys and words that are of the format and refused. */
static void write_refused(const struct section *s, struct buf *out)
{
    const char *separator = "Refused, as not implemented in this version: ";
    bool lacking = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        lacking = lacking || f->lacking != NULL;
        if (f->type == FIELD_LATER && f->lacking == NULL) {
            buf_printf(out, "%s`%s`", separator, f->key);
            separator = ", ";
        }
        for (size_t k = 0; f->later != NULL && f->later[k] != NULL; k++) {
            buf_printf(out, "%s`%s: %s`", separator, f->key, f->later[k]);
            separator = ", ";
        }
    }
    buf_append_str(out, strcmp(separator, ", ") == 0 ? ".\n\n" : "");
    if (!lacking) {
        return;
    }
    buf_append_str(out, "Refused, because it cannot be had:\n\n");
    for (size_t i = 0; i < s->count; i++) {
        if (s->fields[i].lacking != NULL) {
            buf_printf(out, "- `%s`: %s.\n", s->fields[i].key, s->fields[i].lacking);
        }
    }
    buf_append_u8(out, '\n');
}

static void write_section(const struct section *s, const char *path, struct buf *out)
{
    buf_printf(out, "%s `%s`\n\n%s\n\n", strchr(path, '.') == NULL ? "##" : "###", path, s->doc);
    if (s->example != NULL) {
        buf_printf(out, "```yaml\n%s```\n\n", s->example);
    }
    write_table(s, out);
    write_refused(s, out);
    for (size_t i = 0; i < s->count; i++) {
        const struct section *inner = s->fields[i].section;
        if (inner != NULL) {
            struct buf below = {0};
            buf_printf(&below, "%s.%s%c", path, s->fields[i].key, '\0');
            write_section(inner, (const char *)buf_span(&below).data, out);
            buf_fini(&below);
        }
    }
}

static void write_verbs(const struct scenario_vocabulary *w, struct buf *out)
{
    buf_append_str(out,
                   "## Verbs of `workload`\n\n| do | from | to or pn | size | others | Meaning "
                   "|\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < w->verb_count; i++) {
        static const char *const roles[] = {"PNEs", "gateways", "servers"};
        static const char *const targets[] = {"", "`to`: nodes", "`to`: service groups",
                                              "`pn`: personal networks",
                                              "`pn`: a personal network, `to`: PNEs"};
        const struct scenario_verb *v = &w->verbs[i];
        const char *separator = "";
        buf_printf(out, "| `%s` | ", v->name);
        for (size_t k = 0; v->has_from && k < SIM_ARRAY_LEN(roles); k++) {
            if ((v->from_roles >> k & 1) != 0) {
                buf_printf(out, "%s%s", separator, roles[k]);
                separator = ", ";
            }
        }
        buf_printf(out, " | %s | %s | ", targets[v->target], v->has_size ? "optional" : "");
        const struct {
            const char *key;
            enum scenario_use use;
        } others[] = {{"service", v->service},
                      {"keyword", v->keyword},
                      {"member", v->member},
                      {"expiry", v->has_expiry ? USE_OPTIONAL : USE_NOT},
                      {"store", v->has_expiry ? USE_OPTIONAL : USE_NOT}};
        separator = "";
        for (size_t k = 0; k < SIM_ARRAY_LEN(others); k++) {
            if (others[k].use != USE_NOT) {
                buf_printf(out, "%s`%s`%s", separator, others[k].key,
                           others[k].use == USE_REQUIRED ? " (required)" : "");
                separator = ", ";
            }
        }
        buf_append_str(out, " | ");
        cell(v->doc, out);
        buf_append_str(out, " |\n");
    }
    buf_append_str(out,
                   "\nWhat a column leaves empty must not be written. `from` and the target are "
                   "required where the table names them.\n\n");
}

static void write_attacks(const struct scenario_vocabulary *w, struct buf *out)
{
    buf_append_str(out, "## Kinds of `attackers`\n\nThe property is the name of the claim that "
                        "judges it.\n\n| kind | target | Property | params | Meaning "
                        "|\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < w->attack_count; i++) {
        const struct scenario_attack *a = &w->attacks[i];
        buf_printf(out, "| `%s` | %s | `%s` | ", a->name, a->on_nodes ? "nodes" : "links",
                   a->property);
        const char *separator = "";
        for (size_t k = 0; k < ATTACK_KEYS; k++) {
            if ((a->takes >> k & 1) != 0) {
                buf_printf(out, "%s`%s`%s", separator, section_attack_params.fields[k].key,
                           (a->needs >> k & 1) != 0 ? " (required)" : "");
                separator = ", ";
            }
        }
        buf_append_str(out, " | ");
        cell(a->doc, out);
        buf_append_str(out, " |\n");
    }
    buf_append_str(out, "\n");
}

static void write_technology(const struct scenario_link *t, struct buf *out)
{
    static const struct field time = {.type = FIELD_TIME};
    static const struct field rate = {.type = FIELD_RATE};
    struct value v = {.v.i = t->delay};
    buf_printf(out, "| `%s` | ", t->name);
    value_write(&time, &v, false, out);
    buf_append_str(out, " | ");
    v.v.i = t->jitter;
    value_write(&time, &v, false, out);
    buf_append_str(out, " | ");
    v.v.i = (int64_t)t->rate_bps;
    value_write(&rate, &v, false, out);
    buf_printf(out, " | %u B | %u | %u B | %u B | %s | %s | ", t->mtu_bytes, t->queue_packets,
               t->frame_bytes, t->overhead_bytes, t->shared_medium ? "shared" : "duplex",
               words_loss[t->loss.model]);
    if (t->range_m > 0) {
        static const struct field range = {.type = FIELD_LENGTH};
        value_write(&range, &(struct value){.v.d = t->range_m}, false, out);
    } else {
        buf_append_str(out, "any distance");
    }
    buf_append_str(out, " |\n");
}

static void write_policy_sets(const struct scenario_vocabulary *w, struct buf *out)
{
    buf_append_str(
        out, "\n## Policies that have a name\n\nValid wherever a policy is named, and after "
             "`extends`; a file that defines a policy of the same name has its own. Those "
             "that begin with `broken-` lack a defence on purpose: what measures security "
             "must find it missing.\n\n| Policy | What | Source | Keys |\n|---|---|---|---|\n");
    for (size_t i = 0; i < w->policy_set_count; i++) {
        const struct scenario_policy_set *set = &w->policy_sets[i];
        buf_printf(out, "| `%s` | ", set->name);
        cell(set->doc, out);
        buf_append_str(out, " | ");
        cell(set->source, out);
        buf_printf(out, " | `%s` |\n", set->keys);
    }
}

static void write_vocabulary(const struct scenario_vocabulary *w, struct buf *out)
{
    write_verbs(w, out);
    write_attacks(w, out);
    buf_append_str(out,
                   "## Claims of `expect`\n\nSubjects: `pne--gateway`, `gateway--server`, or none "
                   "for both.\n\n| Claim | Meaning |\n|---|---|\n");
    for (size_t i = 0; i < claim_count; i++) {
        buf_printf(out, "| `%s` | %s |\n", claims[i].name, claims[i].doc);
    }
    buf_append_str(out,
                   "\n## Metrics of `expect`\n\nBounds carry the unit: times as `400 ms`, counts "
                   "as plain numbers, ratios as `99 %` or `0.99`.\n\n"
                   "| Metric | Bound | Subject | Meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < metric_count; i++) {
        static const char *const units[] = {"time", "number", "percentage or number"};
        static const char *const subjects[] = {"hop", "message type", "kind of flow"};
        buf_printf(out, "| `%s` | %s | %s | %s |\n", metrics[i].name, units[metrics[i].unit],
                   subjects[metrics[i].of], metrics[i].doc);
    }
    buf_append_str(out,
                   "\n## Link technologies\n\nValid as `technology` and as the name of a link.\n\n"
                   "| Technology | Delay | Jitter | Rate | MTU | Queue | Frame | Overhead | "
                   "Medium | Loss | Range |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < w->technology_count; i++) {
        write_technology(&w->technologies[i], out);
    }
    write_policy_sets(w, out);
    buf_append_str(out, "\n## CPUs\n\nValid as `cpu` of a device:");
    for (size_t i = 0; i < w->cpu_count; i++) {
        buf_printf(out, "%s `%s`", i > 0 ? "," : "", w->cpus[i]);
    }
    buf_append_str(out, ".\n");
}

void scenario_reference(const struct scenario_vocabulary *vocabulary, struct buf *out)
{
    buf_append_str(out, intro);
    buf_append_str(out, "## Top level\n\n");
    write_table(&section_scenario, out);
    write_refused(&section_scenario, out);
    for (size_t i = 0; i < section_scenario.count; i++) {
        const struct field *f = &section_scenario.fields[i];
        if (f->section != NULL) {
            write_section(f->section, f->key, out);
        }
    }
    write_vocabulary(vocabulary, out);
}
