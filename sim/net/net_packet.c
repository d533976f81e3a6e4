#include "sim/net/net_packet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { IP_DONT_FRAGMENT = 0x4000, IP_MORE_FRAGMENTS = 0x2000, IP_OFFSET_MASK = 0x1fff };

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Ones' complement sum (RFC 1071), continued from `sum`. It may be made of words of any width, in
 * the order of the machine's octets (RFC 1071, 2). */
static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
    uint64_t total = 0;
    uint64_t words;
    for (; len >= sizeof(words); p += sizeof(words), len -= sizeof(words)) {
        memcpy(&words, p, sizeof(words));
        total += (words & UINT32_MAX) + (words >> 32);
    }
    words = 0;
    memcpy(&words, p, len);
    total += (words & UINT32_MAX) + (words >> 32);
    while (total >> 16 != 0) {
        total = (total & 0xffff) + (total >> 16);
    }
    total = (uint64_t)ntohs((uint16_t)total) + sum;
    while (total >> 16 != 0) {
        total = (total & 0xffff) + (total >> 16);
    }
    return (uint32_t)total;
}

static uint32_t transport_sum(const uint8_t *packet, size_t ip_header, size_t len)
{
    uint32_t pseudo = sum16((uint32_t)packet[9] + (uint32_t)(len - ip_header), packet + 12, 8);
    return sum16(pseudo, packet + ip_header, len - ip_header);
}

static int parse_transport(struct span rest, struct packet_view *v)
{
    const uint8_t *p = rest.data;
    size_t header = 0;
    if (v->protocol == PACKET_TCP) {
        if (rest.len < PACKET_TCP_HEADER) {
            return -SIM_EBADMSG;
        }
        header = (size_t)(p[12] >> 4) * 4;
        v->seq = get32(p + 4);
        v->ack = get32(p + 8);
        v->tcp_flags = p[13];
        if (header < PACKET_TCP_HEADER) {
            return -SIM_EBADMSG;
        }
    } else if (v->protocol == PACKET_UDP) {
        header = PACKET_UDP_HEADER;
    } else {
        return 0;
    }
    if (header > rest.len) {
        return -SIM_EBADMSG;
    }
    v->source_port = get16(p);
    v->destination_port = get16(p + 2);
    v->payload = span_of(p + header, rest.len - header);
    return 0;
}

int packet_parse(struct span packet, struct packet_view *ret)
{
    const uint8_t *p = packet.data;
    if (packet.len < PACKET_IP_HEADER || p[0] >> 4 != 4) {
        return -SIM_EBADMSG;
    }
    size_t header = (size_t)(p[0] & 15) * 4;
    size_t total = get16(p + 2);
    if (header < PACKET_IP_HEADER || total < header || total > packet.len) {
        return -SIM_EBADMSG;
    }
    uint16_t fragment = get16(p + 6);
    struct packet_view v = {.protocol = p[9],
                            .source = get32(p + 12),
                            .destination = get32(p + 16),
                            .id = get16(p + 4),
                            .more_fragments = (fragment & IP_MORE_FRAGMENTS) != 0,
                            .fragment_offset = (uint32_t)(fragment & IP_OFFSET_MASK) * 8,
                            .ip_header_bytes = header,
                            .payload = span_of(p + header, total - header)};
    if (v.fragment_offset == 0) {
        int r = parse_transport(v.payload, &v);
        if (r < 0) {
            return r;
        }
    }
    *ret = v;
    return 0;
}

void packet_age(uint8_t *packet)
{
    packet[8]--;
    uint32_t sum = (uint32_t)get16(packet + 10) + 0x0100;
    put16(packet + 10, sum + (sum >> 16));
}

static bool has_transport_checksum(const struct packet_view *v)
{
    return v->fragment_offset == 0 && !v->more_fragments &&
           (v->protocol == PACKET_TCP || v->protocol == PACKET_UDP);
}

bool packet_checksums_ok(struct span packet)
{
    struct packet_view v;
    if (packet_parse(packet, &v) < 0 || sum16(0, packet.data, v.ip_header_bytes) != 0xffff) {
        return false;
    }
    if (!has_transport_checksum(&v)) {
        return true;
    }
    if (v.protocol == PACKET_UDP && get16(packet.data + v.ip_header_bytes + 6) == 0) {
        return true; /* RFC 768: none was made */
    }
    return transport_sum(packet.data, v.ip_header_bytes, get16(packet.data + 2)) == 0xffff;
}

