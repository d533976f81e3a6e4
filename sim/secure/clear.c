/* The kinds "clear" and "clear-datagram": no protection at all, not even framing; the positive
 * controls of every measurement. */
#include <stdio.h>

#include "sim/secure/session_internal.h"

static int clear_open(struct secure_session *s, const struct secure_session_params *params,
                      sim_time now)
{
    (void)params;
    (void)now;
    s->state = SECURE_ESTABLISHED;
    return 0;
}

static void clear_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                       struct secure_output *out)
{
    (void)now;
    buf_append(&out->plain, in->wire);
    for (size_t i = 0; i < in->message_count; i++) {
        buf_append(&out->wire, in->messages[i]);
    }
    if (in->wire_end || in->close) {
        s->state = SECURE_CLOSED;
    }
}

static void clear_facts(const struct secure_session *s, struct secure_facts *ret)
{
    (void)s;
    snprintf(ret->peer_auth, sizeof(ret->peer_auth), "none");
}

static void clear_free(struct secure_session *s)
{
    (void)s;
}

const struct secure_kind_ops clear_ops = {.name = "clear",
                                          .open = clear_open,
                                          .step = clear_step,
                                          .facts = clear_facts,
                                          .free = clear_free};

/* A message that no UDP datagram holds is not sent; its peer will miss it as any other. */
static void datagram_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                          struct secure_output *out)
{
    enum { UDP_MOST = 65507 };
    struct span list = in->wire;
    struct span datagram;
    uint16_t message;
    (void)now;
    while (secure_datagram_take(&list, &datagram, &message)) {
        buf_append(&out->plain, datagram);
    }
    for (size_t i = 0; i < in->message_count; i++) {
        if (in->messages[i].len <= UDP_MOST) {
            secure_datagram_append(&out->wire, in->messages[i], (uint16_t)(i + 1));
        }
    }
    if (in->wire_end || in->close) {
        s->state = SECURE_CLOSED;
    }
}

const struct secure_kind_ops clear_datagram_ops = {.name = "clear-datagram",
                                                   .open = clear_open,
                                                   .step = datagram_step,
                                                   .facts = clear_facts,
                                                   .free = clear_free};
