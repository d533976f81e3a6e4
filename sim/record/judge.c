#include "sim/record/judge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_HELD] = "held", [VERDICT_VIOLATED] = "violated", [VERDICT_UNKNOWN] = "unknown"};
    return names[v];
}

static double number(const struct record_value *v)
{
    return v->kind == RECORD_IS_REAL ? v->real : (double)v->integer;
}

static bool add_expectation(void *arg, size_t columns, const char *const *names,
                            const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct judgement *j = arg;
    struct finding *f = MEM_PUSH(j->findings, j->count, j->capacity);
    *f = (struct finding){
        .line = (int)v[0].integer,
        .name = mem_strdup(v[1].text),
        .subject = mem_strdup(v[2].text),
        .has_minimum = v[3].kind != RECORD_IS_NULL,
        .has_maximum = v[4].kind != RECORD_IS_NULL,
        .has_measured = v[5].kind != RECORD_IS_NULL,
        .minimum = number(&v[3]),
        .maximum = number(&v[4]),
        .measured = number(&v[5]),
        .verdict = strcmp(v[6].text, "held") == 0       ? VERDICT_HELD
                   : strcmp(v[6].text, "violated") == 0 ? VERDICT_VIOLATED
                                                        : VERDICT_UNKNOWN,
        .evidence = mem_strdup(v[7].text),
    };
    return true;
}

static void add_violation(struct judgement *j, enum finding_kind kind, const struct record_value *v)
{
    struct finding *f = MEM_PUSH(j->findings, j->count, j->capacity);
    *f = (struct finding){.kind = kind,
                          .name = mem_strdup(v[0].text),
                          .subject = mem_strdup(v[1].text),
                          .verdict = VERDICT_VIOLATED,
                          .evidence = mem_strdup(v[2].text)};
}

static bool add_rule(void *arg, size_t columns, const char *const *names,
                     const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct judgement *j = arg;
    add_violation(j, FINDING_RULE, v);
    j->rules_broken++;
    return true;
}

static bool add_disagreement(void *arg, size_t columns, const char *const *names,
                             const struct record_value *v)
{
    (void)columns;
    (void)names;
    add_violation(arg, FINDING_WITNESS, v);
    return true;
}

static bool note_run(void *arg, size_t columns, const char *const *names,
                     const struct record_value *v)
{
    (void)columns;
    (void)names;
    struct judgement *j = arg;
    j->scenario = mem_strdup(v[0].text);
    j->status = mem_strdup(v[1].text);
    j->sessions = (uint64_t)v[2].integer;
    j->complete = strcmp(v[1].text, "ok") == 0 || strcmp(v[1].text, "violated") == 0 ||
                  strcmp(v[1].text, "unknown") == 0;
    return true;
}

/* What a verdict is made of, in this order. */
enum part { PART_RUN, PART_EXPECTATIONS, PART_RULES, PART_WITNESSES, PART_COUNT };

static const struct {
    const char *sql;
    record_row_fn *row;
} parts[PART_COUNT] = {
    [PART_RUN] = {"SELECT coalesce(scenario_path, scenario), status,"
                  " (SELECT count(*) FROM session) FROM run",
                  note_run},
    [PART_EXPECTATIONS] = {"SELECT line, name, subject, minimum, maximum, measured, verdict,"
                           " evidence FROM v_expect ORDER BY expect_id",
                           add_expectation},
    [PART_RULES] = {"SELECT rule, subject, evidence FROM v_rule ORDER BY rule, at_s, subject",
                    add_rule},
    [PART_WITNESSES] = {"SELECT 'witnesses-disagree', printf('session %d', session_id), evidence"
                        " FROM v_disagreement WHERE NOT explained ORDER BY session_id",
                        add_disagreement},
};

static int judge_part(struct record_db *db, enum part part, struct judgement *j,
                      struct diag_list *diags)
{
    return record_db_query(db, parts[part].sql, NULL, 0, parts[part].row, j, diags);
}

int judge_run(struct record_db *db, struct judgement **ret, struct diag_list *diags)
{
    struct judgement *j = mem_alloc(sizeof(*j));
    int r = 0;
    for (enum part part = 0; r == 0 && part < PART_COUNT; part++) {
        r = judge_part(db, part, j, diags);
    }
    if (r < 0) {
        judgement_free(j);
        return r;
    }
    *ret = j;
    return 0;
}

/* --- a file, by two threads
 * ------------------------------------------------------------------------------------ */

/* What there is to read, the longest first; whoever is done takes the next. */
enum { BESIDE = PART_COUNT, TASK_COUNT };
static const int order[TASK_COUNT] = {PART_RULES, PART_EXPECTATIONS, BESIDE, PART_WITNESSES,
                                      PART_RUN};

struct judging {
    const char *path;
    judge_beside_fn *beside; /* or NULL */
    void *arg;
    atomic_size_t next; /* in `order` */
    struct task {
        struct judgement *j;
        struct diag_list diags;
        int result;
    } tasks[TASK_COUNT];
};

