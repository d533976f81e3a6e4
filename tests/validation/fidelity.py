#!/usr/bin/env python3
"""Runs the same scenarios in fidelity packet and fast and compares set-up times, transfers and retransmissions.

    python3 tests/validation/fidelity.py [--build build/release] [--seeds 5] [--technologies ble,wlan] [--losses 0,1,5,10]
                                         [--most 0.05] [--markdown]

A cell is a technology and a loss; its two runs a seed have 20 PNEs that connect and send 20 requests of 8 kB each. A
median that differs by more than --most is marked; with --check the exit code is 1 when more than --allow of them are.
"""
import argparse
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile

TECHNOLOGIES = ["fibre", "wlan", "bluetooth", "ble", "zigbee", "3g", "lte"]
SCENARIO = """\
cpns: 1
name: fidelity
fidelity: {fidelity}
run: {{until: 900 s, seed: {seed}}}
security:
  policies:
    modern: {{kind: tls, versions: ["1.3"], groups: [P-256], certificates: ecdsa-p256, auth: mutual, resumption: none}}
  pne_gateway: modern
  gateway_server: modern
devices:
  phone: {{cpu: cortex-a76}}
links:
  near: {{technology: {technology}, loss: {{model: random, rate: {loss} %}}}}
nodes:
  - {{id: srv, role: server, device: phone, encoding: cbor}}
  - {{id: gw, role: gateway, count: 20, device: phone, encoding: cbor, uplink: {{to: srv, link: fibre}}}}
  - {{id: pne, role: pne, count: 20, device: phone, encoding: cbor, start: {{uniform: [0 s, 5 s]}},
     attach: {{to: gw/*, by: round-robin, link: near}}}}
workload:
  - {{every: 30 s, start: 200 s, count: 20, do: service-access, from: pne/*, size: 8 kB}}
"""


def run(args, fidelity, technology, loss, seed, folder):
    """Set-up times (ms), request times (ms), retransmissions a session, failed sessions."""
    scenario, db = folder / "fidelity.yaml", folder / "fidelity.db"
    scenario.write_text(SCENARIO.format(fidelity=fidelity, technology=technology, loss=loss, seed=seed), encoding="utf-8")
    result = subprocess.run([str(args.build / "cpnsim"), "run", str(scenario), "-o", str(db), "--progress", "never"],
                            capture_output=True, text=True)
    if result.returncode not in (0, 2):  # 2: the scenario expects nothing
        sys.exit(f"{scenario}: exit {result.returncode}\n{result.stderr}")
    database = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    setup = [row[0] for row in database.execute(
        "SELECT setup_ms FROM v_session WHERE hop = 'pne-gateway' AND setup_ms IS NOT NULL")]
    requests = [row[0] for row in database.execute(
        "SELECT latency_ms FROM v_message WHERE type = 'ServiceAccessRequest' AND latency_ms IS NOT NULL")]
    again = [row[0] for row in database.execute("SELECT retransmissions FROM v_session WHERE hop = 'pne-gateway'")]
    database.close()
    return setup, requests, again


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def cell(args, technology, loss, folder):
    samples = {}
    for fidelity in ("packet", "fast"):
        parts = [run(args, fidelity, technology, loss, seed, folder) for seed in range(1, args.seeds + 1)]
        samples[fidelity] = [[v for part in parts for v in part[i]] for i in range(3)]
    p, f = samples["packet"], samples["fast"]
    row = {"technology": technology, "loss": loss}
    for i, name in ((0, "setup"), (1, "request")):
        for label, q in (("p50", 0.5), ("p95", 0.95)):
            a, b = quantile(p[i], q), quantile(f[i], q)
            row[f"{name}_{label}"] = (a, b, b / a if a else float("nan"))
    a, b = statistics.fmean(p[2]), statistics.fmean(f[2])
    row["again"] = (a, b, b / a if a else 1.0 if b == 0 else float("inf"))
    row["sessions"] = (len(p[0]), len(f[0]))
    row["requests"] = (len(p[1]), len(f[1]))
    return row


def shown(value, most, digits=1):
    a, b, ratio = value
    mark = "**" if abs(ratio - 1) > most else ""
    return f"{a:.{digits}f} / {b:.{digits}f} ({mark}{ratio:.2f}{mark})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--technologies", type=lambda s: s.split(","), default=TECHNOLOGIES)
    parser.add_argument("--losses", type=lambda s: [float(x) for x in s.split(",")], default=[0, 1, 3, 5, 10])
    parser.add_argument("--most", type=float, default=0.05)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--allow", type=int, default=0)
    args = parser.parse_args()
    print("| Technology | Loss % | Set-up p50, ms | Set-up p95, ms | Request p50, ms | Request p95, ms | "
          "Retransmissions a session |")
    print("|---|---|---|---|---|---|---|")
    off = 0
    with tempfile.TemporaryDirectory() as folder:
        for technology in args.technologies:
            for loss in args.losses:
                row = cell(args, technology, loss, pathlib.Path(folder))
                print(f"| {technology} | {loss:g} | {shown(row['setup_p50'], args.most)} | "
                      f"{shown(row['setup_p95'], args.most)} | {shown(row['request_p50'], args.most)} | "
                      f"{shown(row['request_p95'], args.most)} | {shown(row['again'], args.most, 2)} |", flush=True)
                off += sum(abs(row[k][2] - 1) > args.most for k in ("setup_p50", "request_p50"))
                if row["sessions"][0] != row["sessions"][1] or row["requests"][0] != row["requests"][1]:
                    print(f"{technology}, {loss:g} %: {row['sessions']} sessions, {row['requests']} requests")
    print(f"\n{off} of {2 * len(args.technologies) * len(args.losses)} medians differ by more than "
          f"{args.most:.0%}; packet / fast (ratio)")
    return 1 if args.check and off > args.allow else 0


if __name__ == "__main__":
    sys.exit(main())
