/* The point that a CA's certificates are verified by, and multiples of it.
 *
 * ECDSA verifies with u1*G + u2*Q. libcrypto has a table of multiples of the curve's generator G,
 * so that u1*G costs a fifth of u2*Q; it can make one for another point as well, which takes as
 * long as some hundred verifications. Every PNE's certificate is verified by the same Q. Where a CA
 * has issued many, a table is made of its Q; all arithmetic is libcrypto's, and each signature is
 * verified in full.
 *
 * Safe from any thread. Private to sim/secure. */
#ifndef SIM_SECURE_FIXED_BASE_H
#define SIM_SECURE_FIXED_BASE_H

#include <openssl/evp.h>

#include "sim/core/base.h"

struct fixed_base;

/* With this many certificates, the table pays. */
enum { FIXED_BASE_LEAST = 1000 };

/* Of a key on P-256; NULL: another kind of key. One reference. */
struct fixed_base *fixed_base_create(EVP_PKEY *key);
/* NULL is fine. */
struct fixed_base *fixed_base_ref(struct fixed_base *base);
void fixed_base_unref(struct fixed_base *base);

/* So many more certificates are to be verified by it. NULL is fine. */
void fixed_base_expect(struct fixed_base *base, unsigned certificates);

/* Between these, what this thread verifies is verified by `base`, if its key is that; NULL: nothing
 * is known of it. Makes the table where it pays, unless another thread is at it. They do not nest.
 */
void fixed_base_enter(struct fixed_base *base);
void fixed_base_leave(void);

/* Whether there is a table. */
bool fixed_base_is_made(const struct fixed_base *base);

#endif
