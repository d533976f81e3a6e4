/* The verbs of `workload`; scenario_work.verb is one of these. */
#ifndef MODELS_CPNS_VERBS_H
#define MODELS_CPNS_VERBS_H

enum cpns_verb {
    VERB_SERVICE_ACCESS,
    VERB_GROUP_MESSAGE,
    VERB_GROUP_JOIN,
    VERB_PN_RELEASE,
    VERB_DEVICE_CAPABILITIES,
    VERB_KEY_ASSIGNMENT,
    VERB_PNE_PROVISIONING,
    VERB_PN_ADD,
    VERB_PN_LEAVE,
};

#endif
