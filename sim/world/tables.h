/* The tables that the world fills; their columns, units and words are documented where they are
 * declared, and table `doc` of every result database is made from that. The views of results/ are
 * built on them. */
#ifndef SIM_WORLD_TABLES_H
#define SIM_WORLD_TABLES_H

#include "sim/record/recorder.h"

extern const struct record_table table_entity;
extern const struct record_table table_link;
extern const struct record_table table_way;
extern const struct record_table table_session;
extern const struct record_table table_session_end;
extern const struct record_table table_session_epoch;
extern const struct record_table table_capture;
extern const struct record_table table_message_frame;
extern const struct record_table table_alert;
extern const struct record_table table_handshake;
extern const struct record_table table_message;
extern const struct record_table table_flow;
extern const struct record_table table_message_account;
extern const struct record_table table_message_hop;
extern const struct record_table table_wire_finding;
extern const struct record_table table_transition;
extern const struct record_table table_motion;
extern const struct record_table table_battery;
extern const struct record_table table_event;
extern const struct record_table table_expect;
/* tables_attack.c */
extern const struct record_table table_tap;
extern const struct record_table table_probe;
/* tables_revocation.c */
extern const struct record_table table_revoked;
extern const struct record_table table_revocation_list;
extern const struct record_table table_status_fetch;
extern const struct record_table table_half_open;
/* tables_stores.c */
extern const struct record_table table_store_pn;
extern const struct record_table table_store_pn_member;
extern const struct record_table table_store_group;
extern const struct record_table table_store_group_member;
extern const struct record_table table_store_item;

/* All of them, in the order of creation. */
extern const struct record_table *const world_tables[];
extern const size_t world_table_count;

#endif
