/* What secure_session_foretell() says before a step of an established session is what the step
 * does, however the octets are cut; where it cannot know, it says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

static struct secure_policy *open_pair(const struct pair_family *w,
                                       const struct secure_policy_params *params, struct pair *p)
{
    struct secure_policy *policy = pair_policy(w->env, params, w->ca);
    struct secure_session_params i = {.owner = "pne/1",
                                      .ordinal = 1,
                                      .identity = w->ids[INITIATOR],
                                      .expected_peer = "urn:cpns:gateway/1"};
    struct secure_session_params r = {.owner = "gateway/1",
                                      .ordinal = 1,
                                      .identity = w->ids[RESPONDER],
                                      .expected_peer = "urn:cpns:pne/1"};
    pair_open(p, policy, policy, i, r, 0);
    pair_handshake(p);
    assert_true(pair_is_established(p));
    return policy;
}

/* A step of `end` with `wire` and messages; what it writes goes into `sealed`. Returns whether it
 * was foretold, in which case it did what was foretold. */
static bool step(struct pair *p, int end, struct span wire, const struct span *messages,
                 size_t count, struct buf *sealed)
{
    struct secure_input in = {.wire = wire, .messages = messages, .message_count = count};
    struct secure_ops told;
    uint32_t opened;
    bool known = secure_session_foretell(p->end[end], &in, &told, &opened);
    struct secure_output out;
    secure_output_init(&out);
    assert_int_equal(secure_session_step(p->end[end], &in, p->now, &out), 0);
    if (known) {
        assert_memory_equal(&told, &out.ops, sizeof(told));
        assert_int_equal(out.state, SECURE_ESTABLISHED);
    }
    if (sealed != NULL) {
        buf_append(sealed, buf_span(&out.wire));
    }
    buf_append(&p->got[end], buf_span(&out.plain));
    secure_output_fini(&out);
    return known;
}

static void send_and_open(void **state)
{
    struct pair p = {0};
    struct secure_policy_params params = pair_policy_params();
    struct secure_policy *policy = open_pair(*state, &params, &p);
    static uint8_t octets[3000];
    const struct span three[] = {span_of(octets, 300), span_of(octets, 6), span_of(octets, 3000)};
    struct buf sealed = {0};

    /* initiator --> responder: three messages in one step, opened in one */
    assert_true(step(&p, INITIATOR, span_of(NULL, 0), three, 3, &sealed));
    assert_true(step(&p, RESPONDER, buf_span(&sealed), NULL, 0, NULL));
    assert_int_equal(buf_len(&p.got[RESPONDER]), 300 + 6 + 3000);

    /* the same, cut at every place that lies near a border */
    for (size_t cut = 1; cut < 330; cut += cut < 8 || cut > 310 ? 1 : 37) {
        buf_clear(&sealed);
        buf_clear(&p.got[RESPONDER]);
        assert_true(step(&p, INITIATOR, span_of(NULL, 0), three, 3, &sealed));
        struct span whole = buf_span(&sealed);
        assert_true(step(&p, RESPONDER, span_of(whole.data, cut), NULL, 0, NULL));
        assert_true(step(&p, RESPONDER, span_of(whole.data + cut, whole.len - cut), NULL, 0, NULL));
        assert_int_equal(buf_len(&p.got[RESPONDER]), 300 + 6 + 3000);
    }

    /* responder --> initiator: opens and seals in one step */
    struct buf answer = {0};
    buf_clear(&sealed);
    assert_true(step(&p, INITIATOR, span_of(NULL, 0), three, 1, &sealed));
    assert_true(step(&p, RESPONDER, buf_span(&sealed), three, 2, &answer));
    assert_true(step(&p, INITIATOR, buf_span(&answer), NULL, 0, NULL));
    buf_fini(&answer);
    buf_fini(&sealed);
    pair_fini(&p);
    secure_policy_free(policy);
}

/* How many messages a step opens is told, too, and includes those whose record began earlier. */
static void counts_messages(void **state)
{
    struct pair p = {0};
    struct secure_policy_params params = pair_policy_params();
    struct secure_policy *policy = open_pair(*state, &params, &p);
    static uint8_t octets[200];
    const struct span two[] = {span_of(octets, 200), span_of(octets, 100)};
    struct buf sealed = {0};
    assert_true(step(&p, INITIATOR, span_of(NULL, 0), two, 2, &sealed));
    struct span whole = buf_span(&sealed);
    static const struct {
        size_t from, to;
        uint32_t records, messages;
    } parts[] = {{0, 3, 0, 0}, {3, 100, 1, 0}, {100, 222, 0, 1}, {222, 344, 1, 1}};
    assert_int_equal(whole.len, 344);
    for (size_t i = 0; i < SIM_ARRAY_LEN(parts); i++) {
        struct span part = span_of(whole.data + parts[i].from, parts[i].to - parts[i].from);
        struct secure_input in = {.wire = part};
        struct secure_ops told;
        uint32_t opened;
        assert_true(secure_session_foretell(p.end[RESPONDER], &in, &told, &opened));
        assert_int_equal(told.records, parts[i].records);
        assert_int_equal(opened, parts[i].messages);
        assert_true(step(&p, RESPONDER, part, NULL, 0, NULL));
    }
    buf_fini(&sealed);
    pair_fini(&p);
    secure_policy_free(policy);
}

