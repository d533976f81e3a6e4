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

/* From the flip until it was noticed; what recovered, by how much later all was well. */
static int64_t noticed_after(const struct sweep *s, const struct flip_outcome *o, int side)
{
    if (side < 0) {
        return o->last_ns - bench_undisturbed(s->bench)->last_ns;
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
        w.least = w.most = noticed_after(s, &s->outcomes[i], w.side);
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
        if (w->side >= 0 || w->class == CLASS_RECOVERED) {
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

/* Octets of the header of DTLS: RFC 6347 4.1. */
enum { VERSION_MINOR = 2, SEQUENCE = 5, SEQUENCE_END = 11 };

/* RFC 8446 5.1: nobody reads the second octet of the version in the first record's header. */
static bool unprotected_in_tls(const struct flip_unit *u, const struct flip *f)
{
    return u->nth == 1 && f->octet == 2;
}

/* What nobody looks at in datagrams before there are keys: the first ClientHello, which the
 * handshake's end does not cover (RFC 6347 4.2.1), nor the version in the answer to it; sequence
 * numbers, as long as they stay small; the second octet of the version in records with a hello or
 * an alert. */
static bool may_be_harmless_in_dtls(const struct flip_unit *u, const struct flip *f)
{
    bool first = u->side == 0 && u->nth == 1;
    bool verify = strcmp(u->name, "HelloVerifyRequest") == 0;
    bool version = verify || strcmp(u->name, "ClientHello") == 0 ||
                   strcmp(u->name, "ServerHello") == 0 || strcmp(u->name, "close_notify") == 0;
    bool clear = strcmp(u->name, "Finished") != 0 && strcmp(u->name, "message") != 0 &&
                 strcmp(u->name, "empty frame") != 0 && strcmp(u->name, "close_notify") != 0;
    return first || (version && f->octet == VERSION_MINOR) ||
           (verify && (f->octet == 25 || f->octet == 26)) ||
           (clear && f->octet >= SEQUENCE && f->octet < SEQUENCE_END);
}

/* An octet that tells how much is to come: the length of a record or of a handshake message in the
 * clear; the first bit of all, with which a ClientHello of SSL 2.0 begins. */
static bool is_length(const struct flip_unit *u, const struct flip *f)
{
    return f->octet == 3 || f->octet == 4 || (f->octet >= 6 && f->octet <= 8) ||
           (u->side == 0 && u->nth == 1 && f->octet == 0 && f->bit == 0);
}

/* Why the class must not be; NULL: it may. */
static const char *wrong_class(const struct sweep *s, size_t i)
{
    const struct flip *f = &s->flips[i];
    const struct flip_unit *u = bench_unit(s->bench, f->unit);
    bool datagrams = bench_has_datagrams(s->bench);
    switch (sweep_class(s, i)) {
    case CLASS_ALTERED:
        return "altered";
    case CLASS_UNEXPLAINED:
        return "unexplained";
    case CLASS_HARMLESS:
        return (datagrams ? may_be_harmless_in_dtls : unprotected_in_tls)(u, f)
                   ? NULL
                   : "harmless, although protected";
    case CLASS_TIMEOUT:
        if (datagrams && f->octet >= SEQUENCE && f->octet < SEQUENCE_END) {
            return NULL; /* what is sent again has smaller numbers: too old for the window */
        }
        return !datagrams && is_length(u, f) ? NULL : "waits, and no length was flipped";
    case CLASS_STALLED:
        return !datagrams && is_length(u, f) ? NULL : "waits, and no length was flipped";
    case CLASS_RECOVERED:
    case CLASS_LOST:
    case CLASS_LEFT:
    case CLASS_SPARE:
        return datagrams ? NULL : "lost over a stream";
    case CLASS_ALERT:
    case CLASS_NO_ALERT:
    case CLASS_UNREAD:
    case CLASS_COUNT:
        break;
    }
    return !datagrams && unprotected_in_tls(u, f) ? "not harmless, although unprotected" : NULL;
}

/* The same of the verdict that the run's own probe came to. */
static const char *wrong_verdict(const struct sweep *s, size_t i)
{
    const struct flip_outcome *o = &s->outcomes[i];
    enum flip_class class = sweep_class(s, i);
    const char *name = bench_unit(s->bench, s->flips[i].unit)->name;
    bool datagrams = bench_has_datagrams(s->bench);
    if (strcmp(o->verdict, "inconclusive") == 0) {
        bool over = class == CLASS_UNREAD || class == CLASS_HARMLESS || class == CLASS_LEFT;
        return strcmp(name, "close_notify") == 0 && over ? NULL : o->verdict;
    }
    if (strcmp(o->verdict, "held") != 0) {
        return o->verdict;
    }
    bool no_effect = strcmp(o->detected_by, "no effect") == 0;
    /* What the timer made up for had none in the end. */
    bool unseen = datagrams && class == CLASS_RECOVERED;
    return no_effect && class != CLASS_HARMLESS && !unseen ? "no effect, says the probe" : NULL;
}

static size_t complaints(const struct sweep *s)
{
    size_t wrong = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *what = wrong_class(s, i);
        what = what != NULL ? what : wrong_verdict(s, i);
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

static void a_sample_of_dtls_1_2(void **state)
{
    (void)state;
    sweep_and_compare("dtls12", SAMPLE, FOLDER "sample/dtls12.md");
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
        cmocka_unit_test(a_sample_of_dtls_1_2),
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
