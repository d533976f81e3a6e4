/* A message sequence chart: what is to be drawn, and the drawing as SVG. */
#ifndef SIM_CLI_CHART_H
#define SIM_CLI_CHART_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

/* What protected a message on its hop, or why nothing did; each is drawn in a way of its own. */
enum chart_kind {
    CHART_PROTECTED,
    CHART_INSIDE, /* within one device, on no link */
    CHART_SERVICE_GROUP,
    CHART_GROUP_KEY, /* the same, its payload sealed by a group key: an extension of ours */
    CHART_BEFORE_ESTABLISHMENT,
    CHART_BRIDGE,
    CHART_USER_PLANE,
    CHART_UNPROTECTED, /* neither protected nor exempt */
    CHART_HANDSHAKE,
    CHART_ALERT,
    CHART_KINDS,
};

enum chart_fate {
    CHART_ARRIVED,
    CHART_REFUSED, /* arrived, and was not accepted */
    CHART_LOST,
    CHART_NEVER_SENT,
    CHART_IN_FLIGHT,
};

enum chart_shape {
    CHART_ARROW, /* from one lifeline to another */
    CHART_BAND,  /* across all lifelines between two: a session */
    CHART_STATE, /* on one lifeline */
};

struct chart_row {
    enum chart_shape shape;
    sim_time at;
    uint32_t from, to; /* lifelines; equal for CHART_STATE */
    enum chart_kind kind;
    enum chart_fate fate;
    bool bad;   /* of a band: the session failed */
    char *text; /* lines, separated by '\n' */
    char *more; /* small print under it, or NULL */
    char *id;   /* attributes of its element: data-message="7" data-hop="0", or NULL */
    uint64_t order;
};

struct chart_line {
    char *name, *role;
};

/* Starts all zero. Strings are the chart's own. */
struct chart {
    char *title;
    char *subtitle; /* lines, separated by '\n' */
    struct chart_line *lines;
    size_t line_count, line_capacity;
    struct chart_row *rows;
    size_t row_count, row_capacity;
};

/* A further row, its order set; the caller fills in the rest. Valid until the next one. */
struct chart_row *chart_add(struct chart *c);
/* Orders the rows by time, those of one time as they were added, and draws. Deterministic; the
 * document is well-formed whatever the strings contain. */
void chart_draw(struct chart *c, struct buf *out);
void chart_fini(struct chart *c);

#endif
