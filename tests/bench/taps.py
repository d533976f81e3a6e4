#!/usr/bin/env python3
"""What attackers cost in speed: the same run without any, and with taps on all links.

    python3 tests/bench/taps.py [--build build/release] [--out build/bench] [--pnes 1000] [--rounds 5] [--fidelity fast]
                                [--workers 1] [--smoke]

Prints a table: seconds of each variant (medians of alternating rounds, wall clock and processor), and their ratio to the run
without attackers. All variants must have done the same work: as many sessions, messages and hops. --smoke: 10 PNEs, one
round, only that check.

    none         no attacker
    ears         an eavesdropper on each link: looks for plaintext, and for names in handshakes
    watcher      an attacker on each link that could flip a bit of each record, and never does (probability 0)
    both         one of each on each link
"""
import argparse
import json
import pathlib
import sqlite3
import statistics
import sys

import compare

LINKS = ["pne/*--gw/*", "gw/*--srv/*"]
EARS = "  - {{id: ears-{0}, kind: eavesdropper, target: '{1}'}}\n"
WATCHER = "  - {{id: watcher-{0}, kind: tamper, target: '{1}', params: {{records: any, probability: 0 %}}}}\n"
VARIANTS = {"none": [], "ears": [EARS], "watcher": [WATCHER], "both": [EARS, WATCHER]}


def write_scenario(args, name, kinds):
    """The scenario of the scale benchmark with these attackers."""
    text = compare.SCENARIO.read_text(encoding="utf-8")
    text = text.replace("[lib/devices.yaml, lib/links.yaml]",
                        "[{0}/lib/devices.yaml, {0}/lib/links.yaml]".format(compare.SCENARIO.parent))
    if kinds:
        text += "attackers:\n" + "".join(kind.format(i, link) for kind in kinds for i, link in enumerate(LINKS))
    path = args.out / f"taps-{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(args, scenario):
    db = args.out / "taps.db"
    window = max(1, args.pnes // 1000)
    settings = {"pnes": args.pnes, "gateways": -(-args.pnes // compare.PNES_PER_GATEWAY), "servers": 1,
                "window": f"{window} s", "first_request": f"{window + 10} s", "requests": args.requests,
                "shortest": "1 s", "longest": "1 s", "fidelity": args.fidelity,
                "run.until": f"{window + 20 + args.requests} s"}
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    _, wall, cpu = compare.measured([str(args.build / "cpnsim"), "run", str(scenario), "-o", str(db), "--progress", "never",
                                     "--workers", str(args.workers), *sets])
    database = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    work = {
        "sessions": compare.one(database, "SELECT count(*) FROM session WHERE established_ns IS NOT NULL"),
        "messages": compare.one(database, "SELECT count(*) FROM message WHERE outcome = 'delivered'"),
        "hops": compare.one(database, "SELECT count(*) FROM message_hop"),
        "violations": compare.one(database, "SELECT count(*) FROM v_violation"),
    }
    taps = compare.one(database, "SELECT count(*) FROM tap")
    database.close()
    db.unlink()
    return {"wall_s": wall, "cpu_s": cpu, "taps": taps, "work": work}


def main():
    parser = argparse.ArgumentParser(description="What attackers cost in speed.")
    parser.add_argument("--build", type=pathlib.Path, default=compare.ROOT / "build" / "release")
    parser.add_argument("--out", type=pathlib.Path, default=compare.ROOT / "build" / "bench")
    parser.add_argument("--pnes", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20, help="of each PNE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fidelity", default="fast")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.pnes, args.rounds, args.requests = 10, 1, 2
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    scenarios = {name: write_scenario(args, name, kinds) for name, kinds in VARIANTS.items()}
    runs = {name: [] for name in VARIANTS}
    for _ in range(args.rounds):
        for name, scenario in scenarios.items():
            runs[name].append(run(args, scenario))
    work = runs["none"][0]["work"]
    for name, rounds in runs.items():
        taps = (args.pnes + -(-args.pnes // compare.PNES_PER_GATEWAY)) * len(VARIANTS[name])
        for r in rounds:
            if r["work"] != work or r["work"]["violations"] != 0 or r["taps"] != taps:
                sys.exit(f"taps.py: {name}: {r}, wanted {work} and {taps} taps")
    print(f"{args.pnes} PNEs, {work['sessions']} sessions, {work['hops']} hops of messages, {args.fidelity}, "
          f"{args.workers} worker(s), {args.rounds} round(s)")
    print(f"{'':8} {'taps':>6} {'wall s':>8} {'ratio':>6} {'cpu s':>8} {'ratio':>6}")
    result = {}
    for name, rounds in runs.items():
        row = {key: statistics.median(r[key] for r in rounds) for key in ("wall_s", "cpu_s", "taps")}
        for key in ("wall", "cpu"):
            row[f"ratio_{key}"] = statistics.median(
                r[f"{key}_s"] / n[f"{key}_s"] for r, n in zip(rounds, runs["none"]))
        print(f"{name:8} {row['taps']:6.0f} {row['wall_s']:8.2f} {row['ratio_wall']:6.3f} {row['cpu_s']:8.2f} "
              f"{row['ratio_cpu']:6.3f}")
        result[name] = {**row, "rounds": rounds}
    (args.out / "taps.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
