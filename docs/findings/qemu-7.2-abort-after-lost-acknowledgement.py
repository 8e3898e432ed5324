#!/usr/bin/env python3
"""QEMU's source aborts when the acknowledgement of a finished migration is lost.

    ./qemu-7.2-abort-after-lost-acknowledgement.py SOURCE_QEMU DESTINATION_QEMU [--runs=10] [...]

Two QEMUs share one raw image with QEMU's default image locking. The destination, started with -S,
loads everything; a small proxy in the migration channel then keeps back its last message (return
path, SHUT) and ends the connection once the destination's monitor has said `completed`. What the
source does next is printed: its events, its run state, its exit status (134 is SIGABRT), stderr.

The guest is 27 bytes of boot sector on the image itself: it writes sector 2 by BIOS int 13h for
ever. With --writer=qemu-io it idles instead, the DESTINATION IS ENDED FIRST, so that the lock is
free again, and then the source's monitor writes 4 KiB to the device's block backend.

Controls: --disk=separate (an image each) and --disk=unlocked (locking=off) take the lock away;
--late-block-activate sets that capability on the destination, which then takes its lock at `cont`;
--autostart leaves -S out; --end=keep does not lose the message.

Needs Python 3.8 or newer, nothing else. Uses 127.0.0.1 and a temporary folder, which it removes.
Limits: one disk, no other device. Every wait has a deadline; one that expires ends the script.
"""
import argparse
import collections
import json
import queue
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 20
RETURN_PATH_SHUT = 1  # MIG_RP_MSG_SHUT: be16 type, be16 length, payload

BOOT_WRITES = bytes.fromhex(
    "31c0"        # xor ax, ax
    "8ed8"        # mov ds, ax
    "8ec0"        # mov es, ax
    "66ff06007e"  # again: inc dword [0x7e00]
    "b80103"      # mov ax, 0x0301     write one sector
    "bb007e"      # mov bx, 0x7e00     from es:bx
    "b90200"      # mov cx, 2          to cylinder 0, sector 2
    "ba8000"      # mov dx, 0x80       of the first disk
    "cd13"        # int 0x13
    "ebeb")       # jmp again
BOOT_IDLES = bytes.fromhex("fb" "f4" "ebfd")  # sti; again: hlt; jmp again


