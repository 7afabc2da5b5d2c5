#!/bin/sh
# The library exports what exports.map lists and nothing else, and no object calls a hooked function by its plain name (it would come
# back to the hook) but those that mean it.
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
status=0
listed=$(sed -n '/global:/,/local:/p' exports.map | grep -o '[A-Za-z_0-9]*;' | tr -d ';' | sort)
exported=$(nm -D --defined-only "$build/libouro-shim.so" | awk '{ print $3 }' | sort)
if [ "$listed" != "$exported" ]; then
    echo "exports.map and the library differ:"
    printf '%s\n%s\n' "$listed" "$exported" | sort | uniq -u
    status=1
fi
for object in "$build"/*.o; do
    case ${object##*/} in syscall.o | exec.o | options.o) continue ;; esac
    defined=$(nm --defined-only "$object" | awk '{ print $3 }')
    for symbol in $(nm --undefined-only "$object" | awk '{ print $2 }'); do
        if echo "$listed" | grep -qx "$symbol" && ! echo "$defined" | grep -qx "$symbol"; then
            echo "${object##*/} calls $symbol, which is a hook"
            status=1
        fi
    done
done
exit $status