static bool option_length_ok(uint8_t kind, uint8_t len)
{
    switch (kind) {
    case 2: /* maximum segment size, RFC 9293 */
        return len == 4;
    case 3: /* window scale, RFC 7323 */
        return len == 3;
    case 4: /* SACK permitted, RFC 2018 */
        return len == 2;
    case 5: /* SACK, RFC 2018 */
        return len >= 10 && len <= 34 && len % 8 == 2;
    case 8: /* timestamps, RFC 7323 */
        return len == 10;
    default:
        return len >= 2;
    }
}

bool packet_tcp_options_ok(struct span packet)
{
    struct packet_view v;
    if (packet_parse(packet, &v) < 0) {
        return false;
    }
    if (v.protocol != PACKET_TCP || v.fragment_offset != 0) {
        return true;
    }
    const uint8_t *options = packet.data + v.ip_header_bytes + PACKET_TCP_HEADER;
    size_t len = (size_t)(v.payload.data - options);
    for (size_t i = 0; i < len;) {
        if (options[i] == 0) { /* the end of the list; ns-3 takes no more padding than is needed */
            return len - i <= 4;
        } else if (options[i] == 1) {
            i++;
        } else if (len - i < 2 || options[i + 1] > len - i ||
                   !option_length_ok(options[i], options[i + 1])) {
            return false;
        } else {
            i += options[i + 1];
        }
    }
    return true;
}

void packet_repair(uint8_t *packet, size_t len)
{
    size_t header = len > 0 ? (size_t)(packet[0] & 15) * 4 : 0;
    if (len < PACKET_IP_HEADER || packet[0] >> 4 != 4 || header < PACKET_IP_HEADER ||
        len < header || len > UINT16_MAX) {
        return;
    }
    put16(packet + 2, (uint32_t)len);
    put16(packet + 10, 0);
    put16(packet + 10, ~sum16(0, packet, header));
    struct packet_view v;
    if (packet_parse(span_of(packet, len), &v) < 0 || !has_transport_checksum(&v)) {
        return;
    }
    uint8_t *transport = packet + header;
    if (v.protocol == PACKET_TCP) {
        put16(transport + 16, 0);
        put16(transport + 16, ~transport_sum(packet, header, len));
        return;
    }
    put16(transport + 4, (uint32_t)(len - header));
    put16(transport + 6, 0);
    uint16_t sum = (uint16_t)~transport_sum(packet, header, len);
    put16(transport + 6, sum != 0 ? sum : 0xffff);
}

void packet_append_ip(struct buf *out, uint8_t protocol, uint32_t source, uint32_t destination,
                      uint16_t id, bool dont_fragment, size_t payload_bytes)
{
    CHECK(payload_bytes + PACKET_IP_HEADER <= UINT16_MAX);
    uint32_t flags = dont_fragment ? IP_DONT_FRAGMENT : 0;
    uint8_t *p = buf_reserve(out, PACKET_IP_HEADER + payload_bytes);
    packet_put32(p, 0x45000000U | (uint32_t)(PACKET_IP_HEADER + payload_bytes));
    packet_put32(p + 4, (uint32_t)id << 16 | flags);
    packet_put32(p + 8, 64U << 24 | (uint32_t)protocol << 16); /* time to live; checksum: later */
    packet_put32(p + 12, source);
    packet_put32(p + 16, destination);
    buf_commit(out, PACKET_IP_HEADER);
}

size_t packet_length(struct span packet)
{
    return get16(packet.data + 2);
}

static void repair_tail(struct buf *out, size_t start)
{
    packet_repair(out->data + out->start + start, buf_len(out) - start);
}

void packet_build_tcp(struct buf *out, const struct packet_tcp *head, struct span payload)
{
    size_t start = buf_len(out);
    packet_append_ip(out, PACKET_TCP, head->source, head->destination, 0, true,
                     PACKET_TCP_HEADER + payload.len);
    buf_append_u16(out, head->source_port);
    buf_append_u16(out, head->destination_port);
    buf_append_u32(out, head->seq);
    buf_append_u32(out, head->ack);
    buf_append_u8(out, PACKET_TCP_HEADER / 4 << 4);
    buf_append_u8(out, head->flags);
    buf_append_u16(out, UINT16_MAX);
    buf_append_u32(out, 0);
    buf_append(out, payload);
    repair_tail(out, start);
}

