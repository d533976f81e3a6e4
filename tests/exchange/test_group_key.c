/* Group keys (protection `group_key`, an extension of ours): who can read which message, tried with
 * the keys that the PNEs really have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pne/pne.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

/* o and a at one gateway, b/1, b/2 and x at another; x joins at 30 s and leaves its PN, and with it
 * the group, at 60 s. Messages before, between and after. */
static const char life[] = "cpns: 1\n"
                           "name: group-key\n"
                           "run: {until: 2000 s, seed: 4}\n"
                           "security: {service_group: {protection: group_key}}\n"
                           "nodes:\n"
                           "  - {id: srv, role: server}\n"
                           "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
                           "  - {id: o, role: pne, attach: {to: gw/1, link: wlan}}\n"
                           "  - {id: a, role: pne, attach: {to: gw/1, link: wlan}}\n"
                           "  - {id: b, role: pne, count: 2, attach: {to: gw/2, link: wlan}}\n"
                           "  - {id: x, role: pne, attach: {to: gw/2, link: wlan}}\n"
                           "personal_networks:\n"
                           "  - {id: pn1, gateway: gw/1, establishment: {at: 1 s}}\n"
                           "  - {id: pn2, gateway: gw/2, establishment: {at: 1 s}}\n"
                           "service_groups:\n"
                           "  - {id: g, owner: o, members: [a, b/1..2], service: chat}\n"
                           "workload:\n"
                           "  - {at: 20 s, do: group-message, from: b/1, to: g, size: 40 B}\n"
                           "  - {at: 30 s, do: group-join, from: x, to: g}\n"
                           "  - {at: 45 s, do: group-message, from: o, to: g, size: 40 B}\n"
                           "  - {at: 60 s, do: pn-leave, from: x, pn: pn2}\n"
                           "  - {at: 80 s, do: group-message, from: b/1, to: g, size: 40 B}\n";

/* What passed in the clear, as an eavesdropper has it. */
struct caught {
    struct buf messages[32];
    size_t count;
    bool inside; /* one went through a session */
};

static enum fake_fate listen(void *arg, struct fake_hit *hit)
{
    struct caught *c = arg;
    if (strcmp(hit->type, "SGMessage") == 0) {
        assert_true(c->count < SIM_ARRAY_LEN(c->messages));
        buf_append(&c->messages[c->count++], buf_span(hit->payload));
        c->inside = c->inside || hit->in_session;
    }
    return FAKE_PASS;
}

static void caught_free(struct caught *c)
{
    for (size_t i = 0; i < c->count; i++) {
        buf_fini(&c->messages[i]);
    }
    c->count = 0;
}

static struct pne_group_key key_of(struct fake_world *w, const char *pne)
{
    const struct pne_group_key *k = pne_group_key(fake_state(w, pne), 0);
    assert_non_null(k);
    return *k;
}

/* How many of the messages from `from` on can be read with either key of `k`, whatever epoch they
 * say. */
static size_t readable(const struct caught *c, size_t from, size_t to,
                       const struct pne_group_key *k)
{
    size_t read = 0;
    for (size_t i = from; i < to; i++) {
        struct cpns_message m;
        struct buf payload = {0};
        assert_int_equal(cpns_decode(buf_span(&c->messages[i]), CPNS_XML, &m, NULL), 0);
        int64_t epoch = cpns_integer(&m, CPNS_KEY_EPOCH);
        read += pne_group_open_with(k->key, epoch, &m, &payload) == 0 ||
                (k->last_epoch != 0 && pne_group_open_with(k->last_key, epoch, &m, &payload) == 0);
        buf_fini(&payload);
        cpns_message_fini(&m);
    }
    return read;
}

static void a_joiner_cannot_read_back_and_a_leaver_not_on(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(life);
    struct caught c = {0};
    fake_set_filter(w, listen, &c);
    fake_run(w, 28 * SIM_S);
    size_t before = c.count;
    struct pne_group_key early = key_of(w, "b/1");
    assert_null(pne_group_key(fake_state(w, "x"), 0));
    fake_run(w, 55 * SIM_S);
    size_t between = c.count;
    struct pne_group_key joined = key_of(w, "x");
    struct pne_group_key member = key_of(w, "b/1");
    fake_run(w, 120 * SIM_S);
    struct pne_group_key late = key_of(w, "b/1");
    assert_int_equal(before, 7); /* b/1, gw/2, two copies to gateways, o, a, b/2 */
    assert_int_equal(between - before, 8);
    assert_int_equal(c.count - between, 7);
    assert_false(c.inside);
    /* The members of each time can read all of it ... */
    assert_int_equal(readable(&c, 0, before, &early), 7);
    assert_int_equal(readable(&c, before, between, &joined), 8);
    assert_int_equal(readable(&c, before, between, &member), 8);
    assert_int_equal(readable(&c, between, c.count, &late), 7);
    /* ... x nothing of before and after, and the keys of before nothing of later. */
    assert_int_equal(readable(&c, 0, before, &joined), 0);
    assert_int_equal(readable(&c, between, c.count, &joined), 0);
    assert_int_equal(readable(&c, before, c.count, &early), 0);
    assert_int_equal(fake_count(w, "gw/1 -> o: SGMessage"), 2);
    assert_int_equal(fake_count(w, "gw/2 -> x: SGMessage"), 1);
    assert_int_equal(fake_count(w, "b/1 ! group_key_refused"), 0);
    assert_null(pne_group_key(fake_state(w, "x"), 0)); /* an honest leaver forgets it */
    assert_int_equal(fake_wrong_events(w), 0);
    fake_assert_account(w);
    caught_free(&c);
    fake_free(w);
}

