#include "sim/cli/witness_sessions.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/tshark.h"
#include "sim/secure/secure_env.h"
#include "sim/secure/secure_session.h"

enum { INITIATOR, RESPONDER, SIDES };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, ALERTS = 256 };

/* --- what tshark reads
 * ------------------------------------------------------------------------------------------- */

/* Alerts by their code. */
struct alerts {
    uint16_t count[ALERTS];
};

struct reading {
    char *stream, *client; /* number of the stream, address of who sent the ClientHello */
    uint64_t randoms[SIDES];
    uint64_t certificates[SIDES]; /* head of the SHA-256 of the first one shown; 0: none */
    unsigned long version, cipher, group;
    uint64_t records[SIDES];
    struct alerts alerts[SIDES];
    bool on_record;
};

struct readings {
    struct reading *items;
    size_t count, capacity;
};

enum {
    FIELD_STREAM,
    FIELD_SOURCE,
    FIELD_TYPES,
    FIELD_RANDOMS,
    FIELD_CIPHERS,
    FIELD_VERSIONS,
    FIELD_SUPPORTED,
    FIELD_GROUPS,
    FIELD_CURVE,
    FIELD_CERTIFICATES,
    FIELD_LENGTHS,
    FIELD_ALERTS,
    FIELDS
};

/* The same for TLS and DTLS. */
static const char *const fields[2][FIELDS] = {
    {"tcp.stream", "ip.src", "tls.handshake.type", "tls.handshake.random",
     "tls.handshake.ciphersuite", "tls.handshake.version",
     "tls.handshake.extensions.supported_version", "tls.handshake.extensions_key_share_group",
     "tls.handshake.server_named_curve", "tls.handshake.certificate", "tls.record.length",
     "tls.alert_message.desc"},
    {"udp.stream", "ip.src", "dtls.handshake.type", "dtls.handshake.random",
     "dtls.handshake.ciphersuite", "dtls.handshake.version",
     "dtls.handshake.extensions.supported_version", "dtls.handshake.extensions_key_share_group",
     "dtls.handshake.server_named_curve", "dtls.handshake.certificate", "dtls.record.length",
     "dtls.alert_message.desc"},
};

static uint64_t hex_head(const char *hex)
{
    char head[17];
    snprintf(head, sizeof(head), "%.16s", hex);
    return strtoull(head, NULL, 16);
}

/* Of the first value, in hexadecimal digits. */
static uint64_t certificate_head(const char *hex)
{
    struct buf der = {0};
    for (; hex[0] != '\0' && hex[0] != ',' && hex[1] != '\0'; hex += 2) {
        char octet[3] = {hex[0], hex[1], '\0'};
        buf_append_u8(&der, (uint8_t)strtoul(octet, NULL, 16));
    }
    uint8_t digest[SECURE_SHA256_BYTES];
    secure_sha256(buf_span(&der), digest);
    buf_fini(&der);
    uint64_t head = 0;
    for (size_t i = 0; i < sizeof(head); i++) {
        head = head << 8 | digest[i];
    }
    return head;
}

static size_t count_values(const char *values)
{
    size_t n = values[0] != '\0';
    for (; *values != '\0'; values++) {
        n += *values == ',';
    }
    return n;
}

/* Whether a list of numbers has this one. */
static bool has_value(const char *values, unsigned long wanted)
{
    while (*values != '\0') {
        char *end;
        if (strtoul(values, &end, 0) == wanted) {
            return true;
        }
        values = *end == ',' ? end + 1 : "";
    }
    return false;
}

/* The session that the stream has now. Over datagrams one stream has all of them, one after the
 * other: a new ClientHello begins the next. */
static struct reading *reading_of(struct readings *r, char *const *v)
{
    bool hello = has_value(v[FIELD_TYPES], CLIENT_HELLO);
    uint64_t random = hello ? hex_head(v[FIELD_RANDOMS]) : 0;
    for (size_t i = r->count; i > 0; i--) {
        struct reading *known = &r->items[i - 1];
        if (strcmp(known->stream, v[FIELD_STREAM]) == 0) {
            if (!hello || known->randoms[INITIATOR] == random) {
                return known;
            }
            break;
        }
    }
    if (!hello) {
        return NULL;
    }
    struct reading *fresh = MEM_PUSH(r->items, r->count, r->capacity);
    *fresh = (struct reading){.stream = mem_strdup(v[FIELD_STREAM]),
                              .client = mem_strdup(v[FIELD_SOURCE]),
                              .randoms = {random, 0}};
    return fresh;
}

