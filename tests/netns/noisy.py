#!/usr/bin/env python3
"""noisy.py - a client that asks for users that are not there, connection after connection.

usage: noisy.py HOST SOURCE ROUNDS      0 rounds: until it is ended

Prints for each connection what became of it: "answered" (it has got all its answers), "554" (another greeting than 220),
"refused" or "reset".
"""
import socket
import sys
import time

QUESTIONS = 4
PAUSE_S = 0.1


def talk(host, source):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(60)
        s.bind((source, 0))
        s.connect((host, 25))
        replies = s.makefile("rb")
        code = replies.readline()[:3].decode()
        if code != "220":
            return code
        for line in [b"HELO noisy.example"] + [b"VRFY user%d" % i for i in range(QUESTIONS)] + [b"QUIT"]:
            s.sendall(line + b"\r\n")
            if not replies.readline():
                return "reset"
    return "answered"


def main():
    host, source, rounds = sys.argv[1:]
    done = 0
    while rounds == "0" or done < int(rounds):
        try:
            print(talk(host, source), flush=True)
        except ConnectionRefusedError:
            print("refused", flush=True)
        except ConnectionError:
            print("reset", flush=True)
        done += 1
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
