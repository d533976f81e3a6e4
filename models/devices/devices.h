/* CPU profiles: what the operations of a secure session cost a device in virtual time. */
#ifndef MODELS_DEVICES_DEVICES_H
#define MODELS_DEVICES_DEVICES_H

#include "sim/world/cpu.h"

extern const struct cpu_profile device_cpus[];
extern const size_t device_cpu_count;
/* NULL when there is none of that name. */
const struct cpu_profile *device_cpu_find(const char *name);

#endif
