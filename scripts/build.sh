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

# ouro-run stands in the way of every program's start: as one file it starts a third faster than as modules.
node_modules/.bin/esbuild dist/apps/ouro-run/main.js --bundle --platform=node --format=cjs --log-level=warning \
  --define:import.meta.url=bundleUrl --banner:js='const bundleUrl = require("node:url").pathToFileURL(__filename).href;' \
  --outfile=dist/apps/ouro-run/bundle.cjs

# A launcher names node and the checkout by path, so it works from anywhere, through links and under sudo.
launcher() { # name main
  cat >"bin/$1.tmp" <<EOF
#!/bin/sh
exec '$node' --no-warnings '$root/dist/$2' "\$@"
EOF
  chmod 755 "bin/$1.tmp"
  mv "bin/$1.tmp" "bin/$1"
}
mkdir -p bin
launcher irmd apps/irmd/main.js
launcher irm apps/irm/main.js
launcher oping apps/oping/main.js
launcher oecho apps/oecho/main.js
launcher ocbr apps/ocbr/main.js
launcher operf apps/operf/main.js
launcher ouro-ps apps/ouro-ps/main.js
launcher ouro-run apps/ouro-run/bundle.cjs
# Node changes what it inherits at its start, so ouro-run is told here what the program is to get back: the soft limit of open
# files, the descriptors above 2, and the ignored signals.
cat >bin/ouro-run.tmp <<EOF
#!/bin/sh
OURO_FDS=
for f in /proc/\$\$/fd/*; do
  if [ "\${f##*/}" -gt 2 ] && [ -e "\$f" ] && ! [ "\$f" -ef "\$0" ]; then OURO_FDS="\$OURO_FDS \${f##*/}"; fi
done
while read -r k v; do
  if [ "\$k" = SigIgn: ]; then OURO_SIGIGN=\$v; break; fi
done </proc/\$\$/status
OURO_NOFILE=\$(ulimit -Sn)
export OURO_FDS OURO_SIGIGN OURO_NOFILE
$(sed -n '2s/--no-warnings/& --v8-pool-size=0/p' bin/ouro-run)
EOF
chmod 755 bin/ouro-run.tmp
mv bin/ouro-run.tmp bin/ouro-run
