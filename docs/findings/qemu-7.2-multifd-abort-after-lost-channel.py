#!/usr/bin/env python3
"""A multifd source that loses a side channel at the switch-over runs without its disk, and aborts.

    ./qemu-7.2-multifd-abort-after-lost-channel.py QEMU [separate]

Two QEMUs on this machine share one raw image and migrate with two side channels (multifd) over a
proxy of this script, and pause before the switch-over. In that pause the proxy resets one of the
side channels, both ways; the main channel goes on. Then the source is told `migrate-continue`.
Printed: what the source says of the migration and of its VM, its standard error, and how it ended.
With `separate` each side has an image of its own, so that no lock of the other side is in the way.

The guest is 27 bytes of boot sector on the image: it writes the disk's sector 2 for ever.

Exit status: 0 the source runs on and its guest writes, 1 it ended by a signal, 2 the script could
not tell. Needs Python 3.8 or newer and Linux, nothing else. Uses 127.0.0.1.
"""
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
# again: inc dword [0x7e00]; write the sector at 0x7e00 to sector 2 of the first disk (int 0x13);
# jmp again, with ds and es cleared before.
BOOT = bytes.fromhex("31c08ed88ec066ff06007eb80103bb007eb90200ba8000cd13ebeb")


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
        self.socket.settimeout(4)
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
            migration = self.ask("query-migrate")["return"].get("status", "none")
            return migration, self.ask("query-status")["return"]["status"]
        except (OSError, ValueError):
            return "gone", "gone"

    def written(self):
        """How often the guest has written, modulo 2^32: the first word of the disk's sector 2."""
        with open(self.image, "rb") as file:
            file.seek(512)
            return struct.unpack("<I", file.read(4))[0]


class Proxy(threading.Thread):
    """Forwards any number of connections; reset_side_channel() sends RST to both ends of one."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.pairs = port, []

    def run(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            self.pairs.append((near, far))
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
            return

    def reset_side_channel(self):
        for end in self.pairs[-1]:  # the main channel connects first
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RD)  # frees the thread that reads; the socket closes with RST
            time.sleep(0.05)
            end.close()


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.005)
    raise TimeoutError(what)


def migrate(source, destination):
    wanted = [{"capability": name, "state": True}
              for name in ("multifd", "return-path", "pause-before-switchover")]
    for one in (source, destination):
        one.ask("migrate-set-capabilities", capabilities=wanted)
        one.ask("migrate-set-parameters", **{"multifd-channels": 2})
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    address = destination.ask("query-migrate")["return"]["socket-address"][0]
    proxy = Proxy(int(address["port"]))
    proxy.start()
    wait("the guest to write", lambda: source.written() > 10)
    source.ask("migrate", uri="tcp:127.0.0.1:%d" % proxy.listener.getsockname()[1])
    wait("the pause before the switch-over", lambda: source.state()[0] == "pre-switchover")
    print("before: source", *source.state(), "destination", *destination.state())
    proxy.reset_side_channel()
    source.ask("migrate-continue", state="pre-switchover")
    said, until = None, time.monotonic() + 3
    while time.monotonic() < until and said != ("gone", "gone"):
        now = source.state()
        if now != said:
            print("source:", *now)
        said = now
    before = source.written()
    time.sleep(1)
    print("the guest's writes in the last second:", source.written() - before)
    if said == ("gone", "gone"):
        print("the source ended by", source.process.wait())
    source.errors.seek(0)
    print(source.errors.read().replace(source.image, "disk.raw"), end="")
    if said == ("gone", "gone"):
        return 1
    return 0 if source.written() != before else 2


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["separate"]):
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    hosts = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            hosts.append(Host(sys.argv[1], folder, "source", "disk.raw"))
            other = "other.raw" if sys.argv[2:] else "disk.raw"
            hosts.append(Host(sys.argv[1], folder, "destination", other, "-incoming", "defer", "-S"))
            return migrate(*hosts)
        except TimeoutError as error:
            print("cannot tell: waited for", error)
            return 2
        finally:
            for one in hosts:
                one.process.kill()
                one.process.wait()


if __name__ == "__main__":
    sys.exit(main())
