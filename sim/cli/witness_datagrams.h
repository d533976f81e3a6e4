/* What tshark reads of sessions over datagrams: records of DTLS, which hold messages whole or in
 * pieces (secure/dtls_pieces.h). */
#ifndef SIM_CLI_WITNESS_DATAGRAMS_H
#define SIM_CLI_WITNESS_DATAGRAMS_H

#include "sim/core/buf.h"
#include "sim/core/diag.h"

/* Hands each whole message of a capture on; `flow` names one direction between two ends. Adds the
 * packets of which tshark read anything to `*packets`. `preference`: as tshark_ask(). An error of
 * tshark_ask(), with a sentence. */
int witness_datagrams(const char *capture, const char *preference, const char *home,
                      void (*fn)(void *arg, const char *flow, struct span message), void *arg,
                      size_t *packets, struct diag_list *diags);

#endif
