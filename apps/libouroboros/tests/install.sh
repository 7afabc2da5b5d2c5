#!/bin/sh
# Installs into a folder of its own and builds programs against it as somebody else would.
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d /tmp/ouro-install-XXXXXX)
trap 'rm -rf "$dir"' EXIT
export OUROBOROS_DIR="$dir/none"

run() {
        name=$1
        shift
        if "$@" > "$dir/out" 2>&1; then
                echo "ok install: $name"
        else
                echo "not ok install: $name"
                cat "$dir/out" >&2
        fi
}

flags() { PKG_CONFIG_PATH="$dir/lib/pkgconfig" pkg-config "$@" ouroboros-dev; }

# shellcheck disable=SC2046
builds_with_pkg_config() {
        ${CC:-cc} -std=c11 -Wall -Wextra -Werror -o "$dir/echo-app" "$here/examples/echo-app.c" \
                $(flags --cflags --libs) -Wl,-rpath,"$dir/lib" || return 1
        [ "$("$dir/echo-app")" = "Failed to allocate flow." ]
}

builds_statically() {
        ${CC:-cc} -std=c11 -o "$dir/static" "$here/examples/echo-app.c" -I"$dir/include" \
                "$dir/lib/libouroboros.a" -pthread || return 1
        [ "$("$dir/static")" = "Failed to allocate flow." ]
}

links_under_the_prototypes_names() {
        for lib in ouroboros-dev ouroboros-irm; do
                ${CC:-cc} -o "$dir/named" "$here/examples/echo-app.c" -I"$dir/include" -L"$dir/lib" -l$lib || return 1
        done
}

every_header_stands_alone_in_c_and_cpp() {
        for header in "$dir"/include/ouroboros/*.h; do
                printf '#include <ouroboros/%s>\nint one;\n' "$(basename "$header")" > "$dir/one.c"
                ${CC:-cc} -std=c11 -pedantic -Wall -Wextra -Werror -I"$dir/include" -fsyntax-only "$dir/one.c" || return 1
                ! command -v "${CXX:-c++}" > /dev/null ||
                        ${CXX:-c++} -x c++ -Wall -Wextra -Werror -I"$dir/include" -fsyntax-only "$dir/one.c" ||
                        return 1
        done
}

only_the_interface_is_visible() {
        # shellcheck disable=SC2016
        extra=$(nm -D --defined-only "$dir/lib/libouroboros.so" | awk '{print $3}' | sed 's/@.*//' |
                grep -v '^flow_\|^fccntl$\|^fset_\|^fqueue_\|^fevent$\|^irm_\|^OUROBOROS_0$')
        [ -z "$extra" ] || { echo "$extra"; return 1; }
}

run make_install make -s -C "$here" install PREFIX="$dir"
run builds_with_pkg_config builds_with_pkg_config
run builds_statically builds_statically
run links_under_the_prototypes_names links_under_the_prototypes_names
run every_header_stands_alone_in_c_and_cpp every_header_stands_alone_in_c_and_cpp
run only_the_interface_is_visible only_the_interface_is_visible
