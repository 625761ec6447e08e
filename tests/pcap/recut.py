#!/usr/bin/env python3
"""However a conversation is cut into segments, reordered or repeated, its records are the same.

usage: recut.py POSTERN [SEED...]

Takes every capture of this folder, and every dialogue of tests/dialogues played as a connection. For each seed the
payload of each turn (what one side says before the other does) is cut anew, at one byte or more, neighbours overlap,
segments change places with those near them, and some come again, at once or much later. What `postern read` says must
not change, but for times and counts of packets. Dialogues with orders (lost bytes, other starts) are left out; where a
capture has a hole, nothing changes places, for a hole is known by what comes behind it.

Limit: segments move by at most NEAR places; a stream keeps eight pieces beyond a hole (wire/stream.h).
"""
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import make  # noqa: E402

NEAR = 4
SEEDS = (1, 2, 3)
FIN, SYN, RST = 1, 2, 4


class Packet:
    """An Ethernet frame with IPv4 or IPv6 and TCP, as make.py builds them."""

    def __init__(self, when, frame):
        self.when, self.frame = when, frame
        self.header = 34 if frame[12:14] == b"\x08\0" else 54  # behind it: TCP
        self.is_tcp = frame[23 if self.header == 34 else 20] == 6 and not (self.header == 34 and frame[20] & 0x3F | frame[21])
        if not self.is_tcp:
            return
        self.ports = struct.unpack_from("!HH", frame, self.header)
        self.seq = struct.unpack_from("!I", frame, self.header + 4)[0]
        self.flags = frame[self.header + 13]
        self.data = frame[self.header + 20:]
        self.flow = tuple(sorted(self.ports))

    def again(self, when):
        return Packet(when, self.frame)

    def piece(self, seq, data, when):
        """The same packet with other payload."""
        frame = bytearray(self.frame[:self.header + 20] + data)
        struct.pack_into("!I", frame, self.header + 4, seq & 0xFFFFFFFF)
        if self.header == 34:
            struct.pack_into("!H", frame, 16, 40 + len(data))
        else:
            struct.pack_into("!H", frame, 18, 20 + len(data))
        return Packet(when, bytes(frame))


