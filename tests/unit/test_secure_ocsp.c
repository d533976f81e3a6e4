/* OCSP: what a responder says, what a reader makes of it, and of responses that lie, are old, for
 * another certificate, signed by the wrong one or not at all; each of them stapled to a handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/secure_ocsp.h"
#include "tests/support/secure_pair.h"

#define HOUR (3600 * SIM_S)

enum { KINDS = 3 };
static const struct {
    enum secure_kind kind;
    enum secure_version version;
} kinds[KINDS] = {
    {SECURE_TLS, SECURE_TLS13}, {SECURE_TLS, SECURE_TLS12}, {SECURE_DTLS, SECURE_TLS12}};

struct world {
    struct secure_env *env;
    struct secure_ca *ca, *other;
    struct secure_identity *client, *server, *second;
    struct secure_identity *delegate, *pretender;
    struct secure_policy *wants[KINDS], *soft[KINDS];
};

static struct secure_identity *issue(struct world *w, const char *name, bool ocsp_signing)
{
    struct diag_list diags = {0};
    struct secure_identity *id = NULL;
    const struct secure_identity_params params = {.name = name,
                                                  .urn = "urn:cpns:ca",
                                                  .kind = SECURE_KEY_P256,
                                                  .not_before = -PAIR_DAY,
                                                  .not_after = 365 * PAIR_DAY,
                                                  .ocsp_signing = ocsp_signing};
    assert_int_equal(secure_identity_issue(w->env, w->ca, &params, &id, &diags), 0);
    return id;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->other = pair_ca(w->env, "other", SECURE_KEY_P256);
    w->client = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->server = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    w->second = pair_identity(w->env, w->ca, "gateway/2", SECURE_KEY_P256);
    w->delegate = issue(w, "responder", true);
    w->pretender = issue(w, "pretender", false);
    for (int k = 0; k < KINDS; k++) {
        struct secure_policy_params params = pair_policy_params();
        params.kind = kinds[k].kind;
        params.min_version = params.max_version = kinds[k].version;
        params.ocsp = SECURE_OCSP_REQUIRED;
        w->wants[k] = pair_policy(w->env, &params, w->ca);
        params.ocsp = SECURE_OCSP_SOFT_FAIL;
        w->soft[k] = pair_policy(w->env, &params, w->ca);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        secure_policy_free(w->wants[k]);
        secure_policy_free(w->soft[k]);
    }
    secure_identity_free(w->client);
    secure_identity_free(w->server);
    secure_identity_free(w->second);
    secure_identity_free(w->delegate);
    secure_identity_free(w->pretender);
    secure_ca_free(w->ca);
    secure_ca_free(w->other);
    secure_env_free(w->env);
    free(w);
    return 0;
}

/* --- asked and answered ----------------------------------------------------------------------- */

/* Who answers, and what; all but `about` may be left out. */
struct answer {
    const struct secure_ca *ca;             /* NULL: the right one */
    const struct secure_identity *delegate; /* NULL: the CA signs */
    const struct secure_identity *about;    /* NULL: the server */
    bool stranger;                          /* the responder never heard of the certificate */
    sim_time revoked_at;                    /* 0: never */
    sim_time at;
};

static void answer(struct world *w, const struct answer *a, struct span nonce, struct buf *ret)
{
    const struct secure_ca *ca = a->ca != NULL ? a->ca : w->ca;
    const struct secure_identity *about = a->about != NULL ? a->about : w->server;
    struct secure_responder *r = secure_responder_create(w->env, ca, "srv", a->delegate);
    struct secure_ops ops = {0};
    struct buf request = {0};
    if (!a->stranger) {
        secure_responder_add(r, about, a->revoked_at != 0 ? a->revoked_at : SIM_TIME_NEVER);
    }
    secure_responder_add(r, w->client, SIM_TIME_NEVER);
    assert_int_equal(secure_ocsp_request(w->env, ca, about, nonce, &request), 0);
    buf_clear(ret);
    assert_int_equal(secure_responder_answer(r, buf_span(&request), a->at, HOUR, ret, &ops), 0);
    assert_int_equal(ops.sign, 1);
    buf_fini(&request);
    secure_responder_free(r);
}

static const char *read_it(struct world *w, struct span response, struct span nonce, sim_time now,
                           struct secure_status *status)
{
    secure_ocsp_read(w->env, w->ca, w->server, response, nonce, now, status);
    return status->word;
}

