/* The drawing: one row an arrow, lifelines repeated on every page, time at the left. Kinds differ
 * in dash and mark as well as in colour (Okabe and Ito's palette), so that neither is needed alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/chart.h"

enum {
    MARGIN = 20,
    TIME_WIDTH = 96,    /* of the column at the left */
    GAP_LEAST = 170,    /* between two lifelines */
    HEAD_HEIGHT = 44,   /* names of the lifelines */
    PAGE_HEIGHT = 1080, /* of the rows on a page */
    LINE_HEIGHT = 15,
    GAP_ROW = 22, /* a stretch of time in which nothing happened */
};
#define LONG_TIME (1 * SIM_S)

static const struct style {
    const char *class;
    const char *colour;
    const char *dash; /* "": solid */
    const char *words;
} styles[CHART_KINDS] = {
    [CHART_PROTECTED] = {"protected", "#0072B2", "", "in an established session"},
    [CHART_INSIDE] = {"inside", "#666666", "12 3", "within one device, on no link"},
    [CHART_SERVICE_GROUP] = {"service-group", "#B57900", "7 4",
                             "exempt: destined to a Service Group"},
    [CHART_GROUP_KEY] = {"group-key", "#B57900", "7 2 1 2",
                         "exempt: to a Service Group, sealed by its key (an extension of ours)"},
    [CHART_BEFORE_ESTABLISHMENT] = {"before-establishment", "#009E73", "2 3",
                                    "exempt: before establishment"},
    [CHART_BRIDGE] = {"bridge", "#A8478A", "9 3 2 3", "exempt: bridge hop"},
    [CHART_USER_PLANE] = {"user-plane", "#2F86B5", "14 5", "exempt: user plane"},
    [CHART_UNPROTECTED] = {"unprotected", "#D55E00", "4 2", "neither protected nor exempt"},
    [CHART_HANDSHAKE] = {"handshake", "#444444", "", "handshake of the session"},
    [CHART_ALERT] = {"alert", "#D55E00", "", "alert"},
};

struct chart_row *chart_add(struct chart *c)
{
    struct chart_row *r = MEM_PUSH(c->rows, c->row_count, c->row_capacity);
    *r = (struct chart_row){.order = c->row_count};
    return r;
}

void chart_fini(struct chart *c)
{
    for (size_t i = 0; i < c->line_count; i++) {
        free(c->lines[i].name);
        free(c->lines[i].role);
    }
    for (size_t i = 0; i < c->row_count; i++) {
        free(c->rows[i].text);
        free(c->rows[i].more);
        free(c->rows[i].id);
    }
    free(c->title);
    free(c->subtitle);
    free(c->lines);
    free(c->rows);
    *c = (struct chart){0};
}

/* --- text
 * ------------------------------------------------------------------------------------------ */

/* Octets of the UTF-8 character at `s`, or 0 where XML could not have it. */
static size_t character(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        return u[0] >= 0x20 || u[0] == '\t' ? 1 : 0;
    }
    size_t need = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    if (u[0] < 0xc2 || u[0] > 0xf4 || need > len) {
        return 0;
    }
    uint32_t code = u[0] & (0x7fU >> need);
    for (size_t i = 1; i < need; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (u[i] & 0x3fU);
    }
    bool bad = (need == 3 && code < 0x800) || (need == 4 && code < 0x10000) || code > 0x10ffff ||
               (code >= 0xd800 && code <= 0xdfff) || code == 0xfffe || code == 0xffff;
    return bad ? 0 : need;
}

static void put_text(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = character(s + i, len - i);
        if (n == 0) {
            buf_append_str(out, "\xef\xbf\xbd");
            i++;
            continue;
        }
        switch (s[i]) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append(out, span_of(s + i, n));
            break;
        }
        i += n;
    }
}

static size_t lines_of(const char *s)
{
    size_t count = 1;
    for (; *s != '\0'; s++) {
        count += *s == '\n';
    }
    return count;
}

/* How wide a line is at the most; no font is at hand, so this is an estimate on the large side. */
static int width_of(const char *s, double size)
{
    size_t most = 0;
    size_t width = 0;
    for (; *s != '\0'; s++) {
        width = *s == '\n' ? 0 : width + (((unsigned char)*s & 0xc0) != 0x80);
        most = width > most ? width : most;
    }
    return (int)((double)most * size * 0.58) + 1;
}

