#!/usr/bin/env python3
"""Makes the fuzz drivers' first inputs from what the other tests are made of.

usage: seeds.py FOLDER     writes FOLDER/TARGET/NAME for every target, FOLDER/conf.dict and FOLDER/replay.dict

The same call gives the same bytes. Dialogues become talks (tests/fuzz/fuzz.h), captures and configurations
are taken as they are, the rest comes from the small tables below.
"""
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
SMALL = 6000  # longer seeds slow a fuzzer down more than they help it

PATHS = """<> <postmaster> <a@example.org> <"a b"@example.org> <a%foreign.test@example.org>
<foreign.test!a@example.org> <@example.org:a@foreign.test> <@a,@b:u@c> <"u@foreign.test"@example.org>
<a@[192.168.0.10]> <a@[IPv6:fd00::10]> <a@[foo:bar]> <a@example.org.> <a%b%c@d> <b!c!d@e> <a@>
<@example.org> <a@b@c> <a\\@foreign.test@example.org> <IMCEASMTP-a+40foreign+2Etest@example.org>
<SRS0=xx=yy=foreign.test=a@example.org> <prvs=123=a@example.org> <a(comment)@example.org>
<"a\\"b"@example.org> a@example.org <a@xn--bcher-kva.example> <a@b\u00fccher.example> <A@EXAMPLE.ORG>
<:a@foreign.test> <[192.0.2.1]> <a@[]> <"a%foreign.test"@example.org> <a%foreign.test@> <!a> <%>""".split()

COMMANDS = """EHLO client.example|HELO x|LHLO x|MAIL FROM:<a@isp.example>|mail from: <> SIZE=1 BODY=8BITMIME
RCPT TO:<a@example.org> NOTIFY=NEVER|RCPT TO: a@example.org ORCPT=x|RCPT  TO : <x@foreign.test>|DATA|BDAT 100
BDAT 5 LAST|RSET|NOOP x|QUIT|VRFY <a>|EXPN l|HELP|ETRN x|STARTTLS|AUTH PLAIN AGEAYg==|AUTH LOGIN|* |XYZ
PROXY TCP4 192.0.2.1 192.0.2.2 1 25|MAIL|RCPT TO|RCPT TO:Phrase <a@b>|  RCPT\tTO:<a@b>""".replace("\n", "|").split("|")

REPLIES = """220 mx ESMTP|250-mx|250-STARTTLS|250-CHUNKING|250 PIPELINING|354 go|550 5.1.1 no|421 bye|999 x
25 x|250|250-|250\tx|2.0 ok|334 VXNlcm5hbWU6|235 ok|454 no|600 x|abc""".replace("\n", "|").split("|")

