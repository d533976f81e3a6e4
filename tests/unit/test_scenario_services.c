/* Services of PNEs, and what a workload says about services and members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define HEAD "cpns: 1\nrun: {until: 60 s, seed: 9}\n"

#define NODES                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"                        \
    "  - {id: pne, role: pne, count: 6, attach: {to: gw/*, link: ble}}\n"                          \
    "service_groups:\n"                                                                            \
    "  - {id: vitals, owner: pne/1, members: pne/2..3, unwilling: [pne/3, pne/5]}\n"               \
    "services:\n"                                                                                  \
    "  - {id: heart-rate, provider: pne/3}\n"                                                      \
    "  - {id: ecg, name: Electrocardiogram, content: 12 leads, provider: pne/1, openness: "        \
    "group,\n"                                                                                     \
    "     group: vitals, at: 4 s}\n"                                                               \
    "  - {id: photos, provider: pne/2, openness: public, confirm: owner, allow: pne/4..5}\n"

static void services_have_a_provider_and_an_openness(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD NODES);
    const struct scenario *s = l.s;
    assert_int_equal(s->service_count, 3);
    assert_string_equal(s->services[0].id, "heart-rate");
    assert_string_equal(s->services[0].name, "heart-rate");
    assert_null(s->services[0].content);
    assert_string_equal(s->nodes[s->services[0].provider].id, "pne/3");
    assert_int_equal(s->services[0].openness, OPENNESS_PN);
    assert_int_equal(s->services[0].group, SCENARIO_NONE);
    assert_false(s->services[0].confirm);
    assert_string_equal(s->services[1].name, "Electrocardiogram");
    assert_string_equal(s->services[1].content, "12 leads");
    assert_int_equal(s->services[1].openness, OPENNESS_GROUP);
    assert_int_equal(s->services[1].group, 0);
    assert_int_equal(s->services[1].at, 4 * SIM_S);
    assert_int_equal(s->services[2].openness, OPENNESS_PUBLIC);
    assert_true(s->services[2].confirm);
    assert_int_equal(s->services[2].allowed_count, 2);
    assert_string_equal(s->nodes[s->services[2].allowed[1]].id, "pne/5");
    assert_int_equal(s->groups[0].unwilling_count, 2);
    assert_string_equal(scenario_openness_name(OPENNESS_PRIVATE), "private");
    loaded_fini(&l);
}

static void a_workload_names_services_words_and_members(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD NODES
                  "workload:\n"
                  "  - {at: 1 s, do: service-access, from: pne/1, service: heart-rate}\n"
                  "  - {at: 1 s, do: service-access, from: pne/1, to: pne/2, service: ecg}\n"
                  "  - {at: 1 s, do: service-access, from: pne/1}\n"
                  "  - {at: 1 s, do: group-invite, from: pne/1, to: vitals, member: pne/4..6}\n"
                  "  - {at: 1 s, do: group-discover, from: pne/1, service: any word, keyword: "
                  "vit, member: pne/2}\n");
    const struct scenario_work *w = l.s->work;
    assert_int_equal(w[0].to_count, 1); /* its provider */
    assert_string_equal(l.s->nodes[w[0].to[0]].id, "pne/3");
    assert_false(w[0].to_home);
    assert_string_equal(w[0].service, "heart-rate");
    assert_string_equal(l.s->nodes[w[1].to[0]].id, "pne/2");
    assert_null(w[2].service);
    assert_true(w[2].to_home);
    assert_int_equal(w[3].member_count, 3);
    assert_string_equal(w[4].service, "any word");
    assert_string_equal(w[4].keyword, "vit");
    assert_int_equal(w[4].member_count, 1);
    loaded_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_have_a_provider_and_an_openness),
        cmocka_unit_test(a_workload_names_services_words_and_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
