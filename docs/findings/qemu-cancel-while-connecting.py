#!/usr/bin/env python3
"""A migration that is cancelled while it still connects does not end, or takes the next one along.

    ./qemu-cancel-while-connecting.py QEMU

A source migrates to a TCP port that answers nothing (its queue of connections is full, so the
kernel drops what comes), and is told to `migrate_cancel`. Then it migrates again, to a port that
takes it. Printed: what the first migration's status is 3 s after the cancel, what the second
`migrate` answers, and what its status is once the first connection has come to its end.

Exit status: 0 the cancel ended the first migration and the second one was taken, 1 not so, 2 the
script could not tell. Needs Python 3.8 or newer and Linux, nothing else. Uses 127.0.0.1.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20
WATCH_S = 3


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
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" not in answer:
                return answer

    def status(self):
        return self.ask("query-migrate")["return"]


def silent_port():
    """A port on which no connection comes up: its queue is full and stays so."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    while True:
        one = socket.socket()
        one.settimeout(0.3)
        fillers.append(one)
        try:
            one.connect(listener.getsockname())
        except socket.timeout:
            return listener, fillers


def uri_of(listener):
    return "tcp:127.0.0.1:%d" % listener.getsockname()[1]


def ended(status):
    return status.get("status") in ("cancelled", "failed", "completed")


def run(qemu_path, folder):
    listener, fillers = silent_port()
    other = socket.create_server(("127.0.0.1", 0))
    path = os.path.join(folder, "qmp")
    qemu = subprocess.Popen([qemu_path, "-nodefaults", "-display", "none", "-machine", "pc", "-accel",
                             "tcg", "-m", "16", "-S", "-qmp", f"unix:{path},server=on,wait=off"])
    try:
        monitor = Monitor(path)
        monitor.ask("migrate", uri=uri_of(listener))
        time.sleep(0.2)  # it connects; nothing tells when it has begun to
        if monitor.status().get("status") != "setup":
            print("cannot tell: the first migration is", monitor.status())
            return 2
        print("migrate_cancel:", monitor.ask("migrate_cancel"))
        until = time.monotonic() + WATCH_S
        while time.monotonic() < until and not ended(monitor.status()):
            time.sleep(0.02)
        first = monitor.status()
        print(f"the first migration is `{first['status']}`"
              + ("" if ended(first) else f" {WATCH_S} s later"))
        if not ended(first):
            return 1
        answer = monitor.ask("migrate", uri=uri_of(other))
        print("the second `migrate`:", answer)
        print("the second migration is", monitor.status().get("status"))
        for one in fillers:
            one.close()
        listener.close()  # from now on a connection is refused
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until and not ended(monitor.status()):
            other.settimeout(0.05)
            try:
                channel, _ = other.accept()
                channel.settimeout(0.05)
                channel.recv(1 << 16)
                print("the second migration has connected")
                return 0
            except socket.timeout:
                pass
        print("the second migration is", monitor.status())
        return 1
    finally:
        qemu.kill()
        qemu.wait()


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(sys.argv[1], folder))


if __name__ == "__main__":
    main()
