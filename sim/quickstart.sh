#!/bin/sh
# From a bare Debian 12 to a first result: installs what is missing, builds, runs topologies/minimal.yaml.
#
#   sh sim/quickstart.sh
set -eu
cd "$(dirname "$0")/.."

sh sim/setup.sh build run
sh sim/build.sh release cpnsim

db=results/runs/minimal.db
mkdir -p results/runs
build/release/cpnsim run topologies/minimal.yaml -o "$db"

cat <<END

Results: $db (SQLite). Next:
  build/release/cpnsim query $db v_session        # how each secure session was established
  build/release/cpnsim query $db v_message_hop    # what protected each message on each hop
  build/release/cpnsim run topologies/home.yaml --pcap results/runs/home-pcap
END
