#include "sim/world/framing.h"

void frame_append(struct buf *out, uint8_t encoding, struct span message)
{
    CHECK(message.len <= FRAME_MAX_BYTES);
    buf_reserve(out, sizeof(uint32_t) + 1 + message.len);
    buf_append_u32(out, (uint32_t)message.len);
    buf_append_u8(out, encoding);
    buf_append(out, message);
}

int frame_take(struct span *in, uint8_t *encoding, struct span *message)
{
    struct span rest = *in;
    uint32_t len;
    if (!span_take_u32(&rest, &len)) {
        return 0;
    }
    if (len > FRAME_MAX_BYTES) {
        return -SIM_EBADMSG;
    }
    uint8_t octet;
    struct span body;
    if (!span_take_u8(&rest, &octet) || !span_take(&rest, len, &body)) {
        return 0;
    }
    *encoding = octet;
    *message = body;
    *in = rest;
    return 1;
}
