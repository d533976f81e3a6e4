#include "sim/cli/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char sessions_sql[] =
    "SELECT hop, count(*), count(established_ns), sum(resumed = 1), sum(outcome = 'failed'),"
    " coalesce(version, '-'), coalesce(cipher, kind), coalesce(kex_group, '-'),"
    " avg((established_ns - started_ns) / 1e6), max((established_ns - started_ns) / 1e6)"
    " FROM session GROUP BY hop, version, cipher, kex_group ORDER BY 1 DESC, 2 DESC";

static const char failures_sql[] =
    "SELECT hop, failure, sessions FROM v_failure ORDER BY sessions DESC, hop, failure LIMIT 8";

/* Grouped here: SQLite would sort them all by type. */
static const char messages_sql[] =
    "SELECT type, outcome, hops, protected_hops, delivered_ns - sent_ns FROM message"
    " ORDER BY message_id";

static const char extension_sql[] = "SELECT count(*) FROM message_hop"
                                    " WHERE exemption = 'group_key_extension' HAVING count(*) > 0";

static const char contacts_sql[] =
    "WITH moving AS (SELECT count(DISTINCT link_id) AS links FROM motion),"
    " span AS (SELECT coalesce(reached_ns, until_ns) / 1e9 AS s FROM run)"
    " SELECT m.links, count(c.link), avg(c.duration_s), max(c.gap_s),"
    " 100 * coalesce(sum(c.duration_s), 0) / (m.links * span.s)"
    " FROM moving m CROSS JOIN span LEFT JOIN v_contact c WHERE m.links > 0 GROUP BY m.links";

/* Cells read as numbers are 0 where SQL says NULL. */
static double number(const struct record_value *v)
{
    return v->kind == RECORD_IS_REAL ? v->real : (double)v->integer;
}

static bool session_row(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    buf_printf(arg,
               "  %-15s %6" PRId64 " %12" PRId64 " %8" PRId64 " %7" PRId64
               "   %8.1f / %-8.1f  %s %s %s\n",
               v[0].text, v[1].integer, v[2].integer, v[3].integer, v[4].integer, number(&v[8]),
               number(&v[9]), v[5].text, v[6].text, v[7].text);
    return true;
}

static bool failure_row(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    buf_printf(arg, "  %-15s %6" PRId64 " failed: %s\n", v[0].text, v[2].integer,
               v[1].text != NULL ? v[1].text : "-");
    return true;
}

int summary_sessions(struct record_db *db, struct buf *out, struct diag_list *diags)
{
    buf_printf(out, "  %-15s %6s %12s %8s %7s   %19s  %s\n", "hop", "opened", "established",
               "resumed", "failed", "setup ms mean / max", "negotiated");
    int r = record_db_query(db, sessions_sql, NULL, 0, session_row, out, diags);
    return r == 0 ? record_db_query(db, failures_sql, NULL, 0, failure_row, out, diags) : r;
}

/* Messages of one type. */
struct type_sum {
    char *name;
    int64_t sent, delivered, lost, refused, in_flight;
    int64_t hops, protected_hops;
    int64_t latency_ns; /* of all that were delivered */
    int64_t timed;
};

struct message_sums {
    struct type_sum *types; /* in the order of their first messages */
    size_t count, capacity;
};

static struct type_sum *type_of(struct message_sums *sums, const char *name)
{
    for (size_t i = 0; i < sums->count; i++) {
        if (strcmp(sums->types[i].name, name) == 0) {
            return &sums->types[i];
        }
    }
    struct type_sum *t = MEM_PUSH(sums->types, sums->count, sums->capacity);
    *t = (struct type_sum){.name = mem_strdup(name)};
    return t;
}

static bool message_row(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct type_sum *t = type_of(arg, v[0].text);
    t->sent++;
    t->delivered += strcmp(v[1].text, "delivered") == 0;
    t->lost += strcmp(v[1].text, "lost") == 0;
    t->refused += strcmp(v[1].text, "refused") == 0;
    t->in_flight += strcmp(v[1].text, "in_flight") == 0;
    t->hops += v[2].integer;
    t->protected_hops += v[3].integer;
    if (v[4].kind != RECORD_IS_NULL) {
        t->timed++;
        t->latency_ns += v[4].integer;
    }
    return true;
}

static void message_line(const struct type_sum *t, struct buf *out)
{
    buf_printf(out,
               "  %-27s %6" PRId64 " %9" PRId64 " %6" PRId64 " %7" PRId64 " %9" PRId64 " %8" PRId64
               " of %-8" PRId64 " %8.1f\n",
               t->name, t->sent, t->delivered, t->lost, t->refused, t->in_flight, t->protected_hops,
               t->hops, t->timed > 0 ? (double)t->latency_ns / 1e6 / (double)t->timed : 0.0);
}

static bool extension_row(void *arg, size_t columns, const char *const *names,
                          const struct record_value *v)
{
    (void)columns;
    (void)names;
    buf_printf(arg,
               "  %" PRId64 " hops of SGMessage outside sessions, their payload sealed by group "
               "keys: an extension of this simulator, not of clause 5.9.1\n",
               v[0].integer);
    return true;
}

static bool contact_row(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    buf_printf(arg,
               "  motion: %" PRId64 " links, %" PRId64
               " contacts of %.1f s on average, in reach %.1f %% of the time, longest gap %.1f s\n",
               v[0].integer, v[1].integer, number(&v[2]), number(&v[4]), number(&v[3]));
    return true;
}

int summary_contacts(struct record_db *db, struct buf *out, struct diag_list *diags)
{
    return record_db_query(db, contacts_sql, NULL, 0, contact_row, out, diags);
}

int summary_messages(struct record_db *db, struct buf *out, struct diag_list *diags)
{
    buf_printf(out, "  %-27s %6s %9s %6s %7s %9s %20s %8s\n", "message", "sent", "delivered",
               "lost", "refused", "in flight", "protected hops", "mean ms");
    struct message_sums sums = {0};
    int r = record_db_query(db, messages_sql, NULL, 0, message_row, &sums, diags);
    bool of_groups = false;
    for (size_t i = 0; i < sums.count; i++) {
        if (r == 0) {
            message_line(&sums.types[i], out);
        }
        of_groups = of_groups || strcmp(sums.types[i].name, "SGMessage") == 0;
        free(sums.types[i].name);
    }
    free(sums.types);
    return r == 0 && of_groups
               ? record_db_query(db, extension_sql, NULL, 0, extension_row, out, diags)
               : r;
}
