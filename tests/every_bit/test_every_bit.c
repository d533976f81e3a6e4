/* Every bit that two ends of a session send is flipped once, each in a run of its own over the
 * virtual link: nothing comes out altered, and each outcome is of a class that README.md explains,
 * with the counts that stand in the tables beside it.
 *
 *     test_every_bit                       a sample of each kind, and the positive control
 *     test_every_bit --all KIND            all bits; compares with KIND.md
 *     test_every_bit --print KIND [EVERY]  the table of every EVERY-th bit (1) for standard output
 *     test_every_bit --list KIND [EVERY]   one line a flip: the attacker's params, class, what
 *                                          noticed it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/core/buf.h"
#include "tests/every_bit/sweep.h"

#define FOLDER "tests/every_bit/"

enum { SAMPLE = 211, WORDS_MOST = 256 };
static const char *const sides[] = {"client", "server"};

static unsigned processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 8 ? 8 : (unsigned)n;
}

/* --- the tables ------------------------------------------------------------------------------ */

static void print_row(struct buf *out, const size_t counts[CLASS_COUNT],
                      const size_t all[CLASS_COUNT])
{
    for (int c = 0; c < CLASS_COUNT; c++) {
        if (all[c] > 0) {
            buf_printf(out, " %zu |", counts[c]);
        }
    }
    buf_append_str(out, "\n");
}

/* A row a record: how many bits, and what came of them. */
static void print_records(const struct sweep *s, struct buf *out)
{
    size_t all[CLASS_COUNT] = {0};
    for (size_t i = 0; i < s->count; i++) {
        all[sweep_class(s, i)]++;
    }
    buf_append_str(out, "| From | Record | Octets | Flips |");
    for (int c = 0; c < CLASS_COUNT; c++) {
        if (all[c] > 0) {
            buf_printf(out, " %s |", sweep_classes[c].name);
        }
    }
    buf_append_str(out, "\n|---|---|---|---|");
    for (int c = 0; c < CLASS_COUNT; c++) {
        buf_append_str(out, all[c] > 0 ? "---|" : "");
    }
    buf_append_str(out, "\n");
    size_t next = 0;
    for (uint32_t u = 0; u < bench_unit_count(s->bench); u++) {
        const struct flip_unit *unit = bench_unit(s->bench, u);
        size_t counts[CLASS_COUNT] = {0};
        size_t flips = next;
        for (; next < s->count && s->flips[next].unit == u; next++) {
            counts[sweep_class(s, next)]++;
        }
        buf_printf(out, "| %s | %s | %zu | %zu |", sides[unit->side], unit->name, unit->len,
                   next - flips);
        print_row(out, counts, all);
    }
    buf_printf(out, "| | all | | %zu |", s->count);
    print_row(out, all, all);
}

struct word {
    enum flip_class class;
    const char *word;
    int side;
    size_t flips;
    int64_t least, most; /* ns */
};

static int compare_words(const void *a, const void *b)
{
    const struct word *x = a;
    const struct word *y = b;
    int r = (int)x->class - (int)y->class;
    r = r != 0 ? r : strcmp(x->word, y->word);
    return r != 0 ? r : x->side - y->side;
}

static int64_t noticed_after(const struct flip_outcome *o, int side)
{
    if (side < 0) {
        return 0;
    }
    const struct flip_end *e = &o->ends[side];
    return (e->alert[0] != '\0' ? e->alert_ns : o->ended_ns) - o->at_ns;
}

/* A row an alert or failure: which end, how often, how long after the flip. */
static void print_words(const struct sweep *s, struct buf *out)
{
    struct word words[WORDS_MOST] = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct word w = {.class = sweep_class(s, i)};
        w.word = sweep_noticed(&s->outcomes[i], &w.side);
        w.least = w.most = noticed_after(&s->outcomes[i], w.side);
        size_t k = 0;
        while (k < count && compare_words(&words[k], &w) != 0) {
            k++;
        }
        if (k == count) {
            CHECK(count < WORDS_MOST);
            words[count++] = w;
        }
        words[k].flips++;
        words[k].least = w.least < words[k].least ? w.least : words[k].least;
        words[k].most = w.most > words[k].most ? w.most : words[k].most;
    }
    qsort(words, count, sizeof(words[0]), compare_words);
    buf_append_str(out,
                   "\n| Class | Noticed as | By | Flips | After, ms |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct word *w = &words[i];
        buf_printf(out, "| %s | %s | %s | %zu |", sweep_classes[w->class].name, w->word,
                   w->side < 0 ? "" : sides[w->side], w->flips);
        if (w->side >= 0) {
            buf_printf(out, " %.1f to %.1f", (double)w->least / 1e6, (double)w->most / 1e6);
        }
        buf_append_str(out, " |\n");
    }
}

static void print_tables(const struct sweep *s, const char *policy, size_t every, struct buf *out)
{
    buf_printf(out, "# %s: %s\n\n", policy,
               every == 1 ? "every bit flipped once" : "a sample of the bits, each flipped once");
    buf_printf(out,
               "Made by `test_every_bit --print %s %zu`; [README.md](%sREADME.md) says what the "
               "classes mean.\n\n",
               policy, every, every == 1 ? "" : "../");
    print_records(s, out);
    print_words(s, out);
}

/* --- what must hold -------------------------------------------------------------------------- */

static void complain(const struct sweep *s, size_t i, const char *what)
{
    char params[160];
    const struct flip_outcome *o = &s->outcomes[i];
    bench_words(s->bench, &s->flips[i], params, sizeof(params));
    print_error("%s: %s: %s; ends %s %s, %s %s; %u of %u arrived, %u altered\n",
                bench_unit(s->bench, s->flips[i].unit)->name, params, what, o->ends[0].state,
                o->ends[0].failure, o->ends[1].state, o->ends[1].failure, o->right, o->sent,
                o->wrong);
}

