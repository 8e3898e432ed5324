#!/usr/bin/env python3
"""Progress in a real pseudo terminal, on a dumb one, and in a log.

    display_test.py DISPLAY_SAMPLE MIGFUZZ

The terminal's screen is kept by the few escapes that migfuzz uses (up, erase, colours), so that what
is checked is what a person would see, also after the window has become narrower.
"""
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

SAMPLE, MIGFUZZ = sys.argv[1:3]
failures = []


def check(what, good, shown=""):
    print(("ok    " if good else "FAILED"), what, repr(shown)[:2000] if not good else "")
    if not good:
        failures.append(what)


def resize(fd, columns, rows=24):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def in_terminal(command, columns=80, term="xterm", narrower=None, **environment):
    """Everything that the command writes, and where in it the window was made narrower."""
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    env.update(TERM=term, **environment)
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.1)  # the size is set by then
        os.execvpe(command[0], command, env)
    resize(fd, columns)
    out, at, start = b"", None, time.monotonic()
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
        if narrower and at is None and time.monotonic() - start > 1.2:
            resize(fd, narrower)
            at = len(out)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return out.decode(), at, status


class Screen:
    """The rows of a terminal that wraps long lines."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0

    def feed(self, text):
        for token in re.findall(r"\x1b\[(?:\d*)[A-Za-z]|.|\n", text, re.S):
            if token == "\r":
                self.column = 0
            elif token == "\n":
                self.down()
            elif token.endswith("A") and token.startswith("\x1b"):
                self.row = max(0, self.row - int(token[2:-1] or 1))
            elif token == "\x1b[J":
                self.rows[self.row] = self.rows[self.row][: self.column]
                del self.rows[self.row + 1:]
            elif token.startswith("\x1b"):
                assert token.endswith("m"), token
            else:
                if self.column == self.columns:
                    self.down()
                    self.column = 0
                line = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = line[: self.column] + token + line[self.column + 1:]
                self.column += 1

    def down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def lines(self):
        return [row.rstrip() for row in self.rows if row.strip()]


def screen_of(text, columns):
    screen = Screen(columns)
    screen.feed(text)
    return screen.lines()


# --- a terminal
out, _, status = in_terminal([SAMPLE])
check("the sample ends well", status == 0, status)
check("it is drawn again and again", out.count("\x1b[J") > 5, out.count("\x1b[J"))
left = screen_of(out, 80)
check("what was said stays, and one line of counts", len(left) == 3, left)
check("the seed stays on top", left[0] == "seed 1", left)
check("the finding is said once", left[1].startswith("fail  a-case"), left)
check("the counts are the last line", left[-1].startswith("cases ") and "fail 1 (1 signature)" in left[-1], left)
middle = screen_of(out[: out.rindex("\x1b[J")], 80)
check("each worker has a line while it works",
      sum("stopcopy-enter-crash" in line or "commit-eof-stall" in line for line in middle) == 2, middle)
check("failures are coloured", "\x1b[31mfail 1" in out)
check("an end is foretold", "about 1 s left" in out or "about 2 s left" in out, out[-900:])

# --- the window becomes narrower while it runs
out, at, _ = in_terminal([SAMPLE], columns=120, narrower=50)
check("the window was made narrower", at is not None)
later = out[out.index("\x1b[J", at or 0):]
drawn = [line for part in re.split(r"\x1b\[J|\r", re.sub(r"\x1b\[\d*[Am]", "", later)) for line in part.split("\n")]
working = [line for line in drawn if re.match(r"  \d   ", line)]
check("lines keep to the new width", working and all(len(line) < 50 for line in working), working[:4])

# --- no colours
out, _, _ = in_terminal([SAMPLE], NO_COLOR="1")
check("NO_COLOR is kept to", not re.search(r"\x1b\[\d*m", out) and "\x1b[J" in out)

# --- a dumb terminal
out, _, _ = in_terminal([SAMPLE], term="dumb")
check("a dumb terminal gets no escapes", "\x1b" not in out, out[:300])
check("it gets one line, written over", 4 <= out.count("\n") <= 5 or out.count("\n") == 3, out.count("\n"))
check("and it ends with the counts", screen_of(out, 80)[-1].startswith("cases "), screen_of(out, 80))

# --- a log
log = subprocess.run([SAMPLE, "12"], stderr=subprocess.PIPE, text=True).stderr.splitlines()
check("a log has no escapes", not any("\x1b" in line or "\r" in line for line in log), log)
check("in 12 s: seed, finding, a state after 10 s, the end", len(log) == 4, log)
check("every state is one line", all(line.startswith("cases ") for line in log[2:]), log)
quiet = subprocess.run([SAMPLE, "1", "quiet"], stderr=subprocess.PIPE, text=True).stderr
check("quiet is quiet", quiet == "", quiet)

# --- colours of the program itself
out, _, _ = in_terminal([MIGFUZZ, "list", "faults"], columns=70)
lines = out.replace("\r", "").split("\n")
check("a list keeps to the terminal", all(len(line) <= 70 for line in lines), [l for l in lines if len(l) > 70])
check("a list is grouped", "qemu" in lines and "network" in lines, lines[:5])

sys.exit(1 if failures else 0)
