/* Loads scenarios from texts, for tests: files live in a directory of their own. */
#ifndef TESTS_SUPPORT_SCENARIO_TEXT_H
#define TESTS_SUPPORT_SCENARIO_TEXT_H

#include "sim/scenario/scenario.h"

struct scenario_files {
    char folder[64];
};

/* Makes the directory, and removes it with what is in it. */
void scenario_files_init(struct scenario_files *f);
void scenario_files_fini(struct scenario_files *f);
/* Writes `text` to FOLDER/`name`, folders made as needed. */
void scenario_files_write(const struct scenario_files *f, const char *name, const char *text);

struct loaded {
    int r;
    struct scenario *s; /* NULL after errors */
    struct diag_list diags;
};

/* Loads FOLDER/`name` with the vocabulary for tests; `options` may be NULL. */
void loaded_init(struct loaded *l, const struct scenario_files *f, const char *name,
                 const struct scenario_options *options);
/* Loads a text that has to be accepted, from a file of its own. */
void loaded_accept(struct loaded *l, const char *text);
void loaded_fini(struct loaded *l);
/* Whether a complaint `code` stands at LINE:COLUMN (0:0: nowhere) of a file whose name ends in
 * `file`. */
bool loaded_says(const struct loaded *l, const char *code, const char *file, int line, int column);
/* All complaints as text on standard error. */
void loaded_print(const struct loaded *l);

#endif
