/* Secure sessions, sans-I/O: octets in, octets out. No sockets, no callbacks, no clock: virtual
 * time is an argument. One table of operations a kind (tls.c, dtls.c, clear.c; later ipsec.c),
 * registered in kinds[] (session.c).
 *
 * Kinds over a stream (tls, clear) take and give octets; kinds over datagrams (dtls,
 * clear-datagram) take and give lists of datagrams, any of which may be lost, come twice or in
 * another order on the way.
 *
 * A session is one end. It is used by one thread at a time, but by any thread:
 * secure_session_step() is the whole work of a job and touches nothing shared that changes. */
#ifndef SIM_SECURE_SECURE_SESSION_H
#define SIM_SECURE_SECURE_SESSION_H

#include "sim/secure/secure_identity.h"

enum secure_kind { SECURE_TLS, SECURE_DTLS, SECURE_CLEAR, SECURE_CLEAR_DATAGRAM };
/* "tls", "dtls", "clear" and, each message a datagram, "clear-datagram" (no protection at all: the
 * positive controls of the measurements). */
const char *secure_kind_name(enum secure_kind kind);
/* Whether its wire is a list of datagrams. */
bool secure_kind_has_datagrams(enum secure_kind kind);
/* Whether it protects anything. */
bool secure_kind_protects(enum secure_kind kind);

/* The smallest and the largest path MTU (IPv4 packet, octets) that DTLS makes use of. OpenSSL sends
 * nothing at all below 256, without an error, and exceeds what it is told by up to 24 octets; above
 * the second it would cut records. */
enum { SECURE_DTLS_MTU_LEAST = 280, SECURE_DTLS_MTU_MOST = 4096 };

enum secure_auth { SECURE_AUTH_MUTUAL, SECURE_AUTH_SERVER_ONLY, SECURE_AUTH_PSK };
/* 1.0 and 1.1 at security level 0 only. */
enum secure_version {
    SECURE_TLS10 = 0x0301,
    SECURE_TLS11 = 0x0302,
    SECURE_TLS12 = 0x0303,
    SECURE_TLS13 = 0x0304
};

/* Whether responders take 0-RTT data (TLS 1.3, with tickets): not at all; once a ticket (RFC 8446
 * 8.1), which takes a `secure_seen`; as often as somebody sends it, a hole for controls that must
 * find it. */
enum secure_early { SECURE_EARLY_NONE, SECURE_EARLY_ONCE, SECURE_EARLY_REPLAYABLE };

/* Whether initiators want the responder's certificate to come with the CA's word on it (OCSP,
 * stapled): not at all; they do, and without a good one there is no session; they do, but only its
 * word that the certificate is revoked ends the handshake. */
enum secure_ocsp { SECURE_OCSP_NONE, SECURE_OCSP_REQUIRED, SECURE_OCSP_SOFT_FAIL };

/* What both ends may negotiate. Strings use OpenSSL's names and are copied by
 * secure_policy_create(). */
struct secure_policy_params {
    const char *name;
    enum secure_kind kind;
    enum secure_version min_version; /* DTLS is 1.2 (RFC 6347) whatever these say */
    enum secure_version max_version;
    const char *ciphers;      /* TLS 1.2 list, or NULL: OpenSSL's default */
    const char *ciphersuites; /* TLS 1.3 list, or NULL */
    const char *groups;       /* "X25519:P-256", or NULL */
    enum secure_auth auth;
    bool tickets; /* the server issues session tickets, the client keeps the last one */
    sim_time ticket_lifetime;
    sim_time resumption_lifetime; /* responders resume no session whose last full handshake is
                                     longer ago, however new the ticket; 0: they do */
    int security_level;           /* OpenSSL security level, -1: 2; 0 admits NULL ciphers */
    sim_time retransmit_after;    /* DTLS: a flight is sent again after this, then after twice this
                                     ...; 0: 1 s (RFC 6347 4.2.4.1) */
    const char *signature_algorithms; /* "ecdsa_secp256r1_sha256:ed25519", of both ends; or NULL */
    size_t max_fragment_length; /* content of records that clients ask for (RFC 6066): 512, 1024,
                                   2048, 4096; 0: they ask for nothing */
    size_t record_padding;      /* TLS 1.3: records come in multiples of this; 0 or 1: any length */
    bool no_name_check; /* `expected_peer` is not looked at: a hole, for controls that must find it
                         */
    bool no_cookies;    /* DTLS responders believe a ClientHello at once: likewise */
    enum secure_early early;
    uint32_t early_bytes;  /* most octets of 0-RTT data that responders take; 0: 16384 */
    enum secure_ocsp ocsp; /* whether initiators want the responder's certificate to come with the
                              CA's word that it is good: secure_identity_staple() */
    bool crl; /* certificates are good only where the CA's list says so: secure_policy_set_crl(), or
                 a session's own list */
};

