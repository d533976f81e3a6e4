/* Every type and field of the message table through both encodings, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/codec.h"
#include "models/cpns/message.h"
#include "sim/core/rng.h"
#include "tests/support/cpns_sample.h"

static const enum cpns_encoding encodings[] = {CPNS_XML, CPNS_CBOR};

#define FOR_EACH_TYPE(t) for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++)
#define FOR_EACH_FIELD(f) for (unsigned f = 0; f < CPNS_FIELD_COUNT; f++)
#define FOR_EACH_ENCODING(e) for (unsigned e = 0; e < SIM_ARRAY_LEN(encodings); e++)

static struct buf encoded(const struct cpns_message *m, enum cpns_encoding encoding)
{
    struct buf out = {0};
    const char *why = "";
    if (cpns_encode(m, encoding, &out, &why) < 0) {
        fail_msg("%s: %s", cpns_type_info(m->type)->name, why);
    }
    return out;
}

/* Encodes without the check, as a faulty peer would. */
static struct buf encoded_anyhow(const struct cpns_message *m, enum cpns_encoding encoding)
{
    struct buf out = {0};
    if (encoding == CPNS_XML) {
        cpns_xml_encode(m, &out);
    } else {
        cpns_cbor_encode(m, &out);
    }
    return out;
}

static void refused(struct span in, enum cpns_encoding encoding, const char *reason)
{
    struct cpns_message m;
    const char *why = NULL;
    int r = cpns_decode(in, encoding, &m, &why);
    if (r != -SIM_EBADMSG || why == NULL || (reason != NULL && strcmp(why, reason) != 0)) {
        fail_msg("%d \"%s\", not \"%s\", for encoding %d: %.*s", r, why != NULL ? why : "",
                 reason != NULL ? reason : "anything", (int)encoding,
                 encoding == CPNS_XML ? (int)in.len : 0, (const char *)in.data);
    }
    cpns_message_fini(&m);
}

/* Both ends refuse `m`, with the same reason. */
static void refused_at_both_ends(const struct cpns_message *m, const char *reason)
{
    FOR_EACH_ENCODING(e)
    {
        struct buf out = {0};
        const char *why = NULL;
        buf_append_str(&out, "before");
        assert_int_equal(cpns_encode(m, encodings[e], &out, &why), -SIM_EINVAL);
        assert_string_equal(why, reason);
        assert_true(span_equal_str(buf_span(&out), "before"));
        buf_fini(&out);
        struct buf bad = encoded_anyhow(m, encodings[e]);
        refused(buf_span(&bad), encodings[e], reason);
        buf_fini(&bad);
    }
}

static void round_trip(const struct cpns_message *m)
{
    FOR_EACH_ENCODING(e)
    {
        struct buf out = encoded(m, encodings[e]);
        struct cpns_message back;
        const char *why = "";
        if (cpns_decode(buf_span(&out), encodings[e], &back, &why) < 0) {
            fail_msg("%s: %s", cpns_type_info(m->type)->name, why);
        }
        /* The message owns copies. */
        memset(out.data, 0xee, out.end);
        assert_true(cpns_message_equal(m, &back));
        cpns_message_fini(&back);
        buf_fini(&out);
    }
}

static void table_is_consistent(void **state)
{
    (void)state;
    unsigned last_key = 0;
    FOR_EACH_FIELD(f)
    {
        const struct cpns_field_info *a = cpns_field_info((enum cpns_field)f);
        assert_non_null(a->name);
        assert_non_null(a->doc);
        assert_true(a->key > last_key); /* the deterministic order of CBOR */
        assert_true(a->min <= a->max);
        last_key = a->key;
        bool used = false;
        FOR_EACH_TYPE(t)
        {
            used = used || cpns_type_info((enum cpns_type)t)->presence[f] != CPNS_ABSENT;
        }
        assert_true(used);
        for (unsigned g = 0; g < f; g++) {
            assert_string_not_equal(a->name, cpns_field_info((enum cpns_field)g)->name);
        }
        assert_string_not_equal(a->name, "MsgType");
    }
    FOR_EACH_TYPE(t)
    {
        const struct cpns_type_info *a = cpns_type_info((enum cpns_type)t);
        assert_true(a->name != NULL && a->path != NULL && a->source != NULL && a->doc != NULL);
        assert_true(a->code != 0);
        assert_true(a->presence[CPNS_ORIGIN_ENTITY_ID] == CPNS_REQUIRED);
        assert_true(!a->response || a->presence[CPNS_STATUS] != CPNS_ABSENT);
        for (unsigned u = 0; u < t; u++) {
            assert_string_not_equal(a->name, cpns_type_info((enum cpns_type)u)->name);
            assert_int_not_equal(a->code, cpns_type_info((enum cpns_type)u)->code);
        }
    }
    assert_string_equal(cpns_type_info(CPNS_TYPE_COUNT)->name, "unknown");
}

