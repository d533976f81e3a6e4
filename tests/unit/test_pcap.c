/* Captures: what Wireshark's own tools read from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/record/pcap.h"
#include "tests/support/hand_made.h"

/* An IPv4 packet with a UDP datagram of `len` octets of payload. */
static void make_packet(uint8_t *packet, size_t len, uint8_t fill)
{
    static const uint8_t head[28] = {0x45, 0, 0,  0, 0, 0, 0,    0,    64,   17,   0, 0, 10, 0,
                                     0,    1, 10, 0, 0, 2, 0xc3, 0x50, 0xc3, 0x50, 0, 0, 0,  0};
    memcpy(packet, head, sizeof(head));
    packet[2] = (uint8_t)((len + 28) >> 8);
    packet[3] = (uint8_t)(len + 28);
    packet[24] = (uint8_t)((len + 8) >> 8);
    packet[25] = (uint8_t)(len + 8);
    memset(packet + 28, fill, len);
}

/* What a command says about DIR/FILE. */
static char *said(const char *format, const char *file)
{
    char *path = hand_path(file);
    struct buf command = {0};
    buf_printf(&command, "%s '%s' 2>&1", format, path);
    char *text = buf_steal_str(&command);
    FILE *f = popen(text, "re");
    assert_non_null(f);
    struct buf out = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&out, 4096), 1, 4096, f);
        buf_commit(&out, got);
    } while (got > 0);
    assert_int_equal(pclose(f), 0);
    free(text);
    free(path);
    return buf_steal_str(&out);
}

static bool have_tshark(void)
{
    return system("command -v tshark >/dev/null && command -v capinfos >/dev/null") == 0;
}

static void wireshark_reads_times_and_octets(void **state)
{
    (void)state;
    struct pcap *p;
    assert_int_equal(pcap_create(hand_dir(), "pne/1--gw", &p), 0);
    uint8_t packet[28 + 1400];
    make_packet(packet, 4, 0xab);
    pcap_write(p, 0, span_of(packet, 32));
    pcap_write(p, 1234567891, span_of(packet, 32));
    make_packet(packet, 1400, 0xcd);
    pcap_write(p, 100000 * SIM_S + 999999999, span_of(packet, 1428));
    assert_int_equal(pcap_close(p), 0);
    char *path = hand_path("pne_1--gw.pcap");
    assert_int_equal(access(path, R_OK), 0);
    free(path);
    if (!have_tshark()) {
        skip();
    }
    char *text = said("tshark -T fields -e frame.time_epoch -e ip.src -e ip.dst -e udp.port"
                      " -e udp.length -e data.len -r",
                      "pne_1--gw.pcap");
    char wanted[400];
    snprintf(wanted, sizeof(wanted),
             "%lld.000000000\t10.0.0.1\t10.0.0.2\t50000,50000\t12\t4\n"
             "%lld.234567891\t10.0.0.1\t10.0.0.2\t50000,50000\t12\t4\n"
             "%lld.999999999\t10.0.0.1\t10.0.0.2\t50000,50000\t1408\t1400\n",
             (long long)SIM_EPOCH_UNIX_S, (long long)SIM_EPOCH_UNIX_S + 1,
             (long long)SIM_EPOCH_UNIX_S + 100000);
    /* a warning about the user that tshark runs as may stand before */
    char *rows = strstr(text, wanted);
    if (rows == NULL) {
        print_error("%s", text);
    }
    assert_non_null(rows);
    free(text);
    text = said("capinfos", "pne_1--gw.pcap");
    assert_non_null(strstr(text, "Raw IP"));
    assert_non_null(strstr(text, "nanosecond"));
    free(text);
}

/* Header of the format as its specification has it, octet for octet. */
static void the_header_is_that_of_the_format(void **state)
{
    (void)state;
    struct pcap *p;
    assert_int_equal(pcap_create(hand_dir(), "empty", &p), 0);
    assert_int_equal(pcap_close(p), 0);
    char *path = hand_path("empty.pcap");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    uint8_t header[32];
    assert_int_equal(fread(header, 1, sizeof(header), f), 24);
    fclose(f);
    free(path);
    static const uint8_t magic_and_version[] = {0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4};
    assert_memory_equal(header, magic_and_version, sizeof(magic_and_version));
    static const uint8_t link_type[] = {0, 0, 0, 101};
    assert_memory_equal(header + 20, link_type, sizeof(link_type));
}

static void failures_are_told(void **state)
{
    (void)state;
    struct pcap *p = NULL;
    assert_int_equal(pcap_create("/nonexistent", "x", &p), -SIM_EIO);
    assert_int_equal(errno, ENOENT);
    assert_null(p);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit low = {.rlim_cur = 2000, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(pcap_create(hand_dir(), "full", &p), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    uint8_t packet[1028];
    make_packet(packet, 1000, 0);
    for (int i = 0; i < 100; i++) {
        pcap_write(p, i, span_of(packet, sizeof(packet)));
    }
    int r = pcap_close(p);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(r, -SIM_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wireshark_reads_times_and_octets),
        cmocka_unit_test(the_header_is_that_of_the_format),
        cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