static void note_alerts(struct alerts *a, const char *values)
{
    while (*values != '\0') {
        char *end;
        a->count[strtoul(values, &end, 0) % ALERTS]++;
        values = *end == ',' ? end + 1 : "";
    }
}

static void take_packet(void *arg, char *const *v)
{
    struct reading *s = reading_of(arg, v);
    if (s == NULL) {
        return; /* the end of a session whose beginning is not there */
    }
    int side = strcmp(v[FIELD_SOURCE], s->client) == 0 ? INITIATOR : RESPONDER;
    if (side == RESPONDER && has_value(v[FIELD_TYPES], SERVER_HELLO)) {
        const char *version =
            v[FIELD_SUPPORTED][0] != '\0' ? v[FIELD_SUPPORTED] : v[FIELD_VERSIONS];
        s->randoms[RESPONDER] = hex_head(v[FIELD_RANDOMS]);
        s->version = strtoul(version, NULL, 0);
        s->cipher = strtoul(v[FIELD_CIPHERS], NULL, 0);
        s->group = strtoul(v[FIELD_GROUPS], NULL, 0);
    }
    if (side == RESPONDER && v[FIELD_CURVE][0] != '\0') {
        s->group = strtoul(v[FIELD_CURVE], NULL, 0);
    }
    if (v[FIELD_CERTIFICATES][0] != '\0' && s->certificates[side] == 0) {
        s->certificates[side] = certificate_head(v[FIELD_CERTIFICATES]);
    }
    s->records[side] += count_values(v[FIELD_LENGTHS]);
    note_alerts(&s->alerts[side], v[FIELD_ALERTS]);
}

static int read_capture(const char *pcap_dir, const char *capture, bool datagrams,
                        struct readings *ret, struct diag_list *diags)
{
    char *keys = mem_printf("tls.keylog_file:%s/keys.log", pcap_dir);
    struct tshark_question q = {.capture = capture,
                                .filter = datagrams ? "dtls" : "tls",
                                .preference = keys,
                                .home = pcap_dir};
    memcpy(q.fields, fields[datagrams], sizeof(fields[datagrams]));
    int r = tshark_ask(&q, take_packet, ret, diags);
    free(keys);
    return r;
}

/* --- what is on record
 * ------------------------------------------------------------------------------------------- */

struct session {
    int64_t id;
    bool datagrams, established, attacked, resumed, captured;
    char *version, *cipher, *group;
    uint64_t randoms[SIDES];
    uint64_t certificates[SIDES]; /* that each has to show */
    bool shown[SIDES];            /* and the other one was shown */
    bool counted[SIDES];          /* by the tap */
    uint64_t records[SIDES];
    struct alerts sent[SIDES], received[SIDES];
};

struct sessions {
    struct session *items;
    size_t count, capacity;
};

static bool add_session(void *arg, size_t columns, const char *const *names,
                        const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct sessions *all = arg;
    struct session *s = MEM_PUSH(all->items, all->count, all->capacity);
    *s = (struct session){.id = v[0].integer,
                          .datagrams = v[1].integer != 0,
                          .established = v[2].integer != 0,
                          .attacked = v[3].integer != 0,
                          .resumed = v[4].integer != 0,
                          .version = mem_strdup(v[5].text),
                          .cipher = mem_strdup(v[6].text),
                          .group = mem_strdup(v[7].text)};
    for (int side = 0; side < SIDES; side++) {
        const struct record_value *of = &v[8 + 4 * side];
        s->randoms[side] = (uint64_t)of[0].integer;
        s->certificates[side] = (uint64_t)of[1].integer;
        s->shown[side] = of[2].kind != RECORD_IS_NULL;
        s->counted[side] = of[3].kind != RECORD_IS_NULL;
        s->records[side] = (uint64_t)of[3].integer;
    }
    return true;
}

static bool add_alert(void *arg, size_t columns, const char *const *names,
                      const struct record_value *v)
{
    (void)columns;
    (void)names;
    const struct sessions *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        struct session *s = &all->items[i];
        if (s->id == v[0].integer) {
            struct alerts *a = v[2].integer != 0 ? s->sent : s->received;
            a[v[1].integer != 0 ? INITIATOR : RESPONDER].count[v[3].integer % ALERTS]++;
        }
    }
    return true;
}

