/* What a decoder must say, and that it prints nothing while it says so. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_CPNS_EXPECT_H
#define TESTS_SUPPORT_CPNS_EXPECT_H

#include "models/cpns/message.h"

#define OCTETS(literal) span_of(literal, sizeof(literal) - 1)

/* Decodes a heap copy of exact size, so that a sanitizer sees an overrun, and fails the test unless
 * the result is `wanted` and, where `reason` is not NULL, the decoder gave that. */
void cpns_expect(struct span in, enum cpns_encoding encoding, int wanted, const char *reason);

/* Set-up and tear-down around a test: fails it when anything reached standard error. */
int cpns_watch_stderr(void **state);
int cpns_nothing_was_printed(void **state);
#define CPNS_QUIET(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, cpns_watch_stderr, cpns_nothing_was_printed)

#endif
