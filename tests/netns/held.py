#!/usr/bin/env python3
"""held.py - connections that stay open, and what becomes of them.

  held.py server DIR                    an SMTP server on ports 25 and 587 of all addresses that takes everything; when
                                        DIR/server.say is there, it says 421 to everybody, once
  held.py client DIR NAME HOST [SOURCE-PORT]
                                        greets, makes DIR/NAME.up, and waits: for DIR/NAME.say, to say NOOP, or for the
                                        server; then prints what it got: "reset", "closed" or the line
  held.py until HOST SOURCE COMMAND...  runs the command, and tries to connect all the time: prints the milliseconds
                                        from its end to the first try that was refused
  held.py attack HOST SOURCE EVE        names a foreign recipient, and tries to connect all the time: prints the
                                        milliseconds from the finding in EVE to the first try that was refused
"""
import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime

FAMILY = {True: socket.AF_INET6, False: socket.AF_INET}


def reply(conn, state, line):
    word = line[:4].upper()
    if state.get("data"):
        if line.strip() != b".":
            return
        state["data"] = False
        conn.send(b"250 2.0.0 Ok\r\n")
    elif word == b"DATA":
        state["data"] = True
        conn.send(b"354 go on\r\n")
    elif word == b"QUIT":
        conn.send(b"221 2.0.0 Bye\r\n")
        conn.shutdown(socket.SHUT_WR)
    elif word in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"):
        conn.send(b"250 2.0.0 Ok\r\n")
    else:
        conn.send(b"500 5.5.1 What?\r\n")


def serve(conn, state):
    try:
        got = conn.recv(65536)
        if not got:
            return False
        state["in"] += got
        while b"\r\n" in state["in"]:
            line, state["in"] = state["in"].split(b"\r\n", 1)
            reply(conn, state, line)
        return True
    except OSError as e:
        print("a client:", errno.errorcode.get(e.errno, e), flush=True)
        return False


def server(folder):
    listeners, conns, said = [], {}, False
    for port in (25, 587):
        s = socket.socket(socket.AF_INET6)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        s.listen(512)
        listeners.append(s)
    while True:
        ready, _, _ = select.select(listeners + list(conns), [], [], 0.1)
        for s in ready:
            if s in listeners:
                conn, _ = s.accept()
                conns[conn] = {"in": b""}
                try:
                    conn.send(b"220 held.example ESMTP\r\n")
                except OSError:
                    pass
            elif not serve(s, conns[s]):
                s.close()
                del conns[s]
        if not said and os.path.exists(f"{folder}/server.say"):
            said = True
            for conn in conns:
                try:
                    conn.send(b"421 4.3.2 Bye\r\n")
                except OSError:
                    pass


def connect(host, source=None, port=25, source_port=0, timeout=30):
    s = socket.socket(FAMILY[":" in host])
    s.settimeout(timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if source or source_port:
        s.bind((source or ("::" if ":" in host else "0.0.0.0"), source_port))
    s.connect((host, port))
    return s


def client(folder, name, host, source_port="0"):
    s = connect(host, source_port=int(source_port))
    s.recv(1000)
    s.send(b"EHLO held.example\r\n")
    s.recv(1000)
    open(f"{folder}/{name}.up", "w").close()
    while not select.select([s], [], [], 0.05)[0]:
        if os.path.exists(f"{folder}/{name}.say"):
            s.send(b"NOOP\r\n")
            break
    try:
        got = s.recv(1000)
        print(got.decode().strip() if got else "closed", flush=True)
    except ConnectionResetError:
        print("reset", flush=True)


class Prober(threading.Thread):
    """Connects again and again; remembers when tries were refused for the first time since it was asked."""

    def __init__(self, host, source):
        super().__init__(daemon=True)
        self.host, self.source, self.refused, self.end, self.passed = host, source, 0.0, False, 0

    def run(self):
        while not self.end and not self.refused:
            begun = time.time()
            try:
                connect(self.host, self.source, timeout=5).close()
                self.passed = begun
            except OSError:
                self.refused = begun  # it was sent then, and refused


def until(host, source, command):
    prober = Prober(host, source)
    prober.start()
    while not prober.passed:
        time.sleep(0.001)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    end = time.time()
    prober.join(10)
    print(f"{max(prober.refused - end, 0) * 1000:.2f}")


def attack(host, source, eve):
    prober = Prober(host, source)
    s = connect(host, source)
    for line in (None, "EHLO held.example", "MAIL FROM:<a@stranger.example>"):
        if line:
            s.send(line.encode() + b"\r\n")
        s.recv(1000)
    prober.start()
    while not prober.passed:
        time.sleep(0.001)
    s.send(b"RCPT TO:<victim@foreign.test>\r\n")
    try:
        s.recv(1000)
    except OSError:
        pass
    prober.join(10)
    for _ in range(200):
        with open(eve, encoding="utf-8") as f:
            for line in f:
                r = json.loads(line)
                if r.get("alert", {}).get("signature_id") == 1025100 and r["src_ip"] == source:
                    t = datetime.strptime(r["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
                    print(f"{(prober.refused - t) * 1000:.2f}")
                    return
        time.sleep(0.05)
    sys.exit("no finding")


if __name__ == "__main__":
    role, args = sys.argv[1], sys.argv[2:]
    if role == "server":
        server(args[0])
    elif role == "client":
        client(*args)
    elif role == "until":
        until(args[0], args[1], args[2:])
    elif role == "attack":
        attack(*args)
