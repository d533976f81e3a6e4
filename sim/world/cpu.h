/* A device's processor: turns the operations of a session step into virtual time. */
#ifndef SIM_WORLD_CPU_H
#define SIM_WORLD_CPU_H

#include "sim/core/base.h"
#include "sim/secure/secure_session.h"

/* Costs in nanoseconds unless named otherwise; indexed by secure_key_kind where the key matters. */
struct cpu_profile {
    const char *name;   /* "cortex-m4-64mhz": the word of the scenario format */
    const char *source; /* where the figures come from */
    uint32_t cores;     /* jobs that run side by side */
    int64_t step_ns;    /* fixed cost of any step (interrupt, stack, scheduling): the least a step
                           costs, > 0 */
    int64_t sign_ns[5];
    int64_t verify_ns[5];
    int64_t p256_generate_ns, p256_agree_ns;
    int64_t p384_generate_ns, p384_agree_ns;
    int64_t x25519_generate_ns, x25519_agree_ns;
    int64_t kdf_ns;
    int64_t record_ns;         /* a record's fixed cost */
    double record_ns_per_byte; /* AES-128-GCM */
    double hash_ns_per_byte;   /* SHA-256 */
    int64_t message_ns;        /* encoding or decoding one CPNS message */
    const char *energy_source; /* where the two that follow come from */
    int64_t idle_uw;           /* drain of the device at all times, radio and sensors waiting */
    int64_t active_uw;         /* besides, of one core that works */
};

/* Virtual time that `ops` take on this processor; at least step_ns. */
sim_time cpu_cost(const struct cpu_profile *cpu, const struct secure_ops *ops);

#endif
