/* The life of a Service Group across gateways (cpns-model.md flow 7): the administrator record,
 * discovery, invitation, leaving, expulsion, owner transfer, the end; each message of it lost,
 * repeated and late once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "models/cpns_server/server.h"
#include "models/pne/pne.h"
#include "tests/support/stores.h"

/* o owns g; a is behind the same gateway, b/1 and b/2 behind the other; x is to be invited, n never
 * wants anything. */
static const char house[] =
    "cpns: 1\n"
    "name: group-life\n"
    "run: {until: 3000 s, seed: 4}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: o, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: a, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: b, role: pne, count: 2, attach: {to: gw/2, link: wlan}}\n"
    "  - {id: x, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "  - {id: n, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1, members: [o, a]}\n"
    "  - {id: two, gateway: gw/2, members: [b/*, x, n]}\n"
    "service_groups:\n"
    "  - {id: g, owner: o, members: [a, b/*], service: chat, joining: %s%s}\n"
    "  - {id: other, owner: b/1, members: n}\n"
    "workload:\n"
    "%s";

static struct fake_world *create(const char *joining, const char *unwilling, const char *work)
{
    char *no = unwilling[0] != '\0' ? mem_printf(", unwilling: [%s]", unwilling) : mem_strdup("");
    char *yaml = mem_printf(house, joining, no, work);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    free(no);
    return w;
}

static struct inventory_group *group(struct fake_world *w)
{
    return &((struct server *)fake_state(w, "srv"))->groups[0];
}

static bool owns(struct fake_world *w, const char *pne)
{
    const struct pne_group *g = pne_group_find(fake_state(w, pne), 0);
    return g != NULL && g->owner;
}

/* The server and every PNE say the same about who owns the group. */
static const char *owner_disagreement(struct fake_world *w)
{
    static const char *const who[] = {"o", "a", "b/1", "b/2", "x", "n"};
    static char text[100];
    for (size_t i = 0; i < SIM_ARRAY_LEN(who); i++) {
        bool at_server = group(w)->stored && group(w)->owner == fake_id(w, who[i]);
        if (at_server != owns(w, who[i])) {
            snprintf(text, sizeof(text), "%s owns g: server %d, itself %d", who[i], at_server,
                     !at_server);
            return text;
        }
    }
    if (group(w)->transfer.state != TRANSFER_NONE) {
        return "a transfer without end";
    }
    return "";
}

static void assert_good(struct fake_world *w)
{
    stores_assert_agree(w);
    assert_string_equal(owner_disagreement(w), "");
    assert_int_equal(fake_wrong_events(w), 0);
    fake_assert_account(w);
}

/* --- how it should go
 * --------------------------------------------------------------------------------------- */

static void the_owner_tells_the_administrator_record(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "", "  - {at: 900 s, do: group-join, from: x, to: g}\n");
    fake_run(w, 20 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw/1: SGCreateResponse 200", "o -> gw/1: SGMemberInfo",
                         "gw/1 -> srv: SGMemberInfo", "gw/1 -> o: SGMemberInfoResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGAdminInfo", "gw/1 -> srv: SGAdminInfo",
                         "gw/1 -> o: SGAdminInfoResponse 200");
    assert_int_equal(group(w)->admin, fake_id(w, "o"));
    assert_int_equal(group(w)->expected.count, 3);
    assert_true(entity_list_has(&group(w)->expected, fake_id(w, "b/2")));
    assert_good(w);
    fake_free(w);
}

static void groups_are_found(void **state)
{
    (void)state;
    struct fake_world *w = create("closed", "",
                                  "  - {at: 30 s, do: group-discover, from: x, service: chat}\n"
                                  "  - {at: 31 s, do: group-discover, from: x, keyword: the}\n"
                                  "  - {at: 32 s, do: group-discover, from: x, member: b/1}\n"
                                  "  - {at: 33 s, do: group-discover, from: n, keyword: nothing}\n"
                                  "  - {at: 34 s, do: group-discover, from: n, service: chat, "
                                  "member: n}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "x -> gw/2: SGDiscoveryRequest", "gw/2 -> srv: SGDiscoveryRequest",
                         "gw/2 -> x: SGDiscoveryResponse 200", "x ! sg_found: g",
                         "x ! sg_found: other", "x ! sg_found: g, other",
                         "n ! sg_found: ", "n ! sg_found: ");
    assert_good(w);
    fake_free(w);
}