/* The lines of `s`, one below the other, the last at `y`. */
static void put_lines(struct buf *out, const char *class, const char *anchor, int x, int y,
                      const char *s)
{
    int at = y - (int)(lines_of(s) - 1) * LINE_HEIGHT;
    for (const char *end = s;; at += LINE_HEIGHT, s = end + 1) {
        end = strchr(s, '\n');
        buf_printf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">", class, x, at,
                   anchor);
        put_text(out, s, end != NULL ? (size_t)(end - s) : strlen(s));
        buf_append_str(out, "</text>\n");
        if (end == NULL) {
            return;
        }
    }
}

/* --- layout
 * ---------------------------------------------------------------------------------------- */

struct layout {
    int *x; /* of the lifelines */
    int width;
    int height;
    int pages;
};

static int compare_rows(const void *a, const void *b)
{
    const struct chart_row *x = a;
    const struct chart_row *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->order < y->order ? -1 : 1);
}

static int wanted_width(const struct chart_row *r)
{
    int text = width_of(r->text, 12) + (r->kind == CHART_PROTECTED ? 26 : 0);
    int more = r->more != NULL ? width_of(r->more, 10) : 0;
    return (text > more ? text : more) + 36;
}

/* Gaps between lifelines, as wide as what is written in them. */
static void place_lines(const struct chart *c, struct layout *l)
{
    size_t gaps = c->line_count > 1 ? c->line_count - 1 : 1;
    int *gap = mem_calloc(gaps, sizeof(*gap));
    for (size_t i = 0; i < gaps; i++) {
        gap[i] = GAP_LEAST;
        if (i + 1 < c->line_count) {
            int names = (width_of(c->lines[i].name, 13) + width_of(c->lines[i + 1].name, 13)) / 2;
            gap[i] = names + 40 > gap[i] ? names + 40 : gap[i];
        }
    }
    for (size_t i = 0; i < c->row_count; i++) {
        const struct chart_row *r = &c->rows[i];
        uint32_t from = r->from < r->to ? r->from : r->to;
        uint32_t to = r->from < r->to ? r->to : r->from;
        int have = 0;
        for (uint32_t k = from; k < to; k++) {
            have += gap[k];
        }
        int missing = from < to ? wanted_width(r) - have : 0;
        for (uint32_t k = from; missing > 0 && k < to; k++) {
            gap[k] += missing / (int)(to - from) + 1;
        }
    }
    int first = c->line_count > 0 ? width_of(c->lines[0].name, 13) / 2 : 0;
    int x = MARGIN + TIME_WIDTH + (first > 60 ? first : 60);
    for (size_t i = 0; i < c->line_count; i++) {
        l->x[i] = x;
        x += i + 1 < c->line_count ? gap[i] : 0;
    }
    int last = c->line_count > 0 ? width_of(c->lines[c->line_count - 1].name, 13) / 2 : 0;
    l->width = x + (last > 60 ? last : 60) + MARGIN;
    int title = MARGIN * 2 + width_of(c->title, 17);
    int subtitle = MARGIN * 2 + width_of(c->subtitle, 12);
    l->width = l->width > title ? l->width : title;
    l->width = l->width > subtitle ? l->width : subtitle;
    l->width = l->width > 640 ? l->width : 640;
    free(gap);
}

static int row_height(const struct chart_row *r)
{
    int text = (int)lines_of(r->text) * LINE_HEIGHT;
    switch (r->shape) {
    case CHART_ARROW:
        return text + 12 + (r->more != NULL ? 12 : 2);
    case CHART_BAND:
        return text + 18;
    case CHART_STATE:
        return text + 14;
    }
    return 0;
}

/* --- parts
 * ----------------------------------------------------------------------------------------- */