void packet_build_udp(struct buf *out, uint32_t source, uint32_t destination, uint16_t source_port,
                      uint16_t destination_port, uint16_t id, struct span payload)
{
    size_t start = buf_len(out);
    packet_append_ip(out, PACKET_UDP, source, destination, id, false,
                     PACKET_UDP_HEADER + payload.len);
    buf_append_u16(out, source_port);
    buf_append_u16(out, destination_port);
    buf_append_u16(out, (uint16_t)(PACKET_UDP_HEADER + payload.len));
    buf_append_u16(out, 0);
    buf_append(out, payload);
    repair_tail(out, start);
}

bool packet_fragment(struct span whole, uint32_t mtu, uint32_t *offset, struct buf *out)
{
    CHECK(mtu >= PACKET_IP_HEADER + 8);
    buf_clear(out);
    if (*offset + PACKET_IP_HEADER >= whole.len) {
        return false;
    }
    if (*offset == 0 && whole.len <= mtu) {
        buf_append(out, whole);
        *offset = (uint32_t)whole.len;
        return true;
    }
    uint32_t field = get16(whole.data + 6); /* a fragment may be cut again */
    uint32_t rest = (uint32_t)whole.len - PACKET_IP_HEADER - *offset;
    uint32_t room = (mtu - PACKET_IP_HEADER) / 8 * 8;
    uint32_t take = rest <= mtu - PACKET_IP_HEADER ? rest : room;
    buf_append(out, span_of(whole.data, PACKET_IP_HEADER));
    buf_append(out, span_of(whole.data + PACKET_IP_HEADER + *offset, take));
    put16(out->data + out->start + 6,
          ((field & IP_OFFSET_MASK) + *offset / 8) |
              (take < rest ? IP_MORE_FRAGMENTS : field & IP_MORE_FRAGMENTS));
    repair_tail(out, 0);
    *offset += take;
    return true;
}

/* --- IPv6 ------------------------------------------------------------------------------------- */

enum { IP6_HEADER = 40, IP6_ENCAPSULATED = 4 };

static const uint8_t embedding[12] = {0, 0x64, 0xff, 0x9b};

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void put_address6(uint8_t *out, const struct packet_link6 *link, uint32_t address)
{
    if (address == link->ends[0] || address == link->ends[1]) {
        memcpy(out, link->local[address == link->ends[1]], 16);
    } else {
        memcpy(out, embedding, sizeof(embedding));
        put32(out + sizeof(embedding), address);
    }
}

static bool get_address6(const uint8_t *in, const struct packet_link6 *link, uint32_t *ret)
{
    for (int i = 0; i < 2; i++) {
        if (memcmp(in, link->local[i], 16) == 0) {
            *ret = link->ends[i];
            return true;
        }
    }
    *ret = get32(in + sizeof(embedding));
    return memcmp(in, embedding, sizeof(embedding)) == 0;
}

/* Takes the addresses `from` out of a transport checksum and `to` into it (RFC 1624); the rest of
 * the pseudo headers sums up alike. */
static void readdress(uint8_t *transport, size_t len, uint8_t protocol, struct span from,
                      struct span to)
{
    size_t at = protocol == PACKET_TCP ? 16 : 6;
    if ((protocol != PACKET_TCP && protocol != PACKET_UDP) || len < at + 2) {
        return;
    }
    bool udp = protocol == PACKET_UDP;
    if (udp && get16(transport + at) == 0) {
        return; /* there is none */
    }
    uint32_t sum = (uint32_t)(uint16_t)~get16(transport + at) +
                   (uint16_t)~sum16(0, from.data, from.len) + sum16(0, to.data, to.len);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    put16(transport + at, udp && sum == 0 ? 0xffff : sum);
}

void packet_to_ipv6(struct span packet, const struct packet_link6 *link, int direction,
                    struct buf *out)
{
    struct packet_view v;
    CHECK(packet_parse(packet, &v) == 0);
    bool whole =
        !v.more_fragments && v.fragment_offset == 0 && v.ip_header_bytes == PACKET_IP_HEADER;
    size_t total = packet_length(packet);
    size_t len = whole ? total - PACKET_IP_HEADER : total;
    uint8_t *p = buf_reserve(out, IP6_HEADER + len);
    memset(p, 0, IP6_HEADER);
    p[0] = 6 << 4;
    put16(p + 4, (uint32_t)len);
    p[6] = whole ? v.protocol : IP6_ENCAPSULATED;
    p[7] = packet.data[8];
    put_address6(p + 8, link, whole ? v.source : link->ends[direction]);
    put_address6(p + 24, link, whole ? v.destination : link->ends[1 - direction]);
    memcpy(p + IP6_HEADER, packet.data + total - len, len);
    if (whole) {
        readdress(p + IP6_HEADER, len, v.protocol, span_of(packet.data + 12, 8),
                  span_of(p + 8, 32));
    }
    buf_commit(out, IP6_HEADER + len);
}

