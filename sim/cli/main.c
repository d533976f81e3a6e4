/* cpnsim: the command line. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/commands.h"
#include "sim/secure/secure_env.h"

struct command {
    const char *name;
    const char *usage;
    const char *help;
    int (*run)(int argc, char **argv); /* NULL: not in this version */
};

static const struct command commands[] = {
    {"validate", "FILE... [--format text|json|sarif]",
     "check scenario files and tell all their errors", cmd_validate},
    {"show", "FILE [--set K=V]... [--origin] [--format yaml|json|dot|mermaid]",
     "the scenario as it is after includes, inheritance and expansion", cmd_show},
    {"doctor", "", "versions, and whether everything that a run needs works here", cmd_doctor},
    {"run",
     "FILE [-o DB] [--set K=V]... [--seed N] [--workers N] [--pcap DIR] [--progress "
     "auto|json|never]",
     "run a scenario into a result database", cmd_run},
    {"attack", "FILE --budget N [--seed N] [--set K=V]... [-o DIR]",
     "run drawn attackers against a scenario; what breaks it is made small and written to DIR",
     cmd_attack},
    {"query", "DB [NAME|SQL] [--format table|csv|json]",
     "ask a result database; without NAME: what there is to ask", cmd_query},
    {"schema", "[--format sql|markdown|json-schema|reference]",
     "the tables and views of a result database; the format of scenario files", cmd_schema},
    {"check", "DB [--format text|junit|tap|json|sarif] [--witness tshark --pcap DIR]",
     "judge a result database again, by a third witness too; sets the exit code", cmd_check},
    {"chart", "DB --session ID|--flow ID [-o FILE.svg]",
     "a message sequence chart of a session or a flow", cmd_chart},
    {"fingerprint", "DB [--tables]", "a hash over everything that a run must repeat exactly",
     cmd_fingerprint},
    {"sweep", "", "runs over the axes of a scenario", NULL},
    {"plan", "", "the runs of a sweep for make, parallel or slurm", NULL},
    {"merge", "", "several databases in one", NULL},
    {"report", "", "a page about a run", NULL},
    {"compare", "", "two runs side by side", NULL},
    {"accept", "", "store a run as the one to compare with", NULL},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < SIM_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int cli_usage_error(const char *command)
{
    const struct command *c = find(command);
    fprintf(stderr, "usage: cpnsim %s %s\n", command, c != NULL ? c->usage : "");
    return CLI_INVALID;
}

bool cli_colour(FILE *stream)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(stream)) && (no == NULL || no[0] == '\0');
}

void cli_show_diags(struct diag_list *diags)
{
    struct buf text = {0};
    diag_list_sort(diags);
    diag_render(diags, cli_colour(stderr), &text);
    if (buf_len(&text) > 0) {
        fwrite(buf_span(&text).data, 1, buf_len(&text), stderr);
    }
    buf_fini(&text);
}

int cli_print(struct buf *text)
{
    struct span s = buf_span(text);
    bool ok = s.len == 0 || fwrite(s.data, 1, s.len, stdout) == s.len;
    buf_clear(text);
    if (!ok || fflush(stdout) != 0) {
        fputs("cpnsim: standard output cannot be written\n", stderr);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_choose(const char *command, const char *what, const char *word, const char *const *words)
{
    size_t count = 0;
    for (; words[count] != NULL; count++) {
        if (strcmp(words[count], word) == 0) {
            return (int)count;
        }
    }
    fprintf(stderr, "cpnsim %s: unknown %s \"%s\": one of", command, what, word);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", words[i]);
    }
    fputc('\n', stderr);
    return -1;
}

int cli_open(const char *path, struct record_db **ret)
{
    struct diag_list diags = {0};
    int r = record_db_open(path, ret, &diags);
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    return r < 0 ? CLI_INVALID : CLI_OK;
}

static int help(void)
{
    struct buf out = {0};
    buf_append_str(&out,
                   "cpnsim simulates OMA CPNS personal networks with real secure sessions.\n\n"
                   "usage: cpnsim COMMAND ...\n\n");
    for (size_t i = 0; i < SIM_ARRAY_LEN(commands); i++) {
        if (commands[i].run != NULL) {
            buf_printf(&out, "  %-12s %s\n", commands[i].name, commands[i].help);
        }
    }
    buf_append_str(
        &out,
        "\ncpnsim COMMAND --help tells its arguments. Exit codes: 0 all holds, 1 a claim is "
        "violated\n"
        "or a rule broken, 2 unknown, 3 invalid scenario or arguments, 4 failed at run time.\n");
    int code = cli_print(&out);
    buf_fini(&out);
    return code;
}

static int unknown_command(const char *name)
{
    const char *names[SIM_ARRAY_LEN(commands)];
    for (size_t i = 0; i < SIM_ARRAY_LEN(commands); i++) {
        names[i] = commands[i].name;
    }
    const char *near = diag_nearest(name, names, SIM_ARRAY_LEN(commands));
    fprintf(stderr, "cpnsim: unknown command \"%s\"", name);
    if (near != NULL) {
        fprintf(stderr, ", did you mean \"%s\"?", near);
    }
    fputs("\nTry cpnsim --help\n", stderr);
    return CLI_INVALID;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help();
        return CLI_INVALID;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return help();
    }
    if (strcmp(name, "--version") == 0) {
        printf("cpnsim %s (%s)\n", CPNSIM_VERSION, secure_env_version());
        return CLI_OK;
    }
    const struct command *c = find(name);
    if (c == NULL) {
        return unknown_command(name);
    }
    if (c->run == NULL) {
        fprintf(stderr, "cpnsim: \"%s\" is not in this version\n", name);
        return CLI_INVALID;
    }
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            printf("cpnsim %s %s\n\n%s\n", c->name, c->usage, c->help);
            return CLI_OK;
        }
    }
    return c->run(argc - 1, argv + 1);
}
