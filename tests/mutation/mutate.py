#!/usr/bin/env python3
"""Takes one defence away after the other and sees that a test notices: python3 tests/mutation/mutate.py [NAME...]

    --list      names of the mutations
    --check     only whether each can still be applied: what it replaces stands once in its file
    --build DIR where the copy of the source tree and its build go (build/mutation)

Each mutation is a piece of source that is replaced. The copy is built, the tests named by the mutation are run, and
`caught` or `MISSED` is printed; exit code 1 when one was missed, 2 when one could not be applied or built. First the
tests are run unchanged: what fails already catches nothing. Takes minutes: ctest knows it by the label slow.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# name -> (file, what stands there, what is put there, tests)
MUTATIONS = {
    "peer-name-not-checked": (
        "sim/secure/tls_callbacks.c",
        "return s->expected_peer != NULL && !s->policy->no_name_check;",
        "return s->expected_peer != NULL && !s->policy->no_name_check && s->policy == NULL;",
        "test_impostors"),
    "chain-not-checked": ("sim/secure/tls_callbacks.c", "    return good;\n", "    (void)good;\n    return 1;\n", "test_impostors"),
    "expiry-not-checked": (
        "sim/secure/tls.c", "    X509_VERIFY_PARAM_set_time(SSL_get0_param(s->ssl), (time_t)identity_unix_time(now));",
        "    (void)now;\n    X509_VERIFY_PARAM_set_flags(SSL_get0_param(s->ssl), X509_V_FLAG_NO_CHECK_TIME);", "test_impostors"),
    "client-certificate-not-asked": (
        "sim/secure/tls_setup.c", "SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_on_verify);",
        "SSL_CTX_set_verify(ctx, server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, tls_on_verify);", "test_credentials"),
    "certificate-instead-of-psk": (
        "sim/secure/tls_callbacks.c",
        "    (void)good;\n    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);\n    return 0;",
        "    (void)store;\n    return good;", "test_secure_refusal"),
    "resumption-without-a-second-look": (
        "sim/secure/tls_callbacks.c",
        "    bool certificate_needed = s->initiator || s->policy->auth == SECURE_AUTH_MUTUAL;",
        "    bool certificate_needed = false;", "test_secure_resume"),
    "list-not-asked-on-resumption": (
        "sim/secure/tls_callbacks.c", "           tls_list_allows(s, peer) &&\n", "", "test_secure_crl"),
    "old-list-remembered": (
        "sim/secure/tls_revocation.c", "    if (s == NULL || !s->policy->crl || s->crl == NULL) {\n        return known_verify",
        "    if (s == NULL || s->policy != NULL) {\n        return known_verify", "test_secure_crl"),
    "staple-signature-ignored": (
        "sim/secure/ocsp_read.c", "OCSP_basic_verify(basic, signers, store, 0) != 1)",
        "(OCSP_basic_verify(basic, signers, store, 0) != 1 && wrong != NULL))", "test_secure_ocsp"),
    "staple-age-ignored": (
        "sim/secure/ocsp_read.c", "        wrong = validity(from, to);", "        (void)validity(from, to);",
        "test_secure_ocsp|test_revocation"),
    "staple-of-another-taken": (
        "sim/secure/ocsp_read.c", "found = meant != NULL && OCSP_id_cmp(said, meant) == 0 ? single : NULL;",
        "found = single;", "test_secure_ocsp"),
    "soft-fail-taken-for-an-answer": (
        "sim/secure/tls_facts.c", 'return unknown ? "unknown"', 'return unknown ? "ocsp"', "test_secure_ocsp|test_revocation"),
    "resumption-without-end": (
        "sim/secure/tls_callbacks.c", " || !tls_origin_allows(s, session)) {", ") {", "test_policy_keys"),
    "truncation-not-noticed": (
        "sim/secure/tls.c", 'session_fail(s, "truncated");', "s->state = SECURE_CLOSED;", "test_attacks"),
    "version-floor-dropped": (
        "sim/secure/tls_setup.c", "dtls ? DTLS1_2_VERSION : p->min_version) == 1",
        "dtls ? DTLS1_2_VERSION : TLS1_2_VERSION) == 1", "test_attacks"),
    "fallback-not-signalled": (
        "sim/secure/tls.c", "SSL_set_mode(s->ssl, SSL_MODE_SEND_FALLBACK_SCSV);",
        "SSL_clear_mode(s->ssl, SSL_MODE_SEND_FALLBACK_SCSV);", "test_downgrade"),
    "downgraded-session-not-judged": (
        "sim/world/downgrade.c", "if (undisturbed_facts(hop, &best) && is_less(got, &best)) {",
        "if (false && undisturbed_facts(hop, &best) && is_less(got, &best)) {", "test_downgrade"),
    "security-level-zero": (
        "sim/secure/tls_setup.c", "p->security_level < 0 ? DEFAULT_SECURITY_LEVEL : p->security_level", "0",
        "test_secure_refusal|test_breakable"),
    "group-key-tag-ignored": (
        "sim/secure/primitives.c", "bool good = EVP_CipherFinal_ex(ctx, out + in.len, &end) == 1;",
        "bool good = (EVP_CipherFinal_ex(ctx, out + in.len, &end), true);", "test_group_key"),
    "origin-not-checked": (
        "models/pn_gateway/gateway_receive.c", "if (!agent_is(&g->agent, m, CPNS_ORIGIN_ENTITY_ID, r->from)) {",
        "if (false && !agent_is(&g->agent, m, CPNS_ORIGIN_ENTITY_ID, r->from)) {", "test_impostors"),
    "peers-not-limited": (
        "sim/world/half_open.c", "return p->half_open_per_peer > 0 &&", "return p->half_open_per_peer > UINT32_MAX - 1 &&",
        "test_exhaustion"),
    "handshakes-not-limited": (
        "sim/world/half_open.c", "if (p->half_open > 0 &&", "if (p->half_open > UINT32_MAX - 1 &&", "test_exhaustion"),
    "cookie-not-asked": (
        "sim/secure/tls_setup.c", "(server && !p->no_cookies ? SSL_OP_COOKIE_EXCHANGE : 0)", "0", "test_datagrams"),
    "slow-handshakes-kept": (
        "sim/world/stranger.c", "c->started_at + hop->policy->handshake_timeout", "c->started_at + 3600 * SIM_S",
        "test_exhaustion"),
    "refusals-not-judged": (
        "sim/world/exhaust.c", "bool refused = c->failure != NULL &&", "bool refused = c->failure == NULL &&", "test_exhaustion"),
    "no-back-off": (
        "sim/world/reconnect.c", "hop->open_from > net_now(w->net)", "hop->open_from > net_now(w->net) + 3600 * SIM_S",
        "test_reconnect"),
    "everything-counts-as-protected": (
        "sim/world/channel_apply.c",
        "return end->hides && end->channel->established_at != SIM_TIME_NEVER;",
        "return true || end->hides;", "test_rules"),
    "eavesdropper-deaf": (
        "sim/world/watch.c", "if (w->window_count == 0 || payload_offset > packet.len) {",
        "if (true || w->window_count == 0 || payload_offset > packet.len) {", "test_watch|test_attacks"),
    "altered-delivery-not-counted": (
        "sim/world/probe.c", "end->odd += carry == NULL || carry->sent_hash != digest;",
        "end->odd += 0 * (carry == NULL || carry->sent_hash != digest);", "test_attacks"),
    "impostor-always-held": (
        "sim/world/probe.c",
        "(asked && c->ends[SIDE_RESPONDER].up_at != SIM_TIME_NEVER)) {\n        j.verdict = \"violated\";",
        "(asked && c->ends[SIDE_RESPONDER].up_at != SIM_TIME_NEVER)) {\n        j.verdict = \"held\";", "test_impostors"),
    "record-tag-ignored": (
        "sim/secure/interpose.c", "interpose_function interpose_next(const char *name)\n{",
        """int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *len)
{
    int (*real)(EVP_CIPHER_CTX *, unsigned char *, int *) =
        (int (*)(EVP_CIPHER_CTX *, unsigned char *, int *))interpose_next("EVP_CipherFinal_ex");
    *len = real(ctx, out, len) == 1 ? *len : 0;
    return 1;
}

