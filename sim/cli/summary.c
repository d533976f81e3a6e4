#include "sim/cli/summary.h"

#include <inttypes.h>

static const char sessions_sql[] =
    "SELECT s.hop, count(*), sum(s.established_s IS NOT NULL), sum(s.resumed = 1),"
    " sum(s.outcome = 'failed'), coalesce(s.version, '-'), coalesce(s.cipher, s.kind),"
    " coalesce(s.kex_group, '-'), avg(s.setup_ms), max(s.setup_ms)"
    " FROM v_session s GROUP BY s.hop, s.version, s.cipher, s.kex_group ORDER BY 1 DESC, 2 DESC";

static const char failures_sql[] =
    "SELECT hop, failure, sessions FROM v_failure ORDER BY sessions DESC, hop, failure LIMIT 8";

static const char messages_sql[] =
    "SELECT m.type, count(*), sum(m.outcome = 'delivered'), sum(m.outcome = 'lost'),"
    " sum(m.outcome = 'refused'), sum(m.outcome = 'in_flight'), sum(m.hops),"
    " sum(m.protected_hops), avg(m.latency_ms)"
    " FROM v_message m GROUP BY m.type ORDER BY min(m.message_id)";

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

static bool message_row(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    buf_printf(arg,
               "  %-27s %6" PRId64 " %9" PRId64 " %6" PRId64 " %7" PRId64 " %9" PRId64 " %8" PRId64
               " of %-8" PRId64 " %8.1f\n",
               v[0].text, v[1].integer, v[2].integer, v[3].integer, v[4].integer, v[5].integer,
               v[7].integer, v[6].integer, number(&v[8]));
    return true;
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
    int r = record_db_query(db, messages_sql, NULL, 0, message_row, out, diags);
    return r == 0 ? record_db_query(db, extension_sql, NULL, 0, extension_row, out, diags) : r;
}
