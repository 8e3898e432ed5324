#!/usr/bin/env bash
# Kills a campaign on real QEMUs ten times (SIGKILL, at random moments) with --resume in between, and
# compares it with one of the same seed that nobody disturbed: the same cases, none lost, none twice.
#   resume_test.sh MIGFUZZ [KILLS]      default 10 kills; exit 77: cannot run here
# A case is known by key and plan, as results.db has them; verdicts are not compared, because how
# QEMU's threads interleave is not part of a plan.
set -euo pipefail
program=$1 kills=${2:-${MIGFUZZ_KILLS:-10}}
command -v sqlite3 >/dev/null || { echo "SKIPPED: no sqlite3 to read the database with"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

start() {  # FOLDER [OPTION…]: sets pid
  local out=$1
  shift
  "$program" run --accel=tcg --seed=7 --jobs=2 --quiet --output="$folder/$out" \
    --point=precopy/begin,stopcopy/enter,stopcopy/ram-end,stopcopy/device:cpu/begin,commit/eof \
    --fault=crash,hang,quit,reset,close,stall,drop \
    "$@" >"$folder/log" 2>&1 &
  pid=$!
}
campaign() { start "$@"; wait "$pid"; }
query() { sqlite3 "$folder/$1/results.db" "$2"; }
fail() { echo "FAILED: $*" >&2; cat "$folder/log" >&2; exit 1; }

rc=0; campaign unbroken || rc=$?
[ "$rc" -ne 4 ] || { echo "SKIPPED: $(cat "$folder/log")"; exit 77; }
[ "$rc" -le 1 ] || fail "the unbroken run ended with $rc"
cases=$(query unbroken "SELECT count(*) FROM cases")

resume=() done=0 lost=0
for ((n = 1; n <= kills; n++)); do
  start broken "${resume[@]}"
  # A random moment, but one at which something more has finished: killed at once, it would never end.
  wanted=$((done + (RANDOM % 3)))
  for ((i = 0; i < 600; i++)); do
    now=$(query broken "SELECT count(*) FROM cases WHERE ended_as NOT NULL" 2>/dev/null || echo 0)
    [ "${now:-0}" -gt "$wanted" ] && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  sleep "0.$((RANDOM % 4))"
  kill -KILL "$pid" 2>/dev/null || fail "it ended before kill $n: too few cases"
  wait "$pid" 2>/dev/null || true
  resume=(--resume)
  now=$(query broken "SELECT count(*) FROM cases WHERE ended_as NOT NULL")
  [ "$now" -ge "$done" ] || fail "$now finished cases after kill $n, $done before"
  under_way=$(query broken "SELECT count(*) FROM cases WHERE ended_as IS NULL")
  lost=$((lost + under_way)) done=$now
done
again=0; campaign broken --resume || again=$?
[ "$again" -le 1 ] || fail "the resumed run ended with $again"

list="SELECT key, plan FROM cases ORDER BY ordinal"
diff <(query unbroken "$list") <(query broken "$list") >"$folder/diff" || {
  cat "$folder/diff" >&2; fail "the cases are not those of the unbroken run"; }
[ "$(query broken "SELECT count(*) FROM cases WHERE ended_as IS NULL")" -eq 0 ] || fail "cases without a result"
[ "$(query broken "SELECT count(*) FROM runs")" -eq 1 ] || fail "more than one run"
[ "$(query broken "SELECT count(*) FROM sessions")" -eq $((kills + 1)) ] || fail "not every session is on record"
lines=$(wc -l <"$folder/broken/results.jsonl")
[ "$lines" -eq "$cases" ] || fail "$lines lines in results.jsonl, $cases cases"
for id in $(query broken "SELECT json_extract(result, '\$.evidence_kept') FROM cases"); do
  [ -s "$folder/broken/$id/plan.json" ] || fail "no evidence in $id"
done
[ -s "$folder/broken/report.html" ] || fail "no report"
python=/usr/bin/python3
rc=0; [ ! -x "$python" ] || "$python" "$(dirname "$0")/../reports/check_run.py" "$folder/broken" || rc=$?
[ "$rc" -eq 0 ] || [ "$rc" -eq 77 ] || fail "machines cannot read the folder"
rc=0; campaign broken --resume || rc=$?
[ "$rc" -eq 2 ] && grep -q "came to its end" "$folder/log" || fail "a finished run was resumed ($rc)"
echo "$kills kills, $cases cases: none lost, none twice; $lost times a case was under way and ran again"
