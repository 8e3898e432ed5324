#!/usr/bin/env bash
# A campaign on a real Slurm: three nodes, twelve shards, one node killed in the middle.
#
#   slurm_test.sh MIGFUZZ [MIGFUZZ-OPTIONS…]     default options: a few dozen quick cells
#
# Starts munged, slurmctld and three slurmd of its own on this machine, each slurmd in a PID
# namespace, so that one SIGKILL ends the node with everything on it, as a power loss would. Then
# contrib/slurm/campaign runs once; as soon as the second node has a shard under way it is killed.
# It must come out that
#   - the campaign ends in the exit status of the same run without shards,
#   - its cells and their verdicts are those of that run, none missing and none twice,
#   - a shard was started a second time, on another node.
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge; else it is skipped (77). Takes
# three minutes or so. Everything lies in a temporary folder; nothing of the machine's own Slurm is
# touched. KEEP=1 keeps the folder.
set -euo pipefail

skip() { echo "SKIPPED: $*"; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "three slurmd need root"
PATH=$PATH:/usr/sbin:/sbin
for tool in slurmctld slurmd sbatch scontrol munged mungekey unshare python3; do
  command -v "$tool" >/dev/null || skip "$tool is not installed (slurmctld slurmd slurm-client munge)"
done
[ $# -ge 1 ] || { echo "usage: $0 MIGFUZZ [OPTIONS…]" >&2; exit 2; }
program=$(realpath -- "$1")
shift
[ $# -gt 0 ] || set -- --point=reserve/first-byte,precopy/begin,stopcopy/enter,stopcopy/ram-end \
  --fault=crash,hang,reset,close,truncate,cancel,quit
source=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/../..")

folder=$(mktemp -d /tmp/slurm-test-XXXXXX)
chmod 755 "$folder"
declare -A pid
end() {
  local one
  for one in "${!pid[@]}"; do kill -KILL "${pid[$one]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ "${KEEP:-0}" = 1 ]; then echo "kept: $folder"; else rm -rf "$folder"; fi
}
trap end EXIT
fail() {
  echo "FAILED: $*" >&2
  tail -n 20 "$folder"/slurmctld.log "$folder"/out/logs/*.log 2>/dev/null >&2 || true
  exit 1
}

# wait_for SECONDS WHAT COMMAND…: until it succeeds.
wait_for() {
  local seconds=$1 what=$2 until
  shift 2
  until=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || fail "waited $seconds s for $what"
    sleep 0.2
  done
}

# --- the cluster -----------------------------------------------------------------------------------

host=$(hostname -s)
port=$((20000 + RANDOM % 20000))
export SLURM_CONF=$folder/slurm.conf
cat >"$SLURM_CONF" <<EOF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/%n.pid
SlurmdLogFile=$folder/%n.log
SlurmdSpoolDir=$folder/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=2
SlurmdTimeout=10
MessageTimeout=10
ReturnToService=0
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
$(for n in 1 2 3; do
    echo "NodeName=n$n NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + n)) CPUs=1 RealMemory=500"
  done)
PartitionName=all Nodes=n[1-3] Default=YES State=UP MaxTime=INFINITE
EOF
mkdir "$folder/state"
mungekey --create --keyfile="$folder/munge.key"
munged --force --foreground --num-threads=2 --socket="$folder/munge.socket" \
  --key-file="$folder/munge.key" --pid-file="$folder/munge.pid" --seed-file="$folder/munge.seed" \
  --log-file="$folder/munge.log" 2>"$folder/munge.err" &
pid[munged]=$!
wait_for 10 "munged" test -S "$folder/munge.socket"
slurmctld -D >"$folder/slurmctld.out" 2>&1 &
pid[slurmctld]=$!
for n in 1 2 3; do
  mkdir "$folder/spool-n$n"
  unshare --pid --fork --mount-proc --kill-child slurmd -D -N "n$n" >"$folder/n$n.out" 2>&1 &
  pid[n$n]=$!
done
idle() { [ "$(sinfo -h -N -o '%N %T' | grep -c ' idle$')" -eq 3 ]; }
wait_for 30 "three idle nodes" idle
echo "$(slurmctld -V): three nodes are up"

# --- the same without and with shards --------------------------------------------------------------

options=(--seed=11 --accel=tcg --quiet "$@")
alone=0
"$program" run "${options[@]}" --jobs=2 --output="$folder/alone" || alone=$?
echo "without shards: status $alone"

MIGFUZZ=$program "$source/contrib/slurm/campaign" 12 "$folder/out" "${options[@]}" \
  >"$folder/campaign.log" 2>&1 &
campaign=$!
on_second() { squeue -h -t RUNNING -w n2 -o %i | grep -q . && [ -n "$(ls "$folder/out/shards")" ]; }
finished() { [ "$(find "$folder/out/shards" -name '*.status' | wc -l)" -ge 3 ]; }
wait_for 300 "three finished shards" finished
wait_for 60 "a shard on the second node" on_second
victim=$(squeue -h -t RUNNING -w n2 -o %K | head -1)
disown "${pid[n2]}"
kill -KILL "${pid[n2]}"   # --kill-child: the whole PID namespace goes with it
unset "pid[n2]"
echo "node n2 is killed; shard $victim ran there"
sharded=0
wait "$campaign" || sharded=$?
echo "with 12 shards: status $sharded"
sed 's/^/    /' "$folder/campaign.log" | tail -n 5

# --- are they the same? ----------------------------------------------------------------------------

[ "$sharded" -eq "$alone" ] || fail "exit status $sharded, without shards $alone"
grep -q ', start 2' "$folder/out/logs/shard-$victim.log" || fail "shard $victim was not started again"
grep -h ', start 2' "$folder"/out/logs/shard-*.log | sed 's/^/    /'
python3 - "$folder/alone/results.jsonl" "$folder/out/merged/results.jsonl" <<'EOF'
import collections, json, sys
def cells(path):
    with open(path) as file:
        results = [json.loads(line) for line in file]
    return collections.Counter((one["required_cell"], one["verdict"], one["signature"])
                               for one in results if one["required_cell"])
alone, merged = (cells(path) for path in sys.argv[1:])
for what, left in (("only without shards", alone - merged), ("only in the merge", merged - alone)):
    for cell, count in left.items():
        print(f"    {what}: {cell} x{count}")
if alone != merged or not alone:
    sys.exit("FAILED: the cells differ")
print(f"{sum(alone.values())} cells, each once, the same verdict in both")
EOF
