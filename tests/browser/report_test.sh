#!/bin/sh
# Opens the made-up reports in a headless Chromium and demands: drawn, quiet, inert, alone.
#
# Use: report_test.sh RENDER_SAMPLE. Exit status 77 (ctest: SKIP_RETURN_CODE) when there is no browser.
# Checks per page: the map and the list are in the DOM, the console holds no message of the page, and
# hostile text has not run (it would set the title). Runs as root too, hence --no-sandbox.
set -eu
render=${1:?use: report_test.sh RENDER_SAMPLE}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "SKIPPED: no chromium on this machine"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$render" "$work/out"

dom() {  # dom FILE#HASH: the page after its script, into $work/dom; console into $work/log
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$work/profile" --enable-logging=stderr --v=0 --virtual-time-budget=3000 \
    --dump-dom "file://$work/out/$1" >"$work/dom" 2>"$work/log"
  if grep -E 'CONSOLE|Uncaught|Refused to' "$work/log"; then
    echo "FAILED: $1 wrote to the console"
    exit 1
  fi
}
want() {
  if ! grep -q -- "$1" "$work/dom"; then
    echo "FAILED: $2"
    exit 1
  fi
}

for page in broken safe inconclusive; do
  dom "$page.html"
  want 'class="heat"' "$page.html has no heat map"
  want 'id="rows"' "$page.html has no list of cases"
done
dom broken.html
id=$(grep -o 'href="#case=[^"]*' "$work/out/broken.html" | head -n 1 | cut -d= -f3)
dom "broken.html#case=$id"
want "<title>fail: $id</title>" "#case= does not open its case"
want 'tl-label destination' "the case has no timeline"
dom "broken.html#case=%E0%A4%A"
want 'class="heat"' "a broken hash broke the page"
dom empty.html
want 'no case was run' "the empty report does not say so"
dom hostile.html
if grep -q '<title>owned' "$work/dom"; then
  echo "FAILED: hostile text ran as a script"
  exit 1
fi
echo "passed: 8 pages drawn, console empty, hostile text inert"
