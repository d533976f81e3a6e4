/* What the files of sim/world share: the world's structures, and what few lines are enough for.
 * Messages are in account.h, sessions in session.h, what is seen on links in observe.h, rows in
 * report.h, attackers in attack.h, making of the world in build.h. Nobody else includes these.
 *
 * A *wire* is a link of the network. A *hop* joins a client entity and its peer over one wire, over
 * several with routers between, or inside a device. A *channel* is one secure session over a hop
 * that has any, with its two *ends*; a hop has at most one live channel at a time per end. */
#ifndef SIM_WORLD_WORLD_INTERNAL_H
#define SIM_WORLD_WORLD_INTERNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/core/map.h"
#include "sim/core/pool.h"
#include "sim/net/net.h"
#include "sim/record/pcap.h"
#include "sim/secure/secure_session.h"
#include "sim/world/entity.h"
#include "sim/world/framing.h"
#include "sim/world/jobs.h"
#include "sim/world/seen.h"
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

/* --- hops and channels
 * ---------------------------------------------------------------------------- */

struct wire {
    struct world *world;
    struct hop *hop; /* the only one that uses it; NULL: a wire behind a router, which many share */
    struct pcap *pcap;
    uint64_t captured;            /* packets, in the order of a capture */
    struct battery *batteries[2]; /* of the devices at ends a and b, or NULL */
    uint32_t number;              /* of the scenario */
    net_link link;
    uint64_t wire_hash;
    uint64_t watched_bytes;
    const struct scenario_wire *wire;
    uint64_t trace_changes;
    uint32_t tap;
    uint32_t down_faults; /* faults that hold the link down */
    bool out_of_reach;    /* an end is absent or too far away */
};

struct hop {
    /* what every message touches */
    struct world *world;
    struct entity *client;
    struct entity *server;
    const struct scenario_policy *policy; /* NULL: bridges and inside a device */
    struct channel *live[2]; /* channel that the client, the server uses now, or NULL */
    struct inside *inside;   /* of an internal hop */
    uint32_t number;         /* edge of the scenario */
    uint32_t first_wire;     /* of the scenario; without meaning inside a device */
    struct watch *watch;
    struct carry_queue waiting; /* of the client, for a session */
    const struct scenario_edge *edge;
    enum scenario_hop_kind kind;
    bool has_datagrams; /* its sessions go over datagrams */
    bool dropped;       /* the last one broke after it was established */
    uint16_t fallback;  /* version that the client offers at most next time; 0: the policy's */
    uint32_t mtu;       /* the least on its way: largest IP packet */
    struct secure_policy *secure;
    uint64_t datagrams_sent[2]; /* by its sessions, by the side that sent */
    struct job foresight; /* the server's look at the client's certificate, before it is sent */
    sim_time foreseen_at;
    char *stream_names[2]; /* key the randomness of the client's and the server's session ends */
    uint8_t psk[HOP_PSK_BYTES];      /* where the policy asks for one */
    struct buf ticket;               /* the client's newest */
    struct carry_queue datagrams[2]; /* on their way, by direction: 0 from the client */
    uint32_t channels;               /* opened so far */
    uint32_t strays;                 /* and those that the client knows nothing of */
    struct trial *failing; /* of a downgrade: it failed; the next session tells what it won */
    uint32_t failures;     /* of its sessions, in a row: reconnect.c */
    sim_time open_from;    /* the client opens none before */
    net_timer reopening;   /* it waits for that */
};

/* A step of a session end: computed on any thread, visible at `start + cost`. */
struct step {
    struct job job;
    struct secure_session *session;
    struct buf wire;
    struct span *messages; /* `few`, or memory of its own */
    size_t message_count;
    struct secure_input input;
    sim_time now;
    struct secure_output output;
    struct carry_queue carried;
    bool early; /* these go as 0-RTT data, if the session can */
    bool computed;
    sim_time least; /* cost that is known beforehand */
    sim_time cost;
    enum { STEP_NOW, STEP_SUBMITTED, STEP_FORETOLD } way; /* how it is computed */
    struct end *end;
    struct step *next; /* waiting for a core */
    struct span few[2];
};

/* One end of a channel. Its life: not begun -> (transport) connected -> session handshaking ->
 * established -> confirmed (messages may flow) -> dead (nothing more comes out of it) -> over
 * (transport and steps gone too). */
