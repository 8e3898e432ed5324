#!/usr/bin/env bash
# What machines read of a run, checked with their eyes: of made-up runs (100 000 cases among them),
# of hostile ones, and of a campaign on the scripted hypervisor.
#   machine_test.sh SAMPLE_RUNS SCRIPTED_RUN MIGFUZZ     exit 77: a tool is missing
set -euo pipefail
sample_runs=$1 scripted_run=$2 program=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Debian's Python has Debian's packages, whatever else comes first on PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
check() { "$python" "$here/check_run.py" "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

"$sample_runs" "$folder"
check "$folder"/made-up/*
check --hostile "$folder"/hostile/* "$folder"/hostile-raw/*

# A folder that was filled by strangers is read, and written again.
for name in markup controls broken-utf8; do
  "$program" report "$folder/hostile/$name" >/dev/null
  [ -s "$folder/hostile/$name/report.html" ] || fail "no report of hostile/$name"
done
check --hostile "$folder"/hostile/markup "$folder"/hostile/controls "$folder"/hostile/broken-utf8

rc=0; "$scripted_run" "$folder/scripted" >"$folder/log" 2>&1 || rc=$?
if [ "$rc" -eq 77 ]; then
  echo "SKIPPED in part: $(cat "$folder/log")"; exit 77
fi
[ "$rc" -eq 1 ] || { cat "$folder/log" >&2; fail "the scripted campaign ended in $rc"; }
compgen -G "$folder/scripted/cases/*/minimal.json" >/dev/null || fail "nothing was shrunk"
check "$folder/scripted"

# The check itself must see what it is for.
cp -r "$folder/made-up/safe" "$folder/spoilt"
spoil() {  # FILE SED-SCRIPT
  cp "$folder/made-up/safe/$1" "$folder/spoilt/$1"
  sed -i "$2" "$folder/spoilt/$1"
  ! cmp -s "$folder/made-up/safe/$1" "$folder/spoilt/$1" || fail "$1 was not changed by $2"
  ! check "$folder/spoilt" >/dev/null || fail "$1 passed with $2"
  cp "$folder/made-up/safe/$1" "$folder/spoilt/$1"
}
check "$folder/spoilt"
spoil summary.json 's/"seed":/"surprise": 1, "seed":/'
spoil results.jsonl '1s/"survivor":/"survivors":/'
spoil junit.xml '0,/<testcase /s//<testcase status="run" /'
spoil junit.xml '0,/tests="/s//tests="9/'
spoil report.sarif 's/"ruleIndex": 0/"ruleIndex": 99/'
spoil report.sarif 's/"uri": "[^"]*"/"uri": ""/'
spoil metrics.prom 's/^migfuzz_exit_status /migfuzz_exit_status{a="b} /'
spoil metrics.prom '/^# TYPE migfuzz_cases gauge/d'
spoil summary.md 's/^## Notes/<b>x<\/b>/'
spoil summary.md 's/^| fail |/| fail | |/'
spoil summary.md 's/^# SAFE/# SAFE\n\n# SAFE/'
echo "spoilt files are told from good ones"
