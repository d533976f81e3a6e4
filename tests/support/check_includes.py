#!/usr/bin/env python3
"""Checks who includes whom, and that headers are fit to be read alone.

    python3 tests/support/check_includes.py [ROOT]      0: nothing found; 1: findings, a line each
    python3 tests/support/check_includes.py --self-test  plants one violation of each kind and wants it reported

Rules (sim/README.md says why):
  folder          a folder includes only the project's folders that RULES gives it
  third-party     each third-party header is seen by one folder
  from-root       a project header is named from the root: "sim/core/buf.h"
  own-first       in sim, models and results x.c includes x.h, where there is one, before anything else
  forbidden-call  RAND_set_rand_method, which would reach every OpenSSL context of the process
  header-comment  a header begins with a comment
  undocumented    in a public header (one that another folder includes; tests do not count) a prototype has a
                  comment in its group, the lines without a blank one between
  not-alone       a header compiles alone, as C++ too where it says extern "C"
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Folder -> the project's folders or headers it may include (its own besides). The longest folder that fits counts.
MODEL = ["sim/core", "sim/scenario/scenario.h", "sim/world/attacker.h", "sim/world/entity.h", "sim/world/cpu.h", "models/cpns",
         "models/entities.h"]
RULES = {
    "sim/core": [],
    "sim/scenario": ["sim/core"],
    "sim/secure": ["sim/core"],
    "sim/net": ["sim/core"],
    "sim/record": ["sim/core"],
    "sim/world": ["sim/core", "sim/scenario", "sim/secure", "sim/net", "sim/record"],
    "sim/cli": ["sim", "models", "results"],
    "models": MODEL,
    "results": ["sim/core", "sim/record"],
    "tests": ["sim", "models", "results", "tests"],
}
# Third-party header -> the folders or files that may see it.
THIRD_PARTY = {
    r"ns3/.*": ["sim/net/net_ns3.cc"],
    r"openssl/.*": ["sim/secure", "tests/bench", "tests/interop"],
    r"sqlite3\.h": ["sim/record"],
    r"xxhash\.h": ["sim/core"],
    r"libfyaml\.h": ["sim/scenario"],
    r"libxml/.*": ["models/cpns", "sim/scenario"],
    r"cbor(/.*)?\.h": ["models/cpns"],
    r"mimalloc\.h": ["sim/cli"],
    r"cmocka\.h": ["tests"],
}
LIBC = re.compile(
    r"(assert|ctype|dirent|dlfcn|endian|errno|execinfo|fcntl|fenv|float|fnmatch|ftw|getopt|glob|inttypes|limits|locale|"
    r"malloc|math|poll|pthread|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|"
    r"stdio|stdlib|stdnoreturn|string|strings|termios|time|unistd|(sys|arpa|netinet|net)/\w+)\.h"
)
CXX = re.compile(r"[a-z_]+")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
FORBIDDEN_CALLS = ["RAND_set_rand_" + "method"]
COMMENT_OR_LITERAL = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
SECTION = re.compile(r"/\*\s*-{2,}.*?\*/", re.S)
PROTOTYPE = re.compile(r"^(?!\s|#|typedef|static|return|\})[^;{}=]*?\b\w+\s*\([^;{}]*\)[^;{}=]*;", re.M | re.S)


def within(path, allowed):
    return any(path == a or path.startswith(a + "/") for a in allowed)


def strip(text):
    """Comments and literals blanked, lines kept."""
    return COMMENT_OR_LITERAL.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def folder_rule(path):
    fits = [f for f in RULES if path.startswith(f + "/")]
    return max(fits, key=len) if fits else None


def check_include_lines(root, path, text):
    rule = folder_rule(path)
    folder = os.path.dirname(path)
    found = list(INCLUDE.finditer(text))
    for match in found:
        line = text.count("\n", 0, match.start(1)) + 1
        quote, name = match.groups()
        third = next((where for pattern, where in THIRD_PARTY.items() if re.fullmatch(pattern, name)), None)
        if third is not None:
            if not within(path, third):
                yield line, "third-party", f"{name} is for {', '.join(third)} only"
        elif quote == "<":
            if not LIBC.fullmatch(name) and not (path.endswith(".cc") and CXX.fullmatch(name)):
                yield line, "third-party", f"{name} is not in the list of known headers"
        elif name.split("/")[0] not in ("sim", "models", "results", "tests"):
            if (root / folder / name).exists() or name.startswith("."):
                yield line, "from-root", f'"{name}" is not named from the root'
        elif rule and not within(name, [folder] + RULES[rule]):
            yield line, "folder", f"{rule} may not include {name}"
    own = str(pathlib.PurePath(path).with_suffix(".h"))
    if not path.endswith(".h") and not path.startswith("tests/") and found and (root / own).exists() and found[0].group(2) != own:
        yield 1, "own-first", f"{own} comes first"


def check_calls(text):
    for call in FORBIDDEN_CALLS:
        for match in re.finditer(rf"\b{call}\b", strip(text)):
            yield text.count("\n", 0, match.start()) + 1, "forbidden-call", call


def check_documented(text):
    text = SECTION.sub(lambda m: "\n" * m.group().count("\n"), text)
    text = re.sub(r'^extern "C" \{$|^\}$', "", text, flags=re.M)
    bare = strip(text)
    bare = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), bare, flags=re.M)
    for match in PROTOTYPE.finditer(bare):
        start = match.start() + len(match.group()) - len(match.group().lstrip())
        # The group: from the last blank line before it to the next after it.
        before = text.rfind("\n\n", 0, start)
        after = text.find("\n\n", match.end())
        group = text[before if before >= 0 else 0 : after if after >= 0 else len(text)]
        if "/*" not in group and "//" not in group:
            name = re.search(r"(\w+)\s*\(", match.group()).group(1)
            yield text.count("\n", 0, start) + 1, "undocumented", name


def compile_alone(root, path, text, flags):
    languages = [("c", "-std=gnu17")]
    if 'extern "C"' in text:
        languages.append(("c++", "-std=gnu++17"))
    for language, standard in languages:
        run = subprocess.run(
            [os.environ.get("CC", "cc"), "-x", language, standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
             "-Wno-pragma-once-outside-header", "-D_GNU_SOURCE", "-I", str(root), *flags, path],
            cwd=root, capture_output=True, text=True)
        if run.returncode != 0:
            first = next((s for s in run.stderr.splitlines() if "error" in s), run.stderr.strip())
            yield 1, "not-alone", f"as {language}: {first}"


def library_flags():
    run = subprocess.run(["pkg-config", "--cflags", "libxml-2.0", "libcbor", "libfyaml", "sqlite3", "openssl"],
                         capture_output=True, text=True)
    return run.stdout.split() if run.returncode == 0 else []


def check(root):
    root = pathlib.Path(root).resolve()
    findings, headers, public = [], [], set()
    for top in ("sim", "models", "results", "tests"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".c", ".h", ".cc"):
                continue
            path, text = str(file.relative_to(root)), file.read_text(encoding="utf-8")
            found = [*check_include_lines(root, path, text), *check_calls(text)]
            if file.suffix == ".h":
                headers.append((path, text))
                if not re.match(r"\s*(/\*|//)", text):
                    found.append((1, "header-comment", "begins without a comment"))
            if top != "tests":
                folder = os.path.dirname(path)
                public |= {name for _, name in INCLUDE.findall(text) if os.path.dirname(name) != folder}
            findings += [(path, *f) for f in found]
    for path, text in headers:
        if path in public:
            findings += [(path, *f) for f in check_documented(text)]
    flags = library_flags()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda h: [(h[0], *f) for f in compile_alone(root, *h, flags)], headers)
        for found in results:
            findings += found
    return sorted(findings), len(headers)


GOOD = {
    "sim/core/a.h": "/* A. */\n#include <stdint.h>\n\n/* Doubles. */\nint a(int x);\nint b(int x);\n",
    "sim/core/a.c": '#include "sim/core/a.h"\n\n#include <stdio.h>\n/* RAND_set_rand_" "method */\n',
    "sim/net/net_ns3.cc": '#include <map>\n#include "ns3/core-module.h"\n',
    "sim/world/uses.c": '#include "sim/core/a.h"\n#include "sim/core/p.h"\n',
    "models/pne/pne.c": '#include "sim/world/entity.h"\n#include "models/cpns/m.h"\n',
}
# One violation each: file, content, the rule that has to report it.
PLANTED = [
    ("sim/core/p.c", '#include "sim/world/world.h"\n', "folder"),
    ("sim/secure/p.c", '#include "sim/net/net.h"\n', "folder"),
    ("models/pne/p.c", '#include "sim/world/world.h"\n', "folder"),
    ("models/pne/p.c", '#include "models/pn_gateway/pn_gateway.h"\n', "folder"),
    ("models/pne/p.c", '#include <openssl/ssl.h>\n', "third-party"),
    ("sim/net/p.cc", '#include "ns3/core-module.h"\n', "third-party"),
    ("sim/world/p.c", '#  include <sqlite3.h>\n', "third-party"),
    ("tests/unit/p.c", '#include <openssl/ssl.h>\n', "third-party"),
    ("sim/core/p.c", '#include <glib.h>\n', "third-party"),
    ("sim/core/p.c", '#include "a.h"\n', "from-root"),
    ("sim/core/a.c", '#include <stdio.h>\n#include "sim/core/a.h"\n', "own-first"),
    ("sim/secure/p.c", "void f(void) { RAND_set_rand_" + "method(0); }\n", "forbidden-call"),
    ("sim/core/p.h", "int x;\n", "header-comment"),
    ("sim/core/p.h", "/* P. */\n\nint p(int x,\n      int y);\n", "undocumented"),
    ("sim/core/p.h", "/* P. */\n\n/* --- a section ----- */\n\nint p(int x);\n", "undocumented"),
    ("sim/core/p.h", "/* P. */\n\n/* One. */\nint p(size_t x);\n", "not-alone"),
    ("sim/net/p.h", '/* P. */\n#ifdef __cplusplus\nextern "C" {\n#endif\n\n/* One. */\nint p(int class);\n\n'
     "#ifdef __cplusplus\n}\n#endif\n", "not-alone"),
]


def self_test():
    missed = 0
    for path, content, wanted in [(None, None, None)] + PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            files = dict(GOOD)
            if path:
                files[path] = content
            for name, text in files.items():
                file = pathlib.Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            rules = {(f[0], f[2]) for f in check(folder)[0]}
            if rules != ({(path, wanted)} if path else set()):
                print(f"self-test: {path}: wanted {wanted}, reported {sorted(rules)}", file=sys.stderr)
                missed += 1
    print(f"self-test: {len(PLANTED) - missed} of {len(PLANTED)} planted violations reported")
    return 1 if missed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parents[2]
    findings, headers = check(root)
    for path, line, rule, what in findings:
        print(f"{path}:{line}: [{rule}] {what}")
    print(f"{len(findings)} findings, {headers} headers compiled alone")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
