#!/usr/bin/env python3
"""tcpraw.py - a mail client with a TCP of its own, which breaks the rules in one way a run.

usage: tcpraw.py ADDRESS STORY     prints the server's replies, one a line; tcpraw.py --list names the stories

Each story tries to bring a RCPT for STORY@foreign.test to the server, so that somebody in between reads it otherwise or not
at all, and then to send a mail to it. IPv4 and IPv6. The kernel's own TCP does not know the connection and would reset it:
packets of this program carry the mark 1, resets without it have to be dropped (test_streams.sh does it). Decoys have two hops
to live: they pass one router, and the second one drops them. Exit 0 whatever happened.
"""
import random
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
SO_MARK = 36
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"
HOPS = {socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL), socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Client:
    def __init__(self, server, story):
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.raw = socket.socket(self.family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_MARK, 1)
        self.raw.connect((server, 0))
        self.ends = [socket.inet_pton(self.family, address) for address in (self.raw.getsockname()[0], server)]
        self.evil = b"RCPT TO:<%s@foreign.test>\r\n" % story.encode()
        self.good = b"RCPT TO:<%s@example.org> \r\n" % story.encode()
        self.port = random.randrange(20000, 60000)
        self.seq, self.ack, self.pending, self.text, self.over = random.getrandbits(32), 0, {}, b"", False

    def send(self, payload=b"", at=0, flags=PSH | ACK, urgent=0, wrong=0, hops=64):
        """One segment, `at` bytes from where the stream is; nothing is counted as sent."""
        self.raw.setsockopt(*HOPS[self.family], hops)
        seq = (self.seq + at) % 2**32
        head = struct.pack("!HHLLBBHHH", self.port, 25, seq, self.ack, 5 << 4, flags, 65000, 0, urgent)
        pseudo = self.ends[0] + self.ends[1] + struct.pack("!LL", len(head) + len(payload), socket.IPPROTO_TCP)
        total = checksum(pseudo + head + payload) ^ wrong
        self.raw.send(head[:16] + struct.pack("!H", total) + head[18:] + payload)

    def receive(self, seconds):
        self.raw.settimeout(seconds)
        try:
            packet = self.raw.recv(65536)
        except OSError:
            return False
        tcp = packet if self.family == socket.AF_INET6 else packet[(packet[0] & 15) * 4:]
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

    def connect(self, data=b""):
        self.send(data, flags=SYN)
        self.seq = (self.seq + 1) % 2**32
        while self.ack == 0 and self.receive(2):
            pass
        self.send(flags=ACK)

    def begin(self, header=b""):
        self.connect()
        self.send(header)
        self.seq = (self.seq + len(header)) % 2**32
        self.reply(5)
        self.say(b"EHLO isp.example\r\n", 4)
        self.say(b"MAIL FROM:<a@isp.example>\r\n", 4)

    def end(self):
        """The mail, should anybody have been accepted."""
        if self.say(b"DATA\r\n") == b"354":
            self.say(b"Subject: test\r\n\r\ntext\r\n.\r\n", 6)
        self.send(flags=RST)


def none(client):
    """Breaks no rule, and names no foreign recipient."""
    client.say(client.good)


def plain(client):
    client.say(client.evil)


def other_bytes(client):
    """The good one is dropped by its receiver for its checksum, the foreign one is its resend."""
    client.send(client.good, wrong=0x5555)
    client.say(client.evil)


def overlap(client):
    client.send(client.good[:20])
    client.send(client.evil[9:], at=9)
    client.say(client.evil)


def behind_hole(client):
    client.send(client.evil[4:], at=4)
    time.sleep(0.2)
    client.send(client.good[4:], at=4)
    client.say(client.evil)


def forged_reset(client):
    for away in (1, 1000, 2**31):
        client.send(at=away, flags=RST)
        client.send(at=away, flags=RST | ACK)
    time.sleep(0.3)
    client.say(client.evil)


def forged_fin(client):
    for away in (5, -5, 1000):
        client.send(at=away, flags=FIN | ACK)
    time.sleep(0.3)
    client.say(client.evil)


