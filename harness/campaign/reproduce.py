#!/usr/bin/env python3
"""@TITLE@

    ./reproduce.py [--runs=10] [--source-qemu=QEMU] [--destination-qemu=QEMU] [--show] [--keep]

@STORY@

Written by migfuzz @VERSION@ from the plan and the history of one case, and complete: it needs QEMU,
Python 3.9 or newer (nothing but its standard library), no root and no migfuzz. It starts both
QEMUs, sends them what the manager of that case sent, in the same order, and stands in the migration
channel to strike at the same place. Everything lies in a temporary folder that is removed.

Exit status: 0 it came up again, 1 it did not, 2 it could not be tried.

Limits: it looks only for what is named above. Where a guest's pages decide how long the stream is,
the place is counted from the end of RAM, not from the first byte. Every wait has a deadline; one
that expires is reported and the run goes on to its end.
"""
import argparse
import array
import base64
import json
import os
import queue
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

CASE = json.loads(r"""
@CASE@
""")

PAYLOAD = base64.b64decode("""
@PAYLOAD@
""")

DEADLINE_S = 15
SHOW = False


def show(who, way, what):
    if SHOW:
        print(f"  {time.monotonic() - START:8.3f} {who:11} {way} {what}", flush=True)


class Impossible(Exception):
    """It cannot be tried here; the text says why."""


# --- the channel ---------------------------------------------------------------------------------


def walk(marks):
    """Follows QEMU's stream up to the end of RAM: takes the bytes it asks for by `yield COUNT`.

    Sets marks["ram-last"], where RAM's last section begins, and marks["ram-end"], behind it.
    Layout: migration/savevm.c and migration/ram.c of QEMU; big-endian throughout.
    """
    position, known = 0, {}

    def take(count):
        nonlocal position
        data = yield count
        position += count
        return data

    def number(count):
        data = yield from take(count)
        return int.from_bytes(data, "big")

    def name():
        size = yield from number(1)
        data = yield from take(size)
        return data.decode("ascii", "replace")

    def blocks(total):
        while total > 0:
            yield from name()
            total -= yield from number(8)

    def records():
        while True:
            word = yield from number(8)
            flags = word & 0xfff
            if flags & 0x10:  # EOS
                return
            if flags & 0x04:  # MEM_SIZE
                yield from blocks(word & ~0xfff)
                continue
            if flags == 0x200:  # MULTIFD_FLUSH
                continue
            if not flags & 0x4a:
                raise Impossible(f"the stream has a record of RAM with flags {flags:#x}")
            if not flags & 0x20:  # CONTINUE: the block of the record before
                yield from name()
            if flags & 0x02:
                yield from take(1)
            elif flags & 0x08:
                yield from take(4096)
            else:  # XBZRLE
                yield from take(1)
                size = yield from number(2)
                yield from take(size)

    yield from take(8)
    while True:
        begin = position
        kind = yield from number(1)
        if kind == 0x07:  # CONFIGURATION
            size = yield from number(4)
            yield from take(size)
            continue
        if kind == 0x05:  # its subsections: their sizes are not told, but there is one known
            sub = yield from name()
            yield from take(4)
            if sub != "configuration/target-page-bits":
                raise Impossible(f"the stream has a subsection {sub}")
            yield from take(4)
            continue
        if kind == 0x08:  # COMMAND
            yield from take(2)
            size = yield from number(2)
            yield from take(size)
            continue
        if kind not in (0x01, 0x02, 0x03):
            raise Impossible(f"the stream has an item of kind {kind:#x} before the end of RAM")
        section = yield from number(4)
        if kind == 0x01:
            known[section] = yield from name()
            yield from take(8)
        if known.get(section) != "ram":
            raise Impossible(f"the stream has a section {known.get(section)}")
        if kind == 0x03:
            marks["ram-last"] = begin
        yield from records()
        yield from take(5)  # footer
        if kind == 0x03:
            marks["ram-end"] = position
            return


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


