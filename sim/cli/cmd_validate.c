/* cpnsim validate FILE...: all errors of scenario files. */
#include <getopt.h>

#include "sim/cli/commands.h"

static const char *const formats[] = {"text", "json", "sarif", NULL};
enum { AS_TEXT, AS_JSON, AS_SARIF };

static void append_json(struct buf *out, const char *s)
{
    buf_append_u8(out, '"');
    for (; s != NULL && *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            buf_append_u8(out, '\\');
        }
        if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_append_u8(out, c);
        }
    }
    buf_append_u8(out, '"');
}

static const char *severity(const struct diag *d)
{
    return d->severity == DIAG_ERROR ? "error" : "warning";
}

static void render_json(const struct diag_list *diags, struct buf *out)
{
    buf_printf(out, "{\"errors\": %zu, \"diagnostics\": [", diags->errors);
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *d = &diags->items[i];
        buf_printf(out,
                   "%s\n  {\"severity\": \"%s\", \"code\": \"%s\", \"line\": %d, \"column\": %d, "
                   "\"file\": ",
                   i > 0 ? "," : "", severity(d), d->code, d->line, d->column);
        append_json(out, d->file);
        buf_append_str(out, ", \"message\": ");
        append_json(out, d->message);
        buf_append_str(out, ", \"hint\": ");
        append_json(out, d->hint);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "\n]}\n");
}

static void render_sarif(const struct diag_list *diags, struct buf *out)
{
    buf_append_str(
        out,
        "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\",\n"
        " \"runs\": [{\"tool\": {\"driver\": {\"name\": \"cpnsim\", \"version\": \"" CPNSIM_VERSION
        "\"}},\n  \"results\": [");
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *d = &diags->items[i];
        buf_printf(out, "%s\n   {\"level\": \"%s\", \"ruleId\": \"%s\", \"message\": {\"text\": ",
                   i > 0 ? "," : "", severity(d), d->code);
        append_json(out, d->message);
        buf_append_str(
            out, "}, \"locations\": [{\"physicalLocation\": {\"artifactLocation\": {\"uri\": ");
        append_json(out, d->file);
        buf_printf(out, "}, \"region\": {\"startLine\": %d, \"startColumn\": %d}}}]}",
                   d->line > 0 ? d->line : 1, d->column > 0 ? d->column : 1);
    }
    buf_append_str(out, "]}]}\n");
}

int cmd_validate(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    int format = AS_TEXT;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        format = c == 'f' ? cli_choose("validate", "format", optarg, formats) : -2;
        if (format < 0) {
            return format == -1 ? CLI_INVALID : cli_usage_error("validate");
        }
    }
    if (optind == argc) {
        return cli_usage_error("validate");
    }
    struct diag_list diags = {0};
    struct buf out = {0};
    int code = CLI_OK;
    for (int i = optind; i < argc; i++) {
        const struct scenario_options none = {0};
        struct scenario *s = NULL;
        if (scenario_load(argv[i], &none, cli_vocabulary(), &s, &diags) < 0) {
            code = CLI_INVALID;
        } else if (format == AS_TEXT) {
            buf_printf(
                &out,
                "%s: valid: %zu nodes, %zu links, %zu personal networks, %zu service groups\n",
                argv[i], s->node_count, s->wire_count, s->pn_count, s->group_count);
        }
        scenario_free(s);
    }
    if (format == AS_TEXT) {
        cli_show_diags(&diags);
    } else {
        diag_list_sort(&diags);
        (format == AS_JSON ? render_json : render_sarif)(&diags, &out);
    }
    int printed = cli_print(&out);
    diag_list_fini(&diags);
    buf_fini(&out);
    return printed != CLI_OK ? printed : code;
}
