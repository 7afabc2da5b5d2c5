#!/bin/sh
# npm run bench [-- ID…]: all set-up, then the benchmarks; prints ratios and writes bench/out/report.html.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh bench
exec node --no-warnings dist/bench/main.js "$@"
