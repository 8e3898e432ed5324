#!/usr/bin/env bash
# Completion in the real shells: what a person would get for what has been typed.
#
#   completion_test.sh MIGFUZZ
#
# A shell that is not installed is named and skipped; without any of them the test is skipped (77).
set -euo pipefail
migfuzz=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" && ln -s "$migfuzz" "$folder/bin/migfuzz"
PATH=$folder/bin:$PATH
failed=0 tried=0

# want SHELL TYPED EXPECTED...: each expected word is proposed, nothing that begins with '!' is.
want() {
  local shell=$1 typed=$2 word all
  shift 2
  all=$("propose_$shell" "$typed")
  for word; do
    if [[ $word == !* ]]; then
      if grep -qxF -- "${word#!}" <<<"$all"; then echo "$shell: '$typed' proposes ${word#!}"; failed=1; fi
    elif ! grep -qxF -- "$word" <<<"$all"; then
      echo "$shell: '$typed' does not propose $word, but: $(head -c 300 <<<"$all" | tr '\n' ' ')"
      failed=1
    fi
  done
}

propose_bash() {
  bash --norc -c '
    source <(migfuzz completion bash)
    COMP_LINE=$1 COMP_POINT=${#1}
    _migfuzz
    printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}

propose_fish() {
  fish --no-config -c 'migfuzz completion fish | source; complete -C $argv[1]' "$1" | cut -f1
}

# zsh completes only where somebody types: one in a pseudo terminal is asked, and says by itself
# what compadd was given.
propose_zsh() {
  TYPED=$1 python3 - "$folder" <<'PY'
import os, pty, sys, time, select
folder = sys.argv[1]
listed = folder + "/listed"
open(listed, "w").close()
with open(folder + "/.zshrc", "w") as rc:
    rc.write(f"""
PROMPT='ready> '
autoload -Uz compinit && compinit -u -d {folder}/dump
source <(migfuzz completion zsh)
compadd() {{
  local -a given
  builtin compadd -O given "$@"
  print -rl -- $given >>{listed}
  builtin compadd "$@"
}}
""")
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(ZDOTDIR=folder, TERM="xterm")
    os.execvp("zsh", ["zsh", "-i"])
def until(word, seconds):
    out, end = b"", time.monotonic() + seconds
    while word not in out and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    return out
until(b"ready> ", 30)
os.write(fd, os.environ["TYPED"].encode() + b"\t")
until(b"\0", 2)
os.write(fd, b"\x15exit\r")
until(b"\0", 1)
os.close(fd)
print(open(listed).read(), end="")
PY
}

for shell in bash zsh fish; do
  if ! command -v $shell >/dev/null; then
    echo "$shell is not installed: not tried"
    continue
  fi
  tried=$((tried + 1))
  want $shell 'migfuzz ' run replay watch
  want $shell 'migfuzz sh' shrink
  want $shell 'migfuzz list ' faults points verdicts
  want $shell 'migfuzz list faults cr' crash
  want $shell 'migfuzz completion ' bash zsh fish
done
if command -v bash >/dev/null; then
  want bash 'migfuzz --ph' --phase=
  want bash 'migfuzz run --qu' --quiet '!--phase='
  want bash 'migfuzz --phase=sto' stopcopy '!commit'
  want bash 'migfuzz run --phase sto' stopcopy
  want bash 'migfuzz run --fault=crash,ha' crash,hang
  want bash 'migfuzz run --point=stopcopy/device:first/e' first/end
  want bash 'migfuzz replay --ti' --times= '!--time='
  want bash 'migfuzz --accel=' auto kvm tcg
fi
if command -v fish >/dev/null; then
  want fish 'migfuzz --ph' --phase
  want fish 'migfuzz run --phase=sto' --phase=stopcopy
  want fish 'migfuzz replay --ti' --times '!--time'
fi
if command -v zsh >/dev/null; then
  want zsh 'migfuzz run --phase=sto' stopcopy
  want zsh 'migfuzz --accel=' kvm
fi
[ $tried -gt 0 ] || exit 77
exit $failed
