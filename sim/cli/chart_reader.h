/* What reading a session and a flow for a chart have in common. Only chart_read.c, chart_session.c
 * and chart_flow.c include this. */
#ifndef SIM_CLI_CHART_READER_H
#define SIM_CLI_CHART_READER_H

#include "sim/cli/chart_read.h"
#include "sim/core/map.h"

/* --- cells of a row --- */

static inline const char *cell_text(const struct record_value *v)
{
    return v->kind == RECORD_IS_TEXT ? v->text : "";
}

static inline bool cell_is_null(const struct record_value *v)
{
    return v->kind == RECORD_IS_NULL;
}

static inline sim_time cell_time(const struct record_value *v)
{
    return v->kind == RECORD_IS_INTEGER ? v->integer : SIM_TIME_NEVER;
}

static inline double in_ms(sim_time t)
{
    return (double)t / 1e6;
}

/* What `b` holds as a string of its own; `b` is empty then. */
char *chart_text(struct buf *b);

/* --- who takes part --- */

/* In order of appearance, and with which gateway. */
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
};

/* The party that an entity is, added when it is new; valid until the next one is added. */
struct party *reader_party(struct reader *r, int64_t entity, const char *name, const char *role);
/* Two parties talk, by their index: a PNE stands beside the gateway that it first talks to;
 * one that talks to another PNE may know none. */
void reader_meet(struct reader *r, size_t a, size_t b);
/* Lifelines for the parties; until then rows name parties by their index. */
void reader_settle_lines(struct reader *r);
void reader_fini(struct reader *r);

/* --- the database --- */

/* Calls `fn` with `r` for each row; ?1 is `id`. */
int reader_ask(struct reader *r, const char *sql, int64_t id, record_row_fn *fn);
/* -SIM_ENOENT and a sentence that says which there are; another error: as reader_ask(). */
int reader_no_such(struct record_db *db, const char *what, int64_t id, struct diag_list *diags);

/* What reader_message() wants of a SELECT; JOIN and WHERE may follow. */
#define MESSAGE_COLUMNS                                                                            \
    "m.message_id, h.hop, h.sender, a.name, a.role, h.receiver, b.name, b.role, m.type, "          \
    "m.status, m.origin, m.transaction_id, h.protected, h.exemption, h.session_id, "               \
    "coalesce(h.sent_ns, h.queued_ns), h.sent_ns, h.received_ns, h.outcome, h.reason, "            \
    "m.outcome, m.reason, NOT EXISTS (SELECT 1 FROM message_hop n WHERE n.message_id = "           \
    "h.message_id AND n.hop > h.hop), h.plain_bytes, h.wire_bytes, h.link_id "                     \
    "FROM message_hop h JOIN message m ON m.message_id = h.message_id "                            \
    "JOIN entity a ON a.entity_id = h.sender JOIN entity b ON b.entity_id = h.receiver "

/* A message over a hop becomes an arrow. */
record_row_fn reader_message;

#endif
