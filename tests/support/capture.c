#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/capture.h"

enum { CLIENT_PORT = 49152, LINKTYPE_RAW = 101, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TCP_SYN = 0x02, TCP_PSH = 0x08, TCP_ACK = 0x10 };

static void put(struct capture *c, struct buf *bytes)
{
    struct span s = buf_span(bytes);
    assert_int_equal(fwrite(s.data, 1, s.len, c->file), s.len);
    buf_fini(bytes);
}

void capture_open(struct capture *c, const char *path, uint16_t server_port)
{
    *c = (struct capture){.file = fopen(path, "wb"), .server_port = server_port};
    assert_non_null(c->file);
    struct buf head = {0};
    buf_append_u32(&head, 0xa1b2c3d4); /* microseconds, big-endian */
    buf_append_u16(&head, 2);
    buf_append_u16(&head, 4);
    buf_append_u64(&head, 0);
    buf_append_u32(&head, 65535);
    buf_append_u32(&head, LINKTYPE_RAW);
    put(c, &head);
}

void capture_close(struct capture *c)
{
    assert_int_equal(fclose(c->file), 0);
}

static void packet(struct capture *c, enum capture_sender from, uint8_t protocol,
                   struct buf *transport)
{
    uint32_t len = (uint32_t)buf_len(transport) + 20;
    struct buf out = {0};
    buf_append_u32(&out, 0);
    buf_append_u32(&out, c->packets++);
    buf_append_u32(&out, len);
    buf_append_u32(&out, len);
    buf_append_u16(&out, 0x4500);
    buf_append_u16(&out, (uint16_t)len);
    buf_append_u32(&out, 0);
    buf_append_u8(&out, 64);
    buf_append_u8(&out, protocol);
    buf_append_u16(&out, 0);
    buf_append_u32(&out, from == CAPTURE_CLIENT ? 0x0a000001 : 0x0a000002);
    buf_append_u32(&out, from == CAPTURE_CLIENT ? 0x0a000002 : 0x0a000001);
    buf_append(&out, buf_span(transport));
    buf_fini(transport);
    put(c, &out);
}

static void put_ports(struct capture *c, enum capture_sender from, struct buf *out)
{
    buf_append_u16(out, from == CAPTURE_CLIENT ? CLIENT_PORT : c->server_port);
    buf_append_u16(out, from == CAPTURE_CLIENT ? c->server_port : CLIENT_PORT);
}

void capture_udp(struct capture *c, enum capture_sender from, struct span payload)
{
    struct buf out = {0};
    put_ports(c, from, &out);
    buf_append_u16(&out, (uint16_t)(payload.len + 8));
    buf_append_u16(&out, 0);
    buf_append(&out, payload);
    packet(c, from, PROTOCOL_UDP, &out);
}

static void segment(struct capture *c, enum capture_sender from, uint8_t flags, struct span payload)
{
    struct buf out = {0};
    put_ports(c, from, &out);
    buf_append_u32(&out, c->next_sequence[from]);
    buf_append_u32(&out, flags & TCP_ACK ? c->next_sequence[1 - from] : 0);
    buf_append_u8(&out, 5 << 4);
    buf_append_u8(&out, flags);
    buf_append_u16(&out, 65535);
    buf_append_u32(&out, 0);
    buf_append(&out, payload);
    packet(c, from, PROTOCOL_TCP, &out);
    c->next_sequence[from] += (uint32_t)payload.len + (flags & TCP_SYN ? 1 : 0);
}

void capture_tcp_open(struct capture *c)
{
    segment(c, CAPTURE_CLIENT, TCP_SYN, (struct span){0});
    segment(c, CAPTURE_SERVER, TCP_SYN | TCP_ACK, (struct span){0});
    segment(c, CAPTURE_CLIENT, TCP_ACK, (struct span){0});
}

void capture_tcp(struct capture *c, enum capture_sender from, struct span payload)
{
    segment(c, from, TCP_ACK | TCP_PSH, payload);
}
