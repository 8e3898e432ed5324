#!/usr/bin/env python3
"""A post-copy destination that loses its new channel while it is recovered.

    ./qemu-7.2-sigsegv-in-recovery.py QEMU silent|bitmap|source|stranger|half|whole

Two QEMUs on this machine migrate over a proxy of this script, in post-copy. When the
destination runs, the proxy ends the channel and both pause. Then the destination gets
`migrate-recover` and the source `migrate` with resume, over a second proxy. `silent`: it passes
nothing, and ends the new channel when the destination is recovering. `bitmap`: it ends it in
the middle of the destination's answer, which pages it has. `source`: it passes nothing, and the
source is killed. `stranger`: the source is told nothing; somebody connects to the destination's
new port and hangs up. `half`: it passes nothing, and ends the source's half of the new channel
only; then both get `migrate-pause`. `whole`: it passes everything, to compare. Printed: what
becomes of the destination, which has the VM and runs it, and of the source. Where it lives and
its source does, too, they are recovered once more, over a whole proxy.

Exit status: 0 the destination lives, 1 it ended by a signal or, with `half`, cannot be recovered
any more, 2 the script could not tell (run it again). Needs Python 3.8 or newer, Linux, and
userfaultfd (root, or vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
"""
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 30
RAM_MIB = 24
WAYS = ("silent", "bitmap", "source", "stranger", "half", "whole")


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
    """Passes the first `forth` bytes of the source and `back` of the destination (None: all)."""

    def __init__(self, port, forth=None, back=None):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = "tcp:127.0.0.1:%d" % self.listener.getsockname()[1]
        self.port, self.limits = port, [forth, back]
        self.heard = [0, 0]
        self.ends, self.half = [], False
        self.start()

    def run(self):
        source, _ = self.listener.accept()
        destination = socket.create_connection(("127.0.0.1", self.port))
        ends = [source, destination]
        self.ends = ends
        selector = selectors.DefaultSelector()
        for which, end in enumerate(ends):
            selector.register(end, selectors.EVENT_READ, which)
        try:
            while True:
                for key, _ in selector.select():
                    which = key.data
                    data = ends[which].recv(1 << 16)
                    if not data and self.half:
                        selector.unregister(ends[which])
                    elif not data:
                        return
                    limit = self.limits[which]
                    room = len(data) if limit is None else max(0, limit - self.heard[which])
                    self.heard[which] += len(data)
                    if room:
                        ends[1 - which].sendall(data[:room])
        except OSError:
            pass
        finally:
            self.cut()

    def cut(self):
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def paused_by_hand(source, destination, known):
    """What becomes of two sides of which only the source has lost the channel."""
    for name, one in (("source", source), ("destination", destination)):
        time.sleep(2)
        print(name, one.state(), "migrate-pause:", one.ask("migrate-pause"))
    time.sleep(2)
    states = source.state(), destination.state()
    print("later: source", states[0], "destination", states[1])
    if {state[0] for state in states} != {"postcopy-paused"}:
        return 1
    return completed(source, destination, told_to_recover(destination, known))


def qemu(path, folder, name, more):
    ram = os.path.join(folder, name + "-ram")
    with open(ram, "wb") as file:
        file.truncate(RAM_MIB << 20)
        if name == "source":  # pages with content, so that there is something to follow
            file.seek(4 << 20)
            file.write(os.urandom(16 << 20))
    monitor = os.path.join(folder, name)
    return monitor, subprocess.Popen(
        [path, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB), "-machine",
         "pc,memory-backend=ram", "-object",
         f"memory-backend-file,id=ram,size={RAM_MIB}M,mem-path={ram},share=on", "-qmp",
         f"unix:{monitor},server=on,wait=off"] + more)


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.002)
    raise TimeoutError(what)


def ports(destination):
    addresses = destination.ask("query-migrate")["return"].get("socket-address", [])
    return {int(one["port"]) for one in addresses if "port" in one}


