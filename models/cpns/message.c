#include "models/cpns/message.h"

#include <stdlib.h>
#include <string.h>

#include "models/cpns/codec.h"

/* Only what is set is looked at; the rest of a message, some thousand octets, is not cleared. */
static void begin(struct cpns_message *m, enum cpns_type type)
{
    m->type = type;
    memset(m->used, 0, sizeof(m->used));
    memset(m->fresh, 0, sizeof(m->fresh));
    buf_init(&m->storage);
}

void cpns_message_init(struct cpns_message *m, enum cpns_type type)
{
    CHECK((unsigned)type < CPNS_TYPE_COUNT);
    begin(m, type);
    cpns_set_text(m, CPNS_VERSION, "1.0");
}

void cpns_message_fini(struct cpns_message *m)
{
    for (size_t i = 0; i < CPNS_FIELD_WORDS; i++) {
        for (uint64_t bits = m->used[i]; bits != 0; bits &= bits - 1) {
            free(m->fields[64 * i + (size_t)__builtin_ctzll(bits)].list);
        }
        m->used[i] = 0;
    }
    buf_fini(&m->storage);
}

enum cpns_field cpns_next_field(const struct cpns_message *m, unsigned from)
{
    for (unsigned word = from / 64; word < CPNS_FIELD_WORDS; word++, from = 64 * word) {
        uint64_t bits = m->used[word] >> (from % 64) << (from % 64);
        for (; bits != 0; bits &= bits - 1) {
            unsigned field = 64 * word + (unsigned)__builtin_ctzll(bits);
            if (m->fields[field].set) {
                return (enum cpns_field)field;
            }
        }
    }
    return CPNS_FIELD_COUNT;
}

/* A field of the given kind, about to be set. */
static struct cpns_value *slot(struct cpns_message *m, enum cpns_field field,
                               enum cpns_field_kind kind)
{
    CHECK(cpns_field_info(field)->kind == kind);
    struct cpns_value *v = &m->fields[field];
    uint64_t bit = UINT64_C(1) << ((unsigned)field % 64);
    if ((m->used[(size_t)field / 64] & bit) == 0) {
        *v = (struct cpns_value){0};
    }
    v->set = true;
    m->used[(size_t)field / 64] |= bit;
    m->fresh[(size_t)field / 64] |= bit;
    return v;
}

void cpns_set_text(struct cpns_message *m, enum cpns_field field, const char *text)
{
    cpns_set_span(m, field, span_of_str(text));
}

void cpns_set_span(struct cpns_message *m, enum cpns_field field, struct span text)
{
    slot(m, field, CPNS_TEXT)->bytes = text;
}

void cpns_set_integer(struct cpns_message *m, enum cpns_field field, int64_t value)
{
    slot(m, field, CPNS_INTEGER)->integer = value;
}

void cpns_set_bytes(struct cpns_message *m, enum cpns_field field, struct span bytes)
{
    slot(m, field, CPNS_BYTES)->bytes = bytes;
}

void cpns_add_text(struct cpns_message *m, enum cpns_field field, struct span text)
{
    struct cpns_value *v = slot(m, field, CPNS_TEXT_LIST);
    *MEM_PUSH(v->list, v->list_count, v->list_capacity) = text;
}

void cpns_set_empty_list(struct cpns_message *m, enum cpns_field field)
{
    slot(m, field, CPNS_TEXT_LIST)->list_count = 0;
}

const struct cpns_value *cpns_value(const struct cpns_message *m, enum cpns_field field)
{
    static const struct cpns_value absent = {0};
    CHECK((unsigned)field < CPNS_FIELD_COUNT);
    bool used = (m->used[(size_t)field / 64] >> ((unsigned)field % 64) & 1) != 0;
    return used && m->fields[field].set ? &m->fields[field] : &absent;
}

bool cpns_has(const struct cpns_message *m, enum cpns_field field)
{
    return cpns_value(m, field)->set;
}

struct span cpns_text(const struct cpns_message *m, enum cpns_field field)
{
    return cpns_value(m, field)->bytes;
}

int64_t cpns_integer(const struct cpns_message *m, enum cpns_field field)
{
    return cpns_value(m, field)->integer;
}

struct span cpns_bytes(const struct cpns_message *m, enum cpns_field field)
{
    return cpns_text(m, field);
}

struct span cpns_item(const struct cpns_message *m, enum cpns_field field, size_t index)
{
    const struct cpns_value *v = cpns_value(m, field);
    CHECK(index < v->list_count);
    return v->list[index];
}

static bool value_equal(const struct cpns_value *a, const struct cpns_value *b)
{
    if (!a->set || !b->set) {
        return a->set == b->set;
    }
    if (a->integer != b->integer || !span_equal(a->bytes, b->bytes) ||
        a->list_count != b->list_count) {
        return false;
    }
    for (size_t i = 0; i < a->list_count; i++) {
        if (!span_equal(a->list[i], b->list[i])) {
            return false;
        }
    }
    return true;
}

