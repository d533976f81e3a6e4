/* DTLS between two real ends over a line that the input governs: which datagrams arrive, how often,
 * altered how, and what arrives that nobody sent. No plaintext may come out that was not put in,
 * and the ends must neither crash nor hang.
 *
 * Each octet is an instruction: low 3 bits say what, bit 3 for which end; operands follow. */
#include <string.h>

#include "sim/secure/secure_session.h"
#include "tests/fuzz/fuzz.h"

enum { ENDS = 2, MOST_INSTRUCTIONS = 400, MESSAGE_BYTES = 2000 };

struct line {
    struct secure_session *end[ENDS];
    struct buf to[ENDS];
    sim_time now;
    uint8_t sent; /* messages so far; what they consist of */
};

/* Made once and kept: keys and certificates. */
static struct secure_env *env;
static struct secure_ca *ca;
static struct secure_identity *identities[ENDS];
static struct secure_policy *policy;

static void set_up(void)
{
    struct diag_list diags = {0};
    if (env != NULL) {
        return;
    }
    CHECK(secure_env_create(1, SECURE_RNG_SEEDED, &env, &diags) == 0);
    CHECK(secure_ca_create(env, "fuzz", SECURE_KEY_P256, &ca, &diags) == 0);
    for (int e = 0; e < ENDS; e++) {
        const struct secure_identity_params params = {.name = e == 0 ? "pne" : "gateway",
                                                      .urn = e == 0 ? "urn:pne" : "urn:gateway",
                                                      .kind = SECURE_KEY_P256,
                                                      .not_after = 86400 * SIM_S};
        CHECK(secure_identity_issue(env, ca, &params, &identities[e], &diags) == 0);
    }
    const struct secure_policy_params params = {
        .name = "fuzz", .kind = SECURE_DTLS, .auth = SECURE_AUTH_MUTUAL, .security_level = -1};
    CHECK(secure_policy_create(env, &params, ca, &policy, &diags) == 0);
}

/* What comes out is a whole message as it was put in: MESSAGE_BYTES or 40 octets, all the same. */
static void check_plain(struct span plain, uint8_t sent)
{
    while (plain.len > 0) {
        struct span message;
        uint8_t what = plain.data[0];
        CHECK(what > 0 && what <= sent);
        CHECK(span_take(&plain, what % 2 == 0 ? MESSAGE_BYTES : 40, &message));
        for (size_t i = 0; i < message.len; i++) {
            CHECK(message.data[i] == what);
        }
    }
}

static void step(struct line *l, int e, const struct secure_input *in)
{
    struct secure_output out;
    secure_output_init(&out);
    CHECK(secure_session_step(l->end[e], in, l->now, &out) == 0);
    if (buf_len(&l->to[1 - e]) < 100000) {
        buf_append(&l->to[1 - e], buf_span(&out.wire));
    }
    check_plain(buf_span(&out.plain), l->sent);
    secure_output_fini(&out);
}

static void deliver(struct line *l, int e, struct span datagram)
{
    struct buf list = {0};
    secure_datagram_append(&list, datagram, 0);
    step(l, e, &(struct secure_input){.wire = buf_span(&list)});
    buf_fini(&list);
}

static void send_message(struct line *l, int e)
{
    struct secure_facts facts;
    uint8_t octets[MESSAGE_BYTES];
    secure_session_facts(l->end[e], &facts);
    if (facts.state == SECURE_ESTABLISHED && !facts.close_notify_sent && l->sent < 200) {
        l->sent++;
        memset(octets, l->sent, sizeof(octets));
        struct span message = span_of(octets, l->sent % 2 == 0 ? sizeof(octets) : 40);
        step(l, e, &(struct secure_input){.messages = &message, .message_count = 1});
    }
}

/* The first datagram on its way to an end, off the list; false: none. */
static bool take(struct line *l, int e, struct buf *ret)
{
    struct span list = buf_span(&l->to[e]);
    struct span datagram;
    uint16_t message;
    if (!secure_datagram_take(&list, &datagram, &message)) {
        return false;
    }
    buf_append(ret, datagram);
    buf_consume(&l->to[e], buf_len(&l->to[e]) - list.len);
    return true;
}

static void instruct(struct line *l, uint8_t what, struct span *in)
{
    int e = what >> 3 & 1;
    struct buf datagram = {0};
    struct span own;
    uint8_t mask = 0;
    uint16_t at = 0;
    switch (what & 7) {
    case 0: /* arrives */
    case 1:
        if (take(l, e, &datagram)) {
            deliver(l, e, buf_span(&datagram));
        }
        break;
    case 2: /* altered */
        if (take(l, e, &datagram) && buf_len(&datagram) > 0 && span_take_u16(in, &at) &&
            span_take_u8(in, &mask)) {
            datagram.data[datagram.start + at % buf_len(&datagram)] ^= mask;
            deliver(l, e, buf_span(&datagram));
        }
        break;
    case 3: /* lost */
        take(l, e, &datagram);
        break;
    case 4: /* twice, and once back to its sender */
        if (take(l, e, &datagram)) {
            deliver(l, e, buf_span(&datagram));
            deliver(l, e, buf_span(&datagram));
            deliver(l, 1 - e, buf_span(&datagram));
        }
        break;
    case 5: /* sent by nobody */
        if (span_take_u8(in, &mask) && span_take(in, mask, &own)) {
            deliver(l, e, own);
        }
        break;
    case 6: /* time goes by */
        l->now += (sim_time)(what >> 4) * SIM_S;
        step(l, e, &(struct secure_input){0});
        break;
    case 7:
        if (what >= 0xf0) {
            step(l, e, &(struct secure_input){.close = true});
        } else {
            send_message(l, e);
        }
        break;
    }
    buf_fini(&datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {.data = data, .len = size};
    struct line l = {0};
    uint8_t what;
    set_up();
    for (int e = 0; e < ENDS; e++) {
        CHECK(
            secure_session_open(policy,
                                &(struct secure_session_params){.initiator = e == 0,
                                                                .owner = e == 0 ? "pne" : "gateway",
                                                                .identity = identities[e],
                                                                .mtu = 600},
                                0, &l.end[e]) == 0);
    }
    step(&l, 0, &(struct secure_input){.start = true});
    for (int i = 0; i < MOST_INSTRUCTIONS && span_take_u8(&in, &what); i++) {
        instruct(&l, what, &in);
    }
    for (int e = 0; e < ENDS; e++) {
        secure_session_free(l.end[e]);
        buf_fini(&l.to[e]);
    }
    return 0;
}
