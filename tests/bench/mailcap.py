#!/usr/bin/env python3
"""Makes a large capture of mail, the same bytes at each call.

usage: mailcap.py MEGABYTES FILE

CONCURRENT connections at a time, most of them small, as on a busy gateway: one to five mails each, bodies of 1 kB to
2 MB (base64 and text, the median at 12 kB), a third pipelined, a third over IPv6, some recipients refused, one body in
eight by BDAT. Segments of 1448 bytes, an ACK for every second one. TCP checksums are left 0, as behind an offloading
card.
"""
import random
import socket
import struct
import sys

CONCURRENT = 200
SEGMENT = 1448
LEFT_OVER = 39000000  # bytes that the connections alive at any moment have still to send
LINE = b"VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gMTIzNDU2Nzg5MA==\r\n"
TEXT = b"Dear reader, nothing in here is of any interest; it has been made to be long.\r\n"
FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Connection:
    """A generator of packets; `frames` is what it has to send, in order."""

    def __init__(self, number, rng):
        self.v6 = rng.random() < 0.33
        self.ports = (1024 + number % 60000, 25)
        if self.v6:
            self.ends = (socket.inet_pton(socket.AF_INET6, "2001:db8:%x::%x" % (number >> 12 & 0xFFFF, 1 + number % 4096)),
                         socket.inet_pton(socket.AF_INET6, "fd00:25:10::10"))
        else:
            self.ends = (bytes([198, 18 + (number >> 16) % 2, number >> 8 & 255, number & 255]), bytes([192, 168, 0, 10]))
        self.seq = [number * 7919 & 0xFFFFFFFF, number * 104729 & 0xFFFFFFFF]

    def frame(self, side, flags, payload=b""):
        tcp = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], self.seq[side], self.seq[1 - side],
                          5 << 4, flags, 64000, 0, 0)
        src, dst = self.ends[side], self.ends[1 - side]
        if self.v6:
            ip = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x86\xdd" + struct.pack("!IHBB", 6 << 28, 20 + len(payload), 6, 64) + src + dst
        else:
            ip = (b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00" +
                  struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + src + dst)
        self.seq[side] = (self.seq[side] + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xFFFFFFFF
        return ip + tcp + payload

    def say(self, side, data):
        for number, at in enumerate(range(0, len(data), SEGMENT)):
            yield self.frame(side, PSH | ACK, data[at:at + SEGMENT])
            if number % 2:
                yield self.frame(1 - side, ACK)


def envelope(rng, number, mail):
    rcpts = [(b"user%d@example.org" % rng.randrange(5000), b"250 2.1.5 Ok\r\n") for _ in range(rng.choice((1, 1, 1, 2, 5)))]
    if rng.random() < 0.1:
        rcpts.append((b"nobody%d@example.org" % number, b"550 5.1.1 no such user\r\n"))
    commands = [(b"MAIL FROM:<sender%d@isp%d.example>\r\n" % (mail, number % 977), b"250 2.1.0 Ok\r\n")]
    return commands + [(b"RCPT TO:<%s>\r\n" % rcpt, answer) for rcpt, answer in rcpts]


def body(rng, number, mail):
    size = min(int(rng.lognormvariate(9.4, 1.5)) + 1000, 2000000)
    head = b"From: s@isp.example\r\nTo: u@example.org\r\nSubject: mail %d\r\nMessage-ID: <%d.%d@isp.example>\r\n\r\n" % (
        mail, number, mail)
    line = rng.choice((LINE, LINE, TEXT))
    return head + line * (size // len(line) + 1)


def session(number, rng):
    c = Connection(number, rng)
    yield c.frame(0, SYN)
    yield c.frame(1, SYN | ACK)
    yield c.frame(0, ACK)
    yield from c.say(1, b"220 mx.example.org ESMTP\r\n")
    yield from c.say(0, b"EHLO out%d.isp.example\r\n" % (number % 31))
    yield from c.say(1, b"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-CHUNKING\r\n250 8BITMIME\r\n")
    pipelined = rng.random() < 0.33
    for mail in range(rng.choice((1, 1, 1, 2, 5))):
        commands, content = envelope(rng, number, mail), body(rng, number, mail)
        chunked = rng.random() < 0.125
        if not chunked:
            commands.append((b"DATA\r\n", b"354 End data with <CR><LF>.<CR><LF>\r\n"))
            content += b".\r\n"
        if pipelined:
            commands = [(b"".join(command for command, _ in commands), b"".join(answer for _, answer in commands))]
        for command, answer in commands:
            yield from c.say(0, command)
            yield from c.say(1, answer)
        yield from c.say(0, (b"BDAT %d LAST\r\n" % len(content) if chunked else b"") + content)
        yield from c.say(1, b"250 2.0.0 Ok: queued as %X\r\n" % (number * 8 + mail))
    yield from c.say(0, b"QUIT\r\n")
    yield from c.say(1, b"221 2.0.0 Bye\r\n")
    yield c.frame(1, FIN | ACK)
    yield c.frame(0, FIN | ACK)
    yield c.frame(1, ACK)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wanted, rng = int(sys.argv[1]) * 1000000 - LEFT_OVER, random.Random(25)
    time_us, number, written = 1700000000000000, 0, 24
    live = []
    with open(sys.argv[2], "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        while live or written < wanted:
            while len(live) < CONCURRENT and written < wanted:
                live.append(session(number, rng))
                number += 1
            at = rng.randrange(len(live))
            for _ in range(rng.randrange(1, 8)):
                frame = next(live[at], None)
                if frame is None:
                    live[at] = live[-1]
                    live.pop()
                    break
                time_us += 30
                out.write(struct.pack("<IIII", time_us // 1000000, time_us % 1000000, len(frame), len(frame)) + frame)
                written += 16 + len(frame)


if __name__ == "__main__":
    main()
