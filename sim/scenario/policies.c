/* Policies: named sets of choices for secure sessions. */
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

/* Bits of `versions`, by the order of its words. */
enum { V10 = 1, V11 = 2, V12 = 4, V13 = 8, VERSIONS = 4 };

static bool good_name(const char *s)
{
    return s[0] != '\0' &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
               strlen(s);
}

/* The names of a list that do (or do not) begin with `prefix`, joined by ':'; NULL for none. */
static const char *join(struct loader *l, const struct value *v, const char *prefix, bool with)
{
    struct buf out = {0};
    for (size_t i = 0; value_ok(v) && i < v->v.texts.count; i++) {
        const char *name = v->v.texts.items[i].text;
        if ((strncmp(name, prefix, strlen(prefix)) == 0) == with) {
            buf_printf(&out, "%s%s", buf_len(&out) > 0 ? ":" : "", name);
        }
    }
    if (buf_len(&out) == 0) {
        buf_fini(&out);
        return NULL;
    }
    char *text = buf_steal_str(&out);
    const char *copy = arena_strdup(l->arena, text);
    free(text);
    return copy;
}

/* Key exchange groups that no OpenSSL before 3.5 has. */
static bool is_hybrid(const char *name)
{
    return strstr(name, "MLKEM") != NULL || strstr(name, "mlkem") != NULL ||
           strstr(name, "kyber") != NULL || strstr(name, "Kyber") != NULL;
}

static void check_names(struct loader *l, const struct value *v, const char *what,
                        bool (*known)(const char *name))
{
    for (size_t i = 0; v->state == VALUE_GIVEN && i < v->v.texts.count; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        if (!good_name(item->text)) {
            report_error(&l->report, item->at, "bad-name", "\"%s\" is no name of a %s",
                         report_quote(&l->report, item->text), what);
        } else if (known != NULL && !known(item->text) && is_hybrid(item->text)) {
            report_error(&l->report, item->at, "not-in-openssl",
                         "OpenSSL 3.0 has no post-quantum groups: \"%s\" comes with 3.5",
                         report_quote(&l->report, item->text));
        } else if (known != NULL && !known(item->text)) {
            report_error(&l->report, item->at, "unknown-algorithm",
                         "the cryptographic library has no %s \"%s\"", what,
                         report_quote(&l->report, item->text));
        }
    }
}

/* Keys about TLS where there is none: an error where they are written, of no account where they are
 * defaults or inherited. */
static void check_clear(struct loader *l, struct raw_policy *raw)
{
    for (size_t i = 0; i < section_policy.count; i++) {
        const struct field *f = &section_policy.fields[i];
        struct value *v = field_value(f, raw);
        if (f->type == FIELD_LATER || strcmp(f->key, "kind") == 0 ||
            strcmp(f->key, "extends") == 0) {
            continue;
        }
        if (v->state == VALUE_GIVEN) {
            report_error(&l->report, v->at->key, "inconsistent",
                         "\"%s\" has no meaning with kind: clear", f->key);
        }
        v->state = VALUE_ABSENT;
    }
}

static void check_ciphers(struct loader *l, const struct raw_policy *raw)
{
    if (raw->ciphers.state != VALUE_GIVEN || !value_ok(&raw->versions)) {
        return;
    }
    for (size_t i = 0; i < raw->ciphers.v.texts.count; i++) {
        const struct text_item *item = &raw->ciphers.v.texts.items[i];
        bool modern = strncmp(item->text, "TLS_", 4) == 0;
        if ((raw->versions.v.i & (modern ? V13 : V10 | V11 | V12)) == 0) {
            report_warning(&l->report, item->at, "unused-cipher",
                           "\"%s\" is a suite of TLS %s, which this policy does not allow",
                           report_quote(&l->report, item->text), modern ? "1.3" : "1.2");
        }
    }
}

static uint16_t lowest_version(int64_t set)
{
    uint16_t version = 0x0301;
    for (int i = 0; i < VERSIONS - 1 && (set & INT64_C(1) << i) == 0; i++) {
        version++;
    }
    return version;
}

static uint16_t highest_version(int64_t set)
{
    uint16_t version = 0x0304;
    for (int i = VERSIONS - 1; i > 0 && (set & INT64_C(1) << i) == 0; i--) {
        version--;
    }
    return version;
}

