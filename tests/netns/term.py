#!/usr/bin/env python3
"""Runs a command on a terminal of its own, and types: each time a text has appeared, the keys behind it.

    term.py TEXT KEYS [TEXT KEYS]... -- COMMAND...

Prints what the command wrote, without what steers the terminal, and ends with its status; with 99 if a text does not appear
within 20 seconds, or the command does not end. TERM_COLUMNS: how wide the terminal is, 140 unless given.
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

LIMIT_S = 20


def main():
    split = sys.argv.index("--")
    script, command = sys.argv[1:split], sys.argv[split + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("4H", 30, int(os.environ.get("TERM_COLUMNS", "140")), 0, 0))
        os.environ.update(TERM="xterm")
        for size in ("COLUMNS", "LINES"):
            os.environ.pop(size, None)
        os.execvp(command[0], command)
    seen, shown, until = "", "", time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        if script and script[0] in seen:
            os.write(fd, script[1].encode())
            script, seen, until = script[2:], "", time.monotonic() + LIMIT_S
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 65536).decode(errors="replace")
        except OSError:  # it has ended
            break
        if not data:
            break
        data = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>78])", " ", data)
        seen += data
        shown += data
    print(shown)
    if script or time.monotonic() >= until:
        os.kill(pid, 9)
        sys.exit(99)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
