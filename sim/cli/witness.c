#include "sim/cli/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpns/ports.h"
#include "sim/cli/witness_datagrams.h"
#include "sim/cli/witness_sessions.h"
#include "sim/core/map.h"
#include "sim/world/framing.h"

/* --- tshark
 * ------------------------------------------------------------------------------------------- */

/* One direction of one stream, as tshark decrypts it. */
struct reading {
    char *key; /* "stream source" */
    struct buf plain;
};

struct readings {
    struct reading *items;
    size_t count, capacity;
    size_t packets;
};

static void readings_fini(struct readings *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->items[i].key);
        buf_fini(&r->items[i].plain);
    }
    free(r->items);
    *r = (struct readings){0};
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What was read of one direction so far. */
static struct buf *plain_of(struct readings *r, const char *key)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].key, key) == 0) {
            return &r->items[i].plain;
        }
    }
    struct reading *fresh = MEM_PUSH(r->items, r->count, r->capacity);
    *fresh = (struct reading){.key = mem_strdup(key)};
    return &fresh->plain;
}

static void take_message(void *arg, const char *flow, struct span message)
{
    buf_append(plain_of(arg, flow), message);
}

/* "7|10.0.0.2|00000012..,...": what one packet held, in hexadecimal digits. */
static void take_line(struct readings *r, char *line)
{
    char *hex = strrchr(line, '|');
    if (hex == NULL) {
        return;
    }
    *hex++ = '\0';
    struct buf *plain = plain_of(r, line);
    r->packets++;
    for (; hex[0] != '\0' && hex[0] != '\n'; hex++) {
        int high = digit(hex[0]);
        int low = high >= 0 ? digit(hex[1]) : -1;
        if (low >= 0) {
            buf_append_u8(plain, (uint8_t)(high * 16 + low));
            hex++;
        }
    }
}

