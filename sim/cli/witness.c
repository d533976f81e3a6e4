#include "sim/cli/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/witness_reading.h"
#include "sim/cli/witness_sessions.h"
#include "sim/cli/witness_thief.h"

struct witness {
    struct record_db *db;
    const char *dir;
    struct judgement *j;
    struct diag_list *diags;
    struct captured_link *links;
    size_t link_count, link_capacity;
    struct thief *thieves;
    size_t thief_count, thief_capacity;
};

static int examine_link(struct witness *w, const struct captured_link *link)
{
    struct sent sent = {0};
    struct readings with = {0};
    struct readings without = {0};
    struct comparison c = {0};
    char *capture = capture_path(w->dir, link->name);
    char *keys = mem_printf("tls.keylog_file:%s/keys.log", w->dir);
    int r = sent_read(w->db, link->id, -1, 0, &sent, w->diags);
    if (r < 0 || sent.count == 0) {
        goto out; /* no session's messages passed here: nothing to say */
    }
    if (access(capture, R_OK) != 0) {
        judgement_add_witness(w->j, "witness-tshark", link->name, VERDICT_UNKNOWN,
                              mem_strdup("there is no capture of it"));
        goto out;
    }
    r = readings_ask(capture, keys, w->dir, &sent, &with, w->diags);
    if (r == 0) {
        r = readings_ask(capture, NULL, w->dir, &sent, &without, w->diags);
    }
    if (r < 0) {
        goto out;
    }
    readings_compare(&with, &sent, &c);
    char beyond[80] = "";
    if (c.beyond > 0) {
        snprintf(beyond, sizeof(beyond), " and %zu altered that no end took", c.beyond);
    }
    bool agrees = c.delivered == sent.delivered_count && c.strange == 0 && without.packets == 0;
    judgement_add_witness(
        w->j, "witness-tshark", link->name, agrees ? VERDICT_HELD : VERDICT_VIOLATED,
        mem_printf("read %zu of %zu delivered messages with the keys, %zu that nobody sent%s; "
                   "without keys %zu packets",
                   c.delivered, sent.delivered_count, c.strange, beyond, without.packets));
out:
    readings_fini(&with);
    readings_fini(&without);
    sent_fini(&sent);
    free(capture);
    free(keys);
    return r;
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
        (struct captured_link){.id = v[0].integer, .name = mem_strdup(v[1].text)};
    return true;
}

static bool add_thief(void *arg, size_t columns, const char *const *names,
                      const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct witness *w = arg;
    *MEM_PUSH(w->thieves, w->thief_count, w->thief_capacity) =
        (struct thief){.attacker = mem_strdup(v[0].text),
                       .node = mem_strdup(v[1].text),
                       .node_id = v[2].integer,
                       .at = v[3].integer};
    return true;
}

static void witness_fini(struct witness *w)
{
    for (size_t i = 0; i < w->link_count; i++) {
        free(w->links[i].name);
    }
    for (size_t i = 0; i < w->thief_count; i++) {
        free(w->thieves[i].attacker);
        free(w->thieves[i].node);
    }
    free(w->links);
    free(w->thieves);
}

static int witness_init(struct witness *w)
{
    int r = record_db_query(w->db, "SELECT link_id, name FROM link ORDER BY link_id", NULL, 0,
                            add_link, w, w->diags);
    if (r == 0) {
        r = record_db_query(w->db,
                            "SELECT t.attacker, e.name, t.entity_id, t.begins_ns FROM tap t JOIN "
                            "entity e USING (entity_id) WHERE t.kind = 'key-thief'",
                            NULL, 0, add_thief, w, w->diags);
    }
    return r;
}

static int examine_sessions(struct witness *w, const struct captured_link *link)
{
    char *capture = capture_path(w->dir, link->name);
    int r = witness_sessions(w->db, w->dir, link->id, link->name, capture, w->j, w->diags);
    free(capture);
    return r;
}

static int examine_thieves(struct witness *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->thief_count; i++) {
        r = thief_examine(w->db, w->dir, &w->thieves[i], w->links, w->link_count, w->j, w->diags);
    }
    return r;
}

int witness_tshark(struct record_db *db, const char *pcap_dir, struct judgement *j,
                   struct diag_list *diags)
{
    struct witness w = {.db = db, .dir = pcap_dir, .j = j, .diags = diags};
    size_t first = j->count;
    int r = witness_init(&w);
    for (size_t i = 0; r == 0 && i < w.link_count; i++) {
        r = examine_link(&w, &w.links[i]);
    }
    for (size_t i = 0; r == 0 && i < w.link_count; i++) {
        r = examine_sessions(&w, &w.links[i]);
    }
    r = r == 0 ? examine_thieves(&w) : r;
    judge_claim(j, first);
    witness_fini(&w);
    return r;
}

int witness_stolen_keys(struct record_db *db, const char *pcap_dir, struct judgement *j,
                        struct diag_list *diags)
{
    struct witness w = {.db = db, .dir = pcap_dir, .j = j, .diags = diags};
    size_t first = j->count;
    int r = witness_init(&w);
    r = r == 0 ? examine_thieves(&w) : r;
    judge_claim(j, first);
    witness_fini(&w);
    return r;
}
