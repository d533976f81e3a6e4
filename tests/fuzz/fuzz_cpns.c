/* The message codecs and the stream framing. The first octet chooses: 1 XML, 2 CBOR, one message
 * follows; anything else, frames follow. Whatever decodes encodes again, to an equal message. */
#include "models/cpns/message.h"
#include "sim/world/framing.h"
#include "tests/fuzz/fuzz.h"

static void try_message(enum cpns_encoding encoding, struct span bytes)
{
    struct cpns_message first;
    struct cpns_message second;
    const char *why = NULL;
    if (cpns_decode(bytes, encoding, &first, &why) < 0) {
        CHECK(why != NULL);
        cpns_message_fini(&first);
        return;
    }
    struct buf out = {0};
    CHECK(cpns_encode(&first, encoding, &out, &why) == 0);
    CHECK(cpns_decode(buf_span(&out), encoding, &second, &why) == 0);
    CHECK(cpns_message_equal(&first, &second));
    buf_fini(&out);
    cpns_message_fini(&second);
    cpns_message_fini(&first);
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
