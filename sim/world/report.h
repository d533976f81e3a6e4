/* Rows of the result. Only files of sim/world include this. */
#ifndef SIM_WORLD_REPORT_H
#define SIM_WORLD_REPORT_H

#include "sim/world/world_internal.h"

/* report.c: rows */
void report_row(struct world *w, const struct record_table *table,
                const struct record_value *values, size_t count);
#define PUT(w, table, ...)                                                                         \
    do {                                                                                           \
        const struct record_value row_[] = {__VA_ARGS__};                                          \
        report_row((w), &(table), row_, SIM_ARRAY_LEN(row_));                                      \
    } while (0)
struct flow_row {
    uint64_t id, parent;
    const char *kind, *subject;
    entity_id initiator;
    sim_time started_at, ended_at;
    const char *outcome, *reason;
    uint64_t messages;
    uint32_t interruptions;
    sim_time interruption;
    uint64_t plain_bytes, wire_bytes;
};
const char *flow_outcome_word(enum flow_outcome outcome);
void report_flow(struct world *w, const struct flow_row *f);
void report_entities(struct world *w);
void report_expects(struct world *w);
void report_links(struct world *w);
void report_message(struct world *w, const struct message *m);
void report_carry(struct world *w, const struct carry *c, const char *outcome, const char *reason);
void report_channel(struct world *w, const struct channel *c, const char *outcome);
/* `ended`: SIM_TIME_NEVER: the run did first */
void report_epoch(struct end *end, uint64_t number, sim_time began, sim_time ended);
void report_alert(struct end *end, const struct secure_event *event);
void report_handshake(struct end *end, const struct secure_event *event);
void report_finding(struct wire *wire, uint64_t packet, sim_time at,
                    const struct watch_finding *finding);
void report_transition(const struct entity *e, const struct fsm_table *table, const char *instance,
                       uint32_t from, uint32_t event, uint32_t to, bool allowed);
void report_battery(const struct entity *e, int percent, int64_t charge_uj, int64_t cpu_uj,
                    int64_t sent_uj, int64_t received_uj, int64_t idle_uj);
/* Reach of a wire as it is from now on; `placed`: both ends have a place. */
void report_motion(const struct wire *wire, const struct path_leg *a, const struct path_leg *b,
                   bool placed, sim_time now);
void report_event(struct world *w, const char *what, const struct entity *e, const char *subject,
                  const char *detail);

#endif