/* Of a closed group: who was invited needs no approval. */
static void who_is_invited_joins(void **state)
{
    (void)state;
    struct fake_world *w =
        create("closed", "n",
               "  - {at: 30 s, do: group-invite, from: o, to: g, member: [x, n]}\n"
               "  - {at: 31 s, do: group-invite, from: a, to: g, member: n}\n"
               "  - {at: 32 s, do: group-invite, from: x, to: other, member: o}\n");
    fake_run(w, 80 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGInviteRequest",     /* */
                         "srv -> gw/2: SGInviteRequest",      /* */
                         "gw/2 -> x: SGInviteRequest",        /* */
                         "x -> gw/2: SGInviteResponse 200",   /* */
                         "gw/2 -> srv: SGInviteResponse 200", /* */
                         "gw/1 -> o: SGInviteResponse 200",   /* */
                         "o ! sg_invited: g");
    FAKE_ASSERT_EXCHANGE(w, "x -> gw/2: SGInviteResponse 200", "x -> gw/2: SGJoinRequest",
                         "gw/2 -> x: SGJoinResponse 200", "gw/2 -> b/1: SGMemberChange");
    FAKE_ASSERT_EXCHANGE(w, "n -> gw/2: SGInviteResponse 403", "gw/1 -> o: SGInviteResponse 403",
                         "o ! sg_invitation_refused: g");
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> a: SGInviteResponse 403"); /* not the owner's to be asked */
    assert_int_equal(fake_count(w, "x ! work_skipped: group-invite: not a member"), 1);
    assert_int_equal(stores_group_members(w, "g"), 5);
    assert_good(w);
    fake_free(w);
}

static void a_member_leaves_and_the_others_are_told(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-leave, from: b/1, to: g}\n"
                                  "  - {at: 40 s, do: group-message, from: o, to: g}\n"
                                  "  - {at: 41 s, do: group-message, from: b/1, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "b/1 -> gw/2: SGLeaveRequest", "gw/2 -> srv: SGLeaveRequest",
                         "gw/2 -> b/1: SGLeaveResponse 200", "b/1 ! sg_left: g");
    FAKE_ASSERT_EXCHANGE(w, "gw/2 -> srv: SGLeaveRequest", "srv -> gw/1: SGMemberChange",
                         "gw/1 -> o: SGMemberChange", "o -> gw/1: SGMemberChange 200",
                         "gw/1 -> srv: SGMemberChange 200");
    assert_int_equal(fake_count(w, "gw/2 -> b/1: SGMessage"), 0);
    assert_int_equal(fake_count(w, "gw/2 -> b/2: SGMessage"), 1);
    assert_int_equal(fake_count(w, "b/1 ! work_skipped"), 1);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_good(w);
    fake_free(w);
}

static void the_owner_takes_a_member_out(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-leave, from: o, to: g, member: b/2}\n"
                                  "  - {at: 31 s, do: group-leave, from: a, to: g, member: b/1}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGLeaveRequest", "gw/2 -> b/2: SGMemberChange",
                         "b/2 ! sg_ended: g");
    FAKE_ASSERT_EXCHANGE(w, "a -> gw/1: SGLeaveRequest", "gw/1 -> a: SGLeaveResponse 403");
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_good(w);
    fake_free(w);
}

static void the_owner_ends_the_group(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 29 s, do: group-delete, from: a, to: g}\n"
                                  "  - {at: 30 s, do: group-delete, from: o, to: g}\n"
                                  "  - {at: 50 s, do: group-join, from: x, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> a: SGDeleteResponse 403", "a ! sg_delete_refused: g",
                         "gw/1 -> o: SGDeleteResponse 200", "o ! sg_ended: g");
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> srv: SGDeleteRequest", "gw/2 -> b/1: SGMemberChange",
                         "b/1 ! sg_ended: g", "b/1 -> gw/2: SGMemberChange 200");
    FAKE_ASSERT_EXCHANGE(w, "gw/2 -> x: SGJoinResponse 404");
    assert_int_equal(stores_group_members(w, "g"), 0);
    fake_run(w, 400 * SIM_S); /* x gives up */
    assert_good(w);
    fake_free(w);
}

/* --- owner transfer
 * ----------------------------------------------------------------------------------------- */

