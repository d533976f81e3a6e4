#include "tests/every_bit/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MOST = 64, HEADER_BYTES = 5 };

const struct class_words sweep_classes[CLASS_COUNT] = {
    [CLASS_ALERT] = {"alert", "An end ended the session with a fatal alert."},
    [CLASS_NO_ALERT] =
        {"no alert", "An end ended the session without an alert: OpenSSL sends none for a record "
                     "whose version is none of TLS, nor once it has sent close_notify; the "
                     "stream's end inside a record is noticed as `truncated`."},
    [CLASS_TIMEOUT] = {"time-out",
                       "The handshake was never finished: an end waited for more octets than there "
                       "were, until its time was over."},
    [CLASS_STALLED] = {"stalled",
                       "Established at both ends, but the receiver waits for the rest of a record "
                       "that is longer than what was sent. Nothing more is delivered; TLS itself "
                       "has no timer for that."},
    [CLASS_RECOVERED] = {"recovered",
                         "What was flipped was dropped in silence and sent again by a timer: later "
                         "than without the flip, all messages arrived."},
    [CLASS_LEFT] = {"left open",
                    "All messages had arrived; close_notify was dropped in silence, nobody repeats "
                    "it, and the other end's session still stands."},
    [CLASS_UNREAD] = {"unread",
                      "All messages had arrived; the answer to close_notify was not understood, "
                      "which may as well be missing (RFC 8446 section 6.1)."},
    [CLASS_SPARE] = {"spare", "The record was dropped in silence, and nothing missed it."},
    [CLASS_HARMLESS] = {"harmless", "Everything went on as without the flip."},
    [CLASS_LOST] = {"lost", "The record was dropped in silence, and the message in it with it; the "
                            "session went on."},
    [CLASS_ALTERED] = {"altered", "A message came out that was not sent so."},
    [CLASS_UNEXPLAINED] = {"unexplained", "None of these."},
};

/* --- running --------------------------------------------------------------------------------- */

static void add(struct sweep *s, size_t *capacity, uint32_t unit, size_t bit)
{
    *MEM_PUSH(s->flips, s->count, *capacity) =
        (struct flip){.unit = unit, .octet = bit / 8, .bit = bit % 8};
}

static void choose(struct sweep *s, size_t every)
{
    size_t capacity = 0;
    size_t number = 0;
    for (uint32_t i = 0; i < bench_unit_count(s->bench); i++) {
        const struct flip_unit *u = bench_unit(s->bench, i);
        for (size_t bit = 0; bit < 8 * u->len; bit++, number++) {
            bool header = u->nth == 1 && bit < 8 * (size_t)HEADER_BYTES;
            if (header || number % every == 0) {
                add(s, &capacity, i, bit);
            }
        }
    }
}

static void work(const struct sweep *s, unsigned job, unsigned jobs)
{
    for (size_t i = job; i < s->count; i += jobs) {
        bench_run(s->bench, &s->flips[i], &s->outcomes[i]);
    }
}

void sweep_run(struct sweep *s, const char *policy, size_t every, unsigned jobs)
{
    CHECK(jobs >= 1 && jobs <= JOBS_MOST && every >= 1);
    *s = (struct sweep){.bench = bench_create(policy)};
    choose(s, every);
    size_t bytes = s->count * sizeof(*s->outcomes);
    s->outcomes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s->outcomes != MAP_FAILED);
    pid_t children[JOBS_MOST];
    fflush(NULL);
    for (unsigned job = 1; job < jobs; job++) {
        children[job] = fork();
        assert_true(children[job] >= 0);
        if (children[job] == 0) {
            work(s, job, jobs);
            _exit(0);
        }
    }
    work(s, 0, jobs);
    for (unsigned job = 1; job < jobs; job++) {
        int status;
        assert_int_equal(waitpid(children[job], &status, 0), children[job]);
        assert_int_equal(status, 0);
    }
}

void sweep_fini(struct sweep *s)
{
    munmap(s->outcomes, s->count * sizeof(*s->outcomes));
    bench_free(s->bench);
    free(s->flips);
}

/* --- judging --------------------------------------------------------------------------------- */

const char *sweep_noticed(const struct flip_outcome *o, int *side)
{
    const struct flip_end *e = o->ends;
    for (int i = 0; i < 2; i++) {
        bool first = e[1 - i].alert[0] == '\0' || e[i].alert_ns <= e[1 - i].alert_ns;
        if (e[i].alert[0] != '\0' && first) {
            *side = i;
            return e[i].alert;
        }
    }
    for (int i = 0; i < 2; i++) { /* the other end only saw the stream end, or waited in vain */
        bool only = e[1 - i].failure[0] == '\0' || strcmp(e[1 - i].failure, "truncated") == 0 ||
                    strcmp(e[1 - i].failure, "timeout") == 0;
        bool waited = strcmp(e[i].failure, "timeout") == 0;
        if (e[i].failure[0] != '\0' && !waited && only) {
            *side = i;
            return e[i].failure;
        }
    }
    *side = -1;
    return "";
}

enum flip_class sweep_class(const struct sweep *s, size_t number)
{
    const struct flip_outcome *o = &s->outcomes[number];
    const struct flip_outcome *undisturbed = bench_undisturbed(s->bench);
    const struct flip_end *e = o->ends;
    bool all = o->right == undisturbed->right;
    bool in_order = strcmp(e[0].state, "closed") == 0 && strcmp(e[1].state, "closed") == 0;
    bool stands = strcmp(e[0].state, "established") == 0 && strcmp(e[1].state, "established") == 0;
    int side;
    const char *noticed = sweep_noticed(o, &side);
    if (o->wrong > 0 || o->altered > 0 || o->right > o->sent) {
        return CLASS_ALTERED;
    }
    if (strcmp(e[0].failure, "timeout") == 0 && strcmp(e[1].failure, "timeout") == 0) {
        return CLASS_TIMEOUT;
    }
    if (e[0].alert[0] != '\0' || e[1].alert[0] != '\0') {
        return CLASS_ALERT;
    }
    if (noticed[0] != '\0') {
        return CLASS_NO_ALERT;
    }
    if (stands && !all && o->established_ns >= 0) {
        return o->lost > 0 ? CLASS_LOST : CLASS_STALLED;
    }
    if (all && strcmp(e[0].state, "closed") == 0 && strcmp(e[1].state, "established") == 0) {
        return CLASS_LEFT;
    }
    if (all && in_order && o->last_ns > undisturbed->last_ns) {
        return CLASS_RECOVERED;
    }
    if (all && in_order && o->last_ns == undisturbed->last_ns) {
        bool same = e[0].notified == undisturbed->ends[0].notified &&
                    e[1].notified == undisturbed->ends[1].notified;
        bool discarded = strcmp(o->detected_by, "discarded") == 0;
        return !same ? CLASS_UNREAD : discarded ? CLASS_SPARE : CLASS_HARMLESS;
    }
    return CLASS_UNEXPLAINED;
}
