#!/usr/bin/env bash
# The guest `linux` on real QEMUs: booted once, restored for every case, and what is left of it after
# a migration without a fault, a source that is lost, a destination that is lost, a broken channel;
# and that each planted defect is found, a second sender on the network among them.
#   guest_linux_test.sh MIGFUZZ      exit 77: cannot run here (no kernel: scripts/fetch-linux)
set -euo pipefail
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

rc=0
"$program" run --guest=linux --seed=5 --quiet --output="$folder/out" \
  --point=precopy/page:100,stopcopy/enter,commit/eof --fault=crash,reset \
  --known-issues="$(dirname "$0")/../../known-issues.json" >"$folder/log" 2>&1 || rc=$?
if [ "$rc" -eq 4 ] && grep -q "run scripts/fetch-linux" "$folder/log"; then
  echo "SKIPPED: $(cat "$folder/log")"
  exit 77
fi
cat "$folder/log"
[ "$rc" -eq 0 ] || { echo "FAILED: exit status $rc" >&2; exit 1; }

python3 - "$folder/out/results.jsonl" <<'PYTHON'
import json, os, re, sys
watched = os.access("/dev/net/tun", os.R_OK | os.W_OK)
results = [json.loads(line) for line in open(sys.argv[1])]
wrong = []
examined = journalled = spoken = 0
for result in results:
    said = {f["checker"]: f["what"] for f in result["findings"]}
    if result["plan"]["guest"]["name"] != "linux" or not result["delivered"]:
        wrong.append(result["id"])
    if re.match(r"[1-9]\d* checks of owned pages", said.get("memory", "")):
        examined += 1
    if re.match(r"[1-9]\d* writes acknowledged", said.get("disk", "")):
        journalled += 1
    if re.search(r"\d+ of [1-9]\d* pings lost" if watched else "", said.get("network", "")):
        spoken += 1
# The source that crashed, and the abort that QEMU 7.2 is known for, leave no image.
lost = sum(result["verdict"] in ("expected-loss", "known-issue")
           and "no image is left to check" in [f["what"] for f in result["findings"]]
           for result in results)
print(f"{len(results)} cases, {examined} with pages examined, {journalled} with a journal, "
      f"{spoken} with a client, {lost} lost")
if wrong or len(results) < 10 or examined + lost < len(results) or journalled < examined \
        or spoken < len(results):
    sys.exit(f"FAILED: {wrong}")
PYTHON

rc=0
"$program" run --guest=linux --scenario=canary --seed=5 --quiet --output="$folder/canary" \
  >"$folder/log" 2>&1 || rc=$?
[ "$rc" -eq 1 ] || { cat "$folder/log"; echo "FAILED: canary ended with $rc" >&2; exit 1; }
python3 - "$folder/canary/results.jsonl" <<'PYTHON'
import json, os, sys
found = {}
watched = os.access("/dev/net/tun", os.R_OK | os.W_OK)
for line in open(sys.argv[1]):
    result = json.loads(line)
    plant = result["plan"]["plant"]
    if plant:
        found[plant] = result["signature"]
print(found)
wanted = {"double-resume": "single-owner/", "stale-page": "memory/", "rollback": "no-rollback/"}
if watched:
    wanted["second-sender"] = "network/two-senders/"
for plant, face in wanted.items():
    if not found.get(plant, "").startswith(face):
        sys.exit(f"FAILED: {plant} was found as {found.get(plant)!r}")
PYTHON