class Channel:
    """Forwards both ways, up to the place of the failure, and does there what it is told.

    One thread owns both sockets; orders come to it over a socket pair. `held` is set when exactly
    the bytes before the place have been forwarded and there is more to come.
    """

    def __init__(self, place):
        self.place, self.held, self.error = place, threading.Event(), None
        self.order, self.orders = socket.socketpair()
        self.marks, self.walker, self.wanted, self.walked = {}, None, 0, bytearray()
        self.passed, self.mute = {"forth": 0, "back": 0}, set()
        self.released, self.sealed = place is None, False
        self.listener = None

    def listen(self, port):
        self.listener, self.target = socket.create_server(("127.0.0.1", 0)), port
        threading.Thread(target=self._serve, daemon=True).start()
        return self.listener.getsockname()[1]

    def adopt(self, source, destination):
        self.pair = source, destination
        threading.Thread(target=self._serve, daemon=True).start()

    def tell(self, word):
        try:
            self.order.sendall(word.encode() + b"\n")
        except OSError:
            pass

    def _serve(self):
        try:
            if self.listener:
                source = self.listener.accept()[0]
                destination = socket.create_connection(("127.0.0.1", self.target))
                for one in (source, destination):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                source, destination = self.pair
            if self.place and self.place["from"] != "start":
                self.walker = walk(self.marks)
                self.wanted = next(self.walker)
            self._forward(source, destination)
        except Impossible as error:
            self.error = str(error)
        except OSError as error:
            show("channel", "!", error)

    def _follow(self, data):
        """How far the stream is understood: nothing beyond is forwarded while a mark is wanted."""
        self.walked += data
        while self.walker and len(self.walked) >= self.wanted:
            piece = bytes(self.walked[:self.wanted])
            del self.walked[:self.wanted]
            try:
                self.wanted = self.walker.send(piece)
            except StopIteration:
                self.walker = None

    def _limit(self, way, received):
        """The offset up to which that direction may be forwarded; None: everything."""
        if not self.place or self.place["way"] != way or self.released:
            return None
        if self.place["from"] == "start":
            return self.place["bytes"]
        mark = self.marks.get(self.place["from"])
        return received - len(self.walked) if mark is None else mark + self.place["bytes"]

    def _forward(self, source, destination):
        peers = {"forth": (source, destination), "back": (destination, source)}
        waiting = {"forth": bytearray(), "back": bytearray()}
        received = {"forth": 0, "back": 0}
        reading, text = {"forth", "back"}, b""
        while True:
            readers = [self.orders] + [peers[way][0] for way in reading
                                       if len(waiting[way]) < 1 << 20 and not self._stands(way)]
            for ready in select.select(readers, [], [])[0]:
                if ready is self.orders:
                    text += ready.recv(1024)
                    *words, text = text.split(b"\n")
                    for word in words:
                        if self._obey(word.decode(), source, destination):
                            return
                    continue
                way = "forth" if ready is source else "back"
                try:
                    data = ready.recv(1 << 16)
                except OSError:  # RST: the other side learns it the same way
                    self._pass_on(way, peers[way][1], waiting[way], received[way])
                    reset(peers[way][1])
                    return
                if not data:
                    reading.discard(way)
                received[way] += len(data)
                waiting[way] += data
                if way == "forth" and self.walker:
                    self._follow(data)
            for way, (_, to) in peers.items():
                self._pass_on(way, to, waiting[way], received[way])
                done = not waiting[way] or (self.sealed and way == "forth")
                if way not in reading and done and to not in self.mute:
                    self._shut(to)

    def _stands(self, way):
        """Nothing is read past the place, so that the sender stands there, too."""
        return self.held.is_set() and not self.released and self.place["way"] == way

    def _shut(self, peer):
        self.mute.add(peer)
        try:
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _pass_on(self, way, to, waiting, received):
        limit = self._limit(way, received)
        if self.sealed and way == "forth":
            limit = self.passed["forth"]
        count = len(waiting)
        if limit is not None:
            count = max(0, min(count, limit - self.passed[way]))
        try:
            if to not in self.mute:
                to.sendall(waiting[:count])
        except OSError:
            self.mute.add(to)
        if to in self.mute:
            count = len(waiting)
        del waiting[:count]
        self.passed[way] += count
        place = self.place
        if limit is None or self.sealed or self.held.is_set():
            return
        fixed = place["from"] == "start" or place["from"] in self.marks
        if fixed and self.passed[way] >= limit and (waiting or not place["more"]):
            show("channel", "=", f"stands: {self.passed['forth']} bytes forth, "
                                 f"{self.passed['back']} back")
            self.held.set()

    def _obey(self, word, source, destination):
        """True when the channel has ended."""
        show("channel", "=", word)
        how, _, whom = word.partition(" ")
        self.released = True
        self.sealed = self.sealed or how == "seal"
        told = {"source": [source], "destination": [destination],
                "both": [source, destination]}.get(whom, [])
        if how == "close":
            for one in told:
                self._shut(one)
        if how != "reset":
            return False
        for one in told:
            reset(one)
        for one in {source, destination} - set(told):  # finds out when it writes
            if self.orders not in select.select([one, self.orders], [], [])[0]:
                reset(one)
        return True


