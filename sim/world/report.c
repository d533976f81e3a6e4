/* Rows: each function writes one row of the table whose name it bears (tables.c tells the columns).
 */
#include "sim/world/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/observe.h"
#include "sim/world/path.h"

/* Text, or NULL where it is empty. */
static struct record_value text_or_null(const char *s)
{
    return s != NULL && s[0] != '\0' ? record_text(s) : record_null();
}

void report_row(struct world *w, const struct record_table *table,
                const struct record_value *values, size_t count)
{
    CHECK(count == table->column_count);
    if (w->recorder != NULL) {
        recorder_put(w->recorder, table, values);
    }
}

static const char *role_word(enum scenario_role role)
{
    switch (role) {
    case ROLE_PNE:
        return "pne";
    case ROLE_GATEWAY:
        return "gateway";
    case ROLE_SERVER:
        return "server";
    case ROLE_ROUTER:
        return "router";
    }
    return NULL;
}

static const char *exemption_word(enum exemption exempt)
{
    switch (exempt) {
    case EXEMPT_NOT:
        return NULL;
    case EXEMPT_SERVICE_GROUP:
        return "service_group";
    case EXEMPT_GROUP_KEY:
        return "group_key_extension";
    case EXEMPT_BEFORE_ESTABLISHMENT:
        return "before_establishment";
    case EXEMPT_BRIDGE:
        return "bridge";
    case EXEMPT_USER_PLANE:
        return "user_plane";
    }
    return NULL;
}

/* How the certificate of a node was made, with what is wrong with it on purpose. */
static void describe_credential(const struct scenario_credential *c, char out[160])
{
    static const char *const issuers[] = {
        [ISSUER_SCENARIO] = "scenario-ca", [ISSUER_OTHER] = "other-ca", [ISSUER_SELF] = "self"};
    snprintf(out, 160, "%s, valid %.0f s to %.0f s%s%s%s", issuers[c->issuer],
             (double)c->not_before / 1e9, (double)c->not_after / 1e9,
             c->identity != NULL ? ", identity of " : "", c->identity != NULL ? c->identity : "",
             c->wrong_psk ? ", wrong psk" : "");
}

void report_entities(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->node_count; i++) {
        const struct entity *e = &w->entities[i];
        const struct scenario_node *n = e->node;
        if (n->role == ROLE_ROUTER) {
            PUT(w, table_entity, record_int(e->id), record_text(n->id), record_text(n->entry),
                record_text(role_word(n->role)), record_null(), record_null(), record_null(),
                record_null(), record_null(), record_null(), record_null());
            continue;
        }
        char credential[160];
        describe_credential(&n->credential, credential);
        PUT(w, table_entity, record_int(e->id), record_text(n->id), record_text(n->entry),
            record_text(role_word(n->role)), record_text(e->urn),
            n->device != SCENARIO_NONE ? record_text(s->devices[n->device].name) : record_null(),
            record_text(e->cpu->name),
            n->peer != SCENARIO_NONE ? record_int(n->peer) : record_null(),
            n->policy != SCENARIO_NONE ? record_text(s->policies[n->policy].name) : record_null(),
            record_text(n->encoding),
            n->credential.present ? record_text(credential) : record_null());
    }
}

void report_expects(struct world *w)
{
    for (size_t i = 0; i < w->scenario->expect_count; i++) {
        const struct scenario_expect *x = &w->scenario->expects[i];
        PUT(w, table_expect, record_int((int64_t)i + 1), record_int(x->line),
            record_text(x->kind == EXPECT_CLAIM ? "claim" : "metric"), record_text(x->name),
            record_text(x->subject), x->has_min ? record_real(x->min) : record_null(),
            x->has_max ? record_real(x->max) : record_null());
    }
}

static void report_wire(struct world *w, const struct wire *wire)
{
    const struct scenario_wire *sw = wire->wire;
    const struct scenario_link *link = &w->scenario->links[sw->link];
    bool begins = wire->hop != NULL && wire->hop->edge->wire_count > 1;
    bool full = sw->fidelity == FIDELITY_FULL;
    bool bus = link->full == FULL_CSMA; /* heeds delay and rate */
    struct net_link_stats st;
    net_link_stats(w->net, wire->link, &st);
    char hash[17];
    snprintf(hash, sizeof(hash), "%016" PRIx64, wire->wire_hash);
    PUT(w, table_link, record_int(wire->number), record_text(sw->id), record_int(sw->a),
        record_int(sw->b), begins ? record_text(wire->hop->edge->id) : record_null(),
        begins ? record_int(wire->hop->edge->b) : record_null(),
        record_text(link->technology != NULL ? link->technology : link->name),
        record_text(scenario_fidelity_name(sw->fidelity)),
        full && !bus ? record_null() : record_int(sw->delay),
        full ? record_null() : record_int(link->jitter),
        full && !bus ? record_null() : record_int((int64_t)sw->rate_bps), record_int(sw->mtu_bytes),
        record_int((int64_t)st.packets[0]), record_int((int64_t)st.packets[1]),
        record_int((int64_t)st.bytes[0]), record_int((int64_t)st.bytes[1]),
        record_int((int64_t)(st.lost[0] + st.lost[1])),
        record_int((int64_t)(st.queue_dropped[0] + st.queue_dropped[1])),
        record_int((int64_t)(st.down_dropped[0] + st.down_dropped[1])),
        record_int((int64_t)(st.tap_dropped[0] + st.tap_dropped[1])),
        record_int((int64_t)wire->trace_changes), record_int((int64_t)wire->watched_bytes),
        record_text(hash));
}

