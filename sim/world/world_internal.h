/* What the files of sim/world share: the world's structures. Nobody else includes this.
 *
 * A *wire* is a link of the network. A *hop* joins a client entity and its peer over one wire, over
 * several with routers between, or inside a device. A *channel* is one secure session over a hop
 * that has any, with its two *ends*; a hop has at most one live channel at a time per end. */
#ifndef SIM_WORLD_WORLD_INTERNAL_H
#define SIM_WORLD_WORLD_INTERNAL_H

#include <pthread.h>
#include <stdio.h>

#include "sim/core/map.h"
#include "sim/net/net.h"
#include "sim/record/pcap.h"
#include "sim/secure/secure_session.h"
#include "sim/world/entity.h"
#include "sim/world/framing.h"
#include "sim/world/seen.h"
#include "sim/world/small_jobs.h"
#include "sim/world/tables.h"
#include "sim/world/watch.h"
#include "sim/world/world.h"

/* Of the channels of a hop: their numbers begin here where no client stands behind them. */
#define FIRST_STRAY UINT32_C(0x80000000)

enum { SIDE_INITIATOR, SIDE_RESPONDER };
enum { HOP_PSK_BYTES = 32 };

struct hop;
struct channel;
struct flow;
struct battery;
struct attacker;
struct injection;
struct trial;
struct identity_probe;
struct forgery;
struct inside;
struct path_leg;
struct half_open;
struct stranger;

/* --- messages
 * ------------------------------------------------------------------------------------- */

/* One message from origin to target. Written to table `message` when its fate is known. */
struct message {
    uint64_t id;
    struct message_info info;
    struct flow *flow; /* or NULL */
    sim_time sent_at;
    sim_time delivered_at;
    const char *outcome; /* NULL while under way */
    const char *reason;
    uint32_t carries; /* all hops */
    uint32_t hops;    /* without those inside a device */
    uint32_t protected_hops;
    size_t plain_bytes;
    struct forgery *forgery;     /* an attacker's, or NULL */
    struct buf secret;           /* sealed inside it: looked for on its links */
    struct message *next, *prev; /* of all under way, in order of sending */
};

/* What came of a message as 0-RTT data. */
enum early { EARLY_NOT, EARLY_OFFERED, EARLY_ACCEPTED, EARLY_REJECTED };

/* One message over one hop. Lives from entity_send() until it arrived or was given up. */
struct carry {
    struct message *message;
    uint32_t hop_number;
    entity_id sender, receiver;
    struct hop *hop;
    uint64_t session_id;
    bool protected;
    bool watched;
    enum exemption exemption;
    enum early early;
    uint8_t encoding;
    sim_time queued_at, sent_at, received_at;
    size_t plain_bytes, wire_bytes;
    uint64_t stream_at; /* where its record begins in the stream of its end */
    uint64_t frames[2]; /* of the capture of its first link: the first and the last; 0: none */
    bool overheard;     /* an eavesdropper read it whole */
    uint64_t sent_hash, received_hash;
    struct buf frame; /* framing and message, until written, and as 0-RTT data until answered */
    uint64_t tag;     /* of a datagram; in a session over datagrams the first of `tag_count` */
    uint32_t tag_count;
    uint64_t datagram_hash; /* of the first of them */
    sim_time held_until;    /* by an attacker, or 0 */
    struct carry *next;
};

/* First in, first out. */
struct carry_queue {
    struct carry *first;
    struct carry *last;
    size_t count;
};

void carry_push(struct carry_queue *q, struct carry *c);
struct carry *carry_pop(struct carry_queue *q);
/* Takes `c` out of the middle. */
void carry_remove(struct carry_queue *q, struct carry *c);
/* The first in the queue that carries just this message was read on the link. */
void carry_overheard(struct carry_queue *q, struct span message);

/* --- hops and channels
 * ---------------------------------------------------------------------------- */

struct wire {
    struct world *world;
    uint32_t number; /* of the scenario */
    const struct scenario_wire *wire;
    net_link link;
    struct hop *hop; /* the only one that uses it; NULL: a wire behind a router, which many share */
    struct pcap *pcap;
    uint64_t wire_hash;
    uint64_t captured; /* packets, in the order of a capture */
    uint64_t watched_bytes;
    uint64_t trace_changes;
    uint32_t tap;
    uint32_t down_faults;         /* faults that hold the link down */
    bool out_of_reach;            /* an end is absent or too far away */
    struct battery *batteries[2]; /* of the devices at ends a and b, or NULL */
};

