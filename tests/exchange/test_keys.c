/* Key assignment and value-chain authentication (cpns-model.md flows 4 and 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

#define HOUSE                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: keys\n"                                                                                 \
    "run: {until: 3000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"                             \
    "personal_networks:\n"                                                                         \
    "  - {id: home, gateway: gw, establishment: {at: 1 s}}\n"                                      \
    "workload:\n"

static const char assigning[] = HOUSE "  - {at: 20 s, do: key-assignment, from: gw, pn: home}\n";
static const char provisioning[] =
    HOUSE "  - {at: 20 s, do: pne-provisioning, from: gw, pn: home}\n"
          "  - {at: 30 s, do: pne-provisioning, from: gw, pn: home, to: p/1}\n";
static const char both[] =
    HOUSE "  - {at: 20 s, do: key-assignment, from: gw, pn: home, to: p/1}\n"
          "  - {at: 40 s, do: pne-provisioning, from: gw, pn: home, to: p/1}\n"
          "  - {at: 60 s, do: key-assignment, from: gw, pn: home, to: p/1}\n"
          "  - {at: 80 s, do: pne-provisioning, from: gw, pn: home, to: p/1}\n";

static const struct pne_keys *keys_of(struct fake_world *w, const char *pne)
{
    static const struct pne_keys none;
    const struct pne *p = fake_state(w, pne);
    return p->keys != NULL ? p->keys : &none;
}

static const struct user_key *at_server(struct fake_world *w, const char *pne)
{
    return server_user_key(fake_state(w, "srv"), fake_id(w, pne));
}

/* --- flow 4
 * -------------------------------------------------------------------------------------------------
 */

static void a_user_key_is_assigned(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(assigning);
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw -> srv: UserRegistrationRequest",   /* the user */
                         "srv -> gw: UserRegistrationResponse 200", /* first data */
                         "gw -> p/1: InstallationRequest",          /* the user */
                         "p/1 -> gw: InstallationResponse 200",     /* */
                         "gw -> p/1: InstallationTrigger",          /* first data: checked */
                         "p/1 -> gw: InstallationResponse 200",     /* */
                         "p/1 -> gw: KeyAssignmentRequest",         /* second data */
                         "gw -> srv: KeyAssignmentRequest",         /* verified */
                         "srv -> gw: KeyAssignmentResponse 200",    /* the key, sealed */
                         "gw -> p/1: KeyAssignmentResponse 200",    /* */
                         "p/1 ! user_key_assigned: sip:gw@cpns");
    assert_int_equal(fake_count(w, "p/2 ! user_key_assigned"), 1);
    assert_int_equal(keys_of(w, "p/1")->epoch, 1);
    assert_int_equal(at_server(w, "p/1")->offered, 1);
    assert_memory_equal(keys_of(w, "p/1")->user_key, at_server(w, "p/1")->offered_key, KEY_BYTES);
    assert_memory_not_equal(keys_of(w, "p/1")->user_key, keys_of(w, "p/2")->user_key, KEY_BYTES);
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* The epochs that AuthenticationResponses name, and who takes part. */
struct seen {
    bool away;
    entity_id pne;
    int64_t epochs[8];
    size_t count;
    bool strip; /* a gateway that hides the user key from the PNE */
};

static enum fake_fate watch(void *arg, struct fake_hit *hit)
{
    struct seen *s = arg;
    struct cpns_message m;
    if (s->away && (hit->from == s->pne || hit->to == s->pne)) {
        return FAKE_DROP;
    }
    if (hit->from != s->pne && hit->to != s->pne) {
        return FAKE_PASS;
    }
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    if (m.type == CPNS_AUTHENTICATION_RESPONSE) {
        assert_true(s->count < SIM_ARRAY_LEN(s->epochs));
        s->epochs[s->count++] = cpns_integer(&m, CPNS_KEY_EPOCH);
    } else if (m.type == CPNS_AUTHENTICATION_REQUEST && s->strip) {
        m.fields[CPNS_KEY_EPOCH].set = false;
        struct buf changed = {0};
        assert_int_equal(cpns_encode(&m, (enum cpns_encoding)hit->encoding, &changed, NULL), 0);
        buf_clear(hit->payload);
        buf_move(hit->payload, &changed);
        buf_fini(&changed);
    }
    cpns_message_fini(&m);
    return FAKE_PASS;
}