static void check_versions(struct loader *l, const struct raw_policy *raw)
{
    int64_t set = raw->versions.v.i;
    if (raw->versions.state != VALUE_GIVEN) {
        return;
    }
    int64_t low = set & -set;
    if (((set + low) & set) != 0) {
        report_error(&l->report, raw->versions.at, "inconsistent",
                     "\"versions\" has a gap: what ends accept is a range");
    } else if ((set & (V10 | V11)) != 0 && raw->security_level.state != VALUE_BAD &&
               !(value_ok(&raw->security_level) && raw->security_level.v.i == 0)) {
        report_hint(report_error(&l->report, raw->versions.at, "inconsistent",
                                 "TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL 3.0 does at "
                                 "security level 0 only"),
                    "add security_level: 0");
    }
}

/* What belongs to records. */
static void check_records(struct loader *l, struct raw_policy *raw)
{
    int64_t most = raw->max_fragment_length.v.i;
    if (raw->max_fragment_length.state == VALUE_GIVEN && (most & (most - 1)) != 0) {
        report_error(&l->report, raw->max_fragment_length.at, "out-of-range",
                     "\"max_fragment_length\" is 512 B, 1024 B, 2048 B or 4096 B (RFC 6066)");
    }
    if (raw->record_padding.state == VALUE_GIVEN && value_ok(&raw->versions) &&
        (raw->versions.v.i & V13) == 0) {
        report_error(&l->report, raw->record_padding.at->key, "inconsistent",
                     "records have padding of their own in TLS 1.3 only");
    }
}

/* A defence that is missing shows in the name. `v` takes it away: what the policy does then. */
static void check_defence(struct loader *l, const struct raw_policy *raw, const struct value *v,
                          const char *does)
{
    static const char prefix[] = "broken-";
    if (strncmp(raw->head.name, prefix, strlen(prefix)) != 0) {
        report_hint(report_error(&l->report, v->state == VALUE_GIVEN ? v->at : raw->head.at,
                                 "broken-policy",
                                 "policy \"%s\" %s: for that it must have a name that begins with "
                                 "broken-",
                                 raw->head.name, does),
                    "call it broken-%s", raw->head.name);
    }
}

static void check_defences(struct loader *l, const struct raw_policy *raw)
{
    if (value_ok(&raw->name_check) && raw->name_check.v.i == 1) {
        check_defence(l, raw, &raw->name_check, "does not look at names");
    }
    if (value_ok(&raw->version_fallback) && raw->version_fallback.v.i == FALLBACK_UNPROTECTED) {
        check_defence(l, raw, &raw->version_fallback, "lets whoever breaks handshakes choose");
    }
    if (value_ok(&raw->cookies) && raw->cookies.v.i == 0) {
        check_defence(l, raw, &raw->cookies, "has no cookies");
    }
    if (value_ok(&raw->anti_replay) && raw->anti_replay.v.i == 1) {
        check_defence(l, raw, &raw->anti_replay, "takes early data as often as it comes");
    }
}

/* What belongs to the way back to older versions. */
static void check_fallback(struct loader *l, const struct raw_policy *raw)
{
    const struct value *v = &raw->version_fallback;
    if (v->state != VALUE_GIVEN || v->v.i == FALLBACK_NONE || !value_ok(&raw->kind) ||
        !value_ok(&raw->versions)) {
        return;
    }
    if (raw->kind.v.i == KIND_DTLS) {
        report_error(
            &l->report, v->at->key, "inconsistent",
            "\"version_fallback\" has no meaning with kind: dtls: there is DTLS 1.2 alone");
    } else if ((raw->versions.v.i & (raw->versions.v.i - 1)) == 0) {
        report_warning(&l->report, v->at->key, "unused-fallback",
                       "\"version_fallback\" changes nothing: the policy allows one version only");
    }
}

/* Early data takes TLS 1.3 and a ticket. Where it is inherited and cannot be, there is none. */
static void check_early_data(struct loader *l, struct raw_policy *raw)
{
    struct value *early = &raw->early_data;
    const char *lacks = NULL;
    if (value_ok(&raw->kind) && raw->kind.v.i == KIND_DTLS) {
        lacks = "DTLS 1.2 has no early data: it came with TLS 1.3 (RFC 8446 2.3)";
    } else if (value_ok(&raw->versions) && (raw->versions.v.i & V13) == 0) {
        lacks = "early data is of TLS 1.3 (RFC 8446 2.3), which \"versions\" leaves out";
    } else if (value_ok(&raw->auth) && raw->auth.v.i == AUTH_PSK) {
        lacks =
            "early data goes under a ticket's keys, and sessions with auth: psk have no tickets";
    } else if (value_ok(&raw->resumption) && raw->resumption.v.i != RESUMPTION_TICKETS) {
        lacks = "early data goes under a ticket's keys: it needs resumption: tickets";
    }
    if (early->state == VALUE_GIVEN && lacks != NULL) {
        report_error(&l->report, early->at->key, "inconsistent", "%s", lacks);
    }
    if (value_ok(early) && lacks != NULL) {
        early->state = VALUE_ABSENT;
    }
    if (raw->anti_replay.state == VALUE_GIVEN && early->state == VALUE_ABSENT && lacks == NULL) {
        report_error(&l->report, raw->anti_replay.at->key, "inconsistent",
                     "\"anti_replay\" has a meaning with early_data only");
    }
    if (early->state == VALUE_ABSENT) {
        raw->anti_replay.state = VALUE_ABSENT;
    }
}