# --- a host --------------------------------------------------------------------------------------


class Monitor:
    """A QMP connection. A thread reads; whoever waits is woken through the host's condition."""

    def __init__(self, host, path, out_of_band):
        self.host, self.socket, self.answers = host, socket.socket(socket.AF_UNIX), queue.Queue()
        self.word = "oob" if out_of_band else "qmp"
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if host.process.poll() is not None or time.monotonic() > until:
                    raise Impossible(f"{host.name}: no monitor; it printed: {host.printed()}")
                time.sleep(0.01)  # there is nothing else to wait on before the socket exists
        threading.Thread(target=self._read, daemon=True).start()
        self.greeting = self._answer("the greeting")
        self.ask("qmp_capabilities", {"enable": ["oob"]} if out_of_band else {})

    def _read(self):
        try:
            for line in self.socket.makefile():
                message = json.loads(line)
                show(self.host.name, f"{self.word} <", line.strip())
                if "event" not in message:
                    self.answers.put(message)
                elif self.word == "qmp":
                    self.host.heard(message)
        except (OSError, ValueError):
            pass
        self.answers.put(None)
        if self.word == "qmp":
            self.host.heard(None)

    def _answer(self, what, seconds=DEADLINE_S):
        try:
            return self.answers.get(timeout=seconds)
        except queue.Empty:
            print(f"    {self.host.name}: no answer to {what} within {seconds} s")
            return None

    def send(self, command, arguments, fd=None):
        request = {"exec-oob" if self.word == "oob" and command == "yank" else "execute": command}
        if arguments:
            request["arguments"] = arguments
        text = json.dumps(request)
        show(self.host.name, f"{self.word} >", text)
        rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array("i", [fd]))]
        try:
            self.socket.sendmsg([text.encode() + b"\n"], rights)
        except OSError:
            return False
        return True

    def ask(self, command, arguments=None, fd=None, seconds=DEADLINE_S):
        """The answer; None when there is none."""
        if not self.send(command, arguments, fd):
            return None
        return self._answer(command, seconds)


