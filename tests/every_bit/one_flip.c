#include "tests/every_bit/one_flip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/attackers/attackers.h"
#include "models/cpns/message.h"
#include "sim/cli/commands.h"
#include "sim/world/framing.h"
#include "sim/world/world.h"

#define SCENARIO "tests/every_bit/every_bit.yaml"

enum { ROUNDS = 2, MESSAGE_BYTES = 64 };
enum { FRAME_BYTES = FRAME_HEADER_BYTES };
enum { CHANGE_CIPHER_SPEC = 20, HANDSHAKE = 22, APPLICATION_DATA = 23 }; /* types of records */
/* What sealing adds: RFC 8446 5.2 (content type, tag), RFC 5288 (nonce, tag). */
enum { ADDED_13 = 1 + 16, ADDED_12 = 8 + 16 };
static const char *const sides[] = {"initiator", "responder"};

struct bench {
    struct scenario *scenario;
    struct scenario_attacker *attacker; /* in the scenario */
    struct flip_unit *units;
    size_t count, capacity;
    size_t header; /* octets of a record's */
    struct flip_outcome undisturbed;
};

/* --- the two nodes --------------------------------------------------------------------------- */

/* What the nodes of the run under way sent and got. */
static struct tally {
    uint32_t sent, right, wrong;
    sim_time last;
} tally;

static void expected(int side, uint32_t round, uint8_t out[MESSAGE_BYTES])
{
    for (size_t i = 0; i < MESSAGE_BYTES; i++) {
        out[i] = (uint8_t)(0x20 + (i * 7 + round * 31 + (size_t)side * 101) % 95);
    }
}

struct node {
    uint32_t sent, received;
};

static entity_id neighbour(const struct entity *e)
{
    struct neighbour n;
    CHECK(entity_neighbour(e, 0, &n));
    return n.id;
}

static void say(struct entity *e, struct node *n, int side)
{
    uint8_t bytes[MESSAGE_BYTES];
    expected(side, n->sent++, bytes);
    const struct message_info info = {.type = "Ping", .origin = entity_name(e, entity_self(e))};
    tally.sent++;
    entity_send(e, neighbour(e), EXEMPT_NOT, CPNS_XML, span_of(bytes, sizeof(bytes)), &info);
}

static void on_start(struct entity *e, void *state)
{
    struct neighbour n;
    CHECK(entity_neighbour(e, 0, &n));
    if (n.client) {
        say(e, state, 0);
    }
}

static enum disposition on_message(struct entity *e, void *state, const struct received *message)
{
    struct node *n = state;
    struct neighbour to;
    CHECK(entity_neighbour(e, 0, &to));
    int side = to.client ? 0 : 1;
    uint8_t wanted[MESSAGE_BYTES];
    expected(1 - side, n->received++, wanted);
    bool right = message->payload.len == sizeof(wanted) &&
                 memcmp(message->payload.data, wanted, sizeof(wanted)) == 0 &&
                 message->encoding == CPNS_XML;
    tally.right += right;
    tally.wrong += !right;
    tally.last = entity_now(e);
    if (n->sent < ROUNDS) {
        say(e, n, side);
    } else if (side == 0) {
        entity_disconnect(e, to.id, "done");
    }
    return MESSAGE_DELIVERED;
}

static void on_channel(struct entity *e, void *state, entity_id peer, enum channel_event event,
                       const char *reason)
{
    (void)e;
    (void)state;
    (void)peer;
    (void)event;
    (void)reason;
}

static void on_finish(struct entity *e, void *state)
{
    (void)e;
    (void)state;
}

static const struct entity_type node_type = {.name = "node",
                                             .role = ROLE_GATEWAY,
                                             .state_bytes = sizeof(struct node),
                                             .start = on_start,
                                             .message = on_message,
                                             .channel = on_channel,
                                             .finish = on_finish};

/* --- a run ----------------------------------------------------------------------------------- */

static void print_diags(const struct diag_list *diags)
{
    struct buf text = {0};
    diag_render(diags, false, &text);
    print_error("%.*s", (int)buf_len(&text), (const char *)buf_span(&text).data);
    buf_fini(&text);
}

typedef void read_fn(struct record_db *db, void *arg);

static void query(struct record_db *db, const char *sql, record_row_fn *row, void *arg)
{
    struct diag_list diags = {0};
    int r = record_db_query(db, sql, NULL, 0, row, arg, &diags);
    if (r < 0) {
        print_diags(&diags);
    }
    assert_int_equal(r, 0);
    diag_list_fini(&diags);
}

