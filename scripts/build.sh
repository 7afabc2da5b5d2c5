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
# Node raises the soft limit of open files and makes inherited descriptors close-on-exec; the program gets both back as they were.
launcher ouro-run apps/ouro-run/main.js
cat >bin/ouro-run.tmp <<'EOF_RUN'
#!/bin/sh
OURO_FDS=
for fd in /proc/$$/fd/*; do [ -e "$fd" ] && ! [ "$fd" -ef "$0" ] && OURO_FDS="$OURO_FDS ${fd##*/}"; done
export OURO_FDS OURO_NOFILE="$(ulimit -Sn)"
EOF_RUN
sed 1d bin/ouro-run >>bin/ouro-run.tmp
chmod 755 bin/ouro-run.tmp
mv bin/ouro-run.tmp bin/ouro-run
