#!/usr/bin/env bash
# The manual pages without a warning from groff, by way of man(1), or from mandoc.
#
#   man_test.sh MIGFUZZ
#
# Skipped (77) where neither is installed.
set -euo pipefail
migfuzz=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0 tried=0
"$migfuzz" man >"$folder/migfuzz.1"
for command in $("$migfuzz" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | grep -v '^migfuzz$'); do
  "$migfuzz" man "$command" >"$folder/migfuzz-$command.1"
done
[ "$(ls "$folder" | wc -l)" -ge 10 ] || { echo "too few pages: $(ls "$folder")"; exit 1; }
if command -v mandoc >/dev/null; then
  tried=1
  # The date is left out on purpose: a page of a build that can be repeated has none.
  mandoc -Tlint -W warning "$folder"/*.1 >"$folder/said" 2>&1 || true
  grep -v 'missing date' "$folder/said" && failed=1
else
  echo "mandoc is not installed: not tried"
fi
if command -v man >/dev/null && command -v groff >/dev/null; then
  tried=1
  for page in "$folder"/*.1; do
    MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>"$folder/said" >"$folder/shown"
    [ -s "$folder/said" ] && { cat "$folder/said"; failed=1; }
    grep -q 'EXAMPLES' "$folder/shown" || { echo "$page shows nothing"; failed=1; }
  done
else
  echo "man or groff is not installed: not tried"
fi
[ $tried -gt 0 ] || exit 77
exit $failed
