/* A small vocabulary for tests of scenario files, so that they do not depend on the models. */
#ifndef TESTS_SUPPORT_SCENARIO_WORDS_H
#define TESTS_SUPPORT_SCENARIO_WORDS_H

#include "sim/scenario/scenario.h"

/* Technologies ble, lte and lossy; CPUs cortex-m4-64mhz and cortex-a76; verbs service-access,
 * group-message, pn-release and restart. */
extern const struct scenario_vocabulary scenario_words;

#endif
