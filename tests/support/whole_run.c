#include "tests/support/whole_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/core/buf.h"
#include "sim/record/recorder.h"

static void remove_dir(void)
{
    char *command = mem_printf("rm -rf '%s'", whole_dir());
    if (system(command) != 0) {
        fputs("temporary directory stays\n", stderr);
    }
    free(command);
}

const char *whole_dir(void)
{
    static char dir[] = "/tmp/cpnsim-test-XXXXXX";
    static bool made;
    if (!made) {
        made = true;
        assert_non_null(mkdtemp(dir));
        atexit(remove_dir);
    }
    return dir;
}

char *whole_path(const char *name)
{
    return mem_printf("%s/%s", whole_dir(), name);
}

void whole_write(const char *name, const char *text)
{
    char *path = whole_path(name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    free(path);
}

int whole_cpnsim(const char *format, ...)
{
    char args[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(args, sizeof(args), format, list);
    va_end(list);
    char *command = mem_printf("'%s' %s >'%s/last.out' 2>'%s/last.err'", CPNSIM_BINARY, args,
                               whole_dir(), whole_dir());
    int status = system(command);
    free(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int whole_run(const char *name, const char *yaml, const char *more)
{
    char *file = mem_printf("%s.yaml", name);
    whole_write(file, yaml);
    int code = whole_cpnsim("run '%s/%s' -o '%s/%s.db' --progress never %s", whole_dir(), file,
                            whole_dir(), name, more);
    free(file);
    return code;
}

static char *read_file(const char *name)
{
    char *path = whole_path(name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    struct buf b = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&b, 4096), 1, 4096, f);
        buf_commit(&b, got);
    } while (got > 0);
    fclose(f);
    free(path);
    return buf_steal_str(&b);
}

char *whole_stdout(void)
{
    return read_file("last.out");
}

char *whole_stderr(void)
{
    return read_file("last.err");
}

static bool add_row(void *arg, size_t columns, const char *const *names,
                    const struct record_value *values)
{
    (void)names;
    struct buf *out = arg;
    for (size_t i = 0; i < columns; i++) {
        const struct record_value *v = &values[i];
        if (i > 0) {
            buf_append_u8(out, '|');
        }
        switch (v->kind) {
        case RECORD_IS_NULL:
            buf_append_str(out, "NULL");
            break;
        case RECORD_IS_INTEGER:
            buf_printf(out, "%" PRId64, v->integer);
            break;
        case RECORD_IS_REAL:
            buf_printf(out, "%.9g", v->real);
            break;
        case RECORD_IS_TEXT:
            buf_append_str(out, v->text);
            break;
        case RECORD_IS_BLOB:
            buf_printf(out, "%zu octets", v->len);
            break;
        }
    }
    buf_append_u8(out, '\n');
    return true;
}

char *whole_rows(const char *name, const char *sql)
{
    char *file = mem_printf("%s/%s.db", whole_dir(), name);
    struct diag_list diags = {0};
    struct record_db *db = NULL;
    struct buf out = {0};
    int r = record_db_open(file, &db, &diags);
    if (r == 0) {
        r = record_db_query(db, sql, NULL, 0, add_row, &out, &diags);
    }
    for (size_t i = 0; i < diags.count; i++) {
        print_error("%s: %s\n", file, diags.items[i].message);
    }
    assert_int_equal(r, 0);
    record_db_close(db);
    diag_list_fini(&diags);
    free(file);
    return buf_steal_str(&out);
}

void whole_alter(const char *name, const char *copy, const char *sql)
{
    char *command = mem_printf("python3 -c 'import shutil, sqlite3, sys\n"
                               "dir, name, copy = sys.argv[1:]\n"
                               "shutil.copyfile(f\"{dir}/{name}.db\", f\"{dir}/{copy}.db\")\n"
                               "db = sqlite3.connect(f\"{dir}/{copy}.db\")\n"
                               "db.executescript(open(f\"{dir}/change.sql\").read())\n"
                               "db.commit()' '%s' '%s' '%s'",
                               whole_dir(), name, copy);
    whole_write("change.sql", sql);
    assert_int_equal(system(command), 0);
    free(command);
}

char *whole_text(const char *name, const char *sql)
{
    char *rows = whole_rows(name, sql);
    char *end = strchr(rows, '\n');
    if (end == NULL) {
        print_error("no row: %s\n", sql);
    }
    assert_non_null(end);
    *end = '\0';
    if (strcmp(rows, "NULL") == 0) {
        free(rows);
        return NULL;
    }
    return rows;
}

int64_t whole_int(const char *name, const char *sql)
{
    char *text = whole_text(name, sql);
    assert_non_null(text);
    int64_t v = strtoll(text, NULL, 10);
    free(text);
    return v;
}