struct hop {
    struct world *world;
    uint32_t number; /* edge of the scenario */
    const struct scenario_edge *edge;
    const struct scenario_policy *policy; /* NULL: bridges and inside a device */
    struct entity *client;
    struct entity *server;
    struct secure_policy *secure;
    bool has_datagrams;         /* its sessions go over datagrams */
    uint32_t mtu;               /* the least on its way: largest IP packet */
    uint64_t datagrams_sent[2]; /* by its sessions, by the side that sent */
    struct inside *inside;      /* of an internal hop */
    struct job foresight; /* the server's look at the client's certificate, before it is sent */
    sim_time foreseen_at;
    char *stream_names[2]; /* key the randomness of the client's and the server's session ends */
    uint8_t psk[HOP_PSK_BYTES];
    struct buf ticket;               /* the client's newest */
    struct carry_queue waiting;      /* of the client, for a session */
    struct carry_queue datagrams[2]; /* on their way, by direction: 0 from the client */
    struct channel *live[2];         /* channel that the client, the server uses now, or NULL */
    uint32_t channels;               /* opened so far */
    uint32_t strays;                 /* and those that the client knows nothing of */
    bool dropped;                    /* the last one broke after it was established */
    uint16_t fallback;     /* version that the client offers at most next time; 0: the policy's */
    struct trial *failing; /* of a downgrade: it failed; the next session tells what it won */
    uint32_t failures;     /* of its sessions, in a row: reconnect.c */
    sim_time open_from;    /* the client opens none before */
    net_timer reopening;   /* it waits for that */
    struct watch *watch;
};

/* A step of a session end: computed on any thread, visible at `start + cost`. */
struct step {
    struct job job;
    struct secure_session *session;
    struct buf wire;
    struct span *messages;
    size_t message_count;
    struct secure_input input;
    sim_time now;
    struct secure_output output;
    struct carry_queue carried;
    bool early;     /* these go as 0-RTT data, if the session can */
    sim_time least; /* cost that is known beforehand */
    sim_time cost;
    struct small_job small;
    enum { STEP_NOW, STEP_SUBMITTED, STEP_FORETOLD } way; /* how it is computed */
    struct end *end;
    struct step *next; /* waiting for a core */
};

/* One end of a channel. Its life: not begun -> (transport) connected -> session handshaking ->
 * established -> confirmed (messages may flow) -> dead (nothing more comes out of it) -> over
 * (transport and steps gone too). */