interpose_function interpose_next(const char *name)
{""", "test_every_bit"),
    "no-effect-where-nothing-came": (
        "sim/world/probe.c",
        "(t->handshake && c->ends[SIDE_INITIATOR].confirmed && c->ends[SIDE_RESPONDER].confirmed);",
        "(t->handshake && c->established_at != SIM_TIME_NEVER);", "test_every_bit"),
    "early-data-taken-twice": (
        "sim/secure/early.c", "return s->seen != NULL && is_first(s->seen, SSL_get0_session(ssl));",
        "return s->seen != NULL && (is_first(s->seen, SSL_get0_session(ssl)), 1);", "test_secure_early"),
    "doubled-message-not-counted": (
        "sim/world/replayer.c", "        twice += r->copied[i].of_copy + r->copied[i].of_session > 1;",
        "        twice += r->copied[i].of_copy > 1;", "test_early_data"),
    "flight-not-held-back": (
        "sim/world/replayer.c", "    f->dirs[SIDE_INITIATOR].hold_until = until;\n", "", "test_early_data"),
    "cookie-not-checked": (
        "sim/secure/dtls.c", "return secure_equal(span_of(cookie, len), span_of(s->dtls->cookie, COOKIE_BYTES));",
        "return secure_equal(span_of(cookie, len), span_of(s->dtls->cookie, COOKIE_BYTES)) || len > 0;", "test_secure_dtls"),
    "dropped-records-not-counted": (
        "sim/secure/dtls.c", "return d->bad + (d->sealed > d->good ? d->sealed - d->good : 0);",
        "return d->bad;", "test_every_bit"),
    "staple-not-looked-at": (
        "sim/secure/staple.c", 'return strcmp(status.word, "good") == 0 ||', "return status.word != NULL ||",
        "test_secure_staple"),
    "revocation-list-not-looked-at": (
        "sim/secure/tls_setup.c", "X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_CRL_CHECK);",
        "(void)ctx;", "test_secure_crl"),
    "half-open-without-limit": (
        "sim/world/half_open.c", "if (p->half_open > 0 && h->count >= p->half_open) {",
        "if (p->half_open > 0 && h->count >= UINT32_MAX) {", "test_exhaustion"),
    "secrets-always-agree": (
        "sim/secure/tls_view.c", "s->secret = head_of(exported);", "s->secret = exported[0] != 0 || head_of(exported) != 0;",
        "test_witnesses"),
    "disorder-not-counted": (
        "sim/world/probe.c", "end->out_of_turn += carry->stream_at < end->newest;",
        "end->out_of_turn += carry->stream_at == UINT64_MAX;", "test_datagram_attacks"),
    "silence-counts-as-discarded": (
        "sim/world/probe_datagram.c", "            if (dropped > 0) {\n                dropped--;",
        "            if (true || dropped > 0) {\n                dropped--;", "test_datagram_attacks"),
    "witness-believes-everything": (
        "sim/cli/witness.c", "c.strange == 0 && without.packets == 0;", "c.strange == 0;", "test_witness"),
}


def run(arguments, **more):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


def build(folder, tests):
    targets = sorted({t for names in tests for t in names.split("|")} | {"cpnsim"})
    done = run(["cmake", "--build", folder, "-j", str(os.cpu_count() or 1), "--target", *targets])
    if done.returncode != 0:
        print("\n".join(line for line in done.stdout.splitlines() if "error" in line) or done.stdout[-2000:])
    return done.returncode == 0


def passes(folder, tests):
    """Whether tests ran and all of them passed."""
    done = run(["ctest", "--test-dir", folder, "-R", f"^({tests})$", "-LE", "slow|bench"])
    return re.search(r"100% tests passed, 0 tests failed out of [1-9]", done.stdout) is not None


def copy_tree(to):
    to.mkdir(parents=True, exist_ok=True)
    listed = run(["git", "-C", str(ROOT), "ls-files", "-c", "-o", "--exclude-standard"]).stdout.splitlines()
    for name in listed:
        source = ROOT / name
        if source.is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != source.read_bytes():
                shutil.copy(source, target)


def main():
    parser = argparse.ArgumentParser(description="Takes one defence away after the other and sees that a test notices.")
    parser.add_argument("names", nargs="*", help="mutations; all without any")
    parser.add_argument("--list", action="store_true", help="names of the mutations")
    parser.add_argument("--check", action="store_true", help="whether each can still be applied")
    parser.add_argument("--build", default=str(ROOT / "build" / "mutation"))
    given = parser.parse_args()
    if given.list:
        print("\n".join(MUTATIONS))
        return 0
    unknown = [n for n in given.names if n not in MUTATIONS]
    if unknown:
        print("unknown mutation: " + ", ".join(unknown), file=sys.stderr)
        return 2
    chosen = {n: MUTATIONS[n] for n in given.names or MUTATIONS}
    if given.check:
        stale = [n for n, m in chosen.items() if (ROOT / m[0]).read_text().count(m[1]) != 1]
        print("\n".join([*(f"{n}: cannot be applied, {MUTATIONS[n][0]} has changed" for n in stale),
                         f"{len(chosen) - len(stale)} of {len(chosen)} can be applied"]))
        return 2 if stale else 0
    tree = pathlib.Path(given.build) / "tree"
    folder = str(pathlib.Path(given.build) / "objects")
    copy_tree(tree)
    configured = run(["cmake", "-S", str(tree), "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"])
    if configured.returncode != 0 or not build(folder, [m[3] for m in chosen.values()]):
        print(configured.stdout[-2000:] if configured.returncode else "the tree does not build")
        return 2
    failing = [t for t in sorted({m[3] for m in chosen.values()}) if not passes(folder, t)]
    if failing:
        print("these fail without any mutation: " + ", ".join(failing))
        return 2
    missed = broken = 0
    for name, (file, old, new, tests) in chosen.items():
        path = tree / file
        text = path.read_text()
        if text.count(old) != 1:
            print(f"{name}: cannot be applied, {file} has changed")
            broken += 1
            continue
        path.write_text(text.replace(old, new))
        try:
            if not build(folder, [tests]):
                print(f"{name}: does not build")
                broken += 1
            else:
                caught = not passes(folder, tests)
                missed += not caught
                print(f"{name}: {'caught' if caught else 'MISSED'} by {tests}", flush=True)
        finally:
            path.write_text(text)
    print(f"{len(chosen) - missed - broken} of {len(chosen)} caught")
    return 2 if broken else 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
