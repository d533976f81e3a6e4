/* `cpnsim run` as its users meet it: broken files, Ctrl-C, outputs that cannot be written, progress
 * for machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/core/buf.h"
#include "tests/support/sample.h"
#include "tests/support/whole_run.h"

static const char small[] =
    "cpns: 1\n"
    "name: small\n"
    "run: {until: %s, seed: 2}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 8, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 10 ms, do: service-access, from: pne/*, to: srv, size: 900 B}\n";

static bool exists(const char *name)
{
    char *path = whole_path(name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* fuzz_scenario reads every file under sanitizers; a process for each takes them minutes. */
enum { ONE_IN = SAMPLE(1, 16) };

/* Every file of the corpus: exit 3, file:line:col on standard error, no database. */
static void broken_files_are_refused_with_their_place(void **state)
{
    (void)state;
    static const char corpus[] = "tests/fuzz/corpus_scenario_broken";
    DIR *dir = opendir(corpus);
    assert_non_null(dir);
    int files = 0;
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        size_t len = strlen(d->d_name);
        if (len < 6 || strcmp(d->d_name + len - 5, ".yaml") != 0 ||
            span_digest(0, span_of_str(d->d_name)) % ONE_IN != 0) {
            continue;
        }
        int code = whole_cpnsim("run '%s/%s' -o '%s/broken.db'", corpus, d->d_name, whole_dir());
        char *err = whole_stderr();
        char *place = strstr(err, ".yaml:");
        int line = 0;
        int column = 0;
        if (code != 3 || place == NULL || sscanf(place, ".yaml:%d:%d:", &line, &column) != 2 ||
            strstr(err, "error:") == NULL || exists("broken.db")) {
            print_error("%s: exit %d\n%s", d->d_name, code, err);
            fail();
        }
        free(err);
        files++;
    }
    closedir(dir);
    print_message("%d broken files\n", files);
    assert_true(files >= 400 / ONE_IN);
}

static void interrupt_closes_the_database_as_aborted(void **state)
{
    (void)state;
    char *yaml = mem_printf(small, "100000 s");
    whole_write("long.yaml", yaml);
    free(yaml);
    char *file = whole_path("long.yaml");
    char *db = whole_path("long.db");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL ||
            freopen("/dev/null", "w", stderr) == NULL) {
            _exit(99);
        }
        execl(CPNSIM_BINARY, "cpnsim", "run", file, "-o", db, "--progress", "never", (char *)NULL);
        _exit(98);
    }
    for (int i = 0; i < 600 && access(db, F_OK) != 0; i++) {
        usleep(50000);
    }
    usleep(1500000);
    assert_int_equal(kill(child, SIGINT), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    char *word = whole_text("long", "SELECT status FROM run");
    assert_string_equal(word, "aborted");
    free(word);
    assert_true(whole_int("long", "SELECT count(*) FROM v_session") >= 9);
    assert_true(whole_int("long", "SELECT reached_ns > 0 AND reached_ns < until_ns FROM run") == 1);
    assert_int_equal(whole_int("long",
                               "SELECT count(*) FROM v_message GROUP BY type HAVING count(*) <>"
                               " sum(outcome IN ('delivered', 'lost', 'refused', 'in_flight'))"
                               " UNION ALL SELECT 0 LIMIT 1"),
                     0);
    assert_int_equal(whole_cpnsim("check '%s'", db), 2);
    free(file);
    free(db);
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    char *yaml = mem_printf(small, "4 s");
    assert_int_equal(whole_run("sound", yaml, ""), 0);
    whole_write("small.yaml", yaml);
    free(yaml);
    assert_int_equal(whole_cpnsim("run '%s/small.yaml' -o /nonexistent/x.db", whole_dir()), 4);
    char *err = whole_stderr();
    assert_non_null(strstr(err, "/nonexistent/x.db"));
    free(err);
    /* somebody else's file stays as it is */
    whole_write("precious.db", "not a database");
    assert_int_equal(
        whole_cpnsim("run '%s/small.yaml' -o '%s/precious.db'", whole_dir(), whole_dir()), 4);
    char *command = mem_printf("grep -q 'not a database' '%s/precious.db'", whole_dir());
    assert_int_equal(system(command), 0);
    free(command);
    /* the disk is full when the tables are made, and in the middle of the run */
    char *sound = whole_path("sound.db");
    struct stat whole;
    assert_int_equal(stat(sound, &whole), 0);
    free(sound);
    const int limits[] = {200, (int)(whole.st_size / 512) - 8}; /* blocks of 512 octets */
    for (size_t i = 0; i < 2; i++) {
        command = mem_printf("ulimit -f %d; '%s' run '%s/small.yaml' -o '%s/full.db' --progress "
                             "never >/dev/null 2>'%s/full.err'",
                             limits[i], CPNSIM_BINARY, whole_dir(), whole_dir(), whole_dir());
        int status = system(command);
        free(command);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 4);
        command = mem_printf("grep -q 'full.db' '%s/full.err'", whole_dir());
        assert_int_equal(system(command), 0);
        free(command);
        assert_int_equal(whole_cpnsim("check '%s/full.db'", whole_dir()) != 0, 1);
    }
}

