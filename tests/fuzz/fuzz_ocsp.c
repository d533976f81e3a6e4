/* What the CA says, in octets that nobody meant: HTTP around it, requests that the responder
 * answers, responses and lists as they are and with alterations of genuine ones, which say
 * "revoked": no alteration may make "good" of that.
 *
 * The first octet says what the rest is. */
#include <string.h>

#include "sim/secure/secure_ocsp.h"
#include "sim/world/http.h"
#include "tests/fuzz/fuzz.h"

/* Made once and kept. */
static struct secure_env *env;
static struct secure_ca *ca;
static struct secure_identity *identity, *delegate;
static struct secure_responder *responder;
static struct buf request, response;

static void set_up(void)
{
    struct diag_list diags = {0};
    struct secure_ops ops = {0};
    if (env != NULL) {
        return;
    }
    CHECK(secure_env_create(1, SECURE_RNG_SEEDED, &env, &diags) == 0);
    CHECK(secure_ca_create(env, "fuzz", SECURE_KEY_P256, &ca, &diags) == 0);
    struct secure_identity_params params = {.name = "gateway",
                                            .urn = "urn:gateway",
                                            .kind = SECURE_KEY_P256,
                                            .not_after = 86400 * SIM_S};
    CHECK(secure_identity_issue(env, ca, &params, &identity, &diags) == 0);
    params.name = "responder";
    params.ocsp_signing = true;
    CHECK(secure_identity_issue(env, ca, &params, &delegate, &diags) == 0);
    responder = secure_responder_create(env, ca, "responder", delegate);
    secure_responder_add(responder, identity, 0);
    CHECK(secure_ocsp_request(env, ca, identity, span_of(NULL, 0), &request) == 0);
    CHECK(secure_responder_answer(responder, buf_span(&request), SIM_S, 3600 * SIM_S, &response,
                                  &ops) == 0);
}

static void read_response(struct span octets, bool genuine)
{
    struct secure_status status;
    secure_ocsp_read(env, ca, identity, octets, span_of(NULL, 0), 2 * SIM_S, &status);
    CHECK(strcmp(status.word, "good") != 0 && strcmp(status.word, "unknown") != 0);
    CHECK(!genuine || strcmp(status.word, "revoked") == 0);
}

/* Alterations: where (two octets) and what is changed there. */
static void alter(struct buf *octets, struct span in)
{
    uint16_t at;
    uint8_t mask;
    while (buf_len(octets) > 0 && span_take_u16(&in, &at) && span_take_u8(&in, &mask)) {
        octets->data[octets->start + at % buf_len(octets)] ^= mask;
    }
}

static void read_http(struct span in)
{
    struct http_message m;
    if (http_take(in, &m) == 1) {
        CHECK(m.body.data >= in.data && m.body.data + m.body.len <= in.data + in.len);
        CHECK(memchr(m.path, '\0', sizeof(m.path)) != NULL &&
              memchr(m.type, '\0', sizeof(m.type)) != NULL);
        read_response(m.body, false);
    }
}

static void answer(struct span octets)
{
    struct secure_ops ops = {0};
    struct buf made = {0};
    CHECK(secure_responder_answer(responder, octets, SIM_S, 3600 * SIM_S, &made, &ops) == 0);
    CHECK(buf_len(&made) > 0);
    read_response(buf_span(&made), false);
    buf_fini(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_of(data, size);
    struct buf copy = {0};
    uint8_t what;
    set_up();
    if (!span_take_u8(&in, &what)) {
        return 0;
    }
    switch (what & 7) {
    case 0:
        read_http(in);
        break;
    case 1:
        answer(in);
        break;
    case 2:
        buf_append(&copy, buf_span(&request));
        alter(&copy, in);
        answer(buf_span(&copy));
        break;
    case 3:
        read_response(in, false);
        break;
    case 4:
        secure_crl_free(secure_crl_parse(env, in));
        break;
    default:
        buf_append(&copy, buf_span(&response));
        alter(&copy, in);
        read_response(buf_span(&copy), span_equal(buf_span(&copy), buf_span(&response)));
        break;
    }
    buf_fini(&copy);
    return 0;
}
