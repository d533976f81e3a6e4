#include "sim/cli/chart_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"

/* --- cells
 * ---------------------------------------------------------------------------------------- */

static const char *text_of(const struct record_value *v)
{
    return v->kind == RECORD_IS_TEXT ? v->text : "";
}

static bool is_null(const struct record_value *v)
{
    return v->kind == RECORD_IS_NULL;
}

static sim_time time_of(const struct record_value *v)
{
    return v->kind == RECORD_IS_INTEGER ? v->integer : SIM_TIME_NEVER;
}

static double ms(sim_time t)
{
    return (double)t / 1e6;
}

/* `format` with what follows, as a string of its own. */
static char *buf_text(struct buf *b)
{
    buf_append_u8(b, '\0');
    char *s = mem_strdup((const char *)buf_span(b).data);
    buf_fini(b);
    return s;
}

/* --- lifelines
 * -------------------------------------------------------------------------------------- */

/* Who takes part, in order of appearance, and with which gateway. */
struct party {
    int64_t entity;
    int role; /* 0 PNE, 1 gateway, 2 server */
    char *name, *words;
    size_t block; /* number of its gateway among the gateways, SIZE_MAX: not known */
    uint32_t line;
};

struct reader {
    struct record_db *db;
    struct diag_list *diags;
    struct chart *chart;
    struct party *parties;
    size_t party_count, party_capacity;
    size_t gateways;
    struct map repeated; /* a message over a hop -> how often sent so far */
    uint64_t last_message;
};

static struct party *party_of(struct reader *r, int64_t entity, const char *name, const char *role)
{
    for (size_t i = 0; i < r->party_count; i++) {
        if (r->parties[i].entity == entity) {
            return &r->parties[i];
        }
    }
    struct party *p = MEM_PUSH(r->parties, r->party_count, r->party_capacity);
    bool gateway = strcmp(role, "gateway") == 0;
    *p = (struct party){.entity = entity,
                        .role = strcmp(role, "server") == 0 ? 2 : gateway,
                        .name = mem_strdup(name),
                        .words = mem_strdup(strcmp(role, "pne") == 0      ? "PNE"
                                            : gateway                     ? "PN GW"
                                            : strcmp(role, "server") == 0 ? "CPNS Server"
                                                                          : role),
                        .block = gateway ? r->gateways++ : SIZE_MAX};
    return p;
}

/* A PNE stands beside the gateway that it first talks to; another PNE may know none. */
static void meet(struct reader *r, size_t a, size_t b)
{
    for (int i = 0; i < 2; i++) {
        struct party *pne = &r->parties[i == 0 ? a : b];
        const struct party *other = &r->parties[i == 0 ? b : a];
        if (pne->role == 0 && pne->block == SIZE_MAX && other->role == 1) {
            pne->block = other->block;
        }
    }
}

/* From left to right: the first gateway's PNEs, that gateway, the servers, and then each further
 * gateway and its PNEs. Whoever knows no gateway stands at the left. */
static uint32_t place_of(const struct reader *r, const struct party *p)
{
    uint32_t before = 0;
    for (size_t i = 0; i < r->party_count; i++) {
        const struct party *o = &r->parties[i];
        size_t a[3] = {0};
        size_t b[3] = {0};
        for (int k = 0; k < 2; k++) {
            const struct party *x = k == 0 ? p : o;
            size_t *key = k == 0 ? a : b;
            bool left = x->role != 2 && (x->block == 0 || x->block == SIZE_MAX);
            key[0] = left ? 0 : x->role == 2 ? 1 : 2 + x->block;
            key[1] = left ? (x->role == 1 ? 1 : 0) : (x->role == 1 ? 0 : 1);
            key[2] = (size_t)(x - r->parties);
        }
        before += b[0] != a[0] ? b[0] < a[0] : b[1] != a[1] ? b[1] < a[1] : b[2] < a[2];
    }
    return before;
}

