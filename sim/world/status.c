/* What the CA says, over the network: the responder answers one HTTP request a connection, OCSP by
 * POST and the newest list by GET; gateways and servers fetch. A responder that is silent takes
 * connections and answers nothing; who asks gives up after a while. Its signatures take their time
 * on its processor; what the others compute on an answer, and reading a list, takes none [ours]. */
#include <stdlib.h>
#include <string.h>

#include "sim/world/http.h"
#include "sim/world/revocation.h"

enum { HTTP_PORT = 80 };
#define FETCH_TIMEOUT (10 * SIM_S) /* [ours] */

static const char ocsp_path[] = "/ocsp";
static const char list_path[] = "/crl";
static const char request_type[] = "application/ocsp-request";
static const char response_type[] = "application/ocsp-response"; /* RFC 6960 appendix A */
static const char list_type[] = "application/pkix-crl";          /* RFC 2585 section 4.2 */

/* Octets that the stream has not taken yet. */
static void flush(struct net_stream *stream, struct buf *out)
{
    if (stream != NULL && buf_len(out) > 0) {
        buf_consume(out, net_stream_send(stream, buf_span(out)));
    }
}

/* --- the responder
 * ------------------------------------------------------------------------------------------ */

struct status_connection {
    struct world *world;
    const struct entity *responder;
    struct net_stream *stream;
    struct buf in, out;
    net_timer working; /* until the answer is there */
    bool asked, answered;
    struct status_connection *next, *prev;
};

static void answer(void *arg)
{
    struct status_connection *c = arg;
    c->working = 0;
    c->answered = true;
    flush(c->stream, &c->out);
    if (buf_len(&c->out) == 0) {
        net_stream_close(c->stream);
    }
}

/* Returns how long it takes. */
static sim_time make_answer(struct status_connection *c, int taken, const struct http_message *m)
{
    struct world *w = c->world;
    const struct revocation *rev = w->revocation;
    sim_time cost = 0;
    if (taken < 0 || m->status != 0) {
        http_reply(400, NULL, span_of(NULL, 0), &c->out);
    } else if (strcmp(m->method, "POST") == 0 && strcmp(m->path, ocsp_path) == 0 &&
               strcmp(m->type, request_type) == 0) {
        struct buf response = {0};
        cost = revocation_answer(w, c->responder, m->body, &response);
        http_reply(200, response_type, buf_span(&response), &c->out);
        buf_fini(&response);
    } else if (strcmp(m->method, "GET") == 0 && strcmp(m->path, list_path) == 0 &&
               rev->list_count > 0) {
        http_reply(200, list_type, secure_crl_octets(rev->lists[rev->list_count - 1]), &c->out);
    } else {
        http_reply(404, NULL, span_of(NULL, 0), &c->out);
    }
    return cost;
}

static void on_request(void *arg, struct span bytes)
{
    struct status_connection *c = arg;
    struct http_message m;
    if (c->asked) {
        return;
    }
    buf_append(&c->in, bytes);
    int taken = http_take(buf_span(&c->in), &m);
    if (taken == 0 || entity_is_silent(c->responder)) {
        return;
    }
    c->asked = true;
    sim_time cost = make_answer(c, taken, &m);
    c->working = net_timer_set(c->world->net, net_now(c->world->net) + cost, answer, c);
}

static void on_responder_writable(void *arg)
{
    struct status_connection *c = arg;
    if (c->answered && buf_len(&c->out) > 0) {
        answer(c);
    }
}

static void connection_free(struct status_connection *c)
{
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c);
}

static void on_responder_closed(void *arg, int error)
{
    struct status_connection *c = arg;
    (void)error;
    net_timer_cancel(c->world->net, c->working);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        c->world->revocation->connections = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    connection_free(c);
}

static const struct net_stream_ops responder_ops = {
    .data = on_request, .writable = on_responder_writable, .closed = on_responder_closed};

static bool on_accept(void *arg, struct net_stream *stream, net_node peer,
                      const struct net_stream_ops **ops, void **stream_arg)
{
    const struct status_holder *responder = arg;
    struct revocation *rev = responder->world->revocation;
    struct status_connection *c = mem_alloc(sizeof(*c));
    (void)peer;
    c->world = responder->world;
    c->responder = responder->entity;
    c->stream = stream;
    c->next = rev->connections;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    rev->connections = c;
    *ops = &responder_ops;
    *stream_arg = c;
    return true;
}

int status_listen(struct status_holder *responder)
{
    return net_listen(responder->world->net, responder->entity->net_node, HTTP_PORT, on_accept,
                      responder);
}

/* --- who asks
 * ------------------------------------------------------------------------------------------ */

struct status_fetch {
    struct status_holder *holder;
    enum status_what what;
    enum secure_key_kind kind;
    sim_time at;
    struct net_stream *stream;
    struct buf in, out;
    size_t request_bytes;
    uint8_t nonce[SECURE_NONCE_BYTES];
    bool connected, over;
    net_timer timeout;
    struct status_fetch *next, *prev;
};

static void fetch_free(struct status_fetch *f)
{
    buf_fini(&f->in);
    buf_fini(&f->out);
    free(f);
}

