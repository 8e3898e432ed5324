#!/usr/bin/env python3
"""QEMU's source cannot be freed from a blocked migration once its return path has ended.

    ./qemu-7.2-yank-after-return-path-end.py QEMU [--transport=unix|tcp] [--end=return|keep]

A source with `return-path` on migrates to this script, which reads the first 100 bytes and then no
more: the source's migration thread blocks in sendmsg(). The script then ends its own sending
direction (shutdown(SHUT_WR): the return path reaches its end, --end=keep leaves that out), waits
until the source has seen it, and tells the source to `yank` and to `migrate_cancel`. Both must end
the migration at once. Printed: what the migration's status is 5 s later, and whether the socket on
which the thread is blocked is still one of the process's open files.

Exit status: 0 the migration ended, 1 it did not, 2 the script could not tell.
Needs Python 3.8 or newer and Linux, nothing else. Uses 127.0.0.1 or a socket in a temporary folder.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20
READ_BYTES = 100
WATCH_S = 5


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        self.socket.settimeout(DEADLINE_S)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.ask("qmp_capabilities", enable=["oob"])

    def ask(self, command, oob=False, **arguments):
        key = "exec-oob" if oob else "execute"
        self.stream.write(json.dumps({key: command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" not in answer:
                return answer


def blocked_descriptor(pid):
    """The descriptor on which a thread of the process is blocked in sendmsg(); None: no thread is."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/syscall") as file:
            words = file.read().split()
        if words[0] == "46":  # sendmsg on x86_64
            return int(words[1], 16)
    return None


def wait_until(what, condition):
    until = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > until:
            print(f"cannot tell: {what} did not come within {DEADLINE_S} s")
            sys.exit(2)
        time.sleep(0.02)


def listen(transport, folder):
    if transport == "unix":
        listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(folder, "migration")
        listener.bind(path)
        return listener, "unix:" + path
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    return listener, "tcp:127.0.0.1:%d" % listener.getsockname()[1]


def run(options, folder):
    listener, uri = listen(options.transport, folder)
    listener.listen(1)
    monitor_path = os.path.join(folder, "qmp")
    # RAM that nobody has touched costs 9 bytes of stream a page: more than any socket buffers.
    qemu = subprocess.Popen(
        [options.qemu, "-nodefaults", "-display", "none", "-machine", "pc", "-accel", "tcg", "-m",
         "4096", "-S", "-qmp", f"unix:{monitor_path},server=on,wait=off"])
    try:
        monitor = Monitor(monitor_path)
        monitor.ask("migrate-set-capabilities",
                    capabilities=[{"capability": "return-path", "state": True}])
        monitor.ask("migrate-set-parameters", **{"max-bandwidth": 0})
        monitor.ask("migrate", uri=uri)
        channel, _ = listener.accept()
        while READ_BYTES - len(channel.recv(READ_BYTES, socket.MSG_PEEK)) > 0:
            pass
        channel.recv(READ_BYTES)
        seen = []

        def blocked_twice():  # at the same place for a while: not only on its way
            seen.append((blocked_descriptor(qemu.pid), os.path.exists(f"/proc/{qemu.pid}")))
            return len(seen) > 10 and all(one[0] is not None for one in seen[-10:])

        wait_until("a blocked sendmsg()", blocked_twice)
        descriptor = blocked_descriptor(qemu.pid)
        print(f"the migration thread is blocked in sendmsg() on descriptor {descriptor}")
        if options.end == "return":
            channel.shutdown(socket.SHUT_WR)
            time.sleep(1)  # what it does by itself is seen below
            print("the return path has ended")
        is_open = os.path.exists(f"/proc/{qemu.pid}/fd/{descriptor}")
        print(f"descriptor {descriptor} is", "open" if is_open else "CLOSED under the blocked thread")
        print("yank:", monitor.ask("yank", oob=True, instances=[{"type": "migration"}]))
        print("migrate_cancel:", monitor.ask("migrate_cancel"))
        until = time.monotonic() + WATCH_S
        status = ""
        while time.monotonic() < until and status not in ("failed", "cancelled"):
            status = monitor.ask("query-migrate")["return"].get("status", "")
            time.sleep(0.02)
        ended = status in ("failed", "cancelled")
        still = blocked_descriptor(qemu.pid)
        print(f"the migration is `{status}`" + ("" if ended else f" {WATCH_S} s later"),
              "" if still is None else f"and its thread is blocked in sendmsg() on {still}")
        return 0 if ended else 1
    finally:
        qemu.kill()
        qemu.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("qemu", help="a qemu-system-x86_64")
    parser.add_argument("--transport", choices=["unix", "tcp"], default="unix")
    parser.add_argument("--end", choices=["return", "keep"], default="return")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(options, folder))


if __name__ == "__main__":
    main()
