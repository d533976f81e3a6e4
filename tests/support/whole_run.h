/* Whole runs for tests: write a scenario, run the real `cpnsim` binary on it, ask its database. */
#ifndef TESTS_SUPPORT_WHOLE_RUN_H
#define TESTS_SUPPORT_WHOLE_RUN_H

#include <stdint.h>

/* A fresh temporary directory for the test program, removed at exit. Static storage. */
const char *whole_dir(void);
/* DIR/NAME; the caller frees it. */
char *whole_path(const char *name);
/* Writes `text` to DIR/NAME. */
void whole_write(const char *name, const char *text);
/* Runs `cpnsim ARGS` (printf format) in the source tree's root with DIR/NAME.out and .err taking
 * its output; returns the exit code, or 128 + the signal. */
int whole_cpnsim(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes `yaml` as DIR/NAME.yaml and runs it into DIR/NAME.db with further arguments. */
int whole_run(const char *name, const char *yaml, const char *more);
/* What the last command wrote to standard output and standard error; the caller frees it. */
char *whole_stdout(void);
char *whole_stderr(void);

/* One value of DIR/NAME.db; fails the test when the query fails or gives no row. */
int64_t whole_int(const char *name, const char *sql);
char *whole_text(const char *name, const char *sql); /* NULL for SQL NULL; the caller frees it */
/* Copies DIR/NAME.db to DIR/COPY.db and runs SQL statements on the copy. */
void whole_alter(const char *name, const char *copy, const char *sql);
/* All rows as "a|b\nc|d\n"; the caller frees it. */
char *whole_rows(const char *name, const char *sql);

#endif
