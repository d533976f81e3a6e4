#!/usr/bin/env python3
"""Writes the corpus of broken scenario files: python3 tests/fuzz/make_scenario_broken.py

A case is a text in which each expected error is marked by ⟦CODE⟧ right before the place it is told at. The file gets
the marks taken out and, as its first line, `# expect: CODE LINE:COL, ...`; files that no comment can precede stand in
the list EXPECT beside them. test_scenario_broken wants exactly these errors, no more and no fewer.
"""
import pathlib
import re

FOLDER = pathlib.Path(__file__).parent / "corpus_scenario_broken"
HEAD = "cpns: 1\nrun: {until: 60 s}\n"
NODES = """nodes:
  - {id: srv, role: server}
  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}
  - {id: pne, role: pne, count: 6, attach: {to: gw/*, link: ble}}
"""
GOOD = HEAD + NODES
CASES = {}
RAW = {}


def case(name, text):
    assert name not in CASES, name
    CASES[name] = text


def top(name, text):
    """A good scenario with something more."""
    case(name, GOOD + text)


def node(name, text):
    case(name, GOOD + "  - " + text + "\n")


def run(name, text):
    case(name, "cpns: 1\n" + text + "\n" + NODES)


def policy(name, text):
    top(name, "security:\n  policies:\n    p: " + text + "\n")


def link(name, text):
    top(name, "links:\n  l: " + text + "\n")


def work(name, text):
    top(name, "workload:\n  - " + text + "\n")


def expect(name, text):
    top(name, "expect:\n  - " + text + "\n")


def pn(name, text):
    top(name, "personal_networks:\n  - {id: all, gateway: gw/1}\n  - {id: rest, gateway: gw/2}\n  - " + text + "\n")


def group(name, text):
    top(name, "service_groups:\n  - " + text + "\n")


def service(name, text):
    top(name, "service_groups:\n  - {id: g, owner: pne/1, members: pne/2}\nservices:\n  - " + text + "\n")


def attacker(name, text):
    top(name, "attackers:\n  - " + text + "\n")


def fault(name, text):
    top(name, "faults:\n  - " + text + "\n")


# --- YAML itself
case("yaml-unclosed-flow", "cpns: 1\nrun: {until: 60 s\nnodes⟦yaml-syntax⟧:\n")
case("yaml-unclosed-at-end", "cpns: 1\nrun: ⟦yaml-syntax⟧{until: 60 s\n")
case("yaml-unclosed-list", "cpns: 1\ninclude: ⟦yaml-syntax⟧[a, b\n")
case("yaml-unclosed-quote", "cpns: 1\nname: ⟦yaml-syntax⟧\"abc\n")
case("yaml-nested-mapping", "cpns: 1\nname: a⟦yaml-syntax⟧: b\n")
case("yaml-tab-indent", "cpns: 1\nrun:\n⟦yaml-syntax⟧\tuntil: 60 s\n")
case("yaml-two-documents", GOOD + "⟦several-documents⟧---\ncpns: 1\n")
top("yaml-duplicate-key-top", "⟦duplicate-key⟧cpns: 1\n")
run("yaml-duplicate-key-nested", "run: {until: 60 s, seed: 1, ⟦duplicate-key⟧seed: 2}")
top("yaml-duplicate-policy", "security:\n  policies:\n    p: {auth: psk}\n    ⟦duplicate-key⟧p: {auth: mutual}\n")
top("yaml-duplicate-thrice", "timers: {request: 1 s, ⟦duplicate-key⟧request: 2 s, ⟦duplicate-key⟧request: 3 s}\n")
top("yaml-anchor", "links:\n  l: ⟦anchor⟧&a {technology: ble}\n")
top("yaml-alias", "links:\n  l: {technology: ble}\n  m: ⟦alias⟧*l\n")
top("yaml-merge-key", "links:\n  l: {⟦merge-key⟧<<: x, technology: ble}\n")
top("yaml-tag", "description: ⟦tag⟧!!str 5\n")
top("yaml-key-is-list", "? ⟦bad-key⟧[a, b]\n: 1\n")
top("yaml-key-is-mapping", "⟦bad-key⟧{a: b}: 1\n")
case("yaml-top-is-list", "⟦wrong-type⟧- cpns: 1\n- nodes\n")
case("yaml-top-is-text", "⟦wrong-type⟧just some text\n")
top("yaml-deep-lists", "x-deep: " + "[" * 31 + "⟦too-deep⟧[" + "]" * 32 + "\n")
top("yaml-boolean-on", "⟦boolean-key⟧on: 3\n")
top("yaml-boolean-y", "links:\n  ⟦boolean-key⟧y: {technology: ble}\n")
run("yaml-boolean-no", "run: {until: 60 s, ⟦boolean-key⟧No: 1}")
top("yaml-nul-in-text", "description: ⟦bad-value⟧\"a\\0b\"\n")
top("yaml-surrogate-in-text", "description: \"a⟦yaml-syntax⟧\\ud800b\"\n")
case("yaml-only-comment-and-scalar", "⟦wrong-type⟧42\n")

# --- top level
case("top-no-version", "⟦missing-key⟧run: {until: 60 s}\n" + NODES)
case("top-version-2", "cpns: ⟦unknown-version⟧2\nrun: {until: 60 s}\n" + NODES)
case("top-version-text", "cpns: ⟦bad-value⟧one\n" + NODES)
case("top-version-quoted", 'cpns: ⟦wrong-type⟧"1"\n' + NODES)
case("top-version-empty", "⟦missing-value⟧cpns:\n" + NODES)
case("top-version-list", "cpns: ⟦wrong-type⟧[1]\n" + NODES)
case("top-no-run", "⟦missing-key⟧cpns: 1\n" + NODES)
case("top-no-nodes", "⟦missing-key⟧" + HEAD)
case("top-misspelt-nodes", HEAD + NODES.replace("nodes:", "⟦unknown-key⟧node:"))
top("top-unknown-key", "⟦unknown-key⟧zebra: 1\n")
top("top-near-key", "⟦unknown-key⟧workloads: []\n")
top("later-sweep", "⟦not-implemented⟧sweep: {a: 1}\n")
case("top-nodes-mapping", HEAD + "nodes: ⟦wrong-type⟧{srv: {role: server}}\n")
case("top-nodes-empty", HEAD + "nodes: ⟦empty-list⟧[]\n")
case("top-nodes-nothing", HEAD + "⟦empty-list⟧nodes:\n")
top("top-links-list", "links: ⟦wrong-type⟧[ble]\n")
top("top-devices-text", "devices: ⟦wrong-type⟧phone\n")
case("top-bad-name", HEAD + "name: ⟦bad-name⟧a/b\n" + NODES)
case("top-name-list", HEAD + "name: ⟦wrong-type⟧[a]\n" + NODES)
top("top-params-list", "params: ⟦wrong-type⟧[1, 2]\n")

# --- run
run("run-no-until", "run: ⟦missing-key⟧{seed: 1}")
run("run-until-no-unit", "run: {until: ⟦missing-unit⟧60}")
run("run-until-zero-no-unit", "run: {until: ⟦missing-unit⟧0}")
run("run-until-zero", "run: {until: ⟦out-of-range⟧0 s}")
run("run-until-negative", "run: {until: ⟦out-of-range⟧-5 s}")
run("run-until-unknown-unit", "run: {until: ⟦unknown-unit⟧60 sec}")
run("run-until-words", "run: {until: ⟦bad-value⟧soon}")
run("run-until-nan", "run: {until: ⟦bad-value⟧.nan s}")
run("run-until-inf", "run: {until: ⟦bad-value⟧inf s}")
run("run-until-hex", "run: {until: ⟦unknown-unit⟧0x10 s}")
run("run-until-overflow", "run: {until: ⟦out-of-range⟧1e40 d}")
run("run-until-many-digits", "run: {until: ⟦out-of-range⟧" + "9" * 300 + " s}")
run("run-until-vanishes", "run: {until: ⟦out-of-range⟧1e-400 s}")
run("run-until-rate", "run: {until: ⟦unknown-unit⟧3 Mbit/s}")
run("run-until-mapping", "run: {until: ⟦wrong-type⟧{uniform: [1 s, 2 s]}}")
run("run-seed-negative", "run: {until: 60 s, seed: ⟦out-of-range⟧-1}")
run("run-seed-huge", "run: {until: 60 s, seed: ⟦out-of-range⟧18446744073709551616}")
run("run-seed-fraction", "run: {until: 60 s, seed: ⟦bad-value⟧1.5}")
run("run-seed-quoted", 'run: {until: 60 s, seed: ⟦wrong-type⟧"7"}')
run("run-near-key", "run: {until: 60 s, ⟦unknown-key⟧sede: 7}")
run("run-random", "run: {until: 60 s, random: ⟦unknown-word⟧sytem}")
run("run-record-word", "run: {until: 60 s, record: {messages: ⟦bad-value⟧some}}")
run("run-record-sampled-zero", "run: {until: 60 s, record: {messages: ⟦out-of-range⟧sampled 0}}")
run("run-record-pcap-nobody", "run: {until: 60 s, record: {pcap: ⟦empty-selection⟧watch*}}")
run("run-is-text", "run: ⟦wrong-type⟧60 s")
run("run-is-empty", "⟦missing-value⟧run:")
case("run-two-errors", "cpns: 1\nrun: {until: ⟦missing-unit⟧60, ⟦unknown-key⟧sede: 7, random: ⟦unknown-word⟧x}\n" + NODES)