/* Lifelines for the parties; until now rows name parties by their index. */
static void settle_lines(struct reader *r)
{
    struct chart *c = r->chart;
    c->lines = mem_calloc(r->party_count, sizeof(*c->lines));
    c->line_count = c->line_capacity = r->party_count;
    for (size_t i = 0; i < r->party_count; i++) {
        struct party *p = &r->parties[i];
        p->line = place_of(r, p);
        c->lines[p->line] = (struct chart_line){.name = p->name, .role = p->words};
        p->name = p->words = NULL;
    }
    for (size_t i = 0; i < c->row_count; i++) {
        c->rows[i].from = r->parties[c->rows[i].from].line;
        c->rows[i].to = r->parties[c->rows[i].to].line;
    }
}

static void reader_fini(struct reader *r)
{
    for (size_t i = 0; i < r->party_count; i++) {
        free(r->parties[i].name);
        free(r->parties[i].words);
    }
    free(r->parties);
    map_fini(&r->repeated);
}

static int ask(struct reader *r, const char *sql, int64_t id, record_row_fn *fn)
{
    const struct record_value param = record_int(id);
    return record_db_query(r->db, sql, &param, 1, fn, r, r->diags);
}

/* --- messages
 * --------------------------------------------------------------------------------------- */

#define MESSAGE_COLUMNS                                                                            \
    "m.message_id, h.hop, h.sender, a.name, a.role, h.receiver, b.name, b.role, m.type, "          \
    "m.status, m.origin, m.transaction_id, h.protected, h.exemption, h.session_id, "               \
    "coalesce(h.sent_ns, h.queued_ns), h.sent_ns, h.received_ns, h.outcome, h.reason, "            \
    "m.outcome, m.reason, NOT EXISTS (SELECT 1 FROM message_hop n WHERE n.message_id = "           \
    "h.message_id AND n.hop > h.hop), h.plain_bytes, h.wire_bytes, h.link_id "                     \
    "FROM message_hop h JOIN message m ON m.message_id = h.message_id "                            \
    "JOIN entity a ON a.entity_id = h.sender JOIN entity b ON b.entity_id = h.receiver "

enum {
    M_ID,
    M_HOP,
    M_SENDER,
    M_SENDER_NAME,
    M_SENDER_ROLE,
    M_RECEIVER,
    M_RECEIVER_NAME,
    M_RECEIVER_ROLE,
    M_TYPE,
    M_STATUS,
    M_ORIGIN,
    M_TRANSACTION,
    M_PROTECTED,
    M_EXEMPTION,
    M_SESSION,
    M_AT,
    M_SENT,
    M_RECEIVED,
    M_OUTCOME,
    M_REASON,
    M_END,
    M_END_REASON,
    M_IS_LAST,
    M_PLAIN,
    M_WIRE,
    M_LINK,
    M_COLUMNS,
};

static enum chart_kind kind_of(const struct record_value *v)
{
    static const struct {
        const char *word;
        enum chart_kind kind;
    } words[] = {{"service_group", CHART_SERVICE_GROUP},
                 {"group_key_extension", CHART_GROUP_KEY},
                 {"before_establishment", CHART_BEFORE_ESTABLISHMENT},
                 {"bridge", CHART_BRIDGE},
                 {"user_plane", CHART_USER_PLANE}};
    if (is_null(&v[M_LINK])) {
        return CHART_INSIDE;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(words); i++) {
        if (strcmp(text_of(&v[M_EXEMPTION]), words[i].word) == 0) {
            return words[i].kind;
        }
    }
    /* What was never written was not unprotected either. */
    return v[M_PROTECTED].integer != 0 || is_null(&v[M_SENT]) ? CHART_PROTECTED : CHART_UNPROTECTED;
}