int packet_from_ipv6(struct span packet, const struct packet_link6 *link, struct buf *out)
{
    uint32_t source;
    uint32_t destination;
    const uint8_t *p = packet.data;
    if (packet.len < IP6_HEADER || p[0] >> 4 != 6 || packet.len - IP6_HEADER != get16(p + 4) ||
        !get_address6(p + 8, link, &source) || !get_address6(p + 24, link, &destination)) {
        return -SIM_EBADMSG;
    }
    struct span rest = span_of(p + IP6_HEADER, packet.len - IP6_HEADER);
    if (p[6] == IP6_ENCAPSULATED) {
        buf_append(out, rest);
        return 0;
    }
    size_t start = buf_len(out);
    packet_append_ip(out, p[6], source, destination, 0, p[6] == PACKET_TCP, rest.len);
    buf_append(out, rest);
    uint8_t *head = out->data + out->start + start;
    head[8] = p[7];
    put16(head + 10, 0);
    put16(head + 10, ~sum16(0, head, PACKET_IP_HEADER));
    readdress(head + PACKET_IP_HEADER, rest.len, p[6], span_of(p + 8, 32), span_of(head + 12, 8));
    return 0;
}

/* --- reassembly ------------------------------------------------------------------------------ */

enum { BLOCK = 8, BLOCKS = 8192 };

struct packet_assembly {
    struct buf packet;        /* header, then payload as far as it is known */
    uint8_t have[BLOCKS / 8]; /* a bit a block of 8 octets */
    uint32_t blocks;          /* how many are there */
    uint32_t total;           /* payload octets; 0: the last fragment is missing */
};

struct packet_assembly *packet_assembly_create(void)
{
    return mem_alloc(sizeof(struct packet_assembly));
}

void packet_assembly_free(struct packet_assembly *a)
{
    if (a != NULL) {
        buf_fini(&a->packet);
        free(a);
    }
}

static void add_block(struct packet_assembly *a, uint32_t block, const uint8_t *from, size_t len)
{
    uint8_t bit = (uint8_t)(1u << block % 8);
    if ((a->have[block / 8] & bit) == 0) {
        a->have[block / 8] |= bit;
        a->blocks++;
        memcpy(a->packet.data + PACKET_IP_HEADER + (size_t)block * BLOCK, from, len);
    }
}

bool packet_assembly_add(struct packet_assembly *a, struct span fragment, struct span *whole)
{
    struct packet_view v;
    if (packet_parse(fragment, &v) < 0) {
        return false;
    }
    const uint8_t *payload = fragment.data + v.ip_header_bytes;
    size_t len = packet_length(fragment) - v.ip_header_bytes;
    size_t end = v.fragment_offset + len;
    if (len == 0 || end + PACKET_IP_HEADER > UINT16_MAX || (v.more_fragments && len % BLOCK != 0)) {
        return false;
    }
    if (buf_len(&a->packet) < PACKET_IP_HEADER + end) {
        size_t more = PACKET_IP_HEADER + end - buf_len(&a->packet);
        memset(buf_reserve(&a->packet, more), 0, more);
        buf_commit(&a->packet, more);
    }
    if (v.fragment_offset == 0) {
        memcpy(a->packet.data, fragment.data, PACKET_IP_HEADER);
    }
    if (!v.more_fragments && a->total == 0) {
        a->total = (uint32_t)end;
    }
    for (size_t at = 0; at < len; at += BLOCK) {
        add_block(a, (uint32_t)((v.fragment_offset + at) / BLOCK), payload + at,
                  len - at < BLOCK ? len - at : BLOCK);
    }
    if (a->total == 0 || a->blocks < (a->total + BLOCK - 1) / BLOCK ||
        buf_len(&a->packet) != PACKET_IP_HEADER + a->total) {
        return false;
    }
    a->packet.data[0] = 0x45; /* options of the first fragment are not kept */
    put16(a->packet.data + 6, 0);
    put16(a->packet.data + 2, (uint32_t)buf_len(&a->packet));
    put16(a->packet.data + 10, 0);
    put16(a->packet.data + 10, ~sum16(0, a->packet.data, PACKET_IP_HEADER));
    *whole = buf_span(&a->packet);
    return true;
}
