#!/usr/bin/env python3
"""A destination with multifd aborts when its first connection was cut off in the stream's header.

    ./qemu-10.0-multifd-stranger-abort.py QEMU

A destination waits with multifd at a port of 127.0.0.1, without TLS. The first to connect sends the head of
a stream, eight bytes, and closes: a stranger, or a source that failed. Then a source migrates there.
Printed: how the destination ended and what it said, and how the source fares.

Exit status: 0 the destination ended in order or runs, 1 it was ended by a signal, 2 the script could
not tell. Needs Python 3.8 or newer and Linux, nothing else.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20
WATCH_S = 5
MAGIC, VERSION = 0x5145564D, 3


class Host:
    def __init__(self, qemu_path, folder, name, *more):
        path = os.path.join(folder, name)
        self.process = subprocess.Popen(
            [qemu_path, "-nodefaults", "-display", "none", "-machine", "pc", "-accel", "tcg", "-m", "16",
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
        self.ask("migrate-set-capabilities",
                 capabilities=[{"capability": "multifd", "state": True}])

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" not in answer:
                return answer


def run(qemu_path, folder):
    hosts = []
    try:
        destination = Host(qemu_path, folder, "destination", "-incoming", "defer")
        hosts.append(destination)
        source = Host(qemu_path, folder, "source")
        hosts.append(source)
        destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
        state = destination.ask("query-migrate")["return"]
        port = int(state["socket-address"][0]["port"])
        with socket.create_connection(("127.0.0.1", port)) as first:
            first.sendall(struct.pack(">II", MAGIC, VERSION))
        time.sleep(0.2)
        if destination.process.poll() is not None:
            print("the destination ended before the source came:", destination.process.poll())
            return 2
        source.ask("migrate", uri=f"tcp:127.0.0.1:{port}")
        try:
            code = destination.process.wait(WATCH_S)
        except subprocess.TimeoutExpired:
            code = None
        print("the destination:", "runs" if code is None else f"exit status {code}" if code >= 0
              else f"ended by signal {-code}")
        print("the source:     ", source.ask("query-migrate")["return"].get("status"))
        return 1 if code is not None and code < 0 else 0
    finally:
        for host in hosts:
            host.process.kill()
            host.process.wait()


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(sys.argv[1], folder))


if __name__ == "__main__":
    main()
