/* The search for plaintext: finds any run of 23 octets of a sealed message at any place, and
 * nothing that the record explains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/world/watch.h"

#define URN_A "urn:uuid:11111111-1111-8111-8111-111111111111"
#define URN_B "urn:uuid:22222222-2222-8222-8222-222222222222"

enum { HEADER = 40 };

static void fill(uint8_t *bytes, size_t len, const char *purpose)
{
    struct rng r;
    rng_init(&r, 1, "watch", purpose);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)rng_u64(&r);
    }
}

static void finds_22_octets_anywhere(void **state)
{
    (void)state;
    uint8_t message[300];
    uint8_t packet[HEADER + 200];
    fill(message, sizeof(message), "message");
    struct watch_finding f;
    for (size_t from = 0; from + 22 <= sizeof(message); from++) {
        struct watch *w = watch_create(URN_A, URN_B);
        watch_secret(w, 7, 2, span_of(message, sizeof(message)));
        fill(packet, sizeof(packet), "noise");
        assert_false(watch_search(w, span_of(packet, sizeof(packet)), HEADER, &f));
        size_t at = HEADER + from % 100;
        memcpy(packet + at, message + from, 22);
        assert_true(watch_search(w, span_of(packet, sizeof(packet)), HEADER, &f));
        assert_int_equal(f.message_id, 7);
        assert_int_equal(f.hop_number, 2);
        assert_int_equal(f.packet_offset - f.message_offset, at - from);
        assert_true(f.bytes >= WATCH_MATCH_BYTES);
        watch_free(w);
    }
}

static void leaves_out_names_and_public_datagrams(void **state)
{
    (void)state;
    static const char message[] =
        "<Origin>" URN_A "</Origin><Target>" URN_B "</Target><Body>secret body, long enough</Body>";
    static const char certificate[] = "0123 subject alternative name " URN_A " and more of it";
    static const char datagram[] = "frame <Origin>" URN_A "</Origin><Target>" URN_B "</Target>";
    struct watch *w = watch_create(URN_A, URN_B);
    struct watch_finding f;
    watch_secret(w, 1, 0, span_of_str(message));
    assert_false(watch_search(w, span_of_str(certificate), 4, &f));
    /* The same octets are a finding until a datagram is known to show them. */
    assert_true(watch_search(w, span_of_str(datagram), 0, &f));
    watch_public(w, span_of_str(datagram));
    assert_false(watch_search(w, span_of_str(datagram), 0, &f));
    assert_false(watch_search(w, span_of_str(datagram + 10), 0, &f)); /* a fragment of it */
    static const char leak[] = "xx secret body, long enough yy";
    assert_true(watch_search(w, span_of_str(leak), 0, &f));
    watch_free(w);
}

/* What a public datagram carries sealed by itself: found in it when it was not sealed after all. */
static void looks_for_inner_octets_in_public_datagrams(void **state)
{
    (void)state;
    static const char inner[] = "a payload that only members may read";
    static const char other[] = "<SGID>urn:of:the:group, in every message</SGID>";
    static const char sealed[] = "<SGID>urn:of:the:group, in every message</SGID>3f9aQm0z77Kq1x8L";
    static const char bare[] =
        "<SGID>urn:of:the:group, in every message</SGID>a payload that only members may read";
    struct watch *w = watch_create(URN_A, URN_B);
    struct watch_finding f;
    watch_secret(w, 1, 0, span_of_str(other)); /* public here, so not looked for */
    watch_public(w, span_of_str(sealed));
    watch_inner(w, 2, 1, span_of_str(inner));
    assert_false(watch_search(w, span_of_str(sealed), 0, &f));
    watch_public(w, span_of_str(bare));
    assert_true(watch_search(w, span_of_str(bare), 0, &f));
    assert_int_equal(f.message_id, 2);
    assert_int_equal(f.hop_number, 1);
    watch_free(w);
}

static void old_messages_are_forgotten_and_long_ones_sampled(void **state)
{
    (void)state;
    struct watch *w = watch_create(URN_A, URN_B);
    struct watch_finding f;
    uint8_t message[64];
    for (uint64_t id = 1; id <= 1000; id++) {
        fill(message, sizeof(message), "same length");
        memcpy(message, &id, sizeof(id));
        message[20] = (uint8_t)id;
        message[30] = (uint8_t)(id >> 8);
        watch_secret(w, id, 0, span_of(message, sizeof(message)));
    }
    assert_true(watch_search(w, span_of(message, sizeof(message)), 0, &f));
    assert_int_equal(f.message_id, 1000);
    static uint8_t large[65536];
    fill(large, sizeof(large), "large");
    watch_free(w);
    /* Whatever the distance of the windows: 500 of its octets are found, wherever in the packet. */
    for (size_t len = 60000; len <= sizeof(large); len += 400) {
        w = watch_create(URN_A, URN_B);
        watch_secret(w, len, 0, span_of(large, len));
        for (size_t at = 0; at < 3; at++) {
            assert_true(watch_search(w, span_of(large + 30000 + at, 500), 0, &f));
            assert_int_equal(f.message_id, len);
        }
        watch_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_22_octets_anywhere),
        cmocka_unit_test(leaves_out_names_and_public_datagrams),
        cmocka_unit_test(looks_for_inner_octets_in_public_datagrams),
        cmocka_unit_test(old_messages_are_forgotten_and_long_ones_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
