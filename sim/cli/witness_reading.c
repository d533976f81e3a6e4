#include "sim/cli/witness_reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/tshark.h"
#include "sim/cli/witness_datagrams.h"
#include "sim/world/framing.h"

/* --- what was sent
 * ------------------------------------------------------------------------------------------- */

static void count_up(struct map *m, const char *digest)
{
    uint64_t n = 0;
    map_get_str(m, digest, &n);
    map_set_str(m, digest, n + 1);
}

static bool count_down(struct map *m, const char *digest)
{
    uint64_t n = 0;
    if (!map_get_str(m, digest, &n) || n == 0) {
        return false;
    }
    map_set_str(m, digest, n - 1);
    return true;
}

static bool add_digest(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    enum { DIGEST, DELIVERED, DATAGRAMS, NOT_FOLLOWED, EARLY, BROKEN_OFF };
    (void)columns;
    (void)names;
    struct sent *s = arg;
    const char *digest = v[DIGEST].text;
    bool early = v[EARLY].integer != 0;
    s->datagrams = s->datagrams || v[DATAGRAMS].integer != 0;
    s->streams = s->streams || v[DATAGRAMS].integer == 0;
    s->broken_off = s->broken_off || v[BROKEN_OFF].integer != 0;
    count_up(&s->all, digest);
    s->count++;
    if (v[NOT_FOLLOWED].integer != 0) {
        s->not_followed++;
        s->early_not_followed += early;
    }
    if (v[DELIVERED].integer != 0) {
        count_up(&s->delivered, digest);
        s->delivered_count++;
    }
    if (early) {
        count_up(&s->early, digest);
        s->early_count++;
    }
    return true;
}

int sent_read(struct record_db *db, int64_t link, int64_t node, int64_t before, struct sent *ret,
              struct diag_list *diags)
{
    static const char sql[] =
        "SELECT h.sent_hash, h.outcome = 'delivered', s.kind = 'dtls',"
        " s.kind = 'dtls' AND s.retransmissions > 0 AND s.forward_secret = 0, h.sent_ns < ?3,"
        " EXISTS (SELECT 1 FROM alert a WHERE a.session_id = s.session_id AND a.level = 'fatal')"
        " FROM message_hop h"
        " JOIN session s ON s.session_id = h.session_id WHERE (h.link_id = ?1 OR h.link_id IN"
        " (SELECT hop_id FROM way WHERE link_id = ?1)) AND s.kind IN ('tls', 'dtls')"
        " AND h.sent_ns IS NOT NULL AND (?2 < 0 OR h.sender = ?2 OR h.receiver = ?2)";
    const struct record_value params[] = {record_int(link), record_int(node), record_int(before)};
    return record_db_query(db, sql, params, SIM_ARRAY_LEN(params), add_digest, ret, diags);
}

void sent_fini(struct sent *s)
{
    map_fini(&s->all);
    map_fini(&s->delivered);
    map_fini(&s->early);
}

/* --- what tshark reads
 * ------------------------------------------------------------------------------------------- */

void readings_fini(struct readings *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->items[i].flow);
        buf_fini(&r->items[i].plain);
    }
    free(r->items);
    *r = (struct readings){0};
}

/* What was read of one direction so far. */
static struct buf *plain_of(struct readings *r, const char *flow)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].flow, flow) == 0) {
            return &r->items[i].plain;
        }
    }
    struct reading *fresh = MEM_PUSH(r->items, r->count, r->capacity);
    *fresh = (struct reading){.flow = mem_strdup(flow)};
    return &fresh->plain;
}

static void take_message(void *arg, const char *flow, struct span message)
{
    buf_append(plain_of(arg, flow), message);
}

/* What one packet held: the contents of its records. */
static void take_packet(void *arg, char *const *values)
{
    enum { STREAM, SOURCE, DATA };
    struct readings *r = arg;
    char *flow = mem_printf("tcp %s %s", values[STREAM], values[SOURCE]);
    struct buf *plain = plain_of(r, flow);
    r->packets++;
    for (char *rest = values[DATA]; rest != NULL;) {
        tshark_octets(strsep(&rest, ","), plain);
    }
    free(flow);
}

static int ask_streams(const char *capture, const char *preference, const char *home,
                       struct readings *ret, struct diag_list *diags)
{
    const struct tshark_question q = {.capture = capture,
                                      .filter = "tls && data",
                                      .fields = {"tcp.stream", "ip.src", "data.data"},
                                      .preference = preference,
                                      .home = home};
    return tshark_ask(&q, take_packet, ret, diags);
}

static int ask_datagrams(const char *capture, const char *preference, const char *home,
                         struct readings *ret, struct diag_list *diags)
{
    /* tshark has two names for a shared key, one for certificates and key logs. */
    bool psk = preference != NULL && strncmp(preference, "tls.psk:", strlen("tls.psk:")) == 0;
    char *own = psk ? mem_printf("d%s", preference) : NULL;
    int r = witness_datagrams(capture, psk ? own : preference, home, take_message, ret,
                              &ret->packets, diags);
    free(own);
    return r;
}

int readings_ask(const char *capture, const char *preference, const char *home,
                 const struct sent *sent, struct readings *ret, struct diag_list *diags)
{
    int r = sent->streams ? ask_streams(capture, preference, home, ret, diags) : 0;
    return r == 0 && sent->datagrams ? ask_datagrams(capture, preference, home, ret, diags) : r;
}

/* --- compared
 * ------------------------------------------------------------------------------------------- */

void readings_compare(const struct readings *r, struct sent *s, struct comparison *ret)
{
    for (size_t i = 0; i < r->count; i++) {
        struct span rest = buf_span(&r->items[i].plain);
        uint8_t encoding;
        struct span message;
        size_t last = 0; /* that nobody sent, behind the last that was delivered */
        while (frame_take(&rest, &encoding, &message) == 1) {
            if (message.len == 0) {
                continue;
            }
            char digest[17];
            snprintf(digest, sizeof(digest), "%016llx",
                     (unsigned long long)span_digest(0, message));
            uint64_t n;
            ret->read++;
            ret->early += count_down(&s->early, digest);
            if (count_down(&s->delivered, digest)) {
                ret->delivered++;
                ret->strange += last;
                last = 0;
            } else {
                last += !map_get_str(&s->all, digest, &n);
            }
        }
        *(s->broken_off ? &ret->beyond : &ret->strange) += last;
    }
}

char *capture_path(const char *dir, const char *link)
{
    char *name = mem_strdup(link);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *path = mem_printf("%s/%s.pcap", dir, name);
    free(name);
    return path;
}
