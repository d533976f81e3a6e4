/* cpnsim check DB: judges a run again from its database alone. */
#include <getopt.h>

#include "sim/cli/commands.h"
#include "sim/cli/witness.h"

static const char *const formats[] = {"text", "junit", "tap", "json", "sarif", NULL};

static void render(const struct judgement *j, int format, struct buf *out)
{
    switch (format) {
    case 1:
        judgement_junit(j, out);
        break;
    case 2:
        judgement_tap(j, out);
        break;
    case 3:
        judgement_json(j, out);
        break;
    case 4:
        judgement_sarif(j, out);
        break;
    default:
        if (!j->complete) {
            buf_printf(out, "  The run did not reach its end: it is marked \"%s\"\n", j->status);
        }
        judgement_text(j, cli_colour(stdout), out);
    }
}

int cmd_check(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"witness", required_argument, NULL, 'w'},
                                            {"pcap", required_argument, NULL, 'p'},
                                            {0}};
    static const char *const witnesses[] = {"tshark", NULL};
    const char *pcap_dir = NULL;
    bool witness = false;
    int format = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int chosen = 0;
        switch (c) {
        case 'f':
            format = chosen = cli_choose("check", "format", optarg, formats);
            break;
        case 'w':
            chosen = cli_choose("check", "witness", optarg, witnesses);
            witness = true;
            break;
        case 'p':
            pcap_dir = optarg;
            break;
        default:
            return cli_usage_error("check");
        }
        if (chosen < 0) {
            return CLI_INVALID;
        }
    }
    if (argc - optind != 1 || witness != (pcap_dir != NULL)) {
        return cli_usage_error("check");
    }
    struct record_db *db;
    int code = cli_open(argv[optind], &db);
    if (code != CLI_OK) {
        return code;
    }
    struct diag_list diags = {0};
    struct judgement *j;
    struct buf out = {0};
    if (judge_file(argv[optind], NULL, NULL, &j, &diags) < 0) {
        code = CLI_FAILED;
    } else if (witness && witness_tshark(db, pcap_dir, j, &diags) < 0) {
        code = CLI_FAILED;
        judgement_free(j);
    } else {
        render(j, format, &out);
        code = cli_print(&out);
        code = code == CLI_OK ? judgement_exit_code(j, true) : code;
        judgement_free(j);
    }
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&out);
    record_db_close(db);
    return code;
}
