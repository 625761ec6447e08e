#!/usr/bin/env python3
"""Makes the captures of this folder: small SMTP conversations, packet by packet.

usage: make.py FOLDER     writes a capture for every story and every form below into FOLDER

The same call gives the same bytes. What `postern read` has to say about NAME.pcap is in NAME.eve,
with the options that renew.sh gives. Addresses and names are those set aside for documentation (RFC 5737,
RFC 3849, RFC 2606).
"""
import socket
import struct
import sys
import zlib

CLIENT4, SERVER4 = "198.51.100.7", "192.168.0.10"
CLIENT6, SERVER6 = "2001:db8:66::7", "fd00:25:10::10"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Talk:
    """One TCP connection; every call adds packets to `frames`."""

    def __init__(self, client=CLIENT4, server=SERVER4, sport=40001, dport=25, start=1700000000000000):
        self.ends = (client, server)
        self.ports = (sport, dport)
        self.seq = [1000, 900000]
        self.time = start  # microseconds
        self.frames = []

    def frame(self, side, flags, payload=b"", seq=None, ack=None):
        """Builds a frame without adding it; side 0 = client."""
        src, dst = self.ends[side], self.ends[1 - side]
        tcp = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side],
                          self.seq[side] if seq is None else seq,
                          (self.seq[1 - side] if ack is None else ack) if flags & ACK else 0,
                          5 << 4, flags, 64000, 0, 0) + payload
        if ":" in src:
            family, ethertype = socket.AF_INET6, 0x86DD
            ends = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
            pseudo = ends + struct.pack("!IBBBB", len(tcp), 0, 0, 0, 6)
            header = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + ends
        else:
            family, ethertype = socket.AF_INET, 0x0800
            ends = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
            pseudo = ends + struct.pack("!BBH", 0, 6, len(tcp))
            header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
            header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        macs = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" if side == 0 else b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
        self.time += 1000
        return (self.time, macs + struct.pack("!H", ethertype) + header + tcp)

    def open(self):
        self.frames.append(self.frame(0, SYN))
        self.seq[0] += 1
        self.frames.append(self.frame(1, SYN | ACK))
        self.seq[1] += 1
        self.frames.append(self.frame(0, ACK))
        return self

    def say(self, side, text, pieces=None):
        """Sends text; pieces: sizes of the segments."""
        data = text if isinstance(text, bytes) else text.encode()
        while data:
            size = pieces.pop(0) if pieces else len(data)
            self.frames.append(self.frame(side, PSH | ACK, data[:size]))
            self.seq[side] += len(data[:size])
            data = data[size:]
        self.frames.append(self.frame(1 - side, ACK))
        return self

    def c(self, text, pieces=None):
        return self.say(0, text, pieces)

    def s(self, text, pieces=None):
        return self.say(1, text, pieces)

    def close(self):
        for side in (0, 1):
            self.frames.append(self.frame(side, FIN | ACK))
            self.seq[side] += 1
        self.frames.append(self.frame(0, ACK))
        return self


def greeted(offers=("PIPELINING",), **ends):
    return (Talk(**ends).open()
            .s("220 mx.example.org ESMTP\r\n").c("EHLO relay.isp.example\r\n")
            .s("".join("250-%s\r\n" % line for line in ("mx.example.org",) + offers) + "250 8BITMIME\r\n"))


def mail(talk, rcpts=(("good@example.org", "250 2.1.5 Ok"),), sender="a@isp.example"):
    talk.c("MAIL FROM:<%s>\r\n" % sender).s("250 2.1.0 Ok\r\n")
    for rcpt, answer in rcpts:
        talk.c("RCPT TO:<%s>\r\n" % rcpt).s(answer + "\r\n")
    return (talk.c("DATA\r\n").s("354 End data with <CR><LF>.<CR><LF>\r\n")
            .c("Message-ID: <one@isp.example>\r\nSubject: hello\r\n\r\n..dotted\r\nbye\r\n.\r\n")
            .s("250 2.0.0 Ok: queued as 4ABC123\r\n"))


def bye(talk):
    return talk.c("QUIT\r\n").s("221 2.0.0 Bye\r\n").close()


def plain():
    return bye(mail(greeted())).frames


def relay_refused():
    return bye(mail(greeted(), (("x@foreign.test", "554 5.7.1 <x@foreign.test>: Relay access denied"),
                                ("x%foreign.test@example.org", "550 5.1.1 no such user"),
                                ("good@example.org", "250 2.1.5 Ok")))).frames


def relay_accepted_v6():
    return bye(mail(greeted(client=CLIENT6, server=SERVER6), (("x@foreign.test", "250 2.1.5 Ok"),))).frames


def pipelined():
    return bye(greeted()
               .c("MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n", [5, 30, 1, 17])
               .s("250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n", [3, 20])
               .c("hello\r\n.\r\nMAIL FROM:<two@isp.example>\r\nRSET\r\n")
               .s("250 2.0.0 Ok: queued as 4XYZ\r\n250 ok\r\n250 ok\r\n")).frames


