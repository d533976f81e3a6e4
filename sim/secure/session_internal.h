/* Sessions inside sim/secure: one table of operations a kind. */
#ifndef SIM_SECURE_SESSION_INTERNAL_H
#define SIM_SECURE_SESSION_INTERNAL_H

#include <openssl/ssl.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/secure_session.h"
#include "sim/secure/stream.h"

enum { TICKET_KEY_BYTES = 80 };

struct secure_policy {
    struct secure_env *env;
    const struct secure_kind_ops *ops;
    char *name;
    enum secure_kind kind;
    enum secure_auth auth;
    sim_time retransmit_after; /* DTLS */
    bool no_name_check;
    bool crl;
    enum secure_ocsp ocsp;
    enum secure_early early;
    X509 *trust; /* the CA; borrowed */
    bool tickets;
    sim_time resumption_lifetime; /* SIM_TIME_NEVER: without end */
    bool tls13_only;
    bool whole_records; /* records are neither padded nor cut shorter than usual */
    int first_group;    /* TLS NamedGroup that a ClientHello has a share of; 0: OpenSSL's choice */
    /* TLS: [server][key log wanted]. OpenSSL formats the lines of a key log, 50 us a handshake,
     * wherever a context has a callback for them. */
    SSL_CTX *contexts[2][2];
    uint64_t askers[2]; /* by server: who asks known_verify() */
    BIO_METHOD *bio;
};

/* How far the octets received so far go into a record. */
struct record_borders {
    uint8_t header[SSL3_RT_HEADER_LENGTH];
    uint8_t have;  /* octets of the header */
    uint16_t left; /* octets of the body that have not come */
};

/* Where OpenSSL's objects of a session lie, for fetch.c; NULL: not known. */
struct session_places {
    const void *bio;
    struct session_cipher {
        const void *context;
        const void *keys; /* and what else its provider keeps with them */
        uint16_t key_bytes;
    } ciphers[2]; /* that open, and that seal */
};

#define SESSION_HOT_BYTES offsetof(struct secure_session, failure)
struct secure_session {
    /* what a step of an established session touches */
    const struct secure_policy *policy;
    enum secure_state state;
    bool started;         /* the initiator was told to */
    bool was_established; /* whatever came later */
    bool initiator;
    bool close_sent, close_received;
    bool cut_record;                   /* a step ended within a record: the borders are lost */
    bool sealed_sent, sealed_received; /* TLS 1.2: ChangeCipherSpec has passed */
    struct record_borders borders;
    uint32_t seal_overhead; /* what TLS 1.3 adds to an application record; 0: not known */
    SSL *ssl;               /* TLS; NULL before the first step */
    struct dtls *dtls;      /* NULL: another kind */
    uint64_t records[2];    /* headers read, written */
    sim_time now;           /* during a step, as what follows */
    struct span input;      /* octets that OpenSSL has not read yet */
    struct secure_output *output;
    struct session_places places;
    /* the rest */
    char failure[SECURE_NAME_BYTES];
    struct buf ticket; /* newest received */
    /* TLS */
    bool key_log;                    /* wanted */
    bool fallback;                   /* initiator: sends TLS_FALLBACK_SCSV */
    bool early_over;                 /* 0-RTT data are sent, or all are received */
    enum secure_version max_version; /* initiator: 0: the policy's */
    struct buf offer;                /* ticket to resume with, until the first step */
    struct stream stream;
    const struct secure_identity *identity;
    char *expected_peer;
    struct buf psk;
    char *psk_identity;
    uint8_t *ticket_key;      /* TICKET_KEY_BYTES, or NULL */
    struct buf early;         /* initiator: 0-RTT data */
    struct secure_seen *seen; /* responder */
    size_t early_bytes;       /* of it, sent or taken */
    struct buf staple;        /* responder: OCSP response of its own, or empty */
    const char *stapled;      /* initiator: what the OCSP response said, or NULL */
    sim_time staple_age;
    const struct secure_crl *crl; /* of this end, or NULL */
    uint64_t secret;              /* exported when this end was done; see secure_facts */
};

struct secure_kind_ops {
    const char *name;
    int (*open)(struct secure_session *s, const struct secure_session_params *params, sim_time now);
    void (*step)(struct secure_session *s, const struct secure_input *in, sim_time now,
                 struct secure_output *out);
    /* NULL: a step of this kind may do nothing. */
    void (*least)(const struct secure_session *s, const struct secure_input *in,
                  struct secure_ops *least);
    /* NULL: nothing is foretold. */
    bool (*foretell)(const struct secure_session *s, const struct secure_input *in,
                     struct secure_ops *ret, uint32_t *messages);
    void (*facts)(const struct secure_session *s, struct secure_facts *ret);
    void (*free)(struct secure_session *s);
};

extern const struct secure_kind_ops tls_ops;
extern const struct secure_kind_ops dtls_ops;
extern const struct secure_kind_ops clear_ops;
extern const struct secure_kind_ops clear_datagram_ops;

/* session.c */
/* The first reason stays. */
void session_fail(struct secure_session *s, const char *reason);
void session_event(struct secure_session *s, enum secure_event_kind kind, uint8_t code,
                   uint8_t level, const char *name, size_t bytes);

