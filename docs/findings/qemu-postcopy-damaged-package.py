#!/usr/bin/env python3
"""A post-copy destination that cannot load the package ends by SIGSEGV or aborts.

    ./qemu-postcopy-damaged-package.py QEMU run|first|listen|device|whole [ROUNDS]

Each of ROUNDS (10) rounds migrates between two QEMUs on this machine, in post-copy, over a proxy
of this script. The package has the states of the devices; it begins with the command to listen,
and ends with the command to run. The proxy flips one bit in it, which makes 0x48 of a section's
type: `run` that of the last command, `first` that of the first device, `listen` that of the first
command. `device`: it flips nothing, but the source has a device that the destination has not.
`whole`: it flips nothing, to compare. Printed: how often the destination ended how, with its last
words of the last time, and what the source says then, also to `cont`.

Exit status: 0 each destination refused with status 1 (`whole`: each migration completed), 1 one
ended by a signal, 2 the script could not tell (run it again). Needs Python 3.8 or newer, Linux,
and userfaultfd (root, or vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
"""
import collections
import ctypes
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 30
RAM_MIB = 24
WAYS = ("run", "first", "listen", "device", "whole")

# A section of type 8 is a command: its number and its length follow, two bytes each. 7 is "here
# is a package" (its size follows, four bytes), 4 "listen", 5 "run". 4 begins a device's section.
LISTEN, RUN, DEVICE = b"\x08\x00\x04\x00\x00", b"\x08\x00\x05\x00\x00", b"\x04"
PACKAGE = re.compile(rb"\x08\x00\x07\x00\x04(....)" + re.escape(LISTEN), re.DOTALL)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


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

    def state(self):
        try:
            migration = self.ask("query-migrate")["return"]
            return migration.get("status", "none"), self.ask("query-status")["return"]["status"]
        except (OSError, ValueError):
            return "gone", "gone"


class Proxy(threading.Thread):
    """Forwards both ways; holds the stream back around the package, and damages that."""

    def __init__(self, port, way):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.way = port, way
        self.held, self.past, self.trouble = b"", False, ""
        self.start()

    def run(self):
        source, _ = self.listener.accept()
        destination = socket.create_connection(("127.0.0.1", self.port))
        ends = [source, destination]
        selector = selectors.DefaultSelector()
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        return
                    if key.fileobj is destination:
                        source.sendall(data)
                    else:
                        destination.sendall(data if self.past else self.sought(data))
        except OSError:
            pass
        finally:
            for end in [self.listener] + ends:
                end.close()

    def sought(self, data):
        """What may pass; keeps what may be the begin of the package."""
        self.held += data
        found = PACKAGE.search(self.held)
        if not found:
            passing = max(0, len(self.held) - 13)
        else:
            begin = found.start(1) + 4
            end = begin + int.from_bytes(found[1], "big")
            if len(self.held) < end:
                return b""
            self.past = True
            self.held = self.held[:begin] + self.damaged(self.held[begin:end]) + self.held[end:]
            passing = len(self.held)
        passed, self.held = self.held[:passing], self.held[passing:]
        return passed

    def damaged(self, package):
        if self.way == "listen":
            where, what = 0, LISTEN
        elif self.way == "run":
            where, what = len(package) - len(RUN), RUN
        elif self.way == "first":
            where, what = len(LISTEN), DEVICE
        else:
            return package
        if package[where:where + len(what)] != what:
            self.trouble = "a package that is not understood"
            return package
        return package[:where] + bytes([package[where] ^ 0x40]) + package[where + 1:]


def ends_with_us():
    """In the child: it ends when this script does, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def qemu(path, folder, name, more):
    ram = os.path.join(folder, name + "-ram")
    with open(ram, "wb") as file:
        file.truncate(RAM_MIB << 20)
        if name == "source":  # pages with content, so that there is something to follow
            file.seek(4 << 20)
            file.write(os.urandom(16 << 20))
    monitor = os.path.join(folder, name)
    with open(monitor + "-words", "wb") as words:
        return monitor, subprocess.Popen(
            [path, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB),
             "-machine", "pc,memory-backend=ram", "-object",
             f"memory-backend-file,id=ram,size={RAM_MIB}M,mem-path={ram},share=on", "-qmp",
             f"unix:{monitor},server=on,wait=off"] + more, stderr=words, preexec_fn=ends_with_us)


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.002)
    raise TimeoutError(what)


def migrated(way, process, source, destination):
    """How the destination ended; what the source says half a second later."""
    wanted = [{"capability": name, "state": True} for name in ("postcopy-ram", "return-path")]
    for one in (source, destination):
        one.ask("migrate-set-capabilities", capabilities=wanted)
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    port = int(destination.ask("query-migrate")["return"]["socket-address"][0]["port"])
    proxy = Proxy(port, way)
    source.ask("migrate-set-parameters", **{"max-bandwidth": 16 << 20, "downtime-limit": 1,
                                            "max-postcopy-bandwidth": 16 << 20})
    source.ask("migrate", uri="tcp:127.0.0.1:%d" % proxy.listener.getsockname()[1])
    source.ask("migrate-start-postcopy")
    if way == "whole":
        wait("the end of the migration", lambda: source.state()[0] == "completed")
        ended = "lives: %s %s" % destination.state()
    else:
        wait("the destination's end", lambda: process.poll() is not None)
        code = process.returncode
        ended = "ended by signal %d" % -code if code < 0 else "ended with status %d" % code
        time.sleep(0.5)
    if not proxy.past:
        raise TimeoutError("a package")
    if proxy.trouble:
        raise TimeoutError(proxy.trouble)
    said = "the destination %s; the source: %s %s" % (ended, *source.state())
    if way == "whole":
        return said
    answer = source.ask("cont").get("error", {"desc": "done"})["desc"]
    return f"{said}; cont: {answer}"


def one_round(path, folder, way):
    """How it ended, and the destination's words."""
    processes = {}
    try:
        monitors = {}
        for name, more in (("destination", ["-incoming", "defer"]),
                           ("source", ["-device", "virtio-rng-pci"] if way == "device" else [])):
            monitors[name], processes[name] = qemu(path, folder, name, more)
        how = migrated(way, processes["destination"], Monitor(monitors["source"]),
                       Monitor(monitors["destination"]))
        with open(monitors["destination"] + "-words") as words:
            return how, tuple(sorted(words.read().splitlines()))
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in WAYS:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    seen, words = collections.Counter(), {}
    try:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # userfaultfd wants tmpfs
                how, said = one_round(sys.argv[1], folder, sys.argv[2])
            seen[how] += 1
            words[how] = said
    except TimeoutError as error:
        print("cannot tell: waited for", error)
        return 2
    for how, times in seen.most_common():
        print(f"{times} of {rounds}: {how}", *words[how], sep="\n    ")
    return 1 if any("signal" in how for how in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
