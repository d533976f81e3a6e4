/* One run of an attack search: a process of its own, which tells through a pipe what it saw. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/attack_program.h"
#include "sim/cli/commands.h"
#include "sim/cli/memory.h"
#include "sim/cli/witness.h"
#include "sim/world/world.h"

enum { LINE_PARTS = 5 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path) != 0 && errno != ENOENT ? -1 : 0;
}

void attack_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the process that runs ----------------------------------------------------------------- */

/* What was put to the test inside the sessions and clause 5.9.1 promises; what the scenario expects
 * besides is a claim. An active attacker learns the name of a server that speaks TLS 1.2 whatever
 * comes of the handshake; no session can hasten what is held back, and DTLS counts with loss and
 * disorder: identity-privacy, availability and what v_probe calls not promised count where they are
 * expected. Bounds of metrics are no claims about security. */
#define PROMISED                                                                                   \
    "verdict = 'violated' AND exemption IS NULL AND promised AND property <> 'identity-privacy'"
static const char violations_sql[] =
    "SELECT 'property', property, coalesce(subject, ''), min(evidence), 0 FROM v_probe "
    "WHERE " PROMISED " GROUP BY property, subject "
    "UNION ALL SELECT 'rule', rule, '', min(subject || ': ' || evidence), 0 FROM v_rule GROUP BY "
    "rule "
    "UNION ALL SELECT 'claim', name, coalesce(subject, ''), min(evidence), 0 FROM v_expect "
    "WHERE kind = 'claim' AND verdict = 'violated' AND name NOT IN "
    "(SELECT property FROM v_probe WHERE " PROMISED ") GROUP BY name, subject";

/* Names that an eavesdropper sees are beside what its kind is about. */
static const char trials_sql[] =
    "SELECT 'trials', kind, '', sum(CASE WHEN verdict <> 'inconclusive' THEN trials ELSE 0 END), "
    "sum(CASE WHEN verdict <> 'inconclusive' THEN held ELSE 0 END) FROM v_probe "
    "WHERE exemption IS NULL AND property <> 'identity-privacy' AND attacker LIKE '" ATTACK_ID
    "%' GROUP BY kind";

static void append_field(struct buf *out, const char *text, char end)
{
    for (const char *c = text != NULL ? text : ""; *c != '\0'; c++) {
        buf_append_u8(out, *c == '\t' || *c == '\n' ? ' ' : (uint8_t)*c);
    }
    buf_append_u8(out, (uint8_t)end);
}

static bool add_line(void *arg, size_t columns, const char *const *names,
                     const struct record_value *values)
{
    (void)names;
    struct buf *out = arg;
    for (size_t i = 0; i < columns; i++) {
        char *number =
            values[i].kind == RECORD_IS_INTEGER ? mem_printf("%" PRId64, values[i].integer) : NULL;
        append_field(out, number != NULL ? number : values[i].text, i + 1 < columns ? '\t' : '\n');
        free(number);
    }
    return true;
}

/* What the keys of a thief opened. */
static int ask_witness(struct record_db *db, const char *pcap_dir, struct buf *out,
                       struct diag_list *diags)
{
    struct judgement *j;
    int r = judge_run(db, &j, diags);
    if (r < 0) {
        return r;
    }
    size_t own = j->count;
    r = witness_stolen_keys(db, pcap_dir, j, diags);
    uint64_t tried = 0;
    uint64_t held = 0;
    const char *opened = NULL;
    for (size_t i = own; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        if (strcmp(f->name, "forward-secrecy") == 0 && f->verdict != VERDICT_UNKNOWN) {
            tried++;
            held += f->verdict == VERDICT_HELD;
            opened = f->verdict == VERDICT_VIOLATED ? f->evidence : opened;
        }
    }
    if (tried > 0) {
        buf_printf(out, "trials\tkey-thief\t\t%" PRIu64 "\t%" PRIu64 "\n", tried, held);
    }
    if (opened != NULL) {
        buf_append_str(out, "property\tforward-secrecy\t\t");
        append_field(out, opened, '\t');
        buf_append_str(out, "0\n");
    }
    judgement_free(j);
    return r;
}

static int read_results(const char *database, const char *pcap_dir, struct buf *out,
                        struct diag_list *diags)
{
    struct record_db *db;
    int r = record_db_open(database, &db, diags);
    if (r < 0) {
        return r;
    }
    r = record_db_query(db, violations_sql, NULL, 0, add_line, out, diags);
    if (r == 0) {
        r = record_db_query(db, trials_sql, NULL, 0, add_line, out, diags);
    }
    if (r == 0 && pcap_dir != NULL) {
        r = ask_witness(db, pcap_dir, out, diags);
    }
    record_db_close(db);
    return r;
}

