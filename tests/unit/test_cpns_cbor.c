/* CBOR that no encoder of ours writes, crafted beside the codec's own code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "tests/support/cpns_expect.h"
#include "tests/support/cpns_sample.h"

#define FOR_EACH_TYPE(t) for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++)
#define FOR_EACH_FIELD(f) for (unsigned f = 0; f < CPNS_FIELD_COUNT; f++)
static void put_head(struct buf *out, unsigned major, uint64_t n)
{
    uint8_t first = (uint8_t)(major << 5);
    if (n < 24) {
        buf_append_u8(out, (uint8_t)(first | n));
    } else if (n <= UINT8_MAX) {
        buf_append_u8(out, first | 24);
        buf_append_u8(out, (uint8_t)n);
    } else if (n <= UINT16_MAX) {
        buf_append_u8(out, first | 25);
        buf_append_u16(out, (uint16_t)n);
    } else if (n <= UINT32_MAX) {
        buf_append_u8(out, first | 26);
        buf_append_u32(out, (uint32_t)n);
    } else {
        buf_append_u8(out, first | 27);
        buf_append_u64(out, n);
    }
}

static void put_string(struct buf *out, unsigned major, struct span s)
{
    put_head(out, major, s.len);
    buf_append(out, s);
}

static void put_value(struct buf *out, enum cpns_field_kind kind, const struct cpns_value *v)
{
    switch (kind) {
    case CPNS_INTEGER:
        put_head(out, 0, (uint64_t)v->integer);
        break;
    case CPNS_TEXT:
        put_string(out, 3, v->bytes);
        break;
    case CPNS_BYTES:
        put_string(out, 2, v->bytes);
        break;
    case CPNS_TEXT_LIST:
        put_head(out, 4, v->list_count);
        for (size_t i = 0; i < v->list_count; i++) {
            put_string(out, 3, v->list[i]);
        }
        break;
    }
}

/* The message with the value of `field` replaced by `raw`, unless that is CPNS_FIELD_COUNT; `extra`
 * entries follow in the map. */
static struct buf craft(const struct cpns_message *m, enum cpns_field field, struct span raw,
                        unsigned extra, struct span extra_octets)
{
    struct buf out = {0};
    unsigned count = 1 + extra;
    FOR_EACH_FIELD(f)
    {
        count += cpns_has(m, (enum cpns_field)f);
    }
    put_head(&out, 5, count);
    put_head(&out, 0, 0);
    put_head(&out, 0, cpns_type_info(m->type)->code);
    FOR_EACH_FIELD(f)
    {
        if (cpns_has(m, (enum cpns_field)f)) {
            const struct cpns_field_info *info = cpns_field_info((enum cpns_field)f);
            put_head(&out, 0, info->key);
            if (f == (unsigned)field) {
                buf_append(&out, raw);
            } else {
                put_value(&out, info->kind, &m->fields[f]);
            }
        }
    }
    buf_append(&out, extra_octets);
    return out;
}

static void cbor_is_what_the_crafted_octets_say(void **state)
{
    (void)state;
    FOR_EACH_TYPE(t)
    {
        struct cpns_message m;
        cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
        struct buf ours = {0};
        assert_int_equal(cpns_encode(&m, CPNS_CBOR, &ours, NULL), 0);
        struct buf crafted = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 0, (struct span){0});
        assert_true(span_equal(buf_span(&ours), buf_span(&crafted)));
        buf_fini(&crafted);
        buf_fini(&ours);
        cpns_message_fini(&m);
    }
}

