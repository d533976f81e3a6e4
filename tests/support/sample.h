/* How often a test asks the same of other values: as often as it takes where the build is
 * optimised; under AddressSanitizer, where whole runs and tshark take many times as long and only
 * what code is reached counts, a sample. */
#ifndef TESTS_SUPPORT_SAMPLE_H
#define TESTS_SUPPORT_SAMPLE_H

#ifdef __SANITIZE_ADDRESS__
#define SAMPLE(all, sample) sample
#else
#define SAMPLE(all, sample) all
#endif

#endif
