#!/usr/bin/env python3
"""tcpraw.py - a mail client with a TCP of its own, which breaks the rules in one way a run.

usage: tcpraw.py ADDRESS STORY     prints the server's replies, one a line; tcpraw.py --list names the stories

Each story tries to bring a RCPT for x@foreign.test to the server, so that somebody in between reads it otherwise or not at
all, and then to send a mail to it. The kernel's own TCP does not know the connection and would reset it: packets of this
program carry the mark 1, resets without it have to be dropped (test_streams.sh does it). IPv4 only. Exit 0 whatever happened.
"""
import random
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
GOOD = b"RCPT TO:<good@example.org>\r\n"
EVIL = b"RCPT TO:<x@foreign.test>  \r\n"
SO_MARK = 36


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Client:
    def __init__(self, server):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_MARK, 1)
        self.raw.connect((server, 0))
        self.ends = [socket.inet_aton(address) for address in (self.raw.getsockname()[0], server)]
        self.port = random.randrange(20000, 60000)
        self.seq, self.ack, self.pending, self.text, self.over = random.getrandbits(32), 0, {}, b"", False

    def send(self, payload=b"", at=0, flags=PSH | ACK, urgent=0, wrong=0):
        """One segment, `at` bytes from where the stream is; nothing is counted as sent."""
        seq = (self.seq + at) % 2**32
        head = struct.pack("!HHLLBBHHH", self.port, 25, seq, self.ack, 5 << 4, flags, 65000, 0, urgent)
        pseudo = self.ends[0] + self.ends[1] + struct.pack("!HH", 6, len(head) + len(payload))
        total = checksum(pseudo + head + payload) ^ wrong
        self.raw.send(head[:16] + struct.pack("!H", total) + head[18:] + payload)

    def receive(self, seconds):
        self.raw.settimeout(seconds)
        try:
            packet = self.raw.recv(65536)
        except OSError:
            return False
        tcp = packet[(packet[0] & 15) * 4:]
        sport, dport, seq, ack, offset, flags = struct.unpack("!HHLLBB", tcp[:14])
        if (sport, dport) != (25, self.port):
            return True
        if flags & SYN:
            self.ack = (seq + 1) % 2**32
        payload = tcp[(offset >> 4) * 4:]
        if payload and seq == self.ack:
            self.text += payload
            self.ack = (self.ack + len(payload)) % 2**32
            self.send(flags=ACK)
        self.over = self.over or bool(flags & (RST | FIN))
        return True

    def reply(self, seconds=1.5):
        """The next reply line, or None."""
        end = time.monotonic() + seconds
        while b"\n" not in self.text and not self.over and time.monotonic() < end:
            self.receive(0.1)
        if b"\n" not in self.text:
            return None
        line, self.text = self.text.split(b"\n", 1)
        print(line.decode("latin-1").rstrip(), flush=True)
        return self.reply(seconds) if line[3:4] == b"-" else line[:3]

    def say(self, data, seconds=1.5):
        """Sends in order, again and again until something is answered."""
        end = time.monotonic() + seconds
        for _ in range(4):
            self.send(data)
            answer = self.reply(seconds / 4)
            if answer or self.over or time.monotonic() > end:
                break
        self.seq = (self.seq + len(data)) % 2**32
        return answer

    def begin(self):
        self.send(flags=SYN)
        self.seq = (self.seq + 1) % 2**32
        while self.ack == 0 and self.receive(2):
            pass
        self.send(flags=ACK)
        self.reply(5)
        self.say(b"EHLO isp.example\r\n", 4)
        self.say(b"MAIL FROM:<a@isp.example>\r\n", 4)


def none(client):
    """Breaks no rule, and names no foreign recipient."""
    client.say(GOOD)


def plain(client):
    client.say(EVIL)


def other_bytes(client):
    """The good one is dropped by its receiver for its checksum, the foreign one is its resend."""
    client.send(GOOD, wrong=0x5555)
    client.say(EVIL)


def overlap(client):
    client.send(GOOD[:20])
    client.send(EVIL[9:], at=9)
    client.say(EVIL)


def behind_hole(client):
    client.send(EVIL[4:], at=4)
    time.sleep(0.2)
    client.send(GOOD[4:], at=4)
    client.say(EVIL[:4])


def forged_reset(client):
    for away in (1, 1000, 2**31):
        client.send(at=away, flags=RST)
        client.send(at=away, flags=RST | ACK)
    time.sleep(0.3)
    client.say(EVIL)


def forged_fin(client):
    for away in (5, -5, 1000):
        client.send(at=away, flags=FIN | ACK)
    time.sleep(0.3)
    client.say(EVIL)


def another_syn(client):
    client.send(at=5000, flags=SYN)
    client.send(at=0, flags=SYN)
    time.sleep(0.3)
    client.say(EVIL)


def urgent_byte(client):
    client.send(b"RCX", flags=PSH | ACK | URG, urgent=3)
    client.seq += 3
    client.say(b"PT TO:<x@foreign.test>\r\n")


def urgent_announced(client):
    client.send(flags=ACK | URG, urgent=3)
    client.say(b"RCXPT TO:<x@foreign.test>\r\n")


def acknowledges_too_much(client):
    client.ack = (client.ack + 1000) % 2**32
    client.send(EVIL)
    client.ack = (client.ack - 1000) % 2**32
    client.say(EVIL)


STORIES = {story.__name__: story for story in (
    none, plain, other_bytes, overlap, behind_hole, forged_reset, forged_fin, another_syn, urgent_byte, urgent_announced,
    acknowledges_too_much)}


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(STORIES))
        return
    client = Client(sys.argv[1])
    client.begin()
    STORIES[sys.argv[2]](client)
    if client.say(b"DATA\r\n") == b"354":
        client.say(b"Subject: test\r\n\r\ntext\r\n.\r\n", 6)
    client.send(flags=RST)


if __name__ == "__main__":
    main()
