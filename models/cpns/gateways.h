/* Which gateways a personal network may have over time (cpns-model.md flow 9). */
#ifndef MODELS_CPNS_GATEWAYS_H
#define MODELS_CPNS_GATEWAYS_H

#include "sim/scenario/scenario.h"

/* Its first gateway, and those on the devices of its members and of PNEs that may become members.
 */
bool gateway_may_serve(const struct scenario *s, uint32_t pn, uint32_t gateway);

/* Mode of a device in a PN whose gateway is `gateway`: "pn_gw", "pne", or "both", a PNE with its
 * gateway beside it. */
const char *gateway_mode(const struct scenario *s, uint32_t node, uint32_t gateway);

#endif