void report_links(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->wire_count; i++) {
        report_wire(w, &w->wires[i]);
        evidence_capture(&w->wires[i]);
    }
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        for (size_t k = 1; k < e->wire_count; k++) {
            PUT(w, table_way, record_int(e->wires[0]), record_int((int64_t)k),
                record_int(e->wires[k]));
        }
    }
}

static bool sampled(const struct world *w, uint64_t message_id)
{
    switch (w->scenario->record_messages) {
    case MESSAGES_ALL:
        return true;
    case MESSAGES_SAMPLED:
        return message_id % w->scenario->record_sample == 0;
    case MESSAGES_NONE:
        return false;
    }
    return true;
}

void report_message(struct world *w, const struct message *m)
{
    if (!sampled(w, m->id)) {
        return;
    }
    PUT(w, table_message, record_int((int64_t)m->id), record_text(m->info.type),
        record_text(m->info.origin), record_text(m->info.target), record_text(m->info.pn),
        record_text(m->info.service_group), record_int((int64_t)m->info.transaction),
        m->info.status != 0 ? record_int(m->info.status) : record_null(),
        m->info.copy_of != 0 ? record_int((int64_t)m->info.copy_of) : record_null(),
        record_time(m->sent_at), record_time(m->delivered_at), record_text(m->outcome),
        record_text(m->reason), record_int(m->hops), record_int(m->protected_hops),
        record_int((int64_t)m->plain_bytes),
        m->flow != NULL ? record_int((int64_t)flow_id(m->flow)) : record_null());
    tally_recorded(w, m);
}

/* A digest as 16 hexadecimal digits: two for each hop of each message, too many for printf(). */
static void show_digest(uint64_t digest, char out[17])
{
    for (size_t i = 0; i < 16; i++) {
        out[i] = "0123456789abcdef"[digest >> (60 - 4 * i) & 0xf];
    }
    out[16] = '\0';
}

void report_carry(struct world *w, const struct carry *c, const char *outcome, const char *reason)
{
    if (!sampled(w, c->message->id)) {
        return;
    }
    evidence_message(c);
    char sent[17];
    char received[17];
    show_digest(c->sent_hash, sent);
    show_digest(c->received_hash, received);
    bool was_sent = c->sent_at != SIM_TIME_NEVER;
    static const char *const early_words[] = {
        [EARLY_OFFERED] = "offered", [EARLY_ACCEPTED] = "accepted", [EARLY_REJECTED] = "rejected"};
    PUT(w, table_message_hop, record_int((int64_t)c->message->id), record_int(c->hop_number),
        record_int(c->sender), record_int(c->receiver),
        c->hop->inside == NULL ? record_int(c->hop->first_wire) : record_null(),
        c->session_id != 0 ? record_int((int64_t)c->session_id) : record_null(),
        record_int(c->protected), record_text(early_words[c->early]),
        record_text(c->hop->inside == NULL ? exemption_word(c->exemption) : "internal"),
        record_text(c->encoding == 1 ? "xml" : "cbor"), record_time(c->queued_at),
        record_time(c->sent_at), record_time(c->received_at), record_text(outcome),
        record_text(reason), record_int((int64_t)c->plain_bytes),
        record_int((int64_t)c->wire_bytes), was_sent ? record_text(sent) : record_null(),
        c->received_at != SIM_TIME_NEVER ? record_text(received) : record_null(),
        record_int(c->watched), record_int(c->overheard));
}

const char *flow_outcome_word(enum flow_outcome outcome)
{
    switch (outcome) {
    case FLOW_DONE:
        return "done";
    case FLOW_REFUSED:
        return "refused";
    case FLOW_TIMEOUT:
        return "timeout";
    case FLOW_FAILED:
        return "failed";
    }
    return NULL;
}

