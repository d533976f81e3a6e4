/* Small captures for tests of the dissector: one conversation between two made-up IPv4 hosts. */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

#include <stdio.h>

#include "sim/core/buf.h"

enum capture_sender { CAPTURE_CLIENT, CAPTURE_SERVER };

struct capture {
    FILE *file;
    uint16_t server_port;
    uint32_t next_sequence[2]; /* TCP, by sender */
    uint32_t packets;
};

/* Writes a pcap of raw IPv4 packets; fails the test when the file cannot be made. */
void capture_open(struct capture *c, const char *path, uint16_t server_port);
void capture_close(struct capture *c);
void capture_udp(struct capture *c, enum capture_sender from, struct span payload);
/* The three segments that open a TCP connection; then segments with data, in order. */
void capture_tcp_open(struct capture *c);
void capture_tcp(struct capture *c, enum capture_sender from, struct span payload);

#endif