static void the_wished_successor_is_asked(void **state)
{
    (void)state;
    struct fake_world *w =
        create("closed", "",
               "  - {at: 30 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"
               "  - {at: 60 s, do: group-join, from: x, to: g}\n"
               "  - {at: 70 s, do: group-owner-transfer, from: o, to: g}\n");
    fake_run(w, 100 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGOwnerTransferRequest",     /* */
                         "gw/1 -> srv: SGOwnerTransferRequest",      /* */
                         "srv -> gw/2: SGOwnerTransferRequest",      /* */
                         "gw/2 -> b/2: SGOwnerTransferRequest",      /* */
                         "b/2 -> gw/2: SGOwnerTransferResponse 200", /* */
                         "gw/2 -> srv: SGOwnerTransferResponse 200", /* */
                         "srv ! sg_owner_changed: g",                /* */
                         "srv -> gw/1: SGOwnerTransferResponse 200", /* */
                         "gw/1 -> o: SGOwnerTransferResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "srv ! sg_owner_changed: g", "gw/2 -> b/2: SGOwnerChange",
                         "b/2 ! sg_owner: g", "b/2 -> gw/2: SGOwnerChange 200");
    FAKE_ASSERT_EXCHANGE(w, "srv ! sg_owner_changed: g", "gw/1 -> a: SGOwnerChange");
    assert_int_equal(group(w)->owner, fake_id(w, "b/2"));
    assert_int_equal(group(w)->admin, fake_id(w, "b/2")); /* the record goes with it */
    FAKE_ASSERT_EXCHANGE(w, "gw/2 -> b/2: SGJoinRequest", "gw/2 -> x: SGJoinResponse 403");
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> o: SGOwnerTransferResponse 403"); /* not its own any more */
    assert_int_equal(stores_group_members(w, "g"), 4);
    assert_good(w);
    fake_free(w);
}

/* b/1, the first after the owner, says no. */
static void the_server_picks_a_successor(void **state)
{
    (void)state;
    struct fake_world *w =
        create("open", "b/1", "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "b/1 -> gw/2: SGOwnerTransferResponse 403",
                         "gw/1 -> a: SGOwnerTransferRequest", "a ! sg_owner: g");
    assert_good(w);
    fake_free(w);
}

static void nobody_wants_it(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "a, b/1, b/2",
                                  "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n"
                                  "  - {at: 40 s, do: group-leave, from: o, to: g}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "gw/1 -> o: SGOwnerTransferResponse 403"), 1);
    assert_int_equal(fake_count(w, "gw/1 -> o: SGLeaveResponse 403"), 1);
    assert_int_equal(fake_count(w, "o ! sg_leave_refused: g"), 1);
    assert_true(owns(w, "o"));
    assert_int_equal(stores_group_members(w, "g"), 4);
    assert_good(w);
    fake_free(w);
}

static void wishes_that_cannot_be(void **state)
{
    (void)state;
    struct fake_world *w =
        create("open", "b/1",
               "  - {at: 30 s, do: group-owner-transfer, from: o, to: g, member: x}\n"
               "  - {at: 31 s, do: group-owner-transfer, from: o, to: g, member: o}\n"
               "  - {at: 32 s, do: group-owner-transfer, from: o, to: g, "
               "member: b/1}\n"
               "  - {at: 33 s, do: group-owner-transfer, from: a, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> o: SGOwnerTransferResponse 404", /* no member */
                         "gw/1 -> o: SGOwnerTransferResponse 400",    /* itself */
                         "gw/1 -> o: SGOwnerTransferResponse 403",    /* unwilling, nobody else */
                         "gw/1 -> a: SGOwnerTransferResponse 403");   /* not its own */
    assert_true(owns(w, "o"));
    assert_good(w);
    fake_free(w);
}

/* The successor's gateway is silent: 504 after all tries, or the next one. */
static void a_silent_successor(void **state)
{
    (void)state;
    static const char *const wishes[] = {", member: b/1", ""};
    for (size_t i = 0; i < SIM_ARRAY_LEN(wishes); i++) {
        char *work = mem_printf("  - {at: 30 s, do: group-owner-transfer, from: o, to: g%s}\n"
                                "  - {at: 36 s, do: group-delete, from: o, to: g}\n",
                                wishes[i]);
        struct fake_world *w = create("open", "a", work);
        fake_run(w, 29 * SIM_S);
        fake_set_silent(w, fake_id(w, "b/1"), true);
        fake_run(w, 80 * SIM_S);
        assert_int_equal(fake_count(w, "gw/1 -> o: SGDeleteResponse 409"), 1);
        assert_true(fake_count(w, "gw/1 -> o: SGOwnerTransferResponse 202") >= 1);
        fake_set_silent(w, fake_id(w, "b/1"), false);
        fake_run(w, 400 * SIM_S);
        assert_int_equal(fake_count(w, "gw/1 -> o: SGOwnerTransferResponse 504") > 0, i == 0);
        assert_int_equal(fake_count(w, "b/2 ! sg_owner: g"), i == 1);
        assert_good(w);
        fake_free(w);
        free(work);
    }
}

