#!/usr/bin/env python3
"""A multifd source that loses a side channel aborts, stands still, or can never migrate again.

    ./qemu-multifd-lost-channel.py QEMU switch|begin [--runs=10] [--separate]

Two QEMUs on this machine share one raw image and migrate with two side channels (multifd) over a
proxy of this script, which resets one of the side channels, both ways, and leaves the rest alone.
`switch`: the migration pauses before the switch-over, the last side channel is reset in that pause,
and the source is told `migrate-continue`. `begin`: the first side channel is reset before its first
byte; once the migration has failed, the source is told to migrate to a fresh destination.

Each run ends in one line: what became of the source. `aborted` is a signal, `stands still` a monitor
that answers nothing for 3 s, `cannot migrate` a second migration that is still in `setup` after 3 s;
then the source is told `migrate_cancel` and `yank`, too. Its standard error follows, where it is
the first of its kind. With --separate each side has an image of its own.

The guest is 27 bytes of boot sector on the image: it writes the disk's sector 2 for ever. Exit
status: 0 the source ran on each time, 1 it did not, 2 the script could not tell. Needs Python 3.8 or
newer and Linux, nothing else. Uses 127.0.0.1.
"""
import argparse
import collections
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 30
PATIENCE_S = 3
# again: inc dword [0x7e00]; write the sector at 0x7e00 to sector 2 of the first disk (int 0x13);
# jmp again, with ds and es cleared before.
BOOT = bytes.fromhex("31c08ed88ec066ff06007eb80103bb007eb90200ba8000cd13ebeb")


class Silent(Exception):
    pass


class Host:
    def __init__(self, qemu, folder, name, image, *more):
        path = os.path.join(folder, name)
        self.image = os.path.join(folder, image)
        if not os.path.exists(self.image):
            with open(self.image, "wb") as file:
                file.write(BOOT.ljust(510, b"\0") + b"\x55\xaa")
                file.truncate(1 << 20)
        self.errors = open(path + "-errors", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", "16", "-machine", "pc",
             "-drive", f"if=none,id=disk0,format=raw,file={self.image}",
             "-device", "virtio-blk-pci,drive=disk0", "-qmp", f"unix:{path},server=on,wait=off",
             *more], stderr=self.errors)
        self.socket = socket.socket(socket.AF_UNIX)
        wait("a monitor", lambda: self.socket.connect_ex(path) == 0)
        self.socket.settimeout(DEADLINE_S)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.ask("qmp_capabilities")
        self.socket.settimeout(PATIENCE_S)

    def ask(self, command, **arguments):
        try:
            self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self.stream.flush()
            while True:
                answer = json.loads(self.stream.readline())
                if "event" not in answer:
                    return answer
        except (OSError, ValueError) as error:
            raise Silent(f"{command}: no answer") from error

    def migration(self):
        return self.ask("query-migrate")["return"].get("status", "none")

    def vm(self):
        return self.ask("query-status")["return"]["status"]

    def written(self):
        """How often the guest has written, modulo 2^32: the first word of the disk's sector 2."""
        with open(self.image, "rb") as file:
            file.seek(512)
            return struct.unpack("<I", file.read(4))[0]

    def said(self):
        self.errors.seek(0)
        return self.errors.read().replace(self.image, "disk.raw")

    def end(self):
        self.process.kill()
        self.process.wait()


class Proxy(threading.Thread):
    """Forwards connections; the main channel's comes first. reset() sends RST to both ends of one."""

    def __init__(self, port, refused=None):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.refused, self.pairs = port, refused, []

    def run(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            self.pairs.append((near, far))
            if len(self.pairs) - 1 == self.refused:
                near.recv(1)  # the first packet is there; none of it is passed on
                self.reset(self.refused)
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.forward, args=(one, other), daemon=True).start()

    @staticmethod
    def forward(one, other):
        try:
            while True:
                data = one.recv(1 << 16)
                if not data:
                    other.shutdown(socket.SHUT_WR)
                    return
                other.sendall(data)
        except OSError:
            try:
                other.shutdown(socket.SHUT_RDWR)  # who has gone has gone for both
            except OSError:
                pass

    def reset(self, which):
        for end in self.pairs[which]:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if which != self.refused:  # free the thread that reads, or the socket stays open
                end.shutdown(socket.SHUT_RD)
                time.sleep(0.05)
            end.close()


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.002)
    raise TimeoutError(what)