class Monitor:
    """A QMP connection. A thread reads; the main thread takes what was read, in order."""

    def __init__(self, name, path, show):
        self.name, self.show, self.events, self.inbox = name, show, [], queue.Queue()
        self.socket = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > until:
                    sys.exit(f"{name}: no monitor at {path} within {DEADLINE_S} s")
                time.sleep(0.01)  # there is nothing else to wait on before the socket exists
        threading.Thread(target=self._read, daemon=True).start()
        self._take(lambda m: "QMP" in m, "the greeting")
        self.ask("qmp_capabilities")

    def _read(self):
        try:
            for line in self.socket.makefile():
                self.inbox.put(json.loads(line))
        except OSError:
            pass
        self.inbox.put({"closed": True})

    def _take(self, wanted, what, seconds=DEADLINE_S):
        until = time.monotonic() + seconds
        while True:
            try:
                message = self.inbox.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                if seconds < DEADLINE_S:
                    return None
                sys.exit(f"{self.name}: waited {seconds} s for {what}; events: {self.events}")
            if self.show:
                print(f"  {self.name:11} <- {json.dumps(message)}")
            if "event" in message:
                self.events.append(label(message))
            if message.get("closed"):
                self.inbox.put(message)
                return message
            if wanted(message):
                return message

    def ask(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        if self.show:
            print(f"  {self.name:11} -> {json.dumps(request)}")
        try:
            self.socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            return {"closed": True}
        return self._take(lambda m: "return" in m or "error" in m, f"the answer to {command}")

    def event(self, *names, seconds=DEADLINE_S):
        for known in self.events:
            if known in names:
                return known
        found = self._take(lambda m: label(m) in names, " or ".join(names), seconds)
        return label(found) if found else None

    def run_state(self):
        return self.ask("query-status").get("return", {}).get("status", "(monitor closed)")


def label(message):
    if message.get("event") == "MIGRATION":
        return message["data"]["status"]
    return message.get("event")


class Proxy:
    """Forwards both directions; the return path by whole messages, up to SHUT if `keep_back`.

    One thread owns both sockets: a descriptor that is closed while another thread sits in recv()
    sends nothing, so the order to end comes by a socket pair.
    """

    def __init__(self, port, keep_back):
        self.target, self.keep_back, self.withheld = port, keep_back, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.order, self.orders = socket.socketpair()
        threading.Thread(target=self._serve, daemon=True).start()

    def end(self, how):
        self.order.sendall(how.encode())

    def _serve(self):
        source = self.listener.accept()[0]
        destination = socket.create_connection(("127.0.0.1", self.target))
        watched, back = [source, destination, self.orders], b""
        while True:
            for ready in select.select(watched, [], [])[0]:
                try:
                    data = ready.recv(1 << 16)
                except ConnectionError:
                    data = b""
                if ready is self.orders:
                    if data == b"rst":  # with SO_LINGER 0, close() sends RST
                        source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                    source.close()
                    destination.close()
                    return
                if not data:
                    watched.remove(ready)
                elif ready is source:
                    destination.sendall(data)
                else:
                    back = self._forward(source, back + data)

    def _forward(self, source, data):
        """Sends the whole messages of `data` to the source; what is left is not yet whole."""
        while len(data) >= 4:
            kind, size = struct.unpack(">HH", data[:4])
            if len(data) < 4 + size:
                break
            if kind == RETURN_PATH_SHUT and self.keep_back:
                self.withheld.set()
            elif not self.withheld.is_set():
                source.sendall(data[:4 + size])
            data = data[4 + size:]
        return data


def start(name, binary, folder, image, options, arguments):
    locking = ",file.locking=off" if options.disk == "unlocked" else ""
    command = [binary, "-nodefaults", "-display", "none", "-machine", options.machine,
               "-accel", options.accel, "-m", "16",
               "-drive", f"if=none,id=disk0,format=raw,file.driver=file,"
               f"file.filename={image}{locking}",
               "-device", "virtio-blk-pci,drive=disk0",
               "-qmp", f"unix:{folder}/{name}.qmp,server=on,wait=off"] + arguments
    if options.show:
        print("  " + " ".join(command))
    log = open(f"{folder}/{name}.stderr", "w")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return process, Monitor(name, f"{folder}/{name}.qmp", options.show)


def counter(image):
    """The guest's count of its own writes, which is what it writes."""
    with open(image, "rb", buffering=0) as file:
        file.seek(512)
        return int.from_bytes(file.read(4), "little")


def wait_for_writes(image):
    until = time.monotonic() + DEADLINE_S
    while counter(image) == 0:
        if time.monotonic() > until:
            sys.exit(f"the guest wrote nothing within {DEADLINE_S} s")
        time.sleep(0.05)  # a file cannot be waited on


def one_run(options, folder):
    boot = BOOT_WRITES if options.writer == "guest" else BOOT_IDLES
    images = [f"{folder}/disk.raw"] * 2
    if options.disk == "separate":
        images[1] = f"{folder}/other.raw"
    for image in set(images):
        with open(image, "wb") as file:
            file.write(boot.ljust(510, b"\0") + b"\x55\xaa")
            file.truncate(1 << 20)

    a, source = start("source", options.source, folder, images[0], options, [])
    b, destination = start("destination", options.destination, folder, images[1], options,
                           ["-incoming", "defer"] + ([] if options.autostart else ["-S"]))
    processes = [a, b]
    try:
        on = [{"capability": c, "state": True} for c in ("events", "return-path")]
        source.ask("migrate-set-capabilities", capabilities=on)
        if options.late_block_activate:
            on.append({"capability": "late-block-activate", "state": True})
        destination.ask("migrate-set-capabilities", capabilities=on)
        destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
        address = destination.ask("query-migrate")["return"]["socket-address"][0]
        proxy = Proxy(int(address["port"]), options.end != "keep")
        if options.writer == "guest":
            wait_for_writes(images[0])
        # The guest writes one page for ever; a long downtime limit makes that converge at once.
        source.ask("migrate-set-parameters", **{"downtime-limit": 2000, "max-bandwidth": 0})
        source.ask("migrate", uri=f"tcp:127.0.0.1:{proxy.port}")

        destination.event("completed")
        if options.end != "keep" and not proxy.withheld.wait(DEADLINE_S):
            sys.exit("the destination completed and sent no SHUT")
        before = destination.run_state()
        if options.end == "cancel":
            source.ask("migrate_cancel")
        elif options.end != "keep":
            proxy.end(options.end)
        status = source.event("failed", "cancelled", "completed")
        resumed = source.event("RESUME", "closed", seconds=2) == "RESUME"
        written = counter(images[0])

        if options.writer == "qemu-io":
            destination.ask("quit")
            b.wait(DEADLINE_S)
            if options.rescue:
                source.ask("stop")
                source.ask("cont")
            source.ask("human-monitor-command",
                       **{"command-line": 'qemu-io disk0 "write 0x1000 4k"'})
        try:
            a.wait(3)  # the guest's next write is a matter of milliseconds
        except subprocess.TimeoutExpired:
            pass
        state = source.run_state() if a.poll() is None else "gone"
        code = a.poll()
        if code is None:
            code = "none, it lives"
        elif code < 0:
            code = 128 - code
    finally:
        for process in processes:
            process.kill()
            process.wait()
    with open(f"{folder}/source.stderr") as file:
        stderr = file.read().strip()
    result = {"migration": status, "RESUME": "yes" if resumed else "no", "destination was": before,
              "source is then": state, "exit status": code}
    if options.writer == "guest":
        result["writes went on"] = "yes" if counter(images[0]) > written else "no"
    return result, stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     epilog="The head of this file says more.")
    parser.add_argument("source", help="source's qemu-system-x86_64")
    parser.add_argument("destination", help="destination's qemu-system-x86_64")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--writer", choices=("guest", "qemu-io"), default="guest")
    parser.add_argument("--disk", choices=("shared", "separate", "unlocked"), default="shared")
    parser.add_argument("--end", choices=("rst", "fin", "cancel", "keep"), default="rst")
    parser.add_argument("--autostart", action="store_true", help="destination without -S")
    parser.add_argument("--late-block-activate", action="store_true")
    parser.add_argument("--rescue", action="store_true",
                        help="with --writer=qemu-io: `stop`, `cont` before the write")
    parser.add_argument("--machine", default="pc")
    parser.add_argument("--accel", default="tcg")
    parser.add_argument("--show", action="store_true", help="print the QMP transcript")
    options = parser.parse_args()

    seen = collections.Counter()
    for run in range(1, options.runs + 1):
        folder = tempfile.mkdtemp(prefix="lost-ack-")
        try:
            result, stderr = one_run(options, folder)
        finally:
            shutil.rmtree(folder)
        line = ", ".join(f"{key}: {value}" for key, value in result.items())
        print(f"run {run}: {line}")
        for text in stderr.splitlines():
            print(f"    stderr: {text.replace(folder, '')}")
        seen[line] += 1
    print("sum:")
    for line, count in seen.most_common():
        print(f"  {count:3} of {options.runs}: {line}")


if __name__ == "__main__":
    main()
