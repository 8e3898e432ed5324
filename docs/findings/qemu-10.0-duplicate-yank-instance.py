#!/usr/bin/env python3
"""A multifd source that lost a side channel refuses every later migration.

    ./qemu-10.0-duplicate-yank-instance.py QEMU [--runs=60] [--channel=1] [--at-once]

Two QEMUs on this machine migrate with two side channels (multifd) over a proxy of this script. It
resets side channel 1 (--channel=0: the other one), both ways, when its first packet arrives, and
leaves the rest alone. The source reports `failed` and its VM runs on. The destination is ended, and
the source is told to migrate to a fresh one, which takes a moment to start (--at-once: it is there
already, and the source is told as soon as it has said `failed`).

A run is `refused` when that second `migrate` is answered with an error. The source is then asked
every 0.5 s what became of it, for 3 s; it is told `migrate_cancel`, to migrate a third time, then
`yank`, to migrate a fourth time, and `quit`. The answers are printed where they differ from those
of the runs before.

The guest is the firmware, which finds nothing to boot. Exit status: 0 no second migration was
refused, 1 one was, 2 the script could not tell. Needs Python 3.8 or newer and Linux, nothing else.
Uses 127.0.0.1.
"""
import argparse
import collections
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
# A side channel's first packet: magic, version, 16 bytes of uuid, the channel's number.
HELLO_BYTES, NUMBER_AT = 64, 24


class Lost(Exception):
    pass


def ends_with_us():
    """In the child: it ends when this script does, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.001)
    raise TimeoutError(what)


class Host:
    def __init__(self, qemu, folder, name, *more):
        path = os.path.join(folder, name)
        with open(path + "-errors", "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", "64", "-machine",
                 "pc", "-qmp", f"unix:{path},server=on,wait=off", *more],
                stderr=errors, preexec_fn=ends_with_us)
        self.socket = socket.socket(socket.AF_UNIX)
        wait("a monitor", lambda: self.socket.connect_ex(path) == 0)
        self.socket.settimeout(DEADLINE_S)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.ask("qmp_capabilities")
        self.ask("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": True} for name in ("multifd", "return-path")])
        self.ask("migrate-set-parameters", **{"multifd-channels": 2})

    def ask(self, command, **arguments):
        try:
            self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self.stream.flush()
            while True:
                answer = json.loads(self.stream.readline())
                if "event" not in answer:
                    return answer
        except (OSError, ValueError) as error:
            raise Lost(f"{command}: no answer") from error

    def say(self, command, **arguments):
        answer = self.ask(command, **arguments)
        return answer["error"]["desc"] if "error" in answer else "accepted"

    def migration(self):
        told = self.ask("query-migrate")["return"]
        reason = f" ({told['error-desc']})" if "error-desc" in told else ""
        return told.get("status", "none") + reason

    def vm(self):
        return self.ask("query-status")["return"]["status"]

    def end(self):
        self.process.kill()
        self.process.wait()


class Proxy(threading.Thread):
    """Forwards connections; the main channel's comes first. Resets one side channel, both ways."""

    def __init__(self, port, refused):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.refused, self.count = port, refused, 0

    def run(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(near, self.count > 0), daemon=True).start()
            self.count += 1

    def serve(self, near, side):
        try:
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:  # the destination has gone
            near.close()
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if side:
            hello = near.recv(HELLO_BYTES, socket.MSG_WAITALL | socket.MSG_PEEK)
            if len(hello) > NUMBER_AT and hello[NUMBER_AT] == self.refused:
                for end in (far, near):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                return
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


def listen(destination):
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    return int(destination.ask("query-migrate")["return"]["socket-address"][0]["port"])


def registered(source):
    return ", ".join(one["type"] for one in source.ask("query-yank")["return"]) or "nothing"


def refused(source, uri, answer):
    """What the source says from here on, a line each."""
    yield f"second migrate: {answer}"
    said = []
    for _ in range(6):
        said.append(source.migration())
        time.sleep(0.5)
    yield f"query-migrate, every 0.5 s: {', '.join(said)}; the VM: {source.vm()}"
    yield f"query-yank: {registered(source)}"
    yield f"migrate_cancel: {source.say('migrate_cancel')}, then {source.migration()}"
    for count, before in (("third", None), ("fourth", "yank")):
        if before:
            yield f"yank: {source.say('yank', instances=[{'type': 'migration'}])}"
            time.sleep(1)
            yield f"query-yank: {registered(source)}"
        answer = source.say("migrate", uri=uri)
        time.sleep(2)
        yield f"{count} migrate: {answer}; 2 s later {source.migration()}, the VM: {source.vm()}"
        if answer == "accepted":
            return
        source.ask("migrate_cancel")
    source.ask("quit")
    try:
        yield f"quit: ends with {source.process.wait(5)}"
    except subprocess.TimeoutExpired:
        yield "quit: has not ended 5 s later"


def one_run(start, told):
    source, destination = start("source"), start("destination", "-incoming", "defer", "-S")
    fresh = start("fresh", "-incoming", "defer", "-S") if told.at_once else None
    proxy = Proxy(listen(destination), told.channel)
    proxy.start()
    uri = f"tcp:127.0.0.1:{listen(fresh)}" if fresh else None
    source.ask("migrate", uri="tcp:127.0.0.1:%d" % proxy.listener.getsockname()[1])
    try:
        wait("the failure", lambda: source.migration().startswith(("failed", "completed")))
    except TimeoutError:
        return f"first migration {source.migration()} for {DEADLINE_S} s", []
    since = time.monotonic()
    first = source.migration()
    if not told.at_once:
        destination.end()  # as anybody does who believes the source
        uri = "tcp:127.0.0.1:%d" % listen(start("fresh", "-incoming", "defer", "-S"))
    took = time.monotonic() - since
    answer = source.say("migrate", uri=uri)
    lines = [f"first migration: {first}, the VM: {source.vm()}; the second {took * 1000:.0f} ms on"]
    if answer != "accepted":
        try:
            for line in refused(source, uri, answer):
                lines.append(line)
        except Lost as lost:
            time.sleep(0.2)
            code = source.process.poll()
            lines.append(f"{lost}, " + ("stands still" if code is None else f"ended with {code}"))
        return "refused", lines
    wait("the second migration", lambda: source.migration().startswith(("failed", "completed")))
    return "second migration " + source.migration(), lines


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("qemu")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--channel", type=int, default=1)
    parser.add_argument("--at-once", action="store_true")
    told = parser.parse_args()
    seen = collections.Counter()
    shown = set()
    for number in range(told.runs):
        with tempfile.TemporaryDirectory() as folder:
            hosts = []

            def start(name, *more):
                hosts.append(Host(told.qemu, folder, name, *more))
                return hosts[-1]

            lines = []
            try:
                ended, lines = one_run(start, told)
            except Lost as lost:
                ended = f"source lost: {lost}"
            except TimeoutError as error:
                ended = f"cannot tell: waited for {error}"
            finally:
                for one in hosts:
                    one.end()
            seen[ended] += 1
            if ended == "refused" and tuple(lines[1:]) not in shown:
                shown.add(tuple(lines[1:]))
                with open(os.path.join(folder, "source-errors"), encoding="utf-8") as errors:
                    lines += errors.read().splitlines()
                print(f"run {number + 1}:", *lines, sep="\n  ", flush=True)
    for ended, count in seen.most_common():
        print(f"{count} of {told.runs}: {ended}")
    if any("cannot tell" in one for one in seen):
        return 2
    return 1 if seen["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
