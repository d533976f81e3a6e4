#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/tree.h"

enum { MOST_COMPLAINTS = 2000, LINE_SHOWN = 400, QUOTE_SHOWN = 60 };

/* Line breaks as YAML 1.2 knows them: LF, CR, CR LF. */
static const char *next_line(const char *at, const char *end)
{
    while (at < end && *at != '\n' && *at != '\r') {
        at++;
    }
    if (at < end && *at == '\r' && at + 1 < end && at[1] == '\n') {
        at++;
    }
    return at < end ? at + 1 : NULL;
}

static const char *find_line(const struct source *s, int line)
{
    const char *end = s->text + s->len;
    const char *at = s->text;
    for (int i = 1; i < line && at != NULL; i++) {
        at = next_line(at, end);
    }
    return at;
}

/* A copy of the line for the reader: cut, and no control characters for his terminal. */
static char *source_line(const struct source *s, int line, int column)
{
    const char *start = column <= LINE_SHOWN ? find_line(s, line) : NULL;
    if (start == NULL) {
        return NULL;
    }
    const char *end = s->text + s->len;
    size_t len = 0;
    while (start + len < end && start[len] != '\n' && start[len] != '\r' &&
           len < (size_t)LINE_SHOWN + QUOTE_SHOWN) {
        len++;
    }
    while (len > 0 && start + len < end && ((unsigned char)start[len] & 0xc0) == 0x80) {
        len--;
    }
    char *copy = mem_alloc(len + 1);
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)start[i];
        size_t step = utf8_length((const unsigned char *)start + i, len - i);
        bool shown = step > 0 && (c >= ' ' || c == '\t') && c != 0x7f;
        step = step > 0 ? step : 1;
        memcpy(copy + i, shown ? start + i : "?", step);
        i += step;
    }
    return copy;
}

static struct diag *tell(struct report *r, enum diag_severity severity, const struct source *source,
                         int line, int column, int length, const char *code, const char *text)
{
    r->told++;
    if (r->told > MOST_COMPLAINTS && r->diags->count > 0) {
        struct diag *last = &r->diags->items[r->diags->count - 1];
        free(last->message);
        free(last->hint);
        last->hint = NULL;
        last->message = mem_printf("%zu more complaints are not shown", r->told - MOST_COMPLAINTS);
        last->code = "too-many-errors";
        if (last->severity == DIAG_WARNING) {
            last->severity = severity;
            r->diags->errors += severity == DIAG_ERROR;
        }
        return last;
    }
    const char *file = source != NULL ? source->name : NULL;
    bool located = source != NULL && !source->command_line && line > 0;
    struct diag *d = diag_add(r->diags, severity, code, file, located ? line : 0,
                              located ? column : 0, "%s", text);
    if (located) {
        d->length = length > 0 ? length : 1;
        d->source_line = source_line(source, line, column);
    }
    return d;
}

struct diag *report_at(struct report *r, enum diag_severity severity, const struct source *source,
                       int line, int column, int length, const char *code, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return tell(r, severity, source, line, column, length, code, text);
}

struct diag *report_error(struct report *r, const struct tree *at, const char *code,
                          const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return at != NULL
               ? tell(r, DIAG_ERROR, at->source, at->line, at->column, at->length, code, text)
               : tell(r, DIAG_ERROR, NULL, 0, 0, 0, code, text);
}

struct diag *report_warning(struct report *r, const struct tree *at, const char *code,
                            const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return at != NULL
               ? tell(r, DIAG_WARNING, at->source, at->line, at->column, at->length, code, text)
               : tell(r, DIAG_WARNING, NULL, 0, 0, 0, code, text);
}

void report_hint(struct diag *d, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    free(d->hint);
    d->hint = mem_strdup(text);
}

const char *report_near(struct report *r, struct diag *d, const char *wanted,
                        const char *const *names, size_t count)
{
    /* Thousands of wrong names among thousands of names would take longer than anybody waits. */
    if (count > r->names_left) {
        return NULL;
    }
    r->names_left -= count;
    const char *near = diag_nearest(wanted, names, count);
    if (near != NULL) {
        report_hint(d, "did you mean \"%s\"?", near);
    }
    return near;
}

const char *report_quote(struct report *r, const char *text)
{
    size_t len = strlen(text);
    bool cut = len > QUOTE_SHOWN;
    if (cut) {
        len = QUOTE_SHOWN;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    char *copy = arena_printf(r->arena, "%.*s%s", (int)len, text, cut ? "..." : "");
    for (char *c = copy; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
    return copy;
}