def another_syn(client):
    client.send(at=5000, flags=SYN)
    client.send(at=0, flags=SYN)
    time.sleep(0.3)
    client.say(client.evil)


def urgent_byte(client):
    client.send(b"RCX", flags=PSH | ACK | URG, urgent=3)
    client.seq += 3
    client.say(client.evil[2:])


def urgent_announced(client):
    client.send(flags=ACK | URG, urgent=3)
    client.say(b"RCX" + client.evil[2:])


def acknowledges_too_much(client):
    client.ack = (client.ack + 1000) % 2**32
    client.send(client.evil)
    client.ack = (client.ack - 1000) % 2**32
    client.say(client.evil)


def out_of_window(client):
    for away in (200_000, 2**30 - 1, 2**31, -200_000):
        client.send(client.good, at=away)
    client.say(client.evil)


def decoy(client):
    """Dies behind the gateway; its resend is the foreign one."""
    client.send(client.good, hops=2)
    time.sleep(0.2)
    client.say(client.evil)


def decoy_behind_hole(client):
    client.send(client.good[4:], at=4, hops=2)
    time.sleep(0.2)
    client.say(client.evil)


def decoy_in_body(client):
    """What ends the body and names the foreign one is the resend of a piece of body that died."""
    client.say(client.good)
    client.say(b"DATA\r\n")
    tail = b".\r\nMAIL FROM:<b@isp.example>\r\n" + client.evil + b"DATA\r\n"
    client.send(b"x" * (len(tail) - 2) + b"\r\n", at=6, hops=2)
    time.sleep(0.2)
    client.say(b"text\r\n" + tail)
    client.say(b"Subject: test\r\n\r\ntext\r\n.\r\n")


def decoy_reset(client):
    client.send(flags=RST, hops=2)
    time.sleep(0.2)
    client.say(client.evil)


def decoy_end(client):
    client.send(flags=FIN | ACK, hops=2)
    time.sleep(0.2)
    client.say(client.evil)


def syn_data(client):
    """To a server that takes data on a SYN (RFC 7413)."""
    early = b"EHLO isp.example\r\nMAIL FROM:<a@isp.example>\r\n" + client.evil
    client.connect(early)
    client.seq = (client.seq + len(early)) % 2**32
    for _ in range(4):
        client.reply(5)


def syn_decoy(client):
    """To a server that does not."""
    client.connect(b"EHLO isp.example\r\nMAIL FROM:<a@isp.example>\r\n" + client.good)
    client.reply(5)
    client.say(b"EHLO isp.example\r\n", 3)
    client.say(b"MAIL FROM:<a@isp.example>\r\n", 3)
    client.say(client.evil)


def proxy_1(client):
    """Says to speak for one who may relay, to a server that believes no such thing."""
    home, server = ((b"TCP6 fd00:25:20::20 fd00:25:30::30", b"TCP4 192.168.20.20 192.168.30.30")[client.family == socket.AF_INET],
                    b" 4321 25\r\n")
    client.begin(b"PROXY " + home + server)
    client.say(client.evil)


def proxy_2(client):
    client.begin(PROXY_2 + struct.pack("!BBH", 0x21, 0x11, 12) + bytes((192, 168, 20, 20, 192, 168, 30, 30)) + b"\x10\0\0\x19")
    client.say(client.evil)


BEGIN_THEMSELVES = (syn_data, syn_decoy, proxy_1, proxy_2)
STORIES = {story.__name__: story for story in BEGIN_THEMSELVES + (
    none, plain, other_bytes, overlap, behind_hole, forged_reset, forged_fin, another_syn, urgent_byte, urgent_announced,
    acknowledges_too_much, out_of_window, decoy, decoy_behind_hole, decoy_in_body, decoy_reset, decoy_end)}


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(STORIES))
        return
    story = STORIES[sys.argv[2]]
    client = Client(sys.argv[1], sys.argv[2])
    if story not in BEGIN_THEMSELVES:
        client.begin()
    story(client)
    client.end()


if __name__ == "__main__":
    main()