static int judge_task(struct judging *all, int number, struct record_db *db)
{
    struct task *task = &all->tasks[number];
    if (number == BESIDE) {
        return all->beside != NULL ? all->beside(db, all->arg, &task->diags) : 0;
    }
    return judge_part(db, (enum part)number, task->j, &task->diags);
}

static void *judge_tasks(void *arg)
{
    struct judging *all = arg;
    struct record_db *db = NULL;
    size_t i;
    while ((i = atomic_fetch_add(&all->next, 1)) < TASK_COUNT) {
        struct task *task = &all->tasks[order[i]];
        task->result = db != NULL ? 0 : record_db_open(all->path, &db, &task->diags);
        if (task->result == 0) {
            task->result = judge_task(all, order[i], db);
        }
    }
    record_db_close(db);
    return NULL;
}

/* Moves the findings of `from` behind those of `to`, and what else it has. */
static void append(struct judgement *to, struct judgement *from)
{
    for (size_t i = 0; i < from->count; i++) {
        *MEM_PUSH(to->findings, to->count, to->capacity) = from->findings[i];
    }
    from->count = 0;
    to->rules_broken += from->rules_broken;
}

int judge_file(const char *path, judge_beside_fn *beside, void *arg, struct judgement **ret,
               struct diag_list *diags)
{
    struct judging all = {.path = path, .beside = beside, .arg = arg};
    for (int i = 0; i < TASK_COUNT; i++) {
        all.tasks[i].j = mem_alloc(sizeof(*all.tasks[i].j));
    }
    pthread_t thread;
    bool two = pthread_create(&thread, NULL, judge_tasks, &all) == 0;
    judge_tasks(&all);
    if (two) {
        pthread_join(thread, NULL);
    }
    int r = 0;
    struct judgement *j = all.tasks[PART_RUN].j;
    for (int i = 0; i < TASK_COUNT; i++) {
        struct task *task = &all.tasks[i];
        if (r == 0 && task->result < 0) { /* the first tells for all */
            r = task->result;
            diag_list_move(diags, &task->diags);
        }
        diag_list_fini(&task->diags);
        if (i != PART_RUN) {
            append(j, task->j);
            judgement_free(task->j);
        }
    }
    if (r < 0) {
        judgement_free(j);
        return r;
    }
    *ret = j;
    return 0;
}

void judgement_add_witness(struct judgement *j, const char *name, const char *subject,
                           enum verdict verdict, char *evidence)
{
    struct finding *f = MEM_PUSH(j->findings, j->count, j->capacity);
    *f = (struct finding){.kind = FINDING_WITNESS,
                          .name = mem_strdup(name),
                          .subject = mem_strdup(subject),
                          .verdict = verdict,
                          .evidence = evidence};
}

void judgement_free(struct judgement *j)
{
    if (j == NULL) {
        return;
    }
    for (size_t i = 0; i < j->count; i++) {
        free(j->findings[i].name);
        free(j->findings[i].subject);
        free(j->findings[i].evidence);
    }
    free(j->findings);
    free(j->scenario);
    free(j->status);
    free(j);
}

int judgement_exit_code(const struct judgement *j, bool offline)
{
    bool unknown = (offline && !j->complete) || (j->count == 0 && j->sessions == 0);
    for (size_t i = 0; i < j->count; i++) {
        if (j->findings[i].verdict == VERDICT_VIOLATED) {
            return 1;
        }
        unknown = unknown || j->findings[i].verdict == VERDICT_UNKNOWN;
    }
    return unknown ? 2 : 0;
}

/* "setup_ms.p95 of pne--gateway at most 400". */
static void describe(const struct finding *f, struct buf *out)
{
    buf_append_str(out, f->name);
    if (f->subject != NULL) {
        buf_printf(out, " %s %s", f->kind == FINDING_RULE ? "at" : "of", f->subject);
    }
    if (f->has_minimum) {
        buf_printf(out, " at least %g", f->minimum);
    }
    if (f->has_maximum) {
        buf_printf(out, "%s at most %g", f->has_minimum ? "," : "", f->maximum);
    }
}

void judgement_text(const struct judgement *j, bool colour, struct buf *out)
{
    static const char *const words[] = {
        [VERDICT_HELD] = "holds", [VERDICT_VIOLATED] = "VIOLATED", [VERDICT_UNKNOWN] = "unknown"};
    static const char *const colours[] = {[VERDICT_HELD] = "\033[32m",
                                          [VERDICT_VIOLATED] = "\033[1;31m",
                                          [VERDICT_UNKNOWN] = "\033[33m"};
    for (size_t i = 0; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        struct buf what = {0};
        describe(f, &what);
        char *text = buf_steal_str(&what);
        buf_printf(out, "  %s%-8s%s  %s: %s\n", colour ? colours[f->verdict] : "",
                   words[f->verdict], colour ? "\033[0m" : "", text, f->evidence);
        free(text);
    }
    if (j->rules_broken == 0) {
        buf_append_str(out, "  Rules R1 to R6 of clause 5.9.1: none broken\n");
    }
}
