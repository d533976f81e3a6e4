/* A session end's steps: what arrived and what is to be sent becomes one job; the device's
 * processor decides when its result is visible.
 *
 * A step's inputs are a snapshot, so that it may be computed by any thread from the moment of its
 * submission. Its cost is known afterwards only, but the session can tell what it will do at least:
 * the event loop runs on, looks for the result when that much time has passed, and makes it visible
 * at start + cost. (A step that fails early keeps its processor for the least time, too.) Of an
 * established session it can tell exactly what most steps will do, where nobody changes what
 * passes: these need no event of their own, and are computed when the result is due, what they need
 * having been fetched into the cache meanwhile. (To hand them to another processor and to take back
 * what became of them costs as much as to compute them.) The rest is computed at once. Which of the
 * three a step is depends on the session and its input alone, so the order of events never depends
 * on workers. */
#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/session.h"

enum { MESSAGES_PER_STEP = 64, FETCHED_STATE_BYTES = 256 };

static void step_run(void *arg)
{
    struct step *s = arg;
    int r = secure_session_step(s->session, &s->input, s->now, &s->output);
    CHECK(r == 0);
    s->computed = true;
}

static void free_step(struct world *w, struct step *s)
{
    secure_output_fini(&s->output);
    buf_fini(&s->wire);
    if (s->messages != s->few) {
        free(s->messages);
    }
    pool_put(&w->step_pool, s);
}

/* The complete frames in `bytes`, each of which costs the device its decoding. */
static int64_t count_frames(struct span bytes)
{
    int64_t count = 0;
    uint8_t encoding;
    struct span message;
    while (frame_take(&bytes, &encoding, &message) == 1) {
        count++;
    }
    return count;
}

static void price(struct step *s)
{
    const struct cpu_profile *cpu = s->end->entity->cpu;
    buf_move(&s->end->plain, &s->output.plain);
    bool sealed = !s->early || s->output.early_bytes > 0;
    int64_t messages =
        (sealed ? (int64_t)s->message_count : 0) + count_frames(buf_span(&s->end->plain));
    s->cost = cpu_cost(cpu, &s->output.ops) + messages * cpu->message_ns;
}

static void start(struct step *s);

static void visible(void *arg)
{
    struct step *s = arg;
    struct end *end = s->end;
    struct world *w = end->channel->world;
    struct entity *e = end->entity->processor;
    struct step *next = e->waiting_first;
    e->busy_cores--;
    if (next != NULL) {
        e->waiting_first = next->next;
        if (e->waiting_first == NULL) {
            e->waiting_last = NULL;
        }
        start(next);
    }
    end->step = NULL;
    end->cpu += s->cost;
    if (e->battery != NULL) {
        battery_work(e->battery, s->cost);
    }
    channel_apply(end, s); /* the channel may be over with it */
    free_step(w, s);
}

/* Returns when the step is computed. */
static void finish(struct step *s)
{
    if (s->way == STEP_SUBMITTED) {
        jobs_wait(s->end->channel->world->jobs, &s->job);
    } else if (!s->computed) {
        step_run(s);
    }
}

static void harvest(void *arg)
{
    struct step *s = arg;
    struct world *w = s->end->channel->world;
    bool foretold = s->way == STEP_FORETOLD;
    finish(s);
    price(s);
    sim_time rest = s->cost - s->least;
    if (foretold && rest <= 0) {
        visible(s);
    } else {
        net_timer_set(w->net, net_now(w->net) + (rest > 0 ? rest : 0), visible, s);
    }
}

/* The step has a core from now on. */
static void start(struct step *s)
{
    struct world *w = s->end->channel->world;
    struct entity *e = s->end->entity->processor;
    e->busy_cores++;
    if (s->way != STEP_NOW) {
        net_timer_set(w->net, net_now(w->net) + s->least, harvest, s);
    } else {
        price(s);
        net_timer_set(w->net, net_now(w->net) + s->cost, visible, s);
    }
}

/* What the result of a step is for. (What is computed meanwhile must not be looked at.) */
static void look_at_step(const void *arg, int depth)
{
    const struct step *s = arg;
    if (depth == 1) {
        net_fetch(s, sizeof(*s));
        return;
    }
    const struct end *end = s->end;
    if (depth == 2) {
        net_fetch(end, END_HOT_BYTES);
    } else if (depth == 3) {
        net_fetch(end->entity, sizeof(*end->entity));
        net_fetch(end->channel, 64);
        net_stream_fetch(end->stream, 0);
        net_fetch(&end->channel->ends[1 - end->side], END_HOT_BYTES);
        net_fetch(end->facts.peer_id, 64);
    } else if (depth == 4) {
        net_fetch(end->channel->hop, sizeof(*end->channel->hop));
        net_fetch(end->channel->ends[1 - end->side].under_way.first, sizeof(struct carry));
        net_fetch(end->entity->state, FETCHED_STATE_BYTES);
        net_stream_fetch(end->stream, 1);
    } else {
        const struct carry *arrived = end->channel->ends[1 - end->side].under_way.first;
        if (arrived != NULL) {
            net_fetch(arrived->message, sizeof(struct message));
        }
        net_stream_fetch(end->stream, 2);
    }
}

