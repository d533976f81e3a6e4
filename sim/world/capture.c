/* What is seen on the links: one tap a link hashes, captures and searches every packet. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/world_internal.h"

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

static enum net_verdict on_packet(void *arg, const struct net_packet *packet, struct buf *change)
{
    (void)change;
    struct hop *hop = arg;
    struct span bytes = span_of(packet->data, packet->len);
    uint64_t stamp[2] = {(uint64_t)packet->at, (uint64_t)packet->direction};
    hop->wire_hash = span_digest(hop->wire_hash, span_of(stamp, sizeof(stamp)));
    hop->wire_hash = span_digest(hop->wire_hash, bytes);
    if (hop->pcap != NULL) {
        pcap_write(hop->pcap, packet->at, bytes);
    }
    struct watch_finding finding;
    if (hop->watch != NULL && watch_search(hop->watch, bytes, payload_offset(bytes), &finding)) {
        report_finding(hop, packet, &finding);
    }
    return NET_PASS;
}

static bool wanted(const struct world *w, const struct hop *hop)
{
    const struct scenario *s = w->scenario;
    if (w->options.pcap_dir == NULL) {
        return false;
    }
    if (s->pcap_count == 0) {
        return true; /* asked for on the command line, the scenario does not choose */
    }
    for (size_t i = 0; i < s->pcap_count; i++) {
        if (fnmatch(s->pcap[i], hop->client->node->id, 0) == 0 ||
            fnmatch(s->pcap[i], hop->server->node->id, 0) == 0) {
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
        struct hop *hop = &w->hops[i];
        hop->watch = watch_create(hop->client->urn, hop->server->urn);
        if (wanted(w, hop) && pcap_create(w->options.pcap_dir, hop->edge->id, &hop->pcap) < 0) {
            r = cannot_write(w, hop->edge->id, diags);
        }
        hop->tap = net_tap_add(w->net, hop->link, false, on_packet, hop);
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
    for (size_t i = 0; w->hops != NULL && i < w->scenario->edge_count; i++) {
        struct hop *hop = &w->hops[i];
        if (hop->pcap != NULL && pcap_close(hop->pcap) < 0) {
            r = cannot_write(w, hop->edge->id, diags);
        }
        hop->pcap = NULL;
        watch_free(hop->watch);
        hop->watch = NULL;
    }
    if (w->key_log != NULL && (fclose(w->key_log) != 0 || w->key_log_failed)) {
        r = cannot_write(w, "keys.log", diags);
    }
    w->key_log = NULL;
    return r;
}
