/* cpns_tables ROOT: writes the message table into the files of the source tree ROOT that repeat it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/table_text.h"

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    struct buf text = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&text, 4096), 1, 4096, f);
        buf_commit(&text, got);
    } while (got != 0);
    bool failed = ferror(f) != 0;
    fclose(f);
    char *all = buf_steal_str(&text);
    if (failed) {
        free(all);
        return NULL;
    }
    return all;
}

static int write_file(const char *path, struct span text)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        return -SIM_EIO;
    }
    bool ok = fwrite(text.data, 1, text.len, f) == text.len;
    return fclose(f) == 0 && ok ? 0 : -SIM_EIO;
}

static int update_readme(const char *path)
{
    struct buf out = {0};
    int r = -SIM_EIO;
    char *text = read_file(path);
    char *begin = text != NULL ? strstr(text, CPNS_TABLE_BEGIN) : NULL;
    char *end = begin != NULL ? strstr(begin, CPNS_TABLE_END) : NULL;
    if (end != NULL) {
        begin += strlen(CPNS_TABLE_BEGIN);
        buf_append(&out, span_of(text, (size_t)(begin - text)));
        cpns_table_markdown(&out);
        buf_append_str(&out, end);
        r = write_file(path, buf_span(&out));
    }
    buf_fini(&out);
    free(text);
    return r;
}

static int update_lua(const char *path)
{
    struct buf out = {0};
    cpns_table_lua(&out);
    int r = write_file(path, buf_span(&out));
    buf_fini(&out);
    return r;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: cpns_tables ROOT\n");
        return 3;
    }
    char *readme = mem_printf("%s/models/cpns/README.md", argv[1]);
    char *lua = mem_printf("%s/results/wireshark/cpns_table.lua", argv[1]);
    int code = 0;
    if (update_readme(readme) < 0) {
        fprintf(stderr, "cpns_tables: cannot update %s (is it there, with its two markers?)\n",
                readme);
        code = 4;
    }
    if (update_lua(lua) < 0) {
        fprintf(stderr, "cpns_tables: cannot write %s\n", lua);
        code = 4;
    }
    free(readme);
    free(lua);
    return code;
}
