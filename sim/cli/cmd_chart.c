/* cpnsim chart DB --session ID|--flow ID [-o FILE.svg]: a message sequence chart. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/chart_read.h"
#include "sim/cli/commands.h"

static bool read_id(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        fprintf(stderr, "cpnsim chart: \"%s\" is no number of a session or flow\n", text);
        return false;
    }
    *ret = v;
    return true;
}

static int write_file(const char *path, struct span svg)
{
    FILE *f = fopen(path, "we");
    bool ok = f != NULL && fwrite(svg.data, 1, svg.len, f) == svg.len;
    ok = (f == NULL || fclose(f) == 0) && ok;
    if (!ok) {
        fprintf(stderr, "cpnsim chart: %s cannot be written: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int draw(struct record_db *db, bool flow, int64_t id, const char *path)
{
    struct chart c = {0};
    struct diag_list diags = {0};
    struct buf svg = {0};
    int code = CLI_OK;
    int r = flow ? chart_read_flow(db, id, &c, &diags) : chart_read_session(db, id, &c, &diags);
    if (r < 0) {
        code = r == -SIM_ENOENT ? CLI_INVALID : CLI_FAILED;
    } else {
        chart_draw(&c, &svg);
        code = path != NULL ? write_file(path, buf_span(&svg)) : cli_print(&svg);
    }
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&svg);
    chart_fini(&c);
    return code;
}

int cmd_chart(int argc, char **argv)
{
    static const struct option options[] = {{"session", required_argument, NULL, 's'},
                                            {"flow", required_argument, NULL, 'f'},
                                            {"output", required_argument, NULL, 'o'},
                                            {0}};
    const char *path = NULL;
    int64_t id = 0;
    int which = 0; /* 's' or 'f' */
    int c;
    while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (c == 'o') {
            path = optarg;
        } else if ((c != 's' && c != 'f') || which != 0) {
            return cli_usage_error("chart");
        } else if (!read_id(optarg, &id)) {
            return CLI_INVALID;
        } else {
            which = c;
        }
    }
    if (argc - optind != 1 || which == 0) {
        return cli_usage_error("chart");
    }
    struct record_db *db;
    int code = cli_open(argv[optind], &db);
    if (code == CLI_OK) {
        code = draw(db, which == 'f', id, path);
        record_db_close(db);
    }
    return code;
}
