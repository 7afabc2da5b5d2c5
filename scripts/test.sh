#!/bin/sh
# npm test: all set-up, then every suite, then one line with the sum. Names of suites as arguments run only those.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh test
exec node --no-warnings dist/scripts/run-suites.js "$@"
