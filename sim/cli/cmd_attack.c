/* cpnsim attack FILE: looks for attackers that break what a scenario promises. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/attackers/attackers.h"
#include "sim/cli/attack_program.h"
#include "sim/cli/commands.h"

enum { SHRINK_RUNS = 100, BUDGET_MAX = 1000000 };

struct search {
    const char *file;
    char *dir; /* for what is found */
    const char **sets;
    size_t set_count, set_capacity;
    uint64_t seed, budget;
    struct scenario *scenario;
    char *include; /* the scenario from anywhere */
    struct attack_space space;
    struct attack_bench bench;
    char *program_file, *pcap_dir; /* of the run at hand */
    /* What the scenario shows by itself, then what was found. */
    struct attack_violation *known;
    size_t known_count, known_capacity;
    uint64_t programs, refused, shrink_runs;
    struct {
        uint64_t entries, trials, held;
    } tally[ATTACK_KINDS_MAX];
    struct buf report; /* of the findings */
    size_t found;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    stop_asked = number;
    signal(number, SIG_DFL); /* the second time the user means it */
}

static bool parse_number(const char *text, uint64_t most, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && v <= most;
    if (good) {
        *ret = v;
    }
    return good;
}

static int bad_value(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "cpnsim attack: %s \"%s\": %s\n", option, value, wanted);
    return CLI_INVALID;
}

static int parse(int argc, char **argv, struct search *s)
{
    static const struct option options[] = {{"budget", required_argument, NULL, 'b'},
                                            {"seed", required_argument, NULL, 'r'},
                                            {"set", required_argument, NULL, 's'},
                                            {"output", required_argument, NULL, 'o'},
                                            {0}};
    int c;
    s->seed = 1;
    while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (c) {
        case 'b':
            if (!parse_number(optarg, BUDGET_MAX, &s->budget) || s->budget == 0) {
                return bad_value("--budget", optarg, "a whole number from 1 to 1000000 is wanted");
            }
            break;
        case 'r':
            if (!parse_number(optarg, INT64_MAX, &s->seed)) {
                return bad_value("--seed", optarg, "a whole number from 0 to 2^63 - 1 is wanted");
            }
            break;
        case 's':
            if (strchr(optarg, '=') != NULL && !attack_set_fits(optarg)) {
                return bad_value("--set", optarg,
                                 "only parameters, run, timers and the choice of policies can be "
                                 "set in a file that includes the scenario");
            }
            *MEM_PUSH(s->sets, s->set_count, s->set_capacity) = optarg;
            break;
        case 'o':
            free(s->dir);
            s->dir = mem_strdup(optarg);
            break;
        default:
            return cli_usage_error("attack");
        }
    }
    if (argc - optind != 1 || s->budget == 0) {
        return cli_usage_error("attack");
    }
    s->file = argv[optind];
    return CLI_OK;
}

/* Whether tshark, which tries stolen keys, is in PATH. */
static bool has_tshark(void)
{
    const char *path = getenv("PATH");
    bool found = false;
    for (const char *p = path != NULL ? path : ""; *p != '\0' && !found;) {
        size_t len = strcspn(p, ":");
        char *file = mem_printf("%.*s/tshark", (int)len, p);
        found = access(file, X_OK) == 0;
        free(file);
        p += len;
        p += *p == ':';
    }
    return found;
}

static int load(struct search *s)
{
    const struct scenario_options options = {.sets = s->sets, .set_count = s->set_count};
    struct diag_list diags = {0};
    int r = scenario_load(s->file, &options, cli_vocabulary(), &s->scenario, &diags);
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    if (r < 0) {
        return CLI_INVALID;
    }
    if (s->scenario->system_random) {
        fputs("cpnsim attack: with run.random: system no run can be repeated\n", stderr);
        return CLI_INVALID;
    }
    s->include = realpath(s->file, NULL);
    bool thieves = has_tshark();
    attack_space_init(&s->space, s->scenario, cli_vocabulary(), s->seed, thieves);
    if (!thieves) {
        fputs("cpnsim attack: there is no tshark to try stolen keys: no key-thief is drawn\n",
              stderr);
    }
    if (s->include == NULL || s->space.edge_count == 0) {
        fputs("cpnsim attack: no hop of the scenario has a session to attack\n", stderr);
        return CLI_INVALID;
    }
    return CLI_OK;
}

