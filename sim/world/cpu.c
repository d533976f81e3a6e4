#include "sim/world/cpu.h"

/* TLS NamedGroup values (RFC 8446 4.2.7). */
enum { GROUP_P256 = 0x0017, GROUP_P384 = 0x0018, GROUP_X25519 = 0x001d };

/* A group without figures of its own costs what P-384 does: the dearest one is the safe guess. */
static sim_time group_cost(const struct cpu_profile *cpu, const struct secure_ops *ops)
{
    int64_t generate = cpu->p384_generate_ns, agree = cpu->p384_agree_ns;

    if (ops->group == GROUP_P256) {
        generate = cpu->p256_generate_ns;
        agree = cpu->p256_agree_ns;
    } else if (ops->group == GROUP_X25519) {
        generate = cpu->x25519_generate_ns;
        agree = cpu->x25519_agree_ns;
    }
    return ops->key_generate * generate + ops->key_agree * agree;
}

sim_time cpu_cost(const struct cpu_profile *cpu, const struct secure_ops *ops)
{
    sim_time ns = group_cost(cpu, ops);

    ns += ops->sign * cpu->sign_ns[ops->sign_kind];
    ns += ((int64_t)ops->verify + ops->chain_verify) * cpu->verify_ns[ops->verify_kind];
    ns += ops->kdf * cpu->kdf_ns;
    ns += ops->records * cpu->record_ns;
    /* One rounding of the two rates together; truncation keeps it the same on every machine. */
    ns += (sim_time)((double)ops->record_bytes * cpu->record_ns_per_byte +
                     (double)ops->hash_bytes * cpu->hash_ns_per_byte);
    return cpu->step_ns + ns;
}