struct end {
    struct channel *channel;
    int side;
    struct entity *entity;
    struct secure_session *session; /* NULL until begun */
    struct net_stream *stream;      /* NULL before and after */
    bool begun;                  /* responder: accepted; initiator: the transport was asked for */
    bool connected;              /* the transport stood */
    struct step *step;           /* in flight, or NULL */
    struct buf received;         /* wire octets that wait for a step */
    bool received_end;           /* the transport ended */
    bool fed_end;                /* and the session was told */
    bool start;                  /* initiator: begin with the next step */
    bool confirm;                /* send the empty frame with the next step */
    bool answer;                 /* and the one that answers an empty frame */
    bool close_asked;            /* this end is closing in order */
    bool close_due;              /* close_notify goes with the next step that empties `outgoing` */
    bool close_transport;        /* when `unsent` is empty */
    struct carry_queue early;    /* initiator: to go with the ClientHello */
    struct carry_queue outgoing; /* to be sealed */
    struct carry_queue
        under_way;     /* written to the transport, not yet out of the session at the peer */
    struct buf unsent; /* sealed octets that the transport has not taken */
    struct buf plain;  /* out of the session, frames not complete yet */
    enum secure_state state;
    bool confirmed;         /* messages may flow from this end */
    bool up_told;           /* CHANNEL_UP was told to the entity */
    bool quiet;             /* the entity asked for the end: it is not told of it */
    bool deaf;              /* the peer has given the session up, and nobody could tell this end */
    bool half_open;         /* it has a place among its entity's handshakes: half_open.c */
    net_timer closing;      /* over TCP: gives up when nothing has moved since it was set */
    size_t closing_to_move; /* messages that had to, then */
    bool took_early;        /* responder: 0-RTT data came out of the session */
    bool dead;
    sim_time up_at;
    const char *failure; /* NULL: none; interned */
    sim_time cpu;
    uint64_t messages_sent, messages_received, wire_bytes;
    struct seen seen;                    /* of what it sent, on the link */
    uint64_t plain_sent, plain_received; /* digests over these messages, see channel_apply.c */
    uint64_t handshake_bytes, sent_since_update, key_updates;
    sim_time epoch_at; /* since when its sending keys are these; and what it sent under them */
    uint64_t epoch_messages, epoch_bytes;
    uint64_t signatures, verifications, agreements;
    uint64_t round_trips;
    uint64_t odd;         /* frames that came out of the session and were not sent so */
    uint64_t newest;      /* stream_at of the message sent last of those that arrived */
    uint64_t out_of_turn; /* messages that arrived behind one sent later */
    const char *alert;    /* the first fatal one that it sent, or NULL */
    sim_time alert_at;
    bool last_was_sent;       /* handshake direction, to count round trips */
    uint64_t retransmissions; /* segments of TCP, flights of a handshake over datagrams */
    /* over datagrams */
    net_timer deadline, confirm_timer, linger, lost_timer;
    bool expired;     /* the session asked for a step */
    bool unreachable; /* there is no way to the peer */
    sim_time confirm_after;
    uint64_t handshake_datagrams;
    uint64_t records_dropped; /* by the session, so far */
    /* large, and seldom looked at: last */
    struct secure_facts facts; /* read from the session when this end was done, and at its end */
};

struct channel {
    struct world *world;
    struct hop *hop;
    uint64_t id;
    uint32_t number;      /* of the hop's channels, from 1 */
    net_node reaches;     /* over datagrams: whom its client sends to, the server or a rogue */
    uint16_t client_port; /* of its stream, once it passed the tap; else 0 */
    const char *cause;
    struct end ends[2];
    sim_time started_at, established_at, ended_at;
    const char *failure;              /* the first of the two ends */
    struct trial *trials;             /* of attackers, in order */
    struct attack_flow *attack_flows; /* of the taps that see it */
    uint64_t early_message;           /* the first that went as 0-RTT data; 0: none */
    uint32_t early_hop_number;
    struct identity_probe *identity_probes;
    net_timer timeout;
    net_timer lifetime;
    struct stranger *stranger;   /* NULL: it is between the two entities of its hop */
    net_node peer;               /* of the responder, while that is half open */
    struct channel *next, *prev; /* of all live ones, in order of start */
};

/* --- entities
 * ------------------------------------------------------------------------------------- */

struct named_rng {
    const char *purpose;
    struct rng rng;
};

struct entity {
    struct world *world;
    entity_id id;
    const struct entity_type *type;
    const struct scenario_node *node;
    void *state;
    const struct cpu_profile *cpu;
    char urn[SECURE_URN_BYTES];
    net_node net_node;
    struct secure_identity
        *identities[5]; /* by enum secure_key_kind; NULL where no policy asks for it */
    bool planned[5];    /* an identity of that kind is to be issued */
    uint8_t ticket_key[80];
    uint8_t cookie_secret[32];
    struct secure_seen *seen; /* tickets that brought it 0-RTT data; NULL: no policy asks for it */
    bool takes_session_datagrams; /* its port for them is open */
    uint8_t subscriber_key[32];
    struct map hops;         /* entity_id of the neighbour -> struct hop * */
    struct named_rng **rngs; /* addresses stay, handlers keep them */
    size_t rng_count, rng_capacity;
    struct map random_counts; /* purpose -> how often octets were drawn for it */
    struct entity *processor; /* whose cores it computes on: its own, or its device's PNE's */
    uint32_t busy_cores;
    struct step *waiting_first, *waiting_last; /* for a core */
    sim_time silent_until;                     /* a fault: answers nothing before then */
    const char *refuse_reason;
    struct half_open *half_open; /* handshakes that it answers; NULL: none yet */
    struct path *path;           /* where it is, for itself; made when it first asks */
    struct battery *battery;     /* NULL: not modelled, or that of `processor` */
};

