#!/usr/bin/env bash
# The program itself, where no VM is needed: help, errors, migfuzz.toml, watch.
#
#   program_test.sh MIGFUZZ
set -euo pipefail
migfuzz=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
failed=0

# want STATUS PATTERN ARGUMENTS...: ends with the status; what it says holds the pattern. What is
# refused is said in one line.
want() {
  local status=0 out
  out=$("$migfuzz" "${@:3}" 2>&1 </dev/null) || status=$?
  if [ $status -ne "$1" ] || ! grep -q -- "$2" <<<"$out" || { [ "$1" -eq 2 ] && [ "$(wc -l <<<"$out")" -ne 1 ]; }; then
    echo "migfuzz ${*:3}: status $status, wanted $1 and '$2':"
    head -5 <<<"$out"
    failed=1
  fi
}

want 0 '^migfuzz [0-9]' --version
want 0 'Usage: migfuzz' --help
want 0 'Usage: migfuzz' -h
want 0 'What to break:' run --help
want 0 'What to break:' --phase=commit --help
want 0 'Usage: migfuzz replay' help replay
want 0 'its end was signal 9' list faults crash
want 0 '^crash  *\[active; qemu; source, destination\]' list faults
want 0 'capabilities' list
want 2 'nearest: --phase' --phas=commit
want 2 'nearest: replay' repaly x
want 2 'nearest: crash' --fault=crahs
want 2 'merge: --output is missing' merge a b
want 2 'PLAN is missing' replay
want 2 'there is no results.db' watch .
want 2 'there is no results.db' watch ./none

printf '[run]\nphase = ["commit"]\nfault = "crahs"\n' >migfuzz.toml
want 2 'migfuzz.toml:3: fault: ' --quiet
want 2 'nearest: crash' --quiet
want 0 'phase = \["commit"\]' run --print-config --quiet
want 0 'phase = \["precopy"\]' run --phase=precopy --print-config --quiet
want 0 'phase = \["commit"\]' config
want 0 'settings of migfuzz.toml' run --print-config
want 0 '# phase =' run --no-config --print-config
want 2 'nearest: crash' --no-config --fault=crahs
printf '[run]\nphaze = "commit"\n' >other.toml
want 2 'other.toml:2: phaze: .*nearest: phase' --config=other.toml
want 2 'other.toml:2: phaze: .*nearest: phase' config --config other.toml
want 2 'none.toml' --config=none.toml
printf '[run]\nfault = "crash"\n' >migfuzz.toml
"$migfuzz" config >printed.toml
"$migfuzz" config --config=printed.toml | cmp - printed.toml || { echo "settings do not read back"; failed=1; }

exit $failed