class Host:
    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, folder, None
        self.seen, self.condition = set(), threading.Condition()
        self.ended_by_us = False

    def start(self, binary):
        name, folder = self.name, self.folder
        command = [binary] + [one.replace("{folder}", folder)
                              for one in CASE["hosts"][name]["arguments"]]
        if not direct_io(folder):
            command = [one.replace(",cache.direct=on", "") for one in command]
        show(name, "$", " ".join(shlex.quote(one) for one in command))
        self.log = open(f"{folder}/{name}.stderr", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        threading.Thread(target=self._wait, daemon=True).start()
        self.oob = Monitor(self, f"{folder}/{name}.oob", True)
        self.qmp = Monitor(self, f"{folder}/{name}.qmp", False)

    def _wait(self):
        self.process.wait()
        show(self.name, "=", f"ended: {self.ending()}")
        with self.condition:
            self.seen.add("exited")
            self.condition.notify_all()

    def heard(self, message):
        with self.condition:
            if message is None:
                self.seen.add("closed")
            elif message["event"] == "MIGRATION":
                self.seen.add(message["data"]["status"])
            elif message["event"] == "MIGRATION_PASS":
                self.seen.add(f"pass {message['data']['pass']}")
            else:
                self.seen.add(message["event"])
            self.condition.notify_all()

    def wait_for(self, what, seconds=DEADLINE_S):
        """True when it came; a process that has ended says nothing any more."""
        with self.condition:
            self.condition.wait_for(lambda: {what, "exited"} & self.seen, seconds)
            return what in self.seen

    def printed(self):
        with open(f"{self.folder}/{self.name}.stderr", errors="replace") as file:
            return file.read().strip()

    def ending(self):
        code = self.process.poll()
        if code is None:
            return "lives"
        return f"signal {-code}" if code < 0 else f"status {code}"

    def steps(self):
        """How much the guest has told on this host."""
        return os.path.getsize(f"{self.folder}/{self.name}.guest")

    def kill(self):
        lived = self.process.poll() is None
        self.process.kill()
        self.ended_by_us = self.process.wait() == -signal.SIGKILL and lived

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        tasks = f"/proc/{self.process.pid}/task"
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            states = [open(f"{tasks}/{one}/stat").read().rpartition(")")[2].split()[0]
                      for one in os.listdir(tasks)]
            if set(states) <= {"T", "t"}:
                return
            time.sleep(0.002)  # the kernel tells nobody when the last thread stands
        print(f"    {self.name}: not every thread stopped")


def direct_io(folder):
    """Whether files there can be opened past the page cache, as the case's could."""
    try:
        os.close(os.open(f"{folder}/disk", os.O_RDWR | os.O_DIRECT))
        return True
    except OSError:
        return False


# --- the case ------------------------------------------------------------------------------------


class Run:
    def __init__(self, binaries, folder):
        self.folder, self.binaries, self.hosts, self.channel = folder, binaries, {}, None
        self.both_ran = False

    def start(self):
        folder = self.folder
        with open(f"{folder}/payload", "wb") as file:
            file.write(PAYLOAD)
        with open(f"{folder}/disk", "wb") as file:
            file.truncate(CASE["disk"]["bytes"] if CASE["disk"]["format"] == "raw" else 0)
        if CASE["disk"]["format"] == "qcow2":
            tool = [os.path.join(os.path.dirname(self.binaries["source"]), "qemu-img")]
            tool = tool if os.access(tool[0], os.X_OK) else ["qemu-img"]
            subprocess.run(tool + ["create", "-q", "-f", "qcow2", f"{folder}/disk",
                                   str(CASE["disk"]["bytes"])], check=True)
        for name in ("source", "destination"):
            for kind in ("guest", "ram"):
                with open(f"{folder}/{name}.{kind}", "wb") as file:
                    file.truncate(CASE["memory_bytes"] if kind == "ram" else 0)
            self.hosts[name] = Host(name, folder)
            self.hosts[name].start(self.binaries[name])

    def end(self):
        for host in self.hosts.values():
            if host.process:
                host.process.kill()
                host.process.wait()
        if self.channel:
            self.channel.order.close()

    def prepare(self):
        source, destination = self.hosts["source"], self.hosts["destination"]
        self.channel = Channel(CASE["fault"]["place"] if CASE["fault"] else None)
        uri = "fd:channel"
        if CASE["transport"] == "unix":
            for host, relay in ((source, 0), (destination, 1)):
                theirs, ours = socket.socketpair()
                for one in (theirs, ours):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least there is
                host.qmp.ask("getfd", {"fdname": "channel"}, theirs.fileno())
                theirs.close()
                setattr(self, f"relay{relay}", ours)
            self.channel.adopt(self.relay0, self.relay1)
        for name in ("destination", "source"):
            for command, arguments in CASE["hosts"][name]["commands"]:
                if command == "migrate-incoming":
                    arguments = {"uri": uri if CASE["transport"] == "unix" else "tcp:127.0.0.1:0"}
                answer = self.hosts[name].qmp.ask(command, arguments)
                if answer is None or "error" in answer:
                    raise Impossible(f"{name}: {command}: {answer}")
        if CASE["transport"] == "tcp":
            state = destination.qmp.ask("query-migrate")["return"]
            port = self.channel.listen(int(state["socket-address"][0]["port"]))
            uri = f"tcp:127.0.0.1:{port}"
        until = time.monotonic() + DEADLINE_S
        while source.steps() < 40:
            if time.monotonic() > until or source.process.poll() is not None:
                raise Impossible(f"the guest does not run; QEMU printed: {source.printed()}")
            time.sleep(0.01)  # a file cannot be waited on
        return uri

    def play(self):
        uri = self.prepare()
        for step in CASE["steps"]:
            for name, event in step.get("wait", []):
                host = self.hosts[name]
                if not host.wait_for(event) and event != "exited":
                    show(name, "!", f"`{event}` did not come")
            time.sleep(step.get("after_ms", 0) / 1000)  # the manager's patience
            getattr(self, "do_" + step["do"])(uri, **step.get("with", {}))
            if self.channel.error:
                raise Impossible(self.channel.error)

    def do_migrate(self, uri):
        self.hosts["source"].qmp.ask("migrate", {"uri": uri}, seconds=2)

    def do_qmp(self, uri, host, command, arguments=None):
        # What a monitor that is blocked by its migration does not answer must not stop us.
        target = self.hosts[host]
        monitor = target.oob if command == "yank" else target.qmp
        if command == "quit":
            self.watch_both()
        if target.process.poll() is None:
            monitor.ask(command, arguments, seconds=2)

    def do_kill(self, uri, host):
        self.watch_both()
        self.hosts[host].kill()

    def do_strike(self, uri):
        fault = CASE["fault"]
        place = fault["place"]
        if place:
            until = time.monotonic() + DEADLINE_S
            while not self.channel.held.wait(0.05):
                if self.channel.error:
                    raise Impossible(self.channel.error)
                if time.monotonic() > until:
                    print(f"    the migration did not come to byte {place['bytes']} from "
                          f"{place['from']}, {place['way']}")
                    return
        how, _, whom = fault["how"].partition(" ")
        side = self.hosts.get(fault["side"])
        if fault["seal"]:
            self.channel.tell("seal")
        if how == "kill":
            side.kill()
        elif how == "freeze":
            side.freeze()
        elif how == "quit":
            side.qmp.ask("quit", seconds=2)
        elif how == "cancel":
            self.hosts["source"].qmp.ask("migrate_cancel", seconds=2)
        elif how == "yank":
            side.oob.ask("yank", {"instances": [{"type": "migration"}]}, seconds=2)
        elif how in ("reset", "close"):
            self.channel.tell(fault["how"])
        if fault["release"] == "now":
            self.channel.tell("release")

    def do_heal(self, uri):
        fault = CASE["fault"]
        if fault["how"] == "freeze":
            self.hosts[fault["side"]].process.send_signal(signal.SIGCONT)
        self.channel.tell("release")

    def running(self, name):
        host = self.hosts[name]
        before = host.steps()
        until = time.monotonic() + 1
        while time.monotonic() < until and host.process.poll() is None:
            if host.steps() > before:
                return True
            time.sleep(0.02)  # a file cannot be waited on
        return False

    def watch_both(self):
        """Before the manager ends one of them, and at the end: does the guest run twice?"""
        if CASE["sought"]["what"] != "both-run" or self.both_ran:
            return
        before = {name: host.steps() for name, host in self.hosts.items()}
        until = time.monotonic() + 0.5
        while time.monotonic() < until and not self.both_ran:
            self.both_ran = all(host.process.poll() is None and host.steps() > before[name]
                                for name, host in self.hosts.items())
            time.sleep(0.01)  # a file cannot be waited on

    def look(self):
        """What is left, and whether it is what was looked for."""
        sought = CASE["sought"]
        host = self.hosts.get(sought.get("host"))
        if sought["what"] == "ending":
            host.wait_for("exited", 5)
        runs = [name for name in self.hosts if self.running(name)]
        endings = {name: one.ending() + (" (by us)" if one.ended_by_us else "")
                   for name, one in self.hosts.items()}
        if sought["what"] == "ending":
            again = not host.ended_by_us and host.ending() == sought["ending"] and \
                re.search(sought["printed"], host.printed()) is not None
        elif sought["what"] == "both-run":
            self.watch_both()
            again = self.both_ran
        else:
            again = not runs
        return again, (f"source {endings['source']}, destination {endings['destination']}, "
                       f"the guest runs on {' and '.join(runs) or 'neither'}"
                       + (", it ran on both at once" if self.both_ran else ""))


def one_run(binaries, keep):
    folder = tempfile.mkdtemp(prefix="reproduce-")
    run = Run(binaries, folder)
    try:
        run.start()
        run.play()
        again, what = run.look()
        printed = [f"    {name}: {line.replace(folder, '')}" for name, host in run.hosts.items()
                   for line in host.printed().splitlines()]
        return again, what, printed
    finally:
        run.end()
        if keep:
            print(f"    kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def version_of(binary):
    text = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
    return text.split("\n")[0]


def choose(name, given):
    recorded = CASE["hosts"][name]
    for candidate in [given] if given else [recorded["binary"], "qemu-system-x86_64"]:
        path = shutil.which(candidate)
        if path:
            break
    else:
        raise Impossible(f"no QEMU for the {name}; name one with --{name}-qemu")
    version = version_of(path)
    print(f"{name}: {path}, {version}")
    if f"version {recorded['version']} " not in version + " ":
        print(f"    the case was seen with {recorded['version']}: it may not come up with this one")
    return path


def main():
    global SHOW, START
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     epilog="The head of this file says more.")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--source-qemu")
    parser.add_argument("--destination-qemu")
    parser.add_argument("--show", action="store_true", help="print commands and QMP dialogues")
    parser.add_argument("--keep", action="store_true", help="keep each run's folder")
    options = parser.parse_args()
    SHOW, START = options.show, time.monotonic()
    times = 0
    try:
        binaries = {name: choose(name, getattr(options, f"{name}_qemu"))
                    for name in ("source", "destination")}
        for number in range(1, options.runs + 1):
            again, what, printed = one_run(binaries, options.keep)
            times += again
            print(f"run {number}: {'REPRODUCED' if again else 'not this time'}: {what}", flush=True)
            print("\n".join(printed[-6:]))
    except Impossible as error:
        print(f"cannot be tried: {error}", file=sys.stderr)
        return 2
    print(f"{times} of {options.runs}: {CASE['sought']['words']}")
    return 0 if times else 1


if __name__ == "__main__":
    sys.exit(main())