/* The owner's, three members', the joiner's, and one for who left. */
static void each_change_makes_a_key(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(life);
    fake_run(w, 120 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! group_rekeyed: g"), 6);
    static const char *const members[] = {"o", "a", "b/1", "b/2"};
    const struct server *s = fake_state(w, "srv");
    for (size_t i = 0; i < SIM_ARRAY_LEN(members); i++) {
        struct pne_group_key k = key_of(w, members[i]);
        assert_int_equal(k.epoch, 6);
        assert_memory_equal(k.key, s->group_keys[0].key, KEY_BYTES);
    }
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw/1: SGKeyUpdate", "gw/1 -> o: SGKeyUpdate",
                         "o -> gw/1: SGKeyUpdateResponse 200",
                         "gw/1 -> srv: SGKeyUpdateResponse 200");
    stores_assert_agree(w);
    fake_free(w);
}

/* a leaves, o gives the group away, b/2 is taken out, the group ends. */
static const char changes[] =
    "  - {at: 100 s, do: group-leave, from: a, to: g}\n"
    "  - {at: 110 s, do: group-owner-transfer, from: o, to: g, member: b/1}\n"
    "  - {at: 120 s, do: group-leave, from: b/1, to: g, member: b/2}\n"
    "  - {at: 140 s, do: group-delete, from: b/1, to: g}\n";

