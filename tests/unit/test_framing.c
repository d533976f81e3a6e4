#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "models/cpns/message.h"
#include "sim/world/framing.h"

static void frames_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct buf stream = {0};
    frame_append(&stream, 0, (struct span){0}); /* session confirmed */
    frame_append(&stream, CPNS_XML, span_of_str("<a/>"));
    frame_append(&stream, CPNS_CBOR, span_of_str("b"));
    static const uint8_t wire[] = {0,   0,   0,   0,   0, 0, 0, 0, 4, 1,
                                   '<', 'a', '/', '>', 0, 0, 0, 1, 2, 'b'};
    assert_int_equal(buf_len(&stream), sizeof(wire));
    assert_memory_equal(buf_span(&stream).data, wire, sizeof(wire));
    struct span in = buf_span(&stream), message;
    uint8_t encoding;
    assert_int_equal(frame_take(&in, &encoding, &message), 1);
    assert_true(encoding == 0 && message.len == 0);
    assert_int_equal(frame_take(&in, &encoding, &message), 1);
    assert_true(encoding == CPNS_XML && span_equal_str(message, "<a/>"));
    assert_int_equal(frame_take(&in, &encoding, &message), 1);
    assert_true(encoding == CPNS_CBOR && span_equal_str(message, "b"));
    assert_int_equal(frame_take(&in, &encoding, &message), 0);
    buf_fini(&stream);
}

/* However the transport cuts the stream, the same frames come out, and an incomplete one leaves the
 * input as it was. */
static void any_segmentation_gives_the_same_frames(void **state)
{
    (void)state;
    struct buf stream = {0};
    frame_append(&stream, CPNS_XML, span_of_str("first"));
    frame_append(&stream, 0, (struct span){0});
    frame_append(&stream, CPNS_CBOR, span_of_str("second"));
    struct span all = buf_span(&stream);
    for (size_t cut = 0; cut <= all.len; cut++) {
        unsigned frames = 0, octets = 0;
        struct span in = {.data = all.data, .len = cut}, message;
        uint8_t encoding;
        for (int part = 0; part < 2; part++) {
            while (frame_take(&in, &encoding, &message) == 1) {
                frames++;
                octets += (unsigned)message.len;
            }
            struct span before = in;
            assert_int_equal(frame_take(&in, &encoding, &message), 0);
            assert_true(in.data == before.data && in.len == before.len);
            in.len += part == 0 ? all.len - cut : 0;
        }
        assert_int_equal(frames, 3);
        assert_int_equal(octets, 11);
        assert_int_equal(in.len, 0);
    }
    buf_fini(&stream);
}

static void a_length_beyond_the_limit_is_refused_at_once(void **state)
{
    (void)state;
    uint8_t encoding;
    struct span message;
    static const uint8_t largest[] = {0x00, 0x10, 0x00, 0x00}, beyond[] = {0x00, 0x10, 0x00, 0x01},
                         huge[] = {0xff, 0xff, 0xff, 0xff, 0x01};
    struct span in = span_of(largest, sizeof(largest));
    assert_int_equal(frame_take(&in, &encoding, &message), 0);
    in = span_of(beyond, sizeof(beyond));
    assert_int_equal(frame_take(&in, &encoding, &message), -SIM_EBADMSG);
    in = span_of(huge, sizeof(huge));
    assert_int_equal(frame_take(&in, &encoding, &message), -SIM_EBADMSG);
    uint8_t *octets = mem_alloc(FRAME_MAX_BYTES);
    struct buf stream = {0};
    frame_append(&stream, CPNS_CBOR, span_of(octets, FRAME_MAX_BYTES));
    in = buf_span(&stream);
    assert_int_equal(frame_take(&in, &encoding, &message), 1);
    assert_int_equal(message.len, FRAME_MAX_BYTES);
    buf_fini(&stream);
    free(octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(any_segmentation_gives_the_same_frames),
        cmocka_unit_test(a_length_beyond_the_limit_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
