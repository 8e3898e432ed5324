# Shared by the scripts beside it: what is installed, and how it is built. Sourced, not run.
#
# install_missing PACKAGE… installs with apt what dpkg does not have, as root or through sudo; with
# nothing missing it costs one dpkg-query. build PRESET [CMAKE-ARGS…] configures once and builds.
# Output of both goes to a log under build/ and is shown only when they fail.

readonly BUILD_PACKAGES=(
  g++ cmake ninja-build pkg-config ccache
  libboost1.81-dev libboost-filesystem1.81-dev libboost-system1.81-dev
  nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libfmt-dev librapidcheck-dev
  libnl-3-dev libnl-route-3-dev libnftables-dev libsqlitecpp-dev libsqlite3-dev
  libarchive-dev libgnutls28-dev libdw-dev node-d3
  qemu-system-x86 qemu-system-data qemu-utils seabios
)
readonly PACKAGE_PACKAGES=(dpkg-dev file git gzip lintian)
readonly TEST_PACKAGES=(
  python3 sqlite3 catch2 zlib1g-dev chromium chromium-driver python3-selenium zsh fish man-db mandoc
  python3-jsonschema libxml2-utils cmark-gfm  # what machines read, by the tools that read it
)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 4; }

install_missing() {
  local package missing=()
  local have
  have=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii //p' || true)
  for package in "$@"; do
    grep -qx "$package" <<<"$have" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing packages: ${missing[*]}; install them as root"
    as_root=(sudo)
  fi
  say "installing: ${missing[*]}"
  mkdir -p build
  {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
        --no-install-recommends "${missing[@]}"
  } >build/install.log 2>&1 </dev/null || { tail -20 build/install.log >&2; die "installing failed; see build/install.log"; }
}

# One stamp per preset remembers what the last successful build was made from, so that a second run
# starts without asking cmake or ninja anything.
sources_stamp() {
  find CMakeLists.txt CMakePresets.json docs/faults.md known-issues.json cmake harness faults scenarios \
    guests reports tests bench scripts \
    -type f -printf '%p %T@ %s\n' | sort | sha256sum
}

build() {
  local preset=$1 log=build/$1.log
  shift
  mkdir -p build
  if [ -f "build/$preset.stamp" ] && [ "$(cat "build/$preset.stamp")" = "$(sources_stamp) $*" ]; then
    return
  fi
  local stamp
  stamp="$(sources_stamp) $*"
  say "building ($preset); this takes some minutes the first time"
  {
    cmake --preset "$preset" "$@" && cmake --build --preset "$preset"
  } >"$log" 2>&1 </dev/null || { grep -E 'error|FAILED|CMake Error' "$log" | head -20 >&2; die "the build failed; see $log"; }
  printf '%s' "$stamp" >"build/$preset.stamp"
}
