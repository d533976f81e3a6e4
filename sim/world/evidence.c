/* What the captures show of sessions and messages: counts of each session's octets and records, and
 * where in which capture a message is. */
#include <stdlib.h>

#include "sim/net/net_packet.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"

/* The session whose stream has this port at the client; NULL: none that lives. */
static struct channel *channel_of(const struct hop *hop, uint16_t client_port)
{
    for (int side = 0; side < 2; side++) {
        struct channel *c = hop->live[side];
        if (c != NULL && c->client_port == client_port) {
            return c;
        }
    }
    return NULL;
}

static void note_frame(struct carry *c, uint64_t frame)
{
    c->frames[0] = c->frames[0] == 0 ? frame : c->frames[0];
    c->frames[1] = frame;
}

/* The packet holds `len` octets of the stream that end before octet `upto`. */
static void note_messages(struct end *from, uint64_t upto, size_t len, uint64_t frame)
{
    for (struct carry *c = from->under_way.first; c != NULL && c->stream_at < upto; c = c->next) {
        if (c->stream_at + c->wire_bytes > upto - len) {
            note_frame(c, frame);
        }
    }
}

static void segment(const struct wire *wire, struct hop *hop, const struct packet_view *v)
{
    bool initiator = v->destination_port == wire->world->models->stream_port;
    uint16_t client_port = initiator ? v->source_port : v->destination_port;
    bool syn = (v->tcp_flags & PACKET_SYN) != 0;
    if (!syn && v->payload.len == 0) {
        return;
    }
    struct channel *c = channel_of(hop, client_port);
    if (c == NULL && syn && initiator && hop->live[SIDE_INITIATOR] != NULL) {
        c = hop->live[SIDE_INITIATOR];
        c->client_port = client_port;
    }
    if (c == NULL) {
        return;
    }
    struct end *end = &c->ends[initiator ? SIDE_INITIATOR : SIDE_RESPONDER];
    if (syn && !end->seen.open) {
        end->seen.open = true;
        end->seen.first = v->seq + 1;
    }
    size_t fresh = seen_segment(&end->seen, v->seq, v->payload);
    if (fresh > 0 && wire->pcap != NULL) {
        note_messages(end, end->seen.bytes, fresh, wire->captured);
    }
}

/* In a session over datagrams a message is known by its first datagram, outside by its octets. */
static void note_datagram(const struct carry_queue *q, bool in_session, struct span payload,
                          uint64_t frame)
{
    uint64_t digest = span_digest(0, payload);
    for (struct carry *c = q->first; c != NULL; c = c->next) {
        if (in_session ? c->datagram_hash == digest : span_equal(buf_span(&c->frame), payload)) {
            note_frame(c, frame);
            return;
        }
    }
}

static void datagram(const struct wire *wire, const struct hop *hop, const struct packet_view *v)
{
    const struct world *w = wire->world;
    int side = v->source == net_node_address(w->net, hop->client->net_node) ? SIDE_INITIATOR
                                                                            : SIDE_RESPONDER;
    if (v->destination_port == w->models->datagram_port && wire->pcap != NULL) {
        note_datagram(&hop->datagrams[side], false, v->payload, wire->captured);
    }
    struct channel *c = hop->live[side];
    if (v->destination_port != w->models->session_datagram_port || c == NULL) {
        return;
    }
    struct end *end = &c->ends[side];
    seen_datagram(&end->seen, v->payload);
    if (wire->pcap != NULL) {
        note_datagram(&end->under_way, true, v->payload, wire->captured);
    }
}

void evidence_packet(const struct wire *wire, struct hop *hop, struct span packet)
{
    struct packet_view v;
    if (hop == NULL || hop->first_wire != wire->number || packet_parse(packet, &v) < 0 ||
        v.fragment_offset != 0 || v.more_fragments) {
        return;
    }
    uint16_t port = wire->world->models->stream_port;
    if (v.protocol == PACKET_TCP && (v.destination_port == port || v.source_port == port)) {
        segment(wire, hop, &v);
    } else if (v.protocol == PACKET_UDP) {
        datagram(wire, hop, &v);
    }
}

void evidence_message(const struct carry *c)
{
    if (c->frames[0] != 0) {
        PUT(c->hop->world, table_message_frame, record_int((int64_t)c->message->id),
            record_int(c->hop_number), record_int(c->hop->edge->wires[0]),
            record_int((int64_t)c->frames[0]), record_int((int64_t)c->frames[1]));
    }
}

void evidence_capture(const struct wire *wire)
{
    if (wire->pcap != NULL) {
        char *file = pcap_file_name(wire->wire->id);
        PUT(wire->world, table_capture, record_int(wire->number), record_text(file),
            record_int((int64_t)wire->captured));
        free(file);
    }
}