static void a_responder_says_what_the_ca_knows(void **state)
{
    struct world *w = *state;
    struct buf response = {0};
    struct secure_status status;
    const struct secure_identity *const signers[] = {NULL, w->delegate};
    for (size_t i = 0; i < SIM_ARRAY_LEN(signers); i++) {
        struct answer a = {.delegate = signers[i], .revoked_at = 5 * HOUR, .at = 2 * HOUR};
        answer(w, &a, span_of(NULL, 0), &response);
        assert_string_equal(
            read_it(w, buf_span(&response), span_of(NULL, 0), 2 * HOUR + 60 * SIM_S, &status),
            "good");
        assert_int_equal(status.this_update, 2 * HOUR);
        assert_int_equal(status.next_update, 3 * HOUR);
        a.at = 5 * HOUR;
        answer(w, &a, span_of(NULL, 0), &response);
        assert_string_equal(read_it(w, buf_span(&response), span_of(NULL, 0), a.at, &status),
                            "revoked");
        a.stranger = true;
        answer(w, &a, span_of(NULL, 0), &response);
        assert_string_equal(read_it(w, buf_span(&response), span_of(NULL, 0), a.at, &status),
                            "unknown");
    }
    buf_fini(&response);
}

static void a_nonce_is_repeated(void **state)
{
    struct world *w = *state;
    struct buf response = {0};
    struct secure_status status;
    uint8_t nonce[SECURE_NONCE_BYTES];
    uint8_t another[SECURE_NONCE_BYTES];
    memset(nonce, 7, sizeof(nonce));
    memset(another, 8, sizeof(another));
    const struct answer a = {.at = HOUR};
    answer(w, &a, span_of(nonce, sizeof(nonce)), &response);
    assert_string_equal(
        read_it(w, buf_span(&response), span_of(nonce, sizeof(nonce)), HOUR, &status), "good");
    assert_string_equal(
        read_it(w, buf_span(&response), span_of(another, sizeof(another)), HOUR, &status),
        "wrong nonce");
    answer(w, &a, span_of(NULL, 0), &response);
    assert_string_equal(
        read_it(w, buf_span(&response), span_of(nonce, sizeof(nonce)), HOUR, &status),
        "wrong nonce");
    buf_fini(&response);
}

static void what_is_no_request_is_called_so(void **state)
{
    struct world *w = *state;
    struct secure_responder *r = secure_responder_create(w->env, w->ca, "srv", NULL);
    struct secure_status status;
    struct buf request = {0};
    struct buf response = {0};
    struct secure_ops ops = {0};
    assert_int_equal(secure_ocsp_request(w->env, w->ca, w->server, span_of(NULL, 0), &request), 0);
    struct span whole = buf_span(&request);
    for (size_t len = 0; len < whole.len; len++) { /* cut short anywhere */
        buf_clear(&response);
        assert_int_equal(
            secure_responder_answer(r, span_of(whole.data, len), HOUR, HOUR, &response, &ops), 0);
        assert_string_equal(read_it(w, buf_span(&response), span_of(NULL, 0), HOUR, &status),
                            "unsuccessful");
    }
    assert_int_equal(ops.sign, 0);
    buf_fini(&request);
    buf_fini(&response);
    secure_responder_free(r);
}

/* --- responses that should not be believed -----------------------------------------------------
 */

static void open_pair(struct pair *p, struct world *w, struct secure_policy *policy,
                      struct span staple, sim_time now)
{
    pair_open(p, policy, policy,
              (struct secure_session_params){.identity = w->client,
                                             .expected_peer = "urn:cpns:gateway/1"},
              (struct secure_session_params){.identity = w->server, .staple = staple}, now);
}

/* One signature, or two with a delegate's certificate: the device of the initiator computes that.
 */
static void a_staple_is_verified(void **state)
{
    struct world *w = *state;
    struct buf response = {0};
    const struct {
        const struct secure_identity *delegate;
        bool stapled;
        uint32_t verified; /* beside the chain */
    } cases[] = {{NULL, false, 0}, {NULL, true, 1}, {w->delegate, true, 2}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct pair p;
        const struct answer a = {.at = HOUR, .delegate = cases[i].delegate};
        answer(w, &a, span_of(NULL, 0), &response);
        open_pair(&p, w, w->soft[0], cases[i].stapled ? buf_span(&response) : span_of(NULL, 0),
                  HOUR);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        assert_int_equal(p.ops[INITIATOR].chain_verify,
                         p.ops[RESPONDER].chain_verify + cases[i].verified);
        pair_fini(&p);
    }
    buf_fini(&response);
}

/* Who wants one ends the handshake; who takes what comes goes on unless it says "revoked", and does
 * not take that for an answer. */
