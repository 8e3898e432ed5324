#!/usr/bin/env bash
# Promises of known systems on real QEMUs: migrations without a fault keep them; a host that crashes
# in the middle of an evacuation leaves every VM accounted for; a device that cannot move, a disk
# that the destination does not reach and a network that stays broken meet the manager's policies.
#   systems_test.sh MIGFUZZ
set -euo pipefail
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() {  # NAME ARGUMENTS…: the run has to end with status 0
  local name=$1 rc=0
  shift
  "$program" run --quiet --seed=11 --output="$folder/$name" "$@" >"$folder/$name.log" 2>&1 || rc=$?
  [ "$rc" -eq 0 ] || { cat "$folder/$name.log"; echo "FAILED: $name: status $rc" >&2; exit 1; }
}

run clark --scenario=clark-precopy --cases=2
run hines --scenario=hines-postcopy --cases=2 --mode=precopy
run evacuation --scenario=evacuate-host --cases=1 --point=stopcopy/enter --fault=host-crash \
  --side=source
run blocked --scenario=gce-maintenance --guest=tiny --mode=precopy --cases=1 \
  --point=prepare/ready --fault=unmovable-device
run network --scenario=hyperv-cluster --guest=tiny --cases=1 --point=precopy/page:100 \
  --fault=link-down,drop --side=source

python3 - "$folder" <<'PYTHON'
import json, sys
folder = sys.argv[1]
def results(name):
    return [json.loads(line) for line in open(f"{folder}/{name}/results.jsonl")]
def promises(name):
    return {p["name"]: p for p in json.load(open(f"{folder}/{name}/summary.json"))["promises"]}
def said(result, checker):
    return " ".join(f["what"] for f in result["findings"] if f["checker"] == checker)
wrong = []
for name, promise, least in (("clark", "six-stages", 2), ("clark", "b-is-primary", 2),
                             ("evacuation", "every-vm-on-one-host", 2),
                             ("blocked", "unmovable-is-restarted", 1),
                             ("blocked", "guest-notified", 1),
                             ("network", "second-network", 2)):
    one = promises(name)[promise]
    print(name, one["name"], one["held"], one["broken"])
    if one["held"] < least or one["broken"]:
        wrong.append(f"{name}: {promise}")
crashed = [r for r in results("evacuation") if r["plan"]["faults"]]
for result in crashed:
    print(said(result, "evacuation"))
    if "restarted" not in said(result, "evacuation") or not said(result, "evacuation").startswith("6 VMs"):
        wrong.append("evacuation: " + said(result, "evacuation"))
if len(crashed) != 1 or wrong:
    sys.exit(f"FAILED: {wrong or 'no crash in the evacuation'}")
PYTHON