static void put_style(struct buf *out)
{
    buf_append_str(
        out, "<style>\n"
             "text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:12px;fill:#111}\n"
             ".title{font-size:17px;font-weight:bold}.sub{fill:#444}.more{font-size:10px;fill:#555}"
             "\n.time{font-size:11px;fill:#333}.name{font-size:13px;font-weight:bold}"
             ".role{font-size:10px;fill:#555}\n"
             ".label,.more{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\n"
             ".life{stroke:#999;stroke-width:1}.pause{stroke:#999;stroke-dasharray:1 4}\n"
             ".head{fill:#f3f3f3;stroke:#666}.state{fill:#fff;stroke:#555}\n"
             ".band{fill:#e8f1f8;stroke:#0072B2}.band-bad{fill:#fbeae0;stroke:#D55E00}\n"
             ".page{stroke:#bbb;stroke-dasharray:3 3}.cross{stroke:#D55E00;stroke-width:2.5}\n");
    for (size_t i = 0; i < CHART_KINDS; i++) {
        bool thick = i == CHART_UNPROTECTED || i == CHART_ALERT;
        buf_printf(out, ".%s line{stroke:%s;stroke-width:%s%s%s}.%s .tip{fill:%s;stroke:%s}\n",
                   styles[i].class, styles[i].colour,
                   thick                  ? "2.4"
                   : i == CHART_HANDSHAKE ? "1.2"
                                          : "1.7",
                   styles[i].dash[0] != '\0' ? ";stroke-dasharray:" : "", styles[i].dash,
                   styles[i].class, i == CHART_HANDSHAKE ? "#fff" : styles[i].colour,
                   styles[i].colour);
    }
    buf_append_str(out,
                   "</style>\n<defs>\n"
                   "<g id=\"lock\"><rect x=\"0\" y=\"5\" width=\"9\" height=\"7\" rx=\"1\" "
                   "fill=\"#0072B2\"/><path d=\"M1.8 5V3.2a2.7 2.7 0 0 1 5.4 0V5\" fill=\"none\" "
                   "stroke=\"#0072B2\" stroke-width=\"1.4\"/></g>\n</defs>\n");
}

static void put_tip(struct buf *out, int x, int y, bool right)
{
    int back = right ? -9 : 9;
    buf_printf(out, "<path class=\"tip\" d=\"M%d %dL%d %dL%d %dZ\"/>\n", x, y, x + back, y - 4,
               x + back, y + 4);
}

static void put_cross(struct buf *out, int x, int y)
{
    buf_printf(out, "<path class=\"cross\" d=\"M%d %dL%d %dM%d %dL%d %d\"/>\n", x - 5, y - 5, x + 5,
               y + 5, x - 5, y + 5, x + 5, y - 5);
}

static void put_arrow(struct buf *out, const struct layout *l, const struct chart_row *r, int top)
{
    int from = l->x[r->from];
    int to = l->x[r->to];
    int text = (int)lines_of(r->text) * LINE_HEIGHT;
    int y = top + text + 5;
    int middle = (from + to) / 2;
    bool right = to > from;
    int end = to;
    if (r->fate == CHART_LOST || r->fate == CHART_IN_FLIGHT) {
        end = from + (to - from) * 3 / 4;
    } else if (r->fate == CHART_NEVER_SENT) {
        end = from + (to - from) / 6;
    }
    buf_printf(out, "<g class=\"arrow %s\"", styles[r->kind].class);
    if (r->id != NULL) {
        buf_printf(out, " %s", r->id);
    }
    buf_append_str(out, ">\n");
    bool tip = r->fate == CHART_ARRIVED || r->fate == CHART_REFUSED;
    buf_printf(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", from, y,
               tip ? end + (right ? -8 : 8) : end, y);
    switch (r->fate) {
    case CHART_ARRIVED:
        put_tip(out, end, y, right);
        break;
    case CHART_REFUSED:
        put_tip(out, end, y, right);
        put_cross(out, end + (right ? 9 : -9), y);
        break;
    case CHART_LOST:
    case CHART_NEVER_SENT:
        put_cross(out, end, y);
        break;
    case CHART_IN_FLIGHT:
        buf_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"#fff\" stroke=\"#555\"/>\n",
                   end, y);
        break;
    }
    const char *anchor = "middle";
    if (r->fate == CHART_NEVER_SENT) { /* beside the cross */
        anchor = right ? "start" : "end";
        middle = end + (right ? 12 : -12);
    }
    put_lines(out, "label", anchor, middle, y - 6, r->text);
    if (r->kind == CHART_PROTECTED && r->fate != CHART_NEVER_SENT) {
        buf_printf(out, "<use href=\"#lock\" x=\"%d\" y=\"%d\"/>\n", from + (right ? 8 : -17),
                   y - 15);
    }
    if (r->more != NULL) {
        put_lines(out, "more", anchor, middle, y + 13, r->more);
    }
    buf_append_str(out, "</g>\n");
}