/* DTLS is TLS 1.2 over datagrams; OpenSSL 3.0 has no later version, and no suite of that one for
 * Ed25519 certificates. */
static void check_dtls(struct loader *l, struct raw_policy *raw)
{
    if (raw->versions.state == VALUE_GIVEN && (raw->versions.v.i & ~V12) != 0) {
        report_error(
            &l->report, raw->versions.at, "not-in-openssl",
            "kind: dtls is DTLS 1.2: OpenSSL 3.0 has no DTLS 1.3 (RFC 9147), and DTLS 1.0 is "
            "forbidden (RFC 8996)");
    }
    if (value_ok(&raw->certificates) && raw->certificates.v.i == CERT_ED25519) {
        bool here = raw->certificates.state == VALUE_GIVEN;
        report_error(&l->report, here ? raw->certificates.at : raw->kind.at, "not-in-openssl",
                     "OpenSSL 3.0 has no suite of DTLS 1.2 for Ed25519 certificates");
    }
    if (value_ok(&raw->versions)) {
        raw->versions.v.i = V12;
    }
}

/* Where TLS 1.3 is not allowed: an error where it is written, of no account where it is inherited.
 */
static void check_key_update(struct loader *l, struct raw_policy *raw)
{
    bool dtls = value_ok(&raw->kind) && raw->kind.v.i == KIND_DTLS;
    if (!value_ok(&raw->versions) || (!dtls && (raw->versions.v.i & V13) != 0)) {
        return;
    }
    const struct {
        struct value *v;
        bool given;
    } keys[] = {{&raw->key_update_after,
                 raw->key_update_after.state == VALUE_GIVEN && raw->key_update_after.v.i > 0},
                {&raw->key_update_every, raw->key_update_every.state == VALUE_GIVEN}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(keys); i++) {
        if (keys[i].given) {
            report_error(&l->report, keys[i].v->at->key, "inconsistent",
                         "%s has no key update, and its renegotiation is off",
                         dtls ? "DTLS 1.2" : "TLS 1.2");
        }
    }
    if (value_ok(&raw->key_update_after)) {
        raw->key_update_after.v.i = 0;
    }
    raw->key_update_every.state = VALUE_ABSENT;
}

/* What DTLS has and TCP does itself. */
static void check_stream(struct loader *l, struct raw_policy *raw)
{
    if (raw->retransmit_after.state == VALUE_GIVEN) {
        report_error(&l->report, raw->retransmit_after.at->key, "inconsistent",
                     "\"retransmit_after\" has a meaning with kind: dtls only: TCP has its own");
    }
    if (raw->cookies.state == VALUE_GIVEN) {
        report_error(&l->report, raw->cookies.at->key, "inconsistent",
                     "\"cookies\" has a meaning with kind: dtls only: TCP proves who is where");
    }
    raw->retransmit_after.state = VALUE_ABSENT;
    raw->cookies.state = VALUE_ABSENT;
}

/* DTLS waits as long as its retransmissions go (RFC 6347 4.2.4.1) [ours]; 30 s is what IKE daemons
 * give a half-open peer. */
static sim_time handshake_timeout(const struct raw_policy *raw)
{
    bool datagrams = value_ok(&raw->kind) && raw->kind.v.i == KIND_DTLS;
    return value_ok(&raw->handshake_timeout) ? raw->handshake_timeout.v.i
                                             : (datagrams ? 60 : 30) * SIM_S;
}

