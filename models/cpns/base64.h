/* Base64 (RFC 4648 section 4) as XML carries octets: padded, no line breaks. */
#ifndef MODELS_CPNS_BASE64_H
#define MODELS_CPNS_BASE64_H

#include "sim/core/buf.h"

void base64_append(struct buf *out, struct span bytes);
/* Decodes in place; false when a character, the padding or the unused bits are wrong, so that
 * octets have one form only. */
bool base64_decode(uint8_t *text, size_t *len);

#endif
