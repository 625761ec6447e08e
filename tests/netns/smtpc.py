#!/usr/bin/env python3
"""smtpc.py - a raw SMTP client for tests.

It sends what it is told, cut as it is told, and prints what came back: one
JSON object a line, {"cmd": "...", "code": 250, "text": "..."}. "cmd" is the
line as sent, or "connect" for the greeting, "." for the end of data. The lines
of a reply are joined by a newline in "text".

Exit 0: the dialogue ran to its end, whatever the codes were. Exit 1: it did
not, and the last line says why: {"error": "refused" | "reset" | "timeout" |
"closed" | "unreachable" | "garbled"}. Exit 2: usage.

A transaction whose DATA has no chance (MAIL or every RCPT refused, DATA not
answered 354) is given up with RSET if another one follows. With --pipeline
MAIL, RCPTs and DATA leave in one write and thus one segment, as far as the
segment size allows. A server that answers more than it was asked (smuggling)
shows the surplus as further answers to QUIT.

--type and --split promise that each piece is a segment of its own. TCP_NODELAY
alone does not keep that promise: pieces that wait for the congestion window
are merged. So the next piece is written when the kernel has none left unsent.

Every wait has a limit (--timeout, for connecting, for each reply as a whole,
for each 64 KiB of a body), so the client ends even if the peer is silent or
drips.
"""

import argparse
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time

SIOCOUTQNSD = 0x894B    # linux/sockios.h: bytes in the send queue that were not sent yet
REPLY_LIMIT = 1 << 20   # bytes; more is not a reply


class Ended(Exception):
    """The dialogue ended before its time; the argument is the reason for the report."""


def report(**fields):
    print(json.dumps(fields), flush=True)


class Connection:
    """Lines out, replies in, over one socket."""

    def __init__(self, options):
        self.options = options
        self.piece = 1 if options.type else options.split
        self.buffer = b""
        source = (options.source, 0) if options.source else None
        self.socket = socket.create_connection((options.host, options.port), options.timeout, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        """Sends commands: at once, or in pieces that are each a segment."""
        if not self.piece:
            self.socket.sendall(data)
            return
        for at in range(0, len(data), self.piece):
            self.socket.sendall(data[at:at + self.piece])
            self.flush()

    def flush(self):
        """Waits until everything written has left as a segment."""
        end = time.monotonic() + self.options.timeout
        while struct.unpack("i", fcntl.ioctl(self.socket, SIOCOUTQNSD, bytes(4)))[0]:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:           # what was unsent at a reset stays counted as unsent
                raise OSError(error, os.strerror(error))
            if time.monotonic() > end:
                raise Ended("timeout")
            time.sleep(0.0005)

    def send_body(self, data):
        """Sends a body in writes of 64 KiB, so that the time limit is one for progress, not for size."""
        for at in range(0, len(data), 65536):
            self.socket.sendall(data[at:at + 65536])

    def read_line(self, end):
        """The next line of the server, waiting until the moment `end`."""
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise Ended("timeout")
            received = self.socket.recv(65536)
            if not received:
                raise Ended("closed")
            self.buffer += received
            if len(self.buffer) > REPLY_LIMIT:
                raise Ended("garbled")
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "backslashreplace")

    def reply(self, command):
        """Reads one reply, reports it as the answer to `command`, and returns its code."""
        end = time.monotonic() + self.options.timeout
        lines = []
        while True:
            line = self.read_line(end)
            if not (line[:3].isascii() and line[:3].isdigit() and line[3:4] in ("", " ", "-")):
                report(cmd=command, garbled=line)
                raise Ended("garbled")
            lines.append(line[4:])
            if line[3:4] != "-":
                break
        code = int(line[:3])
        report(cmd=command, code=code, text="\n".join(lines))
        return code

    def command(self, line):
        self.send(encode(line))
        return self.reply(line)


class Quiet(Connection):
    """Lines out, codes in; for tests that keep the replies to themselves."""

    def __init__(self, host, source=None, timeout=15):
        super().__init__(argparse.Namespace(host=host, port=25, source=source, timeout=timeout, type=False, split=0))

    def reply(self, command=None):
        end = time.monotonic() + self.options.timeout
        line = self.read_line(end)
        while line[3:4] == "-":
            line = self.read_line(end)
        if not line[:3].isdigit():
            raise Ended("garbled")
        return int(line[:3])

    def say(self, data):
        self.socket.sendall(data)
        return self.reply()


def encode(line):
    """A command line as bytes; bytes of the command line that are not UTF-8 pass unchanged."""
    return line.encode("utf-8", "surrogateescape") + b"\r\n"


def good(code):
    return 200 <= code < 300


