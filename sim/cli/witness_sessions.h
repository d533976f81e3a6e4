/* What the third witness, tshark, reads of each session in a capture, compared with what its two
 * ends and the tap on its link say. */
#ifndef SIM_CLI_WITNESS_SESSIONS_H
#define SIM_CLI_WITNESS_SESSIONS_H

#include "sim/record/judge.h"

/* Reads the capture of link `link`, named `name`, with the key log of `pcap_dir`, and adds a
 * finding "witness-tshark-sessions" to `j`. Every session over this link (or whose hop begins with
 * it) that both ends call established is there; its version, suite, group, server random and the
 * certificates that were shown are those that the ends have; it has as many records each way as the
 * tap counted, and the alerts that the ends sent and received; and no session is there that is not
 * on record. Of a session on which somebody made attacks records and alerts are not compared: they
 * are his. Unknown where there is no capture; nothing is added where no session ran. Returns as
 * tshark_ask(). */
int witness_sessions(struct record_db *db, const char *pcap_dir, int64_t link, const char *name,
                     const char *capture, struct judgement *j, struct diag_list *diags);

#endif
