#include "models/devices/devices.h"

#include <string.h>

#define MS SIM_MS
#define US SIM_US

/* Signatures in the order of enum secure_key_kind: P-256, P-384, Ed25519, RSA-2048, RSA-3072.
 * Marked [ours]: a choice of this project, not a measurement. Common to all rows, [ours]: a stage
 * of the key schedule costs eight SHA-256 blocks, a record's fixed cost four AES-GCM blocks; step
 * and message are guesses of the right order. */
const struct cpu_profile device_cpus[] = {
    {.name = "cortex-m0-48mhz",
     .source =
         "ECDSA: SEGGER emCrypt 2.34 on STM32F072, Cortex-M0 at 48 MHz (knowledge base, 2019); "
         "ECDH: micro-ecc on LPC1114 at 48 MHz (README), making a key costs the same; RSA-2048 and "
         "SHA-256: wolfSSL 5.6 on STM32G071, Cortex-M0+ at 64 MHz, scaled by clock; RSA-3072: "
         "RSA-2048 by cube and square of the length; X25519: 3.59 million cycles, Duell and others "
         "2015; Ed25519 as one and two X25519 [ours]; AES-GCM: wolfSSL AES-CBC on STM32G071 by the "
         "ratio GCM/CBC of Mbed TLS on Cortex-M4 [ours]; the rest [ours]",
     .cores = 1,
     .step_ns = 50 * US,
     .sign_ns = {642 * MS, 1383 * MS, 75 * MS, 4321 * MS, 14584 * MS},
     .verify_ns = {584 * MS, 1280 * MS, 150 * MS, 116 * MS, 261 * MS},
     .p256_generate_ns = 386 * MS,
     .p256_agree_ns = 386 * MS,
     .p384_generate_ns = 1128 * MS,
     .p384_agree_ns = 1128 * MS,
     .x25519_generate_ns = 75 * MS,
     .x25519_agree_ns = 75 * MS,
     .kdf_ns = 1400 * US,
     .record_ns = 690 * US,
     .record_ns_per_byte = 10800,
     .hash_ns_per_byte = 2730,
     .message_ns = 500 * US},
    {.name = "cortex-m4-64mhz",
     .source = "Mbed TLS benchmark of Mbed OS (README) on FRDM-K64F, Cortex-M4 at 120 MHz, scaled "
               "by clock to 64 MHz; making a key: ECDHE less ECDH; RSA-3072 between its RSA-2048 "
               "and RSA-4096 by power law; Ed25519 as one and two X25519 [ours]; the rest [ours]",
     .cores = 1,
     .step_ns = 20 * US,
     .sign_ns = {570 * MS, 846 * MS, 502 * MS, 1787 * MS, 4890 * MS},
     .verify_ns = {1114 * MS, 1618 * MS, 1005 * MS, 52 * MS, 106 * MS},
     .p256_generate_ns = 534 * MS,
     .p256_agree_ns = 527 * MS,
     .p384_generate_ns = 791 * MS,
     .p384_agree_ns = 763 * MS,
     .x25519_generate_ns = 497 * MS,
     .x25519_agree_ns = 502 * MS,
     .kdf_ns = 560 * US,
     .record_ns = 240 * US,
     .record_ns_per_byte = 3780,
     .hash_ns_per_byte = 1090,
     .message_ns = 200 * US},
};

const size_t device_cpu_count = SIM_ARRAY_LEN(device_cpus);

const struct cpu_profile *device_cpu_find(const char *name)
{
    for (size_t i = 0; i < device_cpu_count; i++) {
        if (strcmp(device_cpus[i].name, name) == 0) {
            return &device_cpus[i];
        }
    }
    return NULL;
}
