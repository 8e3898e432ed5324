#!/usr/bin/env bash
# Kills migfuzz at random moments (SIGKILL, no chance to clean up) and looks two seconds later for
# anything of its own: processes, network namespaces, veths, files. Then SIGINT: it must end within
# two seconds and still write the report.
#   leftovers_test.sh MIGFUZZ [KILLS]      default 10 kills; exit 77: cannot run here
# A process of the run is known by an environment variable that all its children inherit.
set -euo pipefail
program=$1 kills=${2:-${MIGFUZZ_KILLS:-10}}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
token="leftovers-$$-$RANDOM"

ours() {  # pids whose environment holds the token
  local file
  for file in /proc/[0-9]*/environ; do
    grep -qsz "^MIGFUZZ_LEFTOVERS=$token\$" "$file" && basename "$(dirname "$file")"
  done || true
}
namespaces() { awk '$1 == "net_namespace" { print $2 }' /proc/slabinfo 2>/dev/null || echo 0; }
files() { find /tmp /dev/shm -maxdepth 1 -newer "$folder/start" ! -path "$folder" ! -path /tmp \
            ! -path /dev/shm -name '*migfuzz*' 2>/dev/null || true; }
links() { cut -d: -f1 /proc/net/dev | sort | tr -d ' \n'; }

start() {
  MIGFUZZ_LEFTOVERS=$token "$program" run --scenario=cells --accel=tcg --quiet \
    --output="$folder/out" "$@" >"$folder/log" 2>&1 &
  pid=$!
}
fail() { echo "FAILED after $1 kills: $2" >&2; exit 1; }

start --scenario=control --cases=1
rc=0; wait "$pid" || rc=$?
[ "$rc" -ne 4 ] || { echo "SKIPPED: $(cat "$folder/log")"; exit 77; }
touch "$folder/start"
before_links=$(links) before_namespaces=$(namespaces) slack=0
for ((n = 1; n <= kills; n++)); do
  start
  sleep "$(printf '%d.%03d' $((RANDOM % 3)) $((RANDOM % 1000)))"  # a random moment is the point here
  kill -KILL "$pid"; wait "$pid" 2>/dev/null || true
  sleep 2
  left=$(ours)
  [ -z "$left" ] || fail "$n" "processes left: $left"
  [ "$(links)" = "$before_links" ] || fail "$n" "network links left: $(links)"
  [ -z "$(files)" ] || fail "$n" "files left: $(files)"
done
# The kernel frees a namespace's memory some time after its last user is gone.
for ((i = 0; i < 50; i++)); do
  slack=$(($(namespaces) - before_namespaces))
  [ "$slack" -le 3 ] && break
  sleep 0.2
done
[ "$slack" -le 3 ] || fail "$kills" "$slack more network namespaces than before"
echo "$kills kills: nothing left 2 s later"

start
sleep 3
begin=$(date +%s%N)
kill -INT "$pid"; rc=0; wait "$pid" || rc=$?
took=$((($(date +%s%N) - begin) / 1000000))
[ "$rc" -eq 130 ] || { echo "FAILED: exit status $rc after SIGINT, not 130: $(cat "$folder/log")" >&2; exit 1; }
[ "$took" -le 2000 ] || { echo "FAILED: SIGINT took $took ms" >&2; exit 1; }
[ -s "$folder/out/report.html" ] || { echo "FAILED: no report after SIGINT" >&2; exit 1; }
[ -z "$(ours)" ] || { echo "FAILED: processes left after SIGINT: $(ours)" >&2; exit 1; }
echo "SIGINT: ended in $took ms with status 130 and a report"
