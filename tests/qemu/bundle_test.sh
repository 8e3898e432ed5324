#!/usr/bin/env bash
# A finding on real QEMUs becomes a bundle; somebody else, elsewhere, replays it and runs its script.
#
#   bundle_test.sh MIGFUZZ [RUNS]            default 3 runs of the script; exit 77: cannot run here
#
# The finding is one that QEMU 7.2 is known for: the source aborts when the acknowledgement of a
# finished migration is lost (docs/findings/qemu-7.2-abort-after-lost-acknowledgement.md). It is
# looked for without the list of known issues, so that it is a failure. As root, the bundle is used
# as the user nobody. Also: an archive that is no bundle, and a QEMU that is not there.
set -euo pipefail
program=$(realpath -- "$1") runs=${2:-3}
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; cat "$folder/log" >&2 || true; exit 1; }

version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
[ "$version" = 7.2 ] || { echo "SKIPPED: needs QEMU 7.2, this is ${version:-none}"; exit 77; }
status=0
"$program" run --scenario=cells --point=commit/ack --fault=reset --accel=tcg --jobs=1 --seed=3 \
  --known-issues=none --output="$folder/out" >"$folder/log" 2>&1 || status=$?
[ "$status" -ne 4 ] || { echo "SKIPPED: $(cat "$folder/log")"; exit 77; }
[ "$status" -eq 1 ] || fail "the campaign ended in $status, not in 1"
bundle=$(find "$folder/out/findings" -name 'clean-exit-assertion*.tar.gz' | head -1)
[ -n "$bundle" ] || fail "no bundle of the abort: $(ls "$folder/out/findings")"
echo "bundle: $(basename "$bundle"), $(stat -c %s "$bundle") bytes"

# --- another user, another folder, another copy of the program --------------------------------------

else=$folder/elsewhere
mkdir "$else"
cp "$program" "$else/migfuzz"
cp "$bundle" "$else/finding.tar.gz"
other=()
if [ "$(id -u)" -eq 0 ]; then
  chown -R nobody: "$else"
  other=(setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs env HOME=/nonexistent)
fi
cd "$else"
status=0
"${other[@]}" ./migfuzz replay finding.tar.gz --times=3 >"$folder/log" 2>&1 || status=$?
case $(<"$folder/log") in
  *namespaces*) echo "replay as an ordinary user: SKIPPED: $(tail -1 "$folder/log")" ;;
  *) [ "$status" -eq 1 ] || fail "replay of the bundle ended in $status, not in 1"
     echo "replay: $(grep ' of 3: ' "$folder/log")" ;;
esac

"${other[@]}" tar xzf finding.tar.gz
cd ./*/
[ -x reproduce.py ] || fail "no script in the bundle"
status=0
"${other[@]}" ./reproduce.py --runs="$runs" >"$folder/log" 2>&1 || status=$?
[ "$status" -eq 0 ] || fail "the script ended in $status"
echo "script: $(tail -1 "$folder/log")"
grep -q "^$runs of $runs: " "$folder/log" || fail "not every run of the script reproduced it"

# --- what is refused, and what is looked up --------------------------------------------------------

cd "$else"
head -c 3000 finding.tar.gz >cut.tar.gz
status=0
./migfuzz replay cut.tar.gz >"$folder/log" 2>&1 || status=$?
if [ "$status" -ne 2 ] || [ "$(wc -l <"$folder/log")" -ne 1 ]; then fail "a cut bundle ended in $status"; fi
echo "refused: $(cat "$folder/log")"
status=0
./migfuzz replay finding.tar.gz --source-qemu=/no/such/qemu >"$folder/log" 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "a QEMU that is not there ended in $status, not in 2"
sed 's|"binary": ""|"binary": "/opt/other/qemu-system-x86_64"|' ./*/plan.json >moved.json
status=0
./migfuzz replay moved.json >"$folder/log" 2>&1 || status=$?
grep -q "QEMU /opt/other/qemu-system-x86_64 is not here: .*/qemu-system-x86_64 is used" \
  "$folder/log" || fail "it was not said which QEMU is used instead"
