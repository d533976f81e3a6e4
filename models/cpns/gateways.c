#include "models/cpns/gateways.h"

static bool holds(const uint32_t *items, size_t count, uint32_t node)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i] == node) {
            return true;
        }
    }
    return false;
}

bool gateway_may_serve(const struct scenario *s, uint32_t pn, uint32_t gateway)
{
    const struct scenario_pn *n = &s->pns[pn];
    uint32_t twin = s->nodes[gateway].twin;
    return n->gateway == gateway ||
           (twin != SCENARIO_NONE && (holds(n->members, n->member_count, twin) ||
                                      holds(n->candidates, n->candidate_count, twin)));
}

const char *gateway_mode(const struct scenario *s, uint32_t node, uint32_t gateway)
{
    if (s->nodes[gateway].twin != SCENARIO_NONE &&
        (node == gateway || node == s->nodes[gateway].twin)) {
        return "both";
    }
    return node == gateway ? "pn_gw" : "pne";
}
