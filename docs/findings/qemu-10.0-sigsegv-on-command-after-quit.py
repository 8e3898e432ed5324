#!/usr/bin/env python3
"""Shows that a QMP command that follows the reply to `quit` can end QEMU by SIGSEGV.

Usage: qemu-10.0-sigsegv-on-command-after-quit.py QEMU [none]

QEMU runs without a guest, a device, a disk and a migration. gdb's breakpoint on `iothread_stop`,
which `monitor_cleanup` calls in the main thread, makes the race likely: the stop takes time in
which the monitor's own thread still reads. Nothing but the time is changed. Sent are
`qmp_capabilities`, `quit` and, when `quit` has been answered, `query-status` (not with `none`,
the control). Printed are the status (-11 is SIGSEGV) and what gdb saw. Needs gdb and the right to
attach to a child; no root, no network, no guest image.
"""
import os
import socket
import subprocess
import sys
import tempfile
import time

GDB = ["-ex", "set pagination off", "-ex", "break iothread_stop", "-ex", "continue",
       "-ex", "bt 4", "-ex", "print *(void**)&qmp_dispatcher_co", "-ex", "detach"]


def wait_for(what, so):
    end = time.monotonic() + 30
    while not so():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within 30 s")
        time.sleep(0.01)


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["none"]):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        path, log = folder + "/qmp", folder + "/gdb"
        qemu = subprocess.Popen([sys.argv[1], "-M", "none", "-nodefaults", "-display", "none",
                                 "-qmp", f"unix:{path},server=on,wait=off"])
        wait_for("QEMU's monitor", lambda: os.path.exists(path))
        with socket.socket(socket.AF_UNIX) as line, open(log, "w+", encoding="utf-8") as output:
            line.connect(path)
            answers = line.makefile(encoding="utf-8")
            answers.readline()
            line.sendall(b'{"execute":"qmp_capabilities"}')
            answers.readline()
            gdb = subprocess.Popen(["gdb", "-batch", "-p", str(qemu.pid), *GDB],
                                   stdout=output, stderr=subprocess.STDOUT)
            wait_for("gdb's breakpoint",
                     lambda: "Breakpoint 1 at" in open(log, encoding="utf-8").read())
            line.sendall(b'{"execute":"quit"}')
            while "return" not in answers.readline():
                pass
            if len(sys.argv) == 2:
                line.sendall(b'{"execute":"query-status"}')
            gdb.wait(60)
            status = qemu.wait(30)
        with open(log, encoding="utf-8") as output:
            text = output.read()
            print(text[text.index("Breakpoint 1 at"):])
        print("status", status)


main()
