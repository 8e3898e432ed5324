#!/usr/bin/env python3
"""What a QEMU does with a mapped-ram file that is cut off, or is of a VM with more RAM.

    ./qemu-10.0-mapped-ram-file.py QEMU

Prints three lines, one for each way to load a file: cut off inside a page; the same with multifd; whole,
by a machine with 1 MiB less of RAM. Each must be refused with exit status 1. The script's own exit
status: 0 all were refused, 1 one was not, 2 the script could not tell. Needs Python 3.8 or newer and
Linux, nothing else; leaves nothing behind.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20
MIB = 1 << 20


class Host:
    def __init__(self, qemu_path, folder, name, ram_mib, capabilities, ram_file, *more):
        path = os.path.join(folder, name)
        os.truncate(ram_file, ram_mib * MIB)
        self.process = subprocess.Popen(
            [qemu_path, "-nodefaults", "-display", "none", "-machine", "pc,memory-backend=ram", "-accel",
             "tcg", "-m", str(ram_mib), "-object",
             f"memory-backend-file,id=ram,mem-path={ram_file},size={ram_mib}M,share=on", "-S", "-qmp",
             f"unix:{path},server=on,wait=off", *more], stderr=subprocess.DEVNULL)
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
        answer = self.ask("migrate-set-capabilities",
                          capabilities=[{"capability": one, "state": True} for one in capabilities])
        if "error" in answer:
            raise RuntimeError(answer["error"]["desc"])

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            line = self.stream.readline()
            if not line:
                raise EOFError
            answer = json.loads(line)
            if "event" not in answer:
                return answer

    def wait(self):
        """The status of the migration when it is over, or None when the process ended."""
        until = time.monotonic() + DEADLINE_S
        try:
            while time.monotonic() < until:
                status = self.ask("query-migrate")["return"].get("status")
                if status in ("completed", "failed"):
                    return status
                time.sleep(0.02)
        except (EOFError, OSError):
            return None
        raise RuntimeError("the migration does not end")


def load(qemu_path, folder, name, capabilities, cut, less_mib):
    """True when the file was refused with status 1."""
    folder = os.path.join(folder, name.replace(" ", "-"))
    os.mkdir(folder)
    paths = [os.path.join(folder, one) for one in ("file", "ram", "ram-2")]
    for path in paths:
        open(path, "w").close()
    hosts = []
    try:
        source = Host(qemu_path, folder, "source", 32, capabilities, paths[1])
        hosts.append(source)
        with open(paths[1], "r+b") as ram:
            ram.seek(8 * MIB)
            ram.write(os.urandom(MIB))
        source.ask("migrate", uri=f"file:{paths[0]}")
        if source.wait() != "completed":
            raise RuntimeError("the source did not save")
        if cut:
            os.truncate(paths[0], 9 * MIB + MIB // 2)  # pages begin at 1 MiB
        destination = Host(qemu_path, folder, "destination", 32 - less_mib, capabilities, paths[2],
                           "-incoming", "defer")
        hosts.append(destination)
        destination.ask("migrate-incoming", uri=f"file:{paths[0]}")
        status = destination.wait()
        code = destination.process.wait(DEADLINE_S) if status is None else None
        words = f"loaded it: {status}" if code is None else \
            f"exit status {code}" if code >= 0 else f"ended by signal {-code}"
        print(f"{name}: {words}")
        return code == 1
    finally:
        for host in hosts:
            host.process.kill()
            host.process.wait()


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    ways = (("cut off inside a page", ["mapped-ram"], True, 0),
            ("cut off with multifd", ["mapped-ram", "multifd"], True, 0),
            ("whole by a machine with less RAM", ["mapped-ram"], False, 1))
    try:
        with tempfile.TemporaryDirectory() as folder:
            refused = [load(sys.argv[1], folder, *way) for way in ways]
    except (RuntimeError, OSError, EOFError) as problem:
        print("could not tell:", problem)
        return 2
    return 0 if all(refused) else 1


if __name__ == "__main__":
    sys.exit(main())
