/* Cuts, repeats or delays each message of a scenario once, a run each, and looks at the stores
 * afterwards. */
#ifndef TESTS_SUPPORT_DISTURB_H
#define TESTS_SUPPORT_DISTURB_H

#include "tests/support/fake_world.h"

/* What the test does to the world itself, at a time. */
struct disturb_act {
    sim_time at;
    void (*act)(struct fake_world *w);
};

struct disturb {
    const char *name;
    const char *yaml;
    sim_time from, to; /* the transmissions that the undisturbed run has in that time */
    sim_time until;    /* when the stores are looked at */
    size_t least;      /* transmissions there have to be at least */
    /* What else has to hold then: "" or what does not. May be NULL. */
    const char *(*check)(struct fake_world *w);
    struct disturb_act acts[4]; /* in order of time; until one without a function */
};

/* Once with each fate: cut, repeated, late. Fails the test unless each run ends with stores that
 * agree, nobody waiting, `check` content and no event that a state did not allow; prints the
 * counts. What travels outside a session is dropped where the fate is to be cut. */
void disturb_each(const struct disturb *d);

/* What cutting messages of one kind of flow gave. */
struct cut_kind {
    const char *kind; /* "keep-alive": messages that belong to no flow */
    uint32_t flows;   /* of which messages were cut */
    uint32_t messages;
    uint32_t hangs;  /* somebody waits, or a flow is open, at the end */
    uint32_t halves; /* stores differ, or one is half-way */
    uint32_t others; /* `check` is not content, an event that a state did not allow */
};
struct cut_report {
    struct cut_kind kinds[64];
    size_t kind_count;
    const char *types[128]; /* of the messages that were cut, static */
    size_t type_count;
};
/* Cuts each message of the window once, a run each, and adds to the report; tells what went wrong.
 */
void disturb_cut(const struct disturb *d, struct cut_report *report);

#endif
