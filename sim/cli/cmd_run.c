/* cpnsim run FILE: builds the world of a scenario, runs it, judges it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/commands.h"
#include "sim/cli/memory.h"
#include "sim/cli/progress.h"
#include "sim/cli/summary.h"
#include "sim/record/judge.h"
#include "sim/world/world.h"

enum { WORKERS_MAX = 64 };

struct run_arguments {
    const char *file;
    char *database;
    char *pcap_dir;
    const char **sets;
    size_t set_count, set_capacity;
    bool has_seed;
    uint64_t seed;
    uint32_t workers;
    enum progress_mode progress;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    /* The second time the user means it: let the default action end the process. */
    stop_asked = number;
    signal(number, SIG_DFL);
}

static bool parse_u64(const char *text, uint64_t most, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || v > most) {
        return false;
    }
    *ret = v;
    return true;
}

static int bad_value(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "cpnsim run: %s \"%s\": %s\n", option, value, wanted);
    return CLI_INVALID;
}

static int parse(int argc, char **argv, struct run_arguments *a)
{
    static const struct option options[] = {
        {"set", required_argument, NULL, 's'},      {"seed", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'w'},  {"pcap", required_argument, NULL, 'p'},
        {"progress", required_argument, NULL, 'P'}, {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},           {0},
    };
    uint64_t v;
    int c;
    progress_parse("auto", &a->progress);
    a->workers = 1;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        switch (c) {
        case 'o':
            free(a->database);
            a->database = mem_strdup(optarg);
            break;
        case 's':
            *MEM_PUSH(a->sets, a->set_count, a->set_capacity) = optarg;
            break;
        case 'r':
            if (!parse_u64(optarg, INT64_MAX, &a->seed)) {
                return bad_value("--seed", optarg, "a whole number from 0 to 2^63 - 1 is wanted");
            }
            a->has_seed = true;
            break;
        case 'w':
            if (!parse_u64(optarg, WORKERS_MAX, &v) || v == 0) {
                return bad_value("--workers", optarg, "a whole number from 1 to 64 is wanted");
            }
            a->workers = (uint32_t)v;
            break;
        case 'p':
            free(a->pcap_dir);
            a->pcap_dir = mem_strdup(optarg);
            break;
        case 'P':
            if (progress_parse(optarg, &a->progress) < 0) {
                return bad_value("--progress", optarg, "auto, json or never is wanted");
            }
            break;
        default:
            return cli_usage_error("run");
        }
    }
    if (argc - optind != 1) {
        return cli_usage_error("run");
    }
    a->file = argv[optind];
    return CLI_OK;
}