void step_look_ahead(struct net *net)
{
    net_look_ahead(net, harvest, look_at_step);
    net_look_ahead(net, visible, look_at_step);
}

static bool has_work(const struct end *end)
{
    bool established = end->state == SECURE_ESTABLISHED;
    return end->start || end->expired || buf_len(&end->received) > 0 ||
           (end->received_end && !end->fed_end) ||
           (established && (end->confirm || end->answer || end->close_due ||
                            (end->confirmed && end->outgoing.count > 0)));
}

static void take_messages(struct end *end, struct step *s)
{
    static const uint8_t empty_frame[FRAME_HEADER_BYTES] = {0, 0, 0, 0, FRAME_ESTABLISHED};
    static const uint8_t answer[FRAME_HEADER_BYTES] = {0, 0, 0, 0, FRAME_ANSWER};
    size_t room = (end->confirmed ? end->outgoing.count : 0) + end->confirm + end->answer;
    room = room < MESSAGES_PER_STEP ? room : MESSAGES_PER_STEP;
    bool few = room <= SIM_ARRAY_LEN(s->few);
    s->messages = few ? s->few : mem_calloc(room, sizeof(*s->messages));
    if (end->confirm) {
        s->messages[s->message_count++] = span_of(empty_frame, sizeof(empty_frame));
        end->confirm = false;
    }
    if (end->answer) {
        s->messages[s->message_count++] = span_of(answer, sizeof(answer));
        end->answer = false;
    }
    while (end->confirmed && end->outgoing.count > 0 && s->message_count < room) {
        struct carry *c = carry_pop(&end->outgoing);
        s->messages[s->message_count++] = buf_span(&c->frame);
        carry_push(&s->carried, c);
    }
}

/* The step is computed, or will be. */
static void submit(struct step *s)
{
    struct world *w = s->end->channel->world;
    const struct cpu_profile *cpu = s->end->entity->cpu;
    struct secure_ops ops;
    uint32_t opened;
    bool handshaking = s->end->state == SECURE_HANDSHAKING;
    if (handshaking && channel_early_in_turn(s->end)) {
        step_run(s); /* which copy of a ticket comes first is for the event loop to say */
    } else if (handshaking) {
        s->way = STEP_SUBMITTED;
        secure_session_least(s->session, &s->input, &ops);
        s->least = cpu_cost(cpu, &ops);
        s->job = (struct job){.run = step_run, .arg = s, .due = s->now + s->least};
        jobs_submit(w->jobs, &s->job);
    } else if (w->attacker_count == 0 &&
               secure_session_foretell(s->session, &s->input, &ops, &opened)) {
        s->way = STEP_FORETOLD;
        s->least = cpu_cost(cpu, &ops) + ((int64_t)s->message_count + opened) * cpu->message_ns;
        secure_session_fetch(s->session, SECURE_FETCH_OBJECTS, s->message_count > 0);
        secure_session_fetch(s->session, SECURE_FETCH_KEYS, s->message_count > 0);
    } else {
        step_run(s);
    }
}

void step_kick(struct end *end)
{
    struct world *w = end->channel->world;
    if (end->step != NULL || end->session == NULL || end->dead || !has_work(end) ||
        entity_is_silent(end->entity)) {
        return;
    }
    struct step *s = pool_take(&w->step_pool, sizeof(*s));
    s->end = end;
    s->session = end->session;
    s->now = net_now(w->net);
    secure_output_init(&s->output);
    buf_move(&s->wire, &end->received);
    if (end->state == SECURE_ESTABLISHED) {
        take_messages(end, s);
        s->input.key_update = s->carried.count > 0 && epoch_is_over(end);
        s->input.close = end->close_due && end->outgoing.count == 0;
    }
    s->early = end->start && end->early.count > 0;
    if (s->early) {
        channel_early_take(end, s);
    }
    s->input.start = end->start;
    s->input.wire = buf_span(&s->wire);
    s->input.wire_end = end->received_end && !end->fed_end;
    s->input.messages = s->messages;
    s->input.message_count = s->early ? 0 : s->message_count;
    end->start = end->expired = false;
    end->fed_end = end->fed_end || s->input.wire_end;
    end->close_due = end->close_due && !s->input.close;
    end->step = s;
    submit(s);
    struct entity *e = end->entity->processor;
    if (e->busy_cores < e->cpu->cores) {
        start(s);
    } else if (e->waiting_last != NULL) {
        e->waiting_last = e->waiting_last->next = s;
    } else {
        e->waiting_first = e->waiting_last = s;
    }
}

void step_settle(struct end *end)
{
    if (end->step != NULL) {
        finish(end->step);
    }
}

void step_abandon(struct end *end)
{
    struct step *s = end->step;
    if (s == NULL) {
        return;
    }
    finish(s);
    account_in_flight_queue(end->channel->world, &s->carried);
    free_step(end->channel->world, s);
    end->step = NULL;
}