void report_flow(struct world *w, const struct flow_row *f)
{
    PUT(w, table_flow, record_int((int64_t)f->id), record_text(f->kind), record_int(f->initiator),
        record_text(f->subject), f->parent != 0 ? record_int((int64_t)f->parent) : record_null(),
        record_time(f->started_at), record_time(f->ended_at), record_text(f->outcome),
        record_text(f->reason), record_int((int64_t)f->messages), record_int(f->interruptions),
        record_int(f->interruption), record_int((int64_t)f->plain_bytes),
        record_int((int64_t)f->wire_bytes));
}

static const char *side_word(int side)
{
    return side == SIDE_INITIATOR ? "initiator" : "responder";
}

static const char *state_word(enum secure_state state)
{
    switch (state) {
    case SECURE_HANDSHAKING:
        return "handshaking";
    case SECURE_ESTABLISHED:
        return "established";
    case SECURE_CLOSED:
        return "closed";
    case SECURE_FAILED:
        return "failed";
    }
    return NULL;
}

/* The head of a digest, or NULL: not known. */
static struct record_value head_or_null(uint64_t head)
{
    return head != 0 ? record_int((int64_t)head) : record_null();
}

static void report_end(struct world *w, const struct end *end)
{
    const struct secure_facts *f = &end->facts;
    bool has_records = end->channel->hop->policy->kind != KIND_CLEAR && !end->seen.gap;
    PUT(w, table_session_end, record_int((int64_t)end->channel->id),
        record_text(side_word(end->side)), record_int(end->entity->id), record_time(end->up_at),
        record_text(state_word(end->state)), text_or_null(f->version), text_or_null(f->cipher),
        text_or_null(f->peer_id), text_or_null(f->peer_auth), text_or_null(f->peer_signature),
        f->peer_certificate || f->verify_result != 0 ? record_int(f->verify_result) : record_null(),
        f->peer_certificate || f->verify_result != 0 ? text_or_null(f->verify_text) : record_null(),
        f->peer_certificate ? record_text(f->revocation) : record_null(), record_text(f->staple),
        record_time(f->staple_age),
        f->early_data != NULL && strcmp(f->early_data, "none") != 0 ? record_text(f->early_data)
                                                                    : record_null(),
        record_int((int64_t)f->early_bytes), record_int(f->close_notify_sent),
        record_int(f->close_notify_received), record_text(end->failure),
        record_int((int64_t)end->messages_sent), record_int((int64_t)end->messages_received),
        record_int((int64_t)end->wire_bytes), record_int((int64_t)end->signatures),
        record_int((int64_t)end->verifications), record_int((int64_t)end->agreements),
        record_int((int64_t)end->key_updates),
        end->channel->hop->has_datagrams ? record_int((int64_t)f->records_dropped) : record_null(),
        record_text(w->scenario->system_random ? "system" : "seeded"), text_or_null(f->kex_group),
        head_or_null(f->client_random), head_or_null(f->server_random), head_or_null(f->secret),
        head_or_null(f->own_certificate), head_or_null(f->peer_fingerprint),
        head_or_null(end->plain_sent), head_or_null(end->plain_received),
        head_or_null(f->records_sent), head_or_null(f->records_received),
        record_int((int64_t)end->seen.bytes),
        has_records ? record_int((int64_t)end->seen.records) : record_null());
}

void report_channel(struct world *w, const struct channel *c, const char *outcome)
{
    const struct end *a = &c->ends[SIDE_INITIATOR];
    const struct end *b = &c->ends[SIDE_RESPONDER];
    /* What was negotiated is told by an end that is done; each end's own view is in session_end. */
    const struct secure_facts *f = a->up_at != SIM_TIME_NEVER ? &a->facts : &b->facts;
    bool known = a->up_at != SIM_TIME_NEVER || b->up_at != SIM_TIME_NEVER;
    PUT(w, table_session, record_int((int64_t)c->id),
        record_text(scenario_hop_name(c->hop->edge->kind)), record_int(c->hop->edge->wires[0]),
        record_int(a->entity->id), record_int(b->entity->id), record_text(c->hop->policy->name),
        record_text(secure_kind_name(secure_policy_kind(c->hop->secure))), text_or_null(f->version),
        text_or_null(f->cipher), known ? record_int(f->cipher_bits) : record_null(),
        text_or_null(f->kex_group), known ? record_int(f->forward_secret) : record_null(),
        known ? record_int(f->extended_master_secret) : record_null(),
        text_or_null(b->facts.peer_auth), text_or_null(a->facts.peer_auth),
        known ? record_int(f->resumed) : record_null(), record_text(c->cause),
        record_time(c->started_at), record_time(a->up_at), record_time(b->up_at),
        record_time(c->established_at), record_time(c->ended_at), record_text(outcome),
        record_text(c->failure), record_int((int64_t)(a->handshake_bytes + b->handshake_bytes)),
        record_int((int64_t)a->round_trips),
        record_int((int64_t)(a->retransmissions + b->retransmissions)),
        c->hop->has_datagrams
            ? record_int((int64_t)(a->handshake_datagrams + b->handshake_datagrams))
            : record_null(),
        record_int(a->cpu), record_int(b->cpu));
    if (a->begun) {
        report_end(w, a);
    }
    if (b->begun) {
        report_end(w, b);
    }
}

