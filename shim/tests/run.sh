#!/bin/sh
# Runs the socket tests, natively or under a launcher; TAP on standard output, and a total.
#   run.sh [--under COMMAND] [TEST…]        COMMAND runs each test program: bin/ouro-run
# Each run has a runtime folder of its own; COMMAND --stop ends the stack that it started.
set -u
here=$(cd "$(dirname "$0")" && pwd)
under=
if [ "${1-}" = --under ]; then
  under=$2
  case $under in */*) under=$(cd "$(dirname "$under")" && pwd)/$(basename "$under") ;; esac
  shift 2
fi
make -s -C "$here/.." tests >&2 || exit 1
OUROBOROS_DIR=$(mktemp -d)/run
export OUROBOROS_DIR
n=0
failed=0
[ $# -gt 0 ] || set -- $(cd "$here" && ls test_*.c | sed 's/\.c$//')
for t in "$@"; do
  n=$((n + 1))
  if out=$(timeout 60 ${under:+"$under" --} "$here/../build/tests/$t" 2>&1 </dev/null); then
    echo "ok $n - $t${under:+ under ouro-run}"
  else
    echo "not ok $n - $t${under:+ under ouro-run} (status $?)"
    printf '%s\n' "$out" | tail -n 5 | sed 's/^/# /'
    failed=$((failed + 1))
  fi
done
[ -z "$under" ] || "$under" --stop >/dev/null 2>&1
rm -rf "$(dirname "$OUROBOROS_DIR")"
echo "1..$n"
echo "# $((n - failed)) passed, $failed failed"
[ $failed = 0 ]