# --- parameters
top("param-unknown", "description: a ⟦⟧\n".replace("a ⟦⟧", "⟦unknown-param⟧$nothing"))
top("param-near", "params: {copies: 3}\ndescription: $copies\ntimers: {request_tries: ⟦unknown-param⟧$copis}\n")
top("param-wrong-type", "params: {copies: three}\ntimers: {request_tries: ⟦bad-value⟧$copies}\n")
top("param-list", "params: {copies: ⟦wrong-type⟧[1]}\ntimers: {request_tries: $copies}\n")
top("param-cycle", "params: {a: $b, b: ⟦param-cycle⟧$a}\ndescription: $a\n")
top("param-bad-name", "params: {⟦bad-name⟧two words: 1}\n")
top("param-empty", "params: {⟦missing-value⟧a: }\ndescription: $a\n")

# --- policies
policy("policy-kind-unknown", "{kind: ⟦unknown-word⟧tsl}")
policy("policy-kind-ipsec", "{kind: ⟦not-implemented⟧ipsec}")
policy("policy-dtls-1.3", '{kind: dtls, versions: ⟦not-in-openssl⟧["1.3"]}')
policy("policy-dtls-ed25519", "{kind: dtls, certificates: ⟦not-in-openssl⟧ed25519}")
policy("policy-dtls-key-update-every", "{kind: dtls, ⟦inconsistent⟧key_update_every: 3 s}")
policy("policy-old-key-update", "{versions: [\"1.2\"], ⟦inconsistent⟧key_update_after: 3}")
policy("policy-resumption-lifetime", "{resumption_lifetime: ⟦out-of-range⟧1 ms}")
policy("policy-certificate-compression", "{⟦not-in-openssl⟧certificate_compression: zlib}")
policy("policy-dtls-key-update", "{kind: dtls, ⟦inconsistent⟧key_update_after: 3}")
policy("policy-dtls-timer", "{kind: dtls, retransmit_after: ⟦out-of-range⟧1 ms}")
top("policy-dtls-mtu", "security: {policies: {p: {kind: dtls}}, pne_gateway: p}\n"
    "links:\n  ble: {technology: ble, mtu: ⟦mtu-too-small⟧279 B}\n")
policy("policy-handshake-timeout", "{handshake_timeout: ⟦out-of-range⟧10 ms}")
policy("policy-handshake-timeout-unit", "{handshake_timeout: ⟦missing-unit⟧30}")
policy("policy-half-open", "{half_open: ⟦out-of-range⟧-1}")
policy("policy-half-open-unit", "{half_open_per_peer: ⟦bad-value⟧5 s}")
policy("policy-cookies", "{kind: dtls, cookies: ⟦broken-policy⟧false}")
policy("policy-cookies-tls", "{⟦inconsistent⟧cookies: true}")
policy("policy-tls-timer", "{⟦inconsistent⟧retransmit_after: 2 s}")
policy("policy-version", '{versions: [⟦unknown-word⟧"1.4"]}')
policy("policy-version-gap", '{versions: ⟦inconsistent⟧["1.1", "1.3"], security_level: 0}')
policy("policy-version-old", '{versions: ⟦inconsistent⟧["1.0"]}')
policy("policy-fragment", "{max_fragment_length: ⟦out-of-range⟧700 B}")
policy("policy-padding", '{versions: ["1.2"], ⟦inconsistent⟧record_padding: 256 B}')
policy("policy-name-check", "{name_check: ⟦broken-policy⟧none}")
attacker("attacker-as-itself", "{id: e, kind: impersonate, target: pne/1, params: {as: ⟦inconsistent⟧pne/1}}")
policy("policy-fallback-unprotected", "{version_fallback: ⟦broken-policy⟧unprotected}")
top("policy-fallback-inherited", "security:\n  policies:\n    broken-p: {version_fallback: unprotected}\n    q: ⟦broken-policy⟧{extends: broken-p}\n")
policy("policy-fallback-word", "{version_fallback: ⟦unknown-word⟧often}")
policy("policy-fallback-dtls", "{kind: dtls, ⟦inconsistent⟧version_fallback: scsv}")
policy("policy-fallback-clear", "{kind: clear, ⟦inconsistent⟧version_fallback: scsv}")
policy("policy-cid", "{kind: dtls, ⟦not-in-openssl⟧connection_id: 4}")
policy("policy-raw-keys", "{⟦not-in-openssl⟧raw_public_keys: true}")
policy("policy-record-size", "{⟦not-in-openssl⟧record_size_limit: 64 B}")
policy("policy-hybrid", "{groups: [⟦not-in-openssl⟧X25519MLKEM768]}")
policy("policy-signature", "{signature_algorithms: [⟦unknown-algorithm⟧ecdsa_sha257]}")
REVOCATION = "security:\n  revocation: "
top("revocation-list", "security:\n  revocation: ⟦wrong-type⟧[srv]\n")
top("revocation-unknown-key", REVOCATION + "{⟦unknown-key⟧crl_evry: 10 s}\n")
top("revocation-responder-unknown", REVOCATION + "{responder: ⟦unknown-node⟧serv}\n")
top("revocation-responder-gateway", REVOCATION + "{responder: ⟦wrong-role⟧gw/1}\n")
top("revocation-responders", REVOCATION + "{responder: [srv, ⟦wrong-role⟧gw/*, ⟦unknown-node⟧serv]}\n")
top("revocation-signer", REVOCATION + "{signer: ⟦unknown-word⟧delegat}\n")
top("revocation-nonce", REVOCATION + "{nonce: ⟦bad-value⟧maybe}\n")
top("revocation-no-unit", REVOCATION + "{ocsp_lifetime: ⟦missing-unit⟧60}\n")
top("revocation-zero", REVOCATION + "{crl_every: ⟦out-of-range⟧0 s, crl_lifetime: ⟦out-of-range⟧1 ms}\n")
node("revoked-at-unheard", "{id: a, role: server, certificate: {⟦inconsistent⟧revoked_at: 5 s}}")
node("revoked-at-negative", "{id: a, role: server, certificate: {revoked_at: ⟦out-of-range⟧-5 s}}\n"
     "security:\n  revocation: {crl_every: 10 s}")
node("revoked-twice", "{id: a, role: server, certificate: {revoked: true, ⟦inconsistent⟧revoked_at: 5 s}}\n"
     "security:\n  revocation: {crl_every: 10 s}")
policy("policy-ocsp", "{ocsp: ⟦unknown-word⟧soft}")
policy("policy-crl", "{crl: ⟦bad-value⟧perhaps}")
policy("policy-version-twice", '{versions: ["1.2", ⟦duplicate-item⟧"1.2"]}')
policy("policy-version-none", "{versions: ⟦empty-list⟧[]}")
policy("policy-auth", "{auth: ⟦unknown-word⟧mutaul}")
policy("policy-certificates", "{certificates: ⟦unknown-word⟧ecdsa-p255}")
policy("policy-level", "{security_level: ⟦out-of-range⟧6}")
policy("policy-cipher-name", '{ciphers: [⟦bad-name⟧"a:b"]}')
policy("policy-cipher-unknown", "{ciphers: [⟦unknown-algorithm⟧ECDHE-ECDSA-AES128-GMC-SHA256]}")
policy("policy-suite-unknown", "{ciphers: [TLS_AES_128_GCM_SHA256, ⟦unknown-algorithm⟧TLS_AES_128_GCM_SHA265]}")
policy("policy-group-unknown", "{groups: [P-256, ⟦unknown-algorithm⟧X25591]}")
policy("policy-clear-with-tls-keys", "{kind: clear, ⟦inconsistent⟧auth: mutual}")
policy("policy-extends-unknown", "{extends: ⟦unknown-parent⟧q}")
policy("policy-extends-itself", "{extends: ⟦extends-cycle⟧p}")
policy("policy-not-a-mapping", "⟦wrong-type⟧modern")
policy("policy-later-key", "{⟦not-implemented⟧esp: aes128gcm16}")
policy("policy-early-data-unit", "{early_data: ⟦missing-unit⟧4096}")
policy("policy-early-data-word", "{early_data: ⟦bad-value⟧true}")
policy("policy-early-data-most", "{early_data: ⟦out-of-range⟧17 kB}")
policy("policy-early-data-version", '{versions: ["1.2"], ⟦inconsistent⟧early_data: 4 kB}')
policy("policy-early-data-tickets", "{resumption: none, ⟦inconsistent⟧early_data: 4 kB}")
policy("policy-early-data-psk", "{auth: psk, ⟦inconsistent⟧early_data: 4 kB}")
policy("policy-early-data-dtls", "{kind: dtls, ⟦inconsistent⟧early_data: 4 kB}")
policy("policy-early-data-clear", "{kind: clear, ⟦inconsistent⟧early_data: 4 kB}")
policy("policy-anti-replay", "{early_data: 4 kB, anti_replay: ⟦broken-policy⟧none}")
policy("policy-anti-replay-word", "{early_data: 4 kB, anti_replay: ⟦unknown-word⟧single}")
policy("policy-anti-replay-alone", "{⟦inconsistent⟧anti_replay: single-use}")
top("policy-extends-cycle", "security:\n  policies:\n    a: {extends: b}\n    b: {extends: c}\n    c: {extends: ⟦extends-cycle⟧a}\n")
top("policy-hop-unknown", "security:\n  policies:\n    modern: {}\n  pne_gateway: ⟦unknown-policy⟧moder\n")
top("policy-group-key", "security: {service_group: {protection: ⟦unknown-word⟧group-key}}\n")
top("policy-broken-parent-no-noise", "security:\n  policies:\n    a: {kind: ⟦unknown-word⟧x}\n    b: {extends: a}\n  pne_gateway: b\n")