static void build_policy(struct loader *l, struct raw_policy *raw, struct scenario_policy *policy)
{
    if (value_ok(&raw->kind) && raw->kind.v.i == KIND_DTLS) {
        check_dtls(l, raw);
    } else if (value_ok(&raw->kind) && raw->kind.v.i == KIND_TLS) {
        check_stream(l, raw);
    }
    check_key_update(l, raw);
    if (value_ok(&raw->kind) && raw->kind.v.i != KIND_CLEAR) {
        check_early_data(l, raw);
    }
    *policy = (struct scenario_policy){
        .name = raw->head.name,
        .kind = (enum scenario_kind)raw->kind.v.i,
        .min_version = lowest_version(raw->versions.v.i),
        .max_version = highest_version(raw->versions.v.i),
        .ciphers = join(l, &raw->ciphers, "TLS_", false),
        .ciphersuites = join(l, &raw->ciphers, "TLS_", true),
        .groups = join(l, &raw->groups, "", true),
        .certificates = (enum scenario_certificates)raw->certificates.v.i,
        .auth = (enum scenario_auth)raw->auth.v.i,
        .resumption = (enum scenario_resumption)raw->resumption.v.i,
        .ticket_lifetime = raw->ticket_lifetime.v.i,
        .security_level = value_ok(&raw->security_level) ? (int)raw->security_level.v.i : -1,
        .key_update_after = (uint32_t)raw->key_update_after.v.i,
        .key_update_every =
            value_ok(&raw->key_update_every) ? raw->key_update_every.v.i : SIM_TIME_NEVER,
        .resumption_lifetime =
            value_ok(&raw->resumption_lifetime) ? raw->resumption_lifetime.v.i : SIM_TIME_NEVER,
        .session_lifetime =
            value_ok(&raw->session_lifetime) ? raw->session_lifetime.v.i : SIM_TIME_NEVER,
        .signature_algorithms = join(l, &raw->signature_algorithms, "", true),
        .crl = value_ok(&raw->crl) && raw->crl.v.i != 0,
        .ocsp = value_ok(&raw->ocsp) ? (enum scenario_ocsp)raw->ocsp.v.i : OCSP_NOT_ASKED,
        .no_name_check = value_ok(&raw->name_check) && raw->name_check.v.i == 1,
        .fallback = value_ok(&raw->version_fallback) && raw->kind.v.i == KIND_TLS
                        ? (enum scenario_fallback)raw->version_fallback.v.i
                        : FALLBACK_NONE,
        .max_fragment_length =
            value_ok(&raw->max_fragment_length) ? (uint32_t)raw->max_fragment_length.v.i : 0,
        .early_data = value_ok(&raw->early_data) ? (uint32_t)raw->early_data.v.i : 0,
        .no_anti_replay = value_ok(&raw->anti_replay) && raw->anti_replay.v.i == 1,
        .record_padding = value_ok(&raw->record_padding) ? (uint32_t)raw->record_padding.v.i : 0,
        .handshake_timeout = handshake_timeout(raw),
        .half_open = (uint32_t)raw->half_open.v.i,
        .half_open_per_peer = (uint32_t)raw->half_open_per_peer.v.i,
        .no_cookies = value_ok(&raw->cookies) && raw->cookies.v.i == 0,
        .retransmit_after = value_ok(&raw->retransmit_after) ? raw->retransmit_after.v.i : 0,
    };
    check_names(l, &raw->ciphers, "cipher suite", l->vocabulary->cipher_known);
    check_names(l, &raw->groups, "key exchange group", l->vocabulary->group_known);
    check_names(l, &raw->signature_algorithms, "signature algorithm",
                l->vocabulary->signature_known);
    check_defences(l, raw);
    if (value_ok(&raw->kind) && scenario_is_clear(policy)) {
        check_clear(l, raw);
    } else {
        check_ciphers(l, raw);
        check_versions(l, raw);
        check_fallback(l, raw);
        check_records(l, raw);
    }
}

static const struct tree *place_of(const struct loader *l, const struct value *v)
{
    return v->at != NULL ? v->at : l->root;
}

uint32_t find_policy(struct loader *l, const struct value *v)
{
    return value_ok(v)
               ? find_name(l, &l->policies, v->v.s, place_of(l, v), "unknown-policy", "policy")
               : SCENARIO_NONE;
}

static bool names(const struct value *v, const char *name)
{
    return value_ok(v) && strcmp(v->v.s, name) == 0;
}

/* Whether a policy of that name is asked for, or one extends it. */
static bool is_wanted(const struct loader *l, const char *name)
{
    bool wanted = names(&l->raw->pne_gateway, name) || names(&l->raw->gateway_server, name);
    const struct value *v = &l->raw->devices;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        wanted = wanted || names(&((struct raw_device *)v->v.entries.items[i])->policy, name);
    }
    v = &l->raw->nodes;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        const struct raw_node *raw = (const struct raw_node *)v->v.entries.items[i];
        wanted = wanted || names(&raw->policy, name) || names(&raw->standby_policy, name) ||
                 names(&raw->mesh_policy, name);
    }
    v = &l->raw->policies;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        wanted = wanted || names(&((struct raw_policy *)v->v.entries.items[i])->extends, name);
    }
    return wanted;
}

