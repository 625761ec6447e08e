#!/usr/bin/env python3
"""Compares what `postern read` says about captures and vectors of others with what they say themselves.

usage: compare.py POSTERN FOLDER     FOLDER: captures with MANIFEST.tsv and vectors/ (its README says what they are)

Each stream of each capture is compared fact by fact (facts.py). The origin's own expectations count most, then two
other readers, the dissector and the third reader, which vote: both have to agree with us. The dissector has no vote
where MANIFEST.tsv says that it misses commands (several commands, or chunk bytes and a command, in one segment).

A disagreement fails, unless disagreements.tsv names it with the reason why the other side is wrong; an entry that
applies to nothing fails too, and so do entries for more than 2 % of the streams. Nothing is copied from FOLDER.

Without FOLDER nothing can be compared: that is said, and the status is 0 (the last line counts it as skipped).
"""
import csv
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facts  # noqa: E402
import vectors  # noqa: E402

PORTS = [25, 587, 2525]  # 465 begins with TLS
LISTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "disagreements.tsv")
LISTED_SHARE = 0.02
NOTHING = {"helo": [], "from": [], "mail_codes": [], "rcpt": [], "rcpt_codes": [], "finals": [], "said": [],
           "starttls": None, "auth": None, "bdat": False, "tls": False, "cut": False}


# ---- one stream, one other reader: a list of (fact, theirs, ours) that differ ----------------------------

def differs_from_vote(theirs, ours):
    """A reader that has seen the same commands: lists have to be the same, all we say of replies among theirs."""
    for fact in ("from", "rcpt", "mail_codes", "rcpt_codes", "finals", "auth", "bdat"):
        if theirs.get(fact, []) is None and fact == "finals":
            continue
        if fact in theirs and not (fact.startswith("rcpt") and ours["cut"]) and theirs[fact] != ours[fact]:
            yield fact, theirs[fact], ours[fact]
    if not facts.is_part(ours["helo"], theirs["helo"]) or bool(ours["helo"]) != bool(theirs["helo"]):
        yield "helo", theirs["helo"], ours["helo"]
    if theirs["starttls"] is True:
        if ours["starttls"] is None and not ours["tls"]:
            yield "starttls", True, None
    elif theirs["starttls"] != ours["starttls"]:
        yield "starttls", theirs["starttls"], ours["starttls"]
    if not facts.is_part(ours["said"], theirs["codes"]):
        yield "codes", theirs["codes"], ours["said"]


def differs_from_session(entry, ours):
    """Lower-cased, and mixed with addresses from the mail's header: what we say has to be among it."""
    for fact, key in (("helo", "helo"), ("from", "mail_from"), ("rcpt", "rcpt")):
        said = [text.lower() for text in ours[fact]]
        if key in entry and (not set(said) <= set(entry[key]) or (entry[key] != [] and not said)):
            yield fact, entry[key], said
    tags = entry.get("tags", [])
    if ("smtp:starttls" in tags) != bool(ours["starttls"]):
        yield "starttls", "smtp:starttls" in tags, ours["starttls"]
    auth = [tag[len("smtp:auth"):] for tag in tags if tag.startswith("smtp:auth")]
    if auth and auth != [str(ours["auth"]).lower()]:
        yield "auth", auth, ours["auth"]
    codes = [int(tag.rsplit(":", 1)[1]) for tag in tags if tag.startswith("smtp:statuscode:")]
    if not set(codes) <= set(ours["said"] + [ours["starttls"]]):
        yield "codes", codes, ours["said"]


def differs_from_transaction(row, ours):
    """One row a transaction, '-' = none; a sender or recipient of ours has to be there, in that transaction."""
    number = int(row["trans_depth"]) - 1
    if row["helo"] != "-" and row["helo"].lower() not in ours["helo"]:
        yield "helo", row["helo"], ours["helo"]
    if row["tls"] == "T" and not (ours["tls"] or ours["starttls"] == 220):
        yield "tls", True, ours["tls"]
    if row["mailfrom"] == "-":
        return
    if row["mailfrom"] not in ours["from"][number:]:
        yield "from", row["mailfrom"], ours["from"]
    if not set(row["rcptto"].split(",")) <= set(ours["rcpt"]):  # a set to them, in no order
        yield "rcpt", row["rcptto"], ours["rcpt"]
    if row["last_reply"] != "-" and int(row["last_reply"][:3]) not in ours["said"]:
        yield "finals", row["last_reply"], ours["said"]


def differs_from_counts(entry, ours):
    if ours["helo"] and ours["helo"][0] != entry["SMTP_DOMAIN"].lower():
        yield "helo", entry["SMTP_DOMAIN"], ours["helo"]
    for fact, first, count in (("from", "first_sender", "mail_cmds"), ("rcpt", "first_recipient", "rcpt_cmds")):
        if ours[fact][:1] != [facts.bare(entry[first])] or len(ours[fact]) != entry[count]:
            yield fact, "%s of %d" % (entry[first], entry[count]), ours[fact]


# ---- records that an origin counts ------------------------------------------------------------------------

def has_field(smtp, key):
    name, _, rest = key[len("smtp."):].partition("[")
    value = smtp.get(name)
    return value is not None and (not rest or len(value) > int(rest.rstrip("]")))


def field_of(smtp, key):
    if not has_field(smtp, key):
        return None
    name, _, rest = key[len("smtp."):].partition("[")
    return smtp[name][int(rest.rstrip("]"))] if rest else smtp[name]


