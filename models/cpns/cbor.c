/* CBOR (RFC 8949): a map from the fields' keys to their values, key 0 being the message type, in
 * the core deterministic encoding of section 4.2.1, which the decoder demands as well: one message
 * has one encoding.
 *
 * An item that is as it has to be is read here; of all others libcbor's streaming decoder says what
 * they are. Both read one item at a time and allocate nothing, so a claimed length can cost no
 * memory; the item tree of cbor_load() would be built before we could judge it. */
#include "models/cpns/codec.h"

#include <cbor.h>

enum { KEY_TYPE = 0, HEAD_MAX = 9, ONE_FOLLOWS = 24 };

/* RFC 8949 section 3.1. */
enum major { MAJOR_UINT, MAJOR_NEGINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP };

/* Octets of the shortest head that carries `n` (RFC 8949 section 4.2.1). */
static size_t head_bytes(uint64_t n)
{
    return n < ONE_FOLLOWS   ? 1
           : n <= UINT8_MAX  ? 2
           : n <= UINT16_MAX ? 3
           : n <= UINT32_MAX ? 5
                             : HEAD_MAX;
}

/* --- encoder */

static void append_head(struct buf *out, enum major major, uint64_t n)
{
    uint8_t *to = buf_reserve(out, HEAD_MAX);
    if (n < ONE_FOLLOWS) {
        to[0] = (uint8_t)((unsigned)major << 5 | (unsigned)n);
        buf_commit(out, 1);
        return;
    }
    if (n <= UINT8_MAX) {
        to[0] = (uint8_t)((unsigned)major << 5 | ONE_FOLLOWS);
        to[1] = (uint8_t)n;
        buf_commit(out, 2);
        return;
    }
    size_t len = head_bytes(n);
    unsigned log2 = len == 3 ? 1 : len == 5 ? 2 : 3; /* of the octets that follow */
    to[0] = (uint8_t)((unsigned)major << 5 | (ONE_FOLLOWS + log2));
    for (size_t i = 1; i < len; i++) {
        to[i] = (uint8_t)(n >> 8 * (len - 1 - i));
    }
    buf_commit(out, len);
}

static void append_text(struct buf *out, struct span text)
{
    append_head(out, MAJOR_TEXT, text.len);
    buf_append(out, text);
}

static void append_integer(struct buf *out, int64_t v)
{
    append_head(out, v >= 0 ? MAJOR_UINT : MAJOR_NEGINT, (uint64_t)(v >= 0 ? v : -1 - v));
}

static void append_value(struct buf *out, enum cpns_field_kind kind, const struct cpns_value *v)
{
    switch (kind) {
    case CPNS_TEXT:
        append_text(out, v->bytes);
        break;
    case CPNS_INTEGER:
        append_integer(out, v->integer);
        break;
    case CPNS_BYTES:
        append_head(out, MAJOR_BYTES, v->bytes.len);
        buf_append(out, v->bytes);
        break;
    case CPNS_TEXT_LIST:
        append_head(out, MAJOR_ARRAY, v->list_count);
        for (size_t i = 0; i < v->list_count; i++) {
            append_text(out, v->list[i]);
        }
        break;
    }
}

void cpns_cbor_encode(const struct cpns_message *m, struct buf *out)
{
    enum cpns_field set[CPNS_FIELD_COUNT];
    size_t count = 0;
    size_t room = (size_t)3 * HEAD_MAX; /* for all but lists, at once */
    enum cpns_field i;
    for (i = cpns_next_field(m, 0); i < CPNS_FIELD_COUNT; i = cpns_next_field(m, i + 1)) {
        room += 2 * HEAD_MAX + m->fields[i].bytes.len;
        set[count++] = i;
    }
    buf_reserve(out, room);
    append_head(out, MAJOR_MAP, count + 1);
    append_head(out, MAJOR_UINT, KEY_TYPE);
    append_head(out, MAJOR_UINT, cpns_type_info(m->type)->code);
    for (size_t k = 0; k < count; k++) {
        const struct cpns_field_info *f = cpns_field_info(set[k]);
        append_head(out, MAJOR_UINT, f->key);
        append_value(out, f->kind, &m->fields[set[k]]);
    }
}

/* --- decoder */

enum item_kind { ITEM_OTHER, ITEM_UINT, ITEM_NEGINT, ITEM_TEXT, ITEM_BYTES, ITEM_ARRAY, ITEM_MAP };

struct item {
    enum item_kind kind;
    uint64_t number; /* value, or how many octets or items follow */
    const uint8_t *data;
};

static void set_item(void *context, enum item_kind kind, uint64_t number, const uint8_t *data)
{
    *(struct item *)context = (struct item){.kind = kind, .number = number, .data = data};
}

