/* A session as a chart: flights of its handshake, alerts, messages within and beside it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/chart_reader.h"

enum { SIDES = 2 };

/* Handshake messages and alerts as each end saw them, in order. */
struct seen {
    sim_time at;
    char *name; /* "ClientHello", "alert: unknown_ca (fatal)" */
    bool alert;
};
struct seen_list {
    struct seen *items;
    size_t count, capacity;
};

struct session_reader {
    struct reader base; /* the first: callbacks get this address */
    struct seen_list sent[SIDES], received[SIDES];
    sim_time started, ended;
    bool found;
};

static bool on_session(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    struct session_reader *s = arg;
    struct chart *c = s->base.chart;
    (void)columns;
    (void)names;
    s->found = true;
    reader_party(&s->base, v[0].integer, cell_text(&v[1]), cell_text(&v[2]));
    reader_party(&s->base, v[3].integer, cell_text(&v[4]), cell_text(&v[5]));
    reader_meet(&s->base, 0, 1);
    s->started = v[6].integer;
    s->ended = cell_time(&v[8]);
    const char *outcome = cell_text(&v[9]);
    c->title = mem_printf("Session %" PRId64 ": %s to %s, %s", v[17].integer, cell_text(&v[1]),
                          cell_text(&v[4]), outcome);
    struct buf text = {0};
    buf_printf(&text, "%s over %s, policy %s", cell_text(&v[11]), cell_text(&v[12]),
               cell_text(&v[13]));
    if (!cell_is_null(&v[7])) {
        buf_printf(&text, "; established after %.3f ms", in_ms(v[7].integer - s->started));
        struct chart_row *row = chart_add(c);
        struct buf band = {0};
        row->shape = CHART_BAND;
        row->at = v[7].integer;
        row->to = 1;
        buf_printf(&band, "established: %s %s", cell_is_null(&v[14]) ? "" : cell_text(&v[14]),
                   cell_is_null(&v[15]) ? "no encryption" : cell_text(&v[15]));
        row->text = chart_text(&band);
    }
    buf_printf(&text, "\n%" PRId64 " octets of handshake, %" PRId64 " TCP segments sent again",
               v[16].integer, v[18].integer);
    c->subtitle = chart_text(&text);
    if (s->ended != SIM_TIME_NEVER) {
        struct chart_row *row = chart_add(c);
        row->shape = CHART_BAND;
        row->at = s->ended;
        row->to = 1;
        row->bad = strcmp(outcome, "failed") == 0;
        row->text =
            mem_printf("%s%s%s", outcome, cell_is_null(&v[10]) ? "" : ": ", cell_text(&v[10]));
        row->order = UINT64_MAX; /* whatever else is at that time stands before it */
    }
    return true;
}

static bool on_seen(void *arg, size_t columns, const char *const *names,
                    const struct record_value *v)
{
    struct session_reader *s = arg;
    (void)columns;
    (void)names;
    int side = strcmp(cell_text(&v[0]), "initiator") == 0 ? 0 : 1;
    struct seen_list *list =
        strcmp(cell_text(&v[1]), "sent") == 0 ? &s->sent[side] : &s->received[side];
    *MEM_PUSH(list->items, list->count, list->capacity) = (struct seen){
        .at = v[2].integer, .name = mem_strdup(cell_text(&v[3])), .alert = v[4].integer != 0};
    return true;
}

/* A stream keeps the order: what one end saw k-th is what the other sent k-th. */
static const struct seen *arrival(const struct session_reader *s, int side, size_t at)
{
    const struct seen_list *there = &s->received[1 - side];
    return at < there->count && strcmp(there->items[at].name, s->sent[side].items[at].name) == 0
               ? &there->items[at]
               : NULL;
}

