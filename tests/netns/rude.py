#!/usr/bin/env python3
"""rude.py - clients of the control socket that no honest program is: rude.py SOCKET KIND.

garbage, version, command, nothing, long: say what they got; half: closes its side and waits; slow: a byte in a while;
idle: as many connections as there is room, which say nothing, and an honest one behind them; parallel N: N honest ones
at once, how many were answered.
"""
import concurrent.futures
import json
import socket
import sys
import time

ASK = b'{"postern":1,"command":"status"}\n'


def connect(path, wait=30):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(wait)
    s.connect(path)
    return s


def all_of(s):
    got = b""
    try:
        while piece := s.recv(65536):
            got += piece
    except ConnectionError:
        pass
    return got


def ask(path, request=ASK, half=False):
    s = connect(path)
    try:
        s.sendall(request)
        if half:
            s.shutdown(socket.SHUT_WR)
    except ConnectionError:
        pass
    return all_of(s)


def error_of(got):
    return json.loads(got)["error"] if got else "nothing"


def slow(path):
    s = connect(path)
    start = time.monotonic()
    try:
        for byte in ASK:
            s.send(bytes([byte]))
            time.sleep(1)
    except ConnectionError:
        pass
    return "closed" if time.monotonic() - start < 20 else "served"


def idle(path):
    kept = [connect(path) for _ in range(64)]
    answer = json.loads(ask(path))  # waits until they are closed
    return "answered" if "version" in answer and kept else "not"


def parallel(path, count):
    def one(_):
        answer = json.loads(ask(path))
        return answer.get("command") == "status" and "version" in answer

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return sum(pool.map(one, range(count)))


def main():
    path, kind = sys.argv[1:3]
    print({
        "garbage": lambda: error_of(ask(path, b"GET / HTTP/1.0\r\n\r\n")),
        "version": lambda: error_of(ask(path, b'{"postern":99,"command":"status"}\n')),
        "command": lambda: error_of(ask(path, b'{"postern":1,"command":"frobnicate"}\n')),
        "nothing": lambda: error_of(ask(path, b"", half=True)),
        "half": lambda: json.loads(ask(path, half=True))["command"],
        "long": lambda: error_of(ask(path, b"x" * 1000000)),
        "slow": lambda: slow(path),
        "idle": lambda: idle(path),
        "parallel": lambda: parallel(path, int(sys.argv[3])),
    }[kind]())


main()
