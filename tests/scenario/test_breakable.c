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
    const char *name, *subject; /* of an expectation that is violated then */
};

static const struct broken all[] = {
    /* Announced so rarely, most visitors have left before they hear of it. */
    {"museum", "announce=120 s", "flows.done", "zone-info"},
    {"museum", "information=60 kB", "latency_ms.p95", "ZoneInfoResponse"},
    /* The other gateway does not agree. */
    {"bridge", "consent=deny", "flows.done", "service-access"},
    /* The tablet may no longer bring devices in, and the server has fewer to ask. */
    {"household", "admin=laptop", "flows.done", "pn-add"},
};

static void what_is_broken_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        char *db = whole_path("broken.db");
        int code = whole_cpnsim("run topologies/%s.yaml --set \"%s\" -o %s --progress never",
                                all[i].scenario, all[i].set, db);
        char *sql =
            mem_printf("SELECT count(*) FROM v_expect WHERE verdict = 'violated' AND name = "
                       "'%s' AND subject = '%s'",
                       all[i].name, all[i].subject);
        if (code != 1 || whole_int("broken", sql) < 1) {
            print_error("%s with %s: exit code %d\n", all[i].scenario, all[i].set, code);
        }
        assert_int_equal(code, 1);
        assert_true(whole_int("broken", sql) >= 1);
        free(sql);
        free(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_broken_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
