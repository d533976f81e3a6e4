/* The reader of scenario files. Whatever it accepts can be shown, and what is shown is accepted and
 * shows the same. Overrides are under test too: text behind a line "#set" is taken as one --set a
 * line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/scenario_words.h"

/* libfyaml 0.7.12 forgets a buffer when a long quoted text with doubled quotes is never closed.
 * Leaks of our own still count. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static int load(const uint8_t *data, size_t len, const struct scenario_options *options,
                struct scenario **ret, struct diag_list *diags)
{
    int fd = memfd_create("scenario", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, len) == (ssize_t)len);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = scenario_load(path, options, &scenario_words, ret, diags);
    CHECK(r == 0 || (diags->errors > 0 && r == -SIM_EINVAL));
    CHECK(r != 0 || diags->errors == 0);
    close(fd);
    return r;
}

static void show_all(const struct scenario *s, struct buf *yaml)
{
    struct buf out = {0};
    CHECK(scenario_show(s, FORMAT_YAML, false, yaml) == 0);
    CHECK(scenario_show(s, FORMAT_YAML, true, &out) == 0);
    CHECK(scenario_show(s, FORMAT_JSON, false, &out) == 0);
    CHECK(scenario_show(s, FORMAT_JSON, true, &out) == 0);
    CHECK(scenario_show(s, FORMAT_DOT, false, &out) == 0);
    CHECK(scenario_show(s, FORMAT_MERMAID, false, &out) == 0);
    buf_fini(&out);
}

static void check_again(const struct scenario *s)
{
    struct buf once = {0};
    struct buf twice = {0};
    struct diag_list diags = {0};
    struct scenario *again = NULL;
    show_all(s, &once);
    struct span text = buf_span(&once);
    int r = load(text.data, text.len, NULL, &again, &diags);
    if (r != 0) {
        struct buf out = {0};
        diag_render(&diags, false, &out);
        fprintf(stderr, "shown:\n%.*s\n%.*s\n", (int)text.len, (const char *)text.data,
                (int)buf_len(&out), (const char *)buf_span(&out).data);
        buf_fini(&out);
    }
    CHECK(r == 0);
    CHECK(scenario_show(again, FORMAT_YAML, false, &twice) == 0);
    if (!span_equal(buf_span(&once), buf_span(&twice))) {
        fprintf(stderr, "shown:\n%.*s\nand again:\n%.*s\n", (int)text.len, (const char *)text.data,
                (int)buf_len(&twice), (const char *)buf_span(&twice).data);
        CHECK(false);
    }
    CHECK(again->node_count == s->node_count && again->edge_count == s->edge_count);
    scenario_free(again);
    diag_list_fini(&diags);
    buf_fini(&once);
    buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST_SETS = 8, MOST_NODES_SHOWN = 5000 };
    static const char mark[] = "\n#set\n";
    const uint8_t *behind = memmem(data, size, mark, sizeof(mark) - 1);
    size_t len = behind != NULL ? (size_t)(behind - data) : size;
    char *sets = behind != NULL ? mem_strndup((const char *)behind + sizeof(mark) - 1,
                                              size - len - sizeof(mark) + 1)
                                : mem_strdup("");
    const char *items[MOST_SETS];
    struct scenario_options options = {.sets = items};
    char *rest = NULL;
    for (char *line = strtok_r(sets, "\n", &rest); line != NULL && options.set_count < MOST_SETS;
         line = strtok_r(NULL, "\n", &rest)) {
        items[options.set_count++] = line;
    }
    struct diag_list diags = {0};
    struct scenario *s = NULL;
    if (load(data, len, &options, &s, &diags) == 0 && s->node_count <= MOST_NODES_SHOWN) {
        check_again(s);
    }
    struct buf out = {0};
    diag_render(&diags, true, &out);
    buf_fini(&out);
    scenario_free(s);
    diag_list_fini(&diags);
    free(sets);
    return 0;
}