static void put_band(struct buf *out, const struct layout *l, const struct chart_row *r, int top)
{
    int a = l->x[r->from < r->to ? r->from : r->to];
    int b = l->x[r->from < r->to ? r->to : r->from];
    int text = (int)lines_of(r->text) * LINE_HEIGHT;
    buf_printf(out, "<g%s%s>\n", r->id != NULL ? " " : "", r->id != NULL ? r->id : "");
    buf_printf(out,
               "<rect class=\"band%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n",
               r->bad ? "-bad" : "", a - 8, top + 4, b - a + 16, text + 8);
    put_lines(out, "label", "middle", (a + b) / 2, top + text + 4, r->text);
    buf_append_str(out, "</g>\n");
}

static void put_state(struct buf *out, const struct layout *l, const struct chart_row *r, int top)
{
    int x = l->x[r->from];
    int half = width_of(r->text, 12) / 2 + 8;
    int y = top + 3;
    int h = (int)lines_of(r->text) * LINE_HEIGHT + 6;
    buf_printf(out, "<path class=\"state\" d=\"M%d %dL%d %dL%d %dL%d %dL%d %dL%d %dZ\"/>\n",
               x - half, y, x + half, y, x + half + 8, y + h / 2, x + half, y + h, x - half, y + h,
               x - half - 8, y + h / 2);
    put_lines(out, "label", "middle", x, y + h - 7, r->text);
}

/* Milliseconds with three decimals. */
static void put_time(struct buf *out, sim_time at, int y)
{
    buf_printf(out, "<text class=\"time\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%.3f</text>\n",
               MARGIN + TIME_WIDTH - 8, y, (double)at / 1e6);
}

static void put_heads(struct buf *out, const struct chart *c, const struct layout *l, int y)
{
    for (size_t i = 0; i < c->line_count; i++) {
        int half = width_of(c->lines[i].name, 13) / 2 + 10;
        half = half > 40 ? half : 40;
        buf_printf(out,
                   "<rect class=\"head\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>\n",
                   l->x[i] - half, y, 2 * half, HEAD_HEIGHT - 8);
        put_lines(out, "name", "middle", l->x[i], y + 16, c->lines[i].name);
        put_lines(out, "role", "middle", l->x[i], y + 29, c->lines[i].role);
    }
    buf_printf(out, "<text class=\"time\" x=\"%d\" y=\"%d\" text-anchor=\"end\">ms</text>\n",
               MARGIN + TIME_WIDTH - 8, y + 16);
}

static void put_lifelines(struct buf *out, const struct chart *c, const struct layout *l,
                          const char *class, int from, int to)
{
    for (size_t i = 0; i < c->line_count && to > from; i++) {
        buf_printf(out, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", class,
                   l->x[i], from, l->x[i], to);
    }
}

/* The kinds that occur, and what marks mean. Returns the height. */
static int put_legend(struct buf *out, const struct chart *c, const struct layout *l, int top)
{
    bool used[CHART_KINDS] = {false};
    bool lost = false;
    bool open = false;
    for (size_t i = 0; i < c->row_count; i++) {
        const struct chart_row *r = &c->rows[i];
        if (r->shape == CHART_ARROW) {
            used[r->kind] = true;
            lost = lost || (r->fate != CHART_ARRIVED && r->fate != CHART_IN_FLIGHT);
            open = open || r->fate == CHART_IN_FLIGHT;
        }
    }
    int x = MARGIN;
    int y = top;
    for (size_t i = 0; i < CHART_KINDS + 2; i++) {
        const char *words = i < CHART_KINDS    ? styles[i].words
                            : i == CHART_KINDS ? "lost, never sent or refused"
                                               : "on its way when the run ended";
        if (i < CHART_KINDS ? !used[i] : i == CHART_KINDS ? !lost : !open) {
            continue;
        }
        int width = 58 + width_of(words, 12) + 18;
        if (x > MARGIN && x + width > l->width - MARGIN) {
            x = MARGIN;
            y += 20;
        }
        if (i < CHART_KINDS) {
            buf_printf(out, "<g class=\"%s\"><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>",
                       styles[i].class, x, y, x + 34, y);
            put_tip(out, x + 42, y, true);
            if (i == CHART_PROTECTED) {
                buf_printf(out, "<use href=\"#lock\" x=\"%d\" y=\"%d\"/>", x + 12, y - 14);
            }
            buf_append_str(out, "</g>\n");
        } else if (i == CHART_KINDS) {
            put_cross(out, x + 20, y);
        } else {
            buf_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"#fff\" stroke=\"#555\"/>\n",
                       x + 20, y);
        }
        put_lines(out, "sub", "start", x + 52, y + 4, words);
        x += width;
    }
    return y + 20 - top;
}

