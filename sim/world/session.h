/* Secure sessions over a hop: channels, their steps and keys, when the next one begins. Only files
 * of sim/world include this. */
#ifndef SIM_WORLD_SESSION_H
#define SIM_WORLD_SESSION_H

#include "sim/world/world_internal.h"

/* channel.c: sessions over a hop, their life and end */

/* `from` will send over the hop: fetches its end into the processor's cache (step 0), then what
 * this leads to (step 1, some time later). */
void channel_look_to_send(const struct hop *hop, const struct entity *from, int step);
/* Sends or queues; takes `carry` over. */
void channel_send(struct hop *hop, struct entity *from, struct carry *carry);
void channel_connect(struct hop *hop);
void channel_disconnect(struct hop *hop, struct entity *from, const char *reason);
bool channel_ready(const struct hop *hop, const struct entity *from);
void channel_settle(struct world *w);

/* channel_open.c: how they begin */

bool channel_accept(void *hop_server, struct net_stream *stream, net_node peer,
                    const struct net_stream_ops **ops, void **stream_arg);
/* A ClientHello arrived at the server: a session that the client has begun gets its other end. */
void channel_answer(struct hop *hop);
/* What session number `ordinal` of a hop is opened with at one side, by what the scenario says of
 * hop and node; what depends on the moment (ticket, version fallback, key log, the peer's address)
 * is left out. Borrows from the hop and `psk`, where the key is put. */
void channel_session_params(const struct hop *hop, int side, uint64_t ordinal,
                            uint8_t psk[HOP_PSK_BYTES], struct secure_session_params *ret);

/* channel_apply.c, called when a step's result is visible. */
void channel_apply(struct end *end, struct step *step);

/* fallback.c: versions that a client offers (policy key version_fallback) */
void fallback_offer(const struct hop *hop, struct secure_session_params *params);
/* The initiator's end is dead, and no session was established. */
void fallback_after(const struct end *end);

/* undisturbed.c: what both ends of a hop negotiate now when nobody interferes, tried out with
 * sessions of theirs that go over no link; false: they do not agree. Costs them nothing. */
bool undisturbed_facts(const struct hop *hop, struct secure_facts *ret);

/* downgrade.c: the run is over for those that failed and whose next session never came. */
void downgrade_settle(struct hop *hop);

/* reconnect.c: when the client of a hop opens its next session */

/* Its end of `c` is over. */
void reconnect_note(struct hop *hop, const struct channel *c);
/* Whether it has to wait; channel_connect() follows when that is over. */
bool reconnect_waits(struct hop *hop);
/* A network is back, or the peer: it need not wait. */
void reconnect_now(struct hop *hop);

/* channel_early.c: 0-RTT data */

/* Takes messages that wait for a session and may go with the ClientHello; `data`: what the session
 * is given of them. */
void channel_early_offer(struct end *end, struct buf *data);
/* They belong to the step that sends it. */
void channel_early_take(struct end *end, struct step *s);
/* The step is visible: what was not sent waits on. Before the step's messages are under way. */
void channel_early_sent(struct end *end, struct step *s);
/* The initiator is done: what was rejected is sent again. */
void channel_early_answered(struct end *end);
/* Octets came out of the session; while the end's state is still that before the step. */
void channel_early_arrived(struct end *end);
/* Where replies of `from` wait until the session is confirmed whose 0-RTT data it answers; NULL:
 * nowhere. */
struct end *channel_early_replier(const struct hop *hop, const struct entity *from);
/* Whether a handshake step of this end looks at tickets that were used before: computed in turn. */
bool channel_early_in_turn(const struct end *end);

/* channel_datagram.c: sessions over datagrams */
void channel_datagram_received(void *entity, net_node from, struct span payload);
bool channel_is_tag(uint64_t tag);
void channel_datagram_dropped(struct world *w, uint64_t tag, const char *reason);
/* What the attackers of a link say of a datagram: the message that has it under way, or NULL; */
struct carry *channel_carry_of(const struct world *w, uint64_t tag);
/* there is a copy more: when one is lost, the message is not; */
void channel_datagram_copied(struct world *w, uint64_t tag);
/* it is held back until then: only from then on may its message be given up. */
void channel_datagram_held(struct world *w, uint64_t tag, sim_time until);
/* Gives the messages of a step their tags and octets on the wire; before they are under way. */
void channel_tag_datagrams(struct end *end, struct step *s);
void channel_send_datagrams(struct end *end, const struct step *s);
/* With whom the end at `side` exchanges its datagrams. */
net_node channel_peer_node(const struct channel *c, int side);
/* The message with octets of this digest that `from` has under way, taken off; NULL: none. */
struct carry *channel_take_arrived(struct end *from, uint8_t encoding, uint64_t digest);
/* The session wants a step then, whatever arrives. */
void channel_set_deadline(struct end *end, sim_time at);
/* The empty frame is sent again until the peer's has come. */
void channel_await_confirmation(struct end *end);
/* close_notify was sent: the peer's is waited for, but not for ever. */
void channel_linger(struct end *end);
void channel_cancel_timers(struct end *end);

/* epoch.c: whether its sending keys are due for an update; they were updated; the session is over
 */
bool epoch_is_over(const struct end *end);
void epoch_next(struct end *end);
void epoch_settle(struct end *end);

/* step.c: a session end's steps on its device's processor */
void step_kick(struct end *end);
void step_abandon(struct end *end);
/* The session is as the step under way leaves it, though nobody sees that yet. */
void step_settle(struct end *end);
/* Tells what an event that comes soon will need (net.h). */
void step_look_ahead(struct net *net);

#endif
