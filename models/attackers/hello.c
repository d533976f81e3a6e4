/* The ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2). Downgrade: it loses what is
 * strong. Lengths stay as they are, so that no length gives the change away: an extension is robbed
 * of its meaning by another number, a list is filled with its last entry.
 * Copies: whether 0-RTT data (RFC 8446 section 4.2.10) come with it. */
#include <stdio.h>

#include "models/attackers/attackers.h"

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION = 23,
    CLIENT_HELLO = 1,
    EXTENSION_GROUPS = 10,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_VERSIONS = 43,
    EXTENSION_UNKNOWN = 0x7a7a, /* RFC 8701: for what nobody knows */
    TLS_MAJOR = 3,
    TLS_1_0 = 0x0301,
    TLS_SKIPPED = 3,   /* behind the message's type: its length */
    DTLS_SKIPPED = 11, /* and number, offset and length of the fragment (RFC 6347 4.2.2) */
    DTLS_1_0 = 0xfeff, /* versions of DTLS count downwards */
};

static void set(struct attack_plan *plan, size_t at, uint8_t value)
{
    if (plan->set_count < ATTACK_SETS_MAX) {
        plan->sets[plan->set_count].at = at;
        plan->sets[plan->set_count++].value = value;
    }
}

/* All entries of a list of 16-bit numbers become the last one. */
static void level(struct attack_plan *plan, const struct attack_unit *unit, struct span list)
{
    size_t first = (size_t)(list.data - unit->bytes.data);
    for (size_t i = 0; i + 4 <= list.len; i += 2) {
        set(plan, first + i, list.data[list.len - 2]);
        set(plan, first + i + 1, list.data[list.len - 1]);
    }
}

/* The real suites of the list, without the signals at its end. */
static struct span without_signals(struct span list)
{
    static const uint16_t signals[] = {
        0x00ff, /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746) */
        0x5600, /* TLS_FALLBACK_SCSV (RFC 7507) */
    };
    while (list.len >= 4) {
        uint16_t last = (uint16_t)(list.data[list.len - 2] << 8 | list.data[list.len - 1]);
        if (last != signals[0] && last != signals[1]) {
            break;
        }
        list.len -= 2;
    }
    return list;
}

/* Looks for an extension; true and its content when it is there. */
static bool find_extension(struct span extensions, uint16_t wanted, struct span *number,
                           struct span *content)
{
    while (extensions.len > 0) {
        uint16_t type;
        uint16_t len;
        struct span at = extensions;
        if (!span_take_u16(&extensions, &type) || !span_take_u16(&extensions, &len) ||
            !span_take(&extensions, len, content)) {
            return false;
        }
        if (type == wanted) {
            *number = span_of(at.data, 2);
            return true;
        }
    }
    return false;
}

/* The greatest version in the list of the extension, or the one of the old field. */
static uint16_t highest_version(struct span extensions, uint16_t old)
{
    struct span number;
    struct span content;
    uint16_t highest = old;
    uint8_t len;
    uint16_t version;
    if (find_extension(extensions, EXTENSION_VERSIONS, &number, &content) &&
        span_take_u8(&content, &len)) {
        while (span_take_u16(&content, &version)) {
            bool known = version >> 8 == TLS_MAJOR; /* the others are of RFC 8701 */
            highest = known && version > highest ? version : highest;
        }
    }
    return highest;
}

/* The first message of a handshake, in one piece. */
struct hello {
    struct span version, suites, extensions;
};