def bdat():
    return bye(greeted().c("MAIL FROM:<a@isp.example>\r\n").s("250 ok\r\n").c("RCPT TO:<b@example.org>\r\n")
               .s("250 ok\r\n").c("BDAT 13\r\nQUIT\r\n.\r\nab\r\n").s("250 13 octets\r\n")
               .c("BDAT 5 LAST\r\nbye\r\n").s("250 Ok: queued as 5BD\r\n")).frames


def starttls():
    name = b"mx.example.org"
    sni = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    offer = struct.pack("!H32sBHHBBH", 0x0303, b"r" * 32, 0, 2, 0x1301, 1, 0, len(sni)) + sni
    chosen = struct.pack("!HHH", 43, 2, 0x0304)  # supported_versions: TLS 1.3
    answer = struct.pack("!H32sBHBH", 0x0303, b"s" * 32, 0, 0x1301, 0, len(chosen)) + chosen
    hello, record = (struct.pack("!BHHI", 22, 0x0301, len(body) + 4, kind << 24 | len(body)) + body
                     for kind, body in ((1, offer), (2, answer)))
    return (greeted(("PIPELINING", "STARTTLS")).c("STARTTLS\r\n").s("220 2.0.0 Ready to start TLS\r\n").c(hello).s(record)
            .c(b"\x17\x03\x03\0\x04abcd").s(b"\x17\x03\x03\0\x04efgh").close().frames)


def resent_and_reordered():
    talk = greeted()
    talk.c("MAIL FROM:<a@isp.example>\r\n")
    talk.frames.insert(-1, talk.frames[-2])  # the same again
    talk.s("250 ok\r\n").c("RCPT TO:<b@example.org>\r\n", [10, 8])
    talk.frames[-4], talk.frames[-3] = talk.frames[-3], talk.frames[-4]
    return bye(mail(talk.s("250 ok\r\n"))).frames


def hole():
    """A segment of the body is missing from the capture; what follows is read again."""
    talk = greeted()
    talk.c("MAIL FROM:<a@isp.example>\r\n").s("250 ok\r\n").c("RCPT TO:<b@example.org>\r\n").s("250 ok\r\n")
    talk.c("DATA\r\n").s("354 go\r\n").c("Subject: x\r\n\r\n").c("lost line\r\n")
    del talk.frames[-2]
    talk.c("rest\r\n.\r\n").s("250 Ok: queued as 6H\r\n")
    return bye(mail(talk)).frames


def two_at_once():
    """Two connections, one of them cut off by a reset in the middle of a transaction."""
    one = bye(mail(greeted()))
    two = greeted(sport=40002, start=1700000000000500).c("MAIL FROM:<b@isp.example>\r\n").s("250 ok\r\n")
    two.frames.append(two.frame(0, RST))
    return sorted(one.frames + two.frames, key=lambda f: f[0])


def one_sided():
    """Only the client's packets: the second of two mails must not vanish in the body of the first."""
    talk = mail(greeted())
    return [f for f in bye(mail(talk, sender="b@isp.example")).frames if f[1][6:12].endswith(b"\x02")]


def server_only():
    return [f for f in plain() if f[1][6:12].endswith(b"\x01")]


def proxy_connect():
    """Through an HTTP proxy; AUTH in small letters."""
    return bye(mail(Talk().open().c("CONNECT mx.example.org:25 HTTP/1.1\r\n\r\n")
                    .s("HTTP/1.1 200 Connection established\r\n\r\n220 mx.example.org ESMTP\r\n")
                    .c("EHLO relay.isp.example\r\n").s("250-mx.example.org\r\n250 AUTH PLAIN\r\n")
                    .c("auth plain AGEAYg==\r\n").s("235 2.7.0 ok\r\n"))).frames


def port_2525():
    return bye(mail(Talk(dport=2525).open().s("220 mx.example.org ESMTP\r\n").c("HELO relay.isp.example\r\n")
                    .s("250 mx.example.org\r\n"))).frames


def wrong_checksums():
    """As a card that fills them in later leaves them."""
    return [(when, frame[:50] + b"\x12\x34" + frame[52:]) for when, frame in plain()]


