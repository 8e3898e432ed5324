#!/usr/bin/env python3
"""A background snapshot that fails freezes the guest.

    ./qemu-7.2-snapshot-failure-freezes-guest.py QEMU reset|close|cancel|whole

A QEMU on this machine saves its guest over a socket of this script, with the capability
background-snapshot. The guest writes to 4096 pages of its memory in turn, for ever, and to a port
after each round. When 2 MiB have come the snapshot ends: `reset` and `close`: this script ends the
channel, with RST and with FIN. `cancel`: the source is told `migrate_cancel`. `whole`: this script
takes all of it, to compare. Printed: what QEMU says of the migration and of the VM before and
after, how far the guest came in a second each time, where the threads of a QEMU stand whose guest
has stopped, and its answer to `stop`, if it comes within five seconds.

Exit status: 0 the guest goes on, 1 it stands still, though QEMU says that it runs, 2 the script
could not tell. Needs Python 3.8 or newer, Linux, and userfaultfd (root, or
vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
"""
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 30
RAM_MIB = 24
WAYS = ("reset", "close", "cancel", "whole")
# cli; protected mode with a flat ds; again: add 1 to a word of each page from 4 MiB to 20 MiB;
# out 0xe9,al; again. Jumped to from the reset vector of a 64 KiB firmware.
ROUNDS = bytes.fromhex(
    "fa2e660f011643000f20c00c010f22c0b808008ed866bb000040006766ff036681c3001000006681fb0000400172ec"
    "e6e9ebe20000000000000000ffff00000092cf000f0033000f00")
RESET = bytes.fromhex("ea000000f0")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def ends_with_us():
    """In the child: it ends when this script does, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Host:
    def __init__(self, qemu, folder):
        path = os.path.join(folder, "source")
        self.console = path + "-console"
        self.process = subprocess.Popen(
            [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB),
             "-machine", "pc", "-name", "source,debug-threads=on", "-bios",
             os.path.join(folder, "firmware"), "-debugcon", "file:" + self.console, "-qmp",
             f"unix:{path},server=on,wait=off"], preexec_fn=ends_with_us)
        self.socket = socket.socket(socket.AF_UNIX)
        wait("a monitor", lambda: self.socket.connect_ex(path) == 0)
        self.socket.settimeout(5)
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

    def migration(self):
        return self.ask("query-migrate")["return"].get("status", "none")

    def vm(self):
        return self.ask("query-status")["return"]["status"]

    def rounds(self):
        return os.stat(self.console).st_size

    def show(self, when):
        """What it says; the guest's rounds in the next second."""
        before = self.rounds()
        time.sleep(1)
        more = self.rounds() - before
        says = f"{self.migration()}, VM {self.vm()}"
        print(f"{when}: {says}; the guest did {more} rounds in a second")
        return more

    def threads(self):
        folder = f"/proc/{self.process.pid}/task"
        for thread in sorted(os.listdir(folder), key=int):
            with open(f"{folder}/{thread}/comm") as name, open(f"{folder}/{thread}/wchan") as where:
                print(f"    thread {name.read().strip()}: {where.read()}")  # 0: it runs


class Taker(threading.Thread):
    """Takes the stream until stop(), which ends the channel."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.channel, self.taken, self.stopping = None, 0, False
        self.start()

    def run(self):
        self.channel, _ = self.listener.accept()
        self.channel.settimeout(0.05)
        while not self.stopping:
            try:
                data = self.channel.recv(1 << 16)
            except socket.timeout:
                continue
            if not data:
                return
            self.taken += len(data)
        self.channel.close()

    def stop(self):
        self.stopping = True
        self.join()


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.005)
    raise TimeoutError(what)


def snapshot(host, way):
    wait("the guest's first rounds", lambda: host.rounds() > 10)
    host.show("before")
    capability = {"capability": "background-snapshot", "state": True}
    host.ask("migrate-set-capabilities", capabilities=[capability])
    host.ask("migrate-set-parameters", **{"max-bandwidth": 4 << 20})
    taker = Taker()
    host.ask("migrate", uri=f"tcp:127.0.0.1:{taker.port}")
    wait("2 MiB of the snapshot", lambda: taker.taken > 2 << 20)
    if way == "reset":
        taker.channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if way == "cancel":
        host.ask("migrate_cancel")
    elif way != "whole":
        taker.stop()
    ends = ("failed", "cancelled", "completed")
    wait("the end of the snapshot", lambda: host.migration() in ends)
    time.sleep(1)  # what comes by itself has come
    more = host.show("after")
    if not more:
        host.threads()
    try:
        answer = host.ask("stop")
        print("stop:", answer.get("error", {}).get("desc", "done"))
    except OSError:
        print("stop: no answer within 5 s")
        host.threads()
    return 0 if more else 1


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in WAYS:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "firmware"), "wb") as file:
            file.write((ROUNDS.ljust(0xfff0, b"\0") + RESET).ljust(1 << 16, b"\0"))
        host = Host(sys.argv[1], folder)
        try:
            return snapshot(host, sys.argv[2])
        except TimeoutError as error:
            print("cannot tell: waited for", error)
            return 2
        finally:
            host.process.kill()
            host.process.wait()


if __name__ == "__main__":
    sys.exit(main())
