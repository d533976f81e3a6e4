/* What is seen on the links: one tap a link captures every packet and gives it to observe.c. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/observe.h"

/* Offset of the TCP or UDP payload in an IPv4 packet; of the IP payload in later fragments and
 * other protocols. */
static size_t payload_offset(struct span packet)
{
    if (packet.len < 20) {
        return packet.len;
    }
    size_t ip = (size_t)(packet.data[0] & 0x0f) * 4;
    bool later_fragment = ((packet.data[6] & 0x1f) | packet.data[7]) != 0;
    size_t header = 0;
    if (!later_fragment && packet.data[9] == 6 && packet.len >= ip + 20) {
        header = (size_t)(packet.data[ip + 12] >> 4) * 4;
    } else if (!later_fragment && packet.data[9] == 17) {
        header = 8;
    }
    return ip + header <= packet.len ? ip + header : packet.len;
}

static uint32_t address_at(struct span packet, size_t offset)
{
    const uint8_t *b = packet.data + offset;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The hop that a packet on a wire behind a router belongs to: its ends are the packet's. */
struct hop *capture_hop(const struct wire *wire, struct span packet)
{
    const struct world *w = wire->world;
    if (wire->hop != NULL || packet.len < 20) {
        return wire->hop;
    }
    const uint32_t ends[2] = {address_at(packet, 12), address_at(packet, 16)};
    for (int i = 0; i < 2; i++) {
        uint64_t found;
        if (map_get(&w->by_address, ends[i], &found)) {
            struct hop *hop = (struct hop *)(uintptr_t)found;
            return net_node_address(w->net, hop->server->net_node) == ends[1 - i] ? hop : NULL;
        }
    }
    return NULL;
}

static enum net_verdict on_packet(void *arg, const struct net_packet *packet, struct buf *change)
{
    (void)change;
    struct wire *wire = arg;
    struct span bytes = span_of(packet->data, packet->len);
    if (wire->pcap != NULL) {
        pcap_write(wire->pcap, packet->at, bytes);
    }
    if (wire->batteries[0] != NULL || wire->batteries[1] != NULL) {
        battery_packet(wire, packet->len, packet->direction);
    }
    struct net_packet seen = *packet;
    seen.number = ++wire->captured; /* what an attacker dropped is in no capture */
    struct hop *hop = capture_hop(wire, bytes);
    evidence_packet(wire, hop, bytes);
    observe_packet(wire, hop, &seen, payload_offset(bytes));
    return NET_PASS;
}

enum { PACKET_BITS = 40 };

uint64_t capture_next(const struct wire *wire)
{
    return ((uint64_t)wire->number + 1) << PACKET_BITS | (wire->captured + 1);
}

uint64_t capture_packet(uint64_t where)
{
    return where & ((UINT64_C(1) << PACKET_BITS) - 1);
}

uint32_t capture_link(uint64_t where)
{
    return (uint32_t)(where >> PACKET_BITS) - 1;
}

void capture_injected(struct wire *wire, int direction, struct span packet)
{
    struct net_packet seen = {.link = wire->link,
                              .direction = direction,
                              .at = net_now(wire->world->net),
                              .data = packet.data,
                              .len = packet.len};
    on_packet(wire, &seen, NULL);
}

static bool wanted(const struct world *w, const struct wire *wire)
{
    const struct scenario *s = w->scenario;
    if (w->options.pcap_dir == NULL) {
        return false;
    }
    if (s->pcap_count == 0) {
        return true; /* asked for on the command line, the scenario does not choose */
    }
    for (size_t i = 0; i < s->pcap_count; i++) {
        if (fnmatch(s->pcap[i], s->nodes[wire->wire->a].id, 0) == 0 ||
            fnmatch(s->pcap[i], s->nodes[wire->wire->b].id, 0) == 0) {
            return true;
        }
    }
    return false;
}

static int cannot_write(struct world *w, const char *name, struct diag_list *diags)
{
    diag_add(diags, DIAG_ERROR, "cannot-write", NULL, 0, 0, "cannot write %s/%s: %s",
             w->options.pcap_dir, name, strerror(errno));
    return -SIM_EIO;
}

static int open_key_log(struct world *w, struct diag_list *diags)
{
    if (w->options.pcap_dir == NULL) {
        return 0;
    }
    char *path = mem_printf("%s/keys.log", w->options.pcap_dir);
    w->key_log = fopen(path, "we");
    free(path);
    return w->key_log != NULL ? 0 : cannot_write(w, "keys.log", diags);
}

int capture_start(struct world *w, struct diag_list *diags)
{
    int r = open_key_log(w, diags);
    for (size_t i = 0; r == 0 && i < w->scenario->edge_count; i++) {
        if (w->hops[i].inside == NULL) {
            w->hops[i].watch = watch_create(w->hops[i].client->urn, w->hops[i].server->urn);
        }
    }
    for (size_t i = 0; r == 0 && i < w->scenario->wire_count; i++) {
        struct wire *wire = &w->wires[i];
        if (wanted(w, wire) && pcap_create(w->options.pcap_dir, wire->wire->id, &wire->pcap) < 0) {
            r = cannot_write(w, wire->wire->id, diags);
        }
        wire->tap = net_tap_add(w->net, wire->link, false, on_packet, wire);
    }
    return r;
}

void capture_key_log(struct world *w, struct span lines)
{
    if (w->key_log != NULL && lines.len > 0 &&
        fwrite(lines.data, 1, lines.len, w->key_log) != lines.len) {
        w->key_log_failed = true;
    }
}

int capture_finish(struct world *w, struct diag_list *diags)
{
    int r = 0;
    for (size_t i = 0; w->wires != NULL && i < w->scenario->wire_count; i++) {
        struct wire *wire = &w->wires[i];
        if (wire->pcap != NULL && pcap_close(wire->pcap) < 0) {
            r = cannot_write(w, wire->wire->id, diags);
        }
        wire->pcap = NULL;
    }
    if (w->key_log != NULL && (fclose(w->key_log) != 0 || w->key_log_failed)) {
        r = cannot_write(w, "keys.log", diags);
    }
    w->key_log = NULL;
    return r;
}