static bool is_defined(const struct value *v, const char *name)
{
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        if (strcmp(v->v.entries.items[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Sets that are used, as entries that a file could hold. */
static void add_sets(struct loader *l, struct value *v)
{
    for (size_t i = 0; i < l->vocabulary->policy_set_count; i++) {
        const struct scenario_policy_set *set = &l->vocabulary->policy_sets[i];
        if (v->state == VALUE_BAD || is_defined(v, set->name) || !is_wanted(l, set->name)) {
            continue;
        }
        const char *origin = arena_printf(l->arena, "policy set %s", set->name);
        struct source *source = arena_alloc(l->arena, sizeof(*source));
        *source = (struct source){.name = origin, .text = set->keys, .len = strlen(set->keys)};
        struct raw_policy *raw = implicit_entry(l, &section_policy, v, &l->policies, set->name);
        size_t told = l->report.told;
        const struct tree *keys = yaml_parse(&l->report, source);
        CHECK(keys != NULL);
        read_given(&l->report, &section_policy, keys, raw);
        CHECK(l->report.told == told);
        for (size_t k = 0; k < section_policy.count; k++) {
            struct value *key = field_value(&section_policy.fields[k], raw);
            if (key->state == VALUE_GIVEN) {
                key->state = VALUE_INHERITED;
                key->origin = origin;
            }
        }
    }
}

void policies_resolve(struct loader *l)
{
    struct value *v = &l->raw->policies;
    add_sets(l, v);
    resolve_named(l, &section_policy, v, &l->policies);
    uint64_t index;
    if (is_wanted(l, "default") && !map_get_str(&l->policies.index, "default", &index)) {
        read_finish(&l->report, &section_policy,
                    implicit_entry(l, &section_policy, v, &l->policies, "default"));
    }
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    l->s->policies = arena_array(l->arena, count, sizeof(struct scenario_policy));
    l->s->policy_count = count;
    for (size_t i = 0; i < count; i++) {
        build_policy(l, (struct raw_policy *)v->v.entries.items[i], &l->s->policies[i]);
    }
    l->hop_policy[ROLE_PNE] = find_policy(l, &l->raw->pne_gateway);
    l->hop_policy[ROLE_GATEWAY] = find_policy(l, &l->raw->gateway_server);
}

/* --- links that a policy cannot go over --------------------------------------------------------
 */

/* Where the MTU of a wire is written, or else its link. */
static const struct tree *place_of_mtu(const struct loader *l, const struct scenario_wire *wire)
{
    const struct value *wires = &l->raw->wires;
    for (size_t i = 0; value_ok(wires) && i < wires->v.entries.count; i++) {
        const struct raw_wire *raw = (const struct raw_wire *)wires->v.entries.items[i];
        if (raw->mtu.state == VALUE_GIVEN && raw->mtu.v.i == (int64_t)wire->mtu_bytes) {
            return raw->mtu.at;
        }
    }
    const struct raw_link *raw = (const struct raw_link *)l->raw->links.v.entries.items[wire->link];
    return raw->mtu.at != NULL ? raw->mtu.at : raw->head.at;
}

void policies_check_links(struct loader *l)
{
    const struct scenario *s = l->s;
    struct map seen = {0};
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        bool dtls = e->policy != SCENARIO_NONE && s->policies[e->policy].kind == KIND_DTLS;
        for (size_t k = 0; dtls && k < e->wire_count; k++) {
            const struct scenario_wire *wire = &s->wires[e->wires[k]];
            uint64_t key = (uint64_t)e->policy << 32 | wire->link;
            uint64_t before;
            bool known = wire->mtu_bytes > 0 && s->links[wire->link].name != NULL && e->id != NULL;
            if (!known || wire->mtu_bytes >= SCENARIO_DTLS_MTU_LEAST ||
                map_get(&seen, key, &before)) {
                continue;
            }
            map_set(&seen, key, i);
            report_error(&l->report, place_of_mtu(l, wire), "mtu-too-small",
                         "link \"%s\" has an MTU of %u B, and policy \"%s\" of %s is DTLS, which "
                         "needs %d B",
                         s->links[wire->link].name, wire->mtu_bytes, s->policies[e->policy].name,
                         e->id, SCENARIO_DTLS_MTU_LEAST);
        }
    }
    map_fini(&seen);
}
