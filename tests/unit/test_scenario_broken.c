/* The corpus of broken scenario files: each yields exactly the errors that it announces, at the
 * places that it names, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "tests/support/scenario_words.h"

static const char folder[] = "tests/fuzz/corpus_scenario_broken";

static bool read_line(const char *path, const char *prefix, char *ret, size_t room)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    char line[2048];
    bool found = false;
    while (!found && fgets(line, sizeof(line), in) != NULL) {
        size_t len = strlen(prefix);
        if (strncmp(line, prefix, len) == 0) {
            found = true;
            line[strcspn(line, "\n")] = '\0';
            snprintf(ret, room, "%s", line + len);
        }
        if (prefix[0] == '#') {
            break; /* the comment is the first line or there is none */
        }
    }
    fclose(in);
    return found;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* The parts of a list "a, b, c" in alphabetical order, one a line. */
static char *sorted(char *list)
{
    const char *parts[256] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    for (char *p = strtok_r(list, ",", &rest); p != NULL && count < SIM_ARRAY_LEN(parts);
         p = strtok_r(NULL, ",", &rest)) {
        parts[count++] = p + (*p == ' ');
    }
    qsort(parts, count, sizeof(*parts), compare_texts);
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "%s\n", parts[i]);
    }
    return buf_steal_str(&out);
}

static char *found_errors(const struct diag_list *diags, const char *path)
{
    struct buf out = {0};
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *d = &diags->items[i];
        if (d->severity == DIAG_ERROR) {
            buf_printf(&out, "%s%s %d:%d", buf_len(&out) > 0 ? ", " : "", d->code, d->line,
                       d->column);
            assert_non_null(d->file);
            assert_string_equal(d->file, path);
            assert_true(d->length >= 1);
            assert_true(d->line == 0 || d->source_line != NULL);
        }
    }
    char *list = buf_steal_str(&out);
    char *text = sorted(list);
    free(list);
    return text;
}

static bool check(const char *name)
{
    char *path = mem_printf("%s/%s", folder, name);
    char *key = mem_printf("%s: ", name);
    char *list = mem_printf("%s/EXPECT", folder);
    char expected[2048];
    assert_true(read_line(path, "# expect: ", expected, sizeof(expected)) ||
                read_line(list, key, expected, sizeof(expected)));
    struct diag_list diags = {0};
    struct scenario *s = NULL;
    int r = scenario_load(path, NULL, &scenario_words, &s, &diags);
    char *wanted = sorted(expected);
    char *found = found_errors(&diags, path);
    bool good = r == -SIM_EINVAL && s == NULL && strcmp(wanted, found) == 0;
    if (!good) {
        struct buf text = {0};
        diag_render(&diags, false, &text);
        print_error("%s: wanted\n%sfound\n%s%.*s\n", name, wanted, found, (int)buf_len(&text),
                    (const char *)buf_span(&text).data);
        buf_fini(&text);
    }
    /* Rendering has to survive whatever the file holds. */
    struct buf coloured = {0};
    diag_render(&diags, true, &coloured);
    assert_true(buf_len(&coloured) > 0);
    buf_fini(&coloured);
    scenario_free(s);
    diag_list_fini(&diags);
    free(wanted);
    free(found);
    free(path);
    free(key);
    free(list);
    return good;
}

static void each_file_yields_the_errors_it_announces(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t files = 0;
    size_t bad = 0;
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(entries[i]->d_name, '.');
        if (dot != NULL && strcmp(dot, ".yaml") == 0) {
            files++;
            bad += !check(entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(files >= 120);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_yields_the_errors_it_announces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