static void leaving_owning_and_ending_change_the_key(void **state)
{
    (void)state;
    char *yaml = mem_printf("%s%s", life, changes);
    struct fake_world *w = fake_create(yaml);
    const struct server *s = fake_state(w, "srv");
    fake_run(w, 105 * SIM_S);
    assert_int_equal(s->group_keys[0].epoch, 7);
    assert_null(pne_group_key(fake_state(w, "a"), 0));
    fake_run(w, 115 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! sg_owner_changed: g"), 1);
    assert_int_equal(s->group_keys[0].epoch, 8);
    fake_run(w, 130 * SIM_S);
    assert_int_equal(s->group_keys[0].epoch, 9);
    assert_int_equal(s->group_keys[0].oldest, 9);
    assert_null(pne_group_key(fake_state(w, "b/2"), 0));
    assert_int_equal(key_of(w, "b/1").epoch, 9);
    assert_int_equal(key_of(w, "o").epoch, 9);
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! sg_deleted: g"), 1);
    assert_null(pne_group_key(fake_state(w, "b/1"), 0));
    assert_null(pne_group_key(fake_state(w, "o"), 0));
    stores_assert_agree(w);
    fake_free(w);
    free(yaml);
}

/* --- altered, forged, missing
 * ----------------------------------------------------------------------------------- */

struct alteration {
    const char *type;
    enum cpns_field field;
    uint32_t done;
    uint32_t times;
    entity_id spared; /* what it sends passes */
};

static enum fake_fate alter(void *arg, struct fake_hit *hit)
{
    struct alteration *t = arg;
    struct cpns_message m;
    struct buf octets = {0}, changed = {0};
    if (strcmp(hit->type, t->type) != 0 || t->done == t->times || hit->from == t->spared) {
        return FAKE_PASS;
    }
    t->done++;
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    if (cpns_field_info(t->field)->kind == CPNS_INTEGER) {
        cpns_set_integer(&m, t->field, cpns_integer(&m, t->field) + 1);
    } else {
        buf_append(&octets, cpns_bytes(&m, t->field));
        octets.data[octets.end - 1] ^= 1;
        cpns_set_bytes(&m, t->field, buf_span(&octets));
    }
    assert_int_equal(cpns_encode(&m, (enum cpns_encoding)hit->encoding, &changed, NULL), 0);
    cpns_message_fini(&m);
    buf_clear(hit->payload);
    buf_move(hit->payload, &changed);
    buf_fini(&changed);
    buf_fini(&octets);
    return FAKE_PASS;
}

static void an_altered_message_is_refused(void **state)
{
    (void)state;
    static const enum cpns_field fields[] = {CPNS_PAYLOAD, CPNS_TRANSACTION_ID};
    for (size_t i = 0; i < SIM_ARRAY_LEN(fields); i++) {
        struct fake_world *w = fake_create(life);
        struct alteration t = {
            .type = "SGMessage", .field = fields[i], .times = 1, .spared = ENTITY_NONE};
        fake_set_filter(w, alter, &t);
        fake_run(w, 28 * SIM_S);
        assert_int_equal(t.done, 1);
        assert_int_equal(fake_count(w, "gw/1 -> o: SGMessage refused: group_seal_broken"), 1);
        assert_int_equal(fake_count(w, "gw/1 -> a: SGMessage refused: group_seal_broken"), 1);
        assert_int_equal(fake_count(w, "gw/2 -> b/2: SGMessage refused: group_seal_broken"), 1);
        fake_free(w);
    }
}

/* Keys altered on the way are refused, and asked for when they are missed. */
static void an_altered_key_is_refused(void **state)
{
    (void)state;
    static const enum cpns_field fields[] = {CPNS_SEALED_KEY, CPNS_KEY_EPOCH};
    for (size_t i = 0; i < SIM_ARRAY_LEN(fields); i++) {
        struct fake_world *w = fake_create(life);
        struct alteration t = {
            .type = "SGKeyUpdate", .field = fields[i], .times = 1000, .spared = fake_id(w, "srv")};
        fake_set_filter(w, alter, &t);
        fake_run(w, 18 * SIM_S);
        assert_true(fake_count(w, "o ! group_key_refused: g") > 0);
        assert_true(fake_count(w, "srv ! group_key_refused: o") > 0);
        assert_null(pne_group_key(fake_state(w, "o"), 0));
        fake_run(w, 120 * SIM_S);
        assert_int_equal(fake_count(w, "b/1 ! work_skipped: group-message: no group key yet"), 2);
        fake_free(w);
    }
}

struct loss {
    entity_id pne;
};

static enum fake_fate lose_keys(void *arg, struct fake_hit *hit)
{
    const struct loss *l = arg;
    return strcmp(hit->type, "SGKeyUpdate") == 0 && hit->to == l->pne ? FAKE_DROP : FAKE_PASS;
}

static void who_missed_a_key_asks_for_it(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(life);
    struct loss l = {.pne = fake_id(w, "a")};
    fake_set_filter(w, lose_keys, &l);
    fake_run(w, 120 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> a: SGMessage refused: no_group_key", "a -> gw/1: SGKeyRequest",
                         "gw/1 -> srv: SGKeyRequest", "srv -> gw/1: SGKeyResponse 200",
                         "gw/1 -> a: SGKeyResponse 200", "a ! group_key_received: g");
    assert_int_equal(key_of(w, "a").epoch, 6);
    stores_assert_agree(w);
    fake_free(w);
}

struct cut {
    entity_id pne;
    uint32_t number; /* which of the messages about asking is cut */
    uint32_t seen;
    char what[80];
};

static enum fake_fate cut_asking(void *arg, struct fake_hit *hit)
{
    struct cut *c = arg;
    if (strcmp(hit->type, "SGKeyUpdate") == 0 && hit->to == c->pne) {
        return FAKE_DROP;
    }
    bool asking = strcmp(hit->type, "SGKeyRequest") == 0 || strcmp(hit->type, "SGKeyResponse") == 0;
    if (!asking || ++c->seen != c->number) {
        return FAKE_PASS;
    }
    snprintf(c->what, sizeof(c->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
    return FAKE_CUT;
}

/* Both hops of both messages, one at a time. */
static void each_message_of_asking_cut(void **state)
{
    (void)state;
    for (uint32_t number = 1; number <= 4; number++) {
        struct fake_world *w = fake_create(life);
        struct cut c = {.pne = fake_id(w, "a"), .number = number};
        fake_set_filter(w, cut_asking, &c);
        fake_run(w, 1000 * SIM_S);
        assert_true(c.what[0] != '\0');
        if (key_of(w, "a").epoch != 6) {
            fake_print(w);
            fail_msg("%s", c.what);
        }
        stores_assert_agree(w);
        fake_assert_account(w);
        fake_free(w);
    }
}

/* Sent under a key that somebody who left has: the server does not pass it on. A message that is
 * not sealed is not passed on either. */
static void stale_and_unsealed_messages_go_nowhere(void **state)
{
    (void)state;
    static const char *const reasons[] = {"stale_group_key", "not_sealed"};
    for (int64_t epoch = 1; epoch >= 0; epoch--) {
        struct fake_world *w = fake_create(life);
        fake_run(w, 100 * SIM_S);
        uint32_t passed = fake_count(w, "srv -> gw/1: SGMessage");
        struct cpns_message m;
        struct buf out = {0};
        cpns_message_init(&m, CPNS_SG_MESSAGE);
        cpns_set_integer(&m, CPNS_TRANSACTION_ID, 900);
        cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, "b/1"));
        cpns_set_text(&m, CPNS_TARGET_ID, fake_group_urn(w, "g"));
        cpns_set_text(&m, CPNS_SG_ID, fake_group_urn(w, "g"));
        cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
        cpns_set_integer(&m, CPNS_HOP_LIMIT, 5);
        cpns_set_bytes(&m, CPNS_PAYLOAD, span_of_str("as it was, or sealed long ago, who knows"));
        if (epoch > 0) {
            cpns_set_integer(&m, CPNS_KEY_EPOCH, epoch);
        }
        assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
        cpns_message_fini(&m);
        fake_inject(w, fake_id(w, "gw/2"), fake_id(w, "srv"), NULL, CPNS_XML, buf_span(&out));
        buf_fini(&out);
        fake_run(w, 110 * SIM_S);
        char line[80];
        snprintf(line, sizeof(line), "gw/2 -> srv: SGMessage refused: %s", reasons[1 - epoch]);
        assert_int_equal(fake_count(w, line), 1);
        assert_int_equal(fake_count(w, "srv -> gw/1: SGMessage"), passed);
        fake_free(w);
    }
}

/* x is out; its request for the key is refused. */
static void who_is_no_member_gets_no_key(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(life);
    fake_run(w, 20 * SIM_S);
    struct cpns_message m;
    struct buf out = {0};
    cpns_message_init(&m, CPNS_SG_KEY_REQUEST);
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 901);
    cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, "x"));
    cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, "srv"));
    cpns_set_text(&m, CPNS_SG_ID, fake_group_urn(w, "g"));
    cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 5);
    assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(&m);
    fake_inject(w, fake_id(w, "gw/2"), fake_id(w, "srv"), fake_urn(w, "gw/2"), CPNS_XML,
                buf_span(&out));
    buf_fini(&out);
    fake_run(w, 25 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> gw/2: SGKeyResponse 403"), 1);
    fake_free(w);
}

