#!/bin/sh
# Builds native code, the shim, the C library and dist/, and writes the launchers into bin/.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
node=$(node -p process.execPath)

make -s -C native NODE="$node"
make -s -C shim
make -s -C apps/libouroboros
node_modules/.bin/tsc -p .

sh docs/man/build.sh

# ouro-run's part for Node starts a third faster as one file than as modules.
node_modules/.bin/esbuild dist/apps/ouro-run/main.js --bundle --platform=node --format=cjs --log-level=warning \
  --define:import.meta.url=bundleUrl --banner:js='const bundleUrl = require("node:url").pathToFileURL(__filename).href;' \
  --outfile=dist/apps/ouro-run/bundle.cjs

# A launcher names node and the checkout by path, so it works from anywhere, through links and under sudo.
launcher() { # file main [option of node]
  cat >"$1.tmp" <<EOF
#!/bin/sh
exec '$node' --no-warnings ${3:-} '$root/dist/$2' "\$@"
EOF
  chmod 755 "$1.tmp"
  mv "$1.tmp" "$1"
}
mkdir -p bin
for tool in irmd irm oping oecho ocbr operf ouro-ps; do
  launcher bin/$tool apps/$tool/main.js
done
# A small young generation: what is left of a flow that was made would otherwise weigh more than the flow.
launcher bin/irmd apps/irmd/main.js --max-semi-space-size=4
# ouro-run stands in the way of every program's start, so it is in C, and has a part for Node beside it.
launcher dist/apps/ouro-run/node apps/ouro-run/bundle.cjs
make -s -C apps/ouro-run/launcher
cp apps/ouro-run/launcher/build/ouro-run bin/ouro-run.tmp
mv bin/ouro-run.tmp bin/ouro-run
