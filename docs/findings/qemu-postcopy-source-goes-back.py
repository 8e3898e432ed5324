#!/usr/bin/env python3
"""A post-copy source whose channel breaks early or late resumes the VM that it has handed over.

    ./qemu-postcopy-source-goes-back.py QEMU late|early|close|back

Two QEMUs on this machine migrate over a proxy of this script. Both are told to use post-copy; the
destination is told to run by the package. `early`: as soon as the destination says that it runs,
the proxy ends the channel. `close`: at that time it sends FIN to both, and what they still send
vanishes. `back`: at that time it sends FIN to the source, and what the destination still says
vanishes; all that the source sends arrives. `late`: the proxy ends the channel when the source has
sent its last byte but the destination has not taken the last 4096 of them. Printed: what both hosts
say of the migration and of the VM, again and again until the source has settled.

Exit status: 0 the source stays stopped (the migration is `postcopy-paused`, and can be recovered),
1 the source runs the VM, too, or is gone, 2 the script could not tell (run it again). Needs Python
3.8 or newer, Linux, and userfaultfd (root, or vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
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
    """Forwards both ways; holds back the last `reserve` bytes of the source; cut() ends it.

    finish() sends FIN to the ends named; what comes from the other one of each vanishes then."""

    def __init__(self, port, reserve):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.reserve = port, reserve
        self.held = bytearray()
        self.quiet_since = time.monotonic()
        self.ends, self.finished = [], []

    def run(self):
        source, _ = self.listener.accept()
        destination = socket.create_connection(("127.0.0.1", self.port))
        self.ends = [source, destination]
        selector = selectors.DefaultSelector()
        for end in self.ends:
            selector.register(end, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(1 << 16)
                    if not data and self.finished:
                        selector.unregister(key.fileobj)
                    elif not data:
                        return
                    if key.fileobj is destination:
                        if source not in self.finished:
                            source.sendall(data)
                        continue
                    if destination in self.finished:
                        continue
                    self.quiet_since = time.monotonic()
                    self.held += data
                    passing = len(self.held) - self.reserve
                    if passing > 0:
                        destination.sendall(self.held[:passing])
                        del self.held[:passing]
        except OSError:
            return

    def finish(self, *which):
        self.finished = [self.ends[one] for one in which]
        for end in self.finished:
            end.shutdown(socket.SHUT_WR)

    def cut(self):
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def qemu(path, folder, name, more):
    ram = os.path.join(folder, name + "-ram")
    with open(ram, "wb") as file:
        file.truncate(RAM_MIB << 20)
        if name == "source":  # pages with content, so that there is something to follow
            file.seek(4 << 20)
            file.write(os.urandom(16 << 20))
    monitor = os.path.join(folder, name)
    process = subprocess.Popen(
        [path, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB), "-machine",
         "pc,memory-backend=ram", "-object",
         f"memory-backend-file,id=ram,size={RAM_MIB}M,mem-path={ram},share=on", "-qmp",
         f"unix:{monitor},server=on,wait=off"] + more)
    return process, Monitor(monitor)


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.002)
    raise TimeoutError(what)


def run(path, folder, way):
    processes, late = [], way == "late"
    try:
        process, destination = qemu(path, folder, "destination", ["-incoming", "defer"])
        processes.append(process)
        process, source = qemu(path, folder, "source", [])
        processes.append(process)
        wanted = [{"capability": name, "state": True} for name in ("postcopy-ram", "return-path")]
        for one in (source, destination):
            print("capabilities:", one.ask("migrate-set-capabilities", capabilities=wanted))
        destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
        port = int(destination.ask("query-migrate")["return"]["socket-address"][0]["port"])
        proxy = Proxy(port, 4096 if late else 0)
        proxy.start()
        rate = (4 << 20) if not late else 0
        source.ask("migrate-set-parameters", **{"max-bandwidth": 16 << 20,
                                                "max-postcopy-bandwidth": rate, "downtime-limit": 1})
        source.ask("migrate", uri="tcp:127.0.0.1:%d" % proxy.listener.getsockname()[1])
        print("migrate-start-postcopy:", source.ask("migrate-start-postcopy"))
        if late:
            wait("the source's last byte", lambda: source.state()[0] == "postcopy-active"
                 and time.monotonic() - proxy.quiet_since > 0.3)
        else:
            wait("the destination to run", lambda: destination.state()[1] == "running")
        print("before the channel ends: source", source.state(), "destination", destination.state())
        if way in ("close", "back"):
            proxy.finish(*((0, 1) if way == "close" else (0,)))
        else:
            proxy.cut()
        until = time.monotonic() + (8 if proxy.finished else 3)
        said = None
        while time.monotonic() < until:
            now = source.state()
            if now != said:
                print("source:", *now)
            said = now
            time.sleep(0.01)
        print("at the end: source", source.state(), "destination", destination.state())
        if said[1] in ("running", "gone") or processes[1].poll() is not None:
            return 1
        return 0 if said[0] == "postcopy-paused" else 2
    except TimeoutError as error:
        print("cannot tell: waited for", error)
        return 2
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main():
    ways = ("late", "early", "close", "back")
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] not in ways):
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # userfaultfd wants tmpfs
        return run(sys.argv[1], folder, (sys.argv + ["early"])[2])


if __name__ == "__main__":
    sys.exit(main())
