/* A node that is what it says towards its peer, and lies inside its own session about who sends. */
#include "models/attackers/attackers.h"
#include "models/cpns/message.h"

bool impersonate_message(const char *urn, uint8_t encoding, struct span message, struct buf *out)
{
    struct cpns_message m;
    bool forged = cpns_decode(message, (enum cpns_encoding)encoding, &m, NULL) == 0 &&
                  cpns_has(&m, CPNS_ORIGIN_ENTITY_ID) &&
                  !span_equal_str(cpns_text(&m, CPNS_ORIGIN_ENTITY_ID), urn);
    if (forged) {
        cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, urn);
        forged = cpns_encode(&m, (enum cpns_encoding)encoding, out, NULL) == 0;
    }
    cpns_message_fini(&m);
    return forged;
}
