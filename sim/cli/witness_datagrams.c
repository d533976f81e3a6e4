#include "sim/cli/witness_datagrams.h"

#include <stdlib.h>
#include <string.h>

#include "sim/cli/tshark.h"
#include "sim/secure/dtls_pieces.h"

/* One direction between two ends. */
struct flow {
    char *name;
    struct pieces *pieces;
};

struct reader {
    void (*fn)(void *arg, const char *flow, struct span message);
    void *arg;
    struct flow *flows;
    size_t count, capacity;
    size_t packets;
};

static struct flow *flow_of(struct reader *r, const char *stream, const char *source)
{
    char *name = mem_printf("udp %s %s", stream, source);
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->flows[i].name, name) == 0) {
            free(name);
            return &r->flows[i];
        }
    }
    struct flow *f = MEM_PUSH(r->flows, r->count, r->capacity);
    *f = (struct flow){.name = name, .pieces = pieces_create()};
    return f;
}

static void take_packet(void *arg, char *const *values)
{
    enum { STREAM, SOURCE, DATA };
    struct reader *r = arg;
    struct flow *f = flow_of(r, values[STREAM], values[SOURCE]);
    char *rest = values[DATA];
    r->packets++;
    while (rest != NULL) {
        struct buf record = {0};
        struct buf whole = {0};
        tshark_octets(strsep(&rest, ","), &record);
        /* What is no record of ours is no message either. */
        if (buf_len(&record) > 0 && pieces_take(f->pieces, buf_span(&record), 0, &whole) == 0 &&
            buf_len(&whole) > 0) {
            r->fn(r->arg, f->name, buf_span(&whole));
        }
        buf_fini(&record);
        buf_fini(&whole);
    }
}

int witness_datagrams(const char *capture, const char *preference, const char *home,
                      void (*fn)(void *arg, const char *flow, struct span message), void *arg,
                      size_t *packets, struct diag_list *diags)
{
    struct reader r = {.fn = fn, .arg = arg};
    const struct tshark_question q = {.capture = capture,
                                      .filter = "dtls && data",
                                      .fields = {"udp.stream", "ip.src", "data.data"},
                                      .preference = preference,
                                      .home = home};
    int result = tshark_ask(&q, take_packet, &r, diags);
    *packets += r.packets;
    for (size_t i = 0; i < r.count; i++) {
        free(r.flows[i].name);
        pieces_free(r.flows[i].pieces);
    }
    free(r.flows);
    return result;
}