static enum chart_fate fate_of(const struct record_value *v)
{
    if (strcmp(text_of(&v[M_OUTCOME]), "lost") == 0) {
        return is_null(&v[M_SENT]) ? CHART_NEVER_SENT : CHART_LOST;
    }
    if (strcmp(text_of(&v[M_OUTCOME]), "in_flight") == 0) {
        return CHART_IN_FLIGHT;
    }
    return v[M_IS_LAST].integer != 0 && strcmp(text_of(&v[M_END]), "refused") == 0 ? CHART_REFUSED
                                                                                   : CHART_ARRIVED;
}

/* How often this message has been sent over this hop so far: a request that is repeated keeps its
 * TransactionID. */
static uint64_t repetition(struct reader *r, const struct record_value *v)
{
    char *key = mem_printf("%s %s %" PRId64 " %" PRId64 " %" PRId64, text_of(&v[M_ORIGIN]),
                           text_of(&v[M_TYPE]), v[M_TRANSACTION].integer, v[M_SENDER].integer,
                           v[M_RECEIVER].integer);
    uint64_t count = 0;
    map_get_str(&r->repeated, key, &count);
    map_set_str(&r->repeated, key, ++count);
    free(key);
    return count;
}

static bool on_message(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    struct reader *r = arg;
    CHECK(columns == M_COLUMNS);
    (void)names;
    party_of(r, v[M_SENDER].integer, text_of(&v[M_SENDER_NAME]), text_of(&v[M_SENDER_ROLE]));
    size_t to = (size_t)(party_of(r, v[M_RECEIVER].integer, text_of(&v[M_RECEIVER_NAME]),
                                  text_of(&v[M_RECEIVER_ROLE])) -
                         r->parties);
    size_t from = (size_t)(party_of(r, v[M_SENDER].integer, "", "") - r->parties);
    meet(r, from, to);
    struct chart_row *row = chart_add(r->chart);
    row->shape = CHART_ARROW;
    row->at = time_of(&v[M_AT]);
    row->from = (uint32_t)from;
    row->to = (uint32_t)to;
    row->kind = kind_of(v);
    row->fate = fate_of(v);
    struct buf text = {0};
    buf_append_str(&text, text_of(&v[M_TYPE]));
    if (!is_null(&v[M_STATUS])) {
        buf_printf(&text, " %" PRId64, v[M_STATUS].integer);
    }
    uint64_t times = repetition(r, v);
    if (times > 1) {
        buf_printf(&text, " (sent again, no. %" PRIu64 ")", times);
    }
    row->text = buf_text(&text);
    switch (row->fate) {
    case CHART_ARRIVED:
        if (!is_null(&v[M_LINK])) {
            buf_printf(&text, "%" PRId64 " octets, ", v[M_WIRE].integer);
        }
        buf_printf(&text, "%.3f ms", ms(v[M_RECEIVED].integer - v[M_SENT].integer));
        break;
    case CHART_REFUSED:
        buf_printf(&text, "refused: %s", text_of(&v[M_END_REASON]));
        break;
    case CHART_LOST:
        buf_printf(&text, "lost: %s", text_of(&v[M_REASON]));
        break;
    case CHART_NEVER_SENT:
        buf_printf(&text, "never sent: %s", text_of(&v[M_REASON]));
        break;
    case CHART_IN_FLIGHT:
        buf_append_str(&text, "on its way when the run ended");
        break;
    }
    row->more = buf_text(&text);
    row->id = mem_printf("data-message=\"%" PRId64 "\" data-hop=\"%" PRId64 "\"", v[M_ID].integer,
                         v[M_HOP].integer);
    return true;
}