static void on_uint8(void *context, uint8_t v)
{
    set_item(context, ITEM_UINT, v, NULL);
}

static void on_uint16(void *context, uint16_t v)
{
    set_item(context, ITEM_UINT, v, NULL);
}

static void on_uint32(void *context, uint32_t v)
{
    set_item(context, ITEM_UINT, v, NULL);
}

static void on_uint64(void *context, uint64_t v)
{
    set_item(context, ITEM_UINT, v, NULL);
}

static void on_negint8(void *context, uint8_t v)
{
    set_item(context, ITEM_NEGINT, v, NULL);
}

static void on_negint16(void *context, uint16_t v)
{
    set_item(context, ITEM_NEGINT, v, NULL);
}

static void on_negint32(void *context, uint32_t v)
{
    set_item(context, ITEM_NEGINT, v, NULL);
}

static void on_negint64(void *context, uint64_t v)
{
    set_item(context, ITEM_NEGINT, v, NULL);
}

static void on_text(void *context, cbor_data data, size_t len)
{
    set_item(context, ITEM_TEXT, len, data);
}

static void on_bytes(void *context, cbor_data data, size_t len)
{
    set_item(context, ITEM_BYTES, len, data);
}

static void on_array(void *context, size_t count)
{
    set_item(context, ITEM_ARRAY, count, NULL);
}

static void on_map(void *context, size_t count)
{
    set_item(context, ITEM_MAP, count, NULL);
}

/* Everything else leaves ITEM_OTHER, which no place of a message takes: indefinite lengths, tags,
 * floats, simple values. */
static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .string = on_text,
    .string_start = cbor_null_string_start_callback,
    .byte_string = on_bytes,
    .byte_string_start = cbor_null_byte_string_start_callback,
    .array_start = on_array,
    .indef_array_start = cbor_null_indef_array_start_callback,
    .map_start = on_map,
    .indef_map_start = cbor_null_indef_map_start_callback,
    .tag = cbor_null_tag_callback,
    .float2 = cbor_null_float2_callback,
    .float4 = cbor_null_float4_callback,
    .float8 = cbor_null_float8_callback,
    .undefined = cbor_null_undefined_callback,
    .null = cbor_null_null_callback,
    .boolean = cbor_null_boolean_callback,
    .indef_break = cbor_null_indef_break_callback,
};

/* Says what is wrong with the item at the front; or takes it, when its head is longer than take()
 * looks at. */
static __attribute__((noinline)) bool take_any(struct span *in, enum item_kind wanted,
                                               struct item *item, const char **why)
{
    *item = (struct item){.kind = ITEM_OTHER};
    struct cbor_decoder_result r = cbor_stream_decode(in->data, in->len, &callbacks, item);
    if (r.status != CBOR_DECODER_FINISHED) {
        *why = r.status == CBOR_DECODER_NEDATA ? "truncated CBOR" : "malformed CBOR";
        return false;
    }
    if (item->kind != wanted) {
        *why = "unexpected CBOR item";
        return false;
    }
    bool string = wanted == ITEM_TEXT || wanted == ITEM_BYTES;
    if (r.read != head_bytes(item->number) + (string ? item->number : 0)) {
        *why = "CBOR length or integer is not in the shortest form";
        return false;
    }
    in->data += r.read;
    in->len -= r.read;
    return true;
}

/* Takes one item of the wanted kind off the front. */
static bool take(struct span *in, enum item_kind wanted, struct item *item, const char **why)
{
    static const uint8_t majors[] = {
        [ITEM_OTHER] = 0xff,      [ITEM_UINT] = MAJOR_UINT,   [ITEM_NEGINT] = MAJOR_NEGINT,
        [ITEM_TEXT] = MAJOR_TEXT, [ITEM_BYTES] = MAJOR_BYTES, [ITEM_ARRAY] = MAJOR_ARRAY,
        [ITEM_MAP] = MAJOR_MAP,
    };
    const uint8_t *at = in->data;
    if (in->len == 0 || at[0] >> 5 != majors[wanted]) {
        return take_any(in, wanted, item, why);
    }
    uint64_t n = at[0] & 0x1f;
    size_t head = 1;
    if (n >= ONE_FOLLOWS) {
        if (n == ONE_FOLLOWS && in->len > 1) {
            n = at[1];
            head = 2;
        } else if (n == ONE_FOLLOWS + 1 && in->len > 2) {
            n = (uint64_t)at[1] << 8 | at[2];
            head = 3;
        } else if (n == ONE_FOLLOWS + 2 && in->len > 4) {
            n = (uint64_t)at[1] << 24 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 8 | at[4];
            head = 5;
        }
        if (head != head_bytes(n)) { /* 1 where it was none of these */
            return take_any(in, wanted, item, why);
        }
    }
    bool string = wanted == ITEM_TEXT || wanted == ITEM_BYTES;
    if (string && n > in->len - head) {
        return take_any(in, wanted, item, why);
    }
    *item = (struct item){.kind = wanted, .number = n, .data = at + head};
    size_t len = head + (string ? (size_t)n : 0);
    in->data += len;
    in->len -= len;
    return true;
}

