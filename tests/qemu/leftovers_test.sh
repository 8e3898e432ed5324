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
# The kernel's own count of network namespaces: objects of that slab cache. It is exact only just after
# a shrink, because freed objects on a processor's list count as used; only root may ask for that. And
# newer kernels free a namespace's memory when the next one is dismantled: so one is, first.
namespaces() {
  local cache=/sys/kernel/slab/net_namespace
  if [ -w "$cache/shrink" ] && [ -r "$cache/objects" ]; then
    unshare -n true
    echo 1 >"$cache/shrink"
    cut -d' ' -f1 "$cache/objects"
  else
    echo 0
  fi
}
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
namespaces >/dev/null
sleep 1
before_links=$(links) before_namespaces=$(namespaces)
[ "$before_namespaces" -gt 0 ] || echo "network namespaces cannot be counted here: not checked"
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
for ((i = 0; i < 10; i++)); do  # dismantling is the kernel's background work
  after_namespaces=$(namespaces)
  [ "$after_namespaces" -le "$before_namespaces" ] && break
  sleep 0.2
done
[ "$after_namespaces" -le "$before_namespaces" ] ||
  fail "$kills" "$after_namespaces network namespaces, $before_namespaces before"
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
