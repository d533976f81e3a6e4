/* Version fallback of clients: after a handshake that failed the next connection offers a version
 * less, for the sake of servers that stumble over later ones (RFC 7507 section 1). Whoever breaks
 * handshakes so chooses the version; with TLS_FALLBACK_SCSV the server notices.
 *
 * A failed handshake here is one that began: the transport stood. Who refused the other's
 * certificate does not try with less, nor does a client whose server said that it can do more.
 * After the least version, and after a session that was established, everything is offered again
 * [ours]. */
#include <string.h>

#include "sim/world/session.h"

void fallback_offer(const struct hop *hop, struct secure_session_params *params)
{
    if (hop->fallback != 0) {
        params->max_version = (enum secure_version)hop->fallback;
        params->fallback = hop->policy->fallback == FALLBACK_SCSV;
    }
}

void fallback_after(const struct end *end)
{
    struct hop *hop = end->channel->hop;
    const struct scenario_policy *policy = hop->policy;
    uint16_t offered = hop->fallback != 0 ? hop->fallback : policy->max_version;
    bool refused = end->failure == NULL || end->facts.verify_result != 0 ||
                   strcmp(end->failure, "inappropriate_fallback") == 0;
    if (policy->fallback == FALLBACK_NONE || !end->connected) {
        return;
    }
    hop->fallback = refused || offered <= policy->min_version ? 0 : (uint16_t)(offered - 1);
}