/* p/1 is out of reach so long that both ends forget it, and joins again. */
static void leave_and_return(struct fake_world *w, struct seen *s)
{
    s->away = true;
    fake_set_link(w, s->pne, false);
    fake_run(w, fake_now(w) + 200 * SIM_S);
    s->away = false;
    fake_set_link(w, s->pne, true);
    fake_meet(w, s->pne);
    fake_run(w, fake_now(w) + 100 * SIM_S);
}

static void the_user_key_authenticates_from_then_on(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(assigning);
    struct seen s = {.pne = fake_id(w, "p/1")};
    fake_set_filter(w, watch, &s);
    fake_run(w, 60 * SIM_S);
    leave_and_return(w, &s);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.epochs[0], 0); /* the subscriber key */
    assert_int_equal(s.epochs[1], 1); /* the user key */
    assert_int_equal(fake_count(w, "srv ! user_key_used: p/1"), 1);
    assert_int_equal(at_server(w, "p/1")->epoch, 1);
    assert_int_equal(at_server(w, "p/1")->offered, 0);
    assert_int_equal(stores_members(w, "home"), 2);
    stores_assert_agree(w);
    /* Once used, it is the only one: the subscriber key is refused. */
    s.strip = true;
    leave_and_return(w, &s);
    assert_int_equal(s.epochs[2], 0);
    assert_true(fake_count(w, "gw -> p/1: AuthenticationResult 401") >= 1);
    assert_int_equal(stores_members(w, "home"), 1);
    fake_free(w);
}

/* The answer with the key is lost as often as it is sent: the PNE has no user key, goes on with its
 * subscriber key, and the server takes its offer back. */
static enum fake_fate lose_keys(void *arg, struct fake_hit *hit)
{
    return strcmp(hit->type, "KeyAssignmentResponse") == 0 ? FAKE_DROP : watch(arg, hit);
}

static void a_key_that_never_arrived_is_not_asked_for(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(assigning);
    struct seen s = {.pne = fake_id(w, "p/1")};
    fake_set_filter(w, lose_keys, &s);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(fake_count(w, "p/1 ! key_assignment_failed: no answer"), 1);
    assert_int_equal(fake_count(w, "gw ! key_assignment_failed: p/1"), 1);
    assert_int_equal(keys_of(w, "p/1")->epoch, 0);
    assert_int_equal(at_server(w, "p/1")->offered, 1); /* one key for all tries */
    leave_and_return(w, &s);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.epochs[1], 0);
    assert_int_equal(at_server(w, "p/1")->offered, 0);
    assert_int_equal(stores_members(w, "home"), 2);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- flow 5
 * ------------------------------------------------------------------------------------------------
 */

static void a_chain_authenticates_value_by_value(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(provisioning);
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw -> srv: PNEProvisioningRequest",   /* SN_PNE */
                         "srv -> gw: PNEProvisioningResponse 200", /* chain, TK_PNE under K_GS */
                         "gw -> p/1: PNEProvisioning",             /* one value under TK_PNE */
                         "p/1 -> gw: PNEProvisioningResult 200",   /* proof */
                         "gw ! pne_authenticated: p/1");
    /* The second time the gateway has the chain. */
    assert_int_equal(fake_count(w, "gw -> srv: PNEProvisioningRequest"), 2);
    assert_int_equal(fake_count(w, "gw ! pne_authenticated: p/1"), 2);
    assert_int_equal(fake_count(w, "gw ! pne_authenticated: p/2"), 1);
    assert_int_equal(keys_of(w, "p/1")->sequence, 2);
    assert_int_equal(keys_of(w, "p/2")->sequence, 1);
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void a_used_up_chain_is_followed_by_another(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        HOUSE "  - {every: 2 s, start: 20 s, count: 20, do: pne-provisioning, from: gw, pn: home, "
              "to: p/1}\n");
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_count(w, "gw ! pne_authenticated: p/1"), 20);
    assert_int_equal(fake_count(w, "gw -> srv: PNEProvisioningRequest"), 2);
    assert_int_equal(keys_of(w, "p/1")->sequence, 20 - KEY_CHAIN_LENGTH);
    stores_assert_agree(w);
    fake_free(w);
}

