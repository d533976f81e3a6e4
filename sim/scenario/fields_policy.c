/* The keys of a policy. */
#include "sim/scenario/fields_table.h"

const char *const words_kind[] = {"tls", "dtls", "clear", "clear-datagram", NULL};
const char *const words_auth[] = {"mutual", "server-only", "psk", NULL};
const char *const words_certificates[] = {"ecdsa-p256", "ecdsa-p384", "ed25519",
                                          "rsa-2048",   "rsa-3072",   NULL};
const char *const words_resumption[] = {"none", "tickets", NULL};

static const char *const words_version[] = {"1.0", "1.1", "1.2", "1.3", NULL};
static const char *const words_name_check[] = {"required", "none", NULL};
static const char *const words_fallback[] = {"none", "unprotected", "scsv", NULL};
static const char *const words_ocsp[] = {"false", "true", "soft-fail", NULL};
static const char *const words_anti_replay[] = {"single-use", "none", NULL};
static const char *const later_kind[] = {"ipsec", NULL};
static const char *const later_auth[] = {"certificate", NULL};

static const struct field policy_fields[] = {
    {"extends", FIELD_REF, AT(raw_policy, extends), .names = "policy",
     .doc = "Policy whose keys hold where this one does not say otherwise."},
    {"kind", FIELD_WORD, AT(raw_policy, kind), .fallback = "tls", .words = words_kind,
     .later = later_kind,
     .doc = "Kind of secure session: TLS over TCP; DTLS 1.2 over UDP, for links that lose packets "
            "(over an MTU of 280 B at least); clear means none at all, over TCP, clear-datagram "
            "the same over UDP."},
    {"versions", FIELD_WORDS, AT(raw_policy, versions), .fallback = "[\"1.2\", \"1.3\"]",
     .words = words_version,
     .doc =
         "TLS versions that both ends accept, without a gap; 1.0 and 1.1 at security_level 0 only. "
         "DTLS is 1.2: OpenSSL 3.0 has no DTLS 1.3."},
    {"ciphers", FIELD_TEXTS, AT(raw_policy, ciphers), .names = "cipher",
     .doc = "Cipher suites by OpenSSL's names; those that start with TLS_ are for TLS 1.3. Without "
            "it OpenSSL's defaults hold."},
    {"groups", FIELD_TEXTS, AT(raw_policy, groups), .fallback = "[X25519, P-256]",
     .names = "key exchange group",
     .doc = "Key exchange groups in order of preference, by OpenSSL's names; OpenSSL 3.0 has no "
            "post-quantum ones."},
    {"certificates", FIELD_WORD, AT(raw_policy, certificates), .fallback = "ecdsa-p256",
     .words = words_certificates, .doc = "Kind of key in the certificates of both ends."},
    {"auth", FIELD_WORD, AT(raw_policy, auth), .fallback = "mutual", .words = words_auth,
     .later = later_auth,
     .doc = "Who proves who he is: both by certificate, the server alone, or both by a pre-shared "
            "key."},
    {"resumption", FIELD_WORD, AT(raw_policy, resumption), .fallback = "tickets",
     .words = words_resumption, .doc = "How a later session may resume an earlier one."},
    {"ticket_lifetime", FIELD_TIME, AT(raw_policy, ticket_lifetime), .fallback = "2 h", .min = 1e9,
     .max = 604800e9, .doc = "How long a ticket may be used."},
    {"resumption_lifetime", FIELD_TIME, AT(raw_policy, resumption_lifetime), .min = 1e9,
     .max = 100 * YEAR_NS,
     .doc = "How long after a full handshake servers resume its session. Each resumption brings a "
            "new ticket: without this a chain of them has no end."},
    {"security_level", FIELD_INTEGER, AT(raw_policy, security_level), .max = 5,
     .doc = "OpenSSL's security level; without it OpenSSL's default holds."},
    {"key_update_after", FIELD_INTEGER, AT(raw_policy, key_update_after), .fallback = "0",
     .max = 4294967295.0,
     .doc = "Messages that an end sends before it updates its keys (TLS 1.3); 0: never."},
    {"key_update_every", FIELD_TIME, AT(raw_policy, key_update_every), .min = 1e6,
     .max = 100 * YEAR_NS,
     .doc = "An end that sends a message updates its keys before it when they are older than this "
            "(TLS 1.3); without it, never for that reason."},
    {"session_lifetime", FIELD_TIME, AT(raw_policy, session_lifetime), .min = 1,
     .max = 100 * YEAR_NS,
     .doc = "An established session is closed after this time; without it, never."},
    {"retransmit_after", FIELD_TIME, AT(raw_policy, retransmit_after), .min = 1e8, .max = 60e9,
     .doc = "DTLS: a flight of the handshake is sent again after this time, then after twice that, "
            "and so on up to 60 s; without it after 1 s (RFC 6347; RFC 7925 has 9 s)."},
    {"handshake_timeout", FIELD_TIME, AT(raw_policy, handshake_timeout), .min = 1e8, .max = 3600e9,
     .doc = "A session that is not established after this time is given up; without it after 30 s, "
            "over DTLS after 60 s."},
    {"half_open", FIELD_INTEGER, AT(raw_policy, half_open), .fallback = "4096", .max = 1e6,
     .doc = "Handshakes that a gateway or server has under way at once; one more is refused. 0: "
            "any number."},
    {"half_open_per_peer", FIELD_INTEGER, AT(raw_policy, half_open_per_peer), .fallback = "5",
     .max = 1e6, .doc = "Likewise, those with the same address. 0: any number."},
    {"cookies", FIELD_BOOL, AT(raw_policy, cookies), .fallback = "true",
     .doc = "DTLS: whether a ClientHello is believed only when it has brought back a cookie that "
            "was sent to its address (RFC 6347 4.2.1); false is for policies whose name begins "
            "with broken- alone."},
    {"signature_algorithms", FIELD_TEXTS, AT(raw_policy, signature_algorithms),
     .names = "signature algorithm",
     .doc = "Signature schemes that both ends accept of each other, in order of preference, by "
            "their names in TLS 1.3, such as ecdsa_secp256r1_sha256; in TLS 1.2 the hash counts "
            "alone. "
            "Without it OpenSSL's defaults hold."},
    {"crl", FIELD_BOOL, AT(raw_policy, crl), .fallback = "false",
     .doc = "Whether certificates are looked up in the revocation list of the scenario's CA, which "
            "names those that are `revoked` or were so at its issue; on resumption too where "
            "`security.revocation` is there."},
    {"ocsp", FIELD_WORD, AT(raw_policy, ocsp), .fallback = "false", .words = words_ocsp,
     .doc = "Whether the server of a session must bring the CA's word that its certificate is not "
            "revoked (OCSP stapling): true: without a good one there is no session; soft-fail: "
            "only its word that it is revoked ends the handshake. Of clients' certificates it says "
            "nothing, OpenSSL 3.0 has no staples for them: take `crl`."},
    {"name_check", FIELD_WORD, AT(raw_policy, name_check), .fallback = "required",
     .words = words_name_check,
     .doc = "Whether the peer's certificate must carry the name of the peer that is meant; none is "
            "for policies whose name begins with broken- alone."},
    {"version_fallback", FIELD_WORD, AT(raw_policy, version_fallback), .fallback = "none",
     .words = words_fallback,
     .doc = "What a client offers after a handshake that failed: all its versions again; one less "
            "than before, until one is established (unprotected, for policies whose name begins "
            "with broken- alone); or one less, and TLS_FALLBACK_SCSV tells the server (RFC 7507), "
            "which answers inappropriate_fallback where it can do more."},
    {"max_fragment_length", FIELD_SIZE, AT(raw_policy, max_fragment_length), .min = 512,
     .max = 4096,
     .doc =
         "Largest content of a record that the client asks for (RFC 6066): 512 B, 1024 B, 2048 B "
         "or 4096 B; without it 16 KiB."},
    {"record_padding", FIELD_SIZE, AT(raw_policy, record_padding), .min = 2, .max = 16384,
     .doc =
         "TLS 1.3: records are padded to a multiple of this many octets; without it not at all."},
    {"early_data", FIELD_SIZE, AT(raw_policy, early_data), .min = 1, .max = 16384,
     .doc = "TLS 1.3 with tickets: messages that wait for a session go along with its first flight "
            "where a ticket allows it (0-RTT data), so many octets at the most; without it none "
            "does. They are sealed by the keys of the earlier session, and taken before the new "
            "one is established: what that means for the rules of clause 5.9.1 is in "
            "[results/README.md](../results/README.md#early-data)."},
    {"anti_replay", FIELD_WORD, AT(raw_policy, anti_replay), .words = words_anti_replay,
     .doc = "Whether servers take 0-RTT data once a ticket (RFC 8446 8.1), the default, or as "
            "often as somebody "
            "sends it; none is for policies whose name begins with broken- alone."},
    {"esp", FIELD_LATER, AT(raw_policy, later), .doc = "ESP transform."},
    {"connection_id", FIELD_LATER, AT(raw_policy, later),
     .lacking = "OpenSSL 3.0 has no connection identifiers of DTLS (RFC 9146)",
     .doc = "Connection identifiers of DTLS."},
    {"certificate_compression", FIELD_LATER, AT(raw_policy, later),
     .lacking = "OpenSSL 3.0 has no compressed certificates (RFC 8879); they come with 3.2",
     .doc = "Compressed certificates."},
    {"raw_public_keys", FIELD_LATER, AT(raw_policy, later),
     .lacking = "OpenSSL 3.0 has no raw public keys (RFC 7250); they come with 3.2",
     .doc = "Keys without certificates."},
    {"record_size_limit", FIELD_LATER, AT(raw_policy, later),
     .lacking =
         "OpenSSL 3.0 has no record size limit (RFC 8449); max_fragment_length (RFC 6066) is "
         "there",
     .doc = "Largest record that an end takes."},
};
const struct section section_policy = {
    .name = "policies",
    .title = "policy",
    FIELDS(policy_fields),
    .bytes = sizeof(struct raw_policy),
    .inherits = true,
    .doc = "Named sets of choices for secure sessions. The name `default` stands for a policy with "
           "all defaults unless the file defines it; the sets listed under [Policies that have a "
           "name](#policies-that-have-a-name) may be used and extended likewise.",
    .example = "security:\n"
               "  policies:\n"
               "    modern: {versions: [\"1.3\"], groups: [X25519, P-256], auth: mutual}\n"
               "    old: {extends: modern, versions: [\"1.2\"], ciphers: "
               "[ECDHE-ECDSA-AES128-GCM-SHA256]}\n"
               "    shared-key: {auth: psk, session_lifetime: 10 min}\n"
               "    strict: {extends: bcp195, versions: [\"1.3\"], crl: true}\n"};
