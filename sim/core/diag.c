#include "sim/core/diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diag_list_fini(struct diag_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct diag *d = &list->items[i];
        free(d->file);
        free(d->message);
        free(d->hint);
        free(d->source_line);
    }
    free(list->items);
    *list = (struct diag_list){0};
}

void diag_list_move(struct diag_list *to, struct diag_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        *MEM_PUSH(to->items, to->count, to->capacity) = from->items[i];
    }
    to->errors += from->errors;
    free(from->items);
    *from = (struct diag_list){0};
}

struct diag *diag_add(struct diag_list *list, enum diag_severity severity, const char *code,
                      const char *file, int line, int column, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct diag *d = MEM_PUSH(list->items, list->count, list->capacity);
    *d = (struct diag){.severity = severity,
                       .code = code,
                       .file = mem_strdup(file),
                       .line = line,
                       .column = column,
                       .length = 1,
                       .message = mem_strdup(text)};
    list->errors += severity == DIAG_ERROR;
    return d;
}

static int compare(const struct diag *a, const struct diag *b)
{
    int r = strcmp(a->file != NULL ? a->file : "", b->file != NULL ? b->file : "");
    if (r == 0) {
        r = (a->line > b->line) - (a->line < b->line);
    }
    if (r == 0) {
        r = (a->column > b->column) - (a->column < b->column);
    }
    return r;
}

static void drop(struct diag_list *list, size_t i)
{
    struct diag *d = &list->items[i];
    list->errors -= d->severity == DIAG_ERROR;
    free(d->file);
    free(d->message);
    free(d->hint);
    free(d->source_line);
    memmove(d, d + 1, (list->count - i - 1) * sizeof(*d));
    list->count--;
}

void diag_list_sort(struct diag_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        for (size_t k = i; k > 0 && compare(&list->items[k - 1], &list->items[k]) > 0; k--) {
            struct diag swapped = list->items[k];
            list->items[k] = list->items[k - 1];
            list->items[k - 1] = swapped;
        }
    }
    for (size_t i = 1; i < list->count;) {
        const struct diag *a = &list->items[i - 1];
        const struct diag *b = &list->items[i];
        if (compare(a, b) == 0 && a->line != 0 && strcmp(a->message, b->message) == 0) {
            drop(list, i);
        } else {
            i++;
        }
    }
}

static void render_caret(const struct diag *d, bool colour, struct buf *out)
{
    const char *line = d->source_line;
    buf_printf(out, "%5d | %s\n      | ", d->line, line);
    for (int i = 1; i < d->column && line[i - 1] != '\0'; i++) {
        buf_append_u8(out, line[i - 1] == '\t' ? '\t' : ' ');
    }
    buf_append_str(out, colour ? "\033[1;32m^" : "^");
    for (int i = 1; i < d->length; i++) {
        buf_append_u8(out, '~');
    }
    buf_append_str(out, colour ? "\033[0m\n" : "\n");
}

void diag_render(const struct diag_list *list, bool colour, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diag *d = &list->items[i];
        if (d->file != NULL) {
            buf_printf(out, "%s:", d->file);
            if (d->line > 0) {
                buf_printf(out, "%d:%d:", d->line, d->column > 0 ? d->column : 1);
            }
            buf_append_u8(out, ' ');
        }
        const char *word = d->severity == DIAG_ERROR ? "error" : "warning";
        const char *ansi = d->severity == DIAG_ERROR ? "\033[1;31m" : "\033[1;35m";
        buf_printf(out, "%s%s:%s %s", colour ? ansi : "", word, colour ? "\033[0m" : "",
                   d->message);
        if (d->hint != NULL) {
            buf_printf(out, ", %s", d->hint);
        }
        buf_append_u8(out, '\n');
        if (d->source_line != NULL && d->line > 0) {
            render_caret(d, colour, out);
        }
    }
}

/* Restricted Damerau-Levenshtein distance, letters compared without case; names over 63 octets are
 * cut. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t la = strnlen(a, MOST - 1);
    size_t lb = strnlen(b, MOST - 1);
    size_t rows[3][MOST];
    for (size_t j = 0; j <= lb; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            bool equal = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = before[j - 1] + (equal ? 0 : 1);
            if (before[j] + 1 < best) {
                best = before[j] + 1;
            }
            if (now[j - 1] + 1 < best) {
                best = now[j - 1] + 1;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                rows[(i - 2) % 3][j - 2] + 1 < best) {
                best = rows[(i - 2) % 3][j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *diag_nearest(const char *wanted, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(wanted) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(wanted, names[i]);
        if (d <= best_distance && (best == NULL || d < best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