static bool read_hello(const struct attack_unit *unit, struct hello *h)
{
    struct span in = unit->bytes;
    struct span skipped;
    uint8_t type;
    uint8_t len8;
    uint16_t len16;
    size_t header = unit->dtls ? ATTACK_DTLS_HEADER_BYTES : ATTACK_HEADER_BYTES;
    return !unit->frame && in.data[0] == RECORD_HANDSHAKE && span_take(&in, header, &skipped) &&
           span_take_u8(&in, &type) && type == CLIENT_HELLO &&
           span_take(&in, unit->dtls ? DTLS_SKIPPED : TLS_SKIPPED, &skipped) &&
           span_take(&in, 2, &h->version) && span_take(&in, 32, &skipped) &&
           span_take_u8(&in, &len8) && span_take(&in, len8, &skipped) &&
           (!unit->dtls || (span_take_u8(&in, &len8) && span_take(&in, len8, &skipped))) &&
           span_take_u16(&in, &len16) && span_take(&in, len16, &h->suites) &&
           span_take_u8(&in, &len8) && span_take(&in, len8, &skipped) &&
           span_take_u16(&in, &len16) && span_take(&in, len16, &h->extensions);
}

/* The highest version that it offers; later ones are greater numbers. */
static uint16_t offered_by(const struct attack_unit *unit, const struct hello *h)
{
    uint16_t old = (uint16_t)(h->version.data[0] << 8 | h->version.data[1]);
    return unit->dtls ? (uint16_t)~old : highest_version(h->extensions, old);
}

static void set_u16(struct attack_plan *plan, const struct attack_unit *unit, struct span at,
                    unsigned value)
{
    size_t first = (size_t)(at.data - unit->bytes.data);
    set(plan, first, (uint8_t)(value >> 8));
    set(plan, first + 1, (uint8_t)value);
}

/* Before TLS 1.3, and in DTLS 1.2, the version stands in the hello itself. */
static void strip_versions(struct attack_plan *plan, const struct attack_unit *unit,
                           const struct hello *h)
{
    struct span number;
    struct span content;
    if (find_extension(h->extensions, EXTENSION_VERSIONS, &number, &content)) {
        set_u16(plan, unit, number, EXTENSION_UNKNOWN);
    } else if (unit->dtls) {
        set_u16(plan, unit, h->version, DTLS_1_0);
    } else if (h->version.data[1] > (TLS_1_0 & 0xff)) {
        set(plan, (size_t)(h->version.data - unit->bytes.data) + 1, TLS_1_0 & 0xff);
    }
}

bool announces_early_data(struct span flight)
{
    struct attack_unit unit = {.bytes = flight};
    struct hello hello;
    struct span number;
    struct span content;
    return flight.len > 0 && read_hello(&unit, &hello) &&
           find_extension(hello.extensions, EXTENSION_EARLY_DATA, &number, &content);
}

bool carries_early_data(struct span flight)
{
    struct span record;
    bool offered = announces_early_data(flight);
    bool data = false;
    while (offered && flight.len >= ATTACK_HEADER_BYTES &&
           span_take(&flight, ATTACK_HEADER_BYTES + ((size_t)flight.data[3] << 8 | flight.data[4]),
                     &record)) {
        data = data || record.data[0] == RECORD_APPLICATION;
    }
    return data;
}

void downgrade_begins(const struct scenario_attacker *conf, struct rng *rng,
                      const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)rng;
    static const char *const words[] = {
        [STRIP_VERSIONS] = "versions", [STRIP_SUITES] = "suites", [STRIP_GROUPS] = "groups"};
    struct hello hello;
    struct span number;
    struct span content;
    if (!read_hello(unit, &hello)) {
        return;
    }
    uint16_t offered = offered_by(unit, &hello);
    if (offered < *unit->memory) {
        return; /* it tries with less already */
    }
    *unit->memory = offered;
    switch (conf->strip) {
    case STRIP_VERSIONS:
        strip_versions(plan, unit, &hello);
        break;
    case STRIP_SUITES:
        level(plan, unit, without_signals(hello.suites));
        break;
    case STRIP_GROUPS:
        if (find_extension(hello.extensions, EXTENSION_GROUPS, &number, &content) &&
            content.len > 2) {
            level(plan, unit, span_of(content.data + 2, content.len - 2));
        }
        break;
    }
    if (plan->set_count > 0) {
        plan->act = ATTACK_SET;
        snprintf(plan->what, sizeof(plan->what), "ClientHello robbed of its %s",
                 words[conf->strip]);
    }
}