static void an_owner_hands_over_before_it_leaves(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "", "  - {at: 30 s, do: group-leave, from: o, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGLeaveRequest",             /* */
                         "gw/2 -> b/1: SGOwnerTransferRequest",      /* */
                         "b/1 -> gw/2: SGOwnerTransferResponse 200", /* */
                         "gw/1 -> o: SGLeaveResponse 200",           /* */
                         "o ! sg_left: g");
    FAKE_ASSERT_EXCHANGE(w, "srv ! sg_owner_changed: g", "gw/1 -> a: SGOwnerChange",
                         "gw/1 -> a: SGMemberChange");
    assert_true(owns(w, "b/1"));
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_good(w);
    fake_free(w);
}

/* While the successor is silent the owner leaves: it does once somebody has taken over. */
static void an_owner_leaves_during_a_transfer(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n"
                                  "  - {at: 32 s, do: group-leave, from: o, to: g}\n");
    fake_run(w, 29 * SIM_S);
    fake_set_silent(w, fake_id(w, "b/1"), true);
    fake_run(w, 33 * SIM_S);
    assert_int_equal(fake_count(w, "gw/1 -> o: SGLeaveResponse 202"), 1);
    fake_run(w, 120 * SIM_S);
    fake_set_silent(w, fake_id(w, "b/1"), false);
    fake_run(w, 400 * SIM_S);
    assert_int_equal(fake_count(w, "gw/1 -> o: SGOwnerTransferResponse 200"), 1);
    assert_true(fake_count(w, "gw/1 -> o: SGLeaveResponse 200") >= 1);
    assert_true(owns(w, "a"));
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_good(w);
    fake_free(w);
}

/* The whole PN of the owner ends in the middle: the transfer goes on, the group outlives the PN. */
static void the_owners_network_ends_during_a_transfer(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "a",
                                  "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n"
                                  "  - {at: 30.015 s, do: pn-release, from: a, pn: one}\n");
    fake_run(w, 400 * SIM_S);
    assert_int_equal(group(w)->owner, fake_id(w, "b/1"));
    assert_true(owns(w, "b/1"));
    assert_int_equal(group(w)->transfer.state, TRANSFER_NONE);
    assert_string_equal(stores_disagreement(w), "");
    fake_free(w);
}

static void the_successor_leaves_while_it_is_asked(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-leave, from: a, to: g}\n"
                                  "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n");
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! sg_owner_changed: g"), 1);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_false(owns(w, "o"));
    assert_good(w);
    fake_free(w);
}

