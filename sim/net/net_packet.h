/* IPv4 packets as octets: reading, building, splitting and repairing their headers. Only what the
 * virtual network carries: IPv4 with TCP (6) or UDP (17). */
#ifndef SIM_NET_NET_PACKET_H
#define SIM_NET_NET_PACKET_H

#include <endian.h>
#include <string.h>

#include "sim/core/base.h"
#include "sim/core/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACKET_TCP = 6, PACKET_UDP = 17 };
enum {
    PACKET_FIN = 0x01,
    PACKET_SYN = 0x02,
    PACKET_RST = 0x04,
    PACKET_PSH = 0x08,
    PACKET_ACK = 0x10
};
enum { PACKET_IP_HEADER = 20, PACKET_TCP_HEADER = 20, PACKET_UDP_HEADER = 8 };

/* In network order. */
static inline void packet_put32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

/* What the headers say; octets are borrowed from the packet. */
struct packet_view {
    uint8_t protocol;
    uint32_t source, destination; /* host order */
    uint16_t id;
    bool more_fragments;
    uint32_t fragment_offset; /* octets */
    size_t ip_header_bytes;
    /* TCP and UDP, first fragment only; else 0. */
    uint16_t source_port, destination_port;
    uint32_t seq, ack;
    uint8_t tcp_flags;
    struct span payload; /* of TCP or UDP; of a later fragment or another protocol: of IP */
};

/* -SIM_EBADMSG: not IPv4, or lengths that contradict each other. Checksums are not looked at. */
int packet_parse(struct span packet, struct packet_view *ret);

/* Whether the IP header's and (unless a fragment) the TCP or UDP checksum are right. */
bool packet_checksums_ok(struct span packet);

/* Whether the options of a TCP header can be read: lengths within the header, and those of known
 * options as their RFCs say. ns-3's parser loops for ever on others. True for what is not TCP. */
bool packet_tcp_options_ok(struct span packet);

/* Makes an IPv4 packet of `len` octets consistent after a change: total length, UDP length, IP
 * checksum and TCP or UDP checksum. The transport checksum of a fragment spans octets that are
 * elsewhere and stays as it is. What is too short or not IPv4 stays untouched. */
void packet_repair(uint8_t *packet, size_t len);

/* One less to live for a packet that is forwarded, its IP checksum made right (RFC 1141). */
void packet_age(uint8_t *packet);

/* IPv4 to IPv6 (RFC 7915) and back, for links that carry IPv6 only. `local` are the interface's
 * addresses at the two ends of the link, 16 octets each: they stand for the IPv4 addresses of
 * `ends`; others are embedded in 64:ff9b::/96 (RFC 6052). Fragments and packets with options go
 * inside IPv6 (RFC 2473) instead. A transport checksum that was wrong stays wrong. */
struct packet_link6 {
    uint32_t ends[2];
    uint8_t local[2][16];
};
void packet_to_ipv6(struct span packet, const struct packet_link6 *link, int direction,
                    struct buf *out);
/* Appends the IPv4 packet. -SIM_EBADMSG: none that packet_to_ipv6() made. */
int packet_from_ipv6(struct span packet, const struct packet_link6 *link, struct buf *out);

struct packet_tcp {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    uint32_t seq, ack;
    uint8_t flags;
};
/* Append a whole packet to `out`. */
void packet_build_tcp(struct buf *out, const struct packet_tcp *head, struct span payload);
void packet_build_udp(struct buf *out, uint32_t source, uint32_t destination, uint16_t source_port,
                      uint16_t destination_port, uint16_t id, struct span payload);

/* Appends the IP header of a packet with `payload_bytes` of payload to come; its checksum is for
 * packet_repair() to make. */
void packet_append_ip(struct buf *out, uint8_t protocol, uint32_t source, uint32_t destination,
                      uint16_t id, bool dont_fragment, size_t payload_bytes);
/* Total length that the IP header states; of a packet that packet_parse() took. */
size_t packet_length(struct span packet);

/* The next fragment of `whole` (at most `mtu` octets, >= 28) from payload octet `*offset` on:
 * written to `out` (cleared first) and `*offset` advanced. False when nothing is left. A packet
 * that fits is yielded as it is. */
bool packet_fragment(struct span whole, uint32_t mtu, uint32_t *offset, struct buf *out);

/* Puts fragments together again. What arrives twice is kept as it came first. */
struct packet_assembly;
struct packet_assembly *packet_assembly_create(void);
void packet_assembly_free(struct packet_assembly *a);
/* Adds a fragment (a packet that packet_parse() took). True when the packet is whole: `*whole` is
 * valid until the assembly is freed. */
bool packet_assembly_add(struct packet_assembly *a, struct span fragment, struct span *whole);

#ifdef __cplusplus
}
#endif

#endif
