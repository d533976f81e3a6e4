/* tshark, the independent reader of captures: run on a file, its fields handed on line by line. */
#ifndef SIM_CLI_TSHARK_H
#define SIM_CLI_TSHARK_H

#include "sim/core/base.h"
#include "sim/core/buf.h"
#include "sim/core/diag.h"

enum { TSHARK_FIELDS_MAX = 16 };

struct tshark_question {
    const char *capture;                   /* file */
    const char *filter;                    /* display filter */
    const char *fields[TSHARK_FIELDS_MAX]; /* NULL behind the last */
    const char *preference;                /* one more, e.g. "tls.keylog_file:FILE"; or NULL */
    const char *home; /* directory that stands for the user's: no preferences of his */
};

/* Calls `fn` for each packet that passes the filter: the values of its fields, several of one field
 * separated by ','. They may be changed, and are valid during the call. 0; -SIM_ENOENT: there is no
 * tshark; -SIM_EIO: it failed; a sentence in `diags` then. */
int tshark_ask(const struct tshark_question *q, void (*fn)(void *arg, char *const *values),
               void *arg, struct diag_list *diags);

/* Appends the octets that a value shows in hexadecimal digits ("00000012ab"). */
void tshark_octets(const char *hex, struct buf *out);

#endif