/* Whether this OpenSSL has a cipher of TLS 1.2, a cipher suite of TLS 1.3 ("TLS_...") or an
 * operator on a cipher list of that name, at any security level; likewise a group. */
bool secure_cipher_known(const char *name);
/* The number on the wire of a suite that secure_facts names; 0: not known. */
int secure_cipher_number(const char *name);
bool secure_group_known(const char *name);
bool secure_signature_known(const char *name);

/* A policy made ready: one SSL_CTX a role, shared by all its sessions. */
struct secure_policy;
/* -SIM_ENOTSUP / -SIM_EINVAL with a sentence in `diags`: this OpenSSL lacks a named cipher or
 * group. `trust` is the CA that peers' certificates must chain to; borrowed. */
int secure_policy_create(struct secure_env *env, const struct secure_policy_params *params,
                         const struct secure_ca *trust, struct secure_policy **ret,
                         struct diag_list *diags);
void secure_policy_free(struct secure_policy *policy);
/* The list that sessions of a policy with `crl` look at; before the first of them. Without one they
 * accept nobody. -SIM_ECRYPTO with a sentence. */
int secure_policy_set_crl(struct secure_policy *policy, const struct secure_crl *crl,
                          struct diag_list *diags);
enum secure_kind secure_policy_kind(const struct secure_policy *policy);
/* Verifies the chain of `peer` as a session of this policy will have to, an initiator's or a
 * responder's, so that it finds that done. Changes what a session costs the machine and nothing
 * else; safe from any thread. */
void secure_policy_foresee(const struct secure_policy *policy, const struct secure_identity *peer,
                           bool by_responder, sim_time now);

struct secure_session;

/* The tickets that were used for 0-RTT data at one responder; safe from any thread. */
struct secure_seen;
struct secure_seen *secure_seen_create(void);
void secure_seen_free(struct secure_seen *seen);

struct secure_session_params {
    bool initiator;
    const char *owner; /* entity name; with `ordinal` it keys the session's random stream */
    uint64_t ordinal;  /* of the session at this owner */
    const struct secure_identity
        *identity;             /* borrowed, outlives the session; NULL: no certificate */
    const char *expected_peer; /* URN the peer's certificate must carry as URI SAN; NULL: any (not
                                  checked) */
    struct span psk;           /* for SECURE_AUTH_PSK; copied */
    const char *psk_identity;  /* initiator: sent; responder: expected */
    struct span ticket;        /* initiator: serialised session to resume, or empty; copied */
    struct span ticket_key; /* responder: 80 octets that seal its tickets (same for all sessions of
                               the entity), or empty; copied */
    enum secure_version max_version; /* initiator, TLS: offers no later one; 0: the policy's */
    bool fallback;      /* and says that it would offer more (TLS_FALLBACK_SCSV, RFC 7507) */
    bool key_log;       /* collect NSS key log lines */
    struct span staple; /* responder: the OCSP response that it hands over, or empty: that of its
                           identity, if any; copied */
    const struct secure_crl *crl; /* the list that this end looks at in a policy with `crl`, instead
                                     of the policy's: on resumption too; borrowed, outlives the
                                     session; NULL: none of its own */
    struct span early_data;   /* initiator: goes along with the ClientHello where the ticket allows
                                 it; the responder has it before it is established, and anybody may
                                 have sent it before; copied */
    struct secure_seen *seen; /* responder, SECURE_EARLY_ONCE: borrowed; NULL: it takes none */
    /* DTLS */
    size_t
        mtu; /* of the path: largest IPv4 packet, octets; what is above the most is as the most */
    struct span cookie_secret; /* responder: keys its cookies (RFC 6347 4.2.1); empty: one of the
                                  session's own; copied */
    struct span peer_address;  /* responder: what a cookie is bound to; copied */
};

/* `now`: virtual time of creation. -SIM_EINVAL: an MTU below SECURE_DTLS_MTU_LEAST. -SIM_ENOTSUP:
 * DTLS with an Ed25519 certificate, which OpenSSL 3.0 has no suite for. */
int secure_session_open(struct secure_policy *policy, const struct secure_session_params *params,
                        sim_time now, struct secure_session **ret);
void secure_session_free(struct secure_session *s);

