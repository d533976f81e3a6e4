/* A key thief: the long-term keys of a node are written beside the captures, for whoever tries them
 * on these. Without captures there is nothing to try them on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack.h"
#include "sim/world/report.h"

static void write_loot(struct world *w, const struct attacker *a, const struct entity *e,
                       const char *what, struct span text)
{
    char *name = mem_strdup(e->node->id);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *path = mem_printf("%s/%s-%s.%s", w->options.pcap_dir, a->conf->id, name, what);
    FILE *f = fopen(path, "we");
    bool whole = f != NULL && fwrite(text.data, 1, text.len, f) == text.len;
    if ((f != NULL && fclose(f) != 0) || !whole) {
        w->key_log_failed = true;
    }
    free(name);
    free(path);
}

/* Its certificate's key; of several the RSA key, which alone can open what was recorded earlier. */
static const struct secure_identity *best_identity(const struct entity *e)
{
    const struct secure_identity *best = NULL;
    for (size_t i = 0; i < SIM_ARRAY_LEN(e->identities); i++) {
        best = e->identities[i] != NULL ? e->identities[i] : best;
    }
    return best;
}

/* The shared key of each of its hops, a line each: the key, the link that it is for. */
static void take_shared_keys(const struct world *w, const struct entity *e, struct buf *out)
{
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        const struct hop *hop = &w->hops[i];
        if (hop->policy == NULL || hop->policy->auth != AUTH_PSK ||
            (hop->client != e && hop->server != e)) {
            continue;
        }
        for (size_t k = 0; k < sizeof(hop->psk); k++) {
            buf_printf(out, "%02x", hop->psk[k]);
        }
        buf_printf(out, " %s\n", w->scenario->wires[hop->edge->wires[0]].id);
    }
}

void thief_takes(void *arg)
{
    const struct attacker *a = arg;
    struct world *w = a->world;
    for (size_t i = 0; i < a->conf->target_count; i++) {
        const struct entity *e = &w->entities[a->conf->targets[i]];
        const struct secure_identity *identity = best_identity(e);
        struct buf text = {0};
        report_event(w, "keys_stolen", e, e->node->id, a->conf->id);
        if (w->options.pcap_dir != NULL && identity != NULL &&
            secure_identity_private_key(identity, &text) == 0) {
            write_loot(w, a, e, "pem", buf_span(&text));
        }
        buf_clear(&text);
        take_shared_keys(w, e, &text);
        if (w->options.pcap_dir != NULL && buf_len(&text) > 0) {
            write_loot(w, a, e, "psk", buf_span(&text));
        }
        buf_fini(&text);
    }
}
