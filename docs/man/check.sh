#!/bin/sh
# Every option that a command's --help shows is in its manual page. Needs a build.
set -eu
cd "$(dirname "$0")/../.."
status=0
help=$(mktemp)
trap 'rm -f "$help"' EXIT
options() { grep -oE -- '(^|[[:space:],|`])--?[a-zA-Z][a-z-]*' | grep -oE -- '--?[a-zA-Z][a-z-]*' | sort -u; }
for page in docs/man/*.1.md docs/man/irmd.8.md; do
  name=$(basename "$page")
  name=${name%%.*}
  "bin/$name" --help | options >"$help"
  for option in $(cat "$help"); do
    options <"$page" | grep -qxe "$option" || { echo "$page lacks $option" >&2 && status=1; }
  done
  [ -s "$help" ] || { echo "$name --help shows no options" >&2 && status=1; }
done
exit $status