static void every_type_round_trips(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    {
        for (int extent = CPNS_SAMPLE_REQUIRED; extent <= CPNS_SAMPLE_ALL; extent++) {
            struct cpns_message m;
            cpns_sample(&m, (enum cpns_type)t, (enum cpns_sample_extent)extent);
            round_trip(&m);
            cpns_message_fini(&m);
        }
    }
}

static void a_missing_field_is_refused_at_both_ends(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    FOR_EACH_FIELD(f)
    {
        if (cpns_type_info((enum cpns_type)t)->presence[f] == CPNS_REQUIRED) {
            struct cpns_message m;
            cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
            m.fields[f].set = false;
            refused_at_both_ends(&m, cpns_field_info((enum cpns_field)f)->missing);
            cpns_message_fini(&m);
        }
    }
}

static void a_field_of_another_type_is_refused_at_both_ends(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    FOR_EACH_FIELD(f)
    {
        if (cpns_type_info((enum cpns_type)t)->presence[f] == CPNS_ABSENT) {
            struct cpns_message m;
            cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
            cpns_sample_field(&m, (enum cpns_field)f);
            refused_at_both_ends(&m, cpns_field_info((enum cpns_field)f)->misplaced);
            cpns_message_fini(&m);
        }
    }
}

/* The values just outside what the table allows for `f`, one after the other; false after the last.
 * Octets come from `filler`, which is longer than any allowed value. */
static bool spoil(struct cpns_message *m, enum cpns_field field, unsigned nth, struct span filler)
{
    const struct cpns_field_info *f = cpns_field_info(field);
    static const char *const not_urns[] = {"urn:uuid:00000000-0000-5000-8000-00000000000",
                                           "urn:uuid:0000000000005000800000000000000000000",
                                           "urn:uuid:00000000-0000-5000-8000-00000000000G",
                                           "urn:uuid:00000000-0000-5000-8000-00000000000A",
                                           "URN:uuid:00000000-0000-5000-8000-000000000001",
                                           ""};
    struct span bytes = {0};
    switch (f->kind) {
    case CPNS_INTEGER:
        if (nth == 0 && f->max < INT64_MAX) {
            cpns_set_integer(m, field, f->max + 1);
        } else if (nth <= 1) {
            cpns_set_integer(m, field, f->min - 1);
        } else if (nth == 2) {
            cpns_set_integer(m, field, INT64_MIN);
        } else if (nth == 3 && f->integers != NULL) {
            cpns_set_integer(m, field, f->integers[0] + 1);
        } else {
            return false;
        }
        return true;
    case CPNS_BYTES:
        if (nth > 1 || (nth == 1 && f->min == 0)) {
            return false;
        }
        cpns_set_bytes(m, field,
                       span_of(filler.data, (size_t)(nth == 0 ? f->max + 1 : f->min - 1)));
        return true;
    case CPNS_TEXT:
    case CPNS_TEXT_LIST:
        if (f->urn && nth < SIM_ARRAY_LEN(not_urns)) {
            bytes = span_of_str(not_urns[nth]);
        } else if (!f->urn && f->values != NULL && nth < 2) {
            bytes = span_of_str(nth == 0 ? "Neither" : "");
        } else if (!f->urn && f->values == NULL && nth < (f->min > 0 ? 2 : 1)) {
            bytes = span_of(filler.data, nth == 0 ? (size_t)f->max + 1 : 0);
        } else {
            return false;
        }
        if (f->kind == CPNS_TEXT) {
            cpns_set_span(m, field, bytes);
        } else {
            cpns_add_text(m, field, bytes);
        }
        return true;
    }
    return false;
}