enum secure_state {
    SECURE_HANDSHAKING,
    SECURE_ESTABLISHED, /* this end is done */
    SECURE_CLOSED,      /* in order: close_notify both sent and received, or one of them with the
                           transport's end */
    SECURE_FAILED,
};

/* Input of one step; all borrowed during the call. */
struct secure_input {
    bool start;       /* initiator: begin the handshake */
    struct span wire; /* octets received, in order; or a list of datagrams */
    bool wire_end;    /* the transport ended after `wire` */
    const struct span
        *messages; /* plaintext to protect, one record run each; needs SECURE_ESTABLISHED */
    size_t message_count;
    bool key_update; /* TLS 1.3: update keys (and ask the peer to) before the messages */
    bool close;      /* send close_notify after the messages */
};

enum secure_event_kind {
    SECURE_EVENT_ALERT_SENT,
    SECURE_EVENT_ALERT_RECEIVED,
    SECURE_EVENT_HANDSHAKE_SENT, /* a handshake message, for the first time; `name` e.g.
                                    "ClientHello" */
    SECURE_EVENT_HANDSHAKE_RECEIVED,
    SECURE_EVENT_TICKET, /* a ticket to resume with arrived: secure_session_ticket() */
};

struct secure_event {
    enum secure_event_kind kind;
    uint8_t code;     /* alert description or handshake type */
    uint8_t level;    /* alert level: 1 warning, 2 fatal */
    const char *name; /* RFC 8446 name, e.g. "unknown_ca", "Finished"; static storage */
    size_t bytes;     /* length of the handshake message */
};

/* Operations done in a step, read from the handshake messages that really passed: what the device's
 * CPU profile turns into time. */
struct secure_ops {
    uint32_t key_generate;            /* ephemeral key pairs made */
    uint32_t key_agree;               /* shared secrets derived */
    uint32_t sign;                    /* with this end's certificate key */
    uint32_t verify;                  /* of the peer's handshake signature */
    uint32_t chain_verify;            /* certificate signatures verified, and a staple's */
    uint32_t kdf;                     /* key schedule runs (PRF / HKDF stages) */
    uint32_t records;                 /* protected records sealed or opened */
    uint64_t record_bytes;            /* octets in them */
    uint64_t hash_bytes;              /* handshake octets hashed */
    enum secure_key_kind sign_kind;   /* of `sign` */
    enum secure_key_kind verify_kind; /* of `verify` and `chain_verify` */
    int group; /* TLS NamedGroup of the agreement (RFC 8446 4.2.7), 0: none */
};

/* Output of one step, appended to by it; init with secure_output_init(), reuse after
 * secure_output_clear(). */
struct secure_output {
    struct buf wire;    /* octets to send; or a list of datagrams */
    struct buf plain;   /* plaintext received, in order (a stream: records are not message borders);
                           over datagrams whole messages, one after the other, in the order in which
                           they became whole */
    struct buf key_log; /* lines to append to the key log */
    struct secure_event *events;
    size_t event_count;
    size_t event_capacity;
    struct secure_ops ops;
    enum secure_state state;
    size_t handshake_bytes; /* of `wire`: those written before this end was established, */
    size_t early_bytes;     /* but for these: records of 0-RTT data */
    /* DTLS */
    size_t handshake_datagrams; /* likewise */
    bool flight_repeated;       /* a handshake flight was sent again */
    sim_time deadline; /* a step is due then, whatever arrives; SIM_TIME_NEVER: none (the value of
                          the last step counts) */
    uint64_t records_dropped; /* as in secure_facts (the value of the last step counts) */
};
void secure_output_init(struct secure_output *out);
void secure_output_clear(struct secure_output *out);
void secure_output_fini(struct secure_output *out);

/* Lists of datagrams. `message`: the number from 1 of the message among those of the step's input
 * that the datagram carries, or carries a piece of; 0: none (of received ones always). */
void secure_datagram_append(struct buf *list, struct span datagram, uint16_t message);
/* Takes the first (borrowed) off; false: the list is empty. CHECK: not a list. */
bool secure_datagram_take(struct span *list, struct span *datagram, uint16_t *message);

/* The whole work of one end for one input. Never blocks. A bad peer shows as SECURE_FAILED with an
 * alert event and secure_session_failure(); the return value is negative only for misuse
 * (CHECK-like: messages before SECURE_ESTABLISHED give -SIM_ESTATE). `now`: virtual time, used for
 * certificate validity and ticket age. */
int secure_session_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                        struct secure_output *out);