def differs_from_records(entry, records):
    """So many records hold these fields. Paths are compared without brackets, which that origin prints as sent."""
    wanted = {key: value for key, value in entry.items() if key.startswith("smtp.")}
    absent = entry.get("not-has-key", [])
    absent = [key for key in ([absent] if isinstance(absent, str) else absent) if key.startswith("smtp.")]
    if not wanted or entry["count"] == 0:  # nothing of ours, or what is left when a rule of theirs had dropped packets
        return
    count = 0
    for record in records:
        smtp = record["smtp"]
        count += (all(facts.bare(str(field_of(smtp, key))) == facts.bare(str(value)) for key, value in wanted.items())
                  and not any(has_field(smtp, key) for key in absent))
    if count != entry["count"]:
        yield "records", "%d with %s" % (entry["count"], wanted), "%d" % count


# ---- a capture --------------------------------------------------------------------------------------------

class Capture:
    def __init__(self, folder, row, postern):
        self.name = row["file"]
        path = os.path.join(folder, self.name)
        self.third = facts.read_third(path + ".aux.jsonl") if os.path.exists(path + ".aux.jsonl") else {}
        self.tshark = {}
        if os.path.exists(path + ".tshark.tsv") and not row["tshark_vs_aux"].startswith("DIFFER"):
            self.tshark = facts.read_tshark(path + ".tshark.tsv")
        self.origin = facts.read_origin(path + ".peer.json")
        ports = sorted(set(PORTS) | {int(server.rsplit(":", 1)[1]) for _, server in self.third})
        self.lines = vectors.run(postern, path, ports)
        self.ours = facts.read_ours(self.lines)

    def streams(self):
        """Those that anybody sees SMTP in."""
        return sorted(set(self.third) | set(self.tshark) |
                      {key for key, f in self.ours.items() if f["from"] or f["rcpt"] or f["helo"]})

    def differences(self, stream):
        """(who, fact, theirs, ours) of one stream."""
        ours = self.ours.get(stream, NOTHING)
        if stream not in self.third:
            yield "third", "stream", "no SMTP", "SMTP"
        for who, vote in (("third", self.third), ("tshark", self.tshark)):
            if stream in vote:
                for difference in differs_from_vote(vote[stream], ours):
                    yield (who,) + difference
        judges = {"session": differs_from_session, "transaction": differs_from_transaction,
                  "counts": differs_from_counts}
        for key, kind, assertion in self.origin:
            if kind in judges and (key == stream or (key is None and stream == self.streams()[0])):
                for difference in judges[kind](assertion, ours):
                    yield ("origin",) + difference
        if stream == self.streams()[0]:
            yield from self.record_differences()

    def record_differences(self):
        records = vectors.smtp_records(self.lines)
        for _, kind, assertion in self.origin:
            if kind == "records":
                for difference in differs_from_records(assertion, records):
                    yield ("origin",) + difference


# ---- the list of disagreements -----------------------------------------------------------------------------

class Listed:
    """capture, stream, who, fact, theirs, ours, reason; each entry has to apply."""

    def __init__(self, path):
        self.unused = {}
        with open(path, newline="", encoding="utf-8") as file:
            rows = [line for line in file if not line.startswith("#")]
        for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            if not row["reason"]:
                sys.exit("disagreements.tsv: an entry without a reason: %s" % row)
            self.unused[tuple(row[key] for key in ("capture", "stream", "who", "fact", "theirs", "ours"))] = row
        self.streams = {(row["capture"], row["stream"]) for row in self.unused.values()}
        self.known = set(self.unused)

    def has(self, key):
        self.unused.pop(key, None)
        return key in self.known


def judge(listed, capture, stream, differences):
    """True if all agrees or is listed; tells what is not."""
    fine = True
    for difference in differences:
        key = (capture, stream) + tuple(str(part) for part in difference)
        if not listed.has(key):
            fine = False
            print("DISAGREE\t" + "\t".join(key))
    return fine


def compare_captures(folder, postern, listed):
    with open(os.path.join(folder, "MANIFEST.tsv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    count = {"streams": 0, "agreed": 0, "disagreed": 0}
    for row in rows:
        capture = Capture(folder, row, postern)
        for stream in capture.streams():
            count["streams"] += 1
            fine = judge(listed, capture.name, "%s>%s" % stream, capture.differences(stream))
            count["agreed" if fine else "disagreed"] += 1
    return count


def compare_vectors(folder, postern, listed, kind):
    count = {"streams": 0, "agreed": 0, "disagreed": 0}
    for number, differences in vectors.KINDS[kind](folder, postern):
        count["streams"] += 1
        count["agreed" if judge(listed, kind, number, differences) else "disagreed"] += 1
    return count


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    postern, folder = sys.argv[1:]
    if not os.path.isdir(folder):
        print("SKIPPED  corpus: there is no folder %s (CORPUS=FOLDER names another)" % folder)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    listed = Listed(LISTED)
    table = {"captures": compare_captures(folder, postern, listed)}
    for kind in vectors.KINDS:
        table[kind] = compare_vectors(folder, postern, listed, kind)
    streams = sum(count["streams"] for count in table.values())
    failed = sum(count["disagreed"] for count in table.values())
    for key in listed.unused:
        failed += 1
        print("LISTED BUT NOT SO\t" + "\t".join(key))
    for name, count in table.items():
        entries = len({stream for capture, stream in listed.streams
                       if capture == name or (name == "captures" and capture not in table)})
        if entries > LISTED_SHARE * count["streams"]:
            failed += 1
            print("TOO MANY LISTED\t%s: %d of %d" % (name, entries, count["streams"]))
        print("%-10s %5d streams %5d agreed (%d of them with a listed disagreement) %4d disagreed" % (
            name, count["streams"], count["agreed"], entries, count["disagreed"]))
    print("%d passed, %d failed, 0 skipped" % (streams - sum(c["disagreed"] for c in table.values()), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
