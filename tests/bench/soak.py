#!/usr/bin/env python3
"""The load of the soak, and the judge of its samples.

  soak.py load ADDRESS ADDRESS6 STOP COUNTS   mixed load from one host, until the file STOP is there; keeps in COUNTS what
                                              there was of each kind, one "NAME NUMBER" a line
  soak.py judge SAMPLES                       prints the table; exit status 1 if something still grows

SAMPLES: one line each, "SECONDS RSS_KB FDS FLOWS LINGERING". LINGERING flows were reset by their client; in enforce
mode such a flow is kept for ten minutes, so these are counted and taken off.

The rule: of each number, the median of the last quarter of the samples must not lie above the median of the quarter
before by more than ALLOWED. The first half is for what memory is touched for the first time.
"""
import os
import random
import signal
import socket
import statistics
import struct
import sys
import threading
import time

ALLOWED = {"rss_kb": lambda before: 0.01 * before, "fds": lambda before: 0, "flows": lambda before: 8 + 0.1 * before}
COLUMNS = ["seconds", "rss_kb", "fds", "flows", "lingering"]
FIRST_AT_ONCE = 1000  # connections, so that what lingers later takes memory that was touched already
ROWS = 20


class Talk:
    def __init__(self, address):
        self.socket = socket.create_connection((address, 25), timeout=60)
        self.file = self.socket.makefile("rb")
        self.ask(b"", b"2")
        self.ask(b"EHLO soak.isp.example\r\n", b"2")

    def ask(self, command, wanted):
        if command:
            self.socket.sendall(command)
        while (line := self.file.readline())[3:4] == b"-":
            pass
        if not line.startswith(wanted):
            raise OSError("%r to %r" % (line, command[:40]))

    def mail(self, size, foreign=0):
        self.ask(b"MAIL FROM:<soak@isp.example>\r\n", b"2")
        for i in range(foreign):
            self.ask(b"RCPT TO:<x%d@foreign.test>\r\n" % i, b"550")
        self.ask(b"RCPT TO:<good@example.org>\r\n", b"2")
        self.ask(b"DATA\r\n", b"3")
        self.ask(b"Subject: soak\r\n\r\n" + b"0123456789abcdef\r\n" * (size // 18) + b".\r\n", b"2")

    def quit(self):
        self.ask(b"QUIT\r\n", b"2")
        self.file.close()
        self.socket.close()


def short(address, _):
    t = Talk(address)
    t.mail(1000)
    t.quit()
    time.sleep(0.01)


def long(address, stop):
    t = Talk(address)
    for _ in range(600):
        if os.path.exists(stop):
            break
        t.mail(random.randrange(100, 4000))
        time.sleep(0.02)
    t.quit()


def body(address, _):
    t = Talk(address)
    t.mail(random.randrange(1_000_000, 8_000_000))
    t.quit()
    time.sleep(0.5)


def refused(address, _):
    t = Talk(address)
    t.mail(500, foreign=2)
    t.quit()
    time.sleep(0.1)


def killed(address, _):
    """A process that dies in the middle; its kernel resets the connection. From an address of its own: a new connection
    from the same port would end the one that lingers."""
    child = os.fork()
    if child == 0:
        try:
            t = Talk(address)
            t.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            t.ask(b"MAIL FROM:<soak@isp.example>\r\n", b"2")
            if random.random() < 0.5:
                t.ask(b"RCPT TO:<good@example.org>\r\n", b"2")
                t.ask(b"DATA\r\n", b"3")
                t.socket.sendall(b"x" * random.randrange(20000))
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        raise OSError("the client that was to be killed had an error before")
    time.sleep(1)


KINDS = [short, short, long, long, body, refused, killed]


def load(address, address6, stop, counts):
    many = [Talk(address) for _ in range(FIRST_AT_ONCE)]
    for t in many:
        t.quit()
    done = dict.fromkeys((k.__name__ for k in KINDS), 0)
    done["errors"] = 0
    lock = threading.Lock()

    def tell():
        with open(counts + ".new", "w") as out:
            out.writelines("%s %d\n" % item for item in done.items())
        os.rename(counts + ".new", counts)

    def life(kind):
        while not os.path.exists(stop):
            name = kind.__name__
            try:
                kind(address6 if kind is killed else address, stop)
            except OSError as e:
                print(name, e, flush=True)
                name = "errors"
            with lock:
                done[name] += 1
                tell()

    threads = [threading.Thread(target=life, args=(k,)) for k in KINDS]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return done["errors"] > 0


def judge(path):
    rows = [[int(n) for n in line.split()] for line in open(path)]
    for row in rows:
        row[3] -= row[4]
    print("".join("%12s" % c for c in COLUMNS))
    step = max(1, len(rows) // ROWS)
    for row in rows[step - 1 :: step]:
        print("".join("%12d" % n for n in row))
    if len(rows) < 16:
        print("FAILED: %d samples are too few to tell" % len(rows))
        return True
    quarter = len(rows) // 4
    grows = False
    for name, allowed in ALLOWED.items():
        column = [row[COLUMNS.index(name)] for row in rows]
        before, last = statistics.median(column[-2 * quarter : -quarter]), statistics.median(column[-quarter:])
        grown = last - before > allowed(before)
        grows |= grown
        print("%-7s third quarter %.0f, last quarter %.0f, allowed growth %.0f: %s" % (name, before, last, allowed(before), "GROWS" if grown else "flat"))
    return grows


sys.exit({"load": load, "judge": judge}[sys.argv[1]](*sys.argv[2:]))
