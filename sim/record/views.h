/* The documentation of the views, read from the comments in results/views.sql:
 *
 *     -- VIEW: what a row is
 *     -- VIEW.COLUMN [UNIT]: what it means
 */
#ifndef SIM_RECORD_VIEWS_H
#define SIM_RECORD_VIEWS_H

/* Calls `fn` for each view (column NULL) and each of its columns; strings are valid during the
 * call. */
void record_views_document(void (*fn)(void *arg, const char *view, const char *column,
                                      const char *unit, const char *text),
                           void *arg);

/* The named queries of results/queries.sql ("-- query NAME: what it tells"): calls `fn` for each;
 * `sql` is valid during the call. */
void record_queries(void (*fn)(void *arg, const char *name, const char *text, const char *sql),
                    void *arg);

#endif
