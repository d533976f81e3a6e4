/* Zone-based service of a gateway (cpns-model.md flow 11; US8874142 US8837367 EP2367370): it
 * announces itself to devices in reach, tells visitors about what is near them in the form that
 * their devices can show, and forgets who is gone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/pn_gateway/gateway.h"

static const struct scenario_zone *zone_of(const struct gateway *g)
{
    return entity_scenario(g->agent.entity)->nodes[entity_self(g->agent.entity)].zone;
}

/* Gateways do not announce in step. */
void gateway_zone_start(struct gateway *g)
{
    const struct scenario_zone *z = zone_of(g);
    if (z != NULL) {
        double part = rng_unit(entity_rng(g->agent.entity, "zone"));
        entity_timer_set(g->agent.entity, (sim_time)((double)z->announce * part),
                         GATEWAY_TIMER_ZONE, 0);
    }
}

/* --- announcement
 * --------------------------------------------------------------------------------------- */

static void announce_to(struct gateway *g, const struct pn *pn, entity_id pne, uint64_t flow)
{
    struct entity *e = g->agent.entity;
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_ZONE_ANNOUNCEMENT, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_integer(&m, CPNS_ZONE_SUPPORT, 1);
    cpns_set_text(&m, CPNS_ZONE_ID, entity_name(e, entity_self(e)));
    cpns_set_text(&m, CPNS_SERVICE_ID, zone_of(g)->service);
    struct agent_route route = gateway_route(pne, pn);
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    route.flow = flow;
    agent_send(&g->agent, &m, &route);
}

static sim_time gone_after(const struct gateway *g)
{
    sim_time gone = zone_of(g)->gone;
    return gone > 0 ? gone : 3 * entity_scenario(g->agent.entity)->timers.keep_alive;
}

/* A visitor that was not heard for long is gone, and its registration with it. */
static void look_after(struct gateway *g, struct pn *pn, struct member *m)
{
    struct entity *e = g->agent.entity;
    if (m->state == MEMBER_REGISTERED && entity_now(e) - m->heard >= gone_after(g)) {
        entity_event(e, "visitor_gone", entity_name(e, m->pne));
        gateway_lost_member(g, pn, m);
        entity_disconnect(e, m->pne, "visitor_gone");
    }
}

/* Who is in does not need to be told. */
void gateway_zone_timer(struct gateway *g)
{
    struct entity *e = g->agent.entity;
    uint64_t flow = entity_flow_begin(e, "zone-announcement", entity_name(e, entity_self(e)));
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        for (size_t k = 0; k < pn->member_count; k++) {
            struct member *m = &pn->members[k];
            look_after(g, pn, m);
            if (m->state == MEMBER_ABSENT) {
                announce_to(g, pn, m->pne, flow);
            }
        }
    }
    entity_flow_end(e, flow, FLOW_DONE, NULL); /* nobody answers, and who is not there misses it */
    entity_timer_set(e, zone_of(g)->announce, GATEWAY_TIMER_ZONE, 0);
}

/* --- information
 * ---------------------------------------------------------------------------------------- */

/* The exhibit nearest to the visitor, or the first where it does not know its place; NULL: there
 * are none. `away` in m, negative where it is not known. */
static const struct scenario_exhibit *nearest(const struct scenario_zone *z,
                                              const struct cpns_message *m, double *away)
{
    const struct scenario_exhibit *best = z->exhibit_count > 0 ? &z->exhibits[0] : NULL;
    char text[128] = "";
    double at[3];
    struct span location = cpns_text(m, CPNS_LOCATION);
    *away = -1;
    if (location.len == 0 || location.len >= sizeof(text)) {
        return best;
    }
    memcpy(text, location.data, location.len);
    char *end = text;
    for (int i = 0; i < 3; i++) {
        char *from = end;
        at[i] = strtod(from, &end);
        if (end == from) {
            return best;
        }
    }
    for (size_t i = 0; i < z->exhibit_count; i++) {
        const double *x = z->exhibits[i].place;
        double d = sqrt((x[0] - at[0]) * (x[0] - at[0]) + (x[1] - at[1]) * (x[1] - at[1]) +
                        (x[2] - at[2]) * (x[2] - at[2]));
        if (*away < 0 || d < *away) {
            best = &z->exhibits[i];
            *away = d;
        }
    }
    return best;
}

/* What the device shows at best, and how many octets of it make as much as one of text. */
static const char *media_of(const struct cpns_message *m, size_t *times)
{
    static const struct {
        const char *item, *name;
        size_t times;
    } kinds[] = {{"media=video", "video", 10}, {"media=audio", "audio", 4}};
    for (size_t i = 0; i < cpns_value(m, CPNS_CAPABILITY)->list_count; i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
            if (span_equal_str(cpns_item(m, CPNS_CAPABILITY, i), kinds[k].item)) {
                *times = kinds[k].times;
                return kinds[k].name;
            }
        }
    }
    *times = 1;
    return "text";
}

static void inform(struct gateway *g, const struct cpns_message *m, const struct pn *pn,
                   entity_id pne)
{
    struct entity *e = g->agent.entity;
    const struct scenario_zone *z = zone_of(g);
    double away;
    size_t times;
    char info[256];
    const char *media = media_of(m, &times);
    const struct scenario_exhibit *x = nearest(z, m, &away);
    const char *about = x != NULL ? x->id : z->service;
    if (away < 0) {
        snprintf(info, sizeof(info), "%.100s as %s", about, media);
    } else {
        snprintf(info, sizeof(info), "%.100s, %.1f m away, as %s", about, away, media);
    }
    size_t size = z->information * times;
    uint8_t *content = mem_alloc(size);
    rng_octets(entity_rng(e, "zone-information"), content, size);
    struct cpns_message answer;
    agent_answer(&g->agent, &answer, CPNS_ZONE_INFO_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_ZONE_ID, entity_name(e, entity_self(e)));
    cpns_set_text(&answer, CPNS_SERVICE_ID, z->service);
    cpns_set_text(&answer, CPNS_TAILORED_INFO, info);
    cpns_set_bytes(&answer, CPNS_PAYLOAD, span_of(content, size));
    struct agent_route route = gateway_route(pne, pn);
    agent_send(&g->agent, &answer, &route);
    free(content);
}

enum disposition gateway_on_zone_info(struct gateway *g, const struct cpns_message *m,
                                      entity_id from)
{
    struct pn *pn = NULL;
    const struct member *member = gateway_member(g, from, &pn);
    bool visitor = member != NULL && member->state == MEMBER_REGISTERED;
    if (visitor && zone_of(g) != NULL) {
        capability_keep(&g->devices, from, m, entity_now(g->agent.entity));
        inform(g, m, pn, from);
        return MESSAGE_DELIVERED;
    }
    struct cpns_message answer;
    agent_answer(&g->agent, &answer, CPNS_ZONE_INFO_RESPONSE, m, visitor ? 404 : 403);
    struct agent_route route = gateway_route(from, pn);
    agent_send(&g->agent, &answer, &route);
    return agent_refuse(&g->agent, visitor ? "404" : "403");
}