static int prepare(struct search *s)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = mem_printf("%s/cpnsim-attack-XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        fprintf(stderr, "cpnsim attack: cannot make %s: %s\n", dir, strerror(errno));
        free(dir);
        return CLI_FAILED;
    }
    s->bench = (struct attack_bench){.dir = dir, .stop = &stop_asked};
    s->program_file = mem_printf("%s/program.yaml", dir);
    s->pcap_dir = mem_printf("%s/pcap", dir);
    if (s->dir == NULL) {
        s->dir = mem_printf("results/attacks/%s-%" PRIu64, s->scenario->name, s->seed);
    }
    signal(SIGXFSZ, SIG_IGN);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return CLI_OK;
}

/* --- runs
 * ---------------------------------------------------------------------------------------------- */

static bool write_text(const char *path, struct buf *text)
{
    struct span t = buf_span(text);
    FILE *f = fopen(path, "we");
    bool good = f != NULL && fwrite(t.data, 1, t.len, f) == t.len;
    good = f != NULL && fclose(f) == 0 && good;
    if (!good) {
        fprintf(stderr, "cpnsim attack: cannot write %s: %s\n", path, strerror(errno));
    }
    return good;
}

static bool has_thief(const struct attack_program *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (attack_kinds[p->entries[i].kind].steals) {
            return true;
        }
    }
    return false;
}

/* Writes the program as a file and runs it. */
static void run_program(struct search *s, const struct attack_program *p, const char *path,
                        const char *pcap_dir, const struct attack_text *text,
                        struct attack_outcome *ret)
{
    struct buf out = {0};
    *ret = (struct attack_outcome){.state = ATTACK_FAILED};
    attack_program_text(p, text, &out);
    bool good = write_text(path, &out);
    if (good && pcap_dir != NULL && cli_make_directories(pcap_dir) < 0) {
        fprintf(stderr, "cpnsim attack: cannot make %s: %s\n", pcap_dir, strerror(errno));
        good = false;
    }
    if (good) {
        attack_run(&s->bench, path, pcap_dir, has_thief(p), ret);
    }
    buf_fini(&out);
}

static void try_program(struct search *s, const struct attack_program *p,
                        struct attack_outcome *ret)
{
    const struct attack_text text = {.scenario = s->scenario,
                                     .words = cli_vocabulary(),
                                     .include = s->include,
                                     .sets = s->sets,
                                     .set_count = s->set_count};
    bool thief = has_thief(p);
    run_program(s, p, s->program_file, thief ? s->pcap_dir : NULL, &text, ret);
    if (thief) {
        attack_remove(s->pcap_dir); /* the next thief's loot is another */
    }
}

static bool is_known(const struct search *s, const struct attack_violation *v)
{
    for (size_t i = 0; i < s->known_count; i++) {
        if (attack_same(&s->known[i], v)) {
            return true;
        }
    }
    return false;
}

static struct attack_violation *remember(struct search *s, const struct attack_violation *v)
{
    struct attack_violation *kept = MEM_PUSH(s->known, s->known_count, s->known_capacity);
    *kept = (struct attack_violation){.what = mem_strdup(v->what),
                                      .name = mem_strdup(v->name),
                                      .subject = mem_strdup(v->subject),
                                      .evidence = mem_strdup(v->evidence)};
    return kept;
}

static const struct attack_violation *among(const struct attack_outcome *o,
                                            const struct attack_violation *v)
{
    for (size_t i = 0; i < o->count; i++) {
        if (attack_same(&o->violations[i], v)) {
            return &o->violations[i];
        }
    }
    return NULL;
}

/* --- findings
 * ------------------------------------------------------------------------------------------ */

struct still {
    struct search *search;
    const struct attack_violation *violated;
};