/* --- each message once
 * ---------------------------------------------------------------------------------------------- */

static const char *all_have_the_key(struct fake_world *w)
{
    static char text[80];
    static const char *const members[] = {"o", "a", "b/1", "b/2"};
    const struct server *s = fake_state(w, "srv");
    for (size_t i = 0; i < SIM_ARRAY_LEN(members); i++) {
        const struct pne_group_key *k = pne_group_key(fake_state(w, members[i]), 0);
        if (k == NULL || k->epoch != s->group_keys[0].epoch ||
            memcmp(k->key, s->group_keys[0].key, KEY_BYTES) != 0) {
            snprintf(text, sizeof(text), "%s has epoch %d, not %d", members[i],
                     k != NULL ? (int)k->epoch : 0, (int)s->group_keys[0].epoch);
            return text;
        }
    }
    return pne_group_key(fake_state(w, "x"), 0) != NULL ? "x still has a key" : "";
}

static void each_message_disturbed(void **state)
{
    (void)state;
    /* A last message from each side tells whoever missed a key. */
    char *yaml = mem_printf("%s%s", life,
                            "  - {at: 900 s, do: group-message, from: b/1, to: g, size: 40 B}\n"
                            "  - {at: 905 s, do: group-message, from: o, to: g, size: 40 B}\n");
    disturb_each(&(struct disturb){.name = "group key",
                                   .yaml = yaml,
                                   .from = 5 * SIM_S,
                                   .to = 100 * SIM_S,
                                   .until = 1500 * SIM_S,
                                   .least = 60,
                                   .check = all_have_the_key});
    free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joiner_cannot_read_back_and_a_leaver_not_on),
        cmocka_unit_test(each_change_makes_a_key),
        cmocka_unit_test(leaving_owning_and_ending_change_the_key),
        cmocka_unit_test(an_altered_message_is_refused),
        cmocka_unit_test(an_altered_key_is_refused),
        cmocka_unit_test(who_missed_a_key_asks_for_it),
        cmocka_unit_test(each_message_of_asking_cut),
        cmocka_unit_test(stale_and_unsealed_messages_go_nowhere),
        cmocka_unit_test(who_is_no_member_gets_no_key),
        cmocka_unit_test(each_message_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
