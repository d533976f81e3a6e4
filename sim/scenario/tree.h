/* A YAML file as a tree whose every node knows where it stands, and the way errors about it are
 * told. Built from libfyaml's events: no library type is seen outside yaml.c. */
#ifndef SIM_SCENARIO_TREE_H
#define SIM_SCENARIO_TREE_H

#include "sim/core/base.h"
#include "sim/core/diag.h"
#include "sim/scenario/arena.h"

struct source {
    const char *name; /* as diagnostics say it: a path, or "--set K" */
    const char *text;
    size_t len;
    bool command_line; /* has no lines worth showing */
    struct source *next;
};

/* TREE_BAD stands for something already complained about: readers pass over it in silence. */
enum tree_kind { TREE_BAD, TREE_SCALAR, TREE_MAP, TREE_LIST };

struct tree {
    enum tree_kind kind;
    bool quoted; /* a scalar in quotes or a block scalar: never a number or a boolean */
    int line, column, length;
    const struct source *source; /* NULL: made from a default */
    const char *text;            /* scalar, parameters filled in */
    const char *note;            /* which parameters filled it, and from where; or NULL */
    struct tree *key;            /* member of a mapping: its key, a scalar */
    struct tree *next;
    struct tree *first; /* members of a mapping or items of a list */
};

enum { TREE_MAX_DEPTH = 32 };

/* Where complaints go. */
struct report {
    struct arena *arena;
    struct diag_list *diags;
    size_t told;       /* errors and warnings told so far */
    size_t names_left; /* how many more names may be compared for near names */
};

/* Adds an error or a warning about the place of `at` (NULL: about nothing in particular), with the
 * source line. The entry's hint may be set until the next one. Never NULL; beyond some thousands of
 * complaints they are only counted. */
struct diag *report_error(struct report *r, const struct tree *at, const char *code,
                          const char *format, ...) SIM_PRINTF(4, 5);
struct diag *report_warning(struct report *r, const struct tree *at, const char *code,
                            const char *format, ...) SIM_PRINTF(4, 5);
/* The same with place and source given. */
struct diag *report_at(struct report *r, enum diag_severity severity, const struct source *source,
                       int line, int column, int length, const char *code, const char *format, ...)
    SIM_PRINTF(8, 9);
/* Sets the hint of `d` (heap memory is made). */
void report_hint(struct diag *d, const char *format, ...) SIM_PRINTF(2, 3);
/* Sets the hint `did you mean "X"?` when a name is near; yields the name or NULL. */
const char *report_near(struct report *r, struct diag *d, const char *wanted,
                        const char *const *names, size_t count);
/* `text` shortened and without control characters, for use in a sentence; in the arena. */
const char *report_quote(struct report *r, const char *text);

/* Parses `source` (UTF-8 already checked by yaml_check_text()). NULL after a complaint; a tree may
 * come with complaints too. */
struct tree *yaml_parse(struct report *r, const struct source *source);
/* False after a complaint: not UTF-8, or not text. */
bool yaml_check_text(struct report *r, const struct source *source);
/* The length of the valid UTF-8 character at `s`, 0 when there is none. */
size_t utf8_length(const unsigned char *s, size_t left);

/* The member of a mapping by key, or NULL. */
struct tree *tree_get(const struct tree *map, const char *key);
size_t tree_count(const struct tree *t);

#endif
