/* CPU profiles: complete, sourced, in the order that the cores stand in; and what a step costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "models/devices/devices.h"

enum { P256 = 23, P384 = 24, X25519 = 29 };

static const struct cpu_profile plain = {.step_ns = 1000,
                                         .sign_ns = {10, 20, 30, 40, 50},
                                         .verify_ns = {100, 200, 300, 400, 500},
                                         .p256_generate_ns = 1,
                                         .p256_agree_ns = 2,
                                         .p384_generate_ns = 3,
                                         .p384_agree_ns = 4,
                                         .x25519_generate_ns = 5,
                                         .x25519_agree_ns = 6,
                                         .kdf_ns = 7,
                                         .record_ns = 8,
                                         .record_ns_per_byte = 0.5,
                                         .hash_ns_per_byte = 0.25,
                                         .message_ns = 9999};

static void a_step_without_operations_costs_the_fixed_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < device_cpu_count; i++) {
        assert_true(cpu_cost(&device_cpus[i], &(struct secure_ops){0}) == device_cpus[i].step_ns);
    }
}

static void costs_add_up(void **state)
{
    (void)state;
    const struct {
        struct secure_ops ops;
        sim_time cost;
    } cases[] = {
        {{.sign = 1, .sign_kind = SECURE_KEY_P256}, 10},
        {{.sign = 2, .sign_kind = SECURE_KEY_RSA3072}, 100},
        {{.verify = 1, .chain_verify = 2, .verify_kind = SECURE_KEY_ED25519}, 900},
        {{.key_generate = 1, .key_agree = 1, .group = P256}, 3},
        {{.key_generate = 1, .key_agree = 2, .group = P384}, 11},
        {{.key_generate = 2, .key_agree = 1, .group = X25519}, 16},
        /* a group without figures is as dear as P-384 */
        {{.key_generate = 1, .key_agree = 1, .group = 30}, 7},
        {{.kdf = 3}, 21},
        {{.records = 2, .record_bytes = 100}, 66},
        {{.hash_bytes = 100}, 25},
        /* half octets' worth of nanoseconds add before they are cut */
        {{.record_bytes = 1, .hash_bytes = 2}, 1},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        assert_true(cpu_cost(&plain, &cases[i].ops) == 1000 + cases[i].cost);
    }
}

static void large_transfers_do_not_overflow(void **state)
{
    (void)state;
    const struct secure_ops ops = {.records = UINT32_MAX,
                                   .record_bytes = UINT64_C(1) << 40,
                                   .sign = 1000000,
                                   .sign_kind = SECURE_KEY_RSA3072};
    for (size_t i = 0; i < device_cpu_count; i++) {
        assert_true(cpu_cost(&device_cpus[i], &ops) > device_cpus[i].sign_ns[SECURE_KEY_RSA3072]);
    }
}

static void profiles_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < device_cpu_count; i++) {
        const struct cpu_profile *c = &device_cpus[i];
        assert_ptr_equal(device_cpu_find(c->name), c); /* names are unique */
        assert_true(strlen(c->source) > 40);
        assert_true(c->cores > 0 && c->step_ns > 0 && c->kdf_ns > 0 && c->record_ns > 0 &&
                    c->record_ns_per_byte > 0 && c->hash_ns_per_byte > 0 && c->message_ns > 0);
        assert_true(strlen(c->energy_source) > 40 && c->idle_uw > 0 && c->active_uw > 0);
        for (size_t k = 0; k < SIM_ARRAY_LEN(c->sign_ns); k++) {
            assert_true(c->sign_ns[k] > 0 && c->verify_ns[k] > 0);
        }
        assert_true(c->p256_generate_ns > 0 && c->p256_agree_ns > 0);
        assert_true(c->p384_generate_ns > 0 && c->p384_agree_ns > 0);
        assert_true(c->x25519_generate_ns > 0 && c->x25519_agree_ns > 0);
    }
    assert_null(device_cpu_find("z80"));
}

static sim_time handshake_cost(const char *name, enum secure_key_kind kind, int group)
{
    const struct cpu_profile *c = device_cpu_find(name);
    assert_non_null(c);
    return cpu_cost(c, &(struct secure_ops){.key_generate = 1,
                                            .key_agree = 1,
                                            .sign = 1,
                                            .verify = 1,
                                            .chain_verify = 1,
                                            .kdf = 5,
                                            .hash_bytes = 2200,
                                            .sign_kind = kind,
                                            .verify_kind = kind,
                                            .group = group});
}

static void faster_cores_are_faster(void **state)
{
    (void)state;
    /* From the slowest to the fastest. The first two come from different libraries: micro-ecc's
     * key agreement in assembly makes the slower core quicker, so they start no order. */
    static const char *const names[] = {"cortex-m4-64mhz", "esp32-240mhz", "cortex-a53",
                                        "cortex-a76", "x86-64-server"};
    static const struct {
        enum secure_key_kind kind;
        int group;
    } uses[] = {{SECURE_KEY_P256, P256}, {SECURE_KEY_ED25519, X25519}, {SECURE_KEY_RSA2048, P256}};
    for (size_t u = 0; u < SIM_ARRAY_LEN(uses); u++) {
        for (size_t i = 1; i < SIM_ARRAY_LEN(names); i++) {
            assert_true(handshake_cost(names[i], uses[u].kind, uses[u].group) <
                        handshake_cost(names[i - 1], uses[u].kind, uses[u].group));
        }
    }
    /* A mutual handshake on a microcontroller takes seconds, on a server part of a millisecond. */
    assert_true(handshake_cost("cortex-m0-48mhz", SECURE_KEY_P256, P256) > SIM_S);
    assert_true(handshake_cost("x86-64-server", SECURE_KEY_P256, P256) < SIM_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_without_operations_costs_the_fixed_part),
        cmocka_unit_test(costs_add_up),
        cmocka_unit_test(large_transfers_do_not_overflow),
        cmocka_unit_test(profiles_are_complete),
        cmocka_unit_test(faster_cores_are_faster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
