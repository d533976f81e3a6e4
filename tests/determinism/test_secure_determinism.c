/* The same seed gives the same octets, whatever else happens and on however many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

enum { THREADS = 8, HANDSHAKES = 50, KINDS = SECURE_KEY_RSA2048 + 1, POLICIES = 3, DTLS = 2 };

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[KINDS][ENDS];
    struct secure_policy *policies[POLICIES]; /* TLS 1.2, 1.3, DTLS 1.2; with tickets */
    uint8_t ticket_key[80];
};

static void world_create(struct world *w, uint64_t seed)
{
    w->env = pair_env(seed);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    for (int k = 0; k < KINDS; k++) {
        w->ids[k][INITIATOR] = pair_identity(w->env, w->ca, "pne/1", (enum secure_key_kind)k);
        w->ids[k][RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", (enum secure_key_kind)k);
    }
    for (int v = 0; v < POLICIES; v++) {
        struct secure_policy_params params = pair_policy_params();
        params.kind = v == DTLS ? SECURE_DTLS : SECURE_TLS;
        params.groups = "X25519:P-256:P-384";
        params.min_version = params.max_version = v == 0 ? SECURE_TLS12 : SECURE_TLS13;
        params.tickets = true;
        w->policies[v] = pair_policy(w->env, &params, w->ca);
    }
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
}

static void world_free(struct world *w)
{
    for (int k = 0; k < KINDS; k++) {
        secure_identity_free(w->ids[k][INITIATOR]);
        secure_identity_free(w->ids[k][RESPONDER]);
    }
    for (int v = 0; v < POLICIES; v++) {
        secure_policy_free(w->policies[v]);
    }
    secure_ca_free(w->ca);
    secure_env_free(w->env);
}

/* Everything that `ordinal`'s session puts on the wire, hashed; with the ticket and the key log. */
static void run_session(const struct world *w, uint64_t ordinal, uint8_t out[SECURE_SHA256_BYTES])
{
    struct secure_policy *policy = w->policies[ordinal % POLICIES];
    size_t kind = (ordinal / POLICIES) % KINDS;
    if (ordinal % POLICIES == DTLS && kind == SECURE_KEY_ED25519) {
        kind = SECURE_KEY_P384; /* there is no DTLS with that one */
    }
    struct pair p;
    pair_open(
        &p, policy, policy,
        (struct secure_session_params){
            .identity = w->ids[kind][INITIATOR], .ordinal = ordinal, .key_log = true},
        (struct secure_session_params){.identity = w->ids[kind][RESPONDER],
                                       .ordinal = ordinal,
                                       .ticket_key = span_of(w->ticket_key, sizeof(w->ticket_key))},
        (sim_time)ordinal * SIM_S);
    pair_handshake(&p);
    CHECK(pair_is_established(&p));
    for (int e = 0; e < ENDS; e++) {
        pair_send(&p, e, span_of_str("hello"));
    }
    pair_flow(&p);
    struct secure_hash *h = secure_hash_create();
    for (int e = 0; e < ENDS; e++) {
        secure_hash_update(h, buf_span(&p.wire[e]));
        CHECK(span_equal_str(buf_span(&p.got[e]), "hello"));
    }
    secure_hash_update(h, secure_session_ticket(p.end[INITIATOR]));
    secure_hash_update(h, buf_span(&p.key_log[INITIATOR]));
    secure_hash_finish(h, out);
    pair_fini(&p);
}

static void the_same_seed_gives_the_same_octets(void **state)
{
    (void)state;
    struct world w[3];
    uint8_t hash[3][SECURE_SHA256_BYTES];
    for (int i = 0; i < 3; i++) {
        world_create(&w[i], i < 2 ? 1 : 2);
    }
    for (int k = 0; k < KINDS; k++) {
        struct span c[3];
        for (int i = 0; i < 3; i++) {
            c[i] = secure_identity_certificate(w[i].ids[k][INITIATOR]);
        }
        assert_true(span_equal(c[0], c[1]));
        assert_false(span_equal(c[0], c[2]));
    }
    for (uint64_t ordinal = 0; ordinal < POLICIES * KINDS; ordinal++) {
        for (int i = 0; i < 3; i++) {
            run_session(&w[i], ordinal, hash[i]);
        }
        assert_memory_equal(hash[0], hash[1], sizeof(hash[0]));
        assert_memory_not_equal(hash[0], hash[2], sizeof(hash[0]));
    }
    for (int i = 0; i < 3; i++) {
        world_free(&w[i]);
    }
}

/* Sessions before, in any number and order, change nothing; another ordinal or owner does. */
static void sessions_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct world w;
    uint8_t alone[POLICIES * KINDS][SECURE_SHA256_BYTES];
    uint8_t again[SECURE_SHA256_BYTES];
    world_create(&w, 1);
    for (uint64_t i = 0; i < POLICIES * KINDS; i++) {
        run_session(&w, i, alone[i]);
        assert_true(i == 0 || memcmp(alone[i], alone[i - 1], sizeof(alone[i])) != 0);
    }
    for (uint64_t i = POLICIES * KINDS; i-- > 0;) {
        run_session(&w, 1000 + i, again);
        run_session(&w, i, again);
        assert_memory_equal(again, alone[i], sizeof(again));
    }
    /* RSA blinding is renewed after 32 uses of a key */
    uint64_t rsa = (uint64_t)POLICIES * SECURE_KEY_RSA2048 + 1;
    for (int i = 0; i < 40; i++) {
        run_session(&w, rsa, again);
        assert_memory_equal(again, alone[rsa], sizeof(again));
    }
    world_free(&w);
}

