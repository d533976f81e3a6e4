#include "models/policies/policies.h"

/* Suites by OpenSSL's names, the mandatory ones first. What a profile leaves open (kind of
 * certificate, mutual authentication, lifetimes) is [ours]; clause 5.9.1 wants both ends
 * authenticated. */
const struct scenario_policy_set policy_sets[] = {
    {.name = "bcp195",
     .doc = "What the IETF recommends for every use of TLS.",
     .source = "BCP 195: RFC 9325 sections 3.1.1 (versions), 4.2 (suites), 4.5 (groups), 3.4 "
               "(tickets); revocation and mutual authentication [ours]",
     .keys = "{versions: [\"1.2\", \"1.3\"], ciphers: [TLS_AES_128_GCM_SHA256, "
             "TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, ECDHE-ECDSA-AES128-GCM-SHA256, "
             "ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-RSA-AES128-GCM-SHA256, "
             "ECDHE-RSA-AES256-GCM-SHA384], groups: [X25519, P-256, P-384], signature_algorithms: "
             "[ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ed25519, rsa_pss_rsae_sha256, "
             "rsa_pkcs1_sha256], certificates: ecdsa-p256, auth: mutual, crl: true, resumption: "
             "tickets, ticket_lifetime: 2 h}"},
    {.name = "3gpp-33210",
     .doc = "The TLS profile of 3GPP networks, with the groups and signatures it recommends.",
     .source = "3GPP TS 33.210 v17 clause 6.2 (read in a public extract): TLS 1.2 and 1.3, P-384, "
               "ecdsa_secp384r1_sha384; the order of suites [ours]",
     .keys = "{versions: [\"1.2\", \"1.3\"], ciphers: [TLS_AES_256_GCM_SHA384, "
             "TLS_AES_128_GCM_SHA256, ECDHE-ECDSA-AES256-GCM-SHA384, "
             "ECDHE-ECDSA-AES128-GCM-SHA256], groups: [P-384, P-256], signature_algorithms: "
             "[ecdsa_secp384r1_sha384, ecdsa_secp256r1_sha256], certificates: ecdsa-p384, auth: "
             "mutual, crl: true, resumption: none}"},
    {.name = "rfc7925-constrained",
     .doc = "Small devices: DTLS with the one suite that they must have, short records, patience.",
     .source =
         "RFC 7925 sections 4.2 and 4.4 (suite, P-256, SHA-256), 6 (resumption), 10 (records), "
         "11 (timers)",
     .keys = "{kind: dtls, ciphers: [ECDHE-ECDSA-AES128-CCM8], groups: [P-256], "
             "signature_algorithms: [ecdsa_secp256r1_sha256], certificates: ecdsa-p256, auth: "
             "mutual, resumption: tickets, max_fragment_length: 1024 B, retransmit_after: 9 s}"},
    {.name = "legacy-2011",
     .doc = "What devices of the time of CPNS did: TLS 1.0, keys sent under the server's RSA key, "
            "CBC with SHA-1, the server alone authenticated.",
     .source = "RFC 2246 (TLS 1.0) and RFC 3268 (AES suites), both in force in 2011; the choice "
               "[ours]",
     .keys =
         "{versions: [\"1.0\"], ciphers: [AES128-SHA, AES256-SHA], certificates: rsa-2048, auth: "
         "server-only, resumption: none, security_level: 0}"},
    {.name = "broken-clear",
     .doc = "No session at all: octets as they are.",
     .source = "clause 5.9.1 is what is left out",
     .keys = "{kind: clear}"},
    {.name = "broken-null-cipher",
     .doc = "Authenticated, but nothing is encrypted.",
     .source = "RFC 4492 section 6: TLS_ECDHE_ECDSA_WITH_NULL_SHA",
     .keys =
         "{versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-NULL-SHA], groups: [P-256], certificates: "
         "ecdsa-p256, auth: mutual, resumption: none, security_level: 0}"},
    {.name = "broken-static-rsa",
     .doc = "Keys sent under the server's RSA key: whoever gets that key later reads everything.",
     .source = "RFC 5288: TLS_RSA_WITH_AES_128_GCM_SHA256; RFC 9325 section 4.1 forbids it",
     .keys = "{versions: [\"1.2\"], ciphers: [AES128-GCM-SHA256], certificates: rsa-2048, auth: "
             "mutual, resumption: none}"},
    {.name = "broken-no-name-check",
     .doc = "Any certificate of the CA will do, whoever's it is.",
     .source = "RFC 9525 is what is left out",
     .keys = "{versions: [\"1.3\"], certificates: ecdsa-p256, auth: mutual, resumption: none, "
             "name_check: none}"},
    {.name = "broken-version-fallback",
     .doc = "After a handshake that failed the client offers a version less: whoever breaks "
            "handshakes chooses the version.",
     .source = "RFC 7507 section 1 describes it; TLS_FALLBACK_SCSV is what is left out",
     .keys = "{versions: [\"1.2\", \"1.3\"], certificates: ecdsa-p256, auth: mutual, resumption: "
             "none, version_fallback: unprotected}"},
    {.name = "broken-no-peer-limit",
     .doc = "A server with room for 64 handshakes, all of which one address may take.",
     .source = "RFC 4987 section 3.2 on limits that an attacker fills; the room [ours]",
     .keys = "{versions: [\"1.2\", \"1.3\"], certificates: ecdsa-p256, auth: mutual, resumption: "
             "none, half_open: 64, half_open_per_peer: 0}"},
    {.name = "broken-no-cookies",
     .doc = "DTLS whose server believes any ClientHello, with room for 64 handshakes: forged "
            "addresses fill it.",
     .source = "RFC 6347 section 4.2.1 is what is left out; the room [ours]",
     .keys = "{kind: dtls, certificates: ecdsa-p256, auth: mutual, resumption: none, cookies: "
             "false, half_open: 64}"},
    {.name = "broken-plain-psk",
     .doc = "A shared key and nothing else: whoever gets it reads what was recorded before.",
     .source = "RFC 5487: TLS_PSK_WITH_AES_128_GCM_SHA256",
     .keys =
         "{versions: [\"1.2\"], ciphers: [PSK-AES128-GCM-SHA256], auth: psk, resumption: none}"},
    {.name = "broken-no-anti-replay",
     .doc = "Early data is taken as often as somebody sends it. Sessions are short, so that there "
            "is some.",
     .source = "RFC 8446 section 8 is what is left out; lifetime and octets [ours]",
     .keys = "{versions: [\"1.3\"], certificates: ecdsa-p256, auth: mutual, resumption: tickets, "
             "session_lifetime: 5 s, early_data: 16384 B, anti_replay: none}"},
};

const size_t policy_set_count = SIM_ARRAY_LEN(policy_sets);
