/* The table of link technologies: complete, sourced, and such that the net takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "models/links/links.h"
#include "sim/net/net.h"

static const struct scenario_link *technology(const char *name)
{
    for (size_t i = 0; i < link_technology_count; i++) {
        if (strcmp(link_technologies[i].name, name) == 0) {
            return &link_technologies[i];
        }
    }
    return NULL;
}

static void the_technologies_of_the_model_are_there(void **state)
{
    /* Delay and rate of cpns-model.md section 7. */
    static const struct {
        const char *name;
        sim_time delay;
        uint64_t rate_bps;
    } model[] = {{"bluetooth", 20 * SIM_MS, 1000000}, {"ble", 30 * SIM_MS, 200000},
                 {"wlan", 3 * SIM_MS, 30000000},      {"zigbee", 20 * SIM_MS, 100000},
                 {"lte", 30 * SIM_MS, 20000000},      {"3g", 80 * SIM_MS, 2000000},
                 {"fibre", 5 * SIM_MS, 500000000}};
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(model); i++) {
        const struct scenario_link *t = technology(model[i].name);
        assert_non_null(t);
        assert_true(t->delay == model[i].delay);
        assert_int_equal(t->rate_bps, model[i].rate_bps);
    }
    assert_non_null(technology("ethernet"));
}

static void names_are_unique_and_sources_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < link_technology_count; i++) {
        const struct scenario_link *t = &link_technologies[i];
        assert_ptr_equal(technology(t->name), t);
        assert_string_equal(t->name, t->technology);
        assert_non_null(t->source);
        assert_true(t->source != NULL && strlen(t->source) > 40);
        /* Radios drain batteries, wires do not. */
        bool radio = t->range_m > 0 || strcmp(t->name, "lte") == 0 || strcmp(t->name, "3g") == 0;
        assert_true((t->sent_pj > 0) == radio && (t->received_pj > 0) == radio);
        const char *energy = t->source != NULL ? strstr(t->source, "energy:") : NULL;
        assert_true((energy != NULL) == radio);
    }
}

static void the_net_takes_each(void **state)
{
    struct net *net;
    (void)state;
    assert_int_equal(net_create_ideal(1, &net), 0);
    net_node hub = net_add_node(net, "hub");
    for (size_t i = 0; i < link_technology_count; i++) {
        const struct scenario_link *t = &link_technologies[i];
        struct net_link_params p = {.name = t->name,
                                    .delay = t->delay,
                                    .jitter = t->jitter,
                                    .rate_bps = t->rate_bps,
                                    .mtu_bytes = t->mtu_bytes,
                                    .frame_bytes = t->frame_bytes,
                                    .overhead_bytes = t->overhead_bytes,
                                    .queue_packets = t->queue_packets,
                                    .shared_medium = t->shared_medium};
        net_link link;
        assert_int_equal(net_add_link(net, hub, net_add_node(net, t->name), &p, &link), 0);
        /* RFC 8200 and the floor of DTLS: a TLS record layer has room */
        assert_true(t->mtu_bytes >= 1280);
        assert_true(t->frame_bytes < t->mtu_bytes);
        assert_true(t->jitter * 3 <= t->delay * 2);
        assert_int_equal(t->loss.model, SCENARIO_LOSS_NONE);
    }
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_technologies_of_the_model_are_there),
        cmocka_unit_test(names_are_unique_and_sources_given),
        cmocka_unit_test(the_net_takes_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