static int prepare_outputs(struct run_arguments *a, const struct scenario *s)
{
    if (a->database == NULL) {
        if (cli_make_directories("results/runs") < 0) {
            fprintf(stderr, "cpnsim run: cannot make results/runs: %s\n", strerror(errno));
            return CLI_FAILED;
        }
        a->database = mem_printf("results/runs/%s-%" PRIu64 ".db", s->name, s->seed);
    }
    if (a->pcap_dir == NULL && s->pcap_count > 0) {
        size_t len = strlen(a->database);
        if (len > 3 && strcmp(a->database + len - 3, ".db") == 0) {
            len -= 3;
        }
        a->pcap_dir = mem_printf("%.*s-pcap", (int)len, a->database);
    }
    if (a->pcap_dir != NULL && cli_make_directories(a->pcap_dir) < 0) {
        fprintf(stderr, "cpnsim run: cannot make %s: %s\n", a->pcap_dir, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* --- the end: verdict and summary
 * ------------------------------------------------------------------- */

static const char *status_of(const struct world *w, int code)
{
    if (world_aborted(w)) {
        return "aborted";
    }
    switch (code) {
    case CLI_OK:
        return "ok";
    case CLI_VIOLATED:
        return "violated";
    case CLI_UNKNOWN:
        return "unknown";
    default:
        return "failed";
    }
}

/* What the reader is told of the run besides its verdict. */
struct telling {
    const struct world *world;
    struct buf *text;
};

static int tell(struct record_db *db, void *arg, struct diag_list *diags)
{
    const struct telling *t = arg;
    int r = summary_sessions(db, t->text, diags);
    r = r == 0 ? summary_messages(t->world, db, t->text, diags) : r;
    return r == 0 ? summary_contacts(db, t->text, diags) : r;
}

/* The verdict, as `check` would give it, and the text for the reader. */
static int judge(struct world *w, const char *database, struct buf *text, struct diag_list *diags)
{
    struct record_db *db = world_settle(w);
    if (db == NULL) {
        return CLI_FAILED;
    }
    struct telling telling = {.world = w, .text = text};
    struct judgement *j = NULL;
    int r;
    if (database[0] == ':') { /* has no second connection */
        r = tell(db, &telling, diags);
        r = r == 0 ? judge_run(db, &j, diags) : r;
    } else {
        r = judge_file(database, tell, &telling, &j, diags);
    }
    if (r < 0) {
        return CLI_FAILED;
    }
    judgement_text(j, cli_colour(stdout), text);
    int code = world_aborted(w) ? CLI_UNKNOWN : judgement_exit_code(j, false);
    judgement_free(j);
    return code;
}

static int finish(struct world *w, const struct run_arguments *a, int code, const char *until_text)
{
    struct diag_list diags = {0};
    struct buf text = {0};
    struct world_stats stats;
    world_stats(w, &stats);
    if (code == CLI_OK) {
        code = judge(w, a->database, &text, &diags);
    }
    if (world_finish(w, status_of(w, code), &diags) < 0) {
        code = CLI_FAILED;
    }
    if (code != CLI_FAILED) {
        struct span s = buf_span(&text);
        printf("%s", until_text);
        fwrite(s.data, 1, s.len, stdout);
        printf("\n  %s\n", a->database);
        if (a->pcap_dir != NULL) {
            printf("  %s/ (captures and keys.log)\n", a->pcap_dir);
        }
    }
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&text);
    return code;
}

/* What the sessions of all hops take at least while they live; measured, see tests/bench. */
static size_t memory_of_sessions(const struct scenario *s)
{
    enum { BYTES_A_HOP = 56 * 1024 };
    size_t count = 0;
    for (size_t i = 0; i < s->edge_count; i++) {
        uint32_t policy = s->edges[i].policy;
        count += policy != SCENARIO_NONE && s->policies[policy].kind != KIND_CLEAR;
    }
    return count * BYTES_A_HOP;
}

static int run_world(const struct scenario *s, const struct run_arguments *a)
{
    const struct world_options options = {.database = a->database,
                                          .pcap_dir = a->pcap_dir,
                                          .workers = a->workers,
                                          .leave_memory = memory_may_be_left()};
    struct diag_list diags = {0};
    struct world *w;
    memory_expect(memory_of_sessions(s));
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error to report, not to die of */
    int r = world_create(s, cli_models(), &options, &w, &diags);
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    if (r < 0) {
        return r == -SIM_ENOTSUP || r == -SIM_EINVAL ? CLI_INVALID : CLI_FAILED;
    }
    printf("%s  seed %" PRIu64 "  %zu nodes, %zu links, %.0f s of virtual time\n", s->name, s->seed,
           s->node_count, s->wire_count, (double)s->until / 1e9);
    fflush(stdout);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct progress progress;
    progress_start(&progress, a->progress);
    r = world_run(w, &stop_asked, progress_update, &progress);
    struct world_stats stats;
    world_stats(w, &stats);
    progress_end(&progress, &stats);
    char *text = mem_printf(
        "%s%.1f s of virtual time in %.2f s: %" PRIu64 " events, %.0f events/s, %u worker%s\n\n",
        world_aborted(w) ? "ABORTED at " : "", (double)stats.now / 1e9, progress_elapsed(&progress),
        stats.events, (double)stats.events / progress_elapsed(&progress), a->workers,
        a->workers == 1 ? "" : "s");
    int code = finish(w, a, r < 0 ? CLI_FAILED : CLI_OK, text);
    free(text);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct run_arguments a = {0};
    memory_for_a_run();
    int code = parse(argc, argv, &a);
    struct scenario *s = NULL;
    if (code == CLI_OK) {
        const struct scenario_options options = {.sets = (const char *const *)a.sets,
                                                 .set_count = a.set_count,
                                                 .has_seed = a.has_seed,
                                                 .seed = a.seed};
        struct diag_list diags = {0};
        if (scenario_load(a.file, &options, cli_vocabulary(), &s, &diags) < 0) {
            code = CLI_INVALID;
        }
        cli_show_diags(&diags);
        diag_list_fini(&diags);
    }
    if (code == CLI_OK) {
        code = prepare_outputs(&a, s);
    }
    if (code == CLI_OK) {
        code = run_world(s, &a);
    }
    scenario_free(s);
    free(a.sets);
    free(a.database);
    free(a.pcap_dir);
    return code;
}
