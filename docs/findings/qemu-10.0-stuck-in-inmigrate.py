#!/usr/bin/env python3
"""A destination that may not activate its disk when its migration completes never runs its VM.

    ./qemu-10.0-stuck-in-inmigrate.py QEMU [--conflict=yes|no]

Two QEMUs share a raw image, a third one holds its write lock (--conflict=no leaves it out). The
source (locking=off) migrates to the destination (QEMU's default locking, without -S). The third
QEMU is then ended, so that the lock is free, and the destination is told to `cont`, three times.
Printed: what both hosts report, and what `cont` answered.

Exit status: 0 the destination runs in the end, 1 it does not, 2 the script could not tell.
Needs Python 3.8 or newer, nothing else. Uses a temporary folder, which it removes.
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


class Host:
    def __init__(self, qemu, folder, name, locking, *more):
        path = os.path.join(folder, name)
        self.name = name
        self.process = subprocess.Popen(
            [qemu, "-nodefaults", "-display", "none", "-machine", "pc", "-accel", "tcg", "-m", "16",
             "-blockdev", f"driver=file,node-name=disk,filename={folder}/disk.raw,locking={locking}",
             "-device", "virtio-blk-pci,drive=disk,share-rw=off",
             "-qmp", f"unix:{path},server=on,wait=off", *more])
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
        return self.ask("query-status")["return"]["status"]

    def migration(self):
        return self.ask("query-migrate")["return"].get("status")

    def end(self):
        self.process.kill()
        self.process.wait()


def wait_until(what, condition):
    until = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > until:
            print(f"cannot tell: {what} did not come within {DEADLINE_S} s")
            sys.exit(2)
        time.sleep(0.02)


def run(options, folder, hosts):
    with open(os.path.join(folder, "disk.raw"), "wb") as image:
        image.truncate(1 << 20)
    source = Host(options.qemu, folder, "source", "off")
    hosts.append(source)
    uri = f"unix:{folder}/migration"
    destination = Host(options.qemu, folder, "destination", "on", "-incoming", uri)
    hosts.append(destination)
    if options.conflict == "yes":
        hosts.append(Host(options.qemu, folder, "third", "on", "-S"))
    # The destination acknowledges when it has loaded, so `completed` means that both are through.
    for host in (source, destination):
        host.ask("migrate-set-capabilities",
                 capabilities=[{"capability": "return-path", "state": True}])
    source.ask("migrate", uri=uri)
    wait_until("`completed` on both", lambda: source.migration() == "completed"
               and destination.migration() == "completed")
    print(f"source: completed, {source.state()}; destination: completed, {destination.state()}")
    if options.conflict == "yes":
        hosts.pop().end()
        print("the third QEMU has ended: the lock is free")
    for _ in range(3):
        answer = destination.ask("cont")
        time.sleep(1)  # to run it has that long
        print(f"destination: cont -> {answer}, 1 s later it says {destination.state()}")
    return 0 if destination.state() == "running" else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("qemu", help="a qemu-system-x86_64")
    parser.add_argument("--conflict", choices=["yes", "no"], default="yes")
    options = parser.parse_args()
    hosts = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            sys.exit(run(options, folder, hosts))
        finally:
            for host in hosts:
                host.end()


if __name__ == "__main__":
    main()