struct job {
    const struct world *w;
    uint64_t first;
    uint8_t hash[HANDSHAKES][SECURE_SHA256_BYTES];
};

static void *run_job(void *arg)
{
    struct job *job = arg;
    for (uint64_t i = 0; i < HANDSHAKES; i++) {
        run_session(job->w, job->first + i, job->hash[i]);
    }
    return NULL;
}

static void threads_equal_one_thread(void **state)
{
    (void)state;
    struct world w;
    pthread_t threads[THREADS];
    struct job *jobs = mem_calloc(THREADS, sizeof(*jobs));
    world_create(&w, 5);
    for (uint64_t t = 0; t < THREADS; t++) {
        jobs[t].w = &w;
        jobs[t].first = t * HANDSHAKES;
        assert_int_equal(pthread_create(&threads[t], NULL, run_job, &jobs[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    struct job *one = mem_alloc(sizeof(*one));
    one->w = &w;
    for (uint64_t t = 0; t < THREADS; t++) {
        one->first = t * HANDSHAKES;
        run_job(one);
        assert_memory_equal(one->hash, jobs[t].hash, sizeof(one->hash));
    }
    free(one);
    free(jobs);
    world_free(&w);
}

/* The steps of one session on ever other threads, as a pool of workers does it. */
struct step_job {
    struct pair *p;
    int end;
    struct span wire;
    bool start;
};

static void *run_step(void *arg)
{
    struct step_job *job = arg;
    pair_step(job->p, job->end, &(struct secure_input){.start = job->start, .wire = job->wire});
    return NULL;
}

static void a_session_may_change_threads_between_steps(void **state)
{
    (void)state;
    struct world w;
    struct pair p[2];
    world_create(&w, 9);
    for (int threaded = 0; threaded < 2; threaded++) {
        struct pair *q = &p[threaded];
        pair_open(q, w.policies[1], w.policies[1],
                  (struct secure_session_params){.identity = w.ids[0][INITIATOR]},
                  (struct secure_session_params){.identity = w.ids[0][RESPONDER]}, 0);
        if (!threaded) {
            pair_handshake(q);
            continue;
        }
        int end = INITIATOR;
        for (int i = 0; i < 5; i++, end = 1 - end) {
            struct buf wire = {0};
            pthread_t thread;
            buf_move(&wire, &q->to[end]);
            struct step_job job = {.p = q, .end = end, .wire = buf_span(&wire), .start = i == 0};
            assert_int_equal(pthread_create(&thread, NULL, run_step, &job), 0);
            assert_int_equal(pthread_join(thread, NULL), 0);
            buf_fini(&wire);
        }
    }
    for (int e = 0; e < ENDS; e++) {
        assert_true(span_equal(buf_span(&p[0].wire[e]), buf_span(&p[1].wire[e])));
    }
    assert_true(pair_is_established(&p[1]));
    pair_fini(&p[0]);
    pair_fini(&p[1]);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_octets),
        cmocka_unit_test(sessions_do_not_disturb_each_other),
        cmocka_unit_test(threads_equal_one_thread),
        cmocka_unit_test(a_session_may_change_threads_between_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
