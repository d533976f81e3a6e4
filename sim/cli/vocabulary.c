/* Joins the words that the models define for the scenario format. */
#include "models/attackers/attackers.h"
#include "models/devices/devices.h"
#include "models/entities.h"
#include "models/links/links.h"
#include "models/policies/policies.h"
#include "sim/cli/commands.h"
#include "sim/secure/secure_session.h"

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