/* A message longer than a record, an empty frame, a KeyUpdate, a goodbye: not told. */
static void says_when_it_does_not_know(void **state)
{
    struct pair p = {0};
    struct secure_policy_params params = pair_policy_params();
    struct secure_policy *policy = open_pair(*state, &params, &p);
    static uint8_t octets[20000];
    const struct span small = span_of(octets, 300), large = span_of(octets, 20000),
                      frame = span_of(octets, 5);
    struct buf sealed = {0};
    assert_false(step(&p, INITIATOR, span_of(NULL, 0), &large, 1, &sealed));
    assert_false(step(&p, RESPONDER, buf_span(&sealed), NULL, 0, NULL));
    buf_clear(&sealed);
    assert_true(step(&p, INITIATOR, span_of(NULL, 0), &frame, 1, &sealed));
    assert_false(step(&p, RESPONDER, buf_span(&sealed), NULL, 0, NULL));

    struct secure_input in = {.messages = &small, .message_count = 1};
    struct secure_ops told;
    uint32_t opened;
    assert_true(secure_session_foretell(p.end[INITIATOR], &in, &told, &opened));
    in.key_update = true;
    assert_false(secure_session_foretell(p.end[INITIATOR], &in, &told, &opened));
    in.key_update = false;
    in.wire_end = true;
    assert_false(secure_session_foretell(p.end[INITIATOR], &in, &told, &opened));
    in.wire_end = false;
    in.close = true;
    assert_false(secure_session_foretell(p.end[INITIATOR], &in, &told, &opened));

    /* new keys change nothing in what follows */
    in = (struct secure_input){.messages = &small, .message_count = 1, .key_update = true};
    assert_int_equal(pair_step(&p, INITIATOR, &in), 0);
    pair_flow(&p);
    buf_clear(&sealed);
    assert_true(step(&p, INITIATOR, span_of(NULL, 0), &small, 1, &sealed));
    assert_true(step(&p, RESPONDER, buf_span(&sealed), NULL, 0, NULL));
    buf_fini(&sealed);
    pair_fini(&p);
    secure_policy_free(policy);
}

static void only_of_whole_records_of_tls13(void **state)
{
    struct secure_policy_params all[3];
    all[0] = all[1] = all[2] = pair_policy_params();
    all[0].min_version = all[0].max_version = SECURE_TLS12;
    all[1].record_padding = 512;
    all[2].kind = SECURE_CLEAR;
    static uint8_t octets[300];
    const struct span message = span_of(octets, sizeof(octets));
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        struct pair p = {0};
        struct secure_policy *policy = open_pair(*state, &all[i], &p);
        assert_false(step(&p, INITIATOR, span_of(NULL, 0), &message, 1, NULL));
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

/* A tag of eight octets instead of sixteen. */
static void knows_the_suites_overhead(void **state)
{
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256",
                                         "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"};
    static uint8_t octets[300];
    const struct span message = span_of(octets, sizeof(octets));
    for (size_t i = 0; i < SIM_ARRAY_LEN(suites); i++) {
        struct pair p = {0};
        struct secure_policy_params params = pair_policy_params();
        params.ciphersuites = suites[i];
        struct secure_policy *policy = open_pair(*state, &params, &p);
        assert_string_equal(pair_facts(&p, INITIATOR).cipher, suites[i]);
        struct buf sealed = {0};
        assert_true(step(&p, INITIATOR, span_of(NULL, 0), &message, 1, &sealed));
        assert_true(step(&p, RESPONDER, buf_span(&sealed), NULL, 0, NULL));
        buf_fini(&sealed);
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_and_open),
        cmocka_unit_test(counts_messages),
        cmocka_unit_test(says_when_it_does_not_know),
        cmocka_unit_test(only_of_whole_records_of_tls13),
        cmocka_unit_test(knows_the_suites_overhead),
    };
    return cmocka_run_group_tests(tests, pair_family_set_up, pair_family_tear_down);
}
