#!/usr/bin/env bash
# Installs the Debian package on a bare Debian 12 and runs it there as an ordinary user.
#
#   tests/package/install_test.sh FILE.deb [MIGFUZZ-OPTIONS…]      [--phase=stopcopy, known issues]
#
# The bare system is made by mmdebstrap in a temporary folder, with this machine's own apt sources
# for Debian, and removed again. It is entered by pivot_root in namespaces of its own, because the
# kernel refuses user namespaces to whoever stands in a chroot. Checked: apt installs the package
# with what it depends on; the version; completions and the packed list of known issues; a run whose
# options are yours (without any: status 0 is asked for); a replay; that purging leaves nothing.
# It takes some minutes and is not part of scripts/test. KEEP=DIR keeps the run's output folder.
# Exit status 77: SKIPPED, because root or a tool is missing.
set -euo pipefail
skip() { echo "SKIPPED: $*"; exit 77; }
[ $# -ge 1 ] || { sed -n 4p "$0" >&2; exit 2; }
deb=$(realpath -- "$1")
shift
[ -f "$deb" ] || { echo "install_test: $deb is not there; scripts/package makes it" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || skip "root is needed to make a Debian of its own"
for tool in mmdebstrap unshare pivot_root; do
  command -v "$tool" >/dev/null || skip "no $tool on this machine"
done

room=$(mktemp -d)
trap 'rm -rf --one-file-system "$room"' EXIT
shopt -s nullglob
sources=()
for file in /etc/apt/sources.list* /etc/apt/sources.list.d/*; do
  [ -f "$file" ] || continue
  if grep -q bookworm "$file" && grep -q /debian "$file"; then sources+=("$file"); fi
done
mmdebstrap --quiet --variant=apt --include=ca-certificates,mount bookworm "$room" "${sources[@]}"
# This machine's proxy and the like, but no hooks: what they call is not in there.
for file in /etc/apt/apt.conf.d/*; do
  grep -qE 'Invoke|Pre-Install' "$file" || cp "$file" "$room/etc/apt/apt.conf.d/"
done
cp /etc/resolv.conf "$room/etc/resolv.conf"
cp /etc/hosts "$room/etc/hosts"
cp "$deb" "$room/root/migfuzz.deb"
cat >"$room/root/inside" <<'INSIDE'
set -euo pipefail
fail() { echo "FAILED: $*"; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -q install -y --no-install-recommends /root/migfuzz.deb >/root/apt.log 2>&1 ||
  { tail -20 /root/apt.log; fail "apt could not install it"; }
version=$(dpkg-query -W -f='${Version}' migfuzz)
[ "$(migfuzz --version)-1" = "migfuzz $version" ] || fail "$(migfuzz --version), package $version"
for file in $(dpkg -L migfuzz); do [ -e "$file" ] || fail "$file is not there"; done
useradd --create-home tester
as_user() { su tester -c "cd && $1"; }
as_user 'migfuzz doctor'
status=0
if [ $# -gt 0 ]; then
  as_user "migfuzz --output=out $*" || status=$?
  echo "status $status of: migfuzz --output=out $*"
else
  as_user 'migfuzz --phase=stopcopy --output=out' ||
    fail "status $?"
fi
for file in report.html junit.xml summary.json; do
  [ -s "/home/tester/out/$file" ] || fail "no $file"
done
as_user 'migfuzz replay /usr/share/migfuzz/corpus/*.json --times=2' || [ $? -le 1 ] || fail "replay"
[ -z "$(find / -xdev -user tester -not -path '/home/tester*' -not -path '/proc/*')" ] ||
  fail "the run left files outside the user's home"
dpkg -L migfuzz >/root/files
apt-get -q purge -y migfuzz >/dev/null 2>&1 || fail "purge"
! grep migfuzz /root/files | while read -r file; do [ ! -e "$file" ] || echo "left: $file"; done |
  grep . || fail "purging left files"
echo "passed: migfuzz $version, installed, run as an ordinary user, removed"
INSIDE
status=0
# shellcheck disable=SC2016
unshare --mount --pid --fork --ipc --uts --kill-child bash -c '
  mount --make-rprivate / && mount --bind "$1" "$1"
  mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev"
  mount -t tmpfs tmpfs "$1/tmp"
  cd "$1" && mkdir -p .old && pivot_root . .old && cd / && umount -l /.old && rmdir /.old
  shift
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb bash /root/inside "$@"
' _ "$room" "$@" </dev/null || status=$?
if [ -n "${KEEP:-}" ] && [ -d "$room/home/tester/out" ]; then cp -a "$room/home/tester/out" "$KEEP"; fi
exit "$status"
