#!/usr/bin/env python3
"""Alternates bench_raw and `cpnsim run` over the same number of handshakes and messages, and compares medians.

    python3 tests/bench/compare.py [--build build/release] [--out build/bench] [--pnes 100,1000] [--workers 1,2]
                                   [--fidelity packet,fast] [--rounds 3] [--messages] [--plot FILE.svg] [--smoke]

Writes OUT/bench.json and prints a table. --messages: how many messages a second once sessions stand, from two runs that
differ in their number of requests. --smoke: 10 PNEs, one round, checks that both did the same work.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "topologies" / "scale-10k.yaml"
PNES_PER_GATEWAY = 10
REQUESTS = 4  # a PNE, as in bench_raw.c where nothing is said
RAW_MOST = 10000  # bare handshakes cost the same each, so larger counts only take memory


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


def run_raw(args, pnes, requests=REQUESTS):
    out, wall, cpu = measured([str(args.build / "tests" / "bench_raw"), str(min(pnes, RAW_MOST)), str(requests)])
    result = json.loads(out)
    return {"wall_s": wall, "cpu_s": cpu, "peak_kib": result["peak_kib"] / min(pnes, RAW_MOST) * pnes,
            "handshakes": result["handshakes"], "messages": result["messages"]}


def run_ours(args, pnes, workers, fidelity, requests=REQUESTS, apart=(2.5, 7.5)):
    """PNEs come at a thousand a second, however many there are; their requests are `apart` seconds apart."""
    db = args.out / "bench.db"
    window = max(1, pnes // 1000)
    settings = {"pnes": pnes, "gateways": -(-pnes // PNES_PER_GATEWAY), "servers": max(1, min(16, pnes // 2500)),
                "window": f"{window} s", "first_request": f"{window + 10} s", "requests": requests,
                "shortest": f"{apart[0]} s", "longest": f"{apart[1]} s", "fidelity": fidelity,
                "run.until": f"{int(window + 20 + requests * apart[1])} s"}
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    _, wall, cpu = measured([str(args.build / "cpnsim"), "run", str(SCENARIO), "-o", str(db), "--progress", "never",
                             "--workers", str(workers), *sets])
    database = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    result = {
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_kib": one(database, "SELECT peak_memory_kib FROM run"),
        "events": one(database, "SELECT events FROM run"),
        "handshakes": one(database, "SELECT count(*) FROM session WHERE established_ns IS NOT NULL"),
        "all_messages": one(database, "SELECT count(*) FROM message"),
        "messages": one(database, "SELECT count(*) FROM message WHERE type IN "
                        "('ServiceAccessRequest', 'ServiceAccessResponse') AND outcome = 'delivered'"),
        "hops": one(database, "SELECT count(*) FROM message_hop WHERE protected = 1"),
        "violations": one(database, "SELECT count(*) FROM v_violation"),
    }
    database.close()
    db.unlink()
    return result


def same_work(pnes, requests, ours):
    """What keeps the comparison honest; a sentence when it fails."""
    handshakes = pnes + -(-pnes // PNES_PER_GATEWAY)
    if ours["handshakes"] != handshakes:
        return f"{pnes} PNEs: {ours['handshakes']} sessions established, {handshakes} wanted"
    if ours["messages"] != pnes * requests * 2:
        return f"{pnes} PNEs: {ours['messages']} requests and answers delivered, {pnes * requests * 2} wanted"
    if ours["violations"] != 0:
        return f"{pnes} PNEs: {ours['violations']} violations"
    return None


def must_be_same_work(pnes, requests, ours):
    wrong = same_work(pnes, requests, ours)
    if wrong:
        sys.exit(f"compare.py: {wrong}")


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def compare_one(args, pnes):
    """Rounds of raw and of each of our variants, in turn, so that the machine's mood hits all alike."""
    raws = []
    variants = {(f, w): [] for f in args.fidelity for w in args.workers}
    for _ in range(args.rounds):
        raws.append(run_raw(args, pnes))
        for (fidelity, workers), runs in variants.items():
            runs.append(run_ours(args, pnes, workers, fidelity))
            must_be_same_work(pnes, REQUESTS, runs[-1])
    raw_us = median(raws, "wall_s") / raws[0]["handshakes"] * 1e6
    raw_cpu_us = median(raws, "cpu_s") / raws[0]["handshakes"] * 1e6
    for (fidelity, workers), runs in variants.items():
        handshakes = runs[0]["handshakes"]
        ours_us = median(runs, "wall_s") / handshakes * 1e6
        yield {
            "pnes": pnes, "fidelity": fidelity, "workers": workers, "handshakes": handshakes,
            "raw_us": raw_us, "ours_us": ours_us, "ratio_wall": ours_us / raw_us,
            "ratio_cpu": median(runs, "cpu_s") / handshakes * 1e6 / raw_cpu_us,
            "events_per_s": median(runs, "events") / median(runs, "wall_s"),
            "peak_kib_per_pne": median(runs, "peak_kib") / pnes,
            "raw_peak_kib_per_pne": median(raws, "peak_kib") / pnes,
            "rounds": {"raw": raws, "ours": runs},
        }


