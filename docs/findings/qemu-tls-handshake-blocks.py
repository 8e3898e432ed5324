#!/usr/bin/env python3
"""A QEMU whose peer says nothing in a TLS handshake stands still: monitor and guest.

    ./qemu-tls-handshake-blocks.py QEMU

First a destination waits for a migration under TLS (a pre-shared key) at a port of 127.0.0.1, and a
stranger without the key connects to it and says nothing. Then a source with a running guest is told to
migrate to a port that takes the connection and says nothing. Printed for each: whether the monitor
answers before, meanwhile, after `yank` out of band, and after the silent peer has gone; for the
source also how often its guest wrote to a port of its machine in a second.

Exit status: 0 both answered all the time, 1 one of them did not while its peer was silent, 2 the
script could not tell. Needs Python 3.8 or newer and Linux, nothing else.
"""
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20
PATIENCE_S = 2
# mov cx,-1; loop; out 0xe9,al; again. Placed at the reset vector of a 64 KiB firmware.
LOOP = bytes.fromhex("b9ffffe2fee6e9ebf7")


class Monitor:
    def __init__(self, path, **capabilities):
        self.socket = socket.socket(socket.AF_UNIX)
        self.rest = b""
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        self.receive(DEADLINE_S)
        self.ask("qmp_capabilities", **capabilities)

    def receive(self, patience_s):
        """The next message; nothing when none comes."""
        until = time.monotonic() + patience_s
        while b"\n" not in self.rest:
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                self.rest += self.socket.recv(1 << 16)
            except socket.timeout:
                return None
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def send(self, command, key="execute", **arguments):
        self.socket.sendall(json.dumps({key: command, "arguments": arguments}).encode() + b"\n")

    def answer(self, patience_s=DEADLINE_S):
        while True:
            message = self.receive(patience_s)
            if message is None or "event" not in message:
                return message

    def ask(self, command, **arguments):
        self.send(command, **arguments)
        return self.answer()


class Host:
    def __init__(self, qemu_path, folder, name, endpoint, *more):
        path = os.path.join(folder, name)
        self.console = path + "-console"
        monitors = []
        for which in ("in-band", "out-of-band"):
            monitors += ["-chardev", f"socket,id={which},path={path}-{which},server=on,wait=off",
                         "-mon", f"chardev={which},mode=control"]
        self.process = subprocess.Popen(
            [qemu_path, "-nodefaults", "-display", "none", "-machine", "pc", "-accel", "tcg", "-m", "16",
             "-bios", os.path.join(folder, "firmware"), "-chardev", f"file,id=console,path={self.console}",
             "-device", "isa-debugcon,iobase=0xe9,chardev=console",
             "-object", f"tls-creds-psk,id=tls,dir={folder},endpoint={endpoint}", *monitors, *more])
        self.monitor = Monitor(path + "-in-band")
        self.out_of_band = Monitor(path + "-out-of-band", enable=["oob"])
        self.monitor.ask("migrate-set-parameters", **{"tls-creds": "tls"})

    def writes_per_s(self):
        before = os.path.getsize(self.console)
        time.sleep(1)
        return os.path.getsize(self.console) - before


def watch(host, silent_peer, guest):
    """Prints what `host` does while its peer says nothing; true when its monitor answered."""
    monitor = host.monitor
    if guest:
        print("  guest:        ", host.writes_per_s(), "writes in a second")
    monitor.send("query-status")
    answer = monitor.answer(PATIENCE_S)
    print("  monitor:      ", "answers" if answer else f"no answer in {PATIENCE_S} s")
    if answer:
        return True
    host.out_of_band.send("yank", key="exec-oob", instances=[{"type": "migration"}])
    print("  yank:         ", host.out_of_band.answer(PATIENCE_S))
    late = monitor.answer(PATIENCE_S)
    print("  monitor:      ", "answers" if late else f"no answer in {PATIENCE_S} s")
    silent_peer.close()
    if not late:
        late = monitor.answer(PATIENCE_S)
        print("  the peer gone:", "monitor answers" if late else "monitor still silent")
    if late:
        print("  migration:    ", monitor.ask("query-migrate").get("return"))
    return False


def run(qemu_path, folder):
    with open(os.path.join(folder, "keys.psk"), "w") as file:
        file.write(f"qemu:{secrets.token_hex(32)}\n")
    with open(os.path.join(folder, "firmware"), "wb") as file:
        file.write(bytes(0xfff0) + LOOP + bytes(16 - len(LOOP)))
    hosts = []
    try:
        hosts.append(Host(qemu_path, folder, "destination", "server", "-incoming", "defer"))
        ask = hosts[0].monitor.ask
        ask("migrate-incoming", uri="tcp:127.0.0.1:0")
        port = int(ask("query-migrate")["return"]["socket-address"][0]["port"])
        stranger = socket.create_connection(("127.0.0.1", port))
        time.sleep(0.2)
        print("a destination, and a stranger who says nothing:")
        fine = watch(hosts[0], stranger, guest=False)

        hosts.append(Host(qemu_path, folder, "source", "client"))
        listener = socket.create_server(("127.0.0.1", 0))
        print("a source, before it migrates:")
        writes = hosts[1].writes_per_s()
        print("  guest:        ", writes, "writes in a second")
        if writes == 0:
            return 2
        hosts[1].monitor.ask("migrate", uri="tcp:127.0.0.1:%d" % listener.getsockname()[1])
        silent, _ = listener.accept()
        time.sleep(0.2)
        print("the source, and a destination that says nothing:")
        return 0 if watch(hosts[1], silent, guest=True) and fine else 1
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