static bool still_violates(void *arg, const struct attack_program *p)
{
    struct still *still = arg;
    struct attack_outcome o;
    try_program(still->search, p, &o);
    bool same = o.state == ATTACK_RAN && among(&o, still->violated) != NULL;
    attack_outcome_fini(&o);
    return same;
}

/* The scenario that shows it, and its captures. */
static int keep(struct search *s, const struct attack_program *p, const struct attack_violation *v)
{
    if (cli_make_directories(s->dir) < 0) {
        fprintf(stderr, "cpnsim attack: cannot make %s: %s\n", s->dir, strerror(errno));
        return CLI_FAILED;
    }
    char *include = cli_relative_path(s->dir, s->file);
    char *stem = mem_printf("%s/%zu-%s%s%s", s->dir, s->found, v->name,
                            v->subject[0] != '\0' ? "-" : "", v->subject);
    char *path = mem_printf("%s.yaml", stem);
    char *pcap_dir = mem_printf("%s-pcap", stem);
    char *comment = mem_printf(
        "# Found by `cpnsim attack` with the seed %" PRIu64 ": %s %s is violated.\n# %s\n", s->seed,
        v->what, v->name,
        has_thief(p) ? "Stolen keys are tried by `cpnsim check DB --witness tshark --pcap DIR`, "
                       "after a run with --pcap DIR."
                     : "`cpnsim run` on this file shows it.");
    const struct attack_text text = {.scenario = s->scenario,
                                     .words = cli_vocabulary(),
                                     .include = include != NULL ? include : s->include,
                                     .sets = s->sets,
                                     .set_count = s->set_count,
                                     .number = s->found,
                                     .violated = v,
                                     .comment = comment};
    struct attack_outcome o;
    run_program(s, p, path, pcap_dir, &text, &o);
    const struct attack_violation *again = among(&o, v);
    int code = o.state == ATTACK_STOPPED || again != NULL ? CLI_OK : CLI_FAILED;
    if (code == CLI_FAILED) {
        fprintf(stderr, "cpnsim attack: %s does not show again what was found\n", path);
    }
    buf_printf(&s->report,
               "  VIOLATED  %s %s%s%s\n            %s\n            %s\n            %s/\n", v->what,
               v->name, v->subject[0] != '\0' ? " of " : "", v->subject,
               again != NULL ? again->evidence : v->evidence, path, pcap_dir);
    attack_outcome_fini(&o);
    free(comment);
    free(pcap_dir);
    free(path);
    free(stem);
    free(include);
    return code;
}

static int take_findings(struct search *s, const struct attack_program *p,
                         const struct attack_outcome *o)
{
    int code = CLI_OK;
    for (size_t i = 0; i < o->count && code == CLI_OK; i++) {
        if (is_known(s, &o->violations[i])) {
            continue;
        }
        const struct attack_violation *v = remember(s, &o->violations[i]);
        struct attack_program small = *p;
        struct still still = {.search = s, .violated = v};
        s->found++;
        s->shrink_runs +=
            attack_shrink(&small, cli_vocabulary(), still_violates, &still, SHRINK_RUNS);
        code = keep(s, &small, v);
    }
    return code;
}

/* --- the search
 * ---------------------------------------------------------------------------------------- */

/* The scenario as it stands: what it shows by itself was not found by the search. */
static int run_without(struct search *s)
{
    const struct attack_program none = {0};
    struct attack_outcome o;
    s->bench.loud = true;
    try_program(s, &none, &o);
    s->bench.loud = false;
    for (size_t i = 0; i < o.count; i++) {
        remember(s, &o.violations[i]);
    }
    int code = o.state == ATTACK_RAN       ? CLI_OK
               : o.state == ATTACK_REFUSED ? CLI_INVALID
               : o.state == ATTACK_STOPPED ? CLI_UNKNOWN
                                           : CLI_FAILED;
    attack_outcome_fini(&o);
    return code;
}