static void a_value_out_of_range_is_refused_at_both_ends(void **state)
{
    (void)state;
    size_t len = CPNS_MESSAGE_MAX_BYTES;
    uint8_t *filler = mem_alloc(len);
    memset(filler, 'a', len);
    unsigned cases = 0;
    FOR_EACH_TYPE(t)
    FOR_EACH_FIELD(f)
    {
        for (unsigned nth = 0; cpns_type_info((enum cpns_type)t)->presence[f] != CPNS_ABSENT;
             nth++) {
            struct cpns_message m;
            cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
            bool more = spoil(&m, (enum cpns_field)f, nth, span_of(filler, len));
            if (more) {
                refused_at_both_ends(&m, cpns_field_info((enum cpns_field)f)->invalid);
                cases++;
            }
            cpns_message_fini(&m);
            if (!more) {
                break;
            }
        }
    }
    assert_true(cases > 25 * 8);
    free(filler);
}

/* A message that is decoded without copies is the same, and so are its faults. */
static void a_borrowing_message_is_the_same(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    {
        FOR_EACH_ENCODING(k)
        {
            struct cpns_message m, copy, borrowing;
            struct buf out = {0};
            const char *whys[2] = {"", ""};
            cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
            assert_int_equal(cpns_encode(&m, encodings[k], &out, NULL), 0);
            for (size_t cut = 0; cut < 4; cut++) {
                struct span in = span_of(out.data, buf_len(&out) - cut);
                int r = cpns_decode(in, encodings[k], &copy, &whys[0]);
                assert_int_equal(r, cut == 0 ? 0 : -SIM_EBADMSG);
                assert_int_equal(cpns_decode_borrowed(in, encodings[k], &borrowing, &whys[1]), r);
                assert_string_equal(whys[0], whys[1]);
                assert_true(cpns_message_equal(&copy, &borrowing));
                cpns_message_fini(&copy);
                cpns_message_fini(&borrowing);
            }
            cpns_message_fini(&m);
            buf_fini(&out);
        }
    }
}

/* What a decoder has checked is not checked again; what is set afterwards is. */
static void what_is_set_after_decoding_is_checked(void **state)
{
    (void)state;
    struct cpns_message m, copy;
    struct buf out = {0};
    const char *why = NULL;
    cpns_sample(&m, CPNS_SERVICE_ACCESS_REQUEST, CPNS_SAMPLE_ALL);
    assert_int_equal(cpns_encode(&m, CPNS_CBOR, &out, NULL), 0);
    assert_int_equal(cpns_decode(buf_span(&out), CPNS_CBOR, &copy, NULL), 0);
    assert_int_equal(cpns_check(&copy, NULL), 0);
    cpns_set_integer(&copy, CPNS_HOP_LIMIT, 0);
    assert_int_equal(cpns_encode(&copy, CPNS_CBOR, &out, &why), -SIM_EINVAL);
    assert_string_equal(why, "HopLimit has a value that is not allowed");
    cpns_set_integer(&copy, CPNS_HOP_LIMIT, 1);
    cpns_set_text(&copy, CPNS_TARGET_ID, "no name");
    assert_int_equal(cpns_check(&copy, &why), -SIM_EINVAL);
    assert_string_equal(why, "TargetID has a value that is not allowed");
    cpns_message_fini(&m);
    cpns_message_fini(&copy);
    buf_fini(&out);
}

static void a_list_without_items_is_refused(void **state)
{
    (void)state;
    struct cpns_message m;
    cpns_sample(&m, CPNS_SG_MEMBER_CHANGE, CPNS_SAMPLE_ALL);
    m.fields[CPNS_MEMBER_ID].list_count = 0;
    struct buf out = {0};
    const char *why = NULL;
    assert_int_equal(cpns_encode(&m, CPNS_CBOR, &out, &why), -SIM_EINVAL);
    assert_string_equal(why, "MemberID has a value that is not allowed");
    cpns_cbor_encode(&m, &out);
    refused(buf_span(&out), CPNS_CBOR, "MemberID has a value that is not allowed");
    buf_fini(&out);
    cpns_message_fini(&m);
}

static void a_message_cut_short_is_refused(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    FOR_EACH_ENCODING(e)
    {
        struct cpns_message m;
        cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
        struct buf out = encoded(&m, encodings[e]);
        for (size_t len = 0; len < buf_len(&out); len++) {
            /* On the heap and of exact size, so that reading on is seen. */
            uint8_t *copy = mem_alloc(len);
            memcpy(copy, out.data, len);
            refused(span_of(copy, len), encodings[e], NULL);
            free(copy);
        }
        buf_fini(&out);
        cpns_message_fini(&m);
    }
}

