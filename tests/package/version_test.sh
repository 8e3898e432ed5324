#!/usr/bin/env bash
# cmake/version.cmake in repositories made for it: which version is said, that Debian's tools accept
# it, and that versions sort in the order in which they were made.
# Exit status 77 (ctest: SKIP_RETURN_CODE): git or dpkg is missing.
set -euo pipefail
source=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/../..")
for tool in git dpkg; do
  command -v "$tool" >/dev/null || { echo "SKIPPED: no $tool on this machine"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t.invalid GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t.invalid
bad=0

version() {  # version FOLDER
  cmake -D "SOURCE=$1" -D PROJECT=0.1.0 -D "OUTPUT=$work/made" -P "$source/cmake/version.cmake"
  cat "$work/made.txt"
}
all=()
want() {  # want PATTERN FOLDER WHAT
  local said
  said=$(version "$2")
  if [[ ! $said =~ ^$1$ ]]; then
    echo "FAILED: $3: \`$said' is not $1"
    bad=1
  fi
  dpkg --validate-version "$said" || bad=1
  grep -qF "return \"$said\";" "$work/made.cpp" || { echo "FAILED: $3: not in the source"; bad=1; }
  all+=("$said")
}
hex='[0-9a-f]{7,}'
repo=$work/repo
commit() { echo "$RANDOM" >>"$repo/file" && git -C "$repo" add -A && git -C "$repo" commit -qm c; }
git -c init.defaultBranch=main init -q "$repo"
mkdir "$repo/cmake"
cp "$source/cmake/archive-version.txt" "$repo/cmake"
cp "$source/.gitattributes" "$repo"
commit
commit
archive() { rm -rf "$work/archive"; mkdir "$work/archive"; git -C "$repo" archive HEAD | tar x -C "$work/archive"; }

archive
want "0\.1\.0~0\.g$hex" "$work/archive" "an archive without a tag"
want "0\.1\.0~2\.g$hex" "$repo" "no tag yet"
echo more >>"$repo/file"
want "0\.1\.0~2\.g$hex\.dirty" "$repo" "no tag yet, changed"
git -C "$repo" checkout -q file
git -C "$repo" tag v1.2.0-rc1
want '1\.2\.0~rc1' "$repo" "a candidate"
commit
git -C "$repo" tag v1.2.0
want '1\.2\.0' "$repo" "a tag"
archive
[ "$(version "$work/archive")" = 1.2.0 ] || { echo "FAILED: an archive of a tag"; bad=1; }
echo more >>"$repo/file"
want '1\.2\.0\+0\.dirty' "$repo" "a tag, changed"
git -C "$repo" tag other
git -C "$repo" tag version-9
commit
commit
want "1\.2\.0\+2\.g$hex" "$repo" "behind a tag"
archive
[ "$(version "$work/archive")" = "${all[-1]}" ] || { echo "FAILED: an archive behind a tag"; bad=1; }
git -C "$repo" tag -am annotated v1.2.1
want '1\.2\.1' "$repo" "an annotated tag"
for ((i = 1; i < ${#all[@]}; ++i)); do
  dpkg --compare-versions "${all[i - 1]}" lt "${all[i]}" ||
    { echo "FAILED: ${all[i - 1]} does not sort before ${all[i]}"; bad=1; }
done

# Unpacked inside somebody else's repository: that one's tags say nothing.
mkdir -p "$repo/inner/cmake"
cp "$source/cmake/archive-version.txt" "$repo/inner/cmake"
[ "$(version "$repo/inner")" = 0.1.0~unknown ] || { echo "FAILED: neither git nor an archive"; bad=1; }

# Nothing is written, so nothing compiled, while the version stays.
version "$repo" >/dev/null
touch -d '2020-01-01' "$work/made.cpp"
version "$repo" >/dev/null
[ "$(date -r "$work/made.cpp" +%Y)" = 2020 ] || { echo "FAILED: written again without need"; bad=1; }
[ "$bad" -eq 0 ] || exit 1
echo "passed: ${all[*]}"