static void cbor_of_the_wrong_kind_is_refused(void **state)
{
    (void)state;
    static const struct {
        int kind; /* the field kind it is right for, or -1 */
        struct span raw;
    } values[] = {
        {CPNS_INTEGER, {(const uint8_t *)"\x01", 1}},
        {CPNS_TEXT,
         {(const uint8_t *)"\x61"
                           "1",
          2}},
        {CPNS_BYTES,
         {(const uint8_t *)"\x48"
                           "12345678",
          9}},
        {CPNS_TEXT_LIST,
         {(const uint8_t *)"\x81\x61"
                           "1",
          3}},
        {-1, {(const uint8_t *)"\x80", 1}},     /* empty list */
        {-1, {(const uint8_t *)"\x81\x01", 2}}, /* list of an integer */
        {-1,
         {(const uint8_t *)"\x81\x81\x61"
                           "1",
          4}}, /* list of a list */
        {-1,
         {(const uint8_t *)"\x81\x41"
                           "1",
          3}},                                  /* list of bytes */
        {-1, {(const uint8_t *)"\xa0", 1}},     /* map */
        {-1, {(const uint8_t *)"\xc1\x01", 2}}, /* tag */
        {-1,
         {(const uint8_t *)"\xd8\x25\x61"
                           "1",
          4}},                                                  /* tag */
        {-1, {(const uint8_t *)"\xf4", 1}},                     /* false */
        {-1, {(const uint8_t *)"\xf6", 1}},                     /* null */
        {-1, {(const uint8_t *)"\xf7", 1}},                     /* undefined */
        {-1, {(const uint8_t *)"\xe0", 1}},                     /* unassigned simple value */
        {-1, {(const uint8_t *)"\xf9\x3c\x00", 3}},             /* 1.0 */
        {-1, {(const uint8_t *)"\xfb\x3f\xf0\0\0\0\0\0\0", 9}}, /* 1.0 */
        {-1, {(const uint8_t *)"\x1c", 1}},                     /* reserved */
        {-1, {(const uint8_t *)"\xff", 1}},                     /* break */
        {-1,
         {(const uint8_t *)"\x7f\x61"
                           "1\xff",
          4}}, /* indefinite text */
        {-1,
         {(const uint8_t *)"\x5f\x41"
                           "1\xff",
          4}}, /* indefinite bytes */
        {-1,
         {(const uint8_t *)"\x9f\x61"
                           "1\xff",
          4}},                                                /* indefinite list */
        {-1, {(const uint8_t *)"\x1b\x80\0\0\0\0\0\0\0", 9}}, /* 2^63 */
        {-1, {(const uint8_t *)"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9}},
        {-1, {(const uint8_t *)"\x18\x01", 2}}, /* 1, longer than needed */
        {-1,
         {(const uint8_t *)"\x78\x01"
                           "1",
          3}}, /* length longer than needed */
        {-1,
         {(const uint8_t *)"\x58\x08"
                           "12345678",
          10}},
        {-1,
         {(const uint8_t *)"\x98\x01\x61"
                           "1",
          4}},
    };
    FOR_EACH_TYPE(t)
    FOR_EACH_FIELD(f)
    {
        struct cpns_message m;
        cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
        for (size_t i = 0; cpns_has(&m, (enum cpns_field)f) && i < SIM_ARRAY_LEN(values); i++) {
            if ((int)cpns_field_info((enum cpns_field)f)->kind != values[i].kind) {
                struct buf bad = craft(&m, (enum cpns_field)f, values[i].raw, 0, (struct span){0});
                cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, NULL);
                buf_fini(&bad);
            }
        }
        cpns_message_fini(&m);
    }
}

static void cbor_keys_must_be_known_and_ascend(void **state)
{
    (void)state;
    static const char reason[] = "unknown, repeated or misordered key";
    struct cpns_message m;
    cpns_sample(&m, CPNS_KEEP_ALIVE, CPNS_SAMPLE_ALL);
    struct buf bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 1, OCTETS("\x18\xc8\x01"));
    cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, reason); /* key 200 */
    buf_fini(&bad);
    bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 1, OCTETS("\x00\x01"));
    cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, reason); /* a second type */
    buf_fini(&bad);
    bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 1,
                OCTETS("\x61"
                       "a\x01"));
    cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, "unexpected CBOR item"); /* key "a" */
    buf_fini(&bad);
    FOR_EACH_FIELD(f)
    {
        if (cpns_has(&m, (enum cpns_field)f)) {
            struct buf again = {0};
            const struct cpns_field_info *info = cpns_field_info((enum cpns_field)f);
            put_head(&again, 0, info->key);
            put_value(&again, info->kind, &m.fields[f]);
            bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 1, buf_span(&again));
            cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, reason);
            buf_fini(&bad);
            buf_fini(&again);
        }
    }
    cpns_message_fini(&m);
}

