/* machine_docs FOLDER: writes README.md and a NAME.dot of each state machine into FOLDER. */
#include <stdio.h>
#include <stdlib.h>

#include "models/cpns/machine_text.h"
#include "models/entities.h"

static int write_file(const char *folder, const char *name, const char *ending, struct buf *text)
{
    char *path = mem_printf("%s/%s%s", folder, name, ending);
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(buf_span(text).data, 1, buf_len(text), f) == buf_len(text);
    ok = f != NULL && fclose(f) == 0 && ok;
    if (!ok) {
        fprintf(stderr, "machine_docs: %s cannot be written\n", path);
    }
    free(path);
    buf_fini(text);
    return ok ? 0 : 4;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: machine_docs FOLDER\n");
        return 3;
    }
    struct buf text = {0};
    machines_markdown(cpns_machines, cpns_machine_count, &text);
    int code = write_file(argv[1], "README", ".md", &text);
    for (size_t i = 0; i < cpns_machine_count && code == 0; i++) {
        machine_dot(cpns_machines[i], &text);
        code = write_file(argv[1], cpns_machines[i]->name, ".dot", &text);
    }
    return code;
}
