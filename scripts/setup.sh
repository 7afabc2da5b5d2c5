#!/bin/sh
# All set-up on a machine: Debian packages (when root), npm packages, native code, dist/, launchers in bin/.
#   setup.sh [build] [test] [demo] [bench]     what the packages are for; build is always included
# Safe to run again: each step is skipped when its result is there.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

build_pkgs='g++ make'
test_pkgs='iproute2 procps curl python3 nginx-light redis-server redis-tools wrk iperf3 socat netcat-openbsd sockperf strace bind9
  ioquake3 ioquake3-server openarena openarena-server openarena-data xvfb xauth libgl1-mesa-dri imagemagick'
demo_pkgs='python3 curl ioquake3 ioquake3-server openarena openarena-server openarena-data xvfb xauth libgl1-mesa-dri imagemagick'
bench_pkgs='redis-server redis-tools nginx-light wrk iperf3 sockperf iproute2'

want=$build_pkgs
for part in "$@"; do
  case $part in
    build) ;;
    test) want="$want $test_pkgs" ;;
    demo) want="$want $demo_pkgs" ;;
    bench) want="$want $bench_pkgs" ;;
    *) say "setup.sh: unknown part \"$part\"; known: build test demo bench"; exit 2 ;;
  esac
done

node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null || {
  say 'setup.sh: Node.js 20 or later is needed (node --version says: '"$(node --version 2>&1 || true)"')'
  exit 1
}

missing=
if command -v dpkg-query >/dev/null 2>&1; then
  for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
  done
fi
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "setup: installing$missing"
    log=$(mktemp)
    {
      apt-get update -qq &&
        # Servers that a package would start at once are not wanted: the tests start their own.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    } >"$log" 2>&1 || say "setup: some packages could not be installed; see $log"
  else
    say "setup: not root, so these Debian packages are not installed:$missing"
    say "setup: install them (apt-get install$missing), or go on without what needs them"
  fi
fi
for tool in g++ make; do
  command -v $tool >/dev/null 2>&1 || { say "setup: $tool is needed to build"; exit 1; }
done

stamp=node_modules/.ouro-lock
if ! cmp -s package-lock.json $stamp 2>/dev/null; then
  say 'setup: npm packages'
  npm install --ignore-scripts --no-save --no-audit --no-fund --loglevel=error
  cp package-lock.json $stamp
fi
sh scripts/build.sh
