#!/usr/bin/env python3
"""A source whose disk fails once as it switches to post-copy ends `failed`, and never runs again.

    ./qemu-10.0-postcopy-after-failed-stop.py QEMU

Two QEMUs on this machine share one raw image and migrate by post-copy. The source's disk (blkdebug)
answers the first flush by EIO and all the others well; the first flush that QEMU asks for is that of
the stop before the switch. Printed: what both hosts say of the migration and of the VM, at each
change, the source's last words, and the answers to `cont` on the source; at the end how far the guest
came on each side. The guest writes to 4096 pages of its memory in turn, for ever, and to a port after
each round; the disk is written to once, by the monitor, so that there is something to flush.

Exit status: 0 the source runs, or the migration is completed, 1 the source says `failed` and cannot run,
2 the script could not tell. Needs Python 3.8 or newer, Linux, and userfaultfd (root, or
vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 30
RAM_MIB = 24
# cli; protected mode with a flat ds; again: add 1 to a word of each page from 4 MiB to 20 MiB;
# out 0xe9,al; again. Jumped to from the reset vector of a 64 KiB firmware.
ROUNDS = bytes.fromhex(
    "fa2e660f011643000f20c00c010f22c0b808008ed866bb000040006766ff036681c3001000006681fb0000400172ec"
    "e6e9ebe20000000000000000ffff00000092cf000f0033000f00")
RESET = bytes.fromhex("ea000000f0")


class Host:
    def __init__(self, qemu, folder, name, disk, *more):
        path = os.path.join(folder, name)
        self.name, self.console = name, path + "-console"
        self.process = subprocess.Popen(
            [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB),
             "-machine", "pc,memory-backend=ram", "-object",
             f"memory-backend-file,id=ram,size={RAM_MIB}M,mem-path={path}-ram,share=on",
             "-bios", os.path.join(folder, "firmware"), "-debugcon", "file:" + self.console,
             "-drive", "if=none,id=disk0,format=raw," + disk, "-device",
             "virtio-blk-pci,drive=disk0", "-qmp", f"unix:{path},server=on,wait=off", *more],
            stderr=open(path + "-errors", "w", encoding="utf-8"))
        self.socket = socket.socket(socket.AF_UNIX)
        wait("a monitor", lambda: self.socket.connect_ex(path) == 0)
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

    def tell(self, command, **arguments):
        answer = self.ask(command, **arguments)
        said = answer.get("error", {}).get("desc", "accepted")
        print(f"  {self.name}: {command} {json.dumps(arguments) if arguments else ''}-> {said}")
        return "return" in answer

    def migration(self):
        return self.ask("query-migrate")["return"].get("status", "none")

    def vm(self):
        return self.ask("query-status")["return"]["status"]

    def rounds(self):
        return os.stat(self.console).st_size


def wait(what, done):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if done():
            return
        time.sleep(0.005)
    raise TimeoutError(what)


def state(hosts):
    return ", ".join(f"{one.name} {one.migration()}, VM {one.vm()}" for one in hosts)


def migrate(hosts, errors):
    destination, source = hosts
    wanted = [{"capability": name, "state": True} for name in ("postcopy-ram", "return-path")]
    for one in hosts:
        one.ask("migrate-set-capabilities", capabilities=wanted)
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    source.ask("migrate-set-parameters", **{"max-bandwidth": 8 << 20, "downtime-limit": 1})
    wait("the guest's first rounds", lambda: source.rounds() > 10)
    source.ask("human-monitor-command", **{"command-line": 'qemu-io disk0 "write -q 0x1000 4k"'})
    port = int(destination.ask("query-migrate")["return"]["socket-address"][0]["port"])
    source.ask("migrate", uri=f"tcp:127.0.0.1:{port}")
    wait("the migration", lambda: source.migration() == "active")
    print(state(hosts))
    source.ask("migrate-start-postcopy")
    said, until = None, time.monotonic() + 5
    while time.monotonic() < until:
        now = state(hosts)
        if now != said:
            print(now)
        said = now
    with open(errors, encoding="utf-8") as file:
        print("the source's standard error:\n" + file.read(), end="")
    print("query-migrate of the source:", source.ask("query-migrate")["return"].get("error-desc"))
    lost = source.migration() == "failed" and source.vm() != "running" and not source.tell("cont")
    before = [one.rounds() for one in hosts]
    time.sleep(1)
    print("at the end:", state(hosts))
    for one, rounds in zip(hosts, before):
        print(f"{one.name}: {one.rounds() - rounds} rounds of the guest in the last second")
    return 1 if lost else 0


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    hosts = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # userfaultfd wants tmpfs
        with open(os.path.join(folder, "firmware"), "wb") as file:
            file.write(ROUNDS.ljust(0xfff0, b"\0") + RESET.ljust(16, b"\0"))
        image = os.path.join(folder, "disk.raw")
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        broken = ("file.driver=blkdebug,file.image.driver=file,file.image.filename=" + image +
                  ",file.inject-error.0.event=none,file.inject-error.0.iotype=flush"
                  ",file.inject-error.0.errno=5,file.inject-error.0.once=on")
        try:
            hosts.append(Host(sys.argv[1], folder, "destination", "file.driver=file,file.filename=" +
                              image, "-incoming", "defer"))
            hosts.append(Host(sys.argv[1], folder, "source", broken))
            return migrate(hosts, os.path.join(folder, "source-errors"))
        except TimeoutError as error:
            print("cannot tell: waited for", error)
            return 2
        finally:
            for one in hosts:
                one.process.kill()
                one.process.wait()


if __name__ == "__main__":
    sys.exit(main())