static int search(struct search *s)
{
    int code = CLI_OK;
    while (s->programs < s->budget && code == CLI_OK && stop_asked == 0) {
        struct attack_program p;
        struct attack_outcome o;
        attack_draw(&s->space, &p);
        try_program(s, &p, &o);
        if (o.state == ATTACK_FAILED) {
            code = CLI_FAILED;
        }
        if (o.state == ATTACK_RAN || o.state == ATTACK_REFUSED) {
            s->programs++;
            s->refused += o.state == ATTACK_REFUSED;
        }
        for (size_t i = 0; o.state == ATTACK_RAN && i < p.count; i++) {
            s->tally[p.entries[i].kind].entries++;
        }
        for (size_t k = 0; o.state == ATTACK_RAN && k < ATTACK_KINDS_MAX; k++) {
            s->tally[k].trials += o.trials[k];
            s->tally[k].held += o.held[k];
        }
        if (o.state == ATTACK_RAN) {
            code = take_findings(s, &p, &o);
        }
        attack_outcome_fini(&o);
    }
    return code;
}

static bool is_drawn(const struct attack_space *space, uint32_t kind)
{
    for (size_t i = 0; i < space->kind_count; i++) {
        if (space->kinds[i] == kind) {
            return true;
        }
    }
    return false;
}

/* The table, the findings; the exit code. */
static int tell(struct search *s)
{
    const struct scenario_vocabulary *words = cli_vocabulary();
    struct buf out = {0};
    uint64_t trials = 0;
    buf_printf(&out,
               "%s  seed %" PRIu64 ", search seed %" PRIu64 "  %" PRIu64 " programs (%" PRIu64
               " refused), %" PRIu64 " runs to make findings small\n\n",
               s->scenario->name, s->scenario->seed, s->seed, s->programs, s->refused,
               s->shrink_runs);
    buf_printf(&out, "  %-18s %-26s %9s %9s %9s %9s\n", "kind", "property", "attackers", "trials",
               "held", "violated");
    for (uint32_t k = 0; k < words->attack_count; k++) {
        if (!is_drawn(&s->space, k)) {
            continue;
        }
        buf_printf(&out, "  %-18s %-26s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
                   words->attacks[k].name, words->attacks[k].property, s->tally[k].entries,
                   s->tally[k].trials, s->tally[k].held, s->tally[k].trials - s->tally[k].held);
        trials += s->tally[k].trials;
    }
    buf_append_u8(&out, '\n');
    if (stop_asked != 0) {
        buf_append_str(&out, "  STOPPED before the budget was used up\n");
    }
    if (s->found == 0) {
        buf_append_str(&out, trials > 0 ? "  Nothing was found\n"
                                        : "  Nothing was tested: no attack came to an end\n");
    }
    buf_move(&out, &s->report);
    int code = cli_print(&out);
    buf_fini(&out);
    if (code == CLI_OK) {
        code = s->found > 0 ? CLI_VIOLATED : stop_asked != 0 || trials == 0 ? CLI_UNKNOWN : CLI_OK;
    }
    return code;
}

static void search_fini(struct search *s)
{
    if (s->bench.dir != NULL) {
        attack_remove(s->bench.dir);
        free((char *)(uintptr_t)s->bench.dir);
    }
    for (size_t i = 0; i < s->known_count; i++) {
        free(s->known[i].what);
        free(s->known[i].name);
        free(s->known[i].subject);
        free(s->known[i].evidence);
    }
    free(s->known);
    attack_space_fini(&s->space);
    scenario_free(s->scenario);
    buf_fini(&s->report);
    free(s->program_file);
    free(s->pcap_dir);
    free(s->include);
    free(s->sets);
    free(s->dir);
}

int cmd_attack(int argc, char **argv)
{
    struct search s = {0};
    int code = parse(argc, argv, &s);
    if (code == CLI_OK) {
        code = load(&s);
    }
    if (code == CLI_OK) {
        code = prepare(&s);
    }
    if (code == CLI_OK) {
        code = run_without(&s);
    }
    if (code == CLI_OK) {
        code = search(&s);
        int told = tell(&s);
        code = code == CLI_OK ? told : code;
    }
    search_fini(&s);
    return code;
}
