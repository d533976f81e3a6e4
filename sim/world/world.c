/* The run: build, start, slices of the event loop, settling of what is still open, end. */
#include "sim/world/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/world/account.h"
#include "sim/world/build.h"
#include "sim/world/exhaust.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"
#include "sim/world/revocation.h"
#include "sim/world/session.h"

/* Events between two looks at the stop flag and the progress display. */
enum { SLICE_EVENTS = 20000 };

const char *world_intern(struct world *w, const char *s)
{
    if (s == NULL) {
        return NULL;
    }
    uint64_t found;
    if (map_get_str(&w->interned, s, &found)) {
        return w->names[found];
    }
    map_set_str(&w->interned, s, w->name_count);
    char *copy = mem_strdup(s);
    *MEM_PUSH(w->names, w->name_count, w->name_capacity) = copy;
    return copy;
}

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static int open_recorder(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct secure_hash *hash = secure_hash_create();
    secure_hash_update(hash, span_of_str(s->text));
    secure_hash_update(hash, span_of_str(s->overrides));
    uint8_t digest[SECURE_SHA256_BYTES];
    char text[2 * SECURE_SHA256_BYTES + 1];
    secure_hash_finish(hash, digest);
    hex(digest, sizeof(digest), text);
    const char *const own[][2] = {
        {"cpnsim", CPNSIM_VERSION},
        {"openssl", secure_env_version()},
        {"network", net_version(w->net)},
    };
    size_t count = SIM_ARRAY_LEN(own) + w->options.environment_count;
    const char *(*environment)[2] = mem_calloc(count, sizeof(*environment));
    memcpy(environment, own, sizeof(own));
    if (w->options.environment_count > 0) {
        memcpy(environment + SIM_ARRAY_LEN(own), w->options.environment,
               w->options.environment_count * sizeof(*environment));
    }
    struct record_run run = {
        .scenario_name = s->name,
        .scenario_path = s->path,
        .scenario_text = s->text,
        .scenario_hash = text,
        .overrides = s->overrides,
        .seed = s->seed,
        .rng_mode = s->system_random ? "system" : "seeded",
        .until = s->until,
        .workers = w->options.workers,
        .environment = (const char *const(*)[2])environment,
        .environment_count = count,
    };
    int r = recorder_open(w->options.database, world_tables, world_table_count, &run, &w->recorder,
                          diags);
    free(environment);
    return r;
}

static void world_free(struct world *w)
{
    world_take_apart(w);
    world_dismantle(w);
    free(w);
}

int world_create(const struct scenario *scenario, const struct world_models *models,
                 const struct world_options *options, struct world **ret, struct diag_list *diags)
{
    CHECK(options->workers >= 1);
    struct world *w = mem_alloc(sizeof(*w));
    w->scenario = scenario;
    w->models = models;
    w->options = *options;
    w->stats.until = scenario->until;
    int r = world_build(w, diags);
    if (r == 0) {
        r = attack_start(w, diags);
    }
    if (r == 0) {
        r = revocation_start(w, diags);
    }
    if (r == 0) {
        r = capture_start(w, diags);
    }
    if (r == 0) {
        r = open_recorder(w, diags);
    }
    if (r < 0) {
        capture_finish(w, diags);
        world_free(w);
        return r;
    }
    report_entities(w);
    report_expects(w);
    *ret = w;
    return 0;
}

void world_stats(const struct world *w, struct world_stats *ret)
{
    *ret = w->stats;
    if (w->settled && w->dismantling) {
        return;
    }
    ret->now = net_now(w->net);
    ret->events = net_event_count(w->net);
    ret->rows = recorder_rows(w->recorder);
}

bool world_aborted(const struct world *w)
{
    return w->aborted;
}

int world_run(struct world *w, const volatile sig_atomic_t *stop, world_progress_fn *progress,
              void *arg)
{
    const struct scenario *s = w->scenario;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    w->started_wall = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    motion_start(w);
    traces_start(w);
    battery_start(w);
    revocation_run(w);
    for (size_t i = 0; i < s->node_count; i++) {
        if (w->entities[i].type == NULL) {
            continue; /* a router */
        }
        w->entities[i].type->start(&w->entities[i], w->entities[i].state);
        flow_leave(w);
    }
    script_start(w);
    while (net_now(w->net) < s->until && recorder_error(w->recorder) == NULL) {
        net_run(w->net, s->until, SLICE_EVENTS);
        if (progress != NULL) {
            struct world_stats stats;
            world_stats(w, &stats);
            progress(arg, &stats);
        }
        if (*stop != 0) {
            w->aborted = true;
            break;
        }
    }
    return recorder_error(w->recorder) == NULL ? 0 : -SIM_EIO;
}

static void *take_apart(void *arg)
{
    world_take_apart(arg);
    return NULL;
}

struct record_db *world_settle(struct world *w)
{
    if (!w->settled) {
        w->settled = true;
        stores_tell(w);
        battery_settle(w);
        channel_settle(w);
        exhaust_run_over(w);
        datagram_settle(w);
        inside_settle(w);
        account_settle(w);
        flow_settle(w);
        tally_settle(w);
        observe_flush(w->observer);
        report_links(w);
        report_taps(w);
        w->captured = capture_finish(w, &w->end_diags);
        world_stats(w, &w->stats);
        jobs_drop_idle(w->jobs);
        recorder_flush(w->recorder);
        /* What the run was made of goes while its rows are judged and indexed. */
        w->dismantling =
            !w->options.leave_memory && pthread_create(&w->dismantler, NULL, take_apart, w) == 0;
    }
    return recorder_error(w->recorder) == NULL ? recorder_db(w->recorder) : NULL;
}

int world_finish(struct world *w, const char *status, struct diag_list *diags)
{
    world_settle(w);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    diag_list_move(diags, &w->end_diags);
    struct record_end end = {
        .status = w->captured == 0 ? status : "failed",
        .reached = w->stats.now,
        .events = w->stats.events,
        .wall_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - w->started_wall,
        .peak_memory_kib = usage.ru_maxrss,
    };
    int r = recorder_close(w->recorder, &end, diags);
    r = r < 0 ? r : w->captured;
    if (w->dismantling) {
        pthread_join(w->dismantler, NULL);
    }
    if (!w->options.leave_memory) {
        if (!w->dismantling) {
            world_take_apart(w);
        }
        world_dismantle(w);
        free(w);
    }
    return r;
}