# --- devices
top("device-no-cpu", "devices:\n  d: ⟦missing-key⟧{battery: 5 %}\n")
top("device-cpu-unknown", "devices:\n  d: {cpu: ⟦unknown-cpu⟧cortex-a67}\n")
top("device-battery-plain", "devices:\n  d: {cpu: cortex-a76, battery: ⟦missing-unit⟧0.5}\n")
top("device-battery-over", "devices:\n  d: {cpu: cortex-a76, battery: ⟦out-of-range⟧130 %}\n")
top("device-energy-empty", "devices:\n  d: {cpu: cortex-a76, energy: ⟦missing-key⟧{idle: 2 mW}}\n")
top("device-energy-plain", "devices:\n  d: {cpu: cortex-a76, energy: {capacity: ⟦missing-unit⟧20}}\n")
top("device-energy-unit", "devices:\n  d: {cpu: cortex-a76, energy: {capacity: ⟦unknown-unit⟧20 W}}\n")
top("device-energy-key", "devices:\n  d: {cpu: cortex-a76, energy: {capacity: 1 kJ, ⟦unknown-key⟧idel: 1 mW}}\n")
top("device-policy-unknown", "devices:\n  d: {cpu: cortex-a76, policy: ⟦unknown-policy⟧modern}\n")
top("device-encoding", "devices:\n  d: {cpu: cortex-a76, encoding: ⟦unknown-word⟧json}\n")
top("device-bad-name", "devices:\n  ⟦bad-name⟧a--b: {cpu: cortex-a76}\n")
top("device-parent-without-cpu", "devices:\n  a: ⟦missing-key⟧{battery: 5 %}\n  b: {extends: a, cpu: cortex-a76}\n")

# --- links
link("link-fidelity", "{technology: ble, fidelity: ⟦unknown-word⟧fats}")
link("link-no-technology", "⟦missing-key⟧{rate: 1 Mbit/s}")
link("link-technology-unknown", "{technology: ⟦unknown-technology⟧bel}")
link("link-rate-unit", "{technology: ble, rate: ⟦unknown-unit⟧1 kb/s}")
link("link-rate-no-unit", "{technology: ble, rate: ⟦missing-unit⟧1000}")
link("link-rate-zero", "{technology: ble, rate: ⟦out-of-range⟧0 bit/s}")
link("link-mtu-small", "{technology: ble, mtu: ⟦out-of-range⟧20 B}")
link("link-mtu-large", "{technology: ble, mtu: ⟦out-of-range⟧1 MB}")
link("link-delay-negative", "{technology: ble, delay: ⟦out-of-range⟧-1 ms}")
link("link-delay-no-mean", "{technology: ble, delay: ⟦missing-key⟧{jitter: 1 ms}}")
link("link-delay-list", "{technology: ble, delay: ⟦wrong-type⟧[1 ms]}")
link("link-loss-plain", "{technology: ble, loss: ⟦wrong-type⟧5 %}")
link("link-loss-no-model", "{technology: ble, loss: ⟦missing-key⟧{rate: 5 %}}")
link("link-loss-no-rate", "{technology: ble, loss: ⟦missing-key⟧{model: random}}")
link("link-loss-mixed", "{technology: ble, loss: {model: random, rate: 1 %, ⟦inconsistent⟧enter: 1 %}}")
link("link-loss-over", "{technology: ble, loss: {model: random, rate: ⟦out-of-range⟧101 %}}")
link("link-loss-stuck", "{technology: ble, loss: {model: gilbert-elliott, enter: 1 %, leave: ⟦out-of-range⟧0 %}}")
link("link-loss-model", "{technology: ble, loss: {model: ⟦unknown-word⟧gilbert-elliot, enter: 1 %, leave: 5 %}}")
link("link-queue-zero", "{technology: ble, queue: ⟦out-of-range⟧0}")
link("link-rate-beyond", "{technology: ble, rate: ⟦out-of-range⟧1001 Gbit/s}")
link("link-medium", "{technology: ble, medium: ⟦unknown-word⟧shard}")
link("link-range-no-unit", "{technology: ble, range: ⟦missing-unit⟧10}")
link("link-range-unit", "{technology: ble, range: ⟦unknown-unit⟧10 ft}")
link("link-range-zero", "{technology: ble, range: ⟦out-of-range⟧0 m}")
link("link-range-negative", "{technology: ble, range: ⟦out-of-range⟧-5 m}")
link("link-range-list", "{technology: ble, range: ⟦wrong-type⟧[5 m]}")
link("link-trace-not-there", "{technology: ble, trace: ⟦cannot-read⟧x.csv}")
link("link-trace-is-a-number", "{technology: ble, trace: ⟦wrong-type⟧[a, b]}")
link("link-trace-period-alone", "{technology: ble, ⟦inconsistent⟧trace_period: 3 s}")
link("link-trace-is-a-folder", "{technology: ble, trace: ⟦cannot-read⟧.}")

# --- nodes
node("node-no-id", "⟦missing-key⟧{role: server}")
top("fidelity-word", "fidelity: ⟦unknown-word⟧quick\n")
case("link-full-no-device", HEAD + NODES.replace("link: ble", "link: air") +
     "links:\n  air: {technology: ble, fidelity: ⟦no-device⟧full}\n")
node("node-full-no-device", "{id: a, role: pne, attach: {to: gw/1, link: ble}, fidelity: ⟦no-device⟧full}")
case("link-full-keys", HEAD + NODES.replace("link: ble", "link: air") +
     "links:\n  air: {technology: wlan, fidelity: full, ⟦inconsistent⟧delay: 3 ms, ⟦inconsistent⟧rate: 5 Mbit/s,\n"
     "        ⟦inconsistent⟧loss: {model: random, rate: 1 %}}\n")
case("link-full-trace", HEAD + NODES.replace("link: ble", "link: air") +
     "links:\n  air: {technology: wlan, fidelity: full, ⟦inconsistent⟧trace: ⟦cannot-read⟧x.csv}\n")
case("ethernet-full-keys", HEAD + NODES.replace("link: ble", "link: wire") +
     "links:\n  wire: {technology: ethernet, fidelity: full, delay: 3 ms, ⟦inconsistent⟧medium: shared}\n")