/* The last one leaves: the group ends. */
static void the_last_member_ends_the_group(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-leave, from: [a, b/*], to: g}\n"
                                  "  - {at: 40 s, do: group-leave, from: o, to: g}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "o ! sg_left: g"), 1);
    assert_int_equal(fake_count(w, "srv ! sg_deleted: g"), 1);
    assert_int_equal(stores_group_members(w, "g"), 0);
    assert_good(w);
    fake_free(w);
}

/* A member whose gateway lost its uplink hears of the end when it is back. */
static void who_missed_it_is_told_later(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "",
                                  "  - {at: 30 s, do: group-delete, from: o, to: g}\n"
                                  "  - {at: 200 s, do: service-access, from: b/1, to: o}\n");
    fake_run(w, 29 * SIM_S);
    fake_set_link(w, fake_id(w, "gw/2"), false);
    fake_run(w, 150 * SIM_S);
    fake_set_link(w, fake_id(w, "gw/2"), true);
    assert_int_equal(fake_count(w, "b/1 ! sg_ended"), 0);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(fake_count(w, "b/1 ! sg_ended: g"), 1);
    assert_int_equal(fake_count(w, "b/2 ! sg_ended: g"), 1);
    assert_good(w);
    fake_free(w);
}

/* --- each message disturbed once
 * ---------------------------------------------------------------------------- */

struct disturbance {
    uint64_t number; /* of the transmission */
    enum fake_fate fate;
    char what[80];
};

static enum fake_fate disturb(void *arg, struct fake_hit *hit)
{
    struct disturbance *d = arg;
    if (hit->number != d->number) {
        return FAKE_PASS;
    }
    snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
    return d->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : d->fate;
}

/* Ten lives, so that each flow is cut in each of its messages. */
static const struct {
    const char *name, *joining, *unwilling, *work;
} lives[] = {
    {"closed join and record", "closed", "", "  - {at: 30 s, do: group-join, from: x, to: g}\n"},
    {"discovery", "open", "", "  - {at: 30 s, do: group-discover, from: x, service: chat}\n"},
    {"invite", "closed", "n", "  - {at: 30 s, do: group-invite, from: o, to: g, member: [x, n]}\n"},
    {"leave", "open", "", "  - {at: 30 s, do: group-leave, from: b/1, to: g}\n"},
    {"expulsion", "closed", "", "  - {at: 30 s, do: group-leave, from: o, to: g, member: b/1}\n"},
    {"delete", "open", "", "  - {at: 30 s, do: group-delete, from: o, to: g}\n"},
    {"owner transfer", "closed", "",
     "  - {at: 30 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"},
    {"owner transfer, second choice", "open", "b/1",
     "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n"},
    {"owner leaves", "open", "", "  - {at: 30 s, do: group-leave, from: o, to: g}\n"},
    {"owner leaves during a transfer", "open", "b/1",
     "  - {at: 30 s, do: group-owner-transfer, from: o, to: g}\n"
     "  - {at: 30.03 s, do: group-leave, from: o, to: g}\n"},
};

static int disturb_life(size_t life, const char *name, enum fake_fate fate, uint64_t *all)
{
    int bad = 0;
    struct fake_world *whole = create(lives[life].joining, lives[life].unwilling, lives[life].work);
    fake_run(whole, 29 * SIM_S);
    uint64_t first = life == 0 ? 1 : fake_hits(whole) + 1;
    fake_run(whole, 60 * SIM_S);
    uint64_t last = fake_hits(whole);
    fake_free(whole);
    assert_true(last > first);
    for (uint64_t i = first; i <= last; i++, (*all)++) {
        struct fake_world *w = create(lives[life].joining, lives[life].unwilling, lives[life].work);
        struct disturbance d = {.number = i, .fate = fate};
        fake_set_filter(w, disturb, &d);
        fake_run(w, 2000 * SIM_S);
        const char *found = stores_disagreement(w);
        found = found[0] == '\0' ? owner_disagreement(w) : found;
        found = found[0] == '\0' && fake_wrong_events(w) > 0 ? "a wrong event" : found;
        if (found[0] != '\0') {
            print_error("%s, %s, message %d (%s): %s\n", lives[life].name, name, (int)i, d.what,
                        found);
            bad++;
        }
        fake_assert_account(w);
        fake_free(w);
    }
    return bad;
}

static void disturb_each(const char *name, enum fake_fate fate)
{
    int bad = 0;
    uint64_t all = 0;
    for (size_t i = 0; i < SIM_ARRAY_LEN(lives); i++) {
        bad += disturb_life(i, name, fate, &all);
    }
    print_message("%s: %d messages, %d left stores that disagree or somebody who waits\n", name,
                  (int)all, bad);
    assert_int_equal(bad, 0);
}

static void each_message_cut_once(void **state)
{
    (void)state;
    disturb_each("cut", FAKE_CUT);
}

static void each_message_repeated_once(void **state)
{
    (void)state;
    disturb_each("repeated", FAKE_TWICE);
}

static void each_message_late_once(void **state)
{
    (void)state;
    disturb_each("late", FAKE_LATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_tells_the_administrator_record),
        cmocka_unit_test(groups_are_found),
        cmocka_unit_test(who_is_invited_joins),
        cmocka_unit_test(a_member_leaves_and_the_others_are_told),
        cmocka_unit_test(the_owner_takes_a_member_out),
        cmocka_unit_test(the_owner_ends_the_group),
        cmocka_unit_test(the_wished_successor_is_asked),
        cmocka_unit_test(the_server_picks_a_successor),
        cmocka_unit_test(nobody_wants_it),
        cmocka_unit_test(wishes_that_cannot_be),
        cmocka_unit_test(a_silent_successor),
        cmocka_unit_test(an_owner_hands_over_before_it_leaves),
        cmocka_unit_test(an_owner_leaves_during_a_transfer),
        cmocka_unit_test(the_owners_network_ends_during_a_transfer),
        cmocka_unit_test(the_successor_leaves_while_it_is_asked),
        cmocka_unit_test(the_last_member_ends_the_group),
        cmocka_unit_test(who_missed_it_is_told_later),
        cmocka_unit_test(each_message_cut_once),
        cmocka_unit_test(each_message_repeated_once),
        cmocka_unit_test(each_message_late_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
