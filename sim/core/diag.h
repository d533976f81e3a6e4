/* Diagnostics about files a user wrote: file:line:col, a sentence, the line with a caret, a near
 * name. Collected in a list so that all errors of a file are told in one go. */
#ifndef SIM_CORE_DIAG_H
#define SIM_CORE_DIAG_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_severity severity;
    const char *code;  /* stable identifier such as "unknown-key"; static storage */
    char *file;        /* may be NULL: not about a file (e.g. the command line) */
    int line;          /* from 1; 0: unknown */
    int column;        /* from 1; 0: unknown */
    int length;        /* how many columns the caret underlines, at least 1 */
    char *message;     /* one sentence without a full stop */
    char *hint;        /* "did you mean "lte"?" or NULL */
    char *source_line; /* the text of the line, or NULL */
};

/* All zero is an empty list. */
struct diag_list {
    struct diag *items;
    size_t count;
    size_t capacity;
    size_t errors;
};

/* Frees the entries; the list may be used again. */
void diag_list_fini(struct diag_list *list);

/* Adds one; its strings are copied. The returned entry may be completed by the caller (hint,
 * source_line: heap memory, adopted) and is valid until the next addition. */
struct diag *diag_add(struct diag_list *list, enum diag_severity severity, const char *code,
                      const char *file, int line, int column, const char *format, ...)
    SIM_PRINTF(7, 8);

/* Puts the entries of `from` behind those of `to`; `from` is empty then. */
void diag_list_move(struct diag_list *to, struct diag_list *from);

/* Orders by file, line, column (stable) and drops exact repetitions. */
void diag_list_sort(struct diag_list *list);

/* "FILE:LINE:COL: error: MESSAGE, HINT", the source line and the caret; ANSI colours when `colour`.
 */
void diag_render(const struct diag_list *list, bool colour, struct buf *out);

/* The name of `names` nearest to `wanted` (Damerau-Levenshtein, at most a third of the length
 * away), or NULL. Borrowed from `names`. */
const char *diag_nearest(const char *wanted, const char *const *names, size_t count);

#endif
