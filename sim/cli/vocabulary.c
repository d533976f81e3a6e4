/* Joins what the models define: words of the scenario format, and what the world runs. */
#include "models/attackers/attackers.h"
#include "models/cpns/ports.h"
#include "models/devices/devices.h"
#include "models/entities.h"
#include "models/links/links.h"
#include "models/policies/policies.h"
#include "sim/cli/commands.h"
#include "sim/secure/secure_session.h"
#include "sim/world/world.h"

const struct scenario_vocabulary *cli_vocabulary(void)
{
    enum { MOST = 64 };
    static const char *cpus[MOST];
    static struct scenario_vocabulary vocabulary;
    CHECK(device_cpu_count <= MOST);
    for (size_t i = 0; i < device_cpu_count; i++) {
        cpus[i] = device_cpus[i].name;
    }
    vocabulary = (struct scenario_vocabulary){.technologies = link_technologies,
                                              .technology_count = link_technology_count,
                                              .cpus = cpus,
                                              .cpu_count = device_cpu_count,
                                              .attacks = attack_words,
                                              .attack_count = attack_kind_count,
                                              .verbs = cpns_verbs,
                                              .verb_count = cpns_verb_count,
                                              .cipher_known = secure_cipher_known,
                                              .group_known = secure_group_known,
                                              .signature_known = secure_signature_known,
                                              .policy_sets = policy_sets,
                                              .policy_set_count = policy_set_count};
    return &vocabulary;
}

const struct world_models *cli_models(void)
{
    static const struct entity_type *const types[] = {[ROLE_PNE] = &pne_entity_type,
                                                      [ROLE_GATEWAY] = &pn_gateway_entity_type,
                                                      [ROLE_SERVER] = &cpns_server_entity_type};
    static struct world_models models;
    models = (struct world_models){
        .types = types,
        .cpus = device_cpus,
        .cpu_count = device_cpu_count,
        .default_cpu = {[ROLE_PNE] = "cortex-m4-64mhz",
                        [ROLE_GATEWAY] = "cortex-a76",
                        [ROLE_SERVER] = "x86-64-server"},
        .stream_port = CPNS_PORT,
        .attack_words = attack_words,
        .attacks = attack_kinds,
        .datagram_port = CPNS_PORT,
        .session_datagram_port = CPNS_DTLS_PORT,
    };
    return &models;
}
