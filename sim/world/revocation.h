/* What the scenario's CA says of the certificates that it has issued, for policies that ask: its
 * revocation list, and its OCSP responses. Without `security.revocation` both are made before the
 * run and count for all of it. With it they count for a while and are made anew: lists when they
 * are due, responses when somebody asks. Who is on the network with the responder fetches both from
 * there (status.c); what a session looks at is what its end has got by then. */
#ifndef SIM_WORLD_REVOCATION_H
#define SIM_WORLD_REVOCATION_H

#include "sim/secure/secure_ocsp.h"
#include "sim/world/world_internal.h"

/* The CA has revoked this certificate of its own before the run; before revocation_start(). The
 * identity belongs to somebody else and lives as long as the run. */
void revocation_revoke(struct world *w, struct secure_identity *identity);
/* Makes what is there at the start; when all certificates are issued, those of attackers too. */
int revocation_start(struct world *w, struct diag_list *diags);
/* Time begins: what is due later, and the rows about what there is. */
void revocation_run(struct world *w);
void revocation_free(struct world *w);
/* What the end of `hop` at `side` staples and looks at now; borrowed, the list as long as the run.
 */
void revocation_session(const struct hop *hop, int side, struct secure_session_params *params);

/* --- for status.c and the rows ---------------------------------------------------------------- */

/* What an entity has got. */
struct status_holder {
    struct world *world;
    struct entity *entity;
    bool staples[5];     /* it needs one for the certificate of that kind */
    bool looks_up;       /* it needs the list */
    struct entity *asks; /* the responder that it fetches from, or is itself; NULL: it has all as
                            soon as it is made */
    struct buf staple[5];
    const struct secure_crl *list;
};

enum status_what { STATUS_OCSP, STATUS_CRL };

/* How a fetch ended. */
struct status_row {
    const struct status_holder *holder;
    enum status_what what;
    enum secure_key_kind kind; /* of the certificate; STATUS_OCSP */
    sim_time at;
    const char *outcome;
    size_t request_bytes, response_bytes; /* octets on the stream, 0: not over the network */
    sim_time this_update, next_update;    /* or SIM_TIME_NEVER */
};

struct revocation {
    struct secure_revoked *revoked;
    size_t revoked_count, revoked_capacity;
    struct secure_identity **others; /* of attackers: they staple what the CA says of them */
    size_t other_count, other_capacity;
    struct secure_crl *list; /* of the policies, for the whole run; NULL: no policy asks for it */
    /* with security.revocation */
    struct status_holder *holders; /* by node */
    struct secure_identity *delegate;
    struct secure_responder *responder;
    struct secure_crl **lists; /* all that were issued, the newest last */
    size_t list_count, list_capacity;
    struct status_connection *connections;
    struct status_fetch *fetches;
};

/* revocation.c: what the responder `at` (NULL: the CA) answers to a request, DER, appended; how
 * long it computes for that. */
sim_time revocation_answer(struct world *w, const struct entity *at, struct span request,
                           struct buf *ret);
/* What the holder has got. `word`: what was found in the response (secure_ocsp.h). */
const char *revocation_take_staple(struct status_holder *h, enum secure_key_kind kind,
                                   struct span response, struct span nonce,
                                   struct secure_status *status);
const char *revocation_take_list(struct status_holder *h, struct span list);

/* status.c: the port of a responder is opened; -SIM_E... */
int status_listen(struct status_holder *responder);
/* Asks over the network; what comes of it is taken and written. */
void status_fetch(struct status_holder *h, enum status_what what, enum secure_key_kind kind);
void status_free(struct revocation *r);

/* report_revocation.c */
void report_revoked(struct world *w, const struct entity *e, sim_time at);
void report_list(struct world *w, const struct secure_crl *list, uint64_t number, size_t entries,
                 sim_time this_update, sim_time next_update);
void report_status(struct world *w, const struct status_row *row);

#endif