/* --- the world
 * ------------------------------------------------------------------------------------ */

struct urn {
    char text[SECURE_URN_BYTES];
};

struct world {
    const struct scenario *scenario;
    const struct world_models *models;
    struct world_options options;
    struct net *net;
    struct secure_env *env;
    struct secure_ca *ca;            /* of the scenario */
    struct revocation *revocation;   /* what that CA says of certificates; revocation.c */
    struct secure_ca *other_ca;      /* that nobody trusts; made when a node needs it */
    struct secure_policy **policies; /* by index in the scenario; made when a hop needs it */
    struct recorder *recorder;
    struct jobs *jobs;
    struct small_jobs *small_jobs; /* steps of established sessions */
    struct observer *observer;
    struct entity *entities;
    struct hop *hops;
    struct wire *wires;
    struct map by_address; /* IPv4 address of the client of a hop over routers -> struct hop * */
    struct map by_urn;     /* entities */
    struct map pn_by_urn, group_by_urn;
    struct urn *pn_urns, *group_urns;
    struct map messages;  /* id -> struct message * */
    struct map flows;     /* id -> struct flow * */
    struct map timers;    /* handle -> struct entity_alarm * */
    struct map datagrams; /* tag -> struct carry * */
    struct map copies;    /* tag of a session's datagram of which an attacker has another copy */
    struct message *first_message, *last_message;
    struct channel *first_channel, *last_channel;
    struct flow *first_flow, *last_flow;
    struct map tally_places; /* type, outcome, reason -> index in tallies */
    struct tally *tallies;
    size_t tally_count, tally_capacity;
    struct flow *current_flow; /* of what is being handled */
    uint64_t next_message, next_session, next_timer, next_tag, next_flow;
    struct world_stats stats;
    bool aborted, settled;
    /* from world_settle() on: a thread takes apart what the run was made of */
    bool dismantling;
    pthread_t dismantler;
    int captured; /* 0 or the error of capture_finish() */
    struct diag_list end_diags;
    FILE *key_log;
    bool key_log_failed;
    double started_wall;
    struct entity_alarm *alarms;
    struct performer *performers;
    struct fault_event *fault_events;
    struct attacker *attackers;
    size_t attacker_count;
    struct injection *injections; /* packets of attackers that are to be sent */
    struct motion *motions;
    struct trace_run *trace_runs;
    struct map interned; /* text -> index in names */
    char **names;
    size_t name_count, name_capacity;
};

/* world.c: a copy of `s` that lives as long as the world; NULL gives NULL. */
const char *world_intern(struct world *w, const char *s);

/* Files and what they offer to each other. */

/* observe.c: what is to be looked for on a hop, and what passed on a wire; looked through later,
 * and findings reported then. */
struct observer *observe_create(struct jobs *jobs);
void observe_free(struct observer *o);
/* `hop`: whose packet it is, or NULL; octets copied. */
void observe_packet(struct wire *wire, const struct hop *hop, const struct net_packet *packet,
                    size_t payload_offset);
/* As watch_secret(), watch_settle() and watch_public(). */
void observe_secret(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                    struct span message);
/* Octets that the datagram of a message carries sealed by themselves. */
void observe_inner(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                   struct span secret);
void observe_settled(const struct hop *hop, uint64_t message_id, uint32_t hop_number);
void observe_public(const struct hop *hop, struct span datagram);
/* All is looked through and reported. */
void observe_flush(struct observer *o);

/* build.c: nodes, links, identities, policies. Taken apart and dismantled, in this order, also
 * after a build that failed half-way. */
int world_build(struct world *w, struct diag_list *diags);
void world_take_apart(struct world *w); /* on any thread: all but OpenSSL's environment */
void world_dismantle(struct world *w);  /* then, on the thread that built it: the rest */

/* build_security.c: what sessions need */

/* Certificates are issued side by side: each is a job. */
struct issue {
    struct job job;
    struct world *world;
    struct entity *entity;
    const struct secure_ca *issuer;
    struct secure_identity_params params;
    struct diag_list diags;
    int result;
};

struct issues {
    struct issue *items;
    size_t count, capacity;
};