def prepare(host, pause):
    wanted = {"multifd": True, "return-path": True, "pause-before-switchover": pause}
    host.ask("migrate-set-capabilities",
             capabilities=[{"capability": name, "state": on} for name, on in wanted.items()])
    host.ask("migrate-set-parameters", **{"multifd-channels": 2})


def listen(destination, pause):
    prepare(destination, pause)
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    return int(destination.ask("query-migrate")["return"]["socket-address"][0]["port"])


def goes_on(source, destination):
    """What the source does once it has said that the migration failed, and the destination is ended."""
    wait("the failure", lambda: source.migration() == "failed")
    time.sleep(0.5)
    state = f"failed, {source.vm()}"
    destination.end()  # as anybody does who believes the source
    time.sleep(1)
    before = source.written()
    time.sleep(0.5)
    state += f", then {source.vm()}, its guest "
    return state + ("writes" if source.written() != before else "stands")


def again(source, fresh):
    """A second migration, and what can be done about it."""
    source.ask("migrate", uri=f"tcp:127.0.0.1:{listen(fresh, False)}")
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and source.migration() != "completed":
        time.sleep(0.05)
    if source.migration() != "setup":
        return f"the next migration is {source.migration()}"
    source.ask("migrate_cancel")
    source.ask("yank", instances=[{"type": "migration"}])
    time.sleep(PATIENCE_S)
    return f"cannot migrate: setup, after migrate_cancel and yank {source.migration()}"


def one_run(start, switch):
    source, destination = start("source"), start("destination")
    wait("the guest to write", lambda: source.written() > 10)
    prepare(source, switch)
    proxy = Proxy(listen(destination, switch), None if switch else 1)
    proxy.start()
    source.ask("migrate", uri="tcp:127.0.0.1:%d" % proxy.listener.getsockname()[1])
    if switch:
        wait("the pause before the switch-over", lambda: source.migration() == "pre-switchover")
        proxy.reset(-1)
        source.ask("migrate-continue", state="pre-switchover")
        return goes_on(source, destination)
    state = goes_on(source, destination)
    return state + "; " + again(source, start("fresh"))


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("qemu")
    parser.add_argument("way", choices=("switch", "begin"))
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--separate", action="store_true")
    told = parser.parse_args()
    seen = collections.Counter()
    for _ in range(told.runs):
        with tempfile.TemporaryDirectory() as folder:
            hosts = []

            def start(name):
                image = "other.raw" if told.separate and name != "source" else "disk.raw"
                more = [] if name == "source" else ["-incoming", "defer", "-S"]
                hosts.append(Host(told.qemu, folder, name, image, *more))
                return hosts[-1]

            try:
                ended = one_run(start, told.way == "switch")
            except Silent as silence:
                time.sleep(0.2)
                code = hosts[0].process.poll()
                ended = f"stands still, {silence}" if code is None else f"aborted, signal {-code}"
            except TimeoutError as error:
                ended = f"cannot tell: waited for {error}"
            finally:
                for one in hosts:
                    one.end()
            print("the source:", ended)
            if not seen[ended]:
                print(hosts[0].said(), end="")
            seen[ended] += 1
    if any("cannot tell" in one for one in seen):
        return 2
    return 1 if any(word in one for one in seen for word in ("aborted", "stand", "cannot")) else 0


if __name__ == "__main__":
    sys.exit(main())