static void fetch_drop(struct status_fetch *f)
{
    struct revocation *rev = f->holder->world->revocation;
    if (f->prev != NULL) {
        f->prev->next = f->next;
    } else {
        rev->fetches = f->next;
    }
    if (f->next != NULL) {
        f->next->prev = f->prev;
    }
    fetch_free(f);
}

static void fetch_over(struct status_fetch *f, const char *outcome,
                       const struct secure_status *status)
{
    struct world *w = f->holder->world;
    f->over = true;
    net_timer_cancel(w->net, f->timeout);
    report_status(w, &(struct status_row){.holder = f->holder,
                                          .what = f->what,
                                          .kind = f->kind,
                                          .at = f->at,
                                          .outcome = outcome,
                                          .request_bytes = f->connected ? f->request_bytes : 0,
                                          .response_bytes = buf_len(&f->in),
                                          .this_update = status->this_update,
                                          .next_update = status->next_update});
}

static void take_response(struct status_fetch *f, const struct http_message *m)
{
    const struct scenario_revocation *conf = &f->holder->world->scenario->revocation;
    struct secure_status status = {.this_update = SIM_TIME_NEVER, .next_update = SIM_TIME_NEVER};
    const char *type = f->what == STATUS_OCSP ? response_type : list_type;
    if (m->status != 200 || strcmp(m->type, type) != 0) {
        status.word = "unsuccessful";
    } else if (f->what == STATUS_OCSP) {
        struct span nonce = span_of(f->nonce, conf->nonce ? sizeof(f->nonce) : 0);
        revocation_take_staple(f->holder, f->kind, m->body, nonce, &status);
    } else {
        status.word = revocation_take_list(f->holder, m->body);
    }
    fetch_over(f, status.word, &status);
    net_stream_close(f->stream);
}

static void fetch_failed(struct status_fetch *f, const char *outcome)
{
    const struct secure_status nothing = {.this_update = SIM_TIME_NEVER,
                                          .next_update = SIM_TIME_NEVER};
    fetch_over(f, outcome, &nothing);
}

static void on_connected(void *arg)
{
    struct status_fetch *f = arg;
    f->connected = true;
    flush(f->stream, &f->out);
}

static void on_response(void *arg, struct span bytes)
{
    struct status_fetch *f = arg;
    struct http_message m;
    if (f->over) {
        return;
    }
    buf_append(&f->in, bytes);
    int taken = http_take(buf_span(&f->in), &m);
    if (taken < 0) {
        fetch_failed(f, "malformed");
        net_stream_close(f->stream);
    } else if (taken > 0) {
        take_response(f, &m);
    }
}

static void on_fetch_writable(void *arg)
{
    struct status_fetch *f = arg;
    flush(f->stream, &f->out);
}

static void on_fetch_closed(void *arg, int error)
{
    struct status_fetch *f = arg;
    (void)error;
    if (!f->over) {
        fetch_failed(f, f->connected ? "connection lost" : "connect failed");
    }
    fetch_drop(f);
}

static const struct net_stream_ops fetch_ops = {.connected = on_connected,
                                                .data = on_response,
                                                .writable = on_fetch_writable,
                                                .closed = on_fetch_closed};

static void on_timeout(void *arg)
{
    struct status_fetch *f = arg;
    f->timeout = 0;
    fetch_failed(f, "timeout");
    net_stream_abort(f->stream);
    fetch_drop(f);
}

static void make_request(struct status_fetch *f)
{
    const struct status_holder *h = f->holder;
    const struct world *w = h->world;
    const char *host = h->asks->node->id;
    if (f->what == STATUS_CRL) {
        http_get(host, list_path, &f->out);
    } else {
        struct buf request = {0};
        bool nonce = w->scenario->revocation.nonce;
        if (nonce) {
            entity_random(h->entity, "ocsp nonce", f->nonce, sizeof(f->nonce));
        }
        int r = secure_ocsp_request(w->env, w->ca, h->entity->identities[f->kind],
                                    span_of(f->nonce, nonce ? sizeof(f->nonce) : 0), &request);
        CHECK(r == 0);
        http_post(host, ocsp_path, request_type, buf_span(&request), &f->out);
        buf_fini(&request);
    }
    f->request_bytes = buf_len(&f->out);
}

void status_fetch(struct status_holder *h, enum status_what what, enum secure_key_kind kind)
{
    struct world *w = h->world;
    struct revocation *rev = w->revocation;
    struct status_fetch *f = mem_alloc(sizeof(*f));
    f->holder = h;
    f->what = what;
    f->kind = kind;
    f->at = net_now(w->net);
    f->next = rev->fetches;
    if (f->next != NULL) {
        f->next->prev = f;
    }
    rev->fetches = f;
    make_request(f);
    if (net_connect(w->net, h->entity->net_node, h->asks->net_node, HTTP_PORT, &fetch_ops, f,
                    &f->stream) < 0) {
        fetch_failed(f, "unreachable");
        fetch_drop(f);
        return;
    }
    f->timeout = net_timer_set(w->net, f->at + FETCH_TIMEOUT, on_timeout, f);
}

void status_free(struct revocation *r)
{
    while (r->connections != NULL) {
        struct status_connection *c = r->connections;
        r->connections = c->next;
        connection_free(c);
    }
    while (r->fetches != NULL) {
        struct status_fetch *f = r->fetches;
        r->fetches = f->next;
        fetch_free(f);
    }
}
