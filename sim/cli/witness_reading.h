/* What was sent over a link as the database has it, what tshark reads in its capture, and the two
 * compared. */
#ifndef SIM_CLI_WITNESS_READING_H
#define SIM_CLI_WITNESS_READING_H

#include "sim/core/buf.h"
#include "sim/core/diag.h"
#include "sim/core/map.h"
#include "sim/record/recorder.h"

/* Digests of the messages that went through sessions over one link, as the database writes them ->
 * how many of each. */
struct sent {
    struct map all, delivered, early; /* early: sent before a given time */
    size_t count, delivered_count, early_count;
    bool streams, datagrams; /* over which of the two */
    bool broken_off;         /* by a fatal alert, one of the sessions at least */
    /* Of all and of the early: tshark 4.0 hashes handshake messages that DTLS sent again a second
     * time, and so comes to another master secret (RFC 7627) where it derives it itself. */
    size_t not_followed, early_not_followed;
};

/* All of `link`; `node` >= 0: only what it sent or received. `before`, in ns of virtual time: what
 * counts as early. Finish with sent_fini(), also after an error of record_db_query(). */
int sent_read(struct record_db *db, int64_t link, int64_t node, int64_t before, struct sent *ret,
              struct diag_list *diags);
void sent_fini(struct sent *s);

/* One direction of one stream, as tshark decrypts it. */
struct reading {
    char *flow;
    struct buf plain; /* messages in frames (world/framing.h) */
};

struct readings {
    struct reading *items;
    size_t count, capacity;
    size_t packets; /* that held anything readable */
};

/* Adds what tshark reads in a capture; `preference` gives it keys, or is NULL; `home`: tshark.h. An
 * error of tshark_ask(), with a sentence. Finish with readings_fini() in any case. */
int readings_ask(const char *capture, const char *preference, const char *home,
                 const struct sent *sent, struct readings *ret, struct diag_list *diags);
void readings_fini(struct readings *r);

struct comparison {
    size_t read;      /* messages that tshark read */
    size_t early;     /* of these: as many as were sent early */
    size_t strange;   /* that nobody sent */
    size_t beyond;    /* the same, behind all that was delivered, where a session was broken off:
                       * tshark reads CBC records whatever their MAC says, no end does */
    size_t delivered; /* that it read of those delivered */
};

/* Takes what it finds out of `s->delivered` and `s->early`: once for each sent_read(). */
void readings_compare(const struct readings *r, struct sent *s, struct comparison *ret);

/* The file of a link's capture in a directory; the caller frees it. */
char *capture_path(const char *dir, const char *link);

#endif