/* --- pages
 * ------------------------------------------------------------------------------------------ */

/* Rows from `first` that fit on a page; at least one. */
static size_t page_end(const struct chart *c, size_t first)
{
    int height = 0;
    for (size_t i = first; i < c->row_count; i++) {
        bool pause = i > first && c->rows[i].at - c->rows[i - 1].at > LONG_TIME;
        height += row_height(&c->rows[i]) + (pause ? GAP_ROW : 0);
        if (height > PAGE_HEIGHT && i > first) {
            return i;
        }
    }
    return c->row_count;
}

static int put_page(struct buf *out, const struct chart *c, const struct layout *l, size_t first,
                    size_t end, int top)
{
    int y = top + HEAD_HEIGHT;
    int lifeline_from = top + HEAD_HEIGHT - 8;
    struct buf rows = {0};
    for (size_t i = first; i < end; i++) {
        const struct chart_row *r = &c->rows[i];
        sim_time pause = i > first ? r->at - c->rows[i - 1].at : 0;
        if (pause > LONG_TIME) {
            put_lifelines(out, c, l, "life", lifeline_from, y);
            put_lifelines(out, c, l, "pause", y, y + GAP_ROW);
            buf_printf(&rows,
                       "<text class=\"more\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%.3f s "
                       "later</text>\n",
                       MARGIN + TIME_WIDTH - 8, y + 14, (double)pause / 1e9);
            y += GAP_ROW;
            lifeline_from = y;
        }
        int base = y + (int)lines_of(r->text) * LINE_HEIGHT + (r->shape == CHART_ARROW ? 9 : 4);
        put_time(&rows, r->at, base);
        switch (r->shape) {
        case CHART_ARROW:
            put_arrow(&rows, l, r, y);
            break;
        case CHART_BAND:
            put_band(&rows, l, r, y);
            break;
        case CHART_STATE:
            put_state(&rows, l, r, y);
            break;
        }
        y += row_height(r);
    }
    put_lifelines(out, c, l, "life", lifeline_from, y + 10);
    put_heads(out, c, l, top);
    buf_append(out, buf_span(&rows));
    buf_fini(&rows);
    return y + 10;
}

void chart_draw(struct chart *c, struct buf *out)
{
    if (c->row_count > 0) {
        qsort(c->rows, c->row_count, sizeof(*c->rows), compare_rows);
    }
    struct layout l = {.x = mem_calloc(c->line_count + 1, sizeof(int)), .pages = 0};
    place_lines(c, &l);
    for (size_t i = 0; i < c->row_count || i == 0; l.pages++) {
        i = c->row_count > 0 ? page_end(c, i) : 1;
    }
    struct buf body = {0};
    int y = MARGIN + 18;
    put_lines(&body, "title", "start", MARGIN, y, c->title);
    y += (int)lines_of(c->subtitle) * LINE_HEIGHT + 6;
    put_lines(&body, "sub", "start", MARGIN, y, c->subtitle);
    y += 22;
    y += put_legend(&body, c, &l, y);
    size_t at = 0;
    for (int page = 1; page <= l.pages; page++) {
        if (page > 1) {
            buf_printf(&body, "<line class=\"page\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
                       y + 10, l.width, y + 10);
            y += 24;
        }
        if (l.pages > 1) {
            buf_printf(&body,
                       "<text class=\"more\" x=\"%d\" y=\"%d\" text-anchor=\"end\">page %d of "
                       "%d</text>\n",
                       l.width - MARGIN, y, page, l.pages);
            y += 8;
        }
        size_t end = page_end(c, at);
        y = put_page(&body, c, &l, at, end, y);
        at = end;
    }
    l.height = y + MARGIN;
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 "
               "%d %d\" role=\"img\">\n<title>",
               l.width, l.height, l.width, l.height);
    put_text(out, c->title, strlen(c->title));
    buf_append_str(out, "</title>\n");
    put_style(out);
    buf_printf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", l.width, l.height);
    buf_append(out, buf_span(&body));
    buf_append_str(out, "</svg>\n");
    buf_fini(&body);
    free(l.x);
}
