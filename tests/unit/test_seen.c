/* What a tap sees of a session: octets and records, whatever way the stream is cut, repeated or
 * comes late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/world/seen.h"

enum { RECORDS = 5, HEADER = 5 };

/* Records of these lengths one after the other; contents look like headers, which they are not. */
static struct buf stream(void)
{
    static const uint16_t lengths[RECORDS] = {1, 0, 300, 17, 5};
    struct buf s = {0};
    for (size_t i = 0; i < RECORDS; i++) {
        buf_append_u8(&s, 23);
        buf_append_u16(&s, 0x0303);
        buf_append_u16(&s, lengths[i]);
        for (size_t k = 0; k < lengths[i]; k++) {
            buf_append_u8(&s, k % 2 == 0 ? 23 : 3);
        }
    }
    return s;
}

static void records_are_counted_however_the_stream_is_cut(void **state)
{
    (void)state;
    struct buf s = stream();
    for (size_t cut = 1; cut <= buf_len(&s); cut++) {
        /* numbers wrap around within the stream */
        struct seen seen = {.open = true, .first = UINT32_MAX - 7};
        struct span rest = buf_span(&s);
        uint32_t seq = seen.first;
        while (rest.len > 0) {
            struct span piece;
            assert_true(span_take(&rest, cut < rest.len ? cut : rest.len, &piece));
            assert_int_equal(seen_segment(&seen, seq, piece), piece.len);
            assert_int_equal(seen_segment(&seen, seq, piece), 0); /* sent again */
            seq += (uint32_t)piece.len;
        }
        assert_int_equal(seen.bytes, buf_len(&s));
        assert_int_equal(seen.records, RECORDS);
        assert_false(seen.gap);
    }
    buf_fini(&s);
}

static void octets_that_were_seen_do_not_count_again(void **state)
{
    (void)state;
    struct buf s = stream();
    struct span all = buf_span(&s);
    struct seen seen = {.open = true, .first = 1000};
    assert_int_equal(seen_segment(&seen, 1000, span_of(all.data, 100)), 100);
    /* TCP puts old and new octets together. */
    assert_int_equal(seen_segment(&seen, 1050, span_of(all.data + 50, all.len - 50)),
                     all.len - 100);
    assert_int_equal(seen.bytes, all.len);
    assert_int_equal(seen.records, RECORDS);
    buf_fini(&s);
}

/* A segment before this one was lost on its way to the tap: how many records there were in it is
 * not known any more; octets are, once it was sent again. */
static void a_gap_ends_the_count_of_records(void **state)
{
    (void)state;
    struct buf s = stream();
    struct span all = buf_span(&s);
    struct seen seen = {.open = true, .first = 0};
    seen_segment(&seen, 0, span_of(all.data, 10));
    seen_segment(&seen, 20, span_of(all.data + 20, all.len - 20));
    assert_true(seen.gap);
    assert_int_equal(seen_segment(&seen, 10, span_of(all.data + 10, 10)), 0);
    assert_int_equal(seen.bytes, all.len);
    buf_fini(&s);
}

static void without_its_beginning_a_stream_tells_nothing(void **state)
{
    (void)state;
    static const uint8_t octets[HEADER] = {23, 3, 3, 0, 0};
    struct seen seen = {0};
    assert_int_equal(seen_segment(&seen, 77, span_of(octets, sizeof(octets))), 0);
    assert_int_equal(seen.bytes, 0);
    assert_int_equal(seen.records, 0);
}

static void records_of_datagrams(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct buf d = {0};
    for (uint16_t len = 0; len < 40; len += 13) {
        buf_append_u8(&d, 22);
        buf_append_u16(&d, 0xfefd);
        buf_append_u64(&d, len);
        buf_append_u16(&d, len);
        buf_commit(&d, (memset(buf_reserve(&d, len), 23, len), len));
    }
    seen_datagram(&seen, buf_span(&d));
    assert_int_equal(seen.records, 4);
    assert_int_equal(seen.bytes, buf_len(&d));
    /* cut short in its last record, and too short for any */
    seen_datagram(&seen, span_of(buf_span(&d).data, buf_len(&d) - 1));
    assert_int_equal(seen.records, 8);
    seen_datagram(&seen, span_of(buf_span(&d).data, 12));
    assert_int_equal(seen.records, 8);
    assert_int_equal(seen.bytes, 2 * buf_len(&d) - 1 + 12);
    buf_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_counted_however_the_stream_is_cut),
        cmocka_unit_test(octets_that_were_seen_do_not_count_again),
        cmocka_unit_test(a_gap_ends_the_count_of_records),
        cmocka_unit_test(without_its_beginning_a_stream_tells_nothing),
        cmocka_unit_test(records_of_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