/* One run of the bench's scenario with `attacks` instead of the product's where given; `read` looks
 * at its record. */
static void run(const struct bench *b, const struct attack_ops *attacks, read_fn *read, void *arg)
{
    static const struct entity_type *const types[] = {
        [ROLE_PNE] = &node_type, [ROLE_GATEWAY] = &node_type, [ROLE_SERVER] = &node_type};
    struct world_models models = *cli_models();
    models.types = types;
    models.attacks = attacks != NULL ? attacks : models.attacks;
    const struct world_options options = {.database = ":memory:", .workers = 1};
    const volatile sig_atomic_t stop = 0;
    struct diag_list diags = {0};
    struct world *w;
    tally = (struct tally){.last = -1};
    int r = world_create(b->scenario, &models, &options, &w, &diags);
    if (r == 0) {
        r = world_run(w, &stop, NULL, NULL);
        struct record_db *db = world_settle(w);
        assert_non_null(db);
        read(db, arg);
        int end = world_finish(w, "ok", &diags);
        r = r < 0 ? r : end;
    }
    print_diags(&diags);
    assert_int_equal(r, 0);
    diag_list_fini(&diags);
}

/* --- what the record says -------------------------------------------------------------------- */

static void take_word(char to[FLIP_WORD_BYTES], const struct record_value *v)
{
    snprintf(to, FLIP_WORD_BYTES, "%s", v->kind == RECORD_IS_TEXT ? v->text : "");
}

static int64_t take_time(const struct record_value *v)
{
    return v->kind == RECORD_IS_INTEGER ? v->integer : -1;
}

static bool take_probe(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct flip_outcome *o = arg;
    take_word(o->verdict, &v[0]);
    take_word(o->detected_by, &v[1]);
    o->at_ns = v[2].integer;
    take_word(o->detail, &v[3]);
    return true;
}

static bool take_session(void *arg, size_t columns, const char *const *names,
                         const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct flip_outcome *o = arg;
    o->established_ns = take_time(&v[0]);
    o->ended_ns = take_time(&v[1]);
    take_word(o->outcome, &v[2]);
    o->retransmissions = (uint32_t)v[3].integer;
    o->altered = (uint32_t)v[4].integer;
    o->lost = (uint32_t)v[5].integer;
    return true;
}

static bool take_end(void *arg, size_t columns, const char *const *names,
                     const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct flip_outcome *o = arg;
    struct flip_end *e = &o->ends[v[0].integer];
    take_word(e->state, &v[1]);
    take_word(e->failure, &v[2]);
    e->up_ns = take_time(&v[3]);
    take_word(e->alert, &v[4]);
    e->alert_ns = take_time(&v[5]);
    e->notified = v[6].integer != 0;
    return true;
}

static const struct flip_outcome no_outcome = {.established_ns = -1, .ended_ns = -1, .last_ns = -1};

static void read_outcome(struct record_db *db, void *arg)
{
    struct flip_outcome *o = arg;
    query(db, "SELECT verdict, detected_by, at_ns, detail FROM probe WHERE kind = 'tamper'",
          take_probe, o);
    query(db,
          "SELECT established_ns, ended_ns, outcome, retransmissions,"
          " (SELECT count(*) FROM message_hop WHERE reason = 'altered' OR"
          "  (received_hash IS NOT NULL AND received_hash <> sent_hash)),"
          " (SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND reason <> 'altered')"
          " FROM session WHERE session_id = 1",
          take_session, o);
    query(db,
          "SELECT e.side = 'responder', e.state, e.failure, e.up_ns, a.name, a.at_ns, "
          "e.close_notify_received"
          " FROM session_end e LEFT JOIN alert a ON a.session_id = e.session_id AND a.side = e.side"
          " AND a.direction = 'sent' AND a.level = 'fatal' WHERE e.session_id = 1",
          take_end, o);
    o->sent = tally.sent;
    o->right = tally.right;
    o->wrong = tally.wrong;
    o->last_ns = tally.last;
}

/* --- the undisturbed run: which records there are -------------------------------------------- */

enum { UNITS_MOST = 128 };

