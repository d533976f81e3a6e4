/* The message codecs and the stream framing. The first octet chooses: 1 XML, 2 CBOR, one message
 * follows; anything else, frames follow. Whatever decodes encodes again, in both encodings, to an
 * equal message, and CBOR to the same octets. */
#include <string.h>

#include "models/cpns/message.h"
#include "sim/world/framing.h"
#include "tests/fuzz/fuzz.h"

/* The octets of `m` in `encoding`; empty when they are too many, as XML can be where CBOR was not.
 */
static struct buf encoded(const struct cpns_message *m, enum cpns_encoding encoding)
{
    struct buf out = {0};
    const char *why = NULL;
    if (cpns_encode(m, encoding, &out, &why) < 0) {
        CHECK(strcmp(why, "message too large") == 0);
    }
    return out;
}

static void try_again(const struct cpns_message *first, enum cpns_encoding encoding)
{
    struct cpns_message second;
    struct buf out = encoded(first, encoding);
    if (buf_len(&out) != 0) {
        CHECK(cpns_decode(buf_span(&out), encoding, &second, NULL) == 0);
        CHECK(cpns_message_equal(first, &second));
        cpns_message_fini(&second);
    }
    buf_fini(&out);
}

static void try_message(enum cpns_encoding encoding, struct span bytes)
{
    struct cpns_message m;
    const char *why = NULL;
    if (cpns_decode(bytes, encoding, &m, &why) < 0) {
        CHECK(why != NULL);
        cpns_message_fini(&m);
        return;
    }
    try_again(&m, CPNS_XML);
    try_again(&m, CPNS_CBOR);
    if (encoding == CPNS_CBOR) {
        struct buf out = encoded(&m, CPNS_CBOR);
        CHECK(span_equal(buf_span(&out), bytes));
        buf_fini(&out);
    }
    cpns_message_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {.data = data, .len = size};
    struct span message;
    uint8_t encoding;
    if (!span_take_u8(&in, &encoding)) {
        return 0;
    }
    if (encoding == CPNS_XML || encoding == CPNS_CBOR) {
        try_message((enum cpns_encoding)encoding, in);
        return 0;
    }
    while (frame_take(&in, &encoding, &message) == 1) {
        try_message(encoding == CPNS_XML ? CPNS_XML : CPNS_CBOR, message);
    }
    return 0;
}