def stuffed(mail):
    """The mail with its dots doubled and the end of data."""
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def make_mail(options):
    """The mail as bytes: a file, with line ends made CRLF unless raw, or a made one of --size bytes."""
    if options.raw or options.data:
        with open(options.raw or options.data, "rb") as file:
            mail = file.read()
        if options.data:
            mail = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            mail += b"" if mail.endswith(b"\r\n") else b"\r\n"
        return mail
    head = "From: {}\r\nTo: {}\r\nSubject: test\r\n\r\n".format(options.sender, ", ".join(options.rcpt))
    line = b"The quick brown fox jumps over the lazy dog while the postern stays shut...\r\n"
    mail = head.encode("utf-8", "surrogateescape")
    missing = max(0, options.size - len(mail) - 2)
    return mail + (line * (missing // len(line) + 1))[:missing] + b"\r\n"


def bdat_chunks(mail, size):
    """The BDAT commands and their chunks, as pairs."""
    size = size or len(mail) or 1
    parts = [mail[at:at + size] for at in range(0, len(mail), size)] or [b""]
    return [("BDAT %d%s" % (len(part), " LAST" if number == len(parts) else ""), part)
            for number, part in enumerate(parts, 1)]


def send_bdat(connection, chunks):
    """Chunk after chunk, as long as they are welcome."""
    for line, part in chunks:
        connection.send(encode(line))
        connection.send_body(part)
        if not good(connection.reply(line)):
            return False
    return True


def transaction(connection, options, mail):
    """One mail. Returns false when the server may still be in the middle of it."""
    bdat = options.bdat is not None
    envelope = ["MAIL FROM:<%s>" % options.sender] + ["RCPT TO:<%s>" % rcpt for rcpt in options.rcpt]
    if options.pipeline:
        lines = envelope + ([] if bdat else ["DATA"])
        connection.send(b"".join(map(encode, lines)))
        codes = [connection.reply(line) for line in lines]
    else:
        codes = []
        for line in envelope:
            if len(codes) == 1 and not good(codes[0]):
                return True     # MAIL was refused: there is no transaction
            codes.append(connection.command(line))
        if any(map(good, codes[1:])) and not bdat:
            codes.append(connection.command("DATA"))
    welcome = good(codes[0]) and any(map(good, codes[1:len(envelope)]))
    if bdat:
        return welcome and send_bdat(connection, bdat_chunks(mail, options.bdat))
    if codes[-1] != 354:
        return False
    # A pipelined DATA may be welcome although no recipient is: then RFC 2920 wants an empty body.
    connection.send_body((mail if options.raw else stuffed(mail)) if welcome else b".\r\n")
    connection.reply(".")
    return True


def dialogue(options):
    mail = make_mail(options)
    connection = Connection(options)
    if good(connection.reply("connect")):
        if not good(connection.command("EHLO " + options.helo)):
            connection.command("HELO " + options.helo)
        for line in options.say:
            connection.command(line)
        for number in range(options.count if options.rcpt else 0, 0, -1):
            if not transaction(connection, options, mail) and number > 1:
                connection.command("RSET")
    code = connection.command("QUIT")
    while code != 221 and code < 400:
        code = connection.reply("QUIT")


def parse_arguments():
    parser = argparse.ArgumentParser(description="A raw SMTP client for tests; one JSON object a line for each reply.")
    parser.add_argument("host", help="name or address, v4 or v6")
    parser.add_argument("port", nargs="?", type=int, default=25)
    parser.add_argument("--source", metavar="ADDR", help="own address to connect from")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="for each step (default 10)")
    parser.add_argument("--helo", default="client.example", metavar="NAME")
    parser.add_argument("--from", dest="sender", default="sender@client.example", metavar="PATH",
                        help="reverse-path without angle brackets; '' is the null sender")
    parser.add_argument("--rcpt", action="append", default=[], metavar="PATH",
                        help="forward-path without angle brackets; repeat it; without any, no mail is sent")
    parser.add_argument("--say", action="append", default=[], metavar="LINE", help="sent after EHLO as it is; repeat it")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="transactions in this connection")
    mail = parser.add_mutually_exclusive_group()
    mail.add_argument("--data", metavar="FILE", help="the mail; line ends become CRLF, dots are doubled")
    mail.add_argument("--raw", metavar="FILE", help="the bytes after 354 as they are; the end of data is up to you")
    mail.add_argument("--size", type=int, default=400, metavar="BYTES", help="a made mail of this size (default 400)")
    parser.add_argument("--bdat", nargs="?", type=int, const=0, metavar="BYTES",
                        help="BDAT instead of DATA, in chunks of so many bytes (default: one chunk)")
    parser.add_argument("--pipeline", action="store_true", help="MAIL, RCPTs and DATA in one write")
    pieces = parser.add_mutually_exclusive_group()
    pieces.add_argument("--type", action="store_true", help="commands byte by byte, a segment each")
    pieces.add_argument("--split", type=int, default=0, metavar="N", help="commands cut at every N bytes, a segment each")
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        dialogue(options)
    except Ended as reason:
        report(error=str(reason))
    except socket.timeout:
        report(error="timeout")
    except ConnectionRefusedError:
        report(error="refused")
    except (ConnectionResetError, BrokenPipeError):
        report(error="reset")
    except OSError as error:
        report(error="unreachable", text=str(error))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