/* What decodes means the same when it is encoded again, in either encoding. */
static bool decodes_and_returns(struct span in, enum cpns_encoding encoding)
{
    struct cpns_message m;
    bool ok = cpns_decode(in, encoding, &m, NULL) == 0;
    if (ok) {
        round_trip(&m);
        if (encoding == CPNS_CBOR) {
            struct buf again = encoded(&m, CPNS_CBOR);
            assert_true(span_equal(buf_span(&again), in));
            buf_fini(&again);
        }
    }
    cpns_message_fini(&m);
    return ok;
}

static void flipped_bits_never_confuse(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, "test_cpns_message", "flips");
    unsigned accepted = 0, tried = 0;
    FOR_EACH_TYPE(t)
    FOR_EACH_ENCODING(e)
    {
        struct cpns_message m;
        cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
        struct buf out = encoded(&m, encodings[e]);
        for (unsigned i = 0; i < 400; i++, tried++) {
            uint8_t *copy = mem_alloc(buf_len(&out));
            memcpy(copy, out.data, buf_len(&out));
            for (uint64_t flips = 1 + rng_below(&rng, 3); flips != 0; flips--) {
                copy[rng_below(&rng, buf_len(&out))] ^= (uint8_t)(1U << rng_below(&rng, 8));
            }
            accepted += decodes_and_returns(span_of(copy, buf_len(&out)), encodings[e]);
            free(copy);
        }
        buf_fini(&out);
        cpns_message_fini(&m);
    }
    /* Flips inside a payload or a number are fine messages; most others are not. */
    assert_true(accepted > 0 && accepted < tried / 2);
}

static void service_access(struct cpns_message *m, struct span payload)
{
    cpns_sample(m, CPNS_SERVICE_ACCESS_REQUEST, CPNS_SAMPLE_ALL);
    cpns_set_bytes(m, CPNS_PAYLOAD, payload);
}

static void payloads_of_any_size_and_content_pass(void **state)
{
    (void)state;
    size_t largest = (size_t)cpns_field_info(CPNS_PAYLOAD)->max;
    uint8_t *octets = mem_alloc(largest);
    for (size_t i = 0; i < largest; i++) {
        octets[i] = (uint8_t)(i * 37 + (i >> 8));
    }
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 23, 24, 255, 256, 257, 65535, 65536, 65537};
    struct cpns_message m;
    for (size_t i = 0; i < SIM_ARRAY_LEN(sizes); i++) {
        service_access(&m, span_of(octets, sizes[i]));
        round_trip(&m);
        cpns_message_fini(&m);
    }
    service_access(&m, span_of(octets, largest));
    round_trip(&m);
    cpns_message_fini(&m);
    free(octets);
}

static void a_message_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct cpns_message m;
    cpns_sample(&m, CPNS_SG_MEMBER_CHANGE, CPNS_SAMPLE_ALL);
    struct span member = cpns_item(&m, CPNS_MEMBER_ID, 0);
    for (size_t i = 0; i <= CPNS_MESSAGE_MAX_BYTES / member.len; i++) {
        cpns_add_text(&m, CPNS_MEMBER_ID, member);
    }
    refused_at_both_ends(&m, "message too large");
    cpns_message_fini(&m);
}

