#!/bin/sh
# The one list of Debian packages that cpnsim uses, by what they are for; installs those that are missing.
#
#   sh sim/setup.sh GROUP...          installs (as root, or with sudo); asks apt for nothing when all is there
#   sh sim/setup.sh --list GROUP...   only prints the names
#
# Groups: build run test analysis fuzz coverage bench docs
set -eu

packages() {
    case $1 in
    build) # CMake asks for cmocka too, so that one configuration serves tools and tests
        echo cmake ninja-build gcc g++ libc6-dev pkg-config libns3-dev libssl-dev libsqlite3-dev \
            libfyaml-dev libxml2-dev libcbor-dev libmimalloc-dev libxxhash-dev libcmocka-dev
        ;;
    run) # what a finished cpnsim is linked with
        echo libns3.37 libssl3 libsqlite3-0 libfyaml0 libxml2 libcbor0.8 libmimalloc2.0
        ;;
    test) # the third-party witnesses, and Python for the include check
        echo tshark sqlite3 openssl python3
        ;;
    analysis) echo clang-format clang-tidy cppcheck shellcheck python3 ;;
    fuzz) echo clang-14 libclang-rt-14-dev ;;
    coverage) echo gcovr ;;
    bench) echo gnuplot-nox python3 ;;
    docs) echo graphviz ;; # the drawings of models/machines
    *)
        echo "setup.sh: unknown group \"$1\": build, run, test, analysis, fuzz, coverage, bench or docs" >&2
        exit 2
        ;;
    esac
}

list_only=false
if [ "${1:-}" = --list ]; then
    list_only=true
    shift
fi
[ $# -gt 0 ] || set -- build run

wanted=
for group in "$@"; do
    names=$(packages "$group")
    wanted="$wanted $names"
done
if $list_only; then
    # shellcheck disable=SC2086 # a list of words
    printf '%s\n' $wanted | sort -u
    exit 0
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup.sh: this is not Debian; what has to be there, by Debian's names:$wanted" >&2
    exit 0
fi

# shellcheck disable=SC2016,SC2086 # the fields are dpkg's; a list of words
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null || true)
missing=
for name in $wanted; do
    printf '%s\n' "$installed" | grep -qxF "$name installed" && continue
    case " $missing " in
    *" $name "*) ;;
    *) missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup.sh: not root and no sudo here; as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
    # shellcheck disable=SC2086 # empty, or one word
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" \
        </dev/null >>"$log" 2>&1
}
install_missing() {
    # shellcheck disable=SC2086 # a list of words
    apt install --no-install-recommends $missing
}

echo "installing:$missing"
# The package lists are fetched only where they do not know a package, or are out of date.
# shellcheck disable=SC2086 # a list of words
if ! { apt-cache show $missing >/dev/null 2>&1 && install_missing; }; then
    if ! { apt update && install_missing; }; then
        tail -n 30 "$log" >&2
        echo "setup.sh: apt-get failed" >&2
        exit 1
    fi
fi
