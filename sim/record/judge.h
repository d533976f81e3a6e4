/* The verdict over a run, read from its database: the expectations of the scenario (view v_expect),
 * the rules of clause 5.9.1 (view v_rule), and witnesses that disagree (view v_disagreement). */
#ifndef SIM_RECORD_JUDGE_H
#define SIM_RECORD_JUDGE_H

#include "sim/core/buf.h"
#include "sim/record/recorder.h"

enum verdict { VERDICT_HELD, VERDICT_VIOLATED, VERDICT_UNKNOWN };
/* "held", "violated", "unknown". */
const char *verdict_name(enum verdict v);

enum finding_kind {
    FINDING_EXPECTATION,
    FINDING_RULE,    /* broken, so always violated */
    FINDING_WITNESS, /* what a witness says of the record, or that witnesses disagree */
};

/* One thing that was judged. Strings are owned by the judgement. */
struct finding {
    enum finding_kind kind;
    int line;      /* of the scenario file; 0 for what it did not ask for */
    char *name;    /* claim, metric, R1 to R6, "witnesses-disagree" ... */
    char *subject; /* NULL: everything */
    bool has_minimum, has_maximum, has_measured;
    double minimum, maximum, measured;
    enum verdict verdict;
    char *evidence;
};

struct judgement {
    struct finding *findings;
    size_t count, capacity;
    size_t rules_broken;
    uint64_t sessions;
    char *scenario; /* path of the scenario file */
    char *status;   /* of the run: "running" while it is judged at its own end */
    bool complete;  /* the run reached its end: ended as ok, violated or unknown */
};

/* -SIM_EINVAL with a sentence in `diags` when the database cannot be asked. */
int judge_run(struct record_db *db, struct judgement **ret, struct diag_list *diags);
/* What else is to be read of the file, by one of the threads; its error is judge_file()'s. */
typedef int judge_beside_fn(struct record_db *db, void *arg, struct diag_list *diags);
/* The same of a file, faster: by this thread and another, with connections of their own. `beside`
 * may be NULL. Any error of record_db_open() besides. */
int judge_file(const char *path, judge_beside_fn *beside, void *arg, struct judgement **ret,
               struct diag_list *diags);
void judgement_free(struct judgement *j);

/* What a witness says besides. Copies `name` and `subject`, owns `evidence` from now on. */
void judgement_add_witness(struct judgement *j, const char *name, const char *subject,
                           enum verdict verdict, char *evidence);

/* 1 when anything is violated; 2 when anything is unknown, or there is neither an expectation nor a
 * session; else 0. With `offline` a run that did not reach its end is unknown at best. */
int judgement_exit_code(const struct judgement *j, bool offline);

/* For people; JUnit XML, TAP 13, JSON and SARIF 2.1.0 for machines. */
void judgement_text(const struct judgement *j, bool colour, struct buf *out);
void judgement_junit(const struct judgement *j, struct buf *out);
void judgement_tap(const struct judgement *j, struct buf *out);
void judgement_json(const struct judgement *j, struct buf *out);
void judgement_sarif(const struct judgement *j, struct buf *out);

#endif
