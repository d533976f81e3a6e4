#include "models/cpns/machine_text.h"

#include <stdio.h>

/* Events that lead from one state to another, one a line. */
static bool put_label(const struct fsm_table *t, uint32_t from, uint32_t to, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < t->arc_count; i++) {
        if (t->arcs[i].from == from && (t->arcs[i].to & FSM_BIT(to)) != 0) {
            buf_printf(out, "%s%s", any ? "\\n" : "", fsm_event_name(t, t->arcs[i].event));
            any = true;
        }
    }
    return any;
}

void machine_dot(const struct fsm_table *t, struct buf *out)
{
    buf_printf(out,
               "// Made from the state table of \"%s\"; build the target update_machines instead "
               "of changing it.\n"
               "digraph %s {\n"
               "    rankdir=TB; nodesep=0.5; ranksep=0.6;\n"
               "    node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=12];\n"
               "    edge [fontname=\"Helvetica\", fontsize=10, color=\"#0072B2\"];\n"
               "    start [shape=circle, style=filled, fillcolor=black, label=\"\", width=0.15];\n"
               "    start -> %s;\n",
               t->name, t->name, t->states[0].name);
    for (uint32_t from = 0; from < t->state_count; from++) {
        buf_printf(out, "    %s;\n", t->states[from].name);
    }
    for (uint32_t from = 0; from < t->state_count; from++) {
        for (uint32_t to = 0; to < t->state_count; to++) {
            struct buf label = {0};
            if (put_label(t, from, to, &label)) {
                buf_printf(out, "    %s -> %s [label=\"", t->states[from].name, t->states[to].name);
                buf_append(out, buf_span(&label));
                buf_append_str(out, "\"];\n");
            }
            buf_fini(&label);
        }
    }
    buf_append_str(out, "}\n");
}

static void put_machine(const struct fsm_table *t, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n%s.\n\n![%s](%s.svg)\n\n| State | Meaning |\n|---|---|\n", t->name,
               t->doc, t->name, t->name);
    for (size_t i = 0; i < t->state_count; i++) {
        buf_printf(out, "| %s | %s |\n", t->states[i].name, t->states[i].doc);
    }
    buf_append_str(out, "\n| Event | Meaning |\n|---|---|\n");
    for (size_t i = 0; i < t->event_count; i++) {
        buf_printf(out, "| `%s` | %s |\n", t->events[i], t->event_docs[i]);
    }
    buf_append_str(out, "\n| In | on | goes to | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < t->arc_count; i++) {
        const struct fsm_arc *a = &t->arcs[i];
        buf_printf(out, "| %s | `%s` |", fsm_state_name(t, a->from), fsm_event_name(t, a->event));
        const char *between = " ";
        for (uint32_t to = 0; to < t->state_count; to++) {
            if ((a->to & FSM_BIT(to)) != 0) {
                buf_printf(out, "%s%s", between, to == a->from ? "stays" : t->states[to].name);
                between = ", ";
            }
        }
        buf_printf(out, " | %s |\n", a->note != NULL ? a->note : "");
    }
}

void machines_markdown(const struct fsm_table *const *tables, size_t count, struct buf *out)
{
    buf_append_str(
        out,
        "# models/machines: the state machines\n\n"
        "Made from the state tables of the entities by the target `update_machines`; a test fails "
        "when they lag. Each\ntransition of a run is a row of table `transition`; an event that a "
        "state does not list here is refused and recorded\nthere as a protocol error.\n\n"
        "| Machine | Of |\n|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "| [%s](#%s) | %s |\n", tables[i]->name, tables[i]->name, tables[i]->doc);
    }
    for (size_t i = 0; i < count; i++) {
        put_machine(tables[i], out);
    }
}

/* States to which a way leads from the first. */
static uint32_t reachable(const struct fsm_table *t)
{
    uint32_t seen = FSM_BIT(0);
    for (size_t round = 0; round < t->state_count; round++) {
        for (size_t i = 0; i < t->arc_count; i++) {
            seen |= (seen & FSM_BIT(t->arcs[i].from)) != 0 ? t->arcs[i].to : 0;
        }
    }
    return seen;
}

static const char *arc_fault(const struct fsm_table *t, uint32_t *events)
{
    static char text[200];
    uint32_t all = t->state_count == 32 ? UINT32_MAX : FSM_BIT(t->state_count) - 1;
    for (size_t i = 0; i < t->arc_count; i++) {
        const struct fsm_arc *a = &t->arcs[i];
        if (a->from >= t->state_count || a->event >= t->event_count || a->to == 0 ||
            (a->to & ~all) != 0) {
            snprintf(text, sizeof(text), "%s: arc %zu names what is not there", t->name, i);
            return text;
        }
        *events |= FSM_BIT(a->event);
        for (size_t k = 0; k < i; k++) {
            if (t->arcs[k].from == a->from && t->arcs[k].event == a->event) {
                snprintf(text, sizeof(text), "%s: %s on %s stands twice", t->name,
                         t->states[a->from].name, t->events[a->event]);
                return text;
            }
        }
    }
    return "";
}

const char *machine_fault(const struct fsm_table *t)
{
    static char text[200];
    uint32_t events = 0;
    if (t->arcs == NULL || t->doc == NULL || t->event_docs == NULL) {
        snprintf(text, sizeof(text), "%s: wants arcs, doc and event_docs (sim/core/fsm.h)",
                 t->name);
        return text;
    }
    const char *fault = arc_fault(t, &events);
    if (fault[0] != '\0') {
        return fault;
    }
    uint32_t states = reachable(t);
    for (size_t i = 0; i < t->state_count; i++) {
        if ((states & FSM_BIT(i)) == 0 || t->states[i].doc == NULL) {
            snprintf(text, sizeof(text), "%s: state %s %s", t->name, t->states[i].name,
                     t->states[i].doc == NULL ? "has no doc" : "is never reached");
            return text;
        }
    }
    for (size_t i = 0; i < t->event_count; i++) {
        if ((events & FSM_BIT(i)) == 0 || t->event_docs[i] == NULL) {
            snprintf(text, sizeof(text), "%s: event %s %s", t->name, t->events[i],
                     t->event_docs[i] == NULL ? "has no doc" : "is allowed nowhere");
            return text;
        }
    }
    return "";
}
