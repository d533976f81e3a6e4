/* Hand-made result databases: rows written as "column=value; ..." through the real recorder, and
 * the answers of queries as text. */
#ifndef TESTS_SUPPORT_HAND_MADE_H
#define TESTS_SUPPORT_HAND_MADE_H

#include "sim/core/buf.h"
#include "sim/record/recorder.h"

/* A row by name, so that a test can change or drop single rows of a sound run. */
struct hand_row {
    const char *label;
    const struct record_table *table;
    const char *cells; /* "session_id=1; kind=tls"; the last of one column counts */
};

/* One change: `cells` are added to those of the row `label` (NULL: the row is left out). A label
 * that no row bears adds a row to `table`. */
struct hand_change {
    const char *label;
    const struct record_table *table;
    const char *cells;
};

/* A fresh temporary directory of the test program, removed at exit. Static storage. */
const char *hand_dir(void);
/* DIR/NAME; the caller frees it. */
char *hand_path(const char *name);

/* Opens a recorder on DIR/NAME with the tables of a run. */
struct recorder *hand_open(const char *name);
/* Puts one row: columns that are not named are NULL where they may be, else 0 or "". Fails the test
 * on a column that is not there. */
void hand_put(struct recorder *rec, const struct record_table *table, const char *cells);
/* Closes with a status of the run. */
void hand_close(struct recorder *rec, const char *status);

/* A run in which everything is in order: pne (2) behind gw (1) behind srv (0), links 0 gw--srv and
 * 1 pne--gw, a TLS session on each (1 on pne--gw, established after 400 ms; 2 on gw--srv, after
 * 100 ms), four messages: 1 discovery outside, 2 over both sessions, 3 the way back, 4 to a Service
 * Group outside. With the changes it is written to DIR/NAME and closed with `status`. */
void hand_run(const char *name, const char *status, const struct hand_change *changes,
              size_t count);

/* All rows of a query over DIR/NAME as "a|b\nc|d\n"; NULL for SQL NULL. The caller frees it. */
char *hand_rows(const char *name, const char *sql);
/* Fails the test, showing both, unless the query gives these rows. */
void hand_expect(const char *name, const char *sql, const char *rows);

#endif
