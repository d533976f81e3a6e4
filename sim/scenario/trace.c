/* Traces: delay, rate and loss of a link over time, from a CSV file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

enum column { COLUMN_TIME, COLUMN_DELAY, COLUMN_RATE, COLUMN_LOSS, COLUMNS };

static const struct {
    const char *name;
    double min, max; /* in the column's unit */
} columns[COLUMNS] = {
    [COLUMN_TIME] = {"time_s", 0, 1.5e9},
    [COLUMN_DELAY] = {"delay_ms", 0, 3600e3},
    [COLUMN_RATE] = {"rate_kbps", 0.001, 1e9},
    [COLUMN_LOSS] = {"loss_percent", 0, 100},
};

struct csv {
    struct report *report;
    const struct source *source;
    struct arena *arena;
    const char *at, *end; /* of the line being read, without its line break */
    int line;
    int order[COLUMNS]; /* column that stands n-th */
    int count;          /* 0: the header has not come yet */
    struct scenario_trace_step *steps;
    size_t step_count, step_capacity;
    bool failed;
};

/* One cell of the line, without blanks around. */
struct cell {
    const char *text;
    size_t len;
    int column;
};

static void complain(struct csv *c, const struct cell *cell, const char *code, const char *text)
{
    c->failed = true;
    report_at(c->report, DIAG_ERROR, c->source, c->line, cell->column,
              cell->len > 0 ? (int)cell->len : 1, code, "%s", text);
}

static bool blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

static bool take_cell(const char **at, const char *end, int *column, struct cell *ret)
{
    if (*at == NULL) {
        return false;
    }
    const char *stop = memchr(*at, ',', (size_t)(end - *at));
    const char *next = stop != NULL ? stop + 1 : NULL;
    const char *from = *at;
    stop = stop != NULL ? stop : end;
    while (from < stop && blank(*from)) {
        from++;
    }
    const char *to = stop;
    while (to > from && blank(to[-1])) {
        to--;
    }
    *ret = (struct cell){from, (size_t)(to - from), *column + (int)(from - *at)};
    *column += (int)(stop - *at) + 1;
    *at = next;
    return true;
}

static void read_header(struct csv *c)
{
    const char *at = c->at;
    int column = 1;
    struct cell cell;
    bool seen[COLUMNS] = {false};
    struct cell first = {c->at, 1, 1};
    while (take_cell(&at, c->end, &column, &cell)) {
        int k = 0;
        while (k < COLUMNS && (strlen(columns[k].name) != cell.len ||
                               memcmp(columns[k].name, cell.text, cell.len) != 0)) {
            k++;
        }
        if (k == COLUMNS) {
            complain(c, &cell, "unknown-column",
                     "the columns of a trace are time_s, delay_ms, rate_kbps, loss_percent");
        } else if (seen[k]) {
            complain(c, &cell, "duplicate-column", "this column is there already");
        } else {
            seen[k] = true;
            c->order[c->count++] = k;
        }
        if (c->failed) {
            return;
        }
    }
    if (!seen[COLUMN_TIME]) {
        complain(c, &first, "missing-column", "the first line of a trace names the column time_s");
    } else if (c->count == 1) {
        complain(c, &first, "missing-column", "this trace has nothing but times");
    }
}

static bool read_number(struct csv *c, const struct cell *cell, int k, double *ret)
{
    char text[64];
    char *end = text;
    bool short_enough = cell->len < sizeof(text);
    memcpy(text, cell->text, short_enough ? cell->len : 0);
    text[short_enough ? cell->len : 0] = '\0';
    /* strtod also takes hexadecimal numbers, infinities and words. */
    if (strspn(text, "+-.0123456789eE") == cell->len) {
        *ret = strtod(text, &end);
    }
    if (end == text || *end != '\0' || !(*ret >= columns[k].min && *ret <= columns[k].max)) {
        char *what = mem_printf("\"%s\" is a number from %.15g to %.15g", columns[k].name,
                                columns[k].min, columns[k].max);
        complain(c, cell, end == text || *end != '\0' ? "bad-value" : "out-of-range", what);
        free(what);
        return false;
    }
    return true;
}

static void set(struct scenario_trace_step *step, int k, double v)
{
    switch ((enum column)k) {
    case COLUMN_TIME:
        step->at = (sim_time)llround(v * 1e9);
        break;
    case COLUMN_DELAY:
        step->has_delay = true;
        step->delay = (sim_time)llround(v * 1e6);
        break;
    case COLUMN_RATE:
        step->has_rate = true;
        step->rate_bps = (uint64_t)llround(v * 1e3);
        break;
    case COLUMN_LOSS:
        step->has_loss = true;
        step->loss = v / 100;
        break;
    case COLUMNS:
        break;
    }
}

static void read_row(struct csv *c)
{
    struct scenario_trace_step step = {.at = -1};
    const char *at = c->at;
    int column = 1;
    int n = 0;
    struct cell cell;
    struct cell time = {c->at, 1, 1};
    while (take_cell(&at, c->end, &column, &cell)) {
        if (n == c->count) {
            complain(c, &cell, "too-many-cells", "this row has more cells than the first line");
            return;
        }
        int k = c->order[n++];
        double v = 0;
        if (k == COLUMN_TIME) {
            time = cell;
        }
        if (cell.len == 0 && k != COLUMN_TIME) {
            continue;
        }
        if (!read_number(c, &cell, k, &v)) {
            return;
        }
        set(&step, k, v);
    }
    if (n < c->count) {
        struct cell last = {c->end, 0, column - 1};
        complain(c, &last, "missing-cell", "this row has fewer cells than the first line");
    } else if (c->step_count > 0 && step.at <= c->steps[c->step_count - 1].at) {
        complain(c, &time, "inconsistent", "times have to rise from row to row");
    } else {
        *MEM_PUSH(c->steps, c->step_count, c->step_capacity) = step;
    }
}

static void read_lines(struct csv *c)
{
    const char *s = c->source->text;
    const char *stop = s + c->source->len;
    if (c->source->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        s += 3;
    }
    bool headless = false;
    while (s < stop && !headless) {
        const char *newline = memchr(s, '\n', (size_t)(stop - s));
        c->end = newline != NULL ? newline : stop;
        c->at = s;
        c->line++;
        while (s < c->end && blank(*s)) {
            s++;
        }
        if (s < c->end && *s != '#') {
            if (c->count == 0) {
                read_header(c);
                headless = c->failed;
            } else {
                read_row(c);
            }
        }
        s = newline != NULL ? newline + 1 : stop;
    }
}

const struct scenario_trace *trace_load(struct loader *l, const struct value *file)
{
    const struct source *s = files_beside(l, file->v.s, file->at);
    if (s == NULL || !yaml_check_text(&l->report, s)) {
        return NULL;
    }
    struct csv c = {.report = &l->report, .source = s, .arena = l->arena};
    struct scenario_trace *trace = NULL;
    read_lines(&c);
    if (!c.failed && c.step_count == 0) {
        report_at(&l->report, DIAG_ERROR, s, c.line > 0 ? c.line : 1, 1, 1, "empty-file",
                  "this trace has no rows");
    } else if (!c.failed) {
        trace = arena_alloc(l->arena, sizeof(*trace));
        trace->file = file->v.s;
        trace->step_count = c.step_count;
        trace->steps = arena_array(l->arena, c.step_count, sizeof(*trace->steps));
        memcpy(trace->steps, c.steps, c.step_count * sizeof(*trace->steps));
    }
    free(c.steps);
    return trace;
}
