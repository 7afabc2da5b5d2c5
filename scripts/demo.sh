#!/bin/sh
# npm run demo: all set-up, then the main job on real programs.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh demo
exec node --no-warnings dist/scripts/demo.js