/* Names that were sent at once and share their fate, in lines of a readable length. */
static size_t one_flight(const struct session_reader *s, int side, size_t first, struct buf *text)
{
    const struct seen_list *list = &s->sent[side];
    const struct seen *arrived = arrival(s, side, first);
    size_t line = 0;
    size_t i = first;
    for (; i < list->count && list->items[i].at == list->items[first].at &&
           list->items[i].alert == list->items[first].alert &&
           (arrival(s, side, i) == NULL) == (arrived == NULL);
         i++) {
        size_t len = strlen(list->items[i].name);
        if (i > first) {
            bool wrap = line + len > 46;
            buf_append_str(text, wrap ? ",\n" : ", ");
            line = wrap ? 0 : line + 2;
        }
        buf_append_str(text, list->items[i].name);
        line += len;
    }
    return i;
}

static void add_flights(struct session_reader *s, int side)
{
    const struct seen_list *list = &s->sent[side];
    for (size_t i = 0; i < list->count;) {
        struct buf text = {0};
        const struct seen *arrived = arrival(s, side, i);
        size_t end = one_flight(s, side, i, &text);
        struct chart_row *row = chart_add(s->base.chart);
        row->shape = CHART_ARROW;
        row->kind = list->items[i].alert ? CHART_ALERT : CHART_HANDSHAKE;
        row->at = list->items[i].at;
        row->from = (uint32_t)side;
        row->to = (uint32_t)(1 - side);
        row->fate = arrived != NULL ? CHART_ARRIVED : CHART_LOST;
        row->text = chart_text(&text);
        row->more = arrived != NULL ? mem_printf("%.3f ms", in_ms(arrived->at - row->at))
                                    : mem_strdup("never seen at the other end");
        i = end;
    }
}

static void seen_fini(struct seen_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
    }
    free(list->items);
}

static const char session_sql[] =
    "SELECT i.entity_id, i.name, i.role, r.entity_id, r.name, r.role, s.started_ns, "
    "s.established_ns, s.ended_ns, s.outcome, s.failure, s.kind, coalesce(l.hop, l.name), "
    "s.policy, s.version, s.cipher, s.handshake_bytes, s.session_id, s.retransmissions "
    "FROM session s JOIN entity i ON i.entity_id = s.initiator "
    "JOIN entity r ON r.entity_id = s.responder LEFT JOIN link l ON l.link_id = s.link_id "
    "WHERE s.session_id = ?1";
/* Handshake messages and alerts together, in the order in which each end saw them. */
static const char seen_sql[] =
    "SELECT side, direction, at_ns, name, 0 AS alert, rowid AS id FROM handshake "
    "WHERE session_id = ?1 UNION ALL "
    "SELECT side, direction, at_ns, 'alert: ' || name || ' (' || level || ')', 1, rowid "
    "FROM alert WHERE session_id = ?1 ORDER BY at_ns, alert, id";
/* What it carried, and what went past it on the same hop while it stood. */
static const char session_messages_sql[] =
    "SELECT " MESSAGE_COLUMNS "JOIN session s ON s.session_id = ?1 "
    "WHERE h.session_id = s.session_id OR (h.session_id IS NULL AND h.link_id = s.link_id "
    "AND h.sent_ns BETWEEN s.started_ns AND coalesce(s.ended_ns, 9e18) "
    "AND h.sender IN (s.initiator, s.responder) AND h.receiver IN (s.initiator, s.responder)) "
    "ORDER BY coalesce(h.sent_ns, h.queued_ns), m.message_id, h.hop";

int chart_read_session(struct record_db *db, int64_t session, struct chart *c,
                       struct diag_list *diags)
{
    struct session_reader s = {.base = {.db = db, .diags = diags, .chart = c}};
    int r = reader_ask(&s.base, session_sql, session, on_session);
    if (r == 0 && !s.found) {
        r = reader_no_such(db, "session", session, diags);
    }
    if (r == 0) {
        r = reader_ask(&s.base, seen_sql, session, on_seen);
    }
    if (r == 0) {
        add_flights(&s, 0);
        add_flights(&s, 1);
        r = reader_ask(&s.base, session_messages_sql, session, reader_message);
    }
    reader_settle_lines(&s.base);
    for (int side = 0; side < SIDES; side++) {
        seen_fini(&s.sent[side]);
        seen_fini(&s.received[side]);
    }
    reader_fini(&s.base);
    return r;
}
