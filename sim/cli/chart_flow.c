/* A flow as a chart: its messages, sessions opened for it, states of its initiator. */
#include <inttypes.h>

#include "sim/cli/chart_reader.h"

#define WITHIN                                                                                     \
    "WITH RECURSIVE within(id) AS (SELECT flow_id FROM flow WHERE flow_id = ?1 UNION "             \
    "SELECT f.flow_id FROM flow f JOIN within w ON f.parent_id = w.id), "                          \
    "span AS (SELECT min(started_ns) AS a, max(coalesce(ended_ns, 9e18)) AS b FROM flow "          \
    "WHERE flow_id IN (SELECT id FROM within)) "

static const char flow_sql[] =
    "SELECT f.kind, f.subject, f.outcome, f.reason, f.started_ns, f.ended_ns, f.messages, "
    "f.plain_bytes, f.wire_bytes, f.interruptions, f.interruption_ns, e.entity_id, e.name, e.role, "
    "(SELECT count(*) FROM flow c WHERE c.parent_id = f.flow_id), "
    "(SELECT count(*) FROM message m WHERE m.flow_id = f.flow_id) "
    "FROM flow f JOIN entity e ON e.entity_id = f.initiator WHERE f.flow_id = ?1";
static const char flow_messages_sql[] =
    WITHIN "SELECT " MESSAGE_COLUMNS "WHERE m.flow_id IN (SELECT id FROM within) "
           "ORDER BY coalesce(h.sent_ns, h.queued_ns), m.message_id, h.hop";
/* Sessions that were opened meanwhile on the links of its messages. */
static const char flow_sessions_sql[] =
    WITHIN "SELECT s.session_id, s.initiator, i.name, i.role, s.responder, r.name, r.role, "
           "s.started_ns, s.established_ns, s.ended_ns, s.version, s.cipher, s.failure, s.kind "
           "FROM session s JOIN span JOIN entity i ON i.entity_id = s.initiator "
           "JOIN entity r ON r.entity_id = s.responder "
           "WHERE s.started_ns BETWEEN span.a AND span.b AND s.link_id IN ("
           "SELECT h.link_id FROM message_hop h JOIN message m ON m.message_id = h.message_id "
           "WHERE m.flow_id IN (SELECT id FROM within)) ORDER BY s.session_id";
static const char flow_states_sql[] =
    "SELECT t.at_ns, t.machine, t.to_state FROM transition t JOIN flow f ON f.flow_id = ?1 "
    "WHERE t.entity_id = f.initiator AND t.from_state <> t.to_state AND t.allowed = 1 "
    "AND t.at_ns BETWEEN f.started_ns AND coalesce(f.ended_ns, 9e18) "
    "AND (t.instance IS NULL OR t.instance IS f.subject) ORDER BY t.rowid";

static bool on_flow(void *arg, size_t columns, const char *const *names,
                    const struct record_value *v)
{
    struct reader *r = arg;
    struct chart *c = r->chart;
    (void)columns;
    (void)names;
    reader_party(r, v[11].integer, cell_text(&v[12]), cell_text(&v[13]));
    struct buf text = {0};
    buf_printf(&text, "%s by %s", cell_text(&v[0]), cell_text(&v[12]));
    if (!cell_is_null(&v[1])) {
        buf_printf(&text, ", about %s", cell_text(&v[1]));
    }
    buf_printf(&text, ": %s", cell_text(&v[2]));
    if (!cell_is_null(&v[3])) {
        buf_printf(&text, " (%s)", cell_text(&v[3]));
    }
    c->title = chart_text(&text);
    if (!cell_is_null(&v[5])) {
        buf_printf(&text, "%.3f ms; ", in_ms(v[5].integer - v[4].integer));
    }
    buf_printf(&text, "%" PRId64 " messages of %" PRId64 " octets, %" PRId64 " octets on the links",
               v[6].integer, v[7].integer, v[8].integer);
    if (v[14].integer > 0) {
        buf_printf(&text, "; within it %" PRId64 " %s", v[14].integer,
                   v[14].integer == 1 ? "flow" : "flows");
    }
    if (v[9].integer > 0) {
        buf_printf(&text, "\ninterrupted %" PRId64 " times, for %.3f ms in all", v[9].integer,
                   in_ms(v[10].integer));
    }
    if (v[15].integer < v[6].integer) {
        buf_printf(&text, "\nonly %" PRId64 " of its messages were recorded", v[15].integer);
    }
    c->subtitle = chart_text(&text);
    return true;
}

static bool on_flow_session(void *arg, size_t columns, const char *const *names,
                            const struct record_value *v)
{
    struct reader *r = arg;
    (void)columns;
    (void)names;
    size_t a =
        (size_t)(reader_party(r, v[1].integer, cell_text(&v[2]), cell_text(&v[3])) - r->parties);
    size_t b =
        (size_t)(reader_party(r, v[4].integer, cell_text(&v[5]), cell_text(&v[6])) - r->parties);
    reader_meet(r, a, b);
    struct chart_row *row = chart_add(r->chart);
    struct buf text = {0};
    bool up = !cell_is_null(&v[8]);
    row->shape = CHART_BAND;
    row->from = (uint32_t)a;
    row->to = (uint32_t)b;
    row->bad = !up;
    row->at = up ? v[8].integer : cell_is_null(&v[9]) ? v[7].integer : v[9].integer;
    row->id = mem_printf("data-session=\"%" PRId64 "\"", v[0].integer);
    buf_printf(&text, "session %" PRId64 ": ", v[0].integer);
    if (up) {
        buf_printf(&text, "%s, %.3f ms",
                   cell_is_null(&v[10]) ? cell_text(&v[13]) : cell_text(&v[10]),
                   in_ms(v[8].integer - v[7].integer));
    } else {
        buf_printf(&text, "%s", cell_is_null(&v[12]) ? "not established" : cell_text(&v[12]));
    }
    row->text = chart_text(&text);
    return true;
}

static bool on_flow_state(void *arg, size_t columns, const char *const *names,
                          const struct record_value *v)
{
    struct reader *r = arg;
    (void)columns;
    (void)names;
    struct chart_row *row = chart_add(r->chart); /* of the initiator, the first party */
    row->shape = CHART_STATE;
    row->at = v[0].integer;
    row->text = mem_strdup(cell_text(&v[2]));
    return true;
}

int chart_read_flow(struct record_db *db, int64_t flow, struct chart *c, struct diag_list *diags)
{
    struct reader r = {.db = db, .diags = diags, .chart = c};
    int e = reader_ask(&r, flow_sql, flow, on_flow);
    if (e == 0 && c->title == NULL) {
        e = reader_no_such(db, "flow", flow, diags);
    }
    if (e == 0) {
        e = reader_ask(&r, flow_states_sql, flow, on_flow_state);
    }
    if (e == 0) {
        e = reader_ask(&r, flow_messages_sql, flow, reader_message);
    }
    if (e == 0) {
        e = reader_ask(&r, flow_sessions_sql, flow, on_flow_session);
    }
    reader_settle_lines(&r);
    reader_fini(&r);
    return e;
}