node("node-fidelity-server", "{id: a, role: server, ⟦wrong-role⟧fidelity: fast}")
node("node-start-server", "{id: a, role: server, ⟦wrong-role⟧start: 1 s}")
node("node-start-unit", "{id: a, role: pne, start: ⟦missing-unit⟧5, attach: {to: gw/1, link: ble}}")
node("node-no-role", "⟦missing-key⟧{id: a}")
case("node-empty", GOOD + "  ⟦missing-value⟧-\n")
case("node-empty-between", HEAD + "nodes:\n  ⟦missing-value⟧-\n  # - comment\n  ⟦missing-value⟧-\n  - {id: a, role: server}\n")
node("node-text", "⟦wrong-type⟧srv2")
node("node-duplicate-id", "{id: ⟦duplicate-id⟧srv, role: server}")
node("node-bad-id", "{id: ⟦bad-name⟧a/b, role: server}")
node("node-id-digit", "{id: ⟦bad-name⟧1a, role: server}")
node("node-id-dashes", "{id: ⟦bad-name⟧a--b, role: server}")
node("node-role-unknown", "{id: a, role: ⟦unknown-word⟧sever}")
node("node-role-both", "{id: a, role: ⟦unknown-word⟧both}")
node("node-count-zero", "{id: a, role: server, count: ⟦out-of-range⟧0}")
node("node-count-negative", "{id: a, role: server, count: ⟦out-of-range⟧-3}")
node("node-count-huge", "{id: a, role: server, count: ⟦out-of-range⟧99999999999999999999}")
node("node-count-fraction", "{id: a, role: server, count: ⟦bad-value⟧2.5}")
node("node-count-word", "{id: a, role: server, count: ⟦bad-value⟧three}")
node("node-count-quoted", "{id: a, role: server, count: ⟦wrong-type⟧'3'}")
node("node-count-list", "{id: a, role: server, count: ⟦wrong-type⟧[3]}")
node("node-near-key", "{id: a, role: server, ⟦unknown-key⟧cuont: 3}")
node("node-device-unknown", "{id: a, role: server, device: ⟦unknown-device⟧phone}")
node("node-policy-unknown", "{id: a, role: pne, attach: {to: gw, link: ble}, policy: ⟦unknown-policy⟧x}")
node("node-server-policy", "{id: a, role: server, ⟦wrong-role⟧policy: default}")
node("node-pne-not-attached", "⟦missing-key⟧{id: a, role: pne}")
node("node-gateway-no-uplink", "⟦missing-key⟧{id: a, role: gateway}")
node("node-pne-with-uplink", "{id: a, role: pne, attach: {to: gw, link: ble}, ⟦wrong-role⟧uplink: {to: srv, link: lte}}")
node("node-server-attached", "{id: a, role: server, attach: {to: ⟦wrong-role⟧gw, link: ble}}")
node("node-gateway-attached", "{id: a, role: gateway, ⟦wrong-role⟧attach: {to: gw, link: ble}, uplink: {to: srv, link: lte}}")
node("node-names-of-a-pne", "{id: a, role: pne, ⟦wrong-role⟧names: [x, z], attach: {to: gw, link: ble}}")
node("node-attach-unknown", "{id: a, role: pne, attach: {to: ⟦unknown-node⟧gate, link: ble}}")
node("node-attach-role", "{id: a, role: pne, attach: {to: ⟦wrong-role⟧srv, link: ble}}")
node("node-attach-copy", "{id: a, role: pne, attach: {to: ⟦unknown-node⟧gw/3, link: ble}}")
node("node-attach-copy-zero", "{id: a, role: pne, attach: {to: ⟦unknown-node⟧gw/0, link: ble}}")
node("node-attach-uncounted", "{id: a, role: gateway, uplink: {to: ⟦unknown-node⟧srv/1, link: lte}}")
node("node-attach-selector", "{id: a, role: pne, attach: {to: ⟦bad-selector⟧gw/x, link: ble}}")
node("node-attach-backwards", "{id: a, role: pne, attach: {to: ⟦empty-selection⟧gw/2..1, link: ble}}")
node("node-attach-no-link", "{id: a, role: pne, attach: ⟦missing-key⟧{to: gw}}")
node("node-attach-link-unknown", "{id: a, role: pne, attach: {to: gw, link: ⟦unknown-link⟧bel}}")
node("node-attach-by", "{id: a, role: pne, attach: {to: gw, by: ⟦unknown-word⟧roundrobin, link: ble}}")
node("node-attach-nobody", "{id: a, role: pne, attach: {to: ⟦empty-list⟧[], link: ble}}")
node("node-mix-sum", "{id: a, role: server, mix: ⟦inconsistent⟧{x: 50 %, y1: 40 %}}")
node("node-mix-device", "{id: a, role: server, mix: {⟦unknown-device⟧x: 100 %}}")
node("node-mix-no-unit", "{id: a, role: server, mix: {x: ⟦missing-unit⟧1}}")
node("node-mix-empty", "{id: a, role: server, mix: ⟦empty-list⟧{}}")
node("node-certificate-issuer", "{id: a, role: server, certificate: {issuer: ⟦unknown-word⟧selfe}}")
node("node-certificate-present", "{id: a, role: server, certificate: {present: ⟦bad-value⟧yes}}")
node("node-certificate-times", "{id: a, role: server, certificate: {not_before: 2 s, not_after: ⟦inconsistent⟧1 s}}")
node("node-certificate-identity", "{id: a, role: server, certificate: {identity: ⟦several-nodes⟧pne/*}}")
node("node-psk", "{id: a, role: server, psk: {secret: ⟦unknown-word⟧rigth}}")
node("node-mode", "{id: a, role: server, ⟦unknown-key⟧mode: both}")
case("node-broken-no-noise", GOOD.replace("count: 2", "count: ⟦bad-value⟧two") +
     "faults:\n  - {at: 1 s, do: link-down, target: gw/1--srv}\n  - {at: 1 s, do: node-silent, target: ⟦unknown-node⟧pnee}\n")
case("node-three-errors", HEAD + "nodes:\n  - {id: srv, role: ⟦unknown-word⟧sever}\n  - {id: gw, role: gateway, uplink: {to: srv, "
     "link: ⟦unknown-link⟧lt}}\n  - {id: pne, role: pne, count: ⟦bad-value⟧x, attach: {to: ⟦unknown-node⟧gwy, link: ble}}\n")


# --- places and movement
def place(name, text):
    node("place-" + name, "{id: a, role: server, position: " + text + "}")


def motion(name, text):
    node("motion-" + name, "{id: a, role: pne, attach: {to: gw, link: ble}, mobility: " + text + "}")


place("no-unit", "[⟦missing-unit⟧1, ⟦missing-unit⟧2]")
place("unit", "[1 m, ⟦unknown-unit⟧2 feet]")
place("one", "⟦out-of-range⟧[1 m]")
place("four", "⟦out-of-range⟧[1 m, 2 m, 3 m, 4 m]")
place("scalar", "⟦wrong-type⟧1 m")
node("place-empty", "{id: a, role: server, ⟦missing-value⟧position: }")
place("far", "[⟦out-of-range⟧1e9 km, 0 m]")
place("nothing", "⟦missing-key⟧{}")
place("two-ways", "{at: [0 m, 0 m], ⟦inconsistent⟧disc: {radius: 5 m}}")
place("unknown", "{⟦unknown-key⟧disk: {radius: 5 m}}")
place("disc-no-radius", "{disc: ⟦missing-key⟧{centre: [0 m, 0 m]}}")
place("disc-radius", "{disc: {radius: ⟦out-of-range⟧-1 m}}")
place("disc-centre", "{disc: {centre: ⟦wrong-type⟧5 m, radius: 1 m}}")
place("grid-no-columns", "{grid: ⟦missing-key⟧{step: [1 m, 1 m]}}")
place("grid-columns", "{grid: {step: [1 m, 1 m], columns: ⟦out-of-range⟧0}}")
place("grid-step", "{grid: {step: ⟦out-of-range⟧[1 m, 1 m, 1 m], columns: 2}}")
place("uniform-no-y", "{uniform: ⟦missing-key⟧{x: [0 m, 5 m]}}")
place("uniform-backwards", "{uniform: {x: ⟦inconsistent⟧[5 m, 0 m], y: [0 m, 5 m]}}")
place("uniform-three", "{uniform: {x: ⟦out-of-range⟧[0 m, 5 m, 6 m], y: [0 m, 5 m]}}")
motion("no-model", "⟦missing-key⟧{points: [{at: 0 s, to: [0 m, 0 m]}]}")
motion("model", "{model: ⟦unknown-word⟧waypoint, points: [{at: 0 s, to: [0 m, 0 m]}]}")
motion("no-points", "⟦missing-key⟧{model: waypoints}")
motion("points-empty", "{model: waypoints, points: ⟦empty-list⟧[]}")
motion("points-map", "{model: waypoints, points: ⟦wrong-type⟧{at: 0 s, to: [0 m, 0 m]}}")
motion("point-no-to", "{model: waypoints, points: [⟦missing-key⟧{at: 0 s}]}")
motion("point-time", "{model: waypoints, points: [{at: ⟦missing-unit⟧3, to: [0 m, 0 m]}]}")
motion("points-order", "{model: waypoints, points: [{at: 5 s, to: [0 m, 0 m]}, {at: ⟦inconsistent⟧5 s, to: [1 m, 0 m]}]}")
motion("points-speed", "{model: waypoints, points: [{at: 5 s, to: [0 m, 0 m]}], ⟦inconsistent⟧speed: 1 m/s}")
node("motion-two-places", "{id: a, role: pne, attach: {to: gw, link: ble}, position: [1 m, 1 m], mobility: {model: waypoints, points: [{at: ⟦inconsistent⟧0 s, to: [0 m, 0 m]}]}}")
motion("no-area", "⟦missing-key⟧{model: random-waypoint, speed: 1 m/s}")
motion("area-no-y", "{model: random-waypoint, area: ⟦missing-key⟧{x: [0 m, 5 m]}, speed: 1 m/s}")
motion("area-point", "{model: random-waypoint, area: ⟦inconsistent⟧{x: [5 m, 5 m], y: [1 m, 1 m]}, speed: 1 m/s}")
motion("no-speed", "⟦missing-key⟧{model: random-waypoint, area: {x: [0 m, 5 m], y: [0 m, 5 m]}}")
motion("speed-no-unit", "{model: random-waypoint, area: {x: [0 m, 5 m], y: [0 m, 5 m]}, speed: ⟦missing-unit⟧1}")
motion("speed-unit", "{model: random-waypoint, area: {x: [0 m, 5 m], y: [0 m, 5 m]}, speed: {uniform: [1 m/s, ⟦unknown-unit⟧2 mph]}}")
motion("speed-zero", "{model: random-waypoint, area: {x: [0 m, 5 m], y: [0 m, 5 m]}, speed: ⟦out-of-range⟧0 m/s}")
motion("speed-backwards", "{model: random-waypoint, area: {x: [0 m, 5 m], y: [0 m, 5 m]}, speed: {uniform: ⟦inconsistent⟧[2 m/s, 1 m/s]}}")
motion("no-absent", "⟦missing-key⟧{model: come-and-go, present: 5 s}")
motion("present-zero", "{model: come-and-go, present: ⟦out-of-range⟧0 s, absent: 5 s}")
motion("absent-unit", "{model: come-and-go, present: 5 s, absent: ⟦unknown-unit⟧5 m}")
motion("first", "{model: come-and-go, present: 5 s, absent: 5 s, first: ⟦unknown-word⟧away}")
motion("come-and-go-area", "{model: come-and-go, present: 5 s, absent: 5 s, ⟦inconsistent⟧area: {x: [0 m, 5 m], y: [0 m, 5 m]}}")
# --- routers, wires, ways
def routers(name, text):
    """Three routers, of which the first two are joined, and a server at the third; more wires."""
    top(name, "  - {id: r, role: router, names: [a, b, c]}\n  - {id: n, role: router, count: 2}\n"
        "  - {id: far, role: server, attach: {to: r/c, link: lte}}\nwires:\n  - {between: [r/a, r/b], link: lte}\n"
        "  - " + text + "\n")


