#!/bin/sh
# Installs what is missing, builds and runs the tests: everything optimised (release) and under
# AddressSanitizer and UndefinedBehaviorSanitizer (asan), the tests of worker threads under ThreadSanitizer (tsan).
#
#   sh tests/run.sh                      all but the slow ones
#   sh tests/run.sh --slow               the slow ones too
#   sh tests/run.sh --only PRESET ...    one of release, asan, tsan
#   sh tests/run.sh -L unit              any option of ctest: -L, -R, -j, --rerun-failed, ...
set -eu
cd "$(dirname "$0")/.."

presets="release asan tsan"
slow=false
while [ $# -gt 0 ]; do
    case $1 in
    --slow) slow=true ;;
    --only)
        presets=${2:?--only needs a preset}
        shift
        ;;
    *) break ;;
    esac
    shift
done
$slow || set -- --label-exclude slow "$@"

sh sim/setup.sh build run test

# ThreadSanitizer of GCC 12 cannot map its shadow under the address randomisation of newer kernels.
fixed_addresses=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed_addresses="setarch $(uname -m) -R"
fi

status=0
passed=0
failed=0
summary=
# count FILE: adds the figures of ctest's last line, "98% tests passed, 1 tests failed out of 50".
count() {
    line=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+' "$1" | tail -n 1)
    if [ -z "$line" ]; then
        summary="$summary$preset: no test matches
"
        return
    fi
    bad=$(printf '%s\n' "$line" | sed 's/.*passed, \([0-9]*\) test.*/\1/')
    all=$(printf '%s\n' "$line" | sed 's/.*out of \([0-9]*\).*/\1/')
    failed=$((failed + bad))
    passed=$((passed + all - bad))
    summary="$summary$preset: $((all - bad)) passed, $bad failed
"
}

for preset in $presets; do
    log=build/$preset-tests.log
    case $preset in
    tsan)
        sh sim/build.sh tsan worker_tests
        run=$fixed_addresses
        label="-L workers"
        ;;
    *)
        sh sim/build.sh "$preset"
        run=
        label=
        ;;
    esac
    echo "--- $preset"
    # tee would hide ctest's exit code in a POSIX pipe: it goes through a file.
    # shellcheck disable=SC2086 # lists of words
    {
        $run ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure \
            --output-junit "$PWD/build/$preset-tests.xml" $label "$@" && echo 0 >"$log.rc" ||
            echo 1 >"$log.rc"
    } 2>&1 | tee "$log"
    [ "$(cat "$log.rc")" -eq 0 ] || status=1
    count "$log"
done

total=$((passed + failed))
printf '\n%s' "$summary"
if [ "$total" -eq 0 ]; then
    echo "No tests were found" >&2
    exit 1
fi
echo "$((passed * 100 / total))% tests passed, $failed tests failed out of $total"
exit $status
