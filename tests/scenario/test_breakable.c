/* Scenarios whose expectations hold can be made to fail by breaking what they expect: exit code 1,
 * and the expectation that is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

struct broken {
    const char *scenario, *set; /* --set of the run */
    const char *name, *subject; /* of an expectation that is violated then; NULL: of everything */
};

static const struct broken all[] = {
    /* Half of the sensors ask only every half minute whether a datagram was lost. */
    {"lossy-radio", "security.policies.datagram.retransmit_after=30 s", "setup_ms.p95",
     "pne--gateway"},
    {"lossy-radio", "security.pne_gateway=broken-null-cipher", "no-plaintext-on-wire", NULL},
    {"lossy-radio", "security.policies.stream.auth=server-only", "mutual-authentication", NULL},
    {"lossy-radio", "links.ble-body.loss.enter=10 %", "delivery_ratio", "ServiceAccessRequest"},
    /* Nobody remembers which tickets were used; or there is no early data. */
    {"early-data", "policy=broken-early", "replay-protection", "pne--gateway"},
    {"early-data", "policy=plain", "latency_ms.p50", "ServiceAccessRequest"},
    /* Announced so rarely, most visitors have left before they hear of it. */
    {"museum", "announce=120 s", "flows.done", "zone-info"},
    {"museum", "information=60 kB", "latency_ms.p95", "ZoneInfoResponse"},
    /* The hang is over before anybody notices it. */
    {"in-car", "keep_alive=60 s", "flows.done", "gateway-take-over"},
    /* Members look longer for a gateway that serves them before they ask another to. */
    {"in-car", "timers.request=12 s", "interruption_ms.max", "service-access"},
    /* The tablet has no more left than the phone; nobody relieves it, and it goes out. */
    {"low-battery", "spare=1", "flows.refused", "low-battery"},
    {"low-battery", "spare=1", "delivery_ratio", "ServiceAccessRequest"},
    /* A member is out of reach for longer; or it clings to the session that it had, and the answer
     * comes to one that is over. */
    {"group-key", "faults.away.for=110 s", "delivery_ratio", "SGMessage"},
    {"group-key", "faults.away.for=90 s\" --set \"timers.close_timeout=100 s", "messages.delivered",
     "SGKeyResponse"},
    /* Nobody has to join again with the user key; or all are away when the keys are assigned. */
    {"user-keys", "faults.away.for=1 s", "flows.done", "authentication"},
    {"user-keys", "faults.away.at=29 s", "flows.done", "key-assignment"},
    /* The other gateway does not agree. */
    {"bridge", "consent=deny", "flows.done", "service-access"},
    /* The tablet may no longer bring devices in, and the server has fewer to ask. */
    {"household", "admin=laptop", "flows.done", "pn-add"},
    /* The successor that is wished does not want the group. */
    {"family-groups", "wish=daughter/3", "flows.done", "sg-owner-transfer"},
    /* Who is not listed is not approved; or nobody has to approve. */
    {"family-groups", "joining=closed", "flows.done", "sg-join"},
    {"family-groups", "service_groups.parents.joining=open", "flows.refused", "sg-join"},
    /* Nobody takes over, so the owner has to stay. */
    {"family-groups", "service_groups.parents.unwilling=[parent/1, grandparent/1..2]", "flows.done",
     "sg-leave"},
    /* There is no group yet when its end is asked for. */
    {"family-groups", "service_groups.parents.at=230 s", "flows.done", "sg-delete"},
    {"family-groups", "service_groups.parents.at=230 s", "flows.refused", "sg-delete"},
    /* The owner shows its service to one more. */
    {"family-groups", "services.albums.allow=[seat/2, parent/3]", "flows.refused",
     "service-access"},
    /* A member is out of reach for longer. */
    {"family-groups", "faults.walk.for=80 s", "delivery_ratio", "SGMessage"},
    /* The run ends while a successor is being asked. */
    {"family-groups", "run.until=100 s", "flows.open", NULL},
    {"family-groups", "security.policies.modern.auth=server-only", "mutual-authentication", NULL},
    {"family-groups", "security.pne_gateway=bare", "no-plaintext-on-wire", NULL},
    {"family-groups", "security.pne_gateway=bare", "every-signalling-message-protected", NULL},
    /* One address may have all the room; there is little; a datagram's address is believed. */
    {"half-open", "peers=0", "availability", "pne--gateway"},
    {"half-open", "room=8", "availability", "pne--gateway"},
    {"half-open", "ward=broken-no-cookies", "availability", "pne--gateway"},
    {"half-open", "security.policies.phones.auth=server-only", "mutual-authentication", NULL},
    {"half-open", "security.gateway_server=broken-clear", "every-signalling-message-protected",
     NULL},
    {"half-open", "run.until=30 s", "sessions.established", "pne--gateway"},
    {"half-open", "links.ble-body.loss.enter=10 %", "setup_ms.p95", "pne--gateway"},
    /* The servers do not notice that they lost each other; or have for too long. */
    {"two-servers", "apart=1 s", "sessions.established", "server--server"},
    {"two-servers", "apart=1 s", "flows.failed", "service-access"},
    {"two-servers", "apart=150 s", "delivery_ratio", "SGMessage"},
    {"two-servers", "service_groups.everybody.unwilling=grandparent/2", "messages.delivered",
     "SGOwnerChange"},
    {"two-servers", "service_groups.everybody.unwilling=grandparent/2", "flows.done",
     "sg-owner-transfer"},
    /* The run ends before all is told, everybody has joined, the cut is noticed. */
    {"two-servers", "run.until=5 s", "messages.delivered", "InventoryUpdate"},
    {"two-servers", "run.until=130 s", "flows.done", "sg-join"},
    {"two-servers", "run.until=125 s", "flows.open", NULL},
    {"two-servers", "security.policies.modern.auth=server-only", "mutual-authentication",
     "server--server"},
    {"two-servers", "security.gateway_server=bare", "no-plaintext-on-wire", NULL},
    {"two-servers", "security.gateway_server=bare", "every-signalling-message-protected", NULL},
};

static void what_is_broken_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        char *db = whole_path("broken.db");
        int code = whole_cpnsim("run topologies/%s.yaml --set \"%s\" -o %s --progress never",
                                all[i].scenario, all[i].set, db);
        char *subject =
            all[i].subject != NULL ? mem_printf("= '%s'", all[i].subject) : mem_strdup("IS NULL");
        char *sql =
            mem_printf("SELECT count(*) FROM v_expect WHERE verdict = 'violated' AND name = "
                       "'%s' AND subject %s",
                       all[i].name, subject);
        if (code != 1 || whole_int("broken", sql) < 1) {
            print_error("%s with %s: exit code %d\n", all[i].scenario, all[i].set, code);
        }
        assert_int_equal(code, 1);
        assert_true(whole_int("broken", sql) >= 1);
        free(sql);
        free(subject);
        free(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_broken_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
