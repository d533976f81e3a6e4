/* The third witness: tshark reads the captures of a run and says whether it sees what the database
 * says. The first two are the ends of each session and the octets of the links, both in the
 * database. */
#ifndef SIM_CLI_WITNESS_H
#define SIM_CLI_WITNESS_H

#include "sim/record/judge.h"

/* Asks tshark about every link of the run that has a capture in `pcap_dir`, and adds to `j`:
 *
 *   witness-tshark     of each link: with the key log it reads every message that a session
 *                      delivered, and none that was not sent; without keys it reads none
 *   witness-tshark-sessions  of each link: what witness_sessions.h says
 *   forward-secrecy    of each key thief and link: with the long-term key he took (files
 *                      ATTACKER-NODE.pem and .psk beside the captures) it reads none. Where the
 *                      scenario claims it, that claim is judged by all of them
 *
 * A link without a capture is unknown. 0; -SIM_ENOENT: there is no tshark; -SIM_EIO; a sentence in
 * `diags` then. */
int witness_tshark(struct record_db *db, const char *pcap_dir, struct judgement *j,
                   struct diag_list *diags);

/* Only what it says of key thieves, the same way: few of the questions. */
int witness_stolen_keys(struct record_db *db, const char *pcap_dir, struct judgement *j,
                        struct diag_list *diags);

#endif
