/* The readers of what a scenario brings in: GraphML files (what begins with "<") and traces. What
 * they accept can be shown, and what is shown is accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/scenario_words.h"

static int write_file(const void *data, size_t len)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, len) == (ssize_t)len);
    return fd;
}

static int load(const char *text, struct scenario **ret, struct diag_list *diags)
{
    int fd = write_file(text, strlen(text));
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = scenario_load(path, NULL, &scenario_words, ret, diags);
    CHECK(r == 0 || (diags->errors > 0 && r == -SIM_EINVAL));
    CHECK(r != 0 || diags->errors == 0);
    close(fd);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char nodes[] = "nodes:\n"
                                "  - {id: srv, role: server%s}\n"
                                "  - {id: gw, role: gateway, uplink: {to: srv, link: %s%s}}\n"
                                "  - {id: pne, role: pne, attach: {to: gw, link: ble}}\n";
    bool graph = size > 0 && data[0] == '<';
    int fd = write_file(data, size);
    char *body = graph ? mem_printf(nodes, ", attach: {to: r/*, link: fibre}", "lte", ", via: r/*")
                       : mem_printf(nodes, "", "up", "");
    char *text = mem_printf(graph ? "cpns: 1\nrun: {until: 60 s}\n"
                                    "import: {graphml: /proc/self/fd/%d, link: fibre}\n%s"
                                  : "cpns: 1\nrun: {until: 60 s}\n"
                                    "links: {up: {technology: lte, trace: /proc/self/fd/%d}}\n%s",
                            fd, body);
    struct diag_list diags = {0};
    struct buf out = {0};
    struct scenario *s = NULL;
    if (load(text, &s, &diags) == 0 && graph) {
        struct scenario *again = NULL;
        struct diag_list more = {0};
        CHECK(scenario_show(s, FORMAT_DOT, false, &out) == 0);
        buf_clear(&out);
        CHECK(scenario_show(s, FORMAT_YAML, false, &out) == 0);
        char *shown = buf_steal_str(&out);
        CHECK(load(shown, &again, &more) == 0);
        CHECK(again->wire_count == s->wire_count && again->node_count == s->node_count);
        free(shown);
        scenario_free(again);
        diag_list_fini(&more);
    }
    diag_render(&diags, true, &out);
    buf_fini(&out);
    scenario_free(s);
    diag_list_fini(&diags);
    free(text);
    free(body);
    close(fd);
    return 0;
}
