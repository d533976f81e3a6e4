#!/usr/bin/env python3
"""Alternates bench_raw and `cpnsim run` over the same number of handshakes and messages, and compares medians.

    python3 tests/bench/compare.py [--build build/release] [--out build/bench] [--pnes 100,1000] [--rounds 5]
                                   [--workers 1] [--smoke]

Writes OUT/bench.json and prints a table. --smoke: 10 PNEs, one round, checks that both did the same work.
"""
import argparse
import json
import os
import pathlib
import platform
import sqlite3
import statistics
import subprocess
import sys
import time

PNES_PER_GATEWAY = 10
REQUESTS = 4  # a PNE, as in bench_raw.c
SCENARIO = """\
cpns: 1
name: bench-{pnes}
description: The work of bench_raw in a simulated network
run: {{until: 60 s, seed: 1}}
security:
  policies:
    bench: {{kind: tls, versions: ["1.3"], groups: [P-256], certificates: ecdsa-p256, auth: mutual, resumption: none}}
  pne_gateway: bench
  gateway_server: bench
devices:
  any: {{cpu: cortex-a76, battery: 100 %}}
links:
  near: {{technology: wlan}}
  far: {{technology: fibre}}
nodes:
  - {{id: srv, role: server, device: any}}
  - {{id: gw, role: gateway, count: {gateways}, device: any, uplink: {{to: srv, link: far}}}}
  - {{id: pne, role: pne, count: {pnes}, device: any, attach: {{to: gw/*, by: round-robin, link: near}}}}
workload:
  - {{every: 5 s, start: 10 s, count: {requests}, do: service-access, from: pne/*, to: srv, size: 300 B}}
expect:
  - {{claim: every-signalling-message-protected}}
"""


def measured(command):
    """Runs a command; its output, wall and processor seconds."""
    before = os.times()
    start = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True)
    wall = time.monotonic() - start
    after = os.times()
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {run.returncode}\n{run.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return run.stdout, wall, cpu


def one(database, sql):
    return database.execute(sql).fetchone()[0]


def run_raw(build, pnes):
    out, wall, cpu = measured([str(build / "tests" / "bench_raw"), str(pnes)])
    result = json.loads(out)
    return {"wall_s": wall, "cpu_s": cpu, "peak_kib": result["peak_kib"], "handshakes": result["handshakes"],
            "messages": result["messages"]}


def run_ours(build, out, pnes, workers):
    scenario, db = out / f"bench-{pnes}.yaml", out / f"bench-{pnes}.db"
    gateways = -(-pnes // PNES_PER_GATEWAY)
    scenario.write_text(SCENARIO.format(pnes=pnes, gateways=gateways, requests=REQUESTS), encoding="utf-8")
    _, wall, cpu = measured([str(build / "cpnsim"), "run", str(scenario), "-o", str(db), "--progress", "never",
                             "--workers", str(workers)])
    database = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    result = {
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_kib": one(database, "SELECT peak_memory_kib FROM run"),
        "events": one(database, "SELECT events FROM run"),
        "handshakes": one(database, "SELECT count(*) FROM v_session WHERE established_s IS NOT NULL"),
        "all_messages": one(database, "SELECT count(*) FROM v_message"),
        "messages": one(database, "SELECT count(*) FROM v_message WHERE type IN "
                        "('ServiceAccessRequest', 'ServiceAccessResponse') AND outcome = 'delivered'"),
        "violations": one(database, "SELECT count(*) FROM v_violation"),
    }
    database.close()
    return result


def same_work(pnes, raw, ours):
    """What keeps the comparison honest; a sentence when it fails."""
    if ours["handshakes"] != raw["handshakes"]:
        return f"{pnes} PNEs: {ours['handshakes']} sessions established, {raw['handshakes']} wanted"
    if ours["messages"] != raw["messages"]:
        return f"{pnes} PNEs: {ours['messages']} requests and answers delivered, {raw['messages']} wanted"
    if ours["violations"] != 0:
        return f"{pnes} PNEs: {ours['violations']} violations"
    return None


def compare(args):
    args.out.mkdir(parents=True, exist_ok=True)
    results = []
    for pnes in args.pnes:
        raws, ours = [], []
        for _ in range(args.rounds):
            raws.append(run_raw(args.build, pnes))
            ours.append(run_ours(args.build, args.out, pnes, args.workers))
            wrong = same_work(pnes, raws[-1], ours[-1])
            if wrong:
                sys.exit(f"compare.py: {wrong}")

        def median(runs, key):
            return statistics.median(r[key] for r in runs)

        handshakes = raws[0]["handshakes"]
        results.append({
            "pnes": pnes, "handshakes": handshakes, "messages_ours": ours[0]["all_messages"],
            "messages_raw": raws[0]["messages"],
            "raw_us": median(raws, "wall_s") / handshakes * 1e6,
            "ours_us": median(ours, "wall_s") / handshakes * 1e6,
            "ratio_wall": median(ours, "wall_s") / median(raws, "wall_s"),
            "ratio_cpu": median(ours, "cpu_s") / median(raws, "cpu_s"),
            "events_per_s": median(ours, "events") / median(ours, "wall_s"),
            "events_per_handshake": ours[0]["events"] / handshakes,
            "peak_kib_per_pne": median(ours, "peak_kib") / pnes,
            "raw_peak_kib_per_pne": median(raws, "peak_kib") / pnes,
            "rounds": {"raw": raws, "ours": ours},
        })
    return results


COLUMNS = [("PNEs", "pnes", "d"), ("handshakes", "handshakes", "d"), ("raw us", "raw_us", ".0f"),
           ("ours us", "ours_us", ".0f"), ("ours/raw wall", "ratio_wall", ".2f"), ("ours/raw cpu", "ratio_cpu", ".2f"),
           ("events/s", "events_per_s", ".0f"), ("peak KiB/PNE", "peak_kib_per_pne", ".0f"),
           ("raw KiB/PNE", "raw_peak_kib_per_pne", ".0f")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--pnes", type=lambda s: [int(n) for n in s.split(",")], default=[100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.pnes, args.rounds = [10], 1
    results = compare(args)
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.machine())
    document = {"cpu": cpu, "cores": os.cpu_count(), "workers": args.workers, "rounds": args.rounds,
                "load_before": os.getloadavg()[0], "results": results}
    (args.out / "bench.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(" | ".join(title for title, _, _ in COLUMNS))
    for result in results:
        print(" | ".join(format(result[key], form).rjust(len(title)) for title, key, form in COLUMNS))
    print(f"medians of {args.rounds}, {args.workers} worker(s), {cpu}; every round in {args.out}/bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