/* Where collect_unit() puts what it is shown of one side. */
static struct {
    struct bench *bench;
    int side;
    uint32_t nth;
    uint8_t types[UNITS_MOST];  /* of the units' records */
    uint8_t firsts[UNITS_MOST]; /* octets of what is in them */
    bool sealed[UNITS_MOST];    /* DTLS: by the epoch in their header */
} collecting;

static void collect_unit(const struct scenario_attacker *conf, struct rng *rng,
                         const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    (void)plan; /* it passes */
    struct bench *b = collecting.bench;
    CHECK(b->count < UNITS_MOST && unit->bytes.len == unit->len);
    const uint8_t *at = unit->bytes.data;
    collecting.types[b->count] = unit->frame ? 0 : at[0];
    collecting.firsts[b->count] = unit->len > b->header ? at[b->header] : 0;
    collecting.sealed[b->count] =
        unit->dtls && (at[ATTACK_DTLS_SEQUENCE_AT] != 0 || at[ATTACK_DTLS_SEQUENCE_AT + 1] != 0);
    *MEM_PUSH(b->units, b->count, b->capacity) =
        (struct flip_unit){.side = collecting.side, .nth = ++collecting.nth, .len = unit->len};
}

/* The handshake messages that a side sent, from the record. */
struct sent {
    struct {
        char name[FLIP_WORD_BYTES];
        size_t bytes;
    } messages[UNITS_MOST];
    size_t count;
};

static bool take_sent(void *arg, size_t columns, const char *const *names,
                      const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct sent *s = &((struct sent *)arg)[v[0].integer];
    CHECK(s->count < UNITS_MOST);
    take_word(s->messages[s->count].name, &v[1]);
    s->messages[s->count++].bytes = (size_t)v[2].integer;
    return true;
}

static void read_sent(struct record_db *db, void *arg)
{
    query(db,
          "SELECT side = 'responder', name, bytes FROM handshake WHERE session_id = 1"
          " AND direction = 'sent' ORDER BY rowid",
          take_sent, arg);
}

static const char *name_of_content(size_t content)
{
    switch (content) {
    case 2:
        return "close_notify";
    case FRAME_BYTES:
        return "empty frame";
    default:
        CHECK(content == FRAME_BYTES + MESSAGE_BYTES);
        return "message";
    }
}

/* Says of each record of a side what it carries. A record carries one message. */
static void name_units(struct bench *b, int side, const struct sent *sent, size_t sealing)
{
    size_t next = 0;
    size_t added = 0;
    bool framed = false;
    for (size_t i = 0; i < b->count; i++) {
        struct flip_unit *u = &b->units[i];
        if (u->side != side) {
            continue;
        }
        const char *name;
        size_t content = u->len - (collecting.types[i] != 0 ? b->header + added : 0);
        const char *due = next < sent->count ? sent->messages[next].name : "";
        /* A KeyUpdate is as long as an empty frame, which is the first that an end seals. */
        bool due_now = strcmp(due, "KeyUpdate") != 0 || framed;
        if (collecting.types[i] == CHANGE_CIPHER_SPEC) {
            name = "ChangeCipherSpec";
            added = sealing;
        } else if (due_now && due[0] != '\0' && sent->messages[next].bytes == content) {
            name = due;
            next++;
            added = strcmp(name, "ServerHello") == 0 && sealing == ADDED_13 ? sealing : added;
        } else {
            name = name_of_content(content);
            framed = framed || content == FRAME_BYTES;
        }
        snprintf(u->name, sizeof(u->name), "%s", name);
    }
    CHECK(next == sent->count);
}

/* Over datagrams handshake messages may come twice, or in pieces: RFC 5246 7.4 and RFC 6347 4.2.2
 * have the numbers that say what they are. */
static void name_datagrams(struct bench *b)
{
    static const char *const names[] = {
        [1] = "ClientHello",         [2] = "ServerHello",      [3] = "HelloVerifyRequest",
        [4] = "NewSessionTicket",    [11] = "Certificate",     [12] = "ServerKeyExchange",
        [13] = "CertificateRequest", [14] = "ServerHelloDone", [15] = "CertificateVerify",
        [16] = "ClientKeyExchange",  [20] = "Finished"};
    for (size_t i = 0; i < b->count; i++) {
        struct flip_unit *u = &b->units[i];
        const char *name;
        if (collecting.types[i] == CHANGE_CIPHER_SPEC) {
            name = "ChangeCipherSpec";
        } else if (collecting.types[i] == HANDSHAKE) {
            uint8_t type = collecting.sealed[i] ? 20 : collecting.firsts[i];
            CHECK(type < SIM_ARRAY_LEN(names) && names[type] != NULL);
            name = names[type];
        } else {
            size_t piece = collecting.types[i] == APPLICATION_DATA ? 1 : 0; /* dtls_pieces.h */
            CHECK(collecting.sealed[i]);
            name = name_of_content(u->len - b->header - ADDED_12 - piece);
        }
        snprintf(u->name, sizeof(u->name), "%s", name);
    }
}