static bool take_integer(struct span *in, int64_t *out, const char **why)
{
    struct item item;
    bool negative = in->len != 0 && in->data[0] >> 5 == 1;
    if (!take(in, negative ? ITEM_NEGINT : ITEM_UINT, &item, why)) {
        return false;
    }
    if (item.number > INT64_MAX) {
        *why = "CBOR integer beyond 64 bits";
        return false;
    }
    *out = negative ? -1 - (int64_t)item.number : (int64_t)item.number;
    return true;
}

static bool take_list(struct span *in, struct cpns_message *m, enum cpns_field field,
                      const char **why)
{
    struct item item;
    if (!take(in, ITEM_ARRAY, &item, why)) {
        return false;
    }
    if (item.number == 0) {
        cpns_set_empty_list(m, field); /* it is there, and not allowed */
    }
    /* Every round takes an octet at least, so the input's length bounds the list. */
    for (uint64_t left = item.number; left != 0; left--) {
        if (!take(in, ITEM_TEXT, &item, why)) {
            return false;
        }
        cpns_add_text(m, field, span_of(item.data, (size_t)item.number));
    }
    return true;
}

static bool take_value(struct span *in, struct cpns_message *m, enum cpns_field field,
                       const char **why)
{
    struct item item;
    int64_t integer;
    switch (cpns_field_info(field)->kind) {
    case CPNS_TEXT:
        if (!take(in, ITEM_TEXT, &item, why)) {
            return false;
        }
        cpns_set_span(m, field, span_of(item.data, (size_t)item.number));
        return true;
    case CPNS_INTEGER:
        if (!take_integer(in, &integer, why)) {
            return false;
        }
        cpns_set_integer(m, field, integer);
        return true;
    case CPNS_BYTES:
        if (!take(in, ITEM_BYTES, &item, why)) {
            return false;
        }
        cpns_set_bytes(m, field, span_of(item.data, (size_t)item.number));
        return true;
    case CPNS_TEXT_LIST:
        return take_list(in, m, field, why);
    }
    return false;
}

static bool take_type(struct span *in, struct cpns_message *m, const char **why)
{
    struct item key, code;
    if (!take(in, ITEM_UINT, &key, why)) {
        return false;
    }
    if (key.number != KEY_TYPE) {
        *why = "message type is not the first entry of the map";
        return false;
    }
    if (!take(in, ITEM_UINT, &code, why)) {
        return false;
    }
    /* Codes ascend by one from 1 with the types so far; the search is for the day they do not. */
    for (unsigned i = 0; i < CPNS_TYPE_COUNT; i++) {
        unsigned t = (unsigned)((code.number - 1 + i) % CPNS_TYPE_COUNT);
        if (cpns_type_info((enum cpns_type)t)->code == code.number) {
            m->type = (enum cpns_type)t;
            return true;
        }
    }
    *why = "unknown message type";
    return false;
}

/* The field of the next key; keys ascend, so the search starts at `*next`. */
static bool take_key(struct span *in, unsigned *next, enum cpns_field *field, const char **why)
{
    struct item key;
    if (!take(in, ITEM_UINT, &key, why)) {
        return false;
    }
    for (unsigned i = *next; i < CPNS_FIELD_COUNT; i++) {
        if (cpns_field_info((enum cpns_field)i)->key == key.number) {
            *field = (enum cpns_field)i;
            *next = i + 1;
            return true;
        }
    }
    *why = "unknown, repeated or misordered key";
    return false;
}

int cpns_cbor_decode(struct span in, struct cpns_message *m, const char **why)
{
    struct item map;
    if (!take(&in, ITEM_MAP, &map, why)) {
        return -SIM_EBADMSG;
    }
    if (map.number == 0) {
        *why = "empty map";
        return -SIM_EBADMSG;
    }
    if (!take_type(&in, m, why)) {
        return -SIM_EBADMSG;
    }
    unsigned next = 0;
    for (uint64_t left = map.number - 1; left != 0; left--) {
        enum cpns_field field;
        if (!take_key(&in, &next, &field, why) || !take_value(&in, m, field, why)) {
            return -SIM_EBADMSG;
        }
    }
    if (in.len != 0) {
        *why = "octets after the message";
        return -SIM_EBADMSG;
    }
    return 0;
}
