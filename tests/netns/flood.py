#!/usr/bin/env python3
"""Mail that counts itself: no message may be lost, doubled or altered.

  flood.py sink ADDRESS FILE                 an SMTP server; for each message one line "ok ID" or "ALTERED ID", and one
                                             "from ADDRESS" for each connection
  flood.py send ADDRESS FILE STOP [RCPT]     sends numbered messages over a few connections, some messages each, until
                                             the file STOP is there; writes the numbers of those that were taken, one a
                                             line. A message without a final answer is sent again, as a mail server
                                             does, and told as "again ID".

A message carries the SHA-256 of its body in its header. FLOOD_PAUSE in the environment: so many seconds between two of
them, for tests that need mail to flow and not all of the machine.
"""
import hashlib
import os
import random
import socket
import socketserver
import sys
import threading
import time

ANSWERS = dict.fromkeys([b"HELO", b"EHLO", b"MAIL", b"RCPT", b"DATA"], b"250 ok\r\n") | {b"QUIT": b"221 bye\r\n"}
SENDERS, PER_CONNECTION, PATIENCE_S = 4, 20, 60
PAUSE_S = float(os.environ.get("FLOOD_PAUSE", 0))


def tell(out, lock, line):
    with lock:
        out.write(line + "\n")
        out.flush()


class Sink(socketserver.StreamRequestHandler):
    def message(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if line:
            head, _, body = b"".join(lines).partition(b"\r\n\r\n")
            fields = dict(f.split(b": ", 1) for f in head.split(b"\r\n") if b": " in f)
            good = hashlib.sha256(body).hexdigest().encode() == fields.get(b"X-Sum")
            if b"X-Id" in fields:  # else it is no mail of ours
                tell(self.server.out, self.server.lock, ("ok " if good else "ALTERED ") + fields[b"X-Id"].decode())
        return line

    def handle(self):
        tell(self.server.out, self.server.lock, "from " + self.client_address[0])
        self.wfile.write(b"220 sink ESMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                if not self.message():
                    return
            self.wfile.write(ANSWERS.get(verb, b"500 what?\r\n"))
            if verb == b"QUIT":
                return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def dialogue(address, rcpt, number, count, stop, taken):
    """Sends `count` messages over one connection, from that number on; returns how many were taken."""
    done = 0
    with socket.create_connection((address, 25), timeout=PATIENCE_S) as s:
        f = s.makefile("rb")

        def ask(command, wanted):
            if command:
                s.sendall(command)
            answer = f.readline()
            if not answer.startswith(wanted):
                raise OSError("%r to %r" % (answer, command[:40]))

        ask(b"", b"220")
        ask(b"HELO flood\r\n", b"250")
        while done < count and not os.path.exists(stop):
            body = b"".join(b"%x %s\r\n" % (random.getrandbits(64), b"x" * random.randrange(200)) for _ in range(random.randrange(1, 60)))
            ask(b"MAIL FROM:<flood@isp.example>\r\n", b"250")
            ask(b"RCPT TO:<%s>\r\n" % rcpt, b"250")
            ask(b"DATA\r\n", b"354")
            head = b"X-Id: %s\r\nX-Sum: %s\r\n\r\n" % (number(done), hashlib.sha256(body).hexdigest().encode())
            ask(head + body + b".\r\n", b"250")
            taken(number(done))
            done += 1
            time.sleep(PAUSE_S)
        ask(b"QUIT\r\n", b"221")
    return done


def send(address, path, stop, rcpt="good@example.org"):
    lock = threading.Lock()
    with open(path, "w") as out:

        def life(sender):
            sent = 0
            while not os.path.exists(stop):
                before = sent

                def taken(name):
                    nonlocal sent
                    sent += 1
                    tell(out, lock, name.decode())

                try:
                    dialogue(address, rcpt.encode(), lambda n: b"%d.%d" % (sender, before + n), PER_CONNECTION, stop, taken)
                except OSError as e:
                    tell(out, lock, "again %d.%d %s" % (sender, sent, e))

        threads = [threading.Thread(target=life, args=(i,)) for i in range(SENDERS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def sink(address, path):
    with open(path, "w") as out, Server((address, 25), Sink) as server:
        server.out, server.lock = out, threading.Lock()
        server.serve_forever()


{"sink": sink, "send": send}[sys.argv[1]](*sys.argv[2:])
