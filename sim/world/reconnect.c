/* When a client opens its next session: exponential back-off with jitter, as gRPC's clients have it
 * ("Connection Backoff Protocol": the first wait, factor, jitter and most are its). The wait counts
 * from the start of the session that failed; a session that stood for longer than that is followed
 * at once and ends the row of failures. One that was closed in order does so, too. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/world/report.h"
#include "sim/world/session.h"

#define JITTER 0.2

static sim_time wait_of(const struct hop *hop, const struct channel *c)
{
    const struct scenario *s = hop->world->scenario;
    double most = (double)s->timers.reconnect_most;
    double wait = (double)s->timers.reconnect;
    for (uint32_t i = 0; i < hop->failures && wait < most; i++) {
        wait *= s->timers.reconnect_backoff;
    }
    struct rng rng;
    char purpose[40];
    snprintf(purpose, sizeof(purpose), "reconnect %" PRIu32, c->number);
    rng_init(&rng, s->seed, hop->edge->id, purpose);
    wait = wait < most ? wait : most;
    return (sim_time)(wait * (1 - JITTER + 2 * JITTER * rng_unit(&rng)));
}

void reconnect_note(struct hop *hop, const struct channel *c)
{
    const struct end *end = &c->ends[SIDE_INITIATOR];
    if (end->failure == NULL || end->close_asked) {
        hop->failures = 0;
        hop->open_from = 0;
        return;
    }
    sim_time wait = wait_of(hop, c);
    hop->open_from = c->started_at + wait;
    bool stood =
        c->established_at != SIM_TIME_NEVER && net_now(hop->world->net) - c->established_at >= wait;
    hop->failures = stood ? 0 : hop->failures + 1;
}

static void on_reopening(void *arg)
{
    struct hop *hop = arg;
    hop->reopening = 0;
    channel_connect(hop);
}

bool reconnect_waits(struct hop *hop)
{
    struct world *w = hop->world;
    if (hop->reopening == 0 && hop->open_from > net_now(w->net)) {
        char until[40];
        snprintf(until, sizeof(until), "for %.3f s",
                 (double)(hop->open_from - net_now(w->net)) / 1e9);
        report_event(w, "back_off", hop->client, hop->edge->id, until);
        hop->reopening = net_timer_set(w->net, hop->open_from, on_reopening, hop);
    }
    return hop->reopening != 0;
}

void reconnect_now(struct hop *hop)
{
    hop->open_from = 0;
    if (hop->reopening != 0) {
        net_timer_cancel(hop->world->net, hop->reopening);
        on_reopening(hop);
    }
}