#define END_HOT_BYTES offsetof(struct end, up_at)
struct end {
    /* what every message touches: a few lines of the cache */
    struct channel *channel;
    struct entity *entity;
    struct secure_session *session; /* NULL until begun */
    struct net_stream *stream;      /* NULL before and after */
    struct step *step;              /* in flight, or NULL */
    int side;
    enum secure_state state;
    bool dead;
    bool start;           /* initiator: begin with the next step */
    bool expired;         /* the session asked for a step */
    bool received_end;    /* the transport ended */
    bool fed_end;         /* and the session was told */
    bool confirm;         /* send the empty frame with the next step */
    bool answer;          /* and the one that answers an empty frame */
    bool confirmed;       /* messages may flow from this end */
    bool close_asked;     /* this end is closing in order */
    bool close_due;       /* close_notify goes with the next step that empties `outgoing` */
    bool close_transport; /* when `unsent` is empty */
    bool deaf;            /* the peer has given the session up, and nobody could tell this end */
    bool hides;           /* what its session agreed on keeps secrets and integrity */
    bool took_early;      /* responder: 0-RTT data came out of the session */
    bool up_told;         /* CHANNEL_UP was told to the entity */
    bool begun;           /* responder: accepted; initiator: the transport was asked for */
    struct buf received;  /* wire octets that wait for a step */
    struct carry_queue outgoing; /* to be sealed */
    uint64_t wire_bytes;
    struct carry_queue
        under_way;     /* written to the transport, not yet out of the session at the peer */
    struct buf unsent; /* sealed octets that the transport has not taken */
    uint64_t messages_sent;
    struct buf plain; /* out of the session, frames not complete yet */
    uint64_t messages_received;
    uint64_t newest;      /* stream_at of the message sent last of those that arrived */
    uint64_t out_of_turn; /* messages that arrived behind one sent later */
    uint64_t plain_received, plain_sent; /* digests over these messages, see channel_apply.c */
    sim_time cpu;
    uint64_t sent_since_update;
    uint64_t epoch_messages, epoch_bytes; /* what it sent under its sending keys */
    net_timer deadline;                   /* over datagrams */
    uint64_t records_dropped;             /* by the session, so far */
    struct seen seen;                     /* of what it sent, on the link */
    /* the rest */
    sim_time up_at;
    sim_time epoch_at;        /* since when its sending keys are these */
    struct carry_queue early; /* initiator: to go with the ClientHello */
    bool connected;           /* the transport stood */
    bool quiet;               /* the entity asked for the end: it is not told of it */
    bool half_open;           /* it has a place among its entity's handshakes: half_open.c */
    bool last_was_sent;       /* handshake direction, to count round trips */
    bool unreachable;         /* there is no way to the peer */
    net_timer closing;        /* over TCP: gives up when nothing has moved since it was set */
    size_t closing_to_move;   /* messages that had to, then */
    const char *failure;      /* NULL: none; interned */
    uint64_t handshake_bytes, key_updates;
    uint64_t signatures, verifications, agreements;
    uint64_t round_trips;
    uint64_t odd;      /* frames that came out of the session and were not sent so */
    const char *alert; /* the first fatal one that it sent, or NULL */
    sim_time alert_at;
    uint64_t retransmissions; /* segments of TCP, flights of a handshake over datagrams */
    /* over datagrams */
    net_timer confirm_timer, linger, lost_timer;
    sim_time confirm_after;
    uint64_t handshake_datagrams;
    /* large, and seldom looked at: last */
    struct secure_facts facts; /* read from the session when this end was done, and at its end */
};

struct channel {
    struct world *world;
    struct hop *hop;
    uint64_t id;
    sim_time established_at;
    struct stranger *stranger;        /* NULL: it is between the two entities of its hop */
    struct trial *trials;             /* of attackers, in order */
    struct attack_flow *attack_flows; /* of the taps that see it */
    uint16_t client_port;             /* of its stream, once it passed the tap; else 0 */
    uint32_t number;                  /* of the hop's channels, from 1 */
    struct end ends[2];
    net_node reaches; /* over datagrams: whom its client sends to, the server or a rogue */
    net_node peer;    /* of the responder, while that is half open */
    const char *cause;
    sim_time started_at, ended_at;
    const char *failure;    /* the first of the two ends */
    uint64_t early_message; /* the first that went as 0-RTT data; 0: none */
    uint32_t early_hop_number;
    struct replay *copied; /* copies of its first flight that went ahead of it, newest first */
    struct replay *ahead;  /* its initiator is such a copy; or NULL */
    struct identity_probe *identity_probes;
    net_timer timeout;
    net_timer lifetime;
    struct channel *next, *prev; /* of all live ones, in order of start */
};

