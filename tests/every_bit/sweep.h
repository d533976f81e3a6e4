/* Many flips of one policy's session, each in a run of its own, and the class of what came of each.
 */
#ifndef TESTS_EVERY_BIT_SWEEP_H
#define TESTS_EVERY_BIT_SWEEP_H

#include "tests/every_bit/one_flip.h"

/* What came of a flip; `sweep_classes` says in words what each means. */
enum flip_class {
    CLASS_ALERT,     /* an end ended the session with a fatal alert */
    CLASS_NO_ALERT,  /* an end ended it without one */
    CLASS_TIMEOUT,   /* the handshake waited until its time was over */
    CLASS_STALLED,   /* established, and an end waits for ever */
    CLASS_RECOVERED, /* repeated until all was well */
    CLASS_LEFT,      /* what one end closed, still stands at the other */
    CLASS_UNREAD,    /* what had been closed already was not closed once more */
    CLASS_SPARE,     /* discarded, and nothing missed it */
    CLASS_HARMLESS,  /* as if nothing had been */
    CLASS_LOST,      /* a message did not arrive, the session went on in order */
    CLASS_ALTERED,   /* something came out that was not sent so */
    CLASS_UNEXPLAINED,
    CLASS_COUNT
};
struct class_words {
    const char *name;
    const char *means; /* a sentence */
};
extern const struct class_words sweep_classes[CLASS_COUNT];

struct sweep {
    struct bench *bench;
    struct flip *flips; /* in the order of the records, the client's first */
    struct flip_outcome *outcomes;
    size_t count;
};

/* Flips each `every`-th bit, and all bits of the first record's header of each side: `jobs`
 * processes at once. The results do not depend on `jobs`. Frees with sweep_fini(). */
void sweep_run(struct sweep *s, const char *policy, size_t every, unsigned jobs);
void sweep_fini(struct sweep *s);
enum flip_class sweep_class(const struct sweep *s, size_t number);
/* Which end noticed, and by what: the alert or the failure ("": neither did). */
const char *sweep_noticed(const struct flip_outcome *o, int *side);

#endif