def way(name, text):
    """A good scenario over routers with another gateway."""
    routers(name, "{between: [r/b, r/c], link: lte}")
    CASES[name] = CASES[name].replace("  - {id: r,", "  - " + text + "\n  - {id: r,")


routers("wire-no-link", "⟦missing-key⟧{between: [r/b, r/c]}")
routers("wire-unknown-link", "{between: [r/b, r/c], link: ⟦unknown-link⟧ltea}")
routers("wire-unknown-router", "{between: [r/b, ⟦unknown-node⟧r/d], link: lte}")
routers("wire-numbered-name", "{between: [r/b, ⟦unknown-node⟧r/3], link: lte}")
routers("wire-role", "{between: [r/b, ⟦wrong-role⟧srv], link: lte}")
routers("wire-several", "{between: [r/b, ⟦several-nodes⟧n/*], link: lte}")
routers("wire-three-ends", "{between: ⟦bad-value⟧[r/a, r/b, r/c], link: lte}")
routers("wire-one-end", "{between: ⟦bad-value⟧r/a, link: lte}")
routers("wire-loop", "{between: ⟦self-loop⟧[r/c, r/c], link: lte}")
routers("wire-twice", "⟦duplicate-wire⟧{between: [r/b, r/a], link: lte}")
routers("wire-delay-unit", "{between: [r/b, r/c], link: lte, delay: ⟦missing-unit⟧3}")
routers("wire-rate", "{between: [r/b, r/c], link: lte, rate: ⟦out-of-range⟧0 kbit/s}")
routers("wire-rate-beyond", "{between: [r/b, r/c], link: lte, rate: ⟦out-of-range⟧2000 Gbit/s}")
routers("wire-mtu", "{between: [r/b, r/c], link: lte, mtu: ⟦out-of-range⟧20 B}")
routers("wire-full-radio", "{between: [r/b, r/c], link: wlan, fidelity: full, ⟦inconsistent⟧delay: 3 ms}")
routers("wire-text", "⟦wrong-type⟧r/b--r/c")
way("way-server-without-router", "{id: g, role: gateway, uplink: {to: srv, link: lte, via: ⟦unreachable⟧r/a}}")
way("way-island", "{id: g, role: gateway, uplink: {to: far, link: lte, via: ⟦unreachable⟧n/2}}")
way("way-via-role", "{id: g, role: gateway, uplink: {to: far, link: lte, via: ⟦wrong-role⟧gw/1}}")
way("way-via-copy", "{id: g, role: gateway, uplink: {to: far, link: lte, via: ⟦unknown-node⟧r/frankfurt}}")
way("way-by-alone", "{id: g, role: gateway, uplink: {to: far, link: lte, ⟦inconsistent⟧by: block}}")
way("way-fidelity", "{id: g, role: gateway, fidelity: fast, uplink: {to: far, link: lte, via: ⟦inconsistent⟧r/b}}")
node("router-with-device", "{id: a, role: router, ⟦wrong-role⟧encoding: cbor, ⟦wrong-role⟧psk: {secret: wrong}}")
node("router-names-and-count", "{id: a, role: router, ⟦inconsistent⟧count: 2, names: [x, z]}")
node("router-name-twice", "{id: a, role: router, names: [x, z, ⟦duplicate-item⟧x]}")
node("router-name-bad", "{id: a, role: router, names: [⟦bad-name⟧'x y', ⟦bad-name⟧'2..9', ⟦bad-name⟧'a--b']}")
node("router-attached", "{id: a, role: router, ⟦wrong-role⟧attach: {to: gw, link: ble}}")
fault("fault-no-such-wire", "{at: 1 s, do: link-down, target: ⟦unknown-link⟧gw/1--gw/2}")
routers("fault-silent-router", "{between: [r/b, r/c], link: lte}\nfaults:\n  - {at: 1 s, do: node-silent, target: ⟦wrong-role⟧r/a}")
routers("fault-no-wire", "{between: [r/b, r/c], link: lte}\nfaults:\n  - {at: 1 s, do: link-down, target: ⟦unknown-link⟧r/a--r/c}")
top("import-empty", "⟦missing-value⟧import:\n")
top("import-no-file", "import: ⟦missing-key⟧{link: lte}\n")
top("import-no-link", "import: ⟦missing-key⟧{graphml: x.graphml}\n")
top("import-not-there", "import: {graphml: ⟦cannot-read⟧x.graphml, link: lte}\n")
top("import-prefix", "import: {graphml: x.graphml, link: lte, prefix: ⟦bad-name⟧a/b}\n")

# --- personal networks and groups
pn("pn-no-gateway", "⟦missing-key⟧{id: x}")
pn("pn-several-gateways", "{id: x, gateway: ⟦several-nodes⟧gw/*}")
pn("pn-gateway-role", "{id: x, gateway: ⟦wrong-role⟧srv}")
pn("pn-duplicate", "{id: ⟦duplicate-id⟧all, gateway: gw/1}")
pn("pn-member-elsewhere", "{id: x, gateway: gw/1, members: ⟦not-attached⟧pne/1..2}")
pn("pn-member-role", "{id: x, gateway: gw/1, members: ⟦wrong-role⟧gw/2}")
pn("pn-type", "{id: x, gateway: gw/1, establishment: {type: ⟦out-of-range⟧4}}")
pn("pn-by-stranger", "{id: x, gateway: gw/1, establishment: {type: 2, by: ⟦not-a-member⟧pne/2}}")
pn("pn-by-several", "{id: x, gateway: gw/1, establishment: {type: 2, by: ⟦several-nodes⟧pne/*}}")
pn("pn-at-distribution", "{id: x, gateway: gw/1, establishment: {at: {⟦bad-distribution⟧unifrom: [1 s, 2 s]}}}")
pn("pn-at-backwards", "{id: x, gateway: gw/1, establishment: {at: {uniform: ⟦inconsistent⟧[2 s, 1 s]}}}")
pn("pn-at-one-value", "{id: x, gateway: gw/1, establishment: {at: {uniform: ⟦bad-distribution⟧[2 s]}}}")
pn("pn-at-two-keys", "{id: x, gateway: gw/1, establishment: {at: ⟦bad-distribution⟧{uniform: [1 s, 2 s], normal: [1 s, 1 s]}}}")
case("pn-without-pnes", HEAD + "nodes:\n  - {id: srv, role: server}\n  - {id: gw, role: gateway, uplink: {to: srv, link: "
     "lte}}\npersonal_networks:\n  - ⟦empty-selection⟧{id: x, gateway: gw}\n")