def told_to_recover(destination, known):
    """Has the destination listen again; its new port."""
    print("migrate-recover:", destination.ask("migrate-recover", uri="tcp:127.0.0.1:0"))
    wait("the destination's new port", lambda: ports(destination) - known)
    new = ports(destination) - known
    known |= new
    return new.pop()


def broken_and_paused(source, destination):
    """Post-copy until the destination runs, then the channel ends; the ports used so far."""
    wanted = [{"capability": name, "state": True} for name in ("postcopy-ram", "return-path")]
    for one in (source, destination):
        one.ask("migrate-set-capabilities", capabilities=wanted)
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    known = ports(destination)
    first = Proxy(next(iter(known)))
    source.ask("migrate-set-parameters", **{"max-bandwidth": 16 << 20, "downtime-limit": 1,
                                            "max-postcopy-bandwidth": 4 << 20})
    source.ask("migrate", uri=first.uri)
    source.ask("migrate-start-postcopy")
    wait("the destination to run", lambda: destination.state()[1] == "running")
    first.cut()
    wait("both to pause", lambda: {source.state()[0], destination.state()[0]} == {
        "postcopy-paused"})
    print("paused: source", source.state(), "destination", destination.state())
    return known


def completed(source, destination, port):
    whole = Proxy(port)
    print("migrate, resume:", source.ask("migrate", uri=whole.uri, resume=True))
    wait("the end of the migration", lambda: destination.state()[0] == "completed")
    print("recovered: source", source.state(), "destination", destination.state())
    return 0


def recover(way, processes, source, destination):
    known = broken_and_paused(source, destination)
    port = told_to_recover(destination, known)
    if way == "whole":
        return completed(source, destination, port)
    if way == "stranger":
        stranger = socket.create_connection(("127.0.0.1", port))
        time.sleep(0.2)
        print("before he hangs up: destination", destination.state())
        stranger.close()
    else:
        proxy = Proxy(port, None, 100) if way == "bitmap" else Proxy(port, 0)
        print("migrate, resume:", source.ask("migrate", uri=proxy.uri, resume=True))
        wait("the new channel", lambda: proxy.heard[1 if way == "bitmap" else 0] > 100)
        wait("the recovery", lambda: destination.state()[0] != "postcopy-paused")
        print("before the new channel ends: source", source.state(), "destination",
              destination.state())
        if way == "half":
            proxy.half = True
            proxy.ends[0].shutdown(socket.SHUT_RDWR)
            return paused_by_hand(source, destination, known)
        if way == "source":
            processes["source"].kill()
        else:
            proxy.cut()
    wait("the destination to settle", lambda: processes["destination"].poll() is not None
         or destination.state()[0] == "postcopy-paused")
    time.sleep(0.5)
    code = processes["destination"].poll()
    print("the destination", "lives: %s" % (destination.state(),) if code is None
          else "ended by signal %d" % -code if code < 0 else "ended with status %d" % code)
    if code is not None:
        time.sleep(2)
        print("the source, later:", source.state())
        if way in ("silent", "bitmap"):
            print("migrate-pause:", source.ask("migrate-pause"))
        return 1 if code < 0 else 2
    if way == "source":
        return 0
    wait("the source to pause", lambda: source.state()[0] == "postcopy-paused")
    return completed(source, destination, told_to_recover(destination, known))


def run(path, folder, way):
    processes = {}
    try:
        monitors = {}
        for name, more in (("destination", ["-incoming", "defer"]), ("source", [])):
            monitors[name], processes[name] = qemu(path, folder, name, more)
        return recover(way, processes, Monitor(monitors["source"]),
                       Monitor(monitors["destination"]))
    except TimeoutError as error:
        print("cannot tell: waited for", error)
        return 2
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in WAYS:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # userfaultfd wants tmpfs
        return run(sys.argv[1], folder, sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
