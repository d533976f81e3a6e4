#include "sim/cli/tshark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpns/ports.h"

enum { ARGUMENTS_MAX = 32 + 2 * TSHARK_FIELDS_MAX };

struct arguments {
    const char *items[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct arguments *a, const char *option, const char *value)
{
    CHECK(a->count + 3 < ARGUMENTS_MAX);
    a->items[a->count++] = option;
    a->items[a->count++] = value;
}

/* In the child: never comes back. */
static void become_tshark(const struct tshark_question *q, int out)
{
    char ports[4][48];
    struct arguments a = {.items = {"tshark", "-n"}, .count = 2};
    snprintf(ports[0], sizeof(ports[0]), "tcp.port==%d,tls", CPNS_PORT);
    snprintf(ports[1], sizeof(ports[1]), "tls.port==%d,data", CPNS_PORT);
    snprintf(ports[2], sizeof(ports[2]), "udp.port==%d,dtls", CPNS_DTLS_PORT);
    snprintf(ports[3], sizeof(ports[3]), "dtls.port==%d,data", CPNS_DTLS_PORT);
    add(&a, "-r", q->capture);
    for (size_t i = 0; i < SIM_ARRAY_LEN(ports); i++) {
        add(&a, "-d", ports[i]);
    }
    add(&a, "-Y", q->filter);
    add(&a, "-T", "fields");
    add(&a, "-E", "separator=|");
    add(&a, "-E", "aggregator=,");
    add(&a, "-o", "tcp.reassemble_out_of_order:TRUE");
    for (size_t i = 0; i < TSHARK_FIELDS_MAX && q->fields[i] != NULL; i++) {
        add(&a, "-e", q->fields[i]);
    }
    if (q->preference != NULL) {
        add(&a, "-o", q->preference);
    }
    setenv("HOME", q->home, 1);
    dup2(out, STDOUT_FILENO);
    if (freopen("/dev/null", "w", stderr) == NULL) {
        _exit(127);
    }
    execvp(a.items[0], (char *const *)(uintptr_t)a.items);
    _exit(127);
}

static void hand_on(char *line, void (*fn)(void *arg, char *const *values), void *arg)
{
    char *values[TSHARK_FIELDS_MAX];
    static char none[] = "";
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < TSHARK_FIELDS_MAX; i++) {
        char *next = line != NULL ? strchr(line, '|') : NULL;
        values[i] = line != NULL ? line : none;
        if (next != NULL) {
            *next++ = '\0';
        }
        line = next;
    }
    fn(arg, values);
}

int tshark_ask(const struct tshark_question *q, void (*fn)(void *arg, char *const *values),
               void *arg, struct diag_list *diags)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -SIM_EIO;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_tshark(q, ends[1]);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    char *line = NULL;
    size_t capacity = 0;
    while (f != NULL && getline(&line, &capacity, f) > 0) {
        hand_on(line, fn, arg);
    }
    free(line);
    if (f != NULL) {
        fclose(f);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        bool none = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127;
        diag_add(diags, DIAG_ERROR, none ? "no-tshark" : "tshark-failed", NULL, 0, 0,
                 none ? "tshark cannot be run; on Debian: apt-get install tshark"
                      : "tshark failed on %s",
                 q->capture);
        return none ? -SIM_ENOENT : -SIM_EIO;
    }
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void tshark_octets(const char *hex, struct buf *out)
{
    for (; digit(hex[0]) >= 0 && digit(hex[1]) >= 0; hex += 2) {
        buf_append_u8(out, (uint8_t)(digit(hex[0]) * 16 + digit(hex[1])));
    }
}