void report_epoch(struct end *end, uint64_t number, sim_time began, sim_time ended)
{
    PUT(end->channel->world, table_session_epoch, record_int((int64_t)end->channel->id),
        record_text(side_word(end->side)), record_int((int64_t)number),
        record_text(number == 0 ? "handshake" : "key_update"), record_time(began),
        record_time(ended), record_int((int64_t)end->epoch_messages),
        record_int((int64_t)end->epoch_bytes));
}

void report_alert(struct end *end, const struct secure_event *event)
{
    struct world *w = end->channel->world;
    PUT(w, table_alert, record_int((int64_t)end->channel->id), record_text(side_word(end->side)),
        record_text(event->kind == SECURE_EVENT_ALERT_SENT ? "sent" : "received"),
        record_text(event->level == 2 ? "fatal" : "warning"), record_int(event->code),
        record_text(event->name), record_time(net_now(w->net)));
}

void report_handshake(struct end *end, const struct secure_event *event)
{
    struct world *w = end->channel->world;
    PUT(w, table_handshake, record_int((int64_t)end->channel->id),
        record_text(side_word(end->side)),
        record_text(event->kind == SECURE_EVENT_HANDSHAKE_SENT ? "sent" : "received"),
        record_text(event->name), record_int((int64_t)event->bytes), record_time(net_now(w->net)));
}

void report_finding(struct wire *wire, uint64_t packet, sim_time at,
                    const struct watch_finding *finding)
{
    PUT(wire->world, table_wire_finding, record_int(wire->number), record_int((int64_t)packet),
        record_time(at), record_int((int64_t)finding->message_id), record_int(finding->hop_number),
        record_int((int64_t)finding->packet_offset), record_int((int64_t)finding->message_offset),
        record_int((int64_t)finding->bytes));
}

void report_event(struct world *w, const char *what, const struct entity *e, const char *subject,
                  const char *detail)
{
    PUT(w, table_event, record_time(net_now(w->net)), record_text(what),
        e != NULL ? record_int(e->id) : record_null(), record_text(subject), record_text(detail));
}

void report_motion(const struct wire *wire, const struct path_leg *a, const struct path_leg *b,
                   bool placed, sim_time now)
{
    static const char *const absent[] = {NULL, "a", "b", "both"};
    double p[3] = {0};
    double q[3] = {0};
    path_place(a, now, p);
    path_place(b, now, q);
    const struct scenario_node *nodes = wire->world->scenario->nodes;
    bool has_a = nodes[wire->wire->a].placed;
    bool has_b = nodes[wire->wire->b].placed;
    PUT(wire->world, table_motion, record_int(now), record_int(wire->number),
        record_int(!wire->out_of_reach), record_text(absent[!a->present + 2 * !b->present]),
        placed ? record_real(path_distance(a, b, now)) : record_null(),
        has_a ? record_real(p[0]) : record_null(), has_a ? record_real(p[1]) : record_null(),
        has_a ? record_real(p[2]) : record_null(), has_b ? record_real(q[0]) : record_null(),
        has_b ? record_real(q[1]) : record_null(), has_b ? record_real(q[2]) : record_null());
}

void report_battery(const struct entity *e, int percent, int64_t charge_uj, int64_t cpu_uj,
                    int64_t sent_uj, int64_t received_uj, int64_t idle_uj)
{
    PUT(e->world, table_battery, record_time(net_now(e->world->net)), record_int(e->id),
        record_int(percent), record_int(charge_uj), record_int(cpu_uj), record_int(sent_uj),
        record_int(received_uj), record_int(idle_uj));
}

void report_transition(const struct entity *e, const struct fsm_table *table, const char *instance,
                       uint32_t from, uint32_t event, uint32_t to, bool allowed)
{
    struct world *w = e->world;
    PUT(w, table_transition, record_time(net_now(w->net)), record_int(e->id),
        record_text(table->name), text_or_null(instance), record_text(fsm_state_name(table, from)),
        record_text(fsm_event_name(table, event)), record_text(fsm_state_name(table, to)),
        record_int(allowed));
}
