#include "sim/record/judge.h"

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

int judge_run(struct record_db *db, struct judgement **ret, struct diag_list *diags)
{
    static const char run_sql[] =
        "SELECT coalesce(scenario_path, scenario), status, (SELECT count(*) FROM session) FROM run";
    static const char expect_sql[] =
        "SELECT line, name, subject, minimum, maximum, measured, verdict, evidence"
        " FROM v_expect ORDER BY expect_id";
    static const char rule_sql[] =
        "SELECT rule, subject, evidence FROM v_rule ORDER BY rule, at_s, subject";
    static const char witness_sql[] =
        "SELECT 'witnesses-disagree', printf('session %d', session_id), evidence"
        " FROM v_disagreement WHERE NOT explained ORDER BY session_id";
    struct judgement *j = mem_alloc(sizeof(*j));
    int r = record_db_query(db, run_sql, NULL, 0, note_run, j, diags);
    if (r == 0) {
        r = record_db_query(db, expect_sql, NULL, 0, add_expectation, j, diags);
    }
    if (r == 0) {
        r = record_db_query(db, rule_sql, NULL, 0, add_rule, j, diags);
    }
    if (r == 0) {
        r = record_db_query(db, witness_sql, NULL, 0, add_disagreement, j, diags);
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
