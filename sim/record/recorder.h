/* The recorder: typed tables, declared beside their producer, written to one SQLite file a run.
 *
 * Rows are written in the order of recorder_put() in batched transactions by a thread of their own,
 * so that nobody waits for SQLite. The first error sticks: later puts do nothing, recorder_close()
 * reports it, and what was committed stays readable. Not thread-safe. */
#ifndef SIM_RECORD_RECORDER_H
#define SIM_RECORD_RECORDER_H

#include "sim/core/base.h"
#include "sim/core/diag.h"

#define RECORD_APPLICATION_ID 0x43504E53 /* "CPNS" */
#define RECORD_SCHEMA_VERSION 1

enum record_kind { RECORD_INTEGER, RECORD_REAL, RECORD_TEXT, RECORD_BLOB };

struct record_column {
    const char *name;
    enum record_kind kind;
    bool nullable;
    const char *unit;       /* "ns", "octets", "0/1", "" ... */
    const char *doc;        /* one sentence */
    const char *references; /* "session(session_id)" or NULL */
};

struct record_table {
    const char *name;
    const char *doc;
    const struct record_column *columns; /* the first is the primary key when `keyed` */
    size_t column_count;
    bool keyed;               /* first column INTEGER PRIMARY KEY, given by the producer */
    const char *indexes;      /* columns to index, separated by ';' ("link_id;sent_ns"), or NULL */
    bool outside_fingerprint; /* what depends on how a scenario was run, captures or not, say */
};

enum record_value_kind {
    RECORD_IS_NULL,
    RECORD_IS_INTEGER,
    RECORD_IS_REAL,
    RECORD_IS_TEXT,
    RECORD_IS_BLOB
};

/* One cell; text and blob are borrowed during recorder_put(). */
struct record_value {
    enum record_value_kind kind;
    int64_t integer;
    double real;
    const char *text;
    size_t len; /* of the blob */
};

struct record_value record_null(void);
struct record_value record_int(int64_t v);
/* NULL when `v` is SIM_TIME_NEVER. */
struct record_value record_time(sim_time v);
struct record_value record_real(double v);
/* NULL when `s` is NULL. */
struct record_value record_text(const char *s);
struct record_value record_blob(const void *data, size_t len);

struct recorder;

/* Facts about the run; the row `run` is written from it at once with status "running". Borrowed. */
struct record_run {
    const char *scenario_name;
    const char *scenario_path;
    const char *scenario_text; /* the main file and its includes, as read */
    const char *scenario_hash; /* hex SHA-256 of the text and the overrides */
    const char *overrides;     /* "K=V" lines of --set, or "" */
    uint64_t seed;
    const char *rng_mode; /* "seeded" or "system" */
    sim_time until;
    uint32_t workers;
    /* key/value pairs for table `environment`: versions of cpnsim, OpenSSL, ns-3, SQLite ... */
    const char *const (*environment)[2];
    size_t environment_count;
};

/* Creates the database at `path` (an older file of ours there is replaced; anything else is refused
 * with -SIM_EEXIST) with `tables` (borrowed until close), the built-in tables `run`, `environment`
 * and `doc`, and the views of results/. It is written as `path` + "-journal"-safe SQLite; a crash
 * leaves status "running". */
int recorder_open(const char *path, const struct record_table *const *tables, size_t table_count,
                  const struct record_run *run, struct recorder **ret, struct diag_list *diags);

/* Appends a row: `values` has table->column_count cells. A NULL in a column that is not nullable or
 * a value of another kind is a bug (CHECK). */
void recorder_put(struct recorder *rec, const struct record_table *table,
                  const struct record_value *values);
/* Commits what was put, so that a reader (or a crash) sees it. */
void recorder_flush(struct recorder *rec);
/* The sticky error's sentence or NULL. A row's error may show later than its recorder_put(), and no
 * later than the next recorder_flush(). */
const char *recorder_error(const struct recorder *rec);
/* Rows put so far. */
uint64_t recorder_rows(const struct recorder *rec);

struct record_end {
    const char *status;      /* "ok", "violated", "unknown", "failed" or "aborted" */
    sim_time reached;        /* virtual time at the end */
    uint64_t events;         /* events handled */
    double wall_s;           /* seconds of wall clock */
    int64_t peak_memory_kib; /* of the process */
};

/* Writes the run's end, closes. -SIM_EIO with the sentence in `diags` when
 * anything had failed (the run row then says "failed" if that could still be written). Frees `rec`
 * in any case. */
int recorder_close(struct recorder *rec, const struct record_end *end, struct diag_list *diags);
/* Lets a caller query the open database after a flush: the claims are judged through this. Prepares
 * nothing that outlives the call. */
struct record_db;
struct record_db *recorder_db(struct recorder *rec);

/* --- reading ------------------------------------------------------------------------------------
 */

/* Opens a result database read-only. -SIM_EBADMSG: not a cpnsim database (application_id), or of a
 * newer schema; -SIM_ENOENT: no such file. A sentence goes to `diags`. */
int record_db_open(const char *path, struct record_db **ret, struct diag_list *diags);
void record_db_close(struct record_db *db);

/* Called for each row; texts are NULL for SQL NULL. Return false to stop. */
typedef bool record_row_fn(void *arg, size_t columns, const char *const *names,
                           const struct record_value *values);
/* Runs one SELECT with optional bound parameters ?1 ?2 ... -SIM_EINVAL and a sentence in `diags` on
 * an SQL error; statements that would write are refused. */
int record_db_query(struct record_db *db, const char *sql, const struct record_value *params,
                    size_t param_count, record_row_fn *fn, void *arg, struct diag_list *diags);

#endif
