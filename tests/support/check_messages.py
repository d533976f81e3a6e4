#!/usr/bin/env python3
"""Holds the table of messages in models/README.md against the code: python3 tests/support/check_messages.py [--update]

A row for each type of the message table: which files know it, which exchange tests name it (both found by looking), and a
scenario that ships and delivers it (written by hand; tests/scenario/shipped.sh demands that it does). What a row says
has to be true, and none may be missing. --update writes the table anew, with the scenarios kept.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "models/README.md"
BEGIN = "<!-- made by check_messages.py: begin -->\n"
END = "<!-- made by check_messages.py: end -->\n"
HEAD = "| Message | Files | Exchange tests | Scenario |\n|---|---|---|---|\n"
FOLDERS = ("cpns", "pne", "pn_gateway", "cpns_server")
# Who hands messages to their handlers: they name every type, and are named where nobody else does.
DISPATCHERS = {"pne/pne.c", "pn_gateway/gateway.c", "pn_gateway/gateway_receive.c", "cpns_server/server.c"}
NOT_ABOUT_ONE = {"cpns/message_table.c", "cpns/message_fields.c", "cpns/message.c"}
MOST_TESTS = 3


def types():
    """[(enumerator, name)] in the order of the table."""
    text = (ROOT / "models/cpns/message_table.c").read_text()
    found = re.findall(r"\[(CPNS_\w+)\]\s*=\s*\{\s*TYPE\(\s*\d+,\s*\"(\w+)\"", text)
    header = (ROOT / "models/cpns/message.h").read_text()
    enum = re.search(r"enum cpns_type \{(.*?)CPNS_TYPE_COUNT", header, re.S).group(1)
    missing = set(re.findall(r"CPNS_\w+", enum)) - {e for e, _ in found}
    assert not missing, f"not understood in message_table.c: {sorted(missing)}"
    return found


def files_of(enumerator, sources):
    word = re.compile(rf"\b{enumerator}\b")
    found = [name for name, text in sources.items() if word.search(text)]
    own = [name for name in found if name not in DISPATCHERS]
    return own or found


def tests_of(name, tests):
    word = re.compile(rf"\b{name}\b")
    found = sorted(((len(word.findall(text)), test) for test, text in tests.items() if word.search(text)),
                   key=lambda pair: (-pair[0], pair[1]))
    return sorted(test for _, test in found[:MOST_TESTS])


def look():
    """{name: (files, tests)} as they are, and the texts they were found in."""
    sources = {str(p.relative_to(ROOT / "models")): p.read_text() for d in FOLDERS
               for p in sorted((ROOT / "models" / d).glob("*.c"))}
    sources = {name: text for name, text in sources.items() if name not in NOT_ABOUT_ONE}
    tests = {p.stem: p.read_text() for p in sorted((ROOT / "tests/exchange").glob("test_*.c"))
             if p.stem != "test_cut"}  # it sends all, and names those that it does not send yet
    found = {name: (files_of(enumerator, sources), tests_of(name, tests)) for enumerator, name in types()}
    return found, sources, tests


def rows_of(text):
    """{name: (files, tests, scenarios)} of the table as it stands."""
    rows = {}
    for name, *columns in re.findall(r"^\| (\w+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", text, re.M):
        if name != "Message":
            rows[name] = tuple([item.strip(" `") for item in c.split(",") if item.strip() != "-"] for c in columns)
    return rows


def column(items, mark="`"):
    return ", ".join(f"{mark}{item}{mark}" for item in items) or "-"


def findings_in(rows):
    found, sources, tests = look()
    for enumerator, name in types():
        if name not in rows:
            yield f"no row for {name}"
            continue
        files, named, scenarios = rows[name]
        for f in files:
            if not re.search(rf"\b{enumerator}\b", sources.get(f, "")):
                yield f"{name}: {f} is not about it"
        for test in named:
            if not re.search(rf"\b{name}\b", tests.get(test, "")):
                yield f"{name}: {test} does not name it"
        for scenario in scenarios:
            if not (ROOT / "topologies" / f"{scenario}.yaml").exists():
                yield f"{name}: {scenario} does not ship"
        if (not files and found[name][0]) or (not named and found[name][1]):
            yield f"{name}: there are files or tests about it that the row does not name"
    for name in rows.keys() - {name for _, name in types()}:
        yield f"{name} is no message"


def main():
    text = README.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit("models/README.md: not with its two markers")
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    rows = rows_of(old)
    if "--update" in sys.argv[1:]:
        found, _, _ = look()
        new = "".join(f"| {name} | {column(files)} | {column(tests)} | {column(rows.get(name, ((), (), ()))[2], '')} |\n"
                      for name, (files, tests) in found.items())
        README.write_text(before + BEGIN + HEAD + new + END + after)
        return
    findings = list(findings_in(rows))
    for line in findings:
        print(f"models/README.md: {line}")
    still_open = [name for name, (files, tests, scenarios) in rows.items() if not (files and tests and scenarios)]
    print(f"{len(findings)} findings, {len(rows)} messages"
          + (f"; not yet with files, test and scenario: {', '.join(still_open)}" if still_open else ""))
    if findings:
        print("python3 tests/support/check_messages.py --update writes what can be found by looking")
    sys.exit(1 if findings else 0)


main()