static void text_must_be_utf8_that_xml_can_carry(void **state)
{
    (void)state;
    static const char *const good[] = {"\t\n\r ~",
                                       " ",
                                       "\n",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbd",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "&amp;&#65;<![CDATA["};
    static const struct span bad[] = {{(const uint8_t *)"a\0b", 3},
                                      {(const uint8_t *)"\x01", 1},
                                      {(const uint8_t *)"\x1f", 1},
                                      {(const uint8_t *)"\x80", 1},
                                      {(const uint8_t *)"\xc0\xaf", 2},
                                      {(const uint8_t *)"\xc1\xbf", 2},
                                      {(const uint8_t *)"\xc3", 1},
                                      {(const uint8_t *)"\xc3(", 2},
                                      {(const uint8_t *)"\xe0\x9f\xbf", 3},
                                      {(const uint8_t *)"\xed\xa0\x80", 3},
                                      {(const uint8_t *)"\xef\xbf\xbe", 3},
                                      {(const uint8_t *)"\xef\xbf\xbf", 3},
                                      {(const uint8_t *)"\xf0\x8f\xbf\xbf", 4},
                                      {(const uint8_t *)"\xf4\x90\x80\x80", 4},
                                      {(const uint8_t *)"\xf5\x80\x80\x80", 4},
                                      {(const uint8_t *)"\xff", 1}};
    struct cpns_message m;
    for (size_t i = 0; i < SIM_ARRAY_LEN(good); i++) {
        cpns_sample(&m, CPNS_PN_CONNECTION_REJECT, CPNS_SAMPLE_REQUIRED);
        cpns_set_text(&m, CPNS_REASON, good[i]);
        round_trip(&m);
        cpns_message_fini(&m);
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(bad); i++) {
        cpns_sample(&m, CPNS_PN_CONNECTION_REJECT, CPNS_SAMPLE_REQUIRED);
        cpns_set_span(&m, CPNS_REASON, bad[i]);
        FOR_EACH_ENCODING(e)
        {
            struct buf out = {0};
            const char *why = NULL;
            assert_int_equal(cpns_encode(&m, encodings[e], &out, &why), -SIM_EINVAL);
            assert_string_equal(why, "Reason has a value that is not allowed");
            out = encoded_anyhow(&m, encodings[e]);
            refused(buf_span(&out), encodings[e], NULL);
            buf_fini(&out);
        }
        cpns_message_fini(&m);
    }
}

static void setters_and_getters_agree(void **state)
{
    (void)state;
    struct cpns_message m;
    cpns_message_init(&m, CPNS_SG_MEMBER_CHANGE);
    assert_true(span_equal_str(cpns_text(&m, CPNS_VERSION), "1.0"));
    assert_false(cpns_has(&m, CPNS_HOP_LIMIT));
    assert_int_equal(cpns_integer(&m, CPNS_HOP_LIMIT), 0);
    assert_int_equal(cpns_text(&m, CPNS_SG_NAME).len, 0);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 8);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 7);
    assert_int_equal(cpns_integer(&m, CPNS_HOP_LIMIT), 7);
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str("one"));
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str("two"));
    assert_true(span_equal_str(cpns_item(&m, CPNS_MEMBER_ID, 1), "two"));
    struct cpns_message other;
    cpns_message_init(&other, CPNS_SG_MEMBER_CHANGE);
    assert_false(cpns_message_equal(&m, &other));
    cpns_set_integer(&other, CPNS_HOP_LIMIT, 7);
    cpns_add_text(&other, CPNS_MEMBER_ID, span_of_str("one"));
    cpns_add_text(&other, CPNS_MEMBER_ID, span_of_str("too"));
    assert_false(cpns_message_equal(&m, &other));
    other.fields[CPNS_MEMBER_ID].list[1] = span_of_str("two");
    assert_true(cpns_message_equal(&m, &other));
    cpns_message_fini(&other);
    cpns_message_fini(&m);
}

static void an_unknown_encoding_is_refused(void **state)
{
    (void)state;
    struct cpns_message m;
    const char *why = NULL;
    cpns_sample(&m, CPNS_KEEP_ALIVE, CPNS_SAMPLE_ALL);
    struct buf out = {0};
    assert_int_equal(cpns_encode(&m, (enum cpns_encoding)3, &out, &why), -SIM_EINVAL);
    assert_string_equal(why, "unknown encoding");
    cpns_message_fini(&m);
    assert_int_equal(cpns_decode(span_of("x", 1), (enum cpns_encoding)0, &m, &why), -SIM_EBADMSG);
    cpns_message_fini(&m);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_consistent),
        cmocka_unit_test(every_type_round_trips),
        cmocka_unit_test(a_missing_field_is_refused_at_both_ends),
        cmocka_unit_test(a_field_of_another_type_is_refused_at_both_ends),
        cmocka_unit_test(a_value_out_of_range_is_refused_at_both_ends),
        cmocka_unit_test(a_borrowing_message_is_the_same),
        cmocka_unit_test(what_is_set_after_decoding_is_checked),
        cmocka_unit_test(a_list_without_items_is_refused),
        cmocka_unit_test(a_message_cut_short_is_refused),
        cmocka_unit_test(flipped_bits_never_confuse),
        cmocka_unit_test(payloads_of_any_size_and_content_pass),
        cmocka_unit_test(a_message_beyond_the_limit_is_refused),
        cmocka_unit_test(text_must_be_utf8_that_xml_can_carry),
        cmocka_unit_test(setters_and_getters_agree),
        cmocka_unit_test(an_unknown_encoding_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