/* --- a session
 * --------------------------------------------------------------------------------------- */

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
    party_of(&s->base, v[0].integer, text_of(&v[1]), text_of(&v[2]));
    party_of(&s->base, v[3].integer, text_of(&v[4]), text_of(&v[5]));
    meet(&s->base, 0, 1);
    s->started = v[6].integer;
    s->ended = time_of(&v[8]);
    const char *outcome = text_of(&v[9]);
    c->title = mem_printf("Session %" PRId64 ": %s to %s, %s", v[17].integer, text_of(&v[1]),
                          text_of(&v[4]), outcome);
    struct buf text = {0};
    buf_printf(&text, "%s over %s, policy %s", text_of(&v[11]), text_of(&v[12]), text_of(&v[13]));
    if (!is_null(&v[7])) {
        buf_printf(&text, "; established after %.3f ms", ms(v[7].integer - s->started));
        struct chart_row *row = chart_add(c);
        struct buf band = {0};
        row->shape = CHART_BAND;
        row->at = v[7].integer;
        row->to = 1;
        buf_printf(&band, "established: %s %s", is_null(&v[14]) ? "" : text_of(&v[14]),
                   is_null(&v[15]) ? "no encryption" : text_of(&v[15]));
        row->text = buf_text(&band);
    }
    buf_printf(&text, "\n%" PRId64 " octets of handshake, %" PRId64 " TCP segments sent again",
               v[16].integer, v[18].integer);
    c->subtitle = buf_text(&text);
    if (s->ended != SIM_TIME_NEVER) {
        struct chart_row *row = chart_add(c);
        row->shape = CHART_BAND;
        row->at = s->ended;
        row->to = 1;
        row->bad = strcmp(outcome, "failed") == 0;
        row->text = mem_printf("%s%s%s", outcome, is_null(&v[10]) ? "" : ": ", text_of(&v[10]));
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
    int side = strcmp(text_of(&v[0]), "initiator") == 0 ? 0 : 1;
    struct seen_list *list =
        strcmp(text_of(&v[1]), "sent") == 0 ? &s->sent[side] : &s->received[side];
    *MEM_PUSH(list->items, list->count, list->capacity) = (struct seen){
        .at = v[2].integer, .name = mem_strdup(text_of(&v[3])), .alert = v[4].integer != 0};
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
        row->text = buf_text(&text);
        row->more = arrived != NULL ? mem_printf("%.3f ms", ms(arrived->at - row->at))
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

static int no_such(struct record_db *db, const char *what, int64_t id, struct diag_list *diags);

int chart_read_session(struct record_db *db, int64_t session, struct chart *c,
                       struct diag_list *diags)
{
    struct session_reader s = {.base = {.db = db, .diags = diags, .chart = c}};
    int r = ask(&s.base, session_sql, session, on_session);
    if (r == 0 && !s.found) {
        r = no_such(db, "session", session, diags);
    }
    if (r == 0) {
        r = ask(&s.base, seen_sql, session, on_seen);
    }
    if (r == 0) {
        add_flights(&s, 0);
        add_flights(&s, 1);
        r = ask(&s.base, session_messages_sql, session, on_message);
    }
    settle_lines(&s.base);
    for (int side = 0; side < SIDES; side++) {
        seen_fini(&s.sent[side]);
        seen_fini(&s.received[side]);
    }
    reader_fini(&s.base);
    return r;
}

/* --- a flow
 * ------------------------------------------------------------------------------------------ */

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
    party_of(r, v[11].integer, text_of(&v[12]), text_of(&v[13]));
    struct buf text = {0};
    buf_printf(&text, "%s by %s", text_of(&v[0]), text_of(&v[12]));
    if (!is_null(&v[1])) {
        buf_printf(&text, ", about %s", text_of(&v[1]));
    }
    buf_printf(&text, ": %s", text_of(&v[2]));
    if (!is_null(&v[3])) {
        buf_printf(&text, " (%s)", text_of(&v[3]));
    }
    c->title = buf_text(&text);
    if (!is_null(&v[5])) {
        buf_printf(&text, "%.3f ms; ", ms(v[5].integer - v[4].integer));
    }
    buf_printf(&text, "%" PRId64 " messages of %" PRId64 " octets, %" PRId64 " octets on the links",
               v[6].integer, v[7].integer, v[8].integer);
    if (v[14].integer > 0) {
        buf_printf(&text, "; within it %" PRId64 " %s", v[14].integer,
                   v[14].integer == 1 ? "flow" : "flows");
    }
    if (v[9].integer > 0) {
        buf_printf(&text, "\ninterrupted %" PRId64 " times, for %.3f ms in all", v[9].integer,
                   ms(v[10].integer));
    }
    if (v[15].integer < v[6].integer) {
        buf_printf(&text, "\nonly %" PRId64 " of its messages were recorded", v[15].integer);
    }
    c->subtitle = buf_text(&text);
    return true;
}

