#!/bin/sh
# Configures and builds one preset quietly; the whole output is in build/PRESET.log, its end is shown on failure.
#
#   sh sim/build.sh PRESET [TARGET...]      without a target: everything
set -eu
cd "$(dirname "$0")/.."

preset=${1:?usage: sh sim/build.sh PRESET [TARGET...]}
shift
log=build/$preset.log
mkdir -p build

# A build directory made for another place (the tree was moved or copied) is of no use.
cache=build/$preset/CMakeCache.txt
if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
    rm -rf "build/$preset"
fi

build() {
    cmake --preset "$preset" || return 1
    if [ $# -eq 0 ]; then
        cmake --build "build/$preset"
    else
        cmake --build "build/$preset" --target "$@"
    fi
}

printf 'building %s (%s) ... ' "$preset" "${*:-all}"
start=$(date +%s)
if ! build "$@" >"$log" 2>&1; then
    echo "failed"
    echo "--- the end of $log" >&2
    tail -n 40 "$log" >&2
    exit 1
fi
echo "$(($(date +%s) - start)) s"