/* --- entities
 * ------------------------------------------------------------------------------------- */

struct named_rng {
    const char *purpose;
    struct rng rng;
};

struct entity {
    /* what every message touches */
    struct world *world;
    const struct entity_type *type;
    const struct scenario_node *node;
    void *state;
    const struct cpu_profile *cpu;
    struct entity *processor; /* whose cores it computes on: its own, or its device's PNE's */
    entity_id id;
    uint32_t busy_cores;
    sim_time silent_until;                     /* a fault: answers nothing before then */
    struct step *waiting_first, *waiting_last; /* for a core */
    struct battery *battery;                   /* NULL: not modelled, or that of `processor` */
    const char *refuse_reason;
    struct map hops; /* entity_id of the neighbour -> struct hop * */
    char urn[SECURE_URN_BYTES];
    net_node net_node;
    struct named_rng **rngs; /* addresses stay, handlers keep them */
    size_t rng_count, rng_capacity;
    struct map random_counts; /* purpose -> how often octets were drawn for it */
    struct secure_identity
        *identities[5];           /* by enum secure_key_kind; NULL where no policy asks for it */
    bool planned[5];              /* an identity of that kind is to be issued */
    bool takes_session_datagrams; /* its port for them is open */
    bool responds;                /* some hop's sessions; has the next two then */
    uint8_t ticket_key[80];
    uint8_t cookie_secret[32];
    uint8_t subscriber_key[32];
    struct secure_seen *seen; /* tickets that brought it 0-RTT data; NULL: no policy asks for it */
    struct half_open *half_open; /* handshakes that it answers; NULL: none yet */
    struct path *path;           /* where it is, for itself; made when it first asks */
};

/* --- the world
 * ------------------------------------------------------------------------------------ */

struct urn {
    char text[SECURE_URN_BYTES];
};

/* Whose URNs are which. A message names few, and each of them is asked for several times. */
enum { URNS_RECENT = 8 };
struct urn_index {
    struct map numbers; /* URN -> number */
    struct known_urn {
        char text[SECURE_URN_BYTES];
        uint32_t number;
    } recent[URNS_RECENT]; /* found last, in turn */
    uint64_t found;        /* how many were */
};

/* Where messages of that type and outcome, without a reason, were counted last. */
struct tally_hint {
    const char *type, *outcome; /* static storage: known by their addresses */
    size_t place;
};
enum { TALLY_HINTS = 256 };

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
    struct observer *observer;
    struct entity *entities;
    struct hop *hops;
    struct wire *wires;
    struct map by_address;   /* IPv4 address of the client of a hop over routers -> struct hop * */
    struct urn_index by_urn; /* entities */
    struct urn_index pn_by_urn, group_by_urn;
    struct urn *pn_urns, *group_urns;
    struct map messages;  /* id -> struct message * */
    struct map flows;     /* id -> struct flow * */
    struct map datagrams; /* tag -> struct carry * */
    struct map copies;    /* tag of a session's datagram of which an attacker has another copy */
    /* what comes and goes with each message */
    struct pool message_pool, carry_pool, step_pool, flow_pool, alarm_pool;
    struct message *first_message, *last_message;
    struct channel *first_channel, *last_channel;
    struct flow *first_flow, *last_flow;
    struct map tally_places; /* type, outcome, reason -> index in tallies */
    struct tally *tallies;
    size_t tally_count, tally_capacity;
    struct tally_hint tally_hints[TALLY_HINTS];
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
    struct entity_alarm **alarms; /* by the low half of their handles; NULL: free */
    size_t alarm_count, alarm_capacity;
    uint32_t *free_alarms; /* places in it */
    size_t free_alarm_count, free_alarm_capacity;
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

/* --- the rest, by file
 * ------------------------------------------------------------------------------------ */

/* world.c: a copy of `s` that lives as long as the world; NULL gives NULL. */
const char *world_intern(struct world *w, const char *s);

/* entity.c */
bool entity_is_silent(const struct entity *e);
void entity_timers_free(struct world *w);
struct hop *entity_hop(const struct entity *e, entity_id peer);

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

/* stores.c: every entity tells what it holds */
void stores_tell(struct world *w);

#endif