group("group-no-owner", "⟦missing-key⟧{id: g, members: pne/1}")
group("group-owner-several", "{id: g, owner: ⟦several-nodes⟧pne/1..2, members: pne/3}")
group("group-owner-repeated", "{id: g, owner: pne/1, members: [⟦owner-repeated⟧pne/1, pne/2]}")
group("group-owner-alone", "{id: g, owner: pne/1, members: ⟦owner-repeated⟧pne/1}")
group("group-joining", "{id: g, owner: pne/1, members: pne/2, joining: ⟦unknown-word⟧opne}")
group("group-member-unknown", "{id: g, owner: pne/1, members: [pne/2, ⟦unknown-node⟧pne/7]}")

# --- workload
pn("pn-admin-stranger", "{id: x, gateway: gw/1, admin: ⟦not-a-member⟧pne/2}")
pn("pn-admin-several", "{id: x, gateway: gw/1, admin: ⟦several-nodes⟧pne/*}")
pn("pn-candidate-member", "{id: x, gateway: gw/1, members: pne/1, candidates: ⟦inconsistent⟧[pne/1]}")
pn("pn-candidate-elsewhere", "{id: x, gateway: gw/1, members: pne/1, candidates: ⟦not-attached⟧pne/2}")
pn("pn-capabilities", "{id: x, gateway: gw/1, capabilities: ⟦unknown-word⟧always}")
node("node-user-server", "{id: a, role: server, ⟦wrong-role⟧user: alice}")
node("node-user-name", "{id: a, role: gateway, uplink: {to: srv, link: lte}, user: ⟦bad-name⟧'a b'}")
node("node-bridge-role", "{id: a, role: pne, attach: {to: gw, link: ble}, ⟦wrong-role⟧bridge: deny}")
node("node-bridge-word", "{id: a, role: gateway, uplink: {to: srv, link: lte}, bridge: ⟦unknown-word⟧maybe}")

PNE = "id: a, role: pne, attach: {to: gw/1, link: ble}"
UP = "uplink: {to: srv, link: lte}"
node("standby-gateway", "{id: a, role: gateway, " + UP + ", ⟦wrong-role⟧standby: {link: wlan, " + UP + "}}")
node("standby-no-uplink", "{" + PNE + ", standby: ⟦missing-key⟧{link: wlan}}")
node("standby-no-link", "{" + PNE + ", standby: ⟦missing-key⟧{" + UP + "}}")
node("standby-uplink-no-link", "{" + PNE + ", standby: {link: wlan, uplink: ⟦missing-key⟧{to: srv}}}")
node("standby-link-unknown", "{" + PNE + ", standby: {link: ⟦unknown-link⟧wlam, " + UP + "}}")
node("standby-text", "{" + PNE + ", standby: ⟦wrong-type⟧srv}")
node("standby-to-role", "{" + PNE + ", standby: {link: wlan, uplink: {to: ⟦wrong-role⟧gw/1, link: lte}}}")
node("standby-by-alone", "{" + PNE + ", standby: {link: wlan, uplink: {to: srv, link: lte, ⟦inconsistent⟧by: block}}}")
node("standby-policy-unknown", "{" + PNE + ", standby: {link: wlan, policy: ⟦unknown-policy⟧x, " + UP + "}}")
node("standby-name-taken", "{id: a.gw, role: server}\n  - {" + PNE + ", ⟦duplicate-id⟧standby: {link: wlan, " + UP + "}}")
node("standby-self", "{id: a, role: pne, attach: {to: ⟦self-loop⟧a, link: ble}, standby: {link: wlan, " + UP + "}}")
node("standby-not-needed", "{id: x1, role: pne, attach: {to: ⟦wrong-role⟧pne/1, link: ble}}")
top("standby-no-wire", "  - {id: b, role: pne, standby: {link: wlan, " + UP + "}}\n"
    "faults:\n  - {at: 1 s, do: link-down, target: ⟦unknown-link⟧b--b.gw}\n")
node("mesh-gateway", "{id: a, role: gateway, " + UP + ", ⟦wrong-role⟧mesh: {link: fibre}}")
node("mesh-alone", "{id: a, role: server, ⟦empty-selection⟧mesh: {link: fibre}}")
node("mesh-no-link", "{id: a, role: server, count: 2, mesh: ⟦missing-key⟧{policy: default}}")
node("mesh-link-unknown", "{id: a, role: server, count: 2, mesh: {link: ⟦unknown-link⟧fiber}}")
node("mesh-policy-unknown", "{id: a, role: server, count: 2, mesh: {link: fibre, policy: ⟦unknown-policy⟧x}}")


def bridge(name, text):
    top(name, "bridges:\n  - " + text + "\n")


bridge("bridge-one-end", "{between: ⟦bad-value⟧[pne/1], link: ble}")
bridge("bridge-role", "{between: [pne/1, ⟦wrong-role⟧gw/2], link: ble}")
bridge("bridge-several", "{between: [pne/1, ⟦several-nodes⟧pne/2..3], link: ble}")
bridge("bridge-itself", "{between: ⟦self-loop⟧[pne/1, pne/1], link: ble}")
bridge("bridge-unknown", "{between: [pne/1, ⟦unknown-node⟧pen/2], link: ble}")
bridge("bridge-no-link", "⟦missing-key⟧{between: [pne/1, pne/2]}")
bridge("bridge-link-unknown", "{between: [pne/1, pne/2], link: ⟦unknown-link⟧bel}")
bridge("bridge-text", "⟦wrong-type⟧bluetooth")
bridge("bridge-twice", "{between: [pne/1, pne/2], link: ble}\n  - ⟦duplicate-wire⟧{between: [pne/2, pne/1], link: ble}")
node("zone-role", "{id: a, role: pne, attach: {to: gw, link: ble}, ⟦wrong-role⟧zone: {service: tour}}")


def zone(name, text):
    node("zone-" + name, "{id: a, role: gateway, uplink: {to: srv, link: lte}, zone: " + text + "}")


zone("no-service", "⟦missing-key⟧{announce: 5 s}")
zone("announce-zero", "{service: tour, announce: ⟦out-of-range⟧0 s}")
zone("information-unit", "{service: tour, information: ⟦unknown-unit⟧5 s}")
zone("exhibit-no-place", "{service: tour, exhibits: [⟦missing-key⟧{id: a}]}")
zone("exhibit-twice", "{service: tour, exhibits: [{id: a, at: [0 m, 0 m]}, {id: ⟦duplicate-id⟧a, at: [1 m, 0 m]}]}")
top("device-media", "devices: {d: {cpu: cortex-a76, media: ⟦unknown-word⟧smell}}\n")
work("work-pn-node-no-pn", "⟦missing-key⟧{at: 1 s, do: pn-add, from: gw/1, to: pne/1}")
work("work-pn-node-two", "{at: 1 s, do: pn-add, from: gw/1, pn: ⟦inconsistent⟧[pn-gw/1, pn-gw/2], to: pne/1}")
work("work-pn-node-role", "{at: 1 s, do: pn-add, from: gw/1, pn: pn-gw/1, to: ⟦wrong-role⟧gw/2}")
work("work-switch-not-capable", "{at: 1 s, do: gateway-switch, pn: pn-gw/1, to: ⟦not-capable⟧pne/1}")
work("work-switch-nobody", "⟦missing-key⟧{at: 1 s, do: gateway-switch, pn: pn-gw/1}")
work("work-switch-from", "{at: 1 s, do: gateway-switch, pn: pn-gw/1, ⟦inconsistent⟧from: pne/1, to: ⟦not-capable⟧pne/1}")
work("work-expiry-verb", "{at: 1 s, do: service-access, from: pne/1, ⟦inconsistent⟧expiry: 5 s}")
work("work-store-word", "{at: 1 s, do: usage-info, from: pne/1, pn: pn-gw/1, store: [⟦unknown-word⟧cloud]}")
work("work-expiry-negative", "{at: 1 s, do: usage-info, from: pne/1, pn: pn-gw/1, expiry: ⟦out-of-range⟧-5 s}")
work("work-no-verb", "⟦missing-key⟧{at: 1 s, from: pne/1}")
work("work-verb-unknown", "{at: 1 s, do: ⟦unknown-verb⟧service-acces, from: pne/1}")
work("work-no-time", "⟦missing-key⟧{do: service-access, from: pne/1, to: srv}")
work("work-both-times", "{⟦inconsistent⟧at: 1 s, every: 2 s, do: service-access, from: pne/1, to: srv}")
work("work-start-without-every", "{at: 1 s, ⟦inconsistent⟧start: 2 s, do: service-access, from: pne/1, to: srv}")
work("work-until-before-start", "{every: 1 s, start: 9 s, until: ⟦inconsistent⟧8 s, do: service-access, from: pne/1, to: srv}")
work("work-every-zero", "{every: ⟦out-of-range⟧0 s, do: service-access, from: pne/1, to: srv}")
work("work-every-zero-mean", "{every: {exponential: ⟦out-of-range⟧0 s}, do: service-access, from: pne/1, to: srv}")
work("work-no-from", "⟦missing-key⟧{at: 1 s, do: service-access, to: srv}")
work("work-no-to", "⟦missing-key⟧{at: 1 s, do: group-message, from: pne/1}")
work("work-from-role", "{at: 1 s, do: service-access, from: ⟦wrong-role⟧gw/1, to: srv}")
work("work-group-unknown", "{at: 1 s, do: group-message, from: pne/1, to: ⟦unknown-group⟧vitals}")
work("work-pn-unknown", "{at: 1 s, do: pn-release, from: pne/1, pn: ⟦unknown-pn⟧pn-gw}")
work("work-pn-out-of-place", "{at: 1 s, do: service-access, from: pne/1, to: srv, ⟦inconsistent⟧pn: pn-gw/1}")
work("work-size-out-of-place", "{at: 1 s, do: pn-release, from: pne/1, pn: pn-gw/1, ⟦inconsistent⟧size: 1 B}")
work("work-size-no-unit", "{at: 1 s, do: service-access, from: pne/1, to: srv, size: ⟦missing-unit⟧100}")
work("work-size-sigma-unit", "{at: 1 s, do: service-access, from: pne/1, to: srv, size: {lognormal: [200 B, ⟦bad-value⟧4 B]}}")
work("work-size-huge", "{at: 1 s, do: service-access, from: pne/1, to: srv, size: ⟦out-of-range⟧20 MB}")
work("work-count-zero", "{every: 1 s, count: ⟦out-of-range⟧0, do: service-access, from: pne/1, to: srv}")

