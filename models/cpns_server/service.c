/* Remote service access through the server (cpns-model.md flow 6): echo is everybody's, any other
 * service has to be registered by its provider and open to the one who asks. */
#include "models/cpns_server/server.h"

static void answer_status(struct server *s, const struct cpns_message *m, int status,
                          entity_id from)
{
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SERVICE_ACCESS_RESPONSE, m, status);
    cpns_set_span(&answer, CPNS_SERVICE_ID, cpns_text(m, CPNS_SERVICE_ID));
    if (status == 200) {
        cpns_set_bytes(&answer, CPNS_PAYLOAD, cpns_bytes(m, CPNS_PAYLOAD));
    }
    server_answer(s, &answer, from);
}

/* 200: the service of `target` may be used by `origin`. */
static int check_registration(const struct server *s, const struct cpns_message *m,
                              entity_id origin, entity_id target, entity_id from)
{
    struct span id = cpns_text(m, CPNS_SERVICE_ID);
    if (span_equal_str(id, "echo")) {
        return 200;
    }
    const struct inventory_service *service = server_service(s, id, target);
    if (service == NULL) {
        return 404;
    }
    /* The server of the asker knows whether it was shown the service. */
    bool shown = mesh_find(s, from) != NULL || service->confirming == ENTITY_NONE ||
                 origin == service->confirming || entity_list_has(&service->shown, origin);
    return shown && server_service_open(s, service, origin) ? 200 : 403;
}

enum disposition server_on_service_request(struct server *s, struct cpns_message *m,
                                           const struct received *r)
{
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    entity_id target = agent_entity(&s->agent, m, CPNS_TARGET_ID);
    if (!server_is_registered(s, origin, r->from)) {
        answer_status(s, m, 403, r->from);
        return agent_refuse(&s->agent, "403");
    }
    int status = check_registration(s, m, origin, target, r->from);
    if (status != 200) {
        answer_status(s, m, status, r->from);
        return agent_refuse(&s->agent, status == 404 ? "404" : "403");
    }
    if (target == entity_self(s->agent.entity)) {
        answer_status(s, m, 200, r->from);
        return MESSAGE_DELIVERED;
    }
    if (!server_is_registered(s, target, ENTITY_NONE)) {
        bool known = target != ENTITY_NONE && server_subscriber(s, target) != NULL;
        answer_status(s, m, known ? 503 : 404, r->from);
        return agent_refuse(&s->agent, known ? "503" : "404");
    }
    const struct subscriber *sub = server_subscriber(s, target);
    bool lost = sub->remote &&
                (mesh_find(s, r->from) != NULL || !entity_connected(s->agent.entity, sub->gateway));
    if (lost) { /* of one server to the next and no further */
        answer_status(s, m, 503, r->from);
        return agent_refuse(&s->agent, "503");
    }
    return agent_relay(&s->agent, m, server_subscriber(s, target)->gateway, EXEMPT_NOT, r);
}

enum disposition server_on_service_response(struct server *s, struct cpns_message *m,
                                            const struct received *r)
{
    entity_id target = agent_entity(&s->agent, m, CPNS_TARGET_ID);
    if (!server_is_registered(s, target, ENTITY_NONE)) {
        return agent_refuse(&s->agent, "404");
    }
    return agent_relay(&s->agent, m, server_subscriber(s, target)->gateway, EXEMPT_NOT, r);
}
