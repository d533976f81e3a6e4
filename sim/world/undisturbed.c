/* A handshake that nobody can interfere with, between sessions as the two ends of a hop would open
 * them now: what they can do at best, found out rather than derived from what their policies say.
 * It draws from streams of its own (no session of a hop has the number 0) and goes over no link. */
#include "sim/world/session.h"

enum { MOST_FLIGHTS = 16 }; /* a handshake of DTLS 1.2 with a cookie takes 7 */

/* Octets go to and fro until both ends are done. */
static bool shake_hands(struct secure_session *const ends[2], sim_time now)
{
    struct secure_output out;
    struct buf wire[2] = {{0}, {0}}; /* by the side that sent them */
    enum secure_state states[2] = {SECURE_HANDSHAKING, SECURE_HANDSHAKING};
    secure_output_init(&out);
    for (int i = 0; i < MOST_FLIGHTS; i++) {
        int side = i % 2;
        struct secure_input in = {.start = i == 0, .wire = buf_span(&wire[1 - side])};
        secure_session_step(ends[side], &in, now, &out);
        states[side] = out.state;
        buf_clear(&wire[1 - side]);
        buf_clear(&wire[side]);
        buf_append(&wire[side], buf_span(&out.wire));
        secure_output_clear(&out);
    }
    buf_fini(&wire[0]);
    buf_fini(&wire[1]);
    secure_output_fini(&out);
    return states[SIDE_INITIATOR] == SECURE_ESTABLISHED &&
           states[SIDE_RESPONDER] == SECURE_ESTABLISHED;
}

bool undisturbed_facts(const struct hop *hop, struct secure_facts *ret)
{
    struct net *net = hop->world->net;
    struct secure_session *ends[2];
    sim_time now = net_now(net);
    for (int side = 0; side < 2; side++) {
        const struct entity *peer = side == SIDE_INITIATOR ? hop->server : hop->client;
        uint32_t address = net_node_address(net, peer->net_node);
        uint8_t psk[HOP_PSK_BYTES];
        struct secure_session_params params;
        channel_session_params(hop, side, 0, psk, &params);
        params.peer_address = span_of(&address, sizeof(address));
        int r = secure_session_open(hop->secure, &params, now, &ends[side]);
        CHECK(r == 0);
    }
    bool agreed = shake_hands(ends, now);
    secure_session_facts(ends[SIDE_INITIATOR], ret);
    secure_session_free(ends[SIDE_INITIATOR]);
    secure_session_free(ends[SIDE_RESPONDER]);
    return agreed;
}
