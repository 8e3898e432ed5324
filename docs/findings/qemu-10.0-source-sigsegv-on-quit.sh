#!/usr/bin/env bash
# Counts how many QEMU migration sources end by a signal when `quit` is sent while they migrate.
#
# Usage: qemu-10.0-source-sigsegv-on-quit.sh QEMU [ROUNDS]                                   [100]
# Environment: DISK=blockdev|drive|none  how the source's disk is defined     [blockdev]
#                   mirror              as blockdev, and mirrored to another one meanwhile
#              AT=STATUS                 of the migration, at which to quit: setup, active,
#                                        pre-switchover, completed           [pre-switchover]
#              TRACE=1                   print the QMP dialogue with the source
#              KEEP=DIR                  leave the last crash's core in DIR (core_pattern `core`)
#
# Each round starts a destination and a source (`pc`, 16 MiB, TCG, never started, one virtio-blk
# disk of null-co), talks QMP over their stdin and stdout, migrates over a unix socket as far as the
# pause before the switch-over, so that the migration thread is known to be there, sends `quit` to
# the source and looks at the status with which it ends: 139 is SIGSEGV. Needs bash 5.1 and
# coreutils; no guest image, no root, no network.
#
# Why it cannot be this script's doing: the pipes stay open until the process has ended, nothing
# is sent to it but what TRACE shows, and no signal but KILL, if it outlives `quit` by 10 s: 137.
set -euo pipefail

[[ $# -ge 1 && $# -le 2 ]] || { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
qemu=$(command -v -- "$1") || { echo "$1 is not a program" >&2; exit 2; }
qemu=$(realpath -- "$qemu")   # KEEP changes the directory
readonly qemu rounds=${2:-100}
readonly disk=${DISK:-blockdev} at=${AT:-pre-switchover} trace=${TRACE:-} keep=${KEEP:-}
pause=false
[[ $at != pre-switchover ]] || pause=true
readonly capabilities='{"capability":"events","state":true},
  {"capability":"pause-before-switchover","state":'$pause'}'

# shellcheck disable=SC2054  # the commas belong to the options
case $disk in
  blockdev) disk_options=(-blockdev 'null-co,node-name=disk,size=1048576,read-zeroes=on'
                          -device virtio-blk-pci,drive=disk) ;;
  drive) disk_options=(-drive 'if=none,id=disk,format=raw,file.driver=null-co,file.size=1048576'
                       -device virtio-blk-pci,drive=disk) ;;
  mirror) disk_options=(-blockdev 'null-co,node-name=disk,size=1048576,read-zeroes=on'
                        -blockdev 'null-co,node-name=target,size=1048576,read-zeroes=on'
                        -device virtio-blk-pci,drive=disk) ;;
  none) disk_options=() ;;
  *) echo "DISK=$disk is not known; there are blockdev, drive, mirror, none" >&2; exit 2 ;;
esac

dir=$(mktemp -d)
declare -A to from pid
end_of_script() {
  [[ $BASHPID == "$$" ]] || return 0   # not in a child that has not reset its traps yet
  for one in "${pid[@]}"; do kill -KILL "$one" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap end_of_script EXIT
die() { printf '%s\n' "$@" >&2; exit 1; }

# say NAME JSON: one command to `source` or `destination`.
say() {
  [[ -z $trace || $1 != source ]] || printf -- '-> %s\n' "$2"
  printf '%s\n' "$2" >&"${to[$1]}"
}

# hear NAME PATTERN: reads lines until one matches; fails if there is none for 10 s.
hear() {
  local line
  while IFS= read -r -t 10 line <&"${from[$1]}"; do
    line=${line%$'\r'}
    [[ -z $trace || $1 != source ]] || printf -- '<- %s\n' "$line"
    # shellcheck disable=SC2053  # a pattern is meant
    [[ $line != $2 ]] || return 0
  done
  die "$1: no \`$2' within 10 s" "$(<"$dir/$1.log")"
}

ask() { say "$1" "$2"; hear "$1" '{"return":*'; }

# start NAME ARGUMENTS…: QMP on stdin and stdout, each a pipe that this shell holds open.
start() {
  local name=$1 in out
  shift
  mkfifo "$dir/$name.in" "$dir/$name.out"
  exec {in}<>"$dir/$name.in" {out}<>"$dir/$name.out"
  (
    if [[ -n $keep ]]; then ulimit -c unlimited; cd "$keep"; fi
    exec "$qemu" -M pc -accel tcg -m 16M -nodefaults -display none -S -qmp stdio \
      "${disk_options[@]}" "$@"
  ) <"$dir/$name.in" >"$dir/$name.out" 2>"$dir/$name.log" {in}>&- {out}>&- &
  pid[$name]=$! to[$name]=$in from[$name]=$out
  hear "$name" '{"QMP":*'
  ask "$name" '{"execute":"qmp_capabilities"}'
}

# one_round: sets `status`, with which the source ended.
one_round() {
  local guard ended fd
  start destination -incoming "unix:$dir/migration"
  start source
  ask source '{"execute":"migrate-set-capabilities",'\
'"arguments":{"capabilities":['"${capabilities//$'\n'}"']}}'
  if [[ $disk == mirror ]]; then
    say source '{"execute":"blockdev-mirror","arguments":{"job-id":"mirror","device":"disk",'\
'"target":"target","sync":"full"}}'
    hear source '*"BLOCK_JOB_READY"*'
  fi
  say source '{"execute":"migrate","arguments":{"uri":"unix:'"$dir"'/migration"}}'
  hear source '*"MIGRATION"*"'"$at"'"*'
  say source '{"execute":"quit"}'

  sleep 10 &
  guard=$! status=0
  wait -n -p ended "${pid[source]}" "$guard" 2>/dev/null || status=$?
  if [[ $ended == "$guard" ]]; then
    kill -KILL "${pid[source]}"
    status=0
    wait "${pid[source]}" 2>/dev/null || status=$?
  fi
  kill -KILL "$guard" "${pid[destination]}" 2>/dev/null || true
  wait "$guard" "${pid[destination]}" 2>/dev/null || true
  if [[ -n $trace ]]; then
    while IFS= read -r -t 0.1 line <&"${from[source]}"; do printf -- '<- %s\n' "${line%$'\r'}"; done
    echo "   status $status"
  fi
  for fd in "${to[@]}" "${from[@]}"; do exec {fd}>&-; done
  pid=()
  rm -f "$dir"/*
}

"$qemu" --version | sed 1q
declare -A seen
signals=0
for ((round = 0; round < rounds; ++round)); do
  one_round
  seen[$status]=$((${seen[$status]:-0} + 1))
  ((status <= 128)) || signals=$((signals + 1))
done
for status in "${!seen[@]}"; do echo "status $status: ${seen[$status]}"; done
echo "DISK=$disk AT=$at: $signals of $rounds sources ended by a signal"