static void cbor_outside_the_map_is_refused(void **state)
{
    (void)state;
    struct cpns_message m;
    cpns_sample(&m, CPNS_KEEP_ALIVE, CPNS_SAMPLE_ALL);
    struct buf bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 0, OCTETS("\0"));
    cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, "octets after the message");
    buf_fini(&bad);
    bad = craft(&m, CPNS_FIELD_COUNT, (struct span){0}, 0, (struct span){0});
    bad.data[0] = 0xbf; /* the same map, indefinite */
    buf_append_u8(&bad, 0xff);
    cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, "unexpected CBOR item");
    buf_fini(&bad);
    cpns_message_fini(&m);
    cpns_expect(OCTETS(""), CPNS_CBOR, -SIM_EBADMSG, "truncated CBOR");
    cpns_expect(OCTETS("\xa0"), CPNS_CBOR, -SIM_EBADMSG, "empty map");
    cpns_expect(OCTETS("\x81\x01"), CPNS_CBOR, -SIM_EBADMSG, "unexpected CBOR item");
    cpns_expect(OCTETS("\xa1\x01\x63"
                       "1.0"),
                CPNS_CBOR, -SIM_EBADMSG, "message type is not the first entry of the map");
    cpns_expect(OCTETS("\xa1\x00\x18\xfe"), CPNS_CBOR, -SIM_EBADMSG, "unknown message type");
    cpns_expect(OCTETS("\xa1\x00\x00"), CPNS_CBOR, -SIM_EBADMSG, "unknown message type");
    cpns_expect(OCTETS("\xa1\x00\x18\x19"), CPNS_CBOR, -SIM_EBADMSG, "Version is missing");
}

static void cbor_lengths_beyond_the_input_cost_nothing(void **state)
{
    (void)state;
    static const char *const lengths[] = {
        "\xff\xff\xff\xff\xff\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff",
        "\x00\x00\x00\x01\x00\x00\x00\x00", "\x20\x00\x00\x00\x00\x00\x00\x00"};
    /* A huge map; then Version, and MemberID as item of a huge list. */
    static const char heads[] = {'\xbb', '\x7b', '\x5b', '\x9b'};
    for (size_t i = 0; i < SIM_ARRAY_LEN(lengths); i++) {
        for (size_t h = 0; h < sizeof(heads); h++) {
            struct buf bad = {0};
            if (heads[h] != '\xbb') {
                buf_append(&bad, OCTETS("\xa2\x00\x14"));
                put_head(&bad, 0,
                         cpns_field_info(heads[h] == '\x9b'   ? CPNS_MEMBER_ID
                                         : heads[h] == '\x5b' ? CPNS_PAYLOAD
                                                              : CPNS_VERSION)
                             ->key);
            }
            buf_append_u8(&bad, (uint8_t)heads[h]);
            buf_append(&bad, span_of(lengths[i], 8));
            cpns_expect(buf_span(&bad), CPNS_CBOR, -SIM_EBADMSG, NULL);
            buf_fini(&bad);
        }
    }
}

static void cbor_nesting_is_refused_at_the_first_level(void **state)
{
    (void)state;
    static const uint8_t openers[] = {0x81, 0x9f, 0xa1, 0xbf, 0xc1};
    size_t len = CPNS_MESSAGE_MAX_BYTES;
    for (size_t i = 0; i < sizeof(openers); i++) {
        uint8_t *deep = mem_alloc(len);
        memset(deep, openers[i], len);
        cpns_expect(span_of(deep, len), CPNS_CBOR, -SIM_EBADMSG, NULL);
        memcpy(deep, "\xa2\x00\x14\x18\x1d", 5); /* SGMemberChange, MemberID: here nests a list */
        cpns_expect(span_of(deep, len), CPNS_CBOR, -SIM_EBADMSG, "unexpected CBOR item");
        free(deep);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CPNS_QUIET(cbor_is_what_the_crafted_octets_say),
        CPNS_QUIET(cbor_of_the_wrong_kind_is_refused),
        CPNS_QUIET(cbor_keys_must_be_known_and_ascend),
        CPNS_QUIET(cbor_outside_the_map_is_refused),
        CPNS_QUIET(cbor_lengths_beyond_the_input_cost_nothing),
        CPNS_QUIET(cbor_nesting_is_refused_at_the_first_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