static int read_record(struct record_db *db, int64_t link, struct sessions *ret,
                       struct diag_list *diags)
{
    static const char sessions_sql[] =
        "SELECT s.session_id, s.kind = 'dtls', i.up_ns IS NOT NULL AND r.up_ns IS NOT NULL,"
        " EXISTS (SELECT 1 FROM probe p WHERE p.session_id = s.session_id AND p.kind <>"
        " 'eavesdropper'), coalesce(s.resumed, 0), coalesce(i.version, ''), coalesce(i.cipher, ''),"
        " coalesce(i.kex_group, ''),"
        " i.client_random, i.own_certificate, r.peer_certificate, i.link_records,"
        " r.server_random, r.own_certificate, i.peer_certificate, r.link_records"
        " FROM session s JOIN session_end i ON i.session_id = s.session_id AND i.side = 'initiator'"
        " LEFT JOIN session_end r ON r.session_id = s.session_id AND r.side = 'responder'"
        " WHERE s.link_id = ?1 AND s.kind IN ('tls', 'dtls') AND i.client_random IS NOT NULL"
        " ORDER BY s.session_id";
    static const char alerts_sql[] =
        "SELECT a.session_id, a.side = 'initiator', a.direction = 'sent', a.code FROM alert a"
        " JOIN session s ON s.session_id = a.session_id WHERE s.link_id = ?1";
    const struct record_value params[] = {record_int(link)};
    int r = record_db_query(db, sessions_sql, params, 1, add_session, ret, diags);
    return r < 0 ? r : record_db_query(db, alerts_sql, params, 1, add_alert, ret, diags);
}

/* --- compared
 * ------------------------------------------------------------------------------------------- */

struct comparison {
    size_t sessions, strange, disagree;
    uint64_t records, alerts;
    char first[160]; /* disagreement, in words */
};

__attribute__((format(printf, 2, 3))) static void disagree(struct comparison *c, const char *format,
                                                           ...)
{
    va_list args;
    va_start(args, format);
    if (c->disagree++ == 0) {
        vsnprintf(c->first, sizeof(c->first), format, args);
    }
    va_end(args);
}

static unsigned long version_number(const char *name)
{
    static const struct {
        const char *name;
        unsigned long number;
    } versions[] = {{"TLSv1", 0x0301},
                    {"TLSv1.1", 0x0302},
                    {"TLSv1.2", 0x0303},
                    {"TLSv1.3", 0x0304},
                    {"DTLSv1.2", 0xfefd}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(versions); i++) {
        if (strcmp(versions[i].name, name) == 0) {
            return versions[i].number;
        }
    }
    return 0;
}

/* RFC 8446 4.2.7. */
static unsigned long group_number(const char *name)
{
    static const struct {
        const char *name;
        unsigned long number;
    } groups[] = {{"P-256", 23}, {"P-384", 24}, {"P-521", 25}, {"X25519", 29}, {"X448", 30}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(groups); i++) {
        if (strcmp(groups[i].name, name) == 0) {
            return groups[i].number;
        }
    }
    return 0;
}

static void compare_handshake(const struct session *s, const struct reading *t,
                              struct comparison *c)
{
    static const char *const sides[] = {"initiator", "responder"};
    if (t->randoms[RESPONDER] != s->randoms[RESPONDER]) {
        disagree(c, "session %lld has another server random", (long long)s->id);
    }
    if (t->version != version_number(s->version)) {
        disagree(c, "session %lld is %s, tshark reads version 0x%04lx", (long long)s->id,
                 s->version, t->version);
    }
    if (t->cipher != (unsigned long)secure_cipher_number(s->cipher)) {
        disagree(c, "session %lld has %s, tshark reads suite 0x%04lx", (long long)s->id, s->cipher,
                 t->cipher);
    }
    if (s->group[0] != '\0' && t->group != group_number(s->group)) {
        disagree(c, "session %lld has %s, tshark reads group %lu", (long long)s->id, s->group,
                 t->group);
    }
    for (int side = 0; side < SIDES; side++) {
        if (s->shown[side] && !s->resumed && t->certificates[side] != s->certificates[side]) {
            disagree(c, "session %lld: the certificate of the %s is another one", (long long)s->id,
                     sides[side]);
        }
    }
}

