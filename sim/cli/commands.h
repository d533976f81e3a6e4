/* The commands of cpnsim and what they share. */
#ifndef SIM_CLI_COMMANDS_H
#define SIM_CLI_COMMANDS_H

#include <stdio.h>

#include "sim/core/buf.h"
#include "sim/core/diag.h"
#include "sim/record/recorder.h"
#include "sim/scenario/scenario.h"

/* Exit codes: a contract with scripts. */
enum {
    CLI_OK = 0,       /* all holds */
    CLI_VIOLATED = 1, /* a claim is violated, a rule is broken */
    CLI_UNKNOWN = 2,  /* no evidence, nothing to judge */
    CLI_INVALID = 3,  /* the scenario or the arguments are invalid */
    CLI_FAILED = 4,   /* failed at run time */
};

/* One file a command; argv[0] is the command's name. */
int cmd_attack(int argc, char **argv);
int cmd_chart(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_fingerprint(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_validate(int argc, char **argv);

/* Prints how the command is used to standard error; CLI_INVALID. */
int cli_usage_error(const char *command);
/* Whether the stream is a terminal and NO_COLOR is not set. */
bool cli_colour(FILE *stream);
/* All diagnostics, in order, to standard error. */
void cli_show_diags(struct diag_list *diags);
/* Writes to standard output; CLI_FAILED, and a sentence, when it cannot be written whole. Empties
 * `text`. */
int cli_print(struct buf *text);
/* Index of `word` among `words` (NULL-terminated), or -1 after an error message for option `what`.
 */
int cli_choose(const char *command, const char *what, const char *word, const char *const *words);
/* The words that the models define. */
const struct scenario_vocabulary *cli_vocabulary(void);
/* What the models contribute to a world. */
struct world_models;
const struct world_models *cli_models(void);
/* Creates a directory and those above it. -SIM_EIO, and errno says why. */
int cli_make_directories(const char *path);
/* The way from directory `dir` to `file`, both of which exist: "../home.yaml"; the caller frees it.
 * NULL: one does not exist. */
char *cli_relative_path(const char *dir, const char *file);
/* Opens a database; 0 or an exit code after an error message. */
int cli_open(const char *path, struct record_db **ret);

#endif