def in_fragments(frames, header):
    """Each packet with payload in fragments of 16 bytes, the last one first."""
    out = []
    for number, (when, frame) in enumerate(frames):
        ip, data = frame[14:14 + header], frame[14 + header:]
        pieces = [(at, data[at:at + 16]) for at in range(0, len(data), 16)] if len(data) > 20 else []
        for at, piece in reversed(pieces):
            more = at + 16 < len(data)
            if header == 20:
                new = ip[:2] + struct.pack("!HHH", 20 + len(piece), number, at // 8 | more << 13) + ip[8:10] + b"\0\0" + ip[12:]
                new = new[:10] + struct.pack("!H", checksum(new)) + new[12:]
            else:
                new = ip[:4] + struct.pack("!HB", 8 + len(piece), 44) + ip[7:] + struct.pack("!BBHI", 6, 0, at | more, number)
            out.append((when, frame[:14] + new + piece))
        if not pieces:
            out.append((when, frame))
    return out


def fragments():
    return in_fragments(plain(), 20)


def fragments_v6():
    return in_fragments(relay_accepted_v6(), 40)


def cut_short():
    """Packets cut behind 100 bytes: what is missing is a hole, in a body and in a command."""
    return bye(mail(greeted(), (("good@example.org", "250 2.1.5 Ok"), ("long-%s@example.org" % ("x" * 60), "250 2.1.5 Ok")))
               .c("MAIL FROM:<b@isp.example>\r\n").s("250 ok\r\n")).frames


STORIES = (one_sided, server_only, proxy_connect, port_2525, wrong_checksums, fragments, fragments_v6, plain, relay_refused, relay_accepted_v6, pipelined, bdat, starttls, resent_and_reordered, hole, two_at_once)


# ---- forms of a capture: link types, and files of all kinds, of the story `plain` ------------------------

def relinked(header):
    """Another link header in place of Ethernet's; header(client, ethertype) makes it."""
    return [(when, header(frame[11] == 2, frame[12:14]) + frame[14:]) for when, frame in plain()]


def tagged(tags):
    return [(when, frame[:12] + tags + frame[12:]) for when, frame in plain()]


def cooked(client, ethertype):
    return struct.pack("!HHH8s", 0 if client else 4, 1, 6, b"\x02\0\0\0\0\x01") + ethertype


def cooked2(client, ethertype):
    return ethertype + struct.pack("!HIHBB8s", 0, 2, 1, 0 if client else 4, 6, b"\x02\0\0\0\0\x01")


def both_sides():
    """All interfaces of a gateway that refuses a recipient (tcpdump -i any): each packet before and behind it. The
    answers are read where the client is: what it was told is 550."""
    server, client = b"500 5.5.2 Error: command not recognized\r\n", b"550 5.7.1 Relaying denied by the gateway\r\n"
    refused = server[:-2].ljust(len(client) - 2) + b"\r\n"
    out = []
    for when, frame in bye(mail(greeted(), (("x@foreign.test", refused[:-2].decode()),
                                            ("good@example.org", "250 2.1.5 Ok")))).frames:
        from_client = frame[11] == 2
        behind = frame[14:].replace(b"RCPT TO:<x@", b"XXXX TO:<x@").replace(refused, client)
        for later, index, packet in ((0, 2 if from_client else 3, frame[14:]), (300, 3 if from_client else 2, behind)):
            out.append((when + later, struct.pack("!2sHIHBB8s", frame[12:14], 0, index, 1, 4 if later else 0, 6, b"") + packet))
    return out


def pcap(frames, link=1, magic=0xA1B2C3D4, more=b"", snap=65535):
    """more: what a modified pcap has in each record behind its lengths."""
    out = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for when, frame in frames:
        out.append(struct.pack("<IIII", when // 1000000, when % 1000000, min(len(frame), snap), len(frame)) + more + frame[:snap])
    return b"".join(out)


def pcapng(frames):
    def block(kind, content):
        content += b"\0" * (-len(content) % 4)
        return struct.pack("<II", kind, len(content) + 12) + content + struct.pack("<I", len(content) + 12)

    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(1, struct.pack("<HHI", 1, 0, 65535))]
    for when, frame in frames:
        out.append(block(6, struct.pack("<IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(frame), len(frame)) + frame))
    return b"".join(out)


def gzipped(data):
    """Stored, not packed: so the bytes depend on no version of zlib."""
    out = [b"\x1f\x8b\x08\0\0\0\0\0\0\xff"]
    for at in range(0, len(data), 65535):
        piece = data[at:at + 65535]
        out.append(struct.pack("<BHH", at + 65535 >= len(data), len(piece), len(piece) ^ 0xFFFF) + piece)
    return b"".join(out) + struct.pack("<II", zlib.crc32(data), len(data))


FORMS = {
    "vlan.pcap": lambda: pcap(tagged(b"\x81\0\0\x64")),
    "qinq.pcap": lambda: pcap(tagged(b"\x88\xa8\0\x07\x81\0\0\x64")),
    "cooked.pcap": lambda: pcap(relinked(cooked), 113),
    "cooked2.pcap": lambda: pcap(relinked(cooked2), 276),
    "both_sides.pcap": lambda: pcap(both_sides(), 276),
    "raw.pcap": lambda: pcap(relinked(lambda client, ethertype: b""), 101),
    "null.pcap": lambda: pcap(relinked(lambda client, ethertype: b"\2\0\0\0"), 0),
    "ppp.pcap": lambda: pcap(relinked(lambda client, ethertype: b"\xff\x03\0\x21"), 9),
    "modified.pcap": lambda: pcap(plain(), magic=0xA1B2CD34, more=struct.pack("<IHBB", 2, 0x800, 0, 0)),
    "next.pcapng": lambda: pcapng(plain()),
    "packed.pcap.gz": lambda: gzipped(pcap(plain())),
    "cut_short.pcap": lambda: pcap(cut_short(), snap=100),
}


def write(path, frames):
    with open(path, "wb") as out:
        out.write(pcap(frames))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for story in STORIES:
        write("%s/%s.pcap" % (sys.argv[1], story.__name__), story())
    for name, form in FORMS.items():
        with open("%s/%s" % (sys.argv[1], name), "wb") as file:
            file.write(form())
