#!/usr/bin/env bash
# Kills a search that is steered by what it reaches (SIGKILL, three times) with --resume in between:
# whatever had been drawn keeps its place and its plan, nothing is lost, nothing runs twice.
#   resume_search_test.sh MIGFUZZ      exit 77: cannot run here
# The order depends on results here, so there is no unbroken run to compare with: the record that the
# killed run left behind is what the next one must honour.
set -euo pipefail
program=$1 cases=24
command -v sqlite3 >/dev/null || { echo "SKIPPED: no sqlite3 to read the database with"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

start() {
  "$program" run --accel=tcg --seed=7 --jobs=2 --quiet --scenario=search --feedback=on \
    --fault=crash,quit,reset,close,cancel --cases="$cases" --output="$folder/run" "$@" \
    >"$folder/log" 2>&1 &
  pid=$!
}
query() { sqlite3 "$folder/run/results.db" "$1"; }
fail() { echo "FAILED: $*" >&2; cat "$folder/log" >&2; exit 1; }
drawn="SELECT ordinal, key, plan FROM cases WHERE ordinal IS NOT NULL ORDER BY ordinal"

resume=()
for kill in 1 2 3; do
  start "${resume[@]}"
  for ((i = 0; i < 600; i++)); do
    now=$(query "SELECT count(*) FROM cases WHERE ended_as NOT NULL" 2>/dev/null || echo 0)
    [ "${now:-0}" -ge $((kill * 6)) ] && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if ! kill -KILL "$pid" 2>/dev/null; then
    rc=0; wait "$pid" || rc=$?
    [ "$rc" -ne 4 ] || { echo "SKIPPED: $(cat "$folder/log")"; exit 77; }
    fail "it ended with $rc before kill $kill"
  fi
  wait "$pid" 2>/dev/null || true
  [ "$kill" -eq 1 ] || diff "$folder/before" <(query "$drawn" | head -n "$(wc -l <"$folder/before")") ||
    fail "what had been drawn before kill $((kill - 1)) was drawn otherwise"
  query "$drawn" >"$folder/before"
  resume=(--resume)
done
rc=0; start --resume; wait "$pid" || rc=$?
[ "$rc" -le 1 ] || fail "the resumed run ended with $rc"
diff "$folder/before" <(query "$drawn" | head -n "$(wc -l <"$folder/before")") ||
  fail "what had been drawn before the last kill was drawn otherwise"
[ "$(query "SELECT count(*) FROM cases WHERE ended_as IS NULL")" -eq 0 ] || fail "cases without a result"
searched=$(query "SELECT count(*) FROM cases WHERE json_extract(plan, '\$.scenario') = 'search'")
[ "$searched" -eq "$cases" ] || fail "$searched searched cases instead of $cases"
[ "$(query "SELECT count(DISTINCT key) FROM cases")" -eq "$(query "SELECT count(*) FROM cases")" ] ||
  fail "a case ran twice"
mode=$(sed -n 's/.*"mode": *"\([a-z]*\)".*/\1/p' "$folder/run/summary.json" | head -n 1)
[ "$mode" = on ] || { echo "SKIPPED: QEMU has no trace log here, so that nothing was steered"; exit 77; }
echo "3 kills, $searched searched cases: each kept its place and its plan, none lost, none twice"