bool cpns_message_equal(const struct cpns_message *a, const struct cpns_message *b)
{
    if (a->type != b->type) {
        return false;
    }
    for (size_t i = 0; i < CPNS_FIELD_COUNT; i++) {
        if (!value_equal(cpns_value(a, (enum cpns_field)i), cpns_value(b, (enum cpns_field)i))) {
            return false;
        }
    }
    return true;
}

/* --- the check both directions share */

/* How many octets the UTF-8 character at the front takes, 0 when it is not one that XML 1.0 can
 * carry (section 2.2, production Char): the two encodings stay interchangeable. */
static size_t utf8_char(const uint8_t *p, size_t len)
{
    if (p[0] < 0x80) {
        return p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r' ? 1 : 0;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0xc2 || p[0] > 0xf4 || len < n) {
        return 0;
    }
    uint32_t c = p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3fU);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c >= lowest[n] && c <= 0x10ffff && !surrogate && c != 0xfffe && c != 0xffff ? n : 0;
}

static bool text_is_clean(struct span text)
{
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_char(text.data + i, text.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Whether all eight octets are lower-case hexadecimal digits: in the top bit of each octet stands
 * whether it is at least a bound; no sum carries into the next, as long as the top bits were 0. */
static bool eight_hex(const uint8_t *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof(w));
    uint64_t digit = (w + EACH(0x80 - '0')) & ~(w + EACH(0x80 - '9' - 1));
    uint64_t letter = (w + EACH(0x80 - 'a')) & ~(w + EACH(0x80 - 'f' - 1));
    return (w & EACH(0x80)) == 0 && ((digit | letter) & EACH(0x80)) == EACH(0x80);
}

/* "urn:uuid:" and the 8-4-4-4-12 form; lower case, so that equal names are equal octets. Most
 * names of most messages come by here. */
static bool is_urn(struct span text)
{
    static const char prefix[] = "urn:uuid:";
    enum { PREFIX = sizeof(prefix) - 1, UUID = 36 };
    if (text.len != PREFIX + UUID || memcmp(text.data, prefix, PREFIX) != 0) {
        return false;
    }
    const uint8_t *p = text.data + PREFIX;
    uint8_t middle[16]; /* the three groups of four and the first of the last twelve */
    memcpy(middle, p + 9, 4);
    memcpy(middle + 4, p + 14, 4);
    memcpy(middle + 8, p + 19, 4);
    memcpy(middle + 12, p + 24, 4);
    return p[8] == '-' && p[13] == '-' && p[18] == '-' && p[23] == '-' && eight_hex(p) &&
           eight_hex(middle) && eight_hex(middle + 8) && eight_hex(p + 28);
}

static bool one_of(const char *const *values, struct span text)
{
    for (; *values != NULL; values++) {
        if (span_equal_str(text, *values)) {
            return true;
        }
    }
    return false;
}

static bool text_ok(const struct cpns_field_info *f, struct span text)
{
    if ((int64_t)text.len < f->min || (int64_t)text.len > f->max) {
        return false;
    }
    if (f->urn) {
        return is_urn(text);
    }
    return f->values != NULL ? one_of(f->values, text) : text_is_clean(text);
}

static bool integer_ok(const struct cpns_field_info *f, int64_t integer)
{
    if (f->integers == NULL) {
        return integer >= f->min && integer <= f->max;
    }
    const int64_t *allowed = f->integers;
    while (*allowed != 0 && *allowed != integer) {
        allowed++;
    }
    return *allowed != 0;
}

static bool value_ok(const struct cpns_field_info *f, const struct cpns_value *v)
{
    switch (f->kind) {
    case CPNS_TEXT:
        return text_ok(f, v->bytes);
    case CPNS_INTEGER:
        return integer_ok(f, v->integer);
    case CPNS_BYTES:
        return (int64_t)v->bytes.len >= f->min && (int64_t)v->bytes.len <= f->max;
    case CPNS_TEXT_LIST:
        for (size_t i = 0; i < v->list_count; i++) {
            if (!text_ok(f, v->list[i])) {
                return false;
            }
        }
        return v->list_count != 0;
    }
    return false;
}

/* How many fields a type requires; eight at a time. */
static unsigned required_fields(const struct cpns_type_info *type)
{
    _Static_assert(CPNS_REQUIRED == 2 && CPNS_FIELD_COUNT < 256, "counted by their second bit");
    uint64_t sums = 0;
    unsigned rest = 0;
    size_t i = 0;
    for (; i + 8 <= CPNS_FIELD_COUNT; i += 8) {
        uint64_t eight;
        memcpy(&eight, type->presence + i, sizeof(eight));
        sums += eight >> 1 & EACH(1);
    }
    for (; i < CPNS_FIELD_COUNT; i++) {
        rest += type->presence[i] == CPNS_REQUIRED;
    }
    return (unsigned)(sums * EACH(1) >> 56) + rest;
}

/* Whether there is no fault. Values that a decoder's check has seen are not looked at again. */
static bool is_sound(const struct cpns_message *m)
{
    if ((unsigned)m->type >= CPNS_TYPE_COUNT) {
        return false;
    }
    const struct cpns_type_info *type = cpns_type_info(m->type);
    unsigned required = 0;
    for (size_t word = 0; word < CPNS_FIELD_WORDS; word++) {
        for (uint64_t bits = m->used[word]; bits != 0; bits &= bits - 1) {
            size_t field = 64 * word + (size_t)__builtin_ctzll(bits);
            const struct cpns_value *v = &m->fields[field];
            if (!v->set) {
                continue;
            }
            bool fresh = (m->fresh[word] & bits & (~bits + 1)) != 0;
            if (type->presence[field] == CPNS_ABSENT ||
                (fresh && !value_ok(cpns_field_info((enum cpns_field)field), v))) {
                return false;
            }
            required += type->presence[field] == CPNS_REQUIRED;
        }
    }
    return required == required_fields(type);
}

/* The first fault in the order of the fields. */
static const char *fault(const struct cpns_message *m)
{
    if ((unsigned)m->type >= CPNS_TYPE_COUNT) {
        return "unknown message type";
    }
    const struct cpns_type_info *type = cpns_type_info(m->type);
    unsigned next = cpns_next_field(m, 0);
    unsigned i = 0;
    for (;; i = next + 1, next = cpns_next_field(m, i)) {
        const uint8_t *missing =
            next > i ? memchr(type->presence + i, CPNS_REQUIRED, next - i) : NULL;
        if (missing != NULL) {
            return cpns_field_info((enum cpns_field)(missing - type->presence))->missing;
        }
        if (next == CPNS_FIELD_COUNT) {
            return NULL;
        }
        const struct cpns_field_info *f = cpns_field_info((enum cpns_field)next);
        if (type->presence[next] == CPNS_ABSENT) {
            return f->misplaced;
        }
        if (!value_ok(f, &m->fields[next])) {
            return f->invalid;
        }
    }
}

int cpns_check(const struct cpns_message *m, const char **why)
{
    const char *what = is_sound(m) ? NULL : fault(m);
    if (what != NULL && why != NULL) {
        *why = what;
    }
    return what != NULL ? -SIM_EINVAL : 0;
}

/* --- both encodings */

int cpns_encode(const struct cpns_message *m, enum cpns_encoding encoding, struct buf *out,
                const char **why)
{
    int r = cpns_check(m, why);
    if (r < 0) {
        return r;
    }
    size_t before = buf_len(out);
    switch (encoding) {
    case CPNS_XML:
        cpns_xml_encode(m, out);
        break;
    case CPNS_CBOR:
        cpns_cbor_encode(m, out);
        break;
    }
    size_t written = buf_len(out) - before;
    if (written == 0 || written > CPNS_MESSAGE_MAX_BYTES) {
        out->end -= written;
        if (why != NULL) {
            *why = written == 0 ? "unknown encoding" : "message too large";
        }
        return -SIM_EINVAL;
    }
    return 0;
}

void cpns_storage(struct cpns_message *m, size_t len)
{
    buf_reserve(&m->storage, len);
}

static int decode(struct span in, enum cpns_encoding encoding, bool borrow, struct cpns_message *m,
                  const char **why)
{
    const char *what = "unknown encoding";
    begin(m, CPNS_TYPE_COUNT);
    int r = -SIM_EBADMSG;
    if (in.len > CPNS_MESSAGE_MAX_BYTES) {
        what = "message too large";
        goto out;
    }
    switch (encoding) {
    case CPNS_XML:
        r = cpns_xml_decode(in, m, &what);
        break;
    case CPNS_CBOR:
        if (!borrow) {
            cpns_storage(m, in.len);
            buf_append(&m->storage, in);
            in = buf_span(&m->storage);
        }
        r = cpns_cbor_decode(in, m, &what);
        break;
    }
    if (r == 0 && cpns_check(m, &what) < 0) {
        r = -SIM_EBADMSG;
    }
    memset(m->fresh, 0, sizeof(m->fresh));
out:
    if (r < 0 && why != NULL) {
        *why = what;
    }
    return r;
}

int cpns_decode_borrowed(struct span in, enum cpns_encoding encoding, struct cpns_message *m,
                         const char **why)
{
    return decode(in, encoding, true, m, why);
}

int cpns_decode(struct span in, enum cpns_encoding encoding, struct cpns_message *m,
                const char **why)
{
    return decode(in, encoding, false, m, why);
}
