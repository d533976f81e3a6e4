#!/usr/bin/env python3
"""Checks that every folder with sources has a README.md and that relative links in Markdown lead somewhere.

    python3 tests/support/check_docs.py [ROOT]      0: nothing found; 1: findings, a line each
"""
import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TOPS = ("sim", "models", "topologies", "results", "tests")


def documents(root):
    yield from sorted(root.glob("*.md"))
    for top in TOPS:
        yield from sorted((root / top).rglob("*.md"))


def check(root):
    for top in TOPS[:2]:
        for folder in sorted({f.parent for f in (root / top).rglob("*.c")}):
            if not (folder / "README.md").exists():
                yield f"{folder.relative_to(root)}: no README.md"
    for document in documents(root):
        text = document.read_text(encoding="utf-8")
        for match in LINK.finditer(text):
            target = match.group(1).split("#")[0]
            if target and "://" not in target and not (document.parent / target).exists():
                line = text.count("\n", 0, match.start()) + 1
                yield f"{document.relative_to(root)}:{line}: {match.group(1)} leads nowhere"


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parents[2]
    findings = list(check(root))
    print("\n".join([*findings, f"{len(findings)} findings in {len(list(documents(root)))} documents"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
