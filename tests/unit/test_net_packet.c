/* IPv4 packets as octets: what is built reads back, what is cut goes together again in any order,
 * and no octets whatever break the readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/net/net_packet.h"

static const struct packet_tcp head = {.source = 0x0a000001,
                                       .destination = 0x0a000002,
                                       .source_port = 49153,
                                       .destination_port = 443,
                                       .seq = 0xfffffff0,
                                       .ack = 77,
                                       .flags = PACKET_PSH | PACKET_ACK};

static void built_segments_read_back(void **state)
{
    struct buf b = {0};
    struct packet_view v;
    (void)state;
    packet_build_tcp(&b, &head, span_of_str("odd"));
    assert_int_equal(packet_parse(buf_span(&b), &v), 0);
    assert_int_equal(v.protocol, PACKET_TCP);
    assert_int_equal(v.source, head.source);
    assert_int_equal(v.destination, head.destination);
    assert_int_equal(v.source_port, head.source_port);
    assert_int_equal(v.destination_port, head.destination_port);
    assert_int_equal(v.seq, head.seq);
    assert_int_equal(v.ack, head.ack);
    assert_int_equal(v.tcp_flags, head.flags);
    assert_true(span_equal_str(v.payload, "odd"));
    assert_true(packet_checksums_ok(buf_span(&b)));
    assert_true(packet_tcp_options_ok(buf_span(&b)));
    buf_fini(&b);
}

static void checksums_agree_with_a_known_header(void **state)
{
    static const uint8_t known[20] = {0x45, 0x00, 0x00, 0x14, 0x00, 0x00, 0x40, 0x00, 0x40, 0x01,
                                      0,    0,    0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    uint8_t packet[20];
    (void)state;
    memcpy(packet, known, sizeof(packet));
    packet_repair(packet, sizeof(packet));
    /* RFC 1071, step by step */
    uint32_t sum = 0x4500 + 0x0014 + 0x4000 + 0x4001 + 0xc0a8 + 0x0001 + 0xc0a8 + 0x00c7;
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(packet[10] << 8 | packet[11], ~sum & 0xffff);
    assert_true(packet_checksums_ok(span_of(packet, sizeof(packet))));
}

static void every_flipped_bit_is_noticed_and_repaired(void **state)
{
    struct buf b = {0};
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        buf_clear(&b);
        if (udp == 1) {
            packet_build_udp(&b, head.source, head.destination, 500, 501, 9, span_of_str("hello!"));
        } else {
            packet_build_tcp(&b, &head, span_of_str("hello!"));
        }
        size_t len = buf_len(&b);
        uint8_t *p = b.data + b.start;
        for (size_t bit = 0; bit < len * 8; bit++) {
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            bool version_or_length = bit / 8 == 0 || bit / 8 == 2 || bit / 8 == 3;
            bool fragment = bit / 8 == 6 || bit / 8 == 7;
            bool protocol = bit / 8 == 9;
            assert_false(packet_checksums_ok(span_of(p, len)));
            if (!version_or_length && !fragment && !protocol) {
                struct buf copy = {0};
                struct packet_view v;
                buf_append(&copy, span_of(p, len));
                packet_repair(copy.data, len);
                if (packet_parse(buf_span(&copy), &v) == 0) {
                    assert_true(packet_checksums_ok(buf_span(&copy)));
                }
                buf_fini(&copy);
            }
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_true(packet_checksums_ok(span_of(p, len)));
    }
    buf_fini(&b);
}

