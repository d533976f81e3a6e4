#include "sim/record/views.h"

#include <stdlib.h>
#include <string.h>

#include "sim/record/record_internal.h"

/* One comment line, cut up in place; false when it documents nothing. */
static bool parse(char *line, char **view, char **column, char **unit, char **text)
{
    if (strncmp(line, "-- v_", 5) != 0) {
        return false;
    }
    char *colon = strstr(line, ": ");
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    *text = colon + 2;
    *view = line + 3;
    *unit = strchr(*view, '[');
    if (*unit != NULL) {
        *strchr(*unit, ']') = '\0';
        (*unit)[-1] = '\0';
        (*unit)++;
    }
    *column = strchr(*view, '.');
    if (*column != NULL) {
        **column = '\0';
        (*column)++;
    }
    return strchr(*view, ' ') == NULL;
}

void record_views_document(void (*fn)(void *arg, const char *view, const char *column,
                                      const char *unit, const char *text),
                           void *arg)
{
    char *copy = mem_strdup(record_views_sql);
    char *save;
    for (char *line = strtok_r(copy, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *view;
        char *column;
        char *unit;
        char *text;
        if (parse(line, &view, &column, &unit, &text)) {
            fn(arg, view, column, unit, text);
        }
    }
    free(copy);
}

void record_queries(void (*fn)(void *arg, const char *name, const char *text, const char *sql),
                    void *arg)
{
    static const char mark[] = "-- query ";
    char *copy = mem_strdup(record_queries_sql);
    char *at = strstr(copy, mark);
    while (at != NULL) {
        char *name = at + sizeof(mark) - 1;
        char *colon = strchr(name, ':');
        char *line_end = strchr(name, '\n');
        CHECK(colon != NULL && line_end != NULL);
        char *next = strstr(line_end, mark);
        *colon = *line_end = '\0';
        if (next != NULL) {
            next[-1] = '\0';
        }
        fn(arg, name, colon + 2, line_end + 1);
        at = next;
    }
    free(copy);
}
