/* What devices can do (DeviceCapabilities, US9131360): told from the device's profile, kept by who
 * asked or saw the answer pass. */
#ifndef MODELS_CPNS_CAPABILITY_H
#define MODELS_CPNS_CAPABILITY_H

#include "models/cpns/agent.h"

enum { CAPABILITY_ITEMS = 8, CAPABILITY_BYTES = 96 };

/* The texts of the items that a message borrows. */
struct capability_text {
    char items[CAPABILITY_ITEMS][CAPABILITY_BYTES];
    size_t count;
};

/* What one device told of itself. */
struct capability_known {
    entity_id device;
    char *items;     /* "cpu=cortex-a76 media=video ...", as it said them; NULL: forgotten */
    int64_t battery; /* percent when it said so; -1: it did not */
    sim_time at;
};

/* Starts all zero. */
struct capability_store {
    struct map places; /* device -> index in known */
    struct capability_known *known;
    size_t count, capacity;
};

/* Fills `t` with the capabilities of the agent's own device and adds them to `m`, a list in the
 * field Capability; `t` has to live until `m` is encoded. */
void capability_tell(const struct agent *a, struct capability_text *t, struct cpns_message *m);
/* Keeps what `m` says of `device` (its Capability and BatteryLevel), instead of what was kept. */
void capability_keep(struct capability_store *s, entity_id device, const struct cpns_message *m,
                     sim_time now);
/* NULL: nothing is known. */
const struct capability_known *capability_find(const struct capability_store *s, entity_id device);
void capability_forget(struct capability_store *s, entity_id device);
/* Adds what is known of the device to `m`, but for its battery, which changes. */
void capability_repeat(const struct capability_known *k, struct cpns_message *m);
/* When a run ends: a row an item and device, store "capabilities". */
void capability_tell_store(const struct capability_store *s, struct entity *e);
void capability_store_fini(struct capability_store *s);

#endif