/* What the tap counted; alerts that somebody sent, and those that arrived at least. */
static void compare_flow(const struct session *s, const struct reading *t, struct comparison *c)
{
    for (int side = 0; side < SIDES; side++) {
        c->records += t->records[side];
        if (s->counted[side] && t->records[side] != s->records[side]) {
            disagree(c, "session %lld has %llu records, tshark reads %llu", (long long)s->id,
                     (unsigned long long)s->records[side], (unsigned long long)t->records[side]);
        }
        for (size_t code = 0; code < ALERTS; code++) {
            uint16_t seen = t->alerts[side].count[code];
            c->alerts += seen;
            if (seen > s->sent[side].count[code] || seen < s->received[1 - side].count[code]) {
                disagree(c, "session %lld: alert %zu, sent %u times, received %u times, read %u",
                         (long long)s->id, code, s->sent[side].count[code],
                         s->received[1 - side].count[code], seen);
            }
        }
    }
}

static void compare(struct sessions *all, struct readings *read, struct comparison *c)
{
    size_t unread = 0; /* handshakes that an attacker may have altered beyond recognition */
    for (size_t i = 0; i < all->count; i++) {
        struct session *s = &all->items[i];
        struct reading *t = NULL;
        for (size_t k = 0; t == NULL && k < read->count; k++) {
            t = read->items[k].randoms[INITIATOR] == s->randoms[INITIATOR] ? &read->items[k] : NULL;
        }
        if (t != NULL) {
            t->on_record = true;
        } else {
            unread += s->attacked && !s->established;
        }
        c->sessions += s->established;
        if (s->established && t == NULL) {
            disagree(c, "session %lld is not in the capture", (long long)s->id);
        } else if (s->established) {
            compare_handshake(s, t, c);
        }
        if (s->established && t != NULL && !s->attacked) {
            compare_flow(s, t, c);
        }
    }
    for (size_t k = 0; k < read->count; k++) {
        c->strange += !read->items[k].on_record;
    }
    if (c->strange > unread) {
        disagree(c, "%zu sessions that are not on record", c->strange - unread);
    }
}

static void add_finding(struct judgement *j, const char *name, enum verdict verdict, char *evidence)
{
    judgement_add_witness(j, "witness-tshark-sessions", name, verdict, evidence);
}

static char *in_words(const struct comparison *c)
{
    if (c->disagree > 0) {
        return mem_printf("%s; %zu contradictions about %zu sessions", c->first, c->disagree,
                          c->sessions);
    }
    return mem_printf("versions, suites, groups and certificates of %zu sessions, %llu records and "
                      "%llu alerts as on record",
                      c->sessions, (unsigned long long)c->records, (unsigned long long)c->alerts);
}

int witness_sessions(struct record_db *db, const char *pcap_dir, int64_t link, const char *name,
                     const char *capture, struct judgement *j, struct diag_list *diags)
{
    struct sessions all = {0};
    struct readings read = {0};
    struct comparison c = {0};
    bool used[2] = {false, false};
    int r = read_record(db, link, &all, diags);
    if (r < 0 || all.count == 0) {
        goto out;
    }
    if (access(capture, R_OK) != 0) {
        add_finding(j, name, VERDICT_UNKNOWN, mem_strdup("there is no capture of it"));
        goto out;
    }
    for (size_t i = 0; i < all.count; i++) {
        used[all.items[i].datagrams] = true;
    }
    for (int datagrams = 0; r == 0 && datagrams < 2; datagrams++) {
        r = used[datagrams] ? read_capture(pcap_dir, capture, datagrams, &read, diags) : 0;
    }
    if (r == 0) {
        compare(&all, &read, &c);
        add_finding(j, name, c.disagree > 0 ? VERDICT_VIOLATED : VERDICT_HELD, in_words(&c));
    }
out:
    for (size_t i = 0; i < all.count; i++) {
        free(all.items[i].version);
        free(all.items[i].cipher);
        free(all.items[i].group);
    }
    for (size_t i = 0; i < read.count; i++) {
        free(read.items[i].stream);
        free(read.items[i].client);
    }
    free(all.items);
    free(read.items);
    return r;
}
