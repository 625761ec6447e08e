#!/usr/bin/env python3
"""mptcp.py - a mail server and a client that speak SMTP over MPTCP.

usage: mptcp.py serve            takes connections on port 25, one after the other, and prints each command
       mptcp.py talk ADDRESS     a mail in one connection; prints what the connection was, "mptcp" or "tcp", and the codes

SOL_MPTCP's MPTCP_INFO says whether both ends fell back to TCP (linux/mptcp.h; flags at byte 8, bit 0), and how many
subflows were added.
"""
import smtplib
import socket
import struct
import sys

IPPROTO_MPTCP, SOL_MPTCP, MPTCP_INFO, FALLBACK = 262, 284, 1, 1


def kind(sock):
    try:
        return "tcp" if struct.unpack("I", sock.getsockopt(SOL_MPTCP, MPTCP_INFO, 64)[8:12])[0] & FALLBACK else "mptcp"
    except OSError:
        return "tcp"


def converse(client):
    client.sendall(b"220 mx ESMTP\r\n")
    in_data = False
    replies = {b"QUIT": b"221 bye", b"DATA": b"354 go", b"XXXX": b"500 5.5.2 no such command in this server"}
    for line in client.makefile("rb"):
        if in_data and line != b".\r\n":
            continue
        print(line.decode(errors="replace").rstrip(), flush=True)
        word = line[:4].upper()
        in_data = word == b"DATA"
        client.sendall(replies.get(word, b"250 ok") + b"\r\n")
        if word == b"QUIT":
            break


def serve():
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", 25))
    listener.listen()
    while True:
        client = listener.accept()[0]
        try:
            converse(client)
        except OSError as error:
            print(error, flush=True)
        client.close()


class Client(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
        sock.settimeout(timeout)
        sock.connect((host, port))
        return sock


def talk(address):
    client = Client(timeout=20)
    codes = [client.connect(address, 25)[0], client.ehlo("c")[0]]
    # what both ends have agreed on is known now
    print(kind(client.sock), end=" ")
    codes += [client.mail("a@client.example")[0], client.rcpt("g@example.org")[0], client.rcpt("x@foreign.test")[0],
              client.data(b"Subject: x\r\n\r\nx\r\n")[0], client.quit()[0]]
    print(*codes)


if sys.argv[1] == "serve":
    serve()
talk(sys.argv[2])
