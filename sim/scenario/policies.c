/* Policies: named sets of choices for secure sessions. */
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

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

static void check_names(struct loader *l, const struct value *v, const char *what,
                        bool (*known)(const char *name))
{
    for (size_t i = 0; v->state == VALUE_GIVEN && i < v->v.texts.count; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        if (!good_name(item->text)) {
            report_error(&l->report, item->at, "bad-name", "\"%s\" is no name of a %s",
                         report_quote(&l->report, item->text), what);
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
        if ((raw->versions.v.i & (modern ? 2 : 1)) == 0) {
            report_warning(&l->report, item->at, "unused-cipher",
                           "\"%s\" is a suite of TLS %s, which this policy does not allow",
                           report_quote(&l->report, item->text), modern ? "1.3" : "1.2");
        }
    }
}

/* DTLS is TLS 1.2 over datagrams; OpenSSL 3.0 has no later version, and no suite of that one for
 * Ed25519 certificates. */
static void check_dtls(struct loader *l, struct raw_policy *raw)
{
    if (raw->versions.state == VALUE_GIVEN && (raw->versions.v.i & 2) != 0) {
        report_error(&l->report, raw->versions.at, "not-in-openssl",
                     "OpenSSL 3.0 has no DTLS 1.3 (RFC 9147): kind: dtls is DTLS 1.2");
    }
    if (value_ok(&raw->certificates) && raw->certificates.v.i == CERT_ED25519) {
        bool here = raw->certificates.state == VALUE_GIVEN;
        report_error(&l->report, here ? raw->certificates.at : raw->kind.at, "not-in-openssl",
                     "OpenSSL 3.0 has no suite of DTLS 1.2 for Ed25519 certificates");
    }
    if (raw->key_update_after.state == VALUE_GIVEN && raw->key_update_after.v.i > 0) {
        report_error(&l->report, raw->key_update_after.at->key, "inconsistent",
                     "DTLS 1.2 has no key update");
    }
    if (value_ok(&raw->versions)) {
        raw->versions.v.i = 1;
    }
    if (value_ok(&raw->key_update_after)) {
        raw->key_update_after.v.i = 0;
    }
}

/* The timer of DTLS where there is none. */
static void check_stream(struct loader *l, struct raw_policy *raw)
{
    if (raw->retransmit_after.state == VALUE_GIVEN) {
        report_error(&l->report, raw->retransmit_after.at->key, "inconsistent",
                     "\"retransmit_after\" has a meaning with kind: dtls only: TCP has its own");
    }
    raw->retransmit_after.state = VALUE_ABSENT;
}

static void build_policy(struct loader *l, struct raw_policy *raw, struct scenario_policy *policy)
{
    if (value_ok(&raw->kind) && raw->kind.v.i == KIND_DTLS) {
        check_dtls(l, raw);
    } else if (value_ok(&raw->kind) && raw->kind.v.i == KIND_TLS) {
        check_stream(l, raw);
    }
    *policy = (struct scenario_policy){
        .name = raw->head.name,
        .kind = (enum scenario_kind)raw->kind.v.i,
        .min_version = (raw->versions.v.i & 1) != 0 ? 0x0303 : 0x0304,
        .max_version = (raw->versions.v.i & 2) != 0 ? 0x0304 : 0x0303,
        .ciphers = join(l, &raw->ciphers, "TLS_", false),
        .ciphersuites = join(l, &raw->ciphers, "TLS_", true),
        .groups = join(l, &raw->groups, "", true),
        .certificates = (enum scenario_certificates)raw->certificates.v.i,
        .auth = (enum scenario_auth)raw->auth.v.i,
        .resumption = (enum scenario_resumption)raw->resumption.v.i,
        .ticket_lifetime = raw->ticket_lifetime.v.i,
        .security_level = value_ok(&raw->security_level) ? (int)raw->security_level.v.i : -1,
        .key_update_after = (uint32_t)raw->key_update_after.v.i,
        .session_lifetime =
            value_ok(&raw->session_lifetime) ? raw->session_lifetime.v.i : SIM_TIME_NEVER,
        .retransmit_after = value_ok(&raw->retransmit_after) ? raw->retransmit_after.v.i : 0,
    };
    check_names(l, &raw->ciphers, "cipher suite", l->vocabulary->cipher_known);
    check_names(l, &raw->groups, "key exchange group", l->vocabulary->group_known);
    if (value_ok(&raw->kind) && policy->kind == KIND_CLEAR) {
        check_clear(l, raw);
    } else {
        check_ciphers(l, raw);
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

static bool wants_default(const struct value *v)
{
    return value_ok(v) && strcmp(v->v.s, "default") == 0;
}

static bool default_wanted(const struct loader *l)
{
    bool wanted = wants_default(&l->raw->pne_gateway) || wants_default(&l->raw->gateway_server);
    const struct value *v = &l->raw->devices;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        wanted = wanted || wants_default(&((struct raw_device *)v->v.entries.items[i])->policy);
    }
    v = &l->raw->nodes;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        const struct raw_node *raw = (const struct raw_node *)v->v.entries.items[i];
        wanted = wanted || wants_default(&raw->policy) || wants_default(&raw->standby_policy) ||
                 wants_default(&raw->mesh_policy);
    }
    return wanted;
}

void policies_resolve(struct loader *l)
{
    struct value *v = &l->raw->policies;
    resolve_named(l, &section_policy, v, &l->policies);
    uint64_t index;
    if (default_wanted(l) && !map_get_str(&l->policies.index, "default", &index)) {
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