RELAYS = (  # each text a segment
    ("plain", b"EHLO c\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<x@foreign.test>\r\n", b"DATA\r\n", b"hi\r\n.\r\n"),
    ("pipelined", b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<x@foreign.test>\r\nDATA\r\n",
     b"x\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<x@foreign.test>\r\nQUIT\r\n"),
    ("typed", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT ", b"TO:<x@fore", b"ign.test", b">", b"\r", b"\n"),
    ("resent", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT TO:<a@example.org>\r\n",
     b"\xffb\x19RCPT TO:<x@foreign.test>\r\n"),
    ("swapped", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"\xffj\x10foreign.test>\r\n", b"\xffb\x1eRCPT TO:<aaaaaax@"),
    ("chunks", b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@example.org>\r\n", b"BDAT 30\r\n",
     b"RCPT TO:<x@foreign.test>....\r\n", b"BDAT 3 LAST\r\n", b"a\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<x@foreign.test>\r\n"),
    ("many", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT TO:<x@foreign.test>\r\n" * 6, b"DATA\r\n", b".\r\n"),
    ("left", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT TO:<x@foreign.test>\r\n" * 3, b"RCPT TO:<x", b"@foreign.test>\r\nDA",
     b"TA\r\n", b"hi\r\n.\r\nMAIL FROM:<a@b>\r\n"),
    ("left-chunk", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT TO:<x@foreign.test>\r\n" * 3, b"RCPT TO:<x", b"@foreign.test>\r\n",
     b"BDAT 3 LAST\r\n", b"hi\n", b"MAIL FROM:<a@b>\r\n", b"BDAT 0 LAST\r\n"),
    ("held", b"\xffHEHLO c\r\nMAIL FROM:<a@b>\r\n", b"RCPT TO:<x@foreign.test>\r\n", b"DATA\r\n", b"\xffHNOOP\r\n"),
    ("body", b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n", b"a\n.\nRCPT TO:<x@foreign.test>\r\n",
     b"\r\n.\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<x@foreign.test>\r\n"),
    ("bare", b"EHLO c\nMAIL FROM:a@b\n", b"RCPT TO:x@foreign.test\r\n", b"RCPT TO: x@foreign.test SIZE=1\n"),
    ("end", b"EHLO c\r\n\xfff\x11MAIL FROM:<a@b>\r\n", b"\xfff\x02RCPT TO:<x@foreign.test>\r\n"),
    ("one-line", b"EHLO c\r\nMAIL FROM:<a@b>\r\n", b"NOOP x\nBDAT 60\r\nRCPT TO:<x@foreign.test>\r\n"),
    ("proxy", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x40\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@foreign.test>\r\n"),
    ("early", b"EHLO c\r\nMAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<x@foreign.test>\r\n", b"RSET\r\nRCPT TO:<x@foreign.test>\r\n"),
)


# as fuzz_dns.c reads them
DNS = [
    b"\0\xc0\0\2\1", b"\0\0\12\2mx\7Example\3org\0", b"\0\0\0\0", b"\0\5spam \4here", b"\0" + b"\x3f" + b"a" * 63 + b"\0",
    b"\1ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx:example.net -all",
    b"\1include:_spf.example.net a:h.example.org/24//64 redirect=other.example exists:%{i}.x ptr ?all",
    b"\1ip4:192.0.2.1/33 mx/8 +a//129 exp=why.%{d}", b"\1" + b"a:x.example " * 12,
    b"\2name isp mx-of example.org 1700000000 1700000100 0\naddress 198.51.100.10 1700000000 0 1700000300 secure mx.example.org",
    b"\2name isp hosts mx.example.org 1 2 3\naddress 2001:db8::/64 1 2 3 unchecked h\naddress 192.0.2.1 1 0 3 insecure h",
    b"\3\x7f\0\0\2\x7f\0\0\4", b"\3\x7f\xff\xff\xfe", b"\3\xcb\0\x71\x50\x7f\0\0\2", b"\3\x7f\0\0",
]


def unescape(text):
    simple = {"r": "\r", "n": "\n", "t": "\t"}
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else
                  simple.get(m[1], m[1]), text).encode("latin-1", "replace")


def dialogue(path):
    """A dialogue as a talk, and its options for fuzz_dialogue."""
    talk, options, side = b"", 0, ""
    for line in open(path, encoding="utf-8", errors="replace"):
        line = line.rstrip("\n")
        told = re.match(r"([CS])(:|\+|\*(\d+)(\+?)) ?(.*)", line)
        if told:
            data = unescape(told[5]) + (b"" if told[2] == "+" or told[4] else b"\r\n")
            talk += (b"" if told[1] == side else b"\xff" + told[1].encode()) + data * min(int(told[3] or 1), 40)
            side = told[1]
        options |= (line == "! midstream") | 2 * line.startswith("! refuse") | 4 * line.startswith("! pool")
        gap = re.match(r"! gap \w+ (\d+)", line)
        talk += b"\xffg" + bytes([min(int(gap[1]), 255)]) if gap else b"\xffD" if line == "! defer" else b""
    return options, talk


def frames(capture):
    """Packets of a pcap file of Ethernet frames, from the network header on."""
    data, at = open(capture, "rb").read(), 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 30:at + 16 + size]
        at += 16 + size


def hellos():
    """TLS hellos of both sides as the captures have them: (side, bytes)."""
    for data in frames(os.path.join(TESTS, "pcap/starttls.pcap")):
        at = 20 + (data[32] >> 4) * 4
        if data[at:at + 1] == b"\x16":
            yield data[22:24] == b"\0\x19", data[at:]


def netlink(payload, nlmsg_type, attrs, family=b"\2\0\x09\xc4", port=0):
    def attribute(kind, value):
        return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)
    body = family + b"".join(attribute(k, v) for k, v in attrs(payload))
    return struct.pack("=IHHII", len(body) + 16, nlmsg_type, 0, 0, port) + body


