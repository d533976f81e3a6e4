/* Messages made from the message table, for tests and seed corpora. */
#ifndef TESTS_SUPPORT_CPNS_SAMPLE_H
#define TESTS_SUPPORT_CPNS_SAMPLE_H

#include "models/cpns/message.h"

enum cpns_sample_extent { CPNS_SAMPLE_REQUIRED, CPNS_SAMPLE_ALL };

/* Gives `field` a value that the table allows; static storage. */
void cpns_sample_field(struct cpns_message *m, enum cpns_field field);
/* A valid message with its required fields, or with every field its type may carry. */
void cpns_sample(struct cpns_message *m, enum cpns_type type, enum cpns_sample_extent extent);

#endif
