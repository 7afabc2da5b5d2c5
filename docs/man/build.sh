#!/bin/sh
# Makes dist/man/man<section>/<page> from every page here. man(1) finds them with MANPATH=dist/man.
set -eu
cd "$(dirname "$0")/../.."
version=$(node -p 'require("./package.json").version')
for page in docs/man/*.[1-9].md; do
  name=$(basename "$page" .md)
  folder=dist/man/man${name##*.}
  [ "$folder/$name" -nt "$page" ] && continue
  mkdir -p "$folder"
  node_modules/.bin/marked-man --no-breaks --manual Ouroboros --version "Ouroboros $version" \
    "$page" > "$folder/$name"
done