def queue_attrs(p):
    return ((1, b"\0\0\0\7\x08\0\2\0"), (3, struct.pack(">I", 5)), (4, struct.pack(">QQ", 1700000000, 5)),
            (5, b"\0\0\0\2"), (10, p), (13, struct.pack(">I", len(p) + 4)), (14, struct.pack(">I", 1)),
            (0x8013, struct.pack("=HH", 8, 1) + b"\x81\0\0\0" + struct.pack("=HH", 6, 2) + b"\0\7\0\0"))


def transactions():
    """What the kernel tells of a change: the objects, then the new generation and who has asked for it."""
    def message(kind, *texts, port=4712):
        return netlink(texts, 0xa00 | kind, lambda t: [(i + 1, x.encode() + b"\0") for i, x in enumerate(t)], b"\1\0\0\x05", port)

    def end(name, port=4712):
        return netlink(name, 0xa0f, lambda n: ((1, struct.pack(">I", 7)), (2, struct.pack(">I", 99)), (3, n + b"\0")), b"\0" * 4, port)

    def datagrams(*parts):
        return b"".join(struct.pack(">H", len(p)) + p for p in parts)
    yield "deleted", datagrams(message(8, "postern", "toserver"), message(5, "postern", "forward") + message(2, "postern") + end(b"nft"))
    for kind in range(0, 26):
        yield "kind-%02d" % kind, datagrams(message(kind, "postern", "ports", "x") + message(kind, "postern", "cut") + end(b"firewalld"))
    yield "ours", datagrams(message(6, "postern", "cut", port=4711) + end(b"posternd", port=4711))
    yield "others", datagrams(message(6, "other", "cut"), end(b"x" * 15))
    yield "long", datagrams(message(9, "postern", "n" * 255) + message(12, "postern", "m" * 255) + end(b"n" * 40))
    yield "cut", datagrams((message(6, "postern", "cut") + end(b"nft"))[:-5])


def conf_words():
    """The names of all blocks and keys, and what else a configuration is made of."""
    table = open(os.path.join(os.path.dirname(TESTS), "src/conf/keys.c"), encoding="utf-8").read()
    names = set(re.findall(r'\{ BLOCK_\w+, "([a-z-]+)"', table) + re.findall(r'\] = \{ "([a-z]+)", (?:true|false)', table))
    rest = ['{ ', ' }', ' = ', '\\"', '\\x0a', '#', '/*', '*/', 'include(\\"fuzz.conf\\")', '10.0.0.0/8', '::/0', 'any', 'self',
            'inspect', 'refuse', 'enforce', '.example.org', 'auto', '0x0f000000', '1h', 'yes']
    return sorted(names) + rest


REQUESTS = ['{"postern":1,"command":"status"}', '{"postern":1,"command":"why","address":"2001:db8::1"}',
            '{"postern":1,"command":"bypass","seconds":1800,"reason":"a \\"switch\\" \\u00e4 \\ud83d\\ude00\\n"}',
            '{"postern":1,"command":"seen","more":true,"rows":[{"a":-1.5e3,"b":null,"c":[]},[{}]]}', '{"postern":2,"command":"x"}',
            '{"postern":1,"command":"a-b","n":9223372036854775807,"real":1e308,"zero":-0.0,"error":"e","exit":3}', '[1]',
            '{"postern":1,"postern":1,"command":"status"}']