static void in_handshakes(struct world *w, struct span staple, sim_time now, const char *word)
{
    bool good = strcmp(word, "good") == 0;
    bool revoked = strcmp(word, "revoked") == 0;
    for (int k = 0; k < KINDS; k++) {
        for (int soft = 0; soft < 2; soft++) {
            struct pair p;
            open_pair(&p, w, soft ? w->soft[k] : w->wants[k], staple, now);
            pair_handshake(&p);
            const struct secure_facts facts = pair_facts(&p, INITIATOR);
            assert_string_equal(facts.staple, word);
            assert_null(pair_facts(&p, RESPONDER).staple);
            if (good || (soft && !revoked)) {
                assert_true(pair_is_established(&p));
                assert_string_equal(facts.revocation, good ? "ocsp" : "unknown");
            } else {
                assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
                assert_string_equal(p.alert_sent[INITIATOR], "bad_certificate_status_response");
            }
            pair_fini(&p);
        }
    }
}

static void bad_ones_are_told_apart_and_refused(void **state)
{
    struct world *w = *state;
    const struct {
        struct answer answer;
        sim_time now;
        const char *word;
    } cases[] = {
        {{.at = HOUR}, HOUR, "good"},
        {{.at = HOUR, .delegate = w->delegate}, 2 * HOUR - SIM_S, "good"},
        {{.at = HOUR, .revoked_at = 60 * SIM_S}, HOUR, "revoked"},
        {{.at = HOUR, .stranger = true}, HOUR, "unknown"},
        {{.at = HOUR}, 2 * HOUR, "expired"},
        {{.at = HOUR}, HOUR - SIM_S, "not yet valid"},
        {{.at = HOUR, .about = w->second}, HOUR, "other certificate"},
        {{.at = HOUR, .ca = w->other}, HOUR, "unauthorized"},
        {{.at = HOUR, .delegate = w->pretender}, HOUR, "unauthorized"}, /* not for OCSP */
        {{.at = HOUR, .delegate = w->server}, HOUR, "unauthorized"},    /* for himself */
    };
    struct buf response = {0};
    struct secure_status status;
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        answer(w, &cases[i].answer, span_of(NULL, 0), &response);
        struct span octets = buf_span(&response);
        assert_string_equal(read_it(w, octets, span_of(NULL, 0), cases[i].now, &status),
                            cases[i].word);
        in_handshakes(w, octets, cases[i].now, cases[i].word);
    }
    in_handshakes(w, span_of(NULL, 0), HOUR, "none");
    in_handshakes(w, span_of_str("lie"), HOUR, "malformed");
    static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03}; /* unsigned, as it may be */
    in_handshakes(w, span_of(try_later, sizeof(try_later)), HOUR, "unsuccessful");
    buf_fini(&response);
}

/* Wherever it is altered or cut it says nothing; nor when something follows. */
static void no_altered_response_is_believed(void **state)
{
    struct world *w = *state;
    struct buf response = {0};
    struct secure_status status;
    const struct answer a = {.at = HOUR, .delegate = w->delegate, .revoked_at = 60 * SIM_S};
    answer(w, &a, span_of(NULL, 0), &response);
    struct span whole = buf_span(&response);
    uint8_t *copy = mem_alloc(whole.len + 1);
    memcpy(copy, whole.data, whole.len);
    size_t counts[2] = {0, 0}; /* malformed, unauthorized or so */
    for (size_t bit = 0; bit < 8 * whole.len; bit += 3) {
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        const char *word = read_it(w, span_of(copy, whole.len), span_of(NULL, 0), HOUR, &status);
        assert_string_not_equal(word, "good");
        assert_string_not_equal(word, "unknown");
        counts[strcmp(word, "malformed") != 0]++;
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(counts[0] > 100 && counts[1] > 100);
    for (size_t len = 0; len < whole.len; len++) {
        assert_string_equal(read_it(w, span_of(copy, len), span_of(NULL, 0), HOUR, &status),
                            len == 0 ? "none" : "malformed");
    }
    assert_string_equal(read_it(w, span_of(copy, whole.len + 1), span_of(NULL, 0), HOUR, &status),
                        "malformed");
    free(copy);
    buf_fini(&response);
}

static void the_same_request_is_answered_the_same(void **state)
{
    struct world *w = *state;
    struct buf first = {0};
    struct buf again = {0};
    const struct answer a = {.at = HOUR, .delegate = w->delegate};
    answer(w, &a, span_of(NULL, 0), &first);
    answer(w, &a, span_of(NULL, 0), &again);
    assert_true(span_equal(buf_span(&first), buf_span(&again)));
    buf_fini(&first);
    buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_responder_says_what_the_ca_knows),
        cmocka_unit_test(a_nonce_is_repeated),
        cmocka_unit_test(what_is_no_request_is_called_so),
        cmocka_unit_test(a_staple_is_verified),
        cmocka_unit_test(bad_ones_are_told_apart_and_refused),
        cmocka_unit_test(no_altered_response_is_believed),
        cmocka_unit_test(the_same_request_is_answered_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
