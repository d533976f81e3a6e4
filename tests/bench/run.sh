#!/bin/sh
# Builds what is measured and measures it: bare OpenSSL against cpnsim, the same handshakes and messages.
#
#   sh tests/bench/run.sh [--pnes 100,1000] [--rounds 5] [--workers 1]
set -eu
cd "$(dirname "$0")/../.."

sh sim/setup.sh build run test
sh sim/build.sh release cpnsim bench_raw
exec python3 tests/bench/compare.py "$@"