static void who_is_not_there_is_skipped(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 500 ms, do: key-assignment, from: gw, pn: home}\n"
                          "  - {at: 500 ms, do: pne-provisioning, from: gw, pn: home, to: p/2}\n");
    fake_run(w, 20 * SIM_S);
    assert_int_equal(fake_count(w, "gw ! work_skipped: key-assignment: no member"), 1);
    assert_int_equal(fake_count(w, "gw ! work_skipped: pne-provisioning: no member"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

/* A PNE whose subscriber key is wrong is in no PN at all; here only its link to the key: the
 * gateway asks for a user who is not the PNE's. */
static enum fake_fate another_user(void *arg, struct fake_hit *hit)
{
    struct cpns_message m;
    struct buf changed = {0};
    (void)arg;
    if (strcmp(hit->type, "UserRegistrationRequest") != 0) {
        return FAKE_PASS;
    }
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    cpns_set_text(&m, CPNS_USER_ID, "sip:somebody@else");
    assert_int_equal(cpns_encode(&m, (enum cpns_encoding)hit->encoding, &changed, NULL), 0);
    cpns_message_fini(&m);
    buf_clear(hit->payload);
    buf_move(hit->payload, &changed);
    buf_fini(&changed);
    return FAKE_PASS;
}

static void an_unknown_user_gets_no_key(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(assigning);
    fake_set_filter(w, another_user, NULL);
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> gw: UserRegistrationResponse 404"), 2);
    assert_int_equal(fake_count(w, "gw ! key_assignment_failed: p/1"), 1);
    assert_int_equal(fake_count(w, "gw -> p/1: InstallationRequest"), 0);
    assert_null(at_server(w, "p/1"));
    stores_assert_agree(w);
    fake_free(w);
}

/* --- each message once
 * ---------------------------------------------------------------------------------------------- */

struct alteration {
    uint64_t number;      /* of the transmission */
    enum cpns_field flip; /* an octet of this field */
    bool done;
    char what[120];
};

static bool flip(struct fake_hit *hit, enum cpns_field field)
{
    struct cpns_message m;
    struct buf changed = {0}, octets = {0};
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    bool has = cpns_has(&m, field);
    if (has) {
        buf_append(&octets, cpns_bytes(&m, field));
        octets.data[octets.end / 2] ^= 1;
        cpns_set_bytes(&m, field, buf_span(&octets));
        assert_int_equal(cpns_encode(&m, (enum cpns_encoding)hit->encoding, &changed, NULL), 0);
        buf_clear(hit->payload);
        buf_move(hit->payload, &changed);
    }
    cpns_message_fini(&m);
    buf_fini(&octets);
    buf_fini(&changed);
    return has;
}

static enum fake_fate alter(void *arg, struct fake_hit *hit)
{
    struct alteration *d = arg;
    if (hit->number == d->number) {
        snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
        d->done = flip(hit, d->flip);
    }
    return FAKE_PASS;
}

static uint64_t hits_until(const char *yaml, sim_time until)
{
    struct fake_world *w = fake_create(yaml);
    fake_run(w, until);
    uint64_t hits = fake_hits(w);
    fake_free(w);
    return hits;
}

static bool ends_well(struct fake_world *w, const struct alteration *d)
{
    const char *found = stores_disagreement(w);
    if (found[0] == '\0' && stores_members(w, "home") != 2) {
        found = "a member is missing";
    }
    if (found[0] != '\0') {
        print_error("message %d (%s): %s\n", (int)d->number, d->what, found);
    }
    fake_assert_account(w);
    return found[0] == '\0';
}

static const char *all_of_it_happened(struct fake_world *w)
{
    static char text[80];
    snprintf(text, sizeof(text), "epoch %d, sequence %d", (int)keys_of(w, "p/1")->epoch,
             (int)keys_of(w, "p/1")->sequence);
    return strcmp(text, "epoch 2, sequence 2") != 0 ? text
           : stores_members(w, "home") != 2         ? "a member is missing"
                                                    : "";
}

/* Lost, repeated or late, each message of two rounds of both flows: what is lost is sent again, so
 * that all of it happens. */
static void each_message_disturbed(void **state)
{
    (void)state;
    disturb_each(&(struct disturb){.name = "keys",
                                   .yaml = both,
                                   .from = 20 * SIM_S,
                                   .to = 100 * SIM_S,
                                   .until = 1500 * SIM_S,
                                   .least = 24,
                                   .check = all_of_it_happened});
}

/* One octet of one cryptographic field of each message in turn: the flow fails, aloud, and neither
 * end keeps anything of it. */
static void each_octet_counts(void **state)
{
    (void)state;
    static const enum cpns_field fields[] = {CPNS_CHALLENGE, CPNS_ANSWER, CPNS_AUTHENTICATION_DATA,
                                             CPNS_SEALED_VALUE, CPNS_SEALED_KEY};
    static const char *const yamls[] = {
        HOUSE "  - {at: 20 s, do: key-assignment, from: gw, pn: home, to: p/1}\n",
        HOUSE "  - {at: 20 s, do: pne-provisioning, from: gw, pn: home, to: p/1}\n"};
    int tried = 0;
    for (size_t f = 0; f < SIM_ARRAY_LEN(yamls); f++) {
        uint64_t from = hits_until(yamls[f], 20 * SIM_S - 1), to = hits_until(yamls[f], 28 * SIM_S);
        for (uint64_t i = from + 1; i <= to; i++) {
            for (size_t k = 0; k < SIM_ARRAY_LEN(fields); k++) {
                struct fake_world *w = fake_create(yamls[f]);
                struct alteration d = {.number = i, .flip = fields[k]};
                fake_set_filter(w, alter, &d);
                fake_run(w, 1500 * SIM_S);
                bool failed = f == 0 ? fake_count(w, "gw ! key_assignment_failed: p/1") +
                                               fake_count(w, "p/1 ! key_assignment_failed") >
                                           0
                                     : fake_count(w, "gw ! provisioning_failed") == 1;
                bool nothing =
                    keys_of(w, "p/1")->epoch == 0 && fake_count(w, "gw ! pne_authenticated") == 0;
                if (d.done && (!failed || !nothing)) {
                    fake_print(w);
                    fail_msg("%s, field %s: failed %d, nothing kept %d", d.what,
                             cpns_field_info(fields[k])->name, failed, nothing);
                }
                assert_true(ends_well(w, &d));
                tried += d.done;
                fake_free(w);
            }
        }
    }
    print_message("%d fields altered\n", tried);
    assert_true(tried >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_key_is_assigned),
        cmocka_unit_test(the_user_key_authenticates_from_then_on),
        cmocka_unit_test(a_key_that_never_arrived_is_not_asked_for),
        cmocka_unit_test(a_chain_authenticates_value_by_value),
        cmocka_unit_test(a_used_up_chain_is_followed_by_another),
        cmocka_unit_test(who_is_not_there_is_skipped),
        cmocka_unit_test(an_unknown_user_gets_no_key),
        cmocka_unit_test(each_message_disturbed),
        cmocka_unit_test(each_octet_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
