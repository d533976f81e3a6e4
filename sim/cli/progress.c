#include "sim/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int progress_parse(const char *word, enum progress_mode *ret)
{
    if (strcmp(word, "auto") == 0) {
        *ret = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NEVER;
    } else if (strcmp(word, "json") == 0) {
        *ret = PROGRESS_JSON;
    } else if (strcmp(word, "never") == 0) {
        *ret = PROGRESS_NEVER;
    } else {
        return -SIM_EINVAL;
    }
    return 0;
}

void progress_start(struct progress *p, enum progress_mode mode)
{
    *p = (struct progress){.mode = mode, .started = now_s()};
}

static void show_json(const struct world_stats *s, double wall, double rate, double eta)
{
    fprintf(stderr,
            "{\"virtual_s\":%.3f,\"until_s\":%.3f,\"wall_s\":%.3f,\"events\":%" PRIu64
            ",\"events_per_s\":%.0f,\"sessions_started\":%" PRIu64
            ",\"sessions_established\":%" PRIu64 ",\"sessions_failed\":%" PRIu64
            ",\"messages_sent\":%" PRIu64 ",\"messages_delivered\":%" PRIu64
            ",\"messages_lost\":%" PRIu64 ",\"messages_refused\":%" PRIu64 ",\"rows\":%" PRIu64
            ",\"eta_s\":%.1f}\n",
            (double)s->now / 1e9, (double)s->until / 1e9, wall, s->events, rate,
            s->sessions_started, s->sessions_established, s->sessions_failed, s->messages_sent,
            s->messages_delivered, s->messages_lost, s->messages_refused, s->rows, eta);
}

static void show_bar(const struct world_stats *s, double share, double rate, double eta)
{
    struct winsize size;
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    char text[160];
    snprintf(text, sizeof(text),
             " %3.0f %%  %.1f/%.0f s  %.0fk ev/s  %" PRIu64 " sessions  ETA %.0f s", share * 100,
             (double)s->now / 1e9, (double)s->until / 1e9, rate / 1000, s->sessions_established,
             eta);
    int bar = width - (int)strlen(text) - 3;
    fputc('\r', stderr);
    if (bar >= 8) {
        int full = (int)(share * bar);
        fputc('[', stderr);
        for (int i = 0; i < bar; i++) {
            fputc(i < full ? '=' : ' ', stderr);
        }
        fputc(']', stderr);
    }
    fprintf(stderr, "%.*s\033[K", width - 1, text);
    fflush(stderr);
}

static void show(struct progress *p, const struct world_stats *s, double now)
{
    double wall = now - p->started;
    double share = s->until > 0 ? (double)s->now / (double)s->until : 1;
    double rate = wall > 0 ? (double)s->events / wall : 0;
    double eta = share > 0 ? wall * (1 - share) / share : 0;
    if (p->mode == PROGRESS_JSON) {
        show_json(s, wall, rate, eta);
    } else {
        show_bar(s, share, rate, eta);
        p->drawn = true;
    }
    p->shown = now;
}

void progress_update(void *arg, const struct world_stats *stats)
{
    struct progress *p = arg;
    double now = now_s();
    if (p->mode != PROGRESS_NEVER && now - p->shown >= 0.1) {
        show(p, stats, now);
    }
}

double progress_elapsed(const struct progress *p)
{
    return now_s() - p->started;
}

void progress_end(struct progress *p, const struct world_stats *stats)
{
    if (p->mode == PROGRESS_JSON) {
        show(p, stats, now_s());
    } else if (p->drawn) {
        fputs("\r\033[K", stderr);
    }
}