static void become_tshark(const char *capture, const char *preference, const char *home, int out)
{
    char port[64];
    snprintf(port, sizeof(port), "tcp.port==%d,tls", CPNS_PORT);
    char plain[64];
    snprintf(plain, sizeof(plain), "tls.port==%d,data", CPNS_PORT);
    const char *argv[] = {"tshark",
                          "-n",
                          "-r",
                          capture,
                          "-d",
                          port,
                          "-d",
                          plain,
                          "-Y",
                          "tls && data",
                          "-T",
                          "fields",
                          "-E",
                          "separator=|",
                          "-E",
                          "aggregator=,",
                          "-e",
                          "tcp.stream",
                          "-e",
                          "ip.src",
                          "-e",
                          "data.data",
                          "-o",
                          "tcp.reassemble_out_of_order:TRUE",
                          preference != NULL ? "-o" : NULL,
                          preference,
                          NULL};
    setenv("HOME", home, 1); /* no preferences of the user's */
    dup2(out, STDOUT_FILENO);
    if (freopen("/dev/null", "w", stderr) == NULL) {
        _exit(127);
    }
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int ask_streams(const char *capture, const char *preference, const char *home,
                       struct readings *ret, struct diag_list *diags)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -SIM_EIO;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_tshark(capture, preference, home, ends[1]);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    char *line = NULL;
    size_t capacity = 0;
    while (f != NULL && getline(&line, &capacity, f) > 0) {
        take_line(ret, line);
    }
    free(line);
    if (f != NULL) {
        fclose(f);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        bool none = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127;
        diag_add(diags, DIAG_ERROR, none ? "no-tshark" : "tshark-failed", NULL, 0, 0,
                 none ? "tshark cannot be run; on Debian: apt-get install tshark"
                      : "tshark failed on %s",
                 capture);
        return none ? -SIM_ENOENT : -SIM_EIO;
    }
    return 0;
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

/* --- the two sides compared
 * ------------------------------------------------------------------------------------------- */

struct link_row {
    int64_t id;
    char *name;
};
struct thief_row {
    char *attacker, *node;
    int64_t node_id, at;
};
struct witness {
    struct record_db *db;
    const char *dir;
    struct judgement *j;
    struct diag_list *diags;
    struct link_row *links;
    size_t link_count, link_capacity;
    struct thief_row *thieves;
    size_t thief_count, thief_capacity;
};

/* Digests of messages, as the database writes them -> how many; delivered ones and all. */
struct sent {
    struct map all, delivered;
    size_t count, delivered_count;
    bool streams, datagrams; /* over which of the two */
    /* Of all: tshark 4.0 hashes handshake messages that DTLS sent again a second time,
     * and so comes to another master secret (RFC 7627) where it derives it itself. */
    size_t not_followed;
};

/* What tshark reads in a capture; `preference` gives it keys, or is NULL. */
static int ask(const char *capture, const char *preference, const char *home,
               const struct sent *sent, struct readings *ret, struct diag_list *diags)
{
    int r = sent->streams ? ask_streams(capture, preference, home, ret, diags) : 0;
    return r == 0 && sent->datagrams ? ask_datagrams(capture, preference, home, ret, diags) : r;
}

static bool add_digest(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct sent *s = arg;
    uint64_t n = 0;
    s->datagrams = s->datagrams || v[2].integer != 0;
    s->streams = s->streams || v[2].integer == 0;
    map_get_str(&s->all, v[0].text, &n);
    map_set_str(&s->all, v[0].text, n + 1);
    s->count++;
    s->not_followed += v[3].integer != 0;
    if (v[1].integer != 0) {
        n = 0;
        map_get_str(&s->delivered, v[0].text, &n);
        map_set_str(&s->delivered, v[0].text, n + 1);
        s->delivered_count++;
    }
    return true;
}

static void sent_fini(struct sent *s)
{
    map_fini(&s->all);
    map_fini(&s->delivered);
}

static int what_was_sent(struct witness *w, int64_t link, int64_t node, struct sent *ret)
{
    static const char sql[] =
        "SELECT h.sent_hash, h.outcome = 'delivered', s.kind = 'dtls',"
        " s.kind = 'dtls' AND s.retransmissions > 0 AND s.forward_secret = 0 FROM message_hop h"
        " JOIN session s ON s.session_id = h.session_id WHERE (h.link_id = ?1 OR h.link_id IN"
        " (SELECT hop_id FROM way WHERE link_id = ?1)) AND s.kind IN ('tls', 'dtls')"
        " AND h.sent_ns IS NOT NULL AND (?2 < 0 OR h.sender = ?2 OR h.receiver = ?2)";
    const struct record_value params[] = {record_int(link), record_int(node)};
    return record_db_query(w->db, sql, params, 2, add_digest, ret, w->diags);
}

struct comparison {
    size_t read;      /* messages that tshark read */
    size_t strange;   /* that nobody sent */
    size_t delivered; /* that it read of those delivered */
};

static void compare(const struct readings *r, struct sent *s, struct comparison *ret)
{
    for (size_t i = 0; i < r->count; i++) {
        struct span rest = buf_span(&r->items[i].plain);
        uint8_t encoding;
        struct span message;
        while (frame_take(&rest, &encoding, &message) == 1) {
            if (message.len == 0) {
                continue;
            }
            char digest[17];
            snprintf(digest, sizeof(digest), "%016llx",
                     (unsigned long long)span_digest(0, message));
            uint64_t n;
            ret->read++;
            ret->strange += !map_get_str(&s->all, digest, &n);
            if (map_get_str(&s->delivered, digest, &n) && n > 0) {
                map_set_str(&s->delivered, digest, n - 1);
                ret->delivered++;
            }
        }
    }
}

static void add_finding(struct judgement *j, const char *name, const char *subject,
                        enum verdict verdict, char *evidence)
{
    struct finding *f = MEM_PUSH(j->findings, j->count, j->capacity);
    *f = (struct finding){.kind = FINDING_WITNESS,
                          .name = mem_strdup(name),
                          .subject = mem_strdup(subject),
                          .verdict = verdict,
                          .evidence = evidence};
}

static char *capture_of(const struct witness *w, const struct link_row *link)
{
    char *name = mem_strdup(link->name);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *path = mem_printf("%s/%s.pcap", w->dir, name);
    free(name);
    return path;
}

static int examine_link(struct witness *w, const struct link_row *link)
{
    struct sent sent = {0};
    struct readings with = {0};
    struct readings without = {0};
    struct comparison c = {0};
    char *capture = capture_of(w, link);
    char *keys = mem_printf("tls.keylog_file:%s/keys.log", w->dir);
    int r = what_was_sent(w, link->id, -1, &sent);
    if (r < 0 || sent.all.count == 0) {
        goto out; /* no session's messages passed here: nothing to say */
    }
    if (access(capture, R_OK) != 0) {
        add_finding(w->j, "witness-tshark", link->name, VERDICT_UNKNOWN,
                    mem_strdup("there is no capture of it"));
        goto out;
    }
    r = ask(capture, keys, w->dir, &sent, &with, w->diags);
    if (r == 0) {
        r = ask(capture, NULL, w->dir, &sent, &without, w->diags);
    }
    if (r < 0) {
        goto out;
    }
    compare(&with, &sent, &c);
    bool agrees = c.delivered == sent.delivered_count && c.strange == 0 && without.packets == 0;
    add_finding(
        w->j, "witness-tshark", link->name, agrees ? VERDICT_HELD : VERDICT_VIOLATED,
        mem_printf("read %zu of %zu delivered messages with the keys, %zu that nobody sent; "
                   "without keys %zu packets",
                   c.delivered, sent.delivered_count, c.strange, without.packets));
out:
    readings_fini(&with);
    readings_fini(&without);
    sent_fini(&sent);
    free(capture);
    free(keys);
    return r;
}

/* --- the key thief
 * ------------------------------------------------------------------------------------------- */

/* The shared key that was taken for a link, the caller frees it; NULL: none. */
static char *shared_key(const char *path, const char *link)
{
    FILE *f = fopen(path, "re");
    char line[1024];
    char *key = NULL;
    while (f != NULL && key == NULL && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *space = strchr(line, ' ');
        if (space != NULL && strcmp(space + 1, link) == 0) {
            key = mem_strndup(line, (size_t)(space - line));
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return key;
}

static char *loot(const struct witness *w, const struct thief_row *t, const char *what)
{
    char *name = mem_strdup(t->node);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *path = mem_printf("%s/%s-%s.%s", w->dir, t->attacker, name, what);
    free(name);
    return path;
}

/* A thief's keys tried on one link; adds to `*read` and `*tried`. */
static int try_keys(struct witness *w, const struct thief_row *t, const struct link_row *link,
                    size_t *read, size_t *tried)
{
    struct sent sent = {0};
    char *capture = capture_of(w, link);
    char *pem = loot(w, t, "pem");
    char *psk_file = loot(w, t, "psk");
    char *psk = shared_key(psk_file, link->name);
    char *preferences[2] = {NULL, NULL};
    size_t most = 0;
    bool asked = false;
    if (access(pem, R_OK) == 0) {
        preferences[0] = mem_printf("uat:rsa_keys:\"%s\",\"\"", pem);
    }
    if (psk != NULL) {
        preferences[1] = mem_printf("tls.psk:%s", psk);
    }
    int r = what_was_sent(w, link->id, t->node_id, &sent);
    for (size_t i = 0; r == 0 && i < 2; i++) {
        if (preferences[i] == NULL || sent.all.count == 0 || access(capture, R_OK) != 0) {
            continue;
        }
        struct readings readings = {0};
        struct comparison c = {0};
        r = ask(capture, preferences[i], w->dir, &sent, &readings, w->diags);
        compare(&readings, &sent, &c);
        most = c.read > most ? c.read : most;
        asked = true;
        readings_fini(&readings);
    }
    *tried += !asked ? 0 : most > 0 ? sent.count : sent.count - sent.not_followed;
    *read += most;
    sent_fini(&sent);
    free(preferences[0]);
    free(preferences[1]);
    free(capture);
    free(pem);
    free(psk_file);
    free(psk);
    return r;
}

static int examine_thief(struct witness *w, const struct thief_row *t)
{
    size_t read = 0;
    size_t tried = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->link_count; i++) {
        r = try_keys(w, t, &w->links[i], &read, &tried);
    }
    if (r < 0) {
        return r;
    }
    char *subject = mem_printf("%s, who took the keys of %s at %.0f s", t->attacker, t->node,
                               (double)t->at / 1e9);
    enum verdict verdict = read > 0 ? VERDICT_VIOLATED : tried > 0 ? VERDICT_HELD : VERDICT_UNKNOWN;
    add_finding(w->j, "forward-secrecy", subject, verdict,
                tried > 0 ? mem_printf("read %zu of %zu messages of the captures", read, tried)
                          : mem_strdup("there is no capture, or no key was taken"));
    free(subject);
    return 0;
}

/* The scenario's own claim, unknown so far, is what came of all thieves. */
static void judge_claim(struct judgement *j, size_t first)
{
    enum verdict all = VERDICT_UNKNOWN;
    for (size_t i = first; i < j->count; i++) {
        if (strcmp(j->findings[i].name, "forward-secrecy") == 0 && all != VERDICT_VIOLATED &&
            j->findings[i].verdict != VERDICT_UNKNOWN) {
            all = j->findings[i].verdict;
        }
    }
    for (size_t i = 0; i < first; i++) {
        struct finding *f = &j->findings[i];
        if (strcmp(f->name, "forward-secrecy") == 0 && all != VERDICT_UNKNOWN) {
            f->verdict = all;
            free(f->evidence);
            f->evidence = mem_strdup("as tshark says below");
        }
    }
}

static bool add_link(void *arg, size_t columns, const char *const *names,
                     const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct witness *w = arg;
    *MEM_PUSH(w->links, w->link_count, w->link_capacity) =
        (struct link_row){.id = v[0].integer, .name = mem_strdup(v[1].text)};
    return true;
}

static bool add_thief(void *arg, size_t columns, const char *const *names,
                      const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct witness *w = arg;
    *MEM_PUSH(w->thieves, w->thief_count, w->thief_capacity) =
        (struct thief_row){.attacker = mem_strdup(v[0].text),
                           .node = mem_strdup(v[1].text),
                           .node_id = v[2].integer,
                           .at = v[3].integer};
    return true;
}

int witness_tshark(struct record_db *db, const char *pcap_dir, struct judgement *j,
                   struct diag_list *diags)
{
    struct witness w = {.db = db, .dir = pcap_dir, .j = j, .diags = diags};
    size_t first = j->count;
    int r = record_db_query(db, "SELECT link_id, name FROM link ORDER BY link_id", NULL, 0,
                            add_link, &w, diags);
    if (r == 0) {
        r = record_db_query(db,
                            "SELECT t.attacker, e.name, t.entity_id, t.begins_ns FROM tap t JOIN "
                            "entity e USING (entity_id) WHERE t.kind = 'key-thief'",
                            NULL, 0, add_thief, &w, diags);
    }
    for (size_t i = 0; r == 0 && i < w.link_count; i++) {
        r = examine_link(&w, &w.links[i]);
    }
    for (size_t i = 0; r == 0 && i < w.link_count; i++) {
        char *capture = capture_of(&w, &w.links[i]);
        r = witness_sessions(db, pcap_dir, w.links[i].id, w.links[i].name, capture, j, diags);
        free(capture);
    }
    for (size_t i = 0; r == 0 && i < w.thief_count; i++) {
        r = examine_thief(&w, &w.thieves[i]);
    }
    judge_claim(j, first);
    for (size_t i = 0; i < w.link_count; i++) {
        free(w.links[i].name);
    }
    for (size_t i = 0; i < w.thief_count; i++) {
        free(w.thieves[i].attacker);
        free(w.thieves[i].node);
    }
    free(w.links);
    free(w.thieves);
    return r;
}
