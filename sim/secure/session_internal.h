/* Sessions inside sim/secure: one table of operations a kind. */
#ifndef SIM_SECURE_SESSION_INTERNAL_H
#define SIM_SECURE_SESSION_INTERNAL_H

#include <openssl/ssl.h>

#include "sim/secure/identity_internal.h"
#include "sim/secure/secure_session.h"
#include "sim/secure/stream.h"

struct secure_policy {
    struct secure_env *env;
    const struct secure_kind_ops *ops;
    enum secure_kind kind;
    enum secure_auth auth;
    bool tickets;
    SSL_CTX *contexts[2]; /* client, server; NULL for kinds without TLS */
};

struct secure_session {
    const struct secure_policy *policy;
    enum secure_state state;
    bool initiator;
    char failure[SECURE_NAME_BYTES];
    bool close_sent, close_received;
    /* TLS */
    SSL *ssl;
    BIO *in;  /* owned by ssl */
    BIO *out; /* owned by ssl */
    struct stream stream;
    const struct secure_identity *identity;
    char *expected_peer;
    struct buf psk;
    char *psk_identity;
    struct buf ticket; /* newest received */
    uint8_t ticket_key[80];
    bool has_ticket_key;
    bool key_log;
    struct secure_output *output; /* during a step */
};

struct secure_kind_ops {
    const char *name;
    int (*open)(struct secure_session *s, const struct secure_session_params *params, sim_time now);
    void (*step)(struct secure_session *s, const struct secure_input *in, sim_time now,
                 struct secure_output *out);
    void (*facts)(const struct secure_session *s, struct secure_facts *ret);
    void (*free)(struct secure_session *s);
};

extern const struct secure_kind_ops tls_ops;
extern const struct secure_kind_ops clear_ops;

/* session.c */
void session_fail(struct secure_session *s, const char *reason);
void session_event(struct secure_session *s, enum secure_event_kind kind, uint8_t code,
                   uint8_t level, const char *name, size_t bytes);

/* tls_events.c: what passes through a TLS session, as events and operations */
void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
                    void *arg);
const char *tls_alert_name(int code);

/* tls_setup.c: the SSL_CTX of a policy; callbacks that find their session through
 * SSL_get_app_data() */
int tls_contexts_create(struct secure_policy *policy, const struct secure_policy_params *params,
                        const struct secure_ca *trust, struct diag_list *diags);

#endif