def store_rows():
    """Rows of each table, as fuzz_store.c takes them; words by their place in its list."""
    def numbers(*values):
        return b"".join(b"\1" + struct.pack("!H", n) for n in values)

    def words(*places):
        return b"".join(bytes([3, place]) for place in places)

    def blob(value):
        return b"\4" + struct.pack("!H", len(value)) + value

    story = (b"\1" + numbers(7, 1, 2) + words(0) + numbers(3, 1000, 2000, 0) + words(9) + blob(bytes(16)) + numbers(40000)
             + words(9) + numbers(25) + words(2) + numbers(4711, 0, 1, 1) + words(4, 4, 6, 7) + numbers(3, 0, 0, 60))
    yield "block", b"\0" + numbers(1) + words(10) + numbers(1, 2, 0, 0) + words(5)
    yield "story", story
    yield "details", (story + b"\2" + numbers(7, 0, 0) + blob(b"RCPT TO:<a@b\0\xff>") + numbers(1000)
                      + b"\3" + numbers(7, 1000) + blob(b"helo") + blob(b"<s@a.test>") + blob(b"x" * 399))
    yield "seen", b"\4" + words(9, 9) + numbers(1, 1, 1000, 2000, 1, 2, 3, 4, 5)
    yield "usual", b"\6" + words(11) + numbers(2000) + blob(bytes(range(200)))
    yield "clock", b"\7" + numbers(1000, 2000) + words(5) + numbers(1000)


def record_words():
    """Keys of records, and what makes them odd."""
    source = "".join(open(os.path.join(os.path.dirname(TESTS), "src", "report", name), encoding="ascii").read()
                     for name in ("recorded.c", "recorded_smtp.c", "notice.c", "budget.h", "session.c"))
    words = set(re.findall(r'\bobject, "([a-z_]+)"|_of\([a-z, ]*"([a-z_]+)"|(?:smtp|flow|tls|budget|stats), "([a-z_]+)"'
                           r'|entry, "([a-z_]+)"|X\([A-Z_]+, "([a-z_]+)"\)', source))
    words = {word for group in words for word in group if word}
    return sorted('\\"%s\\":' % word for word in words) + ["-9223372036854775808", "1e300", "null", "[{", "\\\\x00", "}}\\x0a{"]