/* Makes policy `number` of the scenario ready, unless it is. */
int build_policy(struct world *w, uint32_t number, struct diag_list *diags);
/* Notes the certificate that an entity needs under a policy. */
int build_plan_identity(struct world *w, struct entity *e, const struct scenario_policy *policy,
                        struct issues *all, struct diag_list *diags);
/* Issues all that was noted. */
int build_issue(struct world *w, struct issues *all, struct diag_list *diags);

/* What a wire is like at the start. */
void wire_params(const struct scenario *s, const struct scenario_wire *wire,
                 struct net_link_params *ret);

/* battery.c: after motion_start(), before the entities start; what is left, at the end */
void battery_start(struct world *w);
void battery_settle(struct world *w);
void battery_free(struct world *w);
/* Its device answers nothing more. */
bool battery_is_empty(const struct entity *e);
/* A core of the device worked for `cost`. */
void battery_work(struct battery *b, sim_time cost);
/* A packet of `len` octets enters the link; one end at least has a battery. */
void battery_packet(const struct wire *wire, size_t len, int direction);

/* stores.c: every entity tells what it holds */
void stores_tell(struct world *w);

/* forge.c: whether an attacker at `e` forged the message that it sends over `hop`; `forged`: what
 * goes instead. */
bool forge_message(struct entity *e, const struct hop *hop, struct message *m, uint8_t encoding,
                   struct span payload, struct buf *forged);
/* The message's fate is known. */
void forge_settle(struct world *w, struct message *m);

/* script.c: workload and faults */
void script_start(struct world *w);
void script_free(struct world *w);

/* motion.c: wires whose ends move. Before the entities start. */
void motion_start(struct world *w);
void motion_free(struct world *w);
/* A fault `link-down` begins or ends: the link is up while no fault holds it down and its ends are
 * in reach. Returns whether it is up now. */
bool motion_fault(struct wire *wire, bool begins);

/* traces.c: links that change over time; before anything is sent */
void traces_start(struct world *w);
void traces_free(struct world *w);

/* account.c: messages and hops */
struct message *account_message(struct world *w, const struct message_info *info, size_t bytes);
struct carry *account_carry(struct hop *hop, struct message *m, entity_id sender,
                            enum exemption exempt, uint8_t encoding, struct span payload);
/* Hands an arrived message to the receiver's handler and accounts for what it says. `carry` may be
 * NULL: nobody sent it. */
void account_arrived(struct entity *to, struct carry *carry, entity_id from, uint8_t encoding,
                     struct span payload, bool in_session, const char *peer_urn);
/* The message got no further on this hop. Frees `carry`. */
void account_lost(struct world *w, struct carry *carry, const char *reason);
void account_lost_queue(struct world *w, struct carry_queue *q, const char *reason);
/* The run ended while these were on their hop. Frees them. */
void account_in_flight_queue(struct world *w, struct carry_queue *q);
/* Sends a carry by datagram or session, as its exemption says; takes it over. */
void account_go(struct hop *hop, struct entity *from, struct carry *carry);
/* All messages still under way end as in flight. */
void account_settle(struct world *w);

/* tally.c: one more message of `type` was "sent", or is over with that outcome and reason */
void tally_count(struct world *w, const char *type, const char *outcome, const char *reason,
                 size_t bytes);
void tally_settle(struct world *w); /* writes them; after account_settle() */
void tally_free(struct world *w);

/* flow.c: flows, and what messages count for them */

/* A message of `plain_bytes` is sent for flow `id` (0: the current one): holds the flow until
 * flow_message_over(). NULL: for none. */
struct flow *flow_take(struct world *w, uint64_t id, size_t plain_bytes);
uint64_t flow_id(const struct flow *f); /* 0 for NULL */
void flow_carried(struct flow *f, size_t wire_bytes);
void flow_message_over(struct world *w, struct flow *f, bool delivered, const char *reason);
/* A handler begins: for a message of flow `f` (or NULL); and returned. */
void flow_enter(struct world *w, struct flow *f);
void flow_leave(struct world *w);
/* All flows that are still open are written; after account_settle(). */
void flow_settle(struct world *w);

/* channel.c: sessions over a hop, their life and end */

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
/* The message with these octets that `from` has under way, taken off; NULL: none. */
struct carry *channel_take_arrived(struct end *from, uint8_t encoding, struct span message);
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
/* The job of a step, for small_jobs_create(). */
void step_run(void *step);
/* Tells what an event that comes soon will need (net.h). */
void step_look_ahead(struct net *net);

