#include "tests/support/scenario_text.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/scenario_words.h"

void scenario_files_init(struct scenario_files *f)
{
    snprintf(f->folder, sizeof(f->folder), "/tmp/cpnsim-scenario-XXXXXX");
    CHECK(mkdtemp(f->folder) != NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void scenario_files_fini(struct scenario_files *f)
{
    CHECK(nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

void scenario_files_write(const struct scenario_files *f, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", f->folder, name);
    for (char *slash = strchr(path + strlen(f->folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *out = fopen(path, "wb");
    CHECK(out != NULL);
    CHECK(fwrite(text, 1, strlen(text), out) == strlen(text));
    CHECK(fclose(out) == 0);
    free(path);
}

void loaded_init(struct loaded *l, const struct scenario_files *f, const char *name,
                 const struct scenario_options *options)
{
    *l = (struct loaded){0};
    char *path = mem_printf("%s/%s", f->folder, name);
    l->r = scenario_load(path, options, &scenario_words, &l->s, &l->diags);
    free(path);
    CHECK((l->r == 0) == (l->s != NULL) && (l->r == 0) == (l->diags.errors == 0));
}

void loaded_accept(struct loaded *l, const char *text)
{
    struct scenario_files files = {0};
    scenario_files_init(&files);
    scenario_files_write(&files, "s.yaml", text);
    loaded_init(l, &files, "s.yaml", NULL);
    scenario_files_fini(&files);
    if (l->r != 0) {
        loaded_print(l);
    }
    CHECK(l->r == 0);
}

void loaded_fini(struct loaded *l)
{
    scenario_free(l->s);
    diag_list_fini(&l->diags);
}

bool loaded_says(const struct loaded *l, const char *code, const char *file, int line, int column)
{
    for (size_t i = 0; i < l->diags.count; i++) {
        const struct diag *d = &l->diags.items[i];
        if (d->file == NULL) {
            continue;
        }
        size_t len = strlen(d->file);
        if (strcmp(d->code, code) == 0 && d->line == line && d->column == column &&
            len >= strlen(file) && strcmp(d->file + len - strlen(file), file) == 0) {
            return true;
        }
    }
    loaded_print(l);
    return false;
}

void loaded_print(const struct loaded *l)
{
    struct buf out = {0};
    diag_render(&l->diags, false, &out);
    fprintf(stderr, "%.*s", (int)buf_len(&out), (const char *)buf_span(&out).data);
    buf_fini(&out);
}
