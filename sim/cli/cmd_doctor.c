/* cpnsim doctor: versions, and whether everything that a run needs works here. */
#include <stdio.h>
#include <unistd.h>

#include "sim/cli/commands.h"
#include "sim/net/net.h"
#include "sim/secure/secure_env.h"
#include "sim/world/tables.h"

static int openssl_works(struct diag_list *diags)
{
    struct secure_env *env;
    int r = secure_env_create(1, SECURE_RNG_SEEDED, &env, diags);
    if (r == 0) {
        secure_env_free(env);
    }
    return r;
}

static int network_works(struct buf *version)
{
    struct net *net;
    int r = net_create_ns3(1, &net);
    if (r == 0) {
        buf_append_str(version, net_version(net));
        buf_append_u8(version, '\0');
        net_free(net);
    }
    return r;
}

static int database_works(struct diag_list *diags)
{
    const struct record_run run = {.scenario_name = "doctor",
                                   .scenario_text = "",
                                   .scenario_hash = "",
                                   .overrides = "",
                                   .rng_mode = "seeded"};
    struct recorder *rec;
    int r = recorder_open(":memory:", world_tables, world_table_count, &run, &rec, diags);
    if (r == 0) {
        const struct record_end end = {.status = "ok"};
        r = recorder_close(rec, &end, diags);
    }
    return r;
}

static int tell(const char *what, const char *detail, int r)
{
    printf("  %-8s %-22s %s\n", r == 0 ? "works" : "FAILS", what, detail);
    return r;
}

int cmd_doctor(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        return cli_usage_error("doctor");
    }
    struct diag_list diags = {0};
    struct buf version = {0};
    printf("cpnsim %s\n", CPNSIM_VERSION);
    int bad = tell("seeded OpenSSL", secure_env_version(), openssl_works(&diags));
    int net = network_works(&version);
    bad = tell("virtual network", net == 0 ? (const char *)buf_span(&version).data : "", net) < 0
              ? -1
              : bad;
    bad = tell("result database", "schema and views", database_works(&diags)) < 0 ? -1 : bad;
    bool writable = access("results/runs", W_OK) == 0 || access(".", W_OK) == 0;
    bad = tell("default place", "results/runs", writable ? 0 : -1) < 0 ? -1 : bad;
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&version);
    return bad < 0 ? CLI_FAILED : CLI_OK;
}