def messages_per_second(args):
    """What further requests cost where sessions stand: the difference of two runs, against raw's."""
    pnes, few, many = 100, 10, 1010
    for fidelity in args.fidelity:
        for workers in args.workers:
            raw, ours = [], []
            for _ in range(args.rounds):
                raw.append([run_raw(args, pnes, n) for n in (few, many)])
                ours.append([run_ours(args, pnes, workers, fidelity, n, (0.05, 0.05)) for n in (few, many)])
                for n, run in zip((few, many), ours[-1]):
                    must_be_same_work(pnes, n, run)
            raw_s = statistics.median(b["wall_s"] - a["wall_s"] for a, b in raw)
            ours_s = statistics.median(b["wall_s"] - a["wall_s"] for a, b in ours)
            messages = ours[0][1]["messages"] - ours[0][0]["messages"]
            yield {"fidelity": fidelity, "workers": workers, "messages": messages, "hops": 2 * messages,
                   "raw_us": raw_s / messages * 1e6, "ours_us": ours_s / messages * 1e6, "ratio_wall": ours_s / raw_s,
                   "messages_per_s": messages / ours_s, "protected_hops_per_s": 2 * messages / ours_s}


COLUMNS = [("PNEs", "pnes", "d"), ("fidelity", "fidelity", "s"), ("workers", "workers", "d"),
           ("handshakes", "handshakes", "d"), ("raw us", "raw_us", ".0f"), ("ours us", "ours_us", ".0f"),
           ("ours/raw wall", "ratio_wall", ".2f"), ("ours/raw cpu", "ratio_cpu", ".2f"),
           ("events/s", "events_per_s", ".0f"), ("peak KiB/PNE", "peak_kib_per_pne", ".0f"),
           ("raw KiB/PNE", "raw_peak_kib_per_pne", ".0f")]
MESSAGE_COLUMNS = [("fidelity", "fidelity", "s"), ("workers", "workers", "d"), ("messages", "messages", "d"),
                   ("raw us", "raw_us", ".2f"), ("ours us", "ours_us", ".2f"), ("ours/raw wall", "ratio_wall", ".2f"),
                   ("messages/s", "messages_per_s", ".0f"), ("protected hops/s", "protected_hops_per_s", ".0f")]


def table(columns, rows):
    print(" | ".join(title for title, _, _ in columns))
    for row in rows:
        print(" | ".join(format(row[key], form).rjust(len(title)) for title, key, form in columns))


def plot(file, results, subtitle):
    """Ratio to raw and memory against the number of PNEs, one line a fidelity and number of workers."""
    kinds = sorted({(r["fidelity"], r["workers"]) for r in results})
    blocks, lines = [], {"ratio_wall": [], "peak_kib_per_pne": []}
    for i, (fidelity, workers) in enumerate(kinds):
        rows = sorted((r for r in results if (r["fidelity"], r["workers"]) == (fidelity, workers)),
                      key=lambda r: r["pnes"])
        blocks.append("\n".join(f"{r['pnes']} {r['ratio_wall']} {r['peak_kib_per_pne']}" for r in rows))
        title = f"{fidelity}, {workers} worker{'s' if workers > 1 else ''}"
        for column, key in ((2, "ratio_wall"), (3, "peak_kib_per_pne")):
            lines[key].append(f"$data index {i} using 1:{column} with linespoints lw 2 lc {i + 1} pt {5 + i} title '{title}'")
    script = f"""set terminal svg size 960,480 font 'sans,12' background 'white'
set output '{file}'
$data << END
{chr(10).join(block + chr(10) + chr(10) for block in blocks)}END
set multiplot layout 1,2 title '{subtitle}'
set logscale x
set grid
set xlabel 'PNEs'
set key below
set title 'time of a run / bare OpenSSL, the same handshakes and messages'
set yrange [0:*]
set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead dt 2 lw 2
plot {', '.join(lines['ratio_wall'])}
unset arrow 1
set title 'peak memory, KiB a PNE'
plot {', '.join(lines['peak_kib_per_pne'])}
unset multiplot
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--pnes", type=numbers, default=[100, 1000])
    parser.add_argument("--workers", type=numbers, default=[1])
    parser.add_argument("--fidelity", type=lambda s: s.split(","), default=["packet"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", action="store_true")
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.pnes, args.rounds = [10], 1
    if args.plot and shutil.which("gnuplot") is None:
        sys.exit("compare.py: --plot wants gnuplot: sh sim/setup.sh bench")
    args.out.mkdir(parents=True, exist_ok=True)
    results, messages = [], []
    if args.messages:
        messages = list(messages_per_second(args))
        table(MESSAGE_COLUMNS, messages)
    else:
        for pnes in args.pnes:
            results.extend(compare_one(args, pnes))
        table(COLUMNS, results)
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.machine())
    document = {"cpu": cpu, "cores": os.cpu_count(), "rounds": args.rounds, "load_before": os.getloadavg()[0],
                "results": results, "messages": messages}
    (args.out / "bench.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        plot(args.plot, results, f"medians of {args.rounds} round{'' if args.rounds == 1 else 's'}, {os.cpu_count()} cores, {cpu}")
    print(f"medians of {args.rounds}, {cpu}, {os.cpu_count()} cores; every round in {args.out}/bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
