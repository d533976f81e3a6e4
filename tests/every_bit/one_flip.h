/* One bit of a session's octets flipped on a virtual link, and what the run's record says of it.
 *
 * A world of two nodes: a client opens a session to a server, each sends two messages of 64 octets
 * in turn (with TLS 1.3 the client updates its keys between them), the client closes. The attacker
 * is the product's own, kind `tamper`, so that each flip can be repeated with a scenario. Same
 * seed, same octets: record n of a direction is the same in each run up to the flip. */
#ifndef TESTS_EVERY_BIT_ONE_FLIP_H
#define TESTS_EVERY_BIT_ONE_FLIP_H

#include "sim/core/base.h"
#include "sim/scenario/scenario.h"

struct bench; /* a loaded scenario, and the records of its undisturbed run */

/* A record (of the kind `clear`: a frame) of the undisturbed run. */
struct flip_unit {
    int side;      /* that sends it; 0: the client */
    uint32_t nth;  /* of this side, from 1 */
    size_t len;    /* octets, header included */
    char name[48]; /* what it carries: "ClientHello", "message", "close_notify" ... */
};

struct flip {
    uint32_t unit; /* index of the bench's units */
    size_t octet;  /* in the unit */
    unsigned bit;  /* 0: the most significant */
};

enum { FLIP_WORD_BYTES = 40 };

/* What an end did. */
struct flip_end {
    char state[FLIP_WORD_BYTES];   /* at the end: "established", "closed", "failed" ... */
    char failure[FLIP_WORD_BYTES]; /* "": none */
    char alert[FLIP_WORD_BYTES];   /* its fatal alert; "": none */
    int64_t alert_ns;              /* when, since the start */
    int64_t up_ns;                 /* it was done with the handshake; -1: never */
    bool notified;                 /* the peer's close_notify was read */
};

struct flip_outcome {
    char detail[FLIP_WORD_BYTES]; /* what the attacker did, in words */
    char verdict[FLIP_WORD_BYTES];
    char detected_by[FLIP_WORD_BYTES];
    int64_t at_ns; /* when the flip was made */
    struct flip_end ends[2];
    int64_t established_ns;        /* both ends were done; -1: never */
    int64_t ended_ns;              /* -1: the session stood when the run ended */
    char outcome[FLIP_WORD_BYTES]; /* of the session */
    int64_t last_ns;               /* the last message arrived; -1: none did */
    uint32_t sent, right, wrong;   /* messages; as seen by the two nodes themselves */
    uint32_t altered;              /* messages that the record says came out altered */
    uint32_t lost;                 /* messages that the record says are lost */
    uint32_t retransmissions;
};

/* The bench of a policy of every_bit.yaml (in the scenario's words, e.g. "tls13"); fails the test
 * when its undisturbed run is not in order. */
struct bench *bench_create(const char *policy);
void bench_free(struct bench *b);
/* Its session goes over datagrams, with the headers of DTLS. */
bool bench_has_datagrams(const struct bench *b);
size_t bench_unit_count(const struct bench *b);
const struct flip_unit *bench_unit(const struct bench *b, size_t number);
/* What came of the session without a flip. */
const struct flip_outcome *bench_undisturbed(const struct bench *b);
/* The params of an attacker that does this, as in a scenario file. */
void bench_words(const struct bench *b, const struct flip *flip, char *out, size_t len);
/* Runs with one bit flipped. */
void bench_run(struct bench *b, const struct flip *flip, struct flip_outcome *ret);

#endif