# --- services, and what a workload entry says about services and members
service("service-no-provider", "⟦missing-key⟧{id: s}")
service("service-provider-role", "{id: s, provider: ⟦wrong-role⟧gw/1}")
service("service-provider-several", "{id: s, provider: ⟦several-nodes⟧pne/1..2}")
service("service-openness", "{id: s, provider: pne/1, openness: ⟦unknown-word⟧publik}")
service("service-group-missing", "⟦missing-key⟧{id: s, provider: pne/1, openness: group}")
service("service-group-unknown", "{id: s, provider: pne/1, openness: group, group: ⟦unknown-group⟧h}")
service("service-group-out-of-place", "{id: s, provider: pne/1, openness: pn, ⟦inconsistent⟧group: g}")
service("service-confirm", "{id: s, provider: pne/1, confirm: ⟦unknown-word⟧ower}")
service("service-allow-out-of-place", "{id: s, provider: pne/1, ⟦inconsistent⟧allow: pne/2}")
service("service-allow-unknown", "{id: s, provider: pne/1, confirm: owner, allow: ⟦unknown-node⟧pne/9}")
service("service-twice", "{id: s, provider: pne/1}\n  - {id: ⟦duplicate-id⟧s, provider: pne/2}")
service("service-echo", "{id: ⟦reserved-name⟧echo, provider: pne/1}")
service("service-unknown-key", "{id: s, provider: pne/1, ⟦unknown-key⟧opennes: pn}")
group("group-unwilling-role", "{id: g, owner: pne/1, members: pne/2, unwilling: ⟦wrong-role⟧srv}")
service("work-service-unknown", "{id: pulse, provider: pne/1}\nworkload:\n"
        "  - {at: 1 s, do: service-access, from: pne/2, service: ⟦unknown-service⟧pulze}")
work("work-service-out-of-place", "{at: 1 s, do: restart, ⟦inconsistent⟧service: s}")
work("work-keyword-out-of-place", "{at: 1 s, do: restart, ⟦inconsistent⟧keyword: s}")
service("work-member-missing", "{id: s, provider: pne/1}\nworkload:\n  - ⟦missing-key⟧{at: 1 s, do: group-invite, from: pne/1, to: g}")
service("work-member-role", "{id: s, provider: pne/1}\nworkload:\n"
        "  - {at: 1 s, do: group-invite, from: pne/1, to: g, member: ⟦wrong-role⟧gw/1}")
work("work-member-several", "{at: 1 s, do: group-discover, from: pne/1, member: ⟦several-nodes⟧[pne/1, pne/2]}")
work("work-member-range", "{at: 1 s, do: group-discover, from: pne/1, member: ⟦several-nodes⟧pne/1..2}")

# --- faults
fault("fault-no-target", "⟦missing-key⟧{at: 1 s, do: link-down}")
fault("fault-verb", "{at: 1 s, do: ⟦unknown-word⟧linkdown, target: gw/1--srv}")
fault("fault-no-link", "{at: 1 s, do: link-down, target: ⟦unknown-link⟧pne/1--gw/2}")
fault("fault-not-a-link", "{at: 1 s, do: link-down, target: ⟦bad-selector⟧gw/1}")
fault("fault-link-end", "{at: 1 s, do: link-down, target: ⟦unknown-node⟧gw/1--server}")
fault("fault-negative", "{at: ⟦out-of-range⟧-1 s, do: link-down, target: gw/1--srv}")
fault("fault-duplicate", "{id: f, at: 1 s, do: node-silent, target: srv}\n  - {id: ⟦duplicate-id⟧f, at: 2 s, do: node-silent, target: srv}")
fault("fault-node-link", "{at: 1 s, do: node-silent, target: ⟦unknown-node⟧gw--srv}")

# --- attackers
attacker("attacker-no-id", "⟦missing-key⟧{kind: tamper, target: pne/1--gw/1}")
attacker("attacker-no-kind", "⟦missing-key⟧{id: m, target: pne/1--gw/1}")
attacker("attacker-no-target", "⟦missing-key⟧{id: m, kind: tamper}")
attacker("attacker-unknown-kind", "{id: m, kind: ⟦unknown-attacker⟧tampr, target: pne/1--gw/1}")
attacker("attacker-kind-list", "{id: m, kind: ⟦wrong-type⟧[tamper], target: pne/1--gw/1}")
attacker("attacker-unknown-link", "{id: m, kind: tamper, target: ⟦unknown-link⟧pne/1--gw/2}")
attacker("attacker-link-is-node", "{id: m, kind: tamper, target: ⟦bad-selector⟧pne/1}")
attacker("attacker-node-is-link", "{id: m, kind: impersonate, target: ⟦bad-selector⟧pne/1--gw/1, params: {as: pne/2}}")
attacker("attacker-wrong-role", "{id: m, kind: impersonate, target: ⟦wrong-role⟧srv, params: {as: pne/2}}")
attacker("attacker-negative-time", "{id: m, kind: tamper, target: pne/1--gw/1, at: ⟦out-of-range⟧-1 s}")
attacker("attacker-no-unit", "{id: m, kind: tamper, target: pne/1--gw/1, for: ⟦missing-unit⟧3}")
attacker("attacker-bad-bit", "{id: m, kind: tamper, target: pne/1--gw/1, params: {bit: ⟦bad-value⟧any}}")
attacker("attacker-bit-too-far", "{id: m, kind: tamper, target: pne/1--gw/1, params: {bit: ⟦bad-value⟧131073}}")
attacker("attacker-nth-zero", "{id: m, kind: tamper, target: pne/1--gw/1, params: {nth: ⟦out-of-range⟧0}}")
attacker("attacker-nth-and-probability",
         "{id: m, kind: tamper, target: pne/1--gw/1, params: {nth: 2, ⟦inconsistent⟧probability: 5 %}}")
attacker("attacker-probability", "{id: m, kind: tamper, target: pne/1--gw/1, params: {probability: ⟦out-of-range⟧105 %}}")
attacker("attacker-unknown-part", "{id: m, kind: tamper, target: pne/1--gw/1, params: {part: ⟦unknown-word⟧tail}}")
attacker("attacker-unknown-param", "{id: m, kind: tamper, target: pne/1--gw/1, params: {⟦unknown-key⟧bits: 3}}")
attacker("attacker-foreign-param", "{id: m, kind: tamper, target: pne/1--gw/1, params: {⟦inconsistent⟧by: 1 s}}")
attacker("attacker-missing-param", "⟦missing-key⟧{id: m, kind: impersonate, target: pne/1}")
attacker("attacker-param-list", "{id: m, kind: tamper, target: pne/1--gw/1, params: ⟦wrong-type⟧[nth]}")
attacker("attacker-size-unit", "{id: m, kind: inject, target: pne/1--gw/1, params: {size: ⟦missing-unit⟧64}}")
attacker("attacker-flood-word", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {flood: ⟦unknown-word⟧syn}}")
attacker("attacker-flood-tamper", "{id: m, kind: tamper, target: pne/1--gw/1, params: {⟦inconsistent⟧flood: hello}}")
attacker("attacker-flood-nth", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {⟦inconsistent⟧nth: 2}}")
attacker("attacker-flood-on-node", "{id: m, kind: exhaustion, target: ⟦bad-selector⟧gw/1}")
attacker("attacker-every-unit", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {every: ⟦missing-unit⟧10}}")
attacker("attacker-addresses-none", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {addresses: ⟦out-of-range⟧0}}")
attacker("attacker-addresses-most", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {addresses: ⟦out-of-range⟧257}}")
attacker("attacker-spoofed-tcp", "{id: m, kind: exhaustion, target: pne/1--gw/1, params: {source: ⟦inconsistent⟧spoofed}}")
top("attacker-slow-datagrams",
    "security: {policies: {d: {kind: dtls}}, pne_gateway: d}\n"
    "attackers:\n  - {id: m, kind: exhaustion, target: pne/1--gw/1, params: {flood: ⟦inconsistent⟧slow}}\n"
    "  - {id: n, kind: exhaustion, target: pne/1--gw/1, params: {source: spoofed}}\n")