static void collect(struct bench *b, size_t sealing)
{
    struct attack_ops *ops = mem_calloc(attack_kind_count, sizeof(*ops));
    struct sent sent[2] = {0};
    struct flip_outcome *outcome = &b->undisturbed;
    *outcome = no_outcome;
    memcpy(ops, attack_kinds, attack_kind_count * sizeof(*ops));
    ops[b->attacker->kind] = (struct attack_ops){.ends = collect_unit};
    collecting.bench = b;
    b->attacker->nth = 0;
    b->attacker->probability = 1;
    for (int side = 0; side < 2; side++) {
        collecting.side = side;
        collecting.nth = 0;
        b->attacker->from = side == 0 ? FROM_INITIATOR : FROM_RESPONDER;
        run(b, ops, side == 0 ? read_sent : read_outcome, side == 0 ? (void *)sent : outcome);
        assert_int_equal(tally.right, 2 * ROUNDS);
    }
    free(ops);
    if (b->header == ATTACK_DTLS_HEADER_BYTES) {
        name_datagrams(b);
    } else {
        name_units(b, 0, &sent[0], sealing);
        name_units(b, 1, &sent[1], sealing);
    }
}

struct bench *bench_create(const char *policy)
{
    struct bench *b = mem_alloc(sizeof(*b));
    struct diag_list diags = {0};
    char *set = mem_printf("policy=%s", policy);
    const char *const sets[] = {set};
    const struct scenario_options options = {.sets = sets, .set_count = 1};
    int r = scenario_load(SCENARIO, &options, cli_vocabulary(), &b->scenario, &diags);
    print_diags(&diags);
    assert_int_equal(r, 0);
    diag_list_fini(&diags);
    free(set);
    assert_int_equal(b->scenario->attacker_count, 1);
    b->attacker = &b->scenario->attackers[0];
    b->header = strcmp(policy, "dtls12") == 0 ? ATTACK_DTLS_HEADER_BYTES : ATTACK_HEADER_BYTES;
    collect(b, strcmp(policy, "tls13") == 0 ? ADDED_13 : ADDED_12);
    return b;
}

void bench_free(struct bench *b)
{
    scenario_free(b->scenario);
    free(b->units);
    free(b);
}

bool bench_has_datagrams(const struct bench *b)
{
    return b->header == ATTACK_DTLS_HEADER_BYTES;
}

size_t bench_unit_count(const struct bench *b)
{
    return b->count;
}

const struct flip_unit *bench_unit(const struct bench *b, size_t number)
{
    CHECK(number < b->count);
    return &b->units[number];
}

const struct flip_outcome *bench_undisturbed(const struct bench *b)
{
    return &b->undisturbed;
}

/* --- one flip -------------------------------------------------------------------------------- */

void bench_words(const struct bench *b, const struct flip *flip, char *out, size_t len)
{
    const struct flip_unit *u = bench_unit(b, flip->unit);
    snprintf(out, len,
             "{records: any, from: %s, nth: %" PRIu32 ", part: record, bit: %zu, count: 1}",
             sides[u->side], u->nth, 8 * flip->octet + flip->bit);
}

void bench_run(struct bench *b, const struct flip *flip, struct flip_outcome *ret)
{
    const struct flip_unit *u = bench_unit(b, flip->unit);
    CHECK(flip->octet < u->len && flip->bit < 8);
    b->attacker->from = u->side == 0 ? FROM_INITIATOR : FROM_RESPONDER;
    b->attacker->nth = u->nth;
    b->attacker->part = PART_RECORD;
    b->attacker->bit = (uint32_t)(8 * flip->octet + flip->bit);
    *ret = no_outcome;
    run(b, NULL, read_outcome, ret);
    char wanted[FLIP_WORD_BYTES * 2];
    snprintf(wanted, sizeof(wanted), "bit %u of octet %zu flipped", flip->bit, flip->octet);
    assert_string_equal(ret->detail, wanted);
}
