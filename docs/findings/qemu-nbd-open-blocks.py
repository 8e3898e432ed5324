#!/usr/bin/env python3
"""Shows that `blockdev-add` of an NBD export holds QEMU's main loop for as long as its server is silent.

    ./qemu-nbd-open-blocks.py [QEMU]

A QEMU without a guest is told to open an export of a server that accepts and says nothing. Then it is asked for its
status for ten seconds, told to `yank` the node out of band, and asked for five more. Needs Python 3 only.
"""
import json
import socket
import subprocess
import sys
import time


class Monitor:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""
        self.line(10)
        self.send("qmp_capabilities", {"enable": ["oob"]})
        self.line(10)

    def send(self, command, arguments=None, oob=False, id=None):
        message = {"exec-oob" if oob else "execute": command}
        if arguments:
            message["arguments"] = arguments
        if id:
            message["id"] = id
        self.sock.sendall(json.dumps(message).encode())

    def line(self, seconds):
        self.sock.settimeout(seconds)
        try:
            while b"\n" not in self.buffer:
                data = self.sock.recv(65536)
                if not data:
                    return None
                self.buffer += data
        except socket.timeout:
            return None
        text, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(text)

    def answer(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            reply = self.line(left)
            if reply is None:
                return None
            if "event" not in reply:
                return reply
        return None


def main():
    qemu = sys.argv[1] if len(sys.argv) > 1 else "qemu-system-x86_64"
    server = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [qemu, "-nodefaults", "-display", "none", "-machine", "none", "-S",
         "-chardev", f"socket,id=qmp,fd={theirs.fileno()}", "-mon", "chardev=qmp,mode=control"],
        pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
    try:
        theirs.close()
        monitor = Monitor(ours)
        port = str(server.getsockname()[1])
        monitor.send("blockdev-add", {"driver": "nbd", "node-name": "copy", "export": "disk",
                                      "server": {"type": "inet", "host": "127.0.0.1", "port": port}}, id="open")
        monitor.send("query-status", id="status")
        print("10 s after blockdev-add and query-status:", monitor.answer(10) or "no answer", flush=True)
        instance = {"type": "block-node", "node-name": "copy"}
        monitor.send("yank", {"instances": [instance]}, oob=True, id="yank")
        print("yank, out of band:", monitor.answer(5) or "no answer", flush=True)
        for _ in range(2):
            print("then:", monitor.answer(5) or "no answer", flush=True)
        server.close()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