static enum attack_state run_here(const struct attack_bench *bench, const char *path,
                                  const char *pcap_dir, bool witness, struct buf *out,
                                  struct diag_list *diags)
{
    struct scenario *s;
    struct world *w;
    if (scenario_load(path, NULL, cli_vocabulary(), &s, diags) < 0) {
        return ATTACK_REFUSED;
    }
    enum attack_state state = ATTACK_FAILED;
    char *database = mem_printf("%s/run.db", bench->dir);
    const struct world_options options = {.database = database,
                                          .pcap_dir = pcap_dir,
                                          .workers = 1,
                                          .leave_memory = memory_may_be_left()};
    int r = world_create(s, cli_models(), &options, &w, diags);
    if (r < 0) {
        state = r == -SIM_ENOTSUP || r == -SIM_EINVAL ? ATTACK_REFUSED : ATTACK_FAILED;
        goto out;
    }
    r = world_run(w, bench->stop, NULL, NULL);
    bool stopped = world_aborted(w);
    if (r == 0 && world_settle(w) == NULL) {
        r = -SIM_EIO;
    }
    if (world_finish(w, stopped ? "aborted" : r < 0 ? "failed" : "ok", diags) < 0 || r < 0) {
        goto out;
    }
    if (stopped) {
        state = ATTACK_STOPPED;
    } else if (read_results(database, witness ? pcap_dir : NULL, out, diags) == 0) {
        state = ATTACK_RAN;
    }
out:
    free(database);
    scenario_free(s);
    return state;
}

SIM_NORETURN static void become_run(const struct attack_bench *bench, const char *path,
                                    const char *pcap_dir, bool witness, int pipe_end)
{
    struct buf out = {0};
    struct diag_list diags = {0};
    enum attack_state state = run_here(bench, path, pcap_dir, witness, &out, &diags);
    /* Ctrl-C reaches tshark, too: what fails then is no news. */
    if (*bench->stop == 0 && (bench->loud || state == ATTACK_FAILED)) {
        cli_show_diags(&diags);
    }
    struct span left = buf_span(&out);
    while (left.len > 0) {
        ssize_t n = write(pipe_end, left.data, left.len);
        if (n < 0 && errno != EINTR) {
            state = ATTACK_FAILED;
            break;
        }
        left.data += n > 0 ? n : 0;
        left.len -= n > 0 ? (size_t)n : 0;
    }
    buf_fini(&out);
    diag_list_fini(&diags);
    _exit((int)state);
}

/* --- the process that searches ------------------------------------------------------------- */

void attack_outcome_fini(struct attack_outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->violations[i].what);
        free(o->violations[i].name);
        free(o->violations[i].subject);
        free(o->violations[i].evidence);
    }
    free(o->violations);
    *o = (struct attack_outcome){0};
}

static void take_trials(struct attack_outcome *o, char *const *parts)
{
    const struct scenario_vocabulary *words = cli_vocabulary();
    for (size_t i = 0; i < words->attack_count && i < ATTACK_KINDS_MAX; i++) {
        if (strcmp(words->attacks[i].name, parts[1]) == 0) {
            o->trials[i] += strtoull(parts[3], NULL, 10);
            o->held[i] += strtoull(parts[4], NULL, 10);
        }
    }
}

static void take_lines(struct attack_outcome *o, char *text)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        char *parts[LINE_PARTS];
        size_t count = 0;
        while (count < LINE_PARTS && line != NULL) {
            parts[count++] = strsep(&line, "\t");
        }
        if (count < LINE_PARTS) {
            continue; /* what follows the last line */
        }
        if (strcmp(parts[0], "trials") == 0) {
            take_trials(o, parts);
            continue;
        }
        *MEM_PUSH(o->violations, o->count, o->capacity) =
            (struct attack_violation){.what = mem_strdup(parts[0]),
                                      .name = mem_strdup(parts[1]),
                                      .subject = mem_strdup(parts[2]),
                                      .evidence = mem_strdup(parts[3])};
    }
}

/* All that comes out of the pipe; a stop that was asked for is handed on. */
static char *read_pipe(const struct attack_bench *bench, int from, pid_t child)
{
    struct buf text = {0};
    bool told = false;
    for (;;) {
        if (*bench->stop != 0 && !told) {
            kill(child, SIGTERM);
            told = true;
        }
        ssize_t n = read(from, buf_reserve(&text, 4096), 4096);
        if (n > 0) {
            buf_commit(&text, (size_t)n);
        } else if (n == 0 || errno != EINTR) {
            return buf_steal_str(&text);
        }
    }
}

void attack_run(const struct attack_bench *bench, const char *path, const char *pcap_dir,
                bool witness, struct attack_outcome *ret)
{
    int ends[2];
    *ret = (struct attack_outcome){.state = ATTACK_FAILED};
    fflush(NULL);
    if (pipe(ends) != 0) {
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_run(bench, path, pcap_dir, witness, ends[1]);
    }
    close(ends[1]);
    if (child > 0) {
        char *text = read_pipe(bench, ends[0], child);
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) < ATTACK_FAILED) {
            ret->state = (enum attack_state)WEXITSTATUS(status);
        }
        if (ret->state == ATTACK_RAN) {
            take_lines(ret, text);
        }
        free(text);
    }
    close(ends[0]);
    if (*bench->stop != 0) {
        ret->state = ATTACK_STOPPED;
    }
}
