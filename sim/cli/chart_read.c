#include "sim/cli/chart_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/chart_reader.h"

char *chart_text(struct buf *b)
{
    buf_append_u8(b, '\0');
    char *s = mem_strdup((const char *)buf_span(b).data);
    buf_fini(b);
    return s;
}

/* --- lifelines
 * ------------------------------------------------------------------------------------ */

struct party *reader_party(struct reader *r, int64_t entity, const char *name, const char *role)
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

void reader_meet(struct reader *r, size_t a, size_t b)
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

void reader_settle_lines(struct reader *r)
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

void reader_fini(struct reader *r)
{
    for (size_t i = 0; i < r->party_count; i++) {
        free(r->parties[i].name);
        free(r->parties[i].words);
    }
    free(r->parties);
    map_fini(&r->repeated);
}

int reader_ask(struct reader *r, const char *sql, int64_t id, record_row_fn *fn)
{
    const struct record_value param = record_int(id);
    return record_db_query(r->db, sql, &param, 1, fn, r, r->diags);
}

/* --- messages
 * ------------------------------------------------------------------------------------- */

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
    if (cell_is_null(&v[M_LINK])) {
        return CHART_INSIDE;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(words); i++) {
        if (strcmp(cell_text(&v[M_EXEMPTION]), words[i].word) == 0) {
            return words[i].kind;
        }
    }
    /* What was never written was not unprotected either. */
    return v[M_PROTECTED].integer != 0 || cell_is_null(&v[M_SENT]) ? CHART_PROTECTED
                                                                   : CHART_UNPROTECTED;
}

static enum chart_fate fate_of(const struct record_value *v)
{
    if (strcmp(cell_text(&v[M_OUTCOME]), "lost") == 0) {
        return cell_is_null(&v[M_SENT]) ? CHART_NEVER_SENT : CHART_LOST;
    }
    if (strcmp(cell_text(&v[M_OUTCOME]), "in_flight") == 0) {
        return CHART_IN_FLIGHT;
    }
    return v[M_IS_LAST].integer != 0 && strcmp(cell_text(&v[M_END]), "refused") == 0
               ? CHART_REFUSED
               : CHART_ARRIVED;
}

/* How often this message has been sent over this hop so far: a request that is repeated keeps its
 * TransactionID. */
static uint64_t repetition(struct reader *r, const struct record_value *v)
{
    char *key = mem_printf("%s %s %" PRId64 " %" PRId64 " %" PRId64, cell_text(&v[M_ORIGIN]),
                           cell_text(&v[M_TYPE]), v[M_TRANSACTION].integer, v[M_SENDER].integer,
                           v[M_RECEIVER].integer);
    uint64_t count = 0;
    map_get_str(&r->repeated, key, &count);
    map_set_str(&r->repeated, key, ++count);
    free(key);
    return count;
}

bool reader_message(void *arg, size_t columns, const char *const *names,
                    const struct record_value *v)
{
    struct reader *r = arg;
    CHECK(columns == M_COLUMNS);
    (void)names;
    reader_party(r, v[M_SENDER].integer, cell_text(&v[M_SENDER_NAME]),
                 cell_text(&v[M_SENDER_ROLE]));
    size_t to = (size_t)(reader_party(r, v[M_RECEIVER].integer, cell_text(&v[M_RECEIVER_NAME]),
                                      cell_text(&v[M_RECEIVER_ROLE])) -
                         r->parties);
    size_t from = (size_t)(reader_party(r, v[M_SENDER].integer, "", "") - r->parties);
    reader_meet(r, from, to);
    struct chart_row *row = chart_add(r->chart);
    row->shape = CHART_ARROW;
    row->at = cell_time(&v[M_AT]);
    row->from = (uint32_t)from;
    row->to = (uint32_t)to;
    row->kind = kind_of(v);
    row->fate = fate_of(v);
    struct buf text = {0};
    buf_append_str(&text, cell_text(&v[M_TYPE]));
    if (!cell_is_null(&v[M_STATUS])) {
        buf_printf(&text, " %" PRId64, v[M_STATUS].integer);
    }
    uint64_t times = repetition(r, v);
    if (times > 1) {
        buf_printf(&text, " (sent again, no. %" PRIu64 ")", times);
    }
    row->text = chart_text(&text);
    switch (row->fate) {
    case CHART_ARRIVED:
        if (!cell_is_null(&v[M_LINK])) {
            buf_printf(&text, "%" PRId64 " octets, ", v[M_WIRE].integer);
        }
        buf_printf(&text, "%.3f ms", in_ms(v[M_RECEIVED].integer - v[M_SENT].integer));
        break;
    case CHART_REFUSED:
        buf_printf(&text, "refused: %s", cell_text(&v[M_END_REASON]));
        break;
    case CHART_LOST:
        buf_printf(&text, "lost: %s", cell_text(&v[M_REASON]));
        break;
    case CHART_NEVER_SENT:
        buf_printf(&text, "never sent: %s", cell_text(&v[M_REASON]));
        break;
    case CHART_IN_FLIGHT:
        buf_append_str(&text, "on its way when the run ended");
        break;
    }
    row->more = chart_text(&text);
    row->id = mem_printf("data-message=\"%" PRId64 "\" data-hop=\"%" PRId64 "\"", v[M_ID].integer,
                         v[M_HOP].integer);
    return true;
}

/* --- what there is instead
 * ------------------------------------------------------------------------ */

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

int reader_no_such(struct record_db *db, const char *what, int64_t id, struct diag_list *diags)
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