static bool on_flow_session(void *arg, size_t columns, const char *const *names,
                            const struct record_value *v)
{
    struct reader *r = arg;
    (void)columns;
    (void)names;
    size_t a = (size_t)(party_of(r, v[1].integer, text_of(&v[2]), text_of(&v[3])) - r->parties);
    size_t b = (size_t)(party_of(r, v[4].integer, text_of(&v[5]), text_of(&v[6])) - r->parties);
    meet(r, a, b);
    struct chart_row *row = chart_add(r->chart);
    struct buf text = {0};
    bool up = !is_null(&v[8]);
    row->shape = CHART_BAND;
    row->from = (uint32_t)a;
    row->to = (uint32_t)b;
    row->bad = !up;
    row->at = up ? v[8].integer : is_null(&v[9]) ? v[7].integer : v[9].integer;
    row->id = mem_printf("data-session=\"%" PRId64 "\"", v[0].integer);
    buf_printf(&text, "session %" PRId64 ": ", v[0].integer);
    if (up) {
        buf_printf(&text, "%s, %.3f ms", is_null(&v[10]) ? text_of(&v[13]) : text_of(&v[10]),
                   ms(v[8].integer - v[7].integer));
    } else {
        buf_printf(&text, "%s", is_null(&v[12]) ? "not established" : text_of(&v[12]));
    }
    row->text = buf_text(&text);
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
    row->text = mem_strdup(text_of(&v[2]));
    return true;
}

int chart_read_flow(struct record_db *db, int64_t flow, struct chart *c, struct diag_list *diags)
{
    struct reader r = {.db = db, .diags = diags, .chart = c};
    int e = ask(&r, flow_sql, flow, on_flow);
    if (e == 0 && c->title == NULL) {
        e = no_such(db, "flow", flow, diags);
    }
    if (e == 0) {
        e = ask(&r, flow_states_sql, flow, on_flow_state);
    }
    if (e == 0) {
        e = ask(&r, flow_messages_sql, flow, on_message);
    }
    if (e == 0) {
        e = ask(&r, flow_sessions_sql, flow, on_flow_session);
    }
    settle_lines(&r);
    reader_fini(&r);
    return e;
}

/* --- what there is instead
 * ---------------------------------------------------------------------------- */

static bool on_range(void *arg, size_t columns, const char *const *names,
                     const struct record_value *v)
{
    (void)columns;
    (void)names;
    int64_t *range = arg;
    range[0] = v[0].integer;
    range[1] = v[1].integer;
    return true;
}

static int no_such(struct record_db *db, const char *what, int64_t id, struct diag_list *diags)
{
    int64_t range[2] = {0, 0};
    char *sql = mem_printf("SELECT coalesce(min(%s_id), 0), coalesce(max(%s_id), 0) FROM %s", what,
                           what, what);
    int r = record_db_query(db, sql, NULL, 0, on_range, range, diags);
    free(sql);
    if (r < 0) {
        return r;
    }
    if (range[1] == 0) {
        diag_add(diags, DIAG_ERROR, "unknown-id", NULL, 0, 0, "no %s %" PRId64 ": there is none",
                 what, id);
    } else {
        diag_add(diags, DIAG_ERROR, "unknown-id", NULL, 0, 0,
                 "no %s %" PRId64 ": they go from %" PRId64 " to %" PRId64, what, id, range[0],
                 range[1]);
    }
    return -SIM_ENOENT;
}