/* tls.c: what TLS and DTLS share of a step */
int tls_open(struct secure_session *s, const struct secure_session_params *params, sim_time now);
/* OpenSSL's calls of a step stand between these; the first makes the SSL object where there is
 * none. */
void tls_enter(struct secure_session *s, const struct secure_input *in, sim_time now);
void tls_leave(struct secure_session *s, struct secure_output *out);
void tls_handshake(struct secure_session *s);
/* OpenSSL gave `result` and goes on no more: waits, or has failed. */
void tls_note_failure(struct secure_session *s, int result);
void tls_send_close(struct secure_session *s);
/* What the transport's end means depends on whether anybody said goodbye before. */
void tls_note_end(struct secure_session *s, bool wire_end);
void tls_free(struct secure_session *s);
/* DTLS has numbers of its own, which count downwards. */
bool tls_is_13(const SSL *ssl);

/* dtls_bio.c: the same over lists of datagrams */
BIO_METHOD *dtls_bio_method(void);
/* dtls.c: what a session has beyond one of TLS */
void dtls_set_up(struct secure_session *s);
int dtls_on_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len);
int dtls_on_check_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len);
/* A handshake message with this number is sent; whether for the first time. */
bool dtls_is_new(struct secure_session *s, unsigned number);
/* A sealed record was good. */
void dtls_note_good(struct secure_session *s);
/* A datagram leaves. */
void dtls_note_written(struct secure_session *s, size_t bytes);
uint16_t dtls_message(const struct secure_session *s);

/* tls_bio.c: a BIO that reads from the session's input and writes to its output, both of the
 * running step. */
BIO_METHOD *tls_bio_method(void);

/* tls_events.c: what passes through a TLS session, as events and operations */
void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
                    void *arg);
/* The groups and kinds of key behind the operations counted in this step. */
void tls_name_operations(struct secure_session *s, struct secure_ops *ops);

/* tls_least.c */
void tls_least(const struct secure_session *s, const struct secure_input *in,
               struct secure_ops *least);
bool tls_foretell(const struct secure_session *s, const struct secure_input *in,
                  struct secure_ops *ret, uint32_t *messages);
/* Notes where the records of a step's octets end. */
void tls_track_records(struct secure_session *s, struct span wire);

/* tls_setup.c: the SSL_CTXs of a policy */
int tls_contexts_create(struct secure_policy *policy, const struct secure_policy_params *params,
                        const struct secure_ca *trust, struct diag_list *diags);

/* What libssl will do with a peer's certificate in a handshake, done before. */
void tls_foresee(const struct secure_policy *policy, X509 *certificate, bool server, sim_time now);

/* tls_callbacks.c: they find their session through SSL_get_app_data() */
int tls_on_verify(int good, X509_STORE_CTX *store);
int tls_on_verify_psk(int good, X509_STORE_CTX *store);
int tls_on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int sealing);
SSL_TICKET_RETURN tls_on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                       size_t name_len, SSL_TICKET_STATUS status, void *arg);
int tls_on_new_ticket(SSL *ssl, SSL_SESSION *session);
unsigned int tls_on_psk_client(SSL *ssl, const char *hint, char *identity,
                               unsigned int identity_size, unsigned char *psk,
                               unsigned int psk_size);
unsigned int tls_on_psk_server(SSL *ssl, const char *identity, unsigned char *psk,
                               unsigned int psk_size);
int tls_on_psk_use(SSL *ssl, const EVP_MD *digest, const unsigned char **identity, size_t *len,
                   SSL_SESSION **ret);
int tls_on_psk_find(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **ret);
/* fetch.c */
/* Where libssl puts a handshake's ciphers is noted, on this thread, until NULL is given. */
void fetch_note(struct session_places *places);
/* early.c */
int tls_on_early(SSL *ssl, void *arg);
bool early_set_context(SSL_CTX *ctx, bool server, const struct secure_policy_params *params,
                       enum secure_early early);
/* Sends or receives 0-RTT data; whether the handshake goes on now. */
bool early_work(struct secure_session *s, struct secure_output *out);
void early_facts(const struct secure_session *s, struct secure_facts *f);
/* staple.c */
int tls_on_status(SSL *ssl, void *arg);
/* tls_origin.c */
int tls_on_make_ticket(SSL *ssl, void *arg);
/* Whether the last full handshake behind a ticket is not too long ago. */
bool tls_origin_allows(const struct secure_session *s, SSL_SESSION *session);
/* tls_revocation.c: known_verify() where the policy has the list, or none; else with this end's
 * own. */
int tls_on_verify_chain(X509_STORE_CTX *store, void *asker);
/* Whether this end's own list, if it has one, is still good and does not name the certificate. */
bool tls_list_allows(const struct secure_session *s, X509 *peer);
void tls_on_key_log(const SSL *ssl, const char *line);
/* Whether a resumed session's peer is still the one that is meant, with a certificate still valid.
 */
bool tls_may_resume(const struct secure_session *s, const SSL_SESSION *session);

/* tls_view.c: what the peer must have alike */
/* This end is done; within a step. */
void tls_note_secret(struct secure_session *s);
void tls_view(const struct secure_session *s, struct secure_facts *f);

/* tls_facts.c */
void tls_facts(const struct secure_session *s, struct secure_facts *ret);

#endif
