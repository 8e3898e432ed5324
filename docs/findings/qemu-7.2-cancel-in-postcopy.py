#!/usr/bin/env python3
"""`migrate_cancel` in post-copy is accepted, and ends a VM that only the destination has.

    ./qemu-7.2-cancel-in-postcopy.py QEMU

Two QEMUs on this machine migrate by post-copy, at 1 MiB/s. The guest writes to 4096 pages of its
memory in turn, for ever, and to a port after each round. Once the destination runs the guest, the
source is told `migrate_cancel`. Printed: what both hosts say of the migration and of the VM before
and after, then the answers to all that could save the VM: a new channel (`migrate-recover`,
`migrate` with `resume`) and `cont` on either side; and at the end how far the guest came on each side.

Exit status: 0 QEMU refused to cancel and the migration completed, 1 the cancelled migration can no
longer be recovered, 2 the script could not tell. Needs Python 3.8 or newer, Linux, and userfaultfd
(root, or vm.unprivileged_userfaultfd=1). Uses 127.0.0.1.
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
    def __init__(self, qemu, folder, name, *more):
        path = os.path.join(folder, name)
        self.name, self.console = name, path + "-console"
        self.process = subprocess.Popen(
            [qemu, "-nodefaults", "-display", "none", "-accel", "tcg", "-m", str(RAM_MIB),
             "-machine", "pc,memory-backend=ram", "-object",
             f"memory-backend-file,id=ram,size={RAM_MIB}M,mem-path={path}-ram,share=on",
             "-bios", os.path.join(folder, "firmware"), "-debugcon", "file:" + self.console,
             "-qmp", f"unix:{path},server=on,wait=off", *more])
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


def show(when, *hosts):
    print(when + ":", ", ".join(f"{one.name} {one.migration()}, VM {one.vm()}" for one in hosts))


def incoming_port(host):
    return int(host.ask("query-migrate")["return"]["socket-address"][0]["port"])


def migrate(hosts):
    destination, source = hosts
    wanted = [{"capability": name, "state": True} for name in ("postcopy-ram", "return-path")]
    for one in hosts:
        one.ask("migrate-set-capabilities", capabilities=wanted)
    destination.ask("migrate-incoming", uri="tcp:127.0.0.1:0")
    source.ask("migrate-set-parameters", **{"max-bandwidth": 8 << 20, "downtime-limit": 1,
                                            "max-postcopy-bandwidth": 1 << 20})
    wait("the guest's first rounds", lambda: source.rounds() > 10)
    source.ask("migrate", uri=f"tcp:127.0.0.1:{incoming_port(destination)}")
    wait("the migration", lambda: source.migration() == "active")
    source.ask("migrate-start-postcopy")
    wait("the destination to run", lambda: source.migration() == "postcopy-active"
         and destination.vm() == "running")
    show("before", source, destination)
    if not source.tell("migrate_cancel"):
        source.ask("migrate-set-parameters", **{"max-postcopy-bandwidth": 0})
        wait("the end", lambda: source.migration() == destination.migration() == "completed")
        show("at the end", source, destination)
        return 0
    wait("the source to settle", lambda: source.migration() not in ("postcopy-active", "cancelling"))
    time.sleep(1)  # what comes by itself has come
    show("after", source, destination)
    recovering = destination.tell("migrate-recover", uri="tcp:127.0.0.1:0")
    port = incoming_port(destination) if recovering else 1
    recovering = source.tell("migrate", uri=f"tcp:127.0.0.1:{port}", resume=True) and recovering
    destination.tell("cont")
    source.tell("cont")
    time.sleep(1)
    before = [one.rounds() for one in hosts]
    time.sleep(1)
    show("at the end", source, destination)
    for one, rounds in zip(hosts, before):
        print(f"{one.name}: {one.rounds() - rounds} rounds of the guest in the last second")
    return 2 if recovering else 1


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    hosts = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # userfaultfd wants tmpfs
        with open(os.path.join(folder, "firmware"), "wb") as file:
            file.write(ROUNDS.ljust(0xfff0, b"\0") + RESET.ljust(16, b"\0"))
        try:
            hosts.append(Host(sys.argv[1], folder, "destination", "-incoming", "defer"))
            hosts.append(Host(sys.argv[1], folder, "source"))
            return migrate(hosts)
        except TimeoutError as error:
            print("cannot tell: waited for", error)
            return 2
        finally:
            for one in hosts:
                one.process.kill()
                one.process.wait()


if __name__ == "__main__":
    sys.exit(main())