/* datagram.c: messages outside a session */
void datagram_send(struct hop *hop, struct entity *from, struct carry *carry);
void datagram_received(void *entity, net_node from, struct span payload);
void datagram_dropped(void *world, uint64_t tag, const char *reason);
void datagram_settle(struct world *w);

/* inside.c: hops inside a device */
struct inside *inside_create(struct hop *hop);
void inside_free(struct inside *in);
/* Takes `carry` over. */
void inside_send(struct hop *hop, struct entity *from, struct carry *carry);
void inside_connect(struct hop *hop);
void inside_disconnect(struct hop *hop, struct entity *from);
void inside_settle(struct world *w);

/* capture.c: taps, captures, key log, the search for plaintext */
int capture_start(struct world *w, struct diag_list *diags);
/* Where a packet is, as a number: link and place in its capture, of the next one to be captured. */
uint64_t capture_next(const struct wire *wire);
uint64_t capture_packet(uint64_t where);
uint32_t capture_link(uint64_t where);
void capture_key_log(struct world *w, struct span lines);
/* Whose packet it is that passes over the wire; NULL: nobody's. */
struct hop *capture_hop(const struct wire *wire, struct span packet);
/* A packet that was injected past the taps is captured and observed like others. */
void capture_injected(struct wire *wire, int direction, struct span packet);
/* Flushes and closes; -SIM_EIO when a file could not be written whole. */
int capture_finish(struct world *w, struct diag_list *diags);

/* evidence.c: a packet passed the tap of a wire, after it was captured; what is known of a message
 * when its fate on a hop is; at the end */
void evidence_packet(const struct wire *wire, struct hop *hop, struct span packet);
void evidence_message(const struct carry *c);
void evidence_capture(const struct wire *wire);

/* report.c: rows */
void report_row(struct world *w, const struct record_table *table,
                const struct record_value *values, size_t count);
#define PUT(w, table, ...)                                                                         \
    do {                                                                                           \
        const struct record_value row_[] = {__VA_ARGS__};                                          \
        report_row((w), &(table), row_, SIM_ARRAY_LEN(row_));                                      \
    } while (0)
struct flow_row {
    uint64_t id, parent;
    const char *kind, *subject;
    entity_id initiator;
    sim_time started_at, ended_at;
    const char *outcome, *reason;
    uint64_t messages;
    uint32_t interruptions;
    sim_time interruption;
    uint64_t plain_bytes, wire_bytes;
};
const char *flow_outcome_word(enum flow_outcome outcome);
void report_flow(struct world *w, const struct flow_row *f);
void report_entities(struct world *w);
void report_expects(struct world *w);
void report_links(struct world *w);
void report_message(struct world *w, const struct message *m);
void report_carry(struct world *w, const struct carry *c, const char *outcome, const char *reason);
void report_channel(struct world *w, const struct channel *c, const char *outcome);
/* `ended`: SIM_TIME_NEVER: the run did first */
void report_epoch(struct end *end, uint64_t number, sim_time began, sim_time ended);
void report_alert(struct end *end, const struct secure_event *event);
void report_handshake(struct end *end, const struct secure_event *event);
void report_finding(struct wire *wire, uint64_t packet, sim_time at,
                    const struct watch_finding *finding);
void report_transition(const struct entity *e, const struct fsm_table *table, const char *instance,
                       uint32_t from, uint32_t event, uint32_t to, bool allowed);
/* Reach of a wire as it is from now on; `placed`: both ends have a place. */
void report_battery(const struct entity *e, int percent, int64_t charge_uj, int64_t cpu_uj,
                    int64_t sent_uj, int64_t received_uj, int64_t idle_uj);
void report_motion(const struct wire *wire, const struct path_leg *a, const struct path_leg *b,
                   bool placed, sim_time now);
void report_event(struct world *w, const char *what, const struct entity *e, const char *subject,
                  const char *detail);

/* entity.c */
bool entity_is_silent(const struct entity *e);
void entity_timers_free(struct world *w);
struct hop *entity_hop(const struct entity *e, entity_id peer);

#endif
