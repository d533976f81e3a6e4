/* Link technologies: default values of a link, each with its source. */
#ifndef MODELS_LINKS_LINKS_H
#define MODELS_LINKS_LINKS_H

#include "sim/scenario/scenario.h"

/* fibre, wlan, bluetooth, ble, zigbee, 3g, lte (and ethernet). */
extern const struct scenario_link link_technologies[];
extern const size_t link_technology_count;

#endif
