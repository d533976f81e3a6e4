/* Epochs of a session's keys: what each end sent under one set of them. The first is that of the
 * handshake; each KeyUpdate that an end sends begins another one for what it sends (RFC
 * 8446 4.6.3). A session whose keys are never updated has no rows. */
#include "sim/world/report.h"
#include "sim/world/session.h"

bool epoch_is_over(const struct end *end)
{
    const struct scenario_policy *p = end->channel->hop->policy;
    sim_time now = net_now(end->channel->world->net);
    return (p->key_update_after > 0 && end->sent_since_update >= p->key_update_after) ||
           (p->key_update_every != SIM_TIME_NEVER && now - end->epoch_at >= p->key_update_every);
}

static void tell(struct end *end, sim_time ended)
{
    report_epoch(end, end->key_updates, end->epoch_at, ended);
}

void epoch_next(struct end *end)
{
    sim_time now = net_now(end->channel->world->net);
    tell(end, now);
    end->key_updates++;
    end->epoch_at = now;
    end->epoch_messages = end->epoch_bytes = 0;
}

void epoch_settle(struct end *end)
{
    if (end->key_updates > 0) {
        tell(end, end->channel->ended_at);
    }
}
