/* Directories that commands make, and ways from one file to another. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/cli/commands.h"

int cli_make_directories(const char *path)
{
    char *copy = mem_strdup(path);
    int r = 0;
    for (char *c = copy + 1; r == 0 && copy[0] != '\0' && *c != '\0'; c++) {
        if (*c == '/') {
            *c = '\0';
            r = mkdir(copy, 0777) != 0 && errno != EEXIST ? -SIM_EIO : 0;
            *c = '/';
        }
    }
    if (r == 0 && mkdir(copy, 0777) != 0 && errno != EEXIST) {
        r = -SIM_EIO;
    }
    free(copy);
    return r;
}

char *cli_relative_path(const char *dir, const char *file)
{
    char *from = realpath(dir, NULL);
    char *to = realpath(file, NULL);
    char *relative = NULL;
    if (from != NULL && to != NULL) {
        size_t same = 0; /* octets of the directories that both have, the last slash included */
        size_t i = 0;
        for (; from[i] != '\0' && from[i] == to[i]; i++) {
            same = from[i] == '/' ? i + 1 : same;
        }
        bool below = from[i] == '\0' && to[i] == '/'; /* all of `dir` is on the way */
        struct buf out = {0};
        same = below ? i + 1 : same;
        for (const char *c = below || from[same] == '\0' ? "" : from + same; *c != '\0';) {
            buf_append_str(&out, "../");
            c += strcspn(c, "/");
            c += *c == '/';
        }
        buf_append_str(&out, to + same);
        relative = buf_steal_str(&out);
    }
    free(from);
    free(to);
    return relative;
}
