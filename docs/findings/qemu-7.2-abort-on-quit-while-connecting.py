#!/usr/bin/env python3
"""A source that is told to `quit` as its migration connects aborts.

    ./qemu-7.2-abort-on-quit-while-connecting.py QEMU [ROUNDS] [CAPABILITY...]

Each of ROUNDS (50) rounds starts a QEMU without a guest, with the capabilities (postcopy-ram and
postcopy-preempt, if none is named), tells it to migrate to a port of this script, which takes the
connection and says nothing, and tells it to quit some milliseconds after it has connected. Printed:
how often the process ended how, with its last words.

Exit status: 0 each ended well, 1 one ended by a signal. Needs Python 3.8 or newer, nothing else.
Uses 127.0.0.1. A race of two threads: some rounds in a hundred, more under load.
"""
import collections
import ctypes
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time

DELAYS_S = (0, 0, 0.001, 0.003, 0.006, 0.01)
DEADLINE_S = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def ends_with_us():
    """In the child: it ends when this script does, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def one_round(qemu, capabilities):
    listener = socket.create_server(("127.0.0.1", 0))
    process = subprocess.Popen(
        [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", "16", "-machine", "pc",
         "-qmp", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=ends_with_us)

    def say(command, **arguments):
        process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        process.stdin.flush()

    process.stdout.readline()
    threading.Thread(target=process.stdout.read, daemon=True).start()
    say("qmp_capabilities")
    say("migrate-set-capabilities",
        capabilities=[{"capability": name, "state": True} for name in capabilities])
    say("migrate", uri="tcp:127.0.0.1:%d" % listener.getsockname()[1])
    taken, _ = listener.accept()
    time.sleep(random.choice(DELAYS_S))
    say("quit")
    try:
        code = process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(), "ended by this script, after %d s" % DEADLINE_S
    finally:
        taken.close()
        listener.close()
    return code, process.stderr.read().strip()


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    capabilities = sys.argv[3:] or ["postcopy-ram", "postcopy-preempt"]
    seen = collections.Counter(one_round(sys.argv[1], capabilities) for _ in range(rounds))
    for (code, words), times in seen.most_common():
        print(f"{times} of {rounds}: status {code}", words)
    return 1 if any(code < 0 for code, _ in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
