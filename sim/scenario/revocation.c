/* What the CA says of certificates while time goes by. */
#include "sim/scenario/loader.h"

static bool given(const struct loader *l)
{
    return l->raw->revocation.state == VALUE_GIVEN;
}

/* `often` is longer than what is fetched counts for. */
static void warn_of_gap(struct loader *l, const struct value *often, const struct value *lifetime,
                        const char *what)
{
    if (often->state == VALUE_GIVEN && value_ok(lifetime) && often->v.i > lifetime->v.i) {
        report_warning(&l->report, often->at, "stale",
                       "%s counts for less than the time to the next one", what);
    }
}

void revocation_resolve(struct loader *l)
{
    const struct raw_scenario *raw = l->raw;
    struct scenario_revocation *r = &l->s->revocation;
    if (!given(l)) {
        return;
    }
    r->modelled = true;
    if (value_ok(&raw->responder)) {
        select_nodes(l, &raw->responder, 1U << ROLE_SERVER, SCENARIO_NONE, &r->responders,
                     &r->responder_count);
    }
    r->delegate = value_ok(&raw->signer) && raw->signer.v.i == 1;
    r->nonce = value_ok(&raw->nonce) && raw->nonce.v.i != 0;
    r->ocsp_lifetime = raw->ocsp_lifetime.v.i;
    r->ocsp_refresh = value_ok(&raw->ocsp_refresh) ? raw->ocsp_refresh.v.i : r->ocsp_lifetime / 2;
    r->crl_every = raw->crl_every.v.i;
    r->crl_lifetime = raw->crl_lifetime.v.i;
    warn_of_gap(l, &raw->ocsp_refresh, &raw->ocsp_lifetime, "a response");
    warn_of_gap(l, &raw->crl_every, &raw->crl_lifetime, "a list");
}

sim_time revocation_time(struct loader *l, const struct raw_node *raw)
{
    bool always = value_ok(&raw->revoked) && raw->revoked.v.i != 0;
    if (raw->revoked_at.state != VALUE_GIVEN) {
        return always ? 0 : SIM_TIME_NEVER;
    }
    if (always) {
        report_error(&l->report, raw->revoked_at.at->key, "inconsistent",
                     "this certificate is revoked from the start");
    } else if (!given(l) && l->raw->revocation.state != VALUE_BAD) {
        report_hint(report_error(&l->report, raw->revoked_at.at->key, "inconsistent",
                                 "nobody would hear of it: what the CA says at the start counts "
                                 "for the whole run"),
                    "add revocation: {} under security, with the times at which it says more");
    }
    return raw->revoked_at.v.i;
}