def seeds():
    """(target, name, bytes)"""
    pcaps = os.path.join(TESTS, "pcap")
    for name in sorted(os.listdir(os.path.join(TESTS, "dialogues"))):
        options, talk = dialogue(os.path.join(TESTS, "dialogues", name))
        if len(talk) <= SMALL:
            yield "dialogue", name, bytes([options]) + talk
            for mode in (2, 11, 20, 128):  # refuse-recipient; monitor mode; a capture; slowed
                yield "inspect", "%s-%d" % (name, mode), bytes([mode]) + talk
            for mode in (2, 10):            # trusting, the body passes unseen
                yield "inspect", "%s-%d-unread" % (name, mode), bytes([mode]) + b"\xffy\0" + re.sub(rb"(354[^\r]*\r\n)", b"\\1\xffu\x09", talk)
            yield "records", name, b"\0" + talk
            yield "records", name + "-text", b"\1" + talk.replace(b"@", b"\x1b@", 2)
            yield "reply", name, re.sub(rb"\xffC[^\xff]*|\xff.", b"", talk)
    for name in sorted(n for n in os.listdir(pcaps) if n.endswith(".pcap")):
        capture = open(os.path.join(pcaps, name), "rb").read()
        yield "pcap", name, capture
        for dlt in (12, 113, 276, 0, 9, 51):
            yield "pcap", "%s-%d" % (name, dlt), capture[:20] + struct.pack("<I", dlt) + capture[24:700]
        for i, packet in enumerate(frames(os.path.join(pcaps, name))):
            if i % 5 == 3:
                yield "packet", "%s-%d" % (name, i), b"\0\0" + packet
                yield "netlink", "queue-%s-%d" % (name, i), b"\2" + netlink(packet, 0x300, queue_attrs)
                cut = netlink(packet, 0x300, lambda p: queue_attrs(p)[:4] + ((10, p),))[:-3]
                yield "netlink", "cut-%s-%d" % (name, i), b"\0" + struct.pack("=I", len(cut)) + cut[4:]
    for name in sorted(n for n in os.listdir(pcaps) if n.endswith(".eve")):
        records = open(os.path.join(pcaps, name), "rb").read()
        for options in (0, 1, 2, 4, 5):
            yield "replay", "%s-%d" % (name, options), bytes([options]) + records[:3500]
    budget = open(os.path.join(TESTS, "golden", "budget.eve"), "rb").read().splitlines()
    for options in (0, 4):
        yield "replay", "budget-%d" % options, bytes([options]) + b"\n".join(budget[-4:])[:3900]
        yield "replay", "stats-%d" % options, bytes([options]) + b"".join(
            b'{"event_type":"stats","postern":{"schema":1},"stats":{"event":{"lost":%d},"ring":{"lost":0},"report":{"lost":%d}}}\n' % (n, 9 - n)
            for n in (1, 8, 3))
    yield "pcap", "packed", open(os.path.join(pcaps, "packed.pcap.gz"), "rb").read()
    for name in ("fragments", "fragments_v6"):
        packets = list(frames(os.path.join(pcaps, name + ".pcap")))
        for at in range(0, len(packets), 12):
            yield "fragments", "%s-%d" % (name, at), b"".join(
                struct.pack("!HBB", len(packet), 0, 1) + packet for packet in packets[at:at + 12])
    rules = os.path.join(os.path.dirname(TESTS), "rules")
    for name in sorted(n for n in os.listdir(rules) if n.endswith(".conf")):
        text = open(os.path.join(rules, name), "rb").read()
        yield "conf", name, text
        yield "conf", "bare-" + name, re.sub(rb"(?m)\s*#.*$", b"", text)
    yield "conf", "controls", b'mode = "a\\nb"\nhome = { "\x1b[1m" }\n'
    for name, seed in transactions():
        yield "kernel", name, seed
    for i, seed in enumerate(DNS):
        yield "dns", "%02d" % i, seed
    for i, path in enumerate(PATHS):
        yield "address", "%02d" % i, path.encode()
        yield "escape", "%02d" % i, path.encode() + b"\xff\\x41\x1b[\xe2\x80\xae\xc2\x85\xe2\x81\xa7"
    for i, line in enumerate(COMMANDS + ["RCPT TO:" + p for p in PATHS]):
        yield "command", "%02d" % i, line.encode() + b"\r\n"
    for i, line in enumerate(REPLIES):
        yield "reply", "%02d" % i, line.encode() + b"\r\n250 ok\r\n"
    for i, line in enumerate(REQUESTS):
        yield "protocol", "%02d" % i, line.encode()
    for i, (is_client, hello) in enumerate(hellos()):
        yield "tls", str(i), hello
        yield "tls", "more-%d" % i, hello + b"\x17\x03\x03\0\4abcd"
    for name, *texts in RELAYS:
        for options in (0, 1, 2, 4, 8, 40, 32, 64, 128, 0x100, 0x200, 0x400, 0x508):
            yield "relay", "%s-%x" % (name, options), struct.pack("<H", options) + b"\xffN".join(texts)
    for name, rows in store_rows():
        yield "store", name, rows
    for i in range(8):
        steps = b"".join(bytes([16 * (k % 7) + k % 4, (k * 37 + i) % 256, 20 + k]) for k in range(40))
        yield "stream", str(i), bytes([i]) + steps


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, name, data in seeds():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data)
    with open(os.path.join(sys.argv[1], "conf.dict"), "w", encoding="ascii") as out:
        out.writelines('"%s"\n' % word for word in conf_words())
    with open(os.path.join(sys.argv[1], "replay.dict"), "w", encoding="ascii") as out:
        out.writelines('"%s"\n' % word for word in record_words())
