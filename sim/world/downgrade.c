/* What a downgrade won. A handshake that was robbed and failed has not failed for the attacker yet:
 * a client that tries again with less gives him what he wanted. So the trial waits for the next
 * session of the hop that both ends establish, which is held against what they negotiate when
 * nobody interferes; or until a responder says that it was offered less than it can do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack.h"
#include "sim/world/session.h"

void downgrade_failed(struct channel *c, struct trial *t, const struct judgement *j)
{
    struct trial **last = &c->hop->failing;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    t->next = NULL;
    t->session_id = c->id;
    t->judged = *j;
    *last = t;
}

static void report_all(struct hop *hop)
{
    while (hop->failing != NULL) {
        struct trial *t = hop->failing;
        hop->failing = t->next;
        probe_report(hop, t, &t->judged);
        free(t);
    }
}

/* For the record; the caller frees it. */
static char *in_words(const struct secure_facts *f)
{
    return mem_printf("%s, %s%s%s", f->version, f->cipher, f->kex_group[0] != '\0' ? ", " : "",
                      f->kex_group);
}

static bool is_less(const struct secure_facts *got, const struct secure_facts *best)
{
    return strcmp(got->version, best->version) != 0 || strcmp(got->cipher, best->cipher) != 0 ||
           (!got->resumed && strcmp(got->kex_group, best->kex_group) != 0);
}

void downgrade_established(struct channel *c)
{
    struct hop *hop = c->hop;
    const struct secure_facts *got = &c->ends[SIDE_INITIATOR].facts;
    struct secure_facts best;
    if (hop->failing == NULL) {
        return;
    }
    if (undisturbed_facts(hop, &best) && is_less(got, &best)) {
        char *had = in_words(got);
        char *could = in_words(&best);
        for (struct trial *t = hop->failing; t != NULL; t = t->next) {
            char *what = mem_printf("session %" PRIu64 " has %s where both ends can do %s: %s",
                                    c->id, had, could, t->what);
            t->judged =
                (struct judgement){.verdict = "violated", .side = -1, .delay = SIM_TIME_NEVER};
            snprintf(t->what, sizeof(t->what), "%s", what);
            free(what);
        }
        free(had);
        free(could);
    }
    report_all(hop);
}

void downgrade_refused(struct channel *c)
{
    static const char alert[] = "inappropriate_fallback";
    const struct end *responder = &c->ends[SIDE_RESPONDER];
    if (responder->alert == NULL || strcmp(responder->alert, alert) != 0) {
        return;
    }
    for (struct trial *t = c->hop->failing; t != NULL; t = t->next) {
        t->judged = (struct judgement){.verdict = "held",
                                       .detected_by = alert,
                                       .side = SIDE_RESPONDER,
                                       .delay = responder->alert_at - t->at};
    }
    report_all(c->hop);
}

void downgrade_settle(struct hop *hop)
{
    report_all(hop);
}
