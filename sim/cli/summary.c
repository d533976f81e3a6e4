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

static void message_line(const struct world_messages *m, struct buf *out)
{
    double latency_ms = m->delivered > 0 ? (double)m->latency / 1e6 / (double)m->delivered : 0.0;
    buf_printf(out,
               "  %-27s %6" PRIu64 " %9" PRIu64 " %6" PRIu64 " %7" PRIu64 " %9" PRIu64 " %8" PRIu64
               " of %-8" PRIu64 " %8.1f\n",
               m->type, m->sent, m->delivered, m->lost, m->refused, m->in_flight, m->protected_hops,
               m->hops, latency_ms);
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

int summary_messages(const struct world *w, struct record_db *db, struct buf *out,
                     struct diag_list *diags)
{
    buf_printf(out, "  %-27s %6s %9s %6s %7s %9s %20s %8s\n", "message", "sent", "delivered",
               "lost", "refused", "in flight", "protected hops", "mean ms");
    struct world_messages *messages;
    size_t count = world_messages(w, &messages);
    bool of_groups = false;
    for (size_t i = 0; i < count; i++) {
        message_line(&messages[i], out);
        of_groups = of_groups || strcmp(messages[i].type, "SGMessage") == 0;
    }
    free(messages);
    return of_groups ? record_db_query(db, extension_sql, NULL, 0, extension_row, out, diags) : 0;
}
