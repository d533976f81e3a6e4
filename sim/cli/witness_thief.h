/* A key thief's loot, tried on the captures by tshark: what he reads of what had been sent when he
 * came, and of what was sent afterwards. */
#ifndef SIM_CLI_WITNESS_THIEF_H
#define SIM_CLI_WITNESS_THIEF_H

#include "sim/record/judge.h"

struct thief {
    char *attacker, *node; /* node: whose keys he took */
    int64_t node_id;
    int64_t at; /* ns of virtual time */
};

struct captured_link {
    int64_t id;
    char *name;
};

/* Tries the keys (files ATTACKER-NODE.pem and .psk in `dir`) on the capture of each link in `dir`,
 * and adds one finding "forward-secrecy": violated when any message was read, unknown when there
 * was nothing to try. An error of tshark_ask() or record_db_query(), with a sentence. */
int thief_examine(struct record_db *db, const char *dir, const struct thief *t,
                  const struct captured_link *links, size_t link_count, struct judgement *j,
                  struct diag_list *diags);

#endif
