/* Rows about attackers. */
#include "sim/world/attack.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"

void report_probe(struct world *w, const struct probe_row *p)
{
    static const char *const sides[] = {"initiator", "responder"};
    PUT(w, table_probe, record_text(p->attacker), record_text(p->kind), record_text(p->property),
        record_int(p->link),
        p->session_id != 0 ? record_int((int64_t)p->session_id) : record_null(),
        p->message_id != 0 ? record_int((int64_t)p->message_id) : record_null(),
        p->message_id != 0 ? record_int(p->hop_number) : record_null(), record_time(p->at),
        record_text(p->verdict), record_text(p->detected_by),
        p->side >= 0 ? record_text(sides[p->side]) : record_null(), record_time(p->delay),
        p->packet != 0 ? record_int((int64_t)capture_packet(p->packet)) : record_null(),
        p->packet != 0 ? record_int(capture_link(p->packet)) : record_null(),
        record_text(p->detail));
}

void report_half_open(struct world *w, const struct half_open_row *h)
{
    PUT(w, table_half_open, record_text(h->attacker), record_int(h->responder),
        record_time(net_now(w->net)), record_int(h->count), record_int(h->of_attacker),
        record_int((int64_t)h->begun), record_int((int64_t)h->refused),
        record_int((int64_t)h->refused_clients), record_int(h->cpu));
}

void report_taps(struct world *w)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        const struct attacker *a = &w->attackers[i];
        sim_time begins = a->conf->at;
        sim_time ends =
            a->conf->duration == SIM_TIME_NEVER ? SIM_TIME_NEVER : begins + a->conf->duration;
        for (size_t k = 0; k < a->conf->target_count; k++) {
            uint32_t target = a->conf->targets[k];
            PUT(w, table_tap, record_text(a->conf->id), record_text(a->words->name),
                record_text(a->words->property),
                a->words->on_nodes ? record_null() : record_int(target),
                a->words->on_nodes ? record_int(target) : record_null(), record_time(begins),
                record_time(ends));
        }
    }
}
