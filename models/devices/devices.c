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
     .message_ns = 500 * US,
     .energy_source =
         "STM32F0 at about 250 uA/MHz and 3.3 V, a sensor that waits: order of magnitude [ours]",
     .idle_uw = 50,
     .active_uw = 40000},
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
     .message_ns = 200 * US,
     .energy_source = "nRF52832: 58 uA/MHz from flash at 3 V (product brief), at 64 MHz; idle: its "
                      "1.9 uA with timer and memory, and a sensor that waits [ours]",
     .idle_uw = 30,
     .active_uw = 11100},
    {.name = "esp32-240mhz",
     .source =
         "RSA, AES-CBC and SHA-256 with the chip's accelerators: performance targets of "
         "ESP-IDF's own tests (idf_performance_target.h, esp32); elliptic curves in "
         "software: Mbed TLS as for cortex-m4-64mhz, scaled by clock to 240 MHz [ours: Xtensa "
         "LX6 taken as a Cortex-M4]; AES-GCM: that AES with Mbed TLS's GHASH on Cortex-M4; "
         "the rest [ours]",
     .cores = 2,
     .step_ns = 20 * US,
     .sign_ns = {152 * MS, 226 * MS, 134 * MS, 190 * MS, 360 * MS},
     .verify_ns = {297 * MS, 432 * MS, 268 * MS, 19 * MS, 33 * MS},
     .p256_generate_ns = 142 * MS,
     .p256_agree_ns = 140 * MS,
     .p384_generate_ns = 211 * MS,
     .p384_agree_ns = 204 * MS,
     .x25519_generate_ns = 132 * MS,
     .x25519_agree_ns = 134 * MS,
     .kdf_ns = 64 * US,
     .record_ns = 50 * US,
     .record_ns_per_byte = 789,
     .hash_ns_per_byte = 125,
     .message_ns = 50 * US,
     .energy_source =
         "ESP32 datasheet: 68 mA at 240 MHz, modem sleep; 0.8 mA in light sleep; at 3.3 V",
     .idle_uw = 2640,
     .active_uw = 224000},
    {.name = "cortex-a53",
     .source = "eccbench, rsabench, aesbench, shabench (github.com/lelegard, 2025): OpenSSL 3.5 on "
               "Raspberry Pi 3, Cortex-A53 at 1.2 GHz without cryptographic instructions; key "
               "agreement, X25519 and Ed25519 from its P-256 and P-384 by the ratios of "
               "x86-64-server [ours]; the rest [ours]",
     .cores = 4,
     .step_ns = 5 * US,
     .sign_ns = {588 * US, 16978 * US, 964 * US, 26810 * US, 82645 * US},
     .verify_ns = {1439 * US, 13263 * US, 2138 * US, 749 * US, 1621 * US},
     .p256_generate_ns = 834 * US,
     .p256_agree_ns = 1098 * US,
     .p384_generate_ns = 16978 * US,
     .p384_agree_ns = 15240 * US,
     .x25519_generate_ns = 895 * US,
     .x25519_agree_ns = 826 * US,
     .kdf_ns = 20 * US,
     .record_ns = 10 * US,
     .record_ns_per_byte = 22.5,
     .hash_ns_per_byte = 13.9,
     .message_ns = 10 * US,
     .energy_source = "Raspberry Pi 3: the board idles at 260 mA of 5 V; 0.6 W a core [ours]",
     .idle_uw = 1300000,
     .active_uw = 600000},
    {.name = "cortex-a76",
     .source = "eccbench, rsabench, aesbench, shabench (github.com/lelegard, 2025): cycles of "
               "OpenSSL 3 on Ampere Altra, Neoverse N1 (the server form of Cortex-A76), at 2.4 "
               "GHz; key agreement, X25519 and Ed25519 from its P-256 and P-384 by the ratios of "
               "x86-64-server [ours]; the rest [ours]",
     .cores = 4,
     .step_ns = 2 * US,
     .sign_ns = {55300, 574 * US, 90700, 3546 * US, 11025 * US},
     .verify_ns = {187500, 1235 * US, 278600, 98900, 183800},
     .p256_generate_ns = 78500,
     .p256_agree_ns = 143100,
     .p384_generate_ns = 574 * US,
     .p384_agree_ns = 1419 * US,
     .x25519_generate_ns = 116600,
     .x25519_agree_ns = 107600,
     .kdf_ns = 4 * US,
     .record_ns = 1500,
     .record_ns_per_byte = 0.488,
     .hash_ns_per_byte = 0.651,
     .message_ns = 3 * US,
     .energy_source = "a phone that stands by, 25 mW, and 0.9 W a core: order of magnitude [ours]",
     .idle_uw = 25000,
     .active_uw = 900000},
    {.name = "x86-64-server",
     .source = "openssl speed 3.0 on one x86-64 server core; making keys: EVP_PKEY_Q_keygen there; "
               "the rest [ours]",
     .cores = 8,
     .step_ns = 1 * US,
     .sign_ns = {14800, 566 * US, 24200, 226 * US, 1449 * US},
     .verify_ns = {43400, 480 * US, 64500, 13600, 28900},
     .p256_generate_ns = 21 * US,
     .p256_agree_ns = 33100,
     .p384_generate_ns = 571 * US,
     .p384_agree_ns = 551 * US,
     .x25519_generate_ns = 27 * US,
     .x25519_agree_ns = 24900,
     .kdf_ns = 3 * US,
     .record_ns = 700,
     .record_ns_per_byte = 0.196,
     .hash_ns_per_byte = 0.521,
     .message_ns = 2 * US,
     .energy_source = "a server, 40 W and 10 W a core: order of magnitude [ours]",
     .idle_uw = 40000000,
     .active_uw = 10000000},
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