attacker("attacker-as-nobody", "{id: m, kind: impersonate, target: pne/1, params: {as: ⟦unknown-node⟧pnx/2}}")
attacker("attacker-as-several", "{id: m, kind: impersonate, target: pne/1, params: {as: ⟦several-nodes⟧pne/2..3}}")
attacker("attacker-to-nobody", "{id: m, kind: zero-rtt-replay, target: pne/1--gw/1, params: {to: ⟦unknown-node⟧gx}}")
attacker("attacker-to-several", "{id: m, kind: zero-rtt-replay, target: pne/1--gw/1, params: {to: ⟦several-nodes⟧gw/*}}")
attacker("attacker-to-pne", "{id: m, kind: zero-rtt-replay, target: pne/1--gw/1, params: {to: ⟦wrong-role⟧pne/2}}")
attacker("attacker-to-foreign", "{id: m, kind: tamper, target: pne/1--gw/1, params: {⟦inconsistent⟧to: gw/1}}")
attacker("attacker-ahead-foreign", "{id: m, kind: delay, target: pne/1--gw/1, params: {⟦inconsistent⟧ahead: true}}")
attacker("attacker-ahead-word", "{id: m, kind: zero-rtt-replay, target: pne/1--gw/1, params: {ahead: ⟦bad-value⟧first}}")
case("attacker-to-idle", HEAD + NODES.replace("gw/*", "gw/1") +
     "attackers:\n  - {id: m, kind: zero-rtt-replay, target: pne/1--gw/1, params: {to: ⟦inconsistent⟧gw/2}}\n")
top("attacker-twice", "attackers:\n  - {id: m, kind: tamper, target: pne/1--gw/1}\n"
    "  - {id: ⟦duplicate-id⟧m, kind: tamper, target: pne/1--gw/1}\n")
top("attackers-mapping", "attackers: ⟦wrong-type⟧{id: m}\n")


# --- expectations
expect("expect-nothing", "⟦missing-key⟧{subject: pne--gateway}")
expect("expect-claim-unknown", "{claim: ⟦unknown-claim⟧no-plaintext}")
expect("expect-metric-unknown", "{metric: ⟦unknown-metric⟧setup_ms.p94, max: 1 s}")
expect("expect-no-bound", "⟦missing-key⟧{metric: setup_ms.p95}")
expect("expect-no-unit", "{metric: setup_ms.p95, max: ⟦missing-unit⟧400}")
expect("expect-count-unit", "{metric: messages.lost, max: ⟦bad-value⟧4 s}")
expect("expect-ratio-over", "{metric: delivery_ratio, min: ⟦out-of-range⟧1.5}")
expect("expect-bounds", "{metric: setup_ms.p95, min: 2 s, max: ⟦inconsistent⟧1 s}")
expect("expect-both", "{claim: no-plaintext-on-wire, ⟦inconsistent⟧metric: setup_ms.p95, max: 1 s}")
expect("expect-claim-bound", "{claim: no-plaintext-on-wire, ⟦inconsistent⟧max: 1 s}")
expect("expect-hop", "{claim: mutual-authentication, subject: ⟦bad-subject⟧pne-gateway}")
expect("expect-message-type", "{metric: messages.lost, max: 0, subject: ⟦bad-subject⟧pne--gateway}")
expect("expect-flow-kind", "{metric: flows.done, min: 1, subject: ⟦bad-subject⟧ServiceAccess}")
expect("expect-list-in-list", "⟦wrong-type⟧[claim, no-plaintext-on-wire]")

# --- timers
top("timer-unknown", "timers: {⟦unknown-key⟧keepalive: 3 s}\n")
top("timer-backoff", "timers: {request_backoff: ⟦out-of-range⟧0.5}\n")
top("timer-reconnect-backoff", "timers: {reconnect_backoff: ⟦out-of-range⟧0.9}\n")
top("timer-reconnect-none", "timers: {reconnect: ⟦out-of-range⟧0 s}\n")
top("timer-reconnect-most", "timers: {reconnect_most: ⟦missing-unit⟧60}\n")
top("timer-close", "timers: {close_timeout: ⟦bad-value⟧never}\n")
top("timer-tries-unit", "timers: {request_tries: ⟦bad-value⟧3 s}\n")

# --- includes (there is nothing beside the corpus)
top("include-missing", "include: ⟦cannot-read⟧nowhere.yaml\n")
top("include-missing-in-list", "include: [⟦cannot-read⟧nowhere.yaml]\nlinks:\n  l: {technology: ⟦unknown-technology⟧bel}\n")
top("include-folder", "include: ⟦cannot-read⟧.\n")
top("include-itself", "include: ⟦include-cycle⟧include-itself.yaml\n")
top("include-mapping", "include: ⟦wrong-type⟧{a: b}\n")
top("include-broken", "include: included.part\nnodes_x: 1\n".replace("nodes_x", "⟦unknown-key⟧nodes_x"))

# --- files that are no text, or that a comment would change
RAW["binary-nul"] = (b"cpns: 1\nname: a\x00b\n", "binary-file 2:8")
RAW["binary-elf"] = (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)), "binary-file 1:1")
RAW["binary-png"] = (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "bad-encoding 1:1")
RAW["utf16"] = ("\ufeffcpns: 1\n".encode("utf-16-le"), "bad-encoding 1:1")
RAW["latin1"] = ("cpns: 1\nname: café\n".encode("latin-1"), "bad-encoding 2:10")
RAW["utf8-overlong"] = (b"cpns: 1\nname: \xc0\xaf\n", "bad-encoding 2:7")
RAW["utf8-surrogate"] = (b"cpns: 1\nname: \xed\xa0\x80\n", "bad-encoding 2:7")
RAW["utf8-cut"] = (b"cpns: 1\nname: ab\xe2\x82", "bad-encoding 2:9")
RAW["empty"] = (b"", "empty-file 1:1")
RAW["blank"] = (b"\n\n   \n", "empty-file 1:1")
RAW["carriage-returns"] = (b"cpns: 1\rrun: {until: 60}\r", "missing-unit 2:14, missing-key 1:1")
RAW["windows-lines"] = (b"cpns: 1\r\nrun: {until: 60}\r\n", "missing-unit 2:14, missing-key 1:1")
RAW["byte-order-mark"] = (b"\xef\xbb\xbfcpns: 1\nrun: {until: 60}\n", "missing-unit 2:14, missing-key 1:1")
RAW["escape-codes"] = (b"cpns: 1\nname: \x1b[31m\n", "binary-file 2:7")
RAW["nested-10000"] = (b"cpns: 1\nx: " + b"[" * 10000, "too-deep 2:35")
RAW["json"] = (b'{"cpns": 1, "run": {"until": "60"}}\n', "missing-unit 1:30, missing-key 1:1")
MARK = re.compile("⟦([a-z0-9-]*)⟧")


def finish(text):
    """Marks out, places found; line 1 is the comment."""
    expected, out, line, column = [], "", 2, 1
    position = 0
    for match in MARK.finditer(text):
        out += text[position:match.start()]
        position = match.end()
        line = 2 + out.count("\n")
        column = len(out) - (out.rfind("\n") + 1) + 1
        expected.append(f"{match.group(1)} {line}:{column}")
    out += text[position:]
    return "# expect: " + ", ".join(expected) + "\n" + out


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, text in CASES.items():
        (FOLDER / (name + ".yaml")).write_text(finish(text), encoding="utf-8", newline="")
    for name, (data, _) in RAW.items():
        (FOLDER / (name + ".yaml")).write_bytes(data)
    (FOLDER / "EXPECT").write_text("".join(f"{name}.yaml: {e}\n" for name, (_, e) in RAW.items()), encoding="utf-8")
    (FOLDER / "included.part").write_text("cpns: 1\nlinks: {}\n", encoding="utf-8")
    print(f"{len(CASES) + len(RAW)} files in {FOLDER}")


main()
