#!/usr/bin/env python3
"""What a handshake and a message are made of, in instructions, which repeat whatever else the machine does.

    python3 tests/bench/decompose.py [--build build/release] [--out build/bench] [--pnes 20] [--more 20]

Runs scale-10k.yaml three times under callgrind: until nothing has happened yet, with 4 requests a PNE, and with MORE
further ones. The second less the first is what PNEs cost until they stand, with their 4 requests; the third less the
second what a message costs. Wants valgrind, and a cpnsim with symbols, as both release and debug presets build it.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "topologies" / "scale-10k.yaml"
PNES_PER_GATEWAY = 10
REQUESTS = 4

# The functions at the root of each part, none inside another; what is in none of them is the event loop and, of a
# handshake, its certificates.
PARTS = {"sessions": ("tls.c", "tls_step"), "search for plaintext": ("observe.c", "work"),
         "rows": ("recorder.c", "write_block"), "verdict, summary": ("judge.c", "judge_tasks")}
LINE = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+(\S+):([^:\s]+)(?: \[.*)?$")


def callgrind(args, name, settings):
    """Instructions of each part of one run, and of the whole."""
    data, database = args.out / f"callgrind.{name}", args.out / "callgrind.db"
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    run = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={data}", str(args.build / "cpnsim"),
                          "run", str(SCENARIO), "-o", str(database), "--progress", "never", "--workers", "1", *sets],
                         capture_output=True, text=True)
    if run.returncode not in (0, 2):  # 2: nothing to judge yet
        sys.exit(f"exit {run.returncode}\n{run.stderr[-2000:]}")
    # Elsewhere: it takes the working directory off the names of some files, and counts a function in two halves then.
    text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", str(data.resolve())],
                          capture_output=True, text=True, check=True, cwd=args.out).stdout
    total = int(re.search(r"^\s*([\d,]+) .*PROGRAM TOTALS", text, re.M).group(1).replace(",", ""))
    counts = dict.fromkeys(PARTS, 0)
    for line in text.splitlines():
        found = LINE.match(line)
        for part, (file, function) in PARTS.items():
            if found and found.group(3).split(".")[0] == function and found.group(2).endswith(file):
                counts[part] = max(counts[part], int(found.group(1).replace(",", "")))
    database.unlink()
    counts["whole"] = total
    return counts


def parts_of(after, before):
    """Of the difference of two runs."""
    d = {key: after[key] - before[key] for key in after}
    rest = d["whole"] - sum(d[part] for part in PARTS)
    return {**{part: d[part] for part in PARTS}, "network, CPNS, account": rest, "whole": d["whole"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--pnes", type=int, default=20)
    parser.add_argument("--more", type=int, default=20)
    args = parser.parse_args()
    if shutil.which("callgrind_annotate") is None:
        sys.exit("decompose.py: wants valgrind")
    args.out.mkdir(parents=True, exist_ok=True)
    size = {"pnes": args.pnes, "gateways": -(-args.pnes // PNES_PER_GATEWAY), "servers": 1, "window": "1 s",
            "first_request": "5 s", "shortest": "100 ms", "longest": "100 ms"}
    start = callgrind(args, "start", {**size, "requests": REQUESTS, "run.until": "1 ms"})
    few = callgrind(args, "few", {**size, "requests": REQUESTS, "run.until": "30 s"})
    many = callgrind(args, "many", {**size, "requests": REQUESTS + args.more, "run.until": "30 s"})
    handshakes = args.pnes + size["gateways"]
    messages = 2 * args.pnes * args.more  # requests and answers, each over two hops
    stands, message = parts_of(few, start), parts_of(many, few)
    print(f"{'instructions, thousands':28} {'a handshake':>12} {'a message':>12}")
    for part in stands:
        print(f"{part:28} {stands[part] / handshakes / 1000:12.0f} {message[part] / messages / 1000:12.1f}")
    print(f"a handshake: with {REQUESTS} requests a PNE and all that signals; a message: over two hops")
    return 0


if __name__ == "__main__":
    sys.exit(main())
