#!/usr/bin/env python3
"""A syslog receiver for the lab: writes each message it gets as a line of a file.

    syslogd.py udp ADDRESS PORT FILE | tcp ADDRESS PORT FILE | unix PATH FILE

TCP is read with octet counting (RFC 6587 3.4.1); anything else there ends it with status 1.
"""
import os
import socket
import sys


def datagrams(sock, out):
    while True:
        out.write(sock.recv(65536) + b"\n")


def exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def frames(stream, out):
    while True:
        length = b""
        while not length.endswith(b" "):
            length += exactly(stream, 1)
        if not length[:-1].isdigit() or length.startswith(b"0"):
            sys.exit("no octet count: %r" % length)
        out.write(exactly(stream, int(length)) + b"\n")


def main():
    kind, *where, path = sys.argv[1:]
    with open(path, "ab", buffering=0) as out:
        if kind == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            if os.path.exists(where[0]):
                os.unlink(where[0])
            sock.bind(where[0])
            datagrams(sock, out)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((where[0], int(where[1])))
        if kind == "udp":
            datagrams(sock, out)
        sock.listen(5)
        while True:
            connection, _ = sock.accept()
            try:
                frames(connection.makefile("rb"), out)
            except (EOFError, ConnectionError):
                connection.close()


main()
