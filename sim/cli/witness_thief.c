#include "sim/cli/witness_thief.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/witness_reading.h"

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

/* A file of what was taken; the caller frees it. */
static char *loot(const char *dir, const struct thief *t, const char *what)
{
    char *name = mem_strdup(t->node);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *path = mem_printf("%s/%s-%s.%s", dir, t->attacker, name, what);
    free(name);
    return path;
}

/* Messages that were tried and read, of those sent before the theft and since. */
struct tally {
    size_t before, before_read;
    size_t since, since_read;
};

/* tshark with one key on one capture. `*most` becomes what came of it where it reads no less than
 * another key, whose tally is there. */
static int try_key(struct record_db *db, const char *dir, const struct thief *t,
                   const struct captured_link *link, const char *preference, struct tally *most,
                   struct diag_list *diags)
{
    char *capture = capture_path(dir, link->name);
    struct sent sent = {0};
    struct readings readings = {0};
    struct comparison c = {0};
    int r = sent_read(db, link->id, t->node_id, t->at, &sent, diags);
    if (r < 0 || sent.count == 0 || access(capture, R_OK) != 0) {
        goto out;
    }
    r = readings_ask(capture, preference, dir, &sent, &readings, diags);
    if (r < 0) {
        goto out;
    }
    readings_compare(&readings, &sent, &c);
    if (c.read >= most->before_read + most->since_read) {
        /* What tshark cannot follow was not tried, unless it did. */
        size_t not_tried = c.read > 0 ? 0 : sent.not_followed;
        size_t early_not_tried = c.read > 0 ? 0 : sent.early_not_followed;
        *most =
            (struct tally){.before = sent.early_count - early_not_tried,
                           .before_read = c.early,
                           .since = sent.count - sent.early_count - (not_tried - early_not_tried),
                           .since_read = c.read - c.early - c.strange - c.beyond};
    }
out:
    readings_fini(&readings);
    sent_fini(&sent);
    free(capture);
    return r;
}

/* All that he took, on one link. */
static int try_link(struct record_db *db, const char *dir, const struct thief *t,
                    const struct captured_link *link, struct tally *sum, struct diag_list *diags)
{
    char *pem = loot(dir, t, "pem");
    char *psk_file = loot(dir, t, "psk");
    char *psk = shared_key(psk_file, link->name);
    char *preferences[2] = {NULL, NULL};
    struct tally most = {0};
    if (access(pem, R_OK) == 0) {
        preferences[0] = mem_printf("uat:rsa_keys:\"%s\",\"\"", pem);
    }
    if (psk != NULL) {
        preferences[1] = mem_printf("tls.psk:%s", psk);
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < SIM_ARRAY_LEN(preferences); i++) {
        if (preferences[i] != NULL) {
            r = try_key(db, dir, t, link, preferences[i], &most, diags);
        }
    }
    sum->before += most.before;
    sum->before_read += most.before_read;
    sum->since += most.since;
    sum->since_read += most.since_read;
    free(preferences[0]);
    free(preferences[1]);
    free(pem);
    free(psk_file);
    free(psk);
    return r;
}

int thief_examine(struct record_db *db, const char *dir, const struct thief *t,
                  const struct captured_link *links, size_t link_count, struct judgement *j,
                  struct diag_list *diags)
{
    struct tally sum = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < link_count; i++) {
        r = try_link(db, dir, t, &links[i], &sum, diags);
    }
    if (r < 0) {
        return r;
    }
    bool tried = sum.before + sum.since > 0;
    bool opened = sum.before_read + sum.since_read > 0;
    char *subject = mem_printf("%s, who took the keys of %s at %.0f s", t->attacker, t->node,
                               (double)t->at / 1e9);
    judgement_add_witness(
        j, "forward-secrecy", subject,
        opened  ? VERDICT_VIOLATED
        : tried ? VERDICT_HELD
                : VERDICT_UNKNOWN,
        tried ? mem_printf("read %zu of %zu messages sent before, %zu of %zu sent since",
                           sum.before_read, sum.before, sum.since_read, sum.since)
              : mem_strdup("there is no capture, or no key was taken"));
    free(subject);
    return 0;
}
