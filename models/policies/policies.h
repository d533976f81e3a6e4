/* Policies for secure sessions that have a name: what a profile says, what old devices did, and
 * controls that lack a defence on purpose. */
#ifndef MODELS_POLICIES_POLICIES_H
#define MODELS_POLICIES_POLICIES_H

#include "sim/scenario/scenario.h"

extern const struct scenario_policy_set policy_sets[];
extern const size_t policy_set_count;

#endif
