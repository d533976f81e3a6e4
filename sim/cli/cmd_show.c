/* cpnsim show FILE: the scenario as it is after includes, inheritance and expansion. */
#include <getopt.h>
#include <stdlib.h>

#include "sim/cli/commands.h"

static const char *const formats[] = {"yaml", "json", "dot", "mermaid", NULL};

int cmd_show(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"origin", no_argument, NULL, 'o'},
                                            {"set", required_argument, NULL, 's'},
                                            {0}};
    const char **sets = NULL;
    size_t set_count = 0;
    size_t set_capacity = 0;
    bool origin = false;
    int format = 0;
    int code = CLI_OK;
    int c;
    while (code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'f':
            format = cli_choose("show", "format", optarg, formats);
            code = format < 0 ? CLI_INVALID : CLI_OK;
            break;
        case 'o':
            origin = true;
            break;
        case 's':
            *MEM_PUSH(sets, set_count, set_capacity) = optarg;
            break;
        default:
            code = cli_usage_error("show");
        }
    }
    if (code == CLI_OK && argc - optind != 1) {
        code = cli_usage_error("show");
    }
    if (code == CLI_OK) {
        const struct scenario_options how = {.sets = sets, .set_count = set_count};
        struct diag_list diags = {0};
        struct scenario *s = NULL;
        struct buf out = {0};
        if (scenario_load(argv[optind], &how, cli_vocabulary(), &s, &diags) < 0 ||
            scenario_show(s, (enum scenario_format)format, origin, &out) < 0) {
            code = CLI_INVALID;
        } else {
            code = cli_print(&out);
        }
        cli_show_diags(&diags);
        diag_list_fini(&diags);
        buf_fini(&out);
        scenario_free(s);
    }
    free(sets);
    return code;
}