static void arguments_are_checked(void **state)
{
    (void)state;
    char *file = whole_path("small.yaml");
    assert_int_equal(whole_cpnsim("run"), 3);
    assert_int_equal(whole_cpnsim("run '%s' --seed x", file), 3);
    assert_int_equal(whole_cpnsim("run '%s' --workers 0", file), 3);
    assert_int_equal(whole_cpnsim("run '%s' --progress loud", file), 3);
    assert_int_equal(whole_cpnsim("run '%s' --set nothing=1", file), 3);
    assert_int_equal(whole_cpnsim("run '%s/absent.yaml'", whole_dir()), 3);
    assert_int_equal(whole_cpnsim("rum '%s'", file), 3);
    char *err = whole_stderr();
    assert_non_null(strstr(err, "run"));
    free(err);
    free(file);
}

static void progress_for_machines_is_json_lines(void **state)
{
    (void)state;
    assert_int_equal(
        whole_cpnsim("run '%s/small.yaml' -o '%s/j.db' --progress json", whole_dir(), whole_dir()),
        0);
    char *command = mem_printf("grep '^{' '%s/last.err' | while read -r l; do echo \"$l\" | "
                               "python3 -m json.tool >/dev/null || exit 1; done",
                               whole_dir());
    assert_int_equal(system(command), 0);
    free(command);
    char *err = whole_stderr();
    assert_non_null(strstr(err, "\"sessions_established\":9"));
    free(err);
    char *out = whole_stdout();
    assert_non_null(strstr(out, "seed 2"));
    free(out);
}

/* The summary's lines about messages, from the rows. */
static void check_summary(const char *name)
{
    char *out = whole_stdout();
    char *lines = whole_rows(
        name, "SELECT printf('  %-27s %6d %9d %6d %7d %9d %8d of %-8d %8.1f', type, count(*),"
              " sum(outcome = 'delivered'), sum(outcome = 'lost'), sum(outcome = 'refused'),"
              " sum(outcome = 'in_flight'), sum(protected_hops), sum(hops),"
              " coalesce(avg((delivered_ns - sent_ns) / 1e6), 0))"
              " FROM message GROUP BY type ORDER BY min(message_id)");
    if (strstr(out, lines) == NULL) {
        print_error("%s\nis not among\n%s", lines, out);
        fail();
    }
    free(lines);
    free(out);
}

static void the_summary_tells_what_was_recorded(void **state)
{
    (void)state;
    assert_int_equal(whole_cpnsim("run topologies/group-key.yaml -o '%s/groups.db'", whole_dir()),
                     0);
    check_summary("groups");
    assert_int_equal(whole_int("groups", "SELECT count(DISTINCT outcome) FROM message"), 4);
    whole_run("sampled",
              "cpns: 1\n"
              "name: sampled\n"
              "run: {until: 8 s, seed: 2, record: {messages: sampled 7}}\n"
              "nodes:\n"
              "  - {id: srv, role: server}\n"
              "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
              "  - {id: pne, role: pne, count: 8, attach: {to: gw, link: wlan}}\n"
              "workload:\n"
              "  - {every: 10 ms, do: service-access, from: pne/*, to: srv, size: 900 B}\n",
              "");
    assert_true(whole_int("sampled", "SELECT count(*) FROM message") > 50);
    check_summary("sampled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_refused_with_their_place),
        cmocka_unit_test(what_cannot_be_written_is_told),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(progress_for_machines_is_json_lines),
        cmocka_unit_test(the_summary_tells_what_was_recorded),
        cmocka_unit_test(interrupt_closes_the_database_as_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