/* RFC 8446 5.1: nobody reads the second octet of the version in the first record's header. */
static bool unprotected_by_design(const struct sweep *s, size_t i)
{
    return bench_unit(s->bench, s->flips[i].unit)->nth == 1 && s->flips[i].octet == 2;
}

/* An octet that tells how much is to come: the length of a record or of a handshake message in the
 * clear; the first bit of all, with which a ClientHello of SSL 2.0 begins. */
static bool is_length(const struct sweep *s, size_t i)
{
    const struct flip *f = &s->flips[i];
    const struct flip_unit *u = bench_unit(s->bench, f->unit);
    return f->octet == 3 || f->octet == 4 || (f->octet >= 6 && f->octet <= 8) ||
           (u->side == 0 && u->nth == 1 && f->octet == 0 && f->bit == 0);
}

static size_t complaints(const struct sweep *s)
{
    size_t wrong = 0;
    for (size_t i = 0; i < s->count; i++) {
        enum flip_class class = sweep_class(s, i);
        const char *what = NULL;
        if (class == CLASS_ALTERED || class == CLASS_UNEXPLAINED) {
            what = sweep_classes[class].name;
        } else if ((class == CLASS_HARMLESS) != unprotected_by_design(s, i)) {
            what = "harmless, or not";
        } else if ((class == CLASS_TIMEOUT || class == CLASS_STALLED) && !is_length(s, i)) {
            what = "waits, and no length was flipped";
        } else if (strcmp(s->outcomes[i].verdict,
                          class == CLASS_UNREAD ? "inconclusive" : "held") != 0) {
            what = s->outcomes[i].verdict;
        }
        if (what != NULL) {
            complain(s, i, what);
            wrong++;
        }
    }
    return wrong;
}

static char *read_text(const char *path)
{
    struct buf text = {0};
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        print_error("%s is missing\n", path);
    }
    assert_non_null(f);
    size_t got;
    do {
        got = fread(buf_reserve(&text, 4096), 1, 4096, f);
        buf_commit(&text, got);
    } while (got > 0);
    fclose(f);
    return buf_steal_str(&text);
}

/* Sweeps, and holds what came of it against the rules and against the table in `path`. */
static void sweep_and_compare(const char *policy, size_t every, const char *path)
{
    struct sweep s;
    struct buf out = {0};
    sweep_run(&s, policy, every, processors());
    print_tables(&s, policy, every, &out);
    assert_int_equal(complaints(&s), 0);
    char *got = buf_steal_str(&out);
    char *wanted = read_text(path);
    if (strcmp(got, wanted) != 0) {
        print_error("%s is not what the sweep yields:\n%s", path, got);
    }
    assert_string_equal(got, wanted);
    free(got);
    free(wanted);
    sweep_fini(&s);
}

static void a_sample_of_tls_1_3(void **state)
{
    (void)state;
    sweep_and_compare("tls13", SAMPLE, FOLDER "sample/tls13.md");
}

static void a_sample_of_tls_1_2(void **state)
{
    (void)state;
    sweep_and_compare("tls12", SAMPLE, FOLDER "sample/tls12.md");
}

/* Positive control: without protection each flip in a message's octets is delivered. */
static void without_protection_messages_come_out_altered(void **state)
{
    (void)state;
    struct sweep s;
    size_t altered = 0;
    sweep_run(&s, "clear", 13, processors());
    for (size_t i = 0; i < s.count; i++) {
        const struct flip *f = &s.flips[i];
        const struct flip_unit *u = bench_unit(s.bench, f->unit);
        bool body = strcmp(u->name, "message") == 0 && f->octet >= 5;
        altered += body;
        assert_true(!body || sweep_class(&s, i) == CLASS_ALTERED);
        assert_true(!body || strcmp(s.outcomes[i].verdict, "violated") == 0);
    }
    assert_true(altered > 100);
    sweep_fini(&s);
}

/* --- asked for by hand ----------------------------------------------------------------------- */

static void list(const struct sweep *s)
{
    for (size_t i = 0; i < s->count; i++) {
        char params[160];
        int side;
        const char *noticed = sweep_noticed(&s->outcomes[i], &side);
        bench_words(s->bench, &s->flips[i], params, sizeof(params));
        printf("%s %s: %s%s%s%s%s\n", bench_unit(s->bench, s->flips[i].unit)->name, params,
               sweep_classes[sweep_class(s, i)].name, noticed[0] != '\0' ? ", " : "", noticed,
               side >= 0 ? " by the " : "", side >= 0 ? sides[side] : "");
    }
}

static const char *all_policy;

static void all_bits(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), FOLDER "%s.md", all_policy);
    sweep_and_compare(all_policy, 1, path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_of_tls_1_3),
        cmocka_unit_test(a_sample_of_tls_1_2),
        cmocka_unit_test(without_protection_messages_come_out_altered),
    };
    const struct CMUnitTest all[] = {cmocka_unit_test(all_bits)};
    if (argc >= 3 && strcmp(argv[1], "--all") == 0) {
        all_policy = argv[2];
        return cmocka_run_group_tests(all, NULL, NULL);
    }
    if (argc >= 3 && (strcmp(argv[1], "--print") == 0 || strcmp(argv[1], "--list") == 0)) {
        size_t every = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
        struct sweep s;
        sweep_run(&s, argv[2], every > 0 ? every : 1, processors());
        if (strcmp(argv[1], "--list") == 0) {
            list(&s);
        } else {
            struct buf out = {0};
            print_tables(&s, argv[2], every, &out);
            fwrite(buf_span(&out).data, 1, buf_len(&out), stdout);
            buf_fini(&out);
        }
        sweep_fini(&s);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