def read_pcap(path):
    """Its packets, or None if they are not whole IP packets in Ethernet frames."""
    with open(path, "rb") as file:
        data = file.read()
    at, packets = 24, []
    if data[:4] != struct.pack("<I", 0xA1B2C3D4) or data[16:24] != struct.pack("<II", 65535, 1):
        return None
    while at < len(data):
        seconds, micro, captured, _ = struct.unpack_from("<IIII", data, at)
        packets.append(Packet(seconds * 1000000 + micro, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return packets if packets[0].frame[12:14] in (b"\x08\0", b"\x86\xdd") else None


# ---- cutting ---------------------------------------------------------------------------------------

def turns_of(packets):
    """Runs of packets of one flow and side with payload that follows on; others stand alone."""
    turns, last = [], {}
    for p in packets:
        key = p.flow if p.is_tcp else None
        turn = last.get(key)
        if key and p.data and not p.flags & (SYN | FIN | RST) and turn and turn[-1].ports == p.ports and \
                turn[-1].seq + len(turn[-1].data) == p.seq:
            turn.append(p)
            continue
        turns.append([p])
        last[key] = turns[-1] if key and p.data and not p.flags & (SYN | FIN | RST) else None
    return turns


def cut(turn, rng, may_move):
    """The turn's payload in new segments."""
    data = b"".join(p.data for p in turn)
    largest = rng.choice((1, 3, 20, 2000)) if len(data) < 2000 else rng.choice((50, 1400))
    pieces, at = [], 0
    while at < len(data):
        size = rng.randint(1, largest)
        over = rng.choice((0, 0, 0, 5))
        pieces.append(turn[0].piece(turn[0].seq + at, data[at:at + size + over], turn[-1].when))
        at += size
    if may_move and rng.random() < 0.8:
        order = sorted(range(len(pieces)), key=lambda i: i + rng.uniform(0, NEAR))
        pieces = [pieces[i] for i in order]
    return [p for piece in pieces for p in [piece] * (1 + (rng.random() < 0.1))]


def recut(packets, rng, may_move):
    out, said, over = [], {}, set()
    for turn in turns_of(packets):
        first = turn[0]
        if not first.is_tcp or not first.data or first.flags & (SYN | FIN | RST):
            if first.is_tcp and first.flags & (FIN | RST):
                over.add(first.flow)
            out += turn
            continue
        pieces = cut(turn, rng, may_move)
        old = said.setdefault(first.flow, [])
        if old and first.flow not in over and rng.random() < 0.3:  # one of long ago again
            pieces.insert(rng.randrange(len(pieces) + 1), rng.choice(old).again(first.when))
        old += pieces
        out += pieces
    return out


# ---- dialogues -------------------------------------------------------------------------------------

def unescape(text):
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


def steps_of(path):
    """(side, bytes) of a dialogue, or None if it has orders that no packets can give."""
    steps = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line[:1] == "!" and not line.startswith("! end"):
                return None
            if line[:1] not in ("C", "S") or line[1:2] not in (":", "+", "*"):
                continue
            times, text = 1, line[3:]
            if line[1] == "*":
                count, _, text = line[2:].partition(" ")
                times, ending = int(count.rstrip("+")), b"" if count.endswith("+") else b"\r\n"
            else:
                ending = b"" if line[1] == "+" else b"\r\n"
            steps.append(("CS".index(line[0]), (unescape(text) + ending) * times))
    return steps


def played(folder):
    """All dialogues in one capture, a port for each."""
    packets, names = [], {}
    for number, path in enumerate(sorted(glob.glob(os.path.join(folder, "*.smtp")))):
        steps = steps_of(path)
        if not steps:
            continue
        talk = make.Talk(sport=20000 + number, start=1700000000000000 + number * 60000000).open()
        for side, data in steps:
            talk.say(side, data, [1400] * (len(data) // 1400))
        packets += [Packet(when, frame) for when, frame in talk.close().frames]
        names[20000 + number] = os.path.basename(path)
    return packets, names


# ---- comparing -------------------------------------------------------------------------------------

def records(postern, packets):
    """What it says, a list for each connection: without times, and without counts of packets and their bytes."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        make.write(file.name, [(p.when, p.frame) for p in packets])
        done = subprocess.run([postern, "read", "--home", "192.168.0.0/16", "--home", "fd00::/8", "--domain", "example.org",
                               "--ports", "25", file.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError("status %d: %s" % (done.returncode, done.stderr.decode()))
    told = {}
    for record in map(json.loads, done.stdout.decode().splitlines()):
        said = [record["event_type"], record.get("tx_id"), record.get("smtp"), record.get("alert", {}).get("rule")]
        smtp = record.get("smtp") or {}
        for key in ("opened", "mail_ms", "rcpt_ms", "data_ms", "end_ms"):
            smtp.pop(key, None)
        for part in smtp.get("rcpt", []) + smtp.get("commands", []):
            part.pop("ms", None)
        if smtp.get("end") == "lost":  # where one side is missing, when it is given up depends on the pieces
            smtp.pop("commands", None)
            for rcpt in smtp.get("rcpt", []):
                rcpt.pop("uncertain", None)
        if "flow" in record:
            said.append({key: record["flow"][key] for key in ("state", "transactions", "skipped_bytes", "midstream")})
        told.setdefault(record["src_port"], []).append(said)
    return told


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    postern, seeds = sys.argv[1], [int(seed) for seed in sys.argv[2:]] or SEEDS
    cases = {}
    for path in sorted(glob.glob(os.path.join(HERE, "*.pcap"))):
        packets = read_pcap(path)
        if packets:
            cases[os.path.basename(path)] = (packets, {})
    cases["dialogues"] = played(os.path.join(HERE, "..", "dialogues"))
    passed = failed = 0
    for name, (packets, names) in cases.items():
        wanted = records(postern, packets)
        hole = any(said[-1]["skipped_bytes"] for told in wanted.values() for said in told if said[0] == "flow")
        for seed in seeds:
            got = records(postern, recut(packets, random.Random(seed), not hole))
            for port in sorted(set(wanted) | set(got)):
                if wanted.get(port) == got.get(port):
                    passed += 1
                    continue
                failed += 1
                print("FAIL  %s %s, seed %d:" % (name, names.get(port, ""), seed))
                for told in (wanted, got):
                    print("   " + "\n   ".join(json.dumps(said) for said in told.get(port, [])))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
