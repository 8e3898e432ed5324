#!/usr/bin/env bash
# The guest `linux` on real QEMUs: booted once, restored for every case, and what is left of it after
# a migration without a fault, a source that is lost, a destination that is lost, a broken channel.
#   guest_linux_test.sh MIGFUZZ      exit 77: cannot run here (no kernel: scripts/fetch-linux)
set -euo pipefail
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

rc=0
"$program" run --guest=linux --seed=5 --quiet --output="$folder/out" \
  --point=precopy/page:100,stopcopy/enter,commit/eof --fault=crash,reset \
  --known-issues="$(dirname "$0")/../../known-issues.json" >"$folder/log" 2>&1 || rc=$?
[ "$rc" -ne 4 ] || { echo "SKIPPED: $(cat "$folder/log")"; exit 77; }
cat "$folder/log"
[ "$rc" -eq 0 ] || { echo "FAILED: exit status $rc" >&2; exit 1; }

python3 - "$folder/out/results.jsonl" <<'PYTHON'
import json, re, sys
results = [json.loads(line) for line in open(sys.argv[1])]
wrong = []
examined = journalled = 0
for result in results:
    said = {f["checker"]: f["what"] for f in result["findings"]}
    if result["plan"]["guest"]["name"] != "linux" or not result["delivered"]:
        wrong.append(result["id"])
    if re.match(r"[1-9]\d* checks of owned pages", said.get("memory", "")):
        examined += 1
    if re.match(r"[1-9]\d* writes acknowledged", said.get("disk", "")):
        journalled += 1
lost = sum(result["verdict"] == "expected-loss" for result in results)
print(f"{len(results)} cases, {examined} with pages examined, {journalled} with a journal, {lost} lost")
if wrong or len(results) < 10 or examined + lost < len(results) or journalled < examined:
    sys.exit(f"FAILED: {wrong}")
PYTHON