static void fragments_go_together_in_any_order(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 1, "test", "fragments");
    for (int round = 0; round < 200; round++) {
        struct buf whole = {0};
        struct buf payload = {0};
        struct buf parts[1400] = {{0}};
        size_t count = 0;
        uint32_t mtu = (uint32_t)(68 + rng_below(&r, 1500));
        for (uint64_t n = rng_below(&r, 20000); n > 0; n--) {
            buf_append_u8(&payload, (uint8_t)rng_u64(&r));
        }
        packet_build_udp(&whole, head.source, head.destination, 500, 501, 9, buf_span(&payload));
        uint32_t offset = 0;
        while (packet_fragment(buf_span(&whole), mtu, &offset, &parts[count])) {
            assert_true(buf_len(&parts[count]) <= mtu);
            assert_true(packet_checksums_ok(buf_span(&parts[count])));
            count++;
        }
        struct packet_view v;
        assert_int_equal(packet_parse(buf_span(&parts[0]), &v), 0);
        assert_true(v.more_fragments == (count > 1));
        for (size_t i = count - 1; i > 0; i--) {
            size_t j = (size_t)rng_below(&r, i + 1);
            struct buf swap = parts[i];
            parts[i] = parts[j];
            parts[j] = swap;
        }
        struct packet_assembly *a = packet_assembly_create();
        struct span got = {0};
        for (size_t i = 0; i < count; i++) {
            if (i + 1 < count) { /* repetitions do no harm */
                assert_false(packet_assembly_add(a, buf_span(&parts[i]), &got));
                assert_false(packet_assembly_add(a, buf_span(&parts[i]), &got));
            } else {
                assert_true(packet_assembly_add(a, buf_span(&parts[i]), &got));
            }
        }
        assert_true(span_equal(got, buf_span(&whole)));
        packet_assembly_free(a);
        for (size_t i = 0; i < count + 1; i++) {
            buf_fini(&parts[i]);
        }
        buf_fini(&whole);
        buf_fini(&payload);
    }
}

static bool options_ok(const char *octets, size_t len)
{
    struct buf b = {0};
    assert_int_equal(len % 4, 0);
    packet_build_tcp(&b, &head, span_of(octets, len));
    b.data[b.start + PACKET_IP_HEADER + 12] = (uint8_t)((PACKET_TCP_HEADER + len) / 4 << 4);
    bool ok = packet_tcp_options_ok(buf_span(&b));
    buf_fini(&b);
    return ok;
}

static void malformed_tcp_options_are_found(void **state)
{
    (void)state;
    assert_true(options_ok("\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02", 12));
    assert_true(options_ok("\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x00\x00", 12));
    assert_true(options_ok("\x1e\x04\x00\x00", 4));  /* unknown, well-formed */
    assert_false(options_ok("\x1e\x00\x00\x00", 4)); /* length 0: a loop */
    assert_false(options_ok("\x1e\x01\x00\x00", 4)); /* shorter than its own header */
    assert_false(options_ok("\x1e\x05\x00\x00", 4)); /* beyond the header */
    assert_false(options_ok("\x01\x01\x01\x02", 4)); /* no room for a length */
    assert_false(options_ok("\x02\x03\x05\x00", 4)); /* a known option of another length */
    assert_false(options_ok("\x00\x00\x00\x00\x00\x00\x00\x00", 8)); /* an idle word */
}

static void random_octets_break_nothing(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 2, "test", "octets");
    struct packet_assembly *a = packet_assembly_create();
    for (int i = 0; i < 100000; i++) {
        uint8_t octets[80];
        size_t len = (size_t)rng_below(&r, sizeof(octets) + 1);
        for (size_t k = 0; k < len; k++) {
            octets[k] = (uint8_t)rng_u64(&r);
        }
        if (len > 10 && i % 4 != 0) { /* mostly past the first checks */
            octets[0] = (uint8_t)(0x45 + rng_below(&r, 3));
            octets[2] = 0;
            octets[3] = (uint8_t)len;
            octets[9] = rng_below(&r, 2) == 0 ? PACKET_TCP : PACKET_UDP;
        }
        struct packet_view v;
        struct span whole;
        struct span packet = span_of(octets, len);
        bool reads = packet_parse(packet, &v) == 0;
        if (reads) {
            assert_true(v.payload.len <= len);
        }
        assert_false(!reads && packet_checksums_ok(packet));
        assert_false(!reads && packet_tcp_options_ok(packet));
        if (reads && packet_assembly_add(a, packet, &whole)) {
            assert_true(whole.len <= UINT16_MAX);
            assert_int_equal(packet_length(whole), whole.len);
        }
        packet_repair(octets, len);
    }
    packet_assembly_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_segments_read_back),
        cmocka_unit_test(checksums_agree_with_a_known_header),
        cmocka_unit_test(every_flipped_bit_is_noticed_and_repaired),
        cmocka_unit_test(fragments_go_together_in_any_order),
        cmocka_unit_test(malformed_tcp_options_are_found),
        cmocka_unit_test(random_octets_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