/* What secure_session_step() with this input will do at least, unless it fails; all 0 where nothing
 * is known. Cheap, changes nothing; not while a step of the session runs. */
void secure_session_least(const struct secure_session *s, const struct secure_input *in,
                          struct secure_ops *ret);

/* What the step of an established session will do exactly, and how many messages it will open:
 * true only where each message fits a record and the input is all that the peer's session made of
 * its messages; false: not known. Cheap, changes nothing; not while a step of the session runs. */
bool secure_session_foretell(const struct secure_session *s, const struct secure_input *in,
                             struct secure_ops *ret, uint32_t *messages);

/* A step of an established session comes soon: fetches into the processor's cache the session; what
 * it leads to (it is looked into: some time later); the keys of one direction. Changes nothing.
 * NULL is fine; not while a step of a handshake runs. */
enum secure_fetch { SECURE_FETCH_SESSION, SECURE_FETCH_OBJECTS, SECURE_FETCH_KEYS };
void secure_session_fetch(const struct secure_session *s, enum secure_fetch what, bool sends);

enum { SECURE_NAME_BYTES = 64 };

/* Read from the live session object after the handshake; "" or 0 where not (yet) known. */
struct secure_facts {
    enum secure_state state;
    char version[SECURE_NAME_BYTES];   /* "TLSv1.3" */
    char cipher[SECURE_NAME_BYTES];    /* "TLS_AES_128_GCM_SHA256" */
    int cipher_bits;                   /* strength of the encryption; 0: NULL cipher */
    bool aead_or_mac;                  /* records are authenticated */
    char kex_group[SECURE_NAME_BYTES]; /* "X25519"; "" without (EC)DHE */
    bool forward_secret;               /* an ephemeral key agreement took part */
    bool resumed;
    bool extended_master_secret;
    bool peer_certificate; /* the peer presented a certificate that this end verified */
    char peer_id[128];     /* URN of the verified certificate, or the PSK identity */
    /* of the peer's handshake signature: "ecdsa_sha256", "rsa_pss_sha256", "rsa_pkcs1_sha256",
     * "ed25519" */
    char peer_signature[SECURE_NAME_BYTES];
    char peer_auth[SECURE_NAME_BYTES]; /* how this end knows the peer: "certificate", "psk", "none",
                                          "resumption (certificate)" ... */
    long verify_result;                /* X509_V_* of the peer's chain */
    const char *verify_text;           /* X509_verify_cert_error_string(); static */
    const char *early_data; /* 0-RTT data. "none"; "offered": sent, and not answered (yet);
                               "accepted"; "rejected": then it was not delivered. Static */
    size_t early_bytes;     /* plaintext of it that the initiator sent, or the responder took */
    bool early_protected;   /* the suite that it went under encrypts and authenticates */
    const char *revocation; /* how the peer's certificate was found not to be revoked: "crl",
                               "ocsp", "crl, ocsp"; "none": nobody asked; "unknown": this end asked
                               and went on without an answer; static */
    const char *staple;  /* initiator that asked: the word of struct secure_status (secure_ocsp.h)
                            for the response that was stapled; NULL: it did not ask, or not yet */
    sim_time staple_age; /* since its thisUpdate, when it was looked at; SIM_TIME_NEVER: unknown */
    bool close_notify_sent;
    bool close_notify_received;
    /* What both ends of a session must have alike, each read from this end's own object: the first
     * 8 octets of it, the first the most significant; 0: not known, or none. */
    uint64_t client_random, server_random;
    uint64_t secret;           /* of what the secrets export (RFC 5705; RFC 8446 7.5) under a label
                                  that nothing else uses: alike where they are, and no key */
    uint64_t own_certificate;  /* of the SHA-256 of the certificate that this end may present */
    uint64_t peer_fingerprint; /* of the certificate that the peer presented to this end */
    /* Records whose headers this end wrote, and read; whatever came of these. */
    uint64_t records_sent, records_received;
    uint64_t records_dropped; /* DTLS: records received so far that came to nothing: not
                                 authentic, seen before, cut short. OpenSSL drops them in silence
                                 (RFC 6347 4.1.2.7) */
};
void secure_session_facts(const struct secure_session *s, struct secure_facts *ret);
/* Short reason of SECURE_FAILED: the alert's name ("unknown_ca"), "truncated" (transport ended
 * without close_notify), ...; "" while not failed. Valid as long as the session. */
const char *secure_session_failure(const struct secure_session *s);
/* The newest ticket received, serialised; empty when none. Borrowed until the next step. */
struct span secure_session_ticket(const struct secure_session *s);

#endif
