/* Two ends of a secure session with nothing between them but two queues of octets, or of datagrams,
 * for tests. */
#ifndef TESTS_SUPPORT_SECURE_PAIR_H
#define TESTS_SUPPORT_SECURE_PAIR_H

#include "sim/secure/secure_session.h"

enum { INITIATOR, RESPONDER, ENDS };

#define PAIR_DAY (86400 * SIM_S)

/* Fails the test on errors. Certificates are valid from a day before to a year after the virtual
 * epoch. */
struct secure_env *pair_env(uint64_t seed);
struct secure_ca *pair_ca(struct secure_env *env, const char *name, enum secure_key_kind kind);
/* `name` also makes the URN: "urn:cpns:NAME". */
struct secure_identity *pair_identity(struct secure_env *env, const struct secure_ca *ca,
                                      const char *name, enum secure_key_kind kind);
/* TLS 1.3 alone, mutual, X25519:P-256, no tickets. */
struct secure_policy_params pair_policy_params(void);
struct secure_policy *pair_policy(struct secure_env *env, const struct secure_policy_params *params,
                                  const struct secure_ca *trust);

/* Who the two ends are, for cmocka's set-up and tear-down: "pne/1" and "gateway/1", with P-256 keys
 * of one CA. */
struct pair_family {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[ENDS];
};
int pair_family_set_up(void **state);
int pair_family_tear_down(void **state);

struct pair {
    struct secure_session *end[ENDS];
    bool datagrams;        /* `to` holds lists of them */
    struct buf to[ENDS];   /* octets (or datagrams) on their way to an end */
    struct buf wire[ENDS]; /* all octets that an end has sent */
    size_t sent[ENDS];     /* datagrams among them */
    size_t longest;        /* of all datagrams */
    size_t flights[ENDS];  /* steps in which handshake messages were sent again */
    sim_time deadline[ENDS];
    struct buf got[ENDS];     /* plaintext delivered at an end */
    struct buf key_log[ENDS]; /* lines */
    struct buf
        messages[ENDS]; /* handshake messages, "ClientHello> ServerHello< " : sent, received */
    const char *alert_sent[ENDS]; /* the last one but close_notify, or NULL */
    const char *alert_received[ENDS];
    struct secure_ops ops[ENDS]; /* sum; `group` and kinds: the last */
    size_t handshake_bytes[ENDS];
    size_t tickets[ENDS];
    sim_time now;
    size_t chunk;    /* octets given to a step; 0: all there are */
    uint64_t random; /* != 0: pieces of 1 to 1000 octets, drawn from this state */
};

/* Opens both ends; `initiator` is set in the parameters, an MTU of 1280 where there is none. */
void pair_open(struct pair *p, struct secure_policy *policy_i, struct secure_policy *policy_r,
               struct secure_session_params initiator, struct secure_session_params responder,
               sim_time now);
void pair_fini(struct pair *p);

/* One step of one end; what it writes is queued for the other. */
int pair_step(struct pair *p, int end, const struct secure_input *in);
/* Delivers until both queues are empty; datagrams one a step. */
void pair_flow(struct pair *p);
/* The initiator starts, then pair_flow(). */
void pair_handshake(struct pair *p);
bool pair_is_established(const struct pair *p);
/* Delivers `datagram` to an end of a kind that has them. */
void pair_datagram(struct pair *p, int end, struct span datagram);
/* Time goes on to the next deadline; the ends that have it take a step. Whether there was one. */
bool pair_expire(struct pair *p);
/* One message, without delivering. */
void pair_send(struct pair *p, int end, struct span message);
void pair_close(struct pair *p, int end);
/* The transport ends for `end`. */
void pair_cut(struct pair *p, int end);
enum secure_state pair_state(const struct pair *p, int end);
struct secure_facts pair_facts(const struct pair *p, int end);

#endif
