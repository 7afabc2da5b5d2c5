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
# Node raises the soft limit of open files; the program gets back the one that the user has.
launcher ouro-run apps/ouro-run/main.js
sed -i "s|^exec |OURO_NOFILE=\$(ulimit -Sn) exec |" bin/ouro-run
