"""Lines and dialogues of others, played as captures to `postern read`.

Each vector becomes a connection of its own (packets by tests/pcap/make.py); what its source says about it is compared
with the record of that connection. KINDS names the kinds; each gives (number, differences) for one vector, and a
difference is (who, fact, theirs, ours).

addresses   a valid one has to be read, with the domain its source names; of invalid ones the sources say nothing about
            where mail for them would go, and servers take many of them: there we only have to stay in step.
commands    the path, name, mechanism or length their source reads; refused ones stay in step, too.
ends        only CRLF.CRLF ends a body: what follows another sequence is no command.
dialogues   all facts of a session, read by a small reader of its own (expect()).
"""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pcap"))
import facts  # noqa: E402
import make  # noqa: E402

FIRST_PORT = 20000
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
PATH_KEPT = 300  # records cut longer ones, and say so
HELLO = [("S", b"220 mx.example.org\r\n"), ("C", b"EHLO c.example.net\r\n"), ("S", b"250 mx.example.org\r\n")]
MAIL = [("C", b"MAIL FROM:<a@example.net>\r\n"), ("S", b"250 ok\r\n")]
RCPT = [("C", b"RCPT TO:<b@example.org>\r\n"), ("S", b"250 ok\r\n")]
IN_STEP = [("C", b"VRFY still-in-step\r\n"), ("S", b"252 yes\r\n"), ("C", b"QUIT\r\n"), ("S", b"221 bye\r\n")]


# ---- playing ---------------------------------------------------------------------------------------

def run(postern, path, ports):
    done = subprocess.run([postern, "read", "-f", "eve", "--ports", ",".join(str(port) for port in ports), path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError("%s: status %d: %s" % (path, done.returncode, done.stderr.decode()))
    return done.stdout.decode().splitlines()


def smtp_records(lines):
    return [record for record in map(json.loads, lines) if record["event_type"] == "smtp"]


def play(postern, conversations):
    """Lists of (side, bytes) to lists of `smtp` records, one list a conversation."""
    frames = []
    for number, steps in enumerate(conversations):
        talk = make.Talk(sport=FIRST_PORT + number, start=1700000000000000 + number * 10000000).open()
        for side, data in steps:
            talk.say("CS".index(side), data, [1400] * (len(data) // 1400))
        frames += talk.close().frames
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        make.write(file.name, frames)
        records = smtp_records(run(postern, file.name, [25]))
    told = [[] for _ in conversations]
    for record in records:
        told[record["src_port"] - FIRST_PORT].append(record)
    return told


def rows_of(folder, name):
    with open(os.path.join(folder, "vectors", name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def unescape(text):
    """C escapes to bytes."""
    named = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0"}
    parts = re.split(r"\\(x[0-9a-fA-F]{2}|.)", text)
    for i in range(1, len(parts), 2):
        parts[i] = bytes([int(parts[i][1:], 16)]) if len(parts[i]) == 3 else named.get(parts[i], parts[i].encode())
    return b"".join(part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape") for part in parts)


def out_of_step(records, more=0):
    """The VRFY at the end of each conversation has to be counted, once."""
    count = sum(record["smtp"].get("vrfy", 0) for record in records) - more
    return [] if count == 1 else [("project", "in step", "1 VRFY", "%d VRFY" % count)]


def plain(text):
    """Without quotes and backslashes, which some sources undo."""
    return text.replace('"', "").replace("\\", "")


# ---- addresses -------------------------------------------------------------------------------------

def domain_of(address):
    """Behind the last '@' that no quote holds."""
    quoted = escaped = False
    at = None
    for i, char in enumerate(address):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "@" and not quoted:
            at = i
    return None if at is None else address[at + 1:]


def same_domain(theirs, ours):
    try:
        theirs, ours = (name.encode("idna").decode() if not name.startswith("[") else name for name in (theirs, ours))
    except UnicodeError:
        pass
    return theirs.lower().rstrip(".") == ours.lower().rstrip(".")


def judge_address(row, address, records):
    rcpt = [entry for record in records for entry in record["smtp"].get("rcpt", [])]
    if not row["verdict_by_source"].startswith("valid") or row["verdict_by_source"].startswith("valid only"):
        return out_of_step(records)
    text = address.decode("utf-8", "backslashreplace")
    if text.endswith(">"):  # a name before the address in brackets
        text = text[text.index("<") + 1:-1]
    theirs = domain_of(text)
    ours = rcpt[0].get("final_domain", "") if len(rcpt) == 1 else ""
    if theirs and len(rcpt) == 1 and "@" in text[:text.rindex("@")] and rcpt[0]["form"] != "plain":
        theirs = ours  # a second host in the local part is where a relay would send it: a question of form, not of syntax
    if theirs and not same_domain(theirs, ours):
        return [(row["source_repo"], "final_domain", theirs, ours)]
    return out_of_step(records)


def addresses(folder, postern):
    rows = []
    for row in rows_of(folder, "addresses.tsv"):
        address = unescape(row["input_escaped"])
        if b"\n" not in address:  # which no command line can hold
            rows.append((row, facts.bare(address.decode("latin-1")).encode("latin-1")))
    told = play(postern, [HELLO + MAIL + [("C", b"RCPT TO:<" + address + b">\r\n"), ("S", b"250 ok\r\n")] + IN_STEP
                          for _, address in rows])
    for (row, address), records in zip(rows, told):
        yield row["id"], judge_address(row, address, records)


# ---- commands --------------------------------------------------------------------------------------

def command_steps(row, line):
    verb = line.split(b" ")[0].upper()
    steps = list(HELLO)
    if verb in (b"RCPT", b"BDAT"):
        steps += MAIL
    if verb == b"BDAT":
        steps += RCPT
    data = b""
    if row["verdict_by_source"] == "ok":
        code = {b"AUTH": b"235", b"STARTTLS": b"454", b"DATA": b"503", b"VRFY": b"252", b"QUIT": b"250"}.get(verb, b"250")
        if verb == b"BDAT":
            data = b"x" * int(line.split(b" ")[1])
    else:
        code = b"501"
    return steps + [("C", line + b"\r\n" + data), ("S", code + b" as said\r\n")] + IN_STEP


def path_said(row, line):
    """The path as the source reads it: in a column, in the text of its test, or, where it has no parameters, the rest."""
    if row["path"]:
        return facts.bare(row["path"])
    if "Request::" in row["note"]:
        found = re.search(r'\b(?:from|to|address): "((?:[^"\\]|\\.)*)"', row["note"])
        return unescape(found.group(1)).decode("latin-1") if found else None
    rest = line.decode("latin-1").split(":", 1)[1].strip()
    return facts.path_of(":" + rest) if rest.startswith("<") else rest


def judge_path(row, line, verb, records):
    theirs = path_said(row, line)
    smtp = [record["smtp"] for record in records]
    if verb == "MAIL":
        ours = [facts.bare(entry["mail_from"]) for entry in smtp if "mail_from" in entry]
    else:
        ours = [facts.bare(rcpt["path"]) for entry in smtp for rcpt in entry.get("rcpt", [])]
    if theirs is None or [plain(path).lstrip("<")[:PATH_KEPT] for path in ours] == [plain(theirs)[:PATH_KEPT]]:
        return []
    return [(row["source_repo"], "path", theirs, ours)]


def judge_command(row, line, records):
    verb = line.decode("latin-1").split(" ")[0].upper()
    smtp = [record["smtp"] for record in records]
    step = out_of_step(records, more=verb == "VRFY")
    if step or row["verdict_by_source"] != "ok":
        return step
    if verb in ("MAIL", "RCPT"):
        return judge_path(row, line, verb, records)
    words = line.decode("latin-1").split(" ")
    if verb in facts.VERBS_HELO and [entry["helo"] for entry in smtp] != [words[1]]:
        return [(row["source_repo"], "helo", words[1], [entry["helo"] for entry in smtp])]
    if verb == "AUTH" and [entry["auth"]["mech"] for entry in smtp] != [words[1][:23]]:
        return [(row["source_repo"], "auth", words[1], [entry["auth"]["mech"] for entry in smtp])]
    if verb == "BDAT" and [entry.get("size") for entry in smtp if entry["bdat"]] != [int(words[1])]:
        return [(row["source_repo"], "size", words[1], [entry.get("size") for entry in smtp])]
    return []


def commands(folder, postern):
    rows = [(row, unescape(row["line_escaped"])) for row in rows_of(folder, "commands.tsv")]
    told = play(postern, [command_steps(row, line) for row, line in rows])
    for (row, line), records in zip(rows, told):
        yield row["id"], judge_command(row, line, records)


# ---- ends of data ----------------------------------------------------------------------------------

def ends(folder, postern):
    rows = rows_of(folder, "eod_sequences.tsv")
    smuggled = b"MAIL FROM:<smuggled@example.net>\r\nRCPT TO:<smuggled@example.org>\r\n"
    conversations = []
    for row in rows:
        body = b"Subject: x\r\n\r\ntext" + unescape(row["sequence_escaped"]) + smuggled
        answers = [("S", b"250 queued\r\n250 ok\r\n250 ok\r\n")]
        if row["ends_data_per_RFC5321"] != "yes":
            body += b"\r\n.\r\n"
            answers = [("S", b"250 queued\r\n")]
        conversations.append(HELLO + MAIL + RCPT + [("C", b"DATA\r\n"), ("S", b"354 go\r\n"), ("C", body)] + answers + IN_STEP)
    for number, (row, records) in enumerate(zip(rows, play(postern, conversations))):
        theirs = 2 if row["ends_data_per_RFC5321"] == "yes" else 1
        ours = sum(record["smtp"]["rcpt_count"] for record in records)
        differs = [] if ours == theirs else [(row["source_repo"], "recipients", theirs, ours)]
        yield "%d %s" % (number, row["name"]), differs or out_of_step(records)


# ---- dialogues -------------------------------------------------------------------------------------

class Expected:
    """What a session says, line by line: commands wait for their replies in order."""

    def __init__(self):
        self.f = {"helo": [], "from": [], "mail_codes": [], "rcpt": [], "rcpt_codes": [], "codes": [], "starttls": None,
                  "auth": None, "bdat": False}
        self.pending = [("greeting", "")]
        self.body = False
        self.chunk = 0
        self.over = False
        self.first = True  # no client line yet

    def client(self, data):
        if self.first and data.startswith(PROXY_V2):
            data = data[16 + int.from_bytes(data[14:16], "big"):]
        while data and not self.over:
            if self.chunk:
                skip = min(self.chunk, len(data))
                self.chunk, data = self.chunk - skip, data[skip:]
                continue
            line, end, data = data.partition(b"\r\n")
            text = line.decode("utf-8", "backslashreplace")
            if self.body:
                if text == "." and end:
                    self.body = False
                    self.pending.append(("end", ""))
                continue
            self.command(text)

    def command(self, text):
        verb, _, rest = text.strip().partition(" ")
        verb, first, self.first = verb.upper(), self.first, False
        if first and verb == "PROXY":  # ahead of SMTP
            return
        if self.pending and self.pending[0][0] == "response":
            return
        if verb == "BDAT" and re.match(r"\d+( +LAST)? *$", rest, re.I):
            self.chunk = int(rest.split()[0])
            self.f["bdat"] = True
        self.pending.append((verb, rest))

    def server(self, text):
        """One line of a reply, more to follow if its fourth character is '-'."""
        if text[3:4] == "-" or self.over:
            return
        self.answer(int(text[:3]))

    def finish(self):
        """What is left was never answered."""
        while self.pending and not self.over:
            self.answer(None)
        self.f["helo"] = facts.unrepeated(self.f["helo"])
        return self.f

    def answer(self, code):
        self.f["codes"].append(code)
        verb, rest = self.pending.pop(0) if self.pending else ("", "")
        if verb == "response":
            verb, rest = self.pending.pop(0)
        if verb in facts.VERBS_HELO and (code or 0) < 400 and rest.strip():
            self.f["helo"].append(rest.strip().lower())
        elif verb == "MAIL":
            self.f["from"].append(facts.path_of(rest))
            self.f["mail_codes"].append(code)
        elif verb == "RCPT":
            self.f["rcpt"].append(facts.path_of(rest))
            self.f["rcpt_codes"].append(code)
        elif verb == "AUTH":
            self.f["auth"] = rest.split(" ")[0].upper()
            if code == 334:
                self.pending[:0] = [("response", ""), (verb, rest)]
        elif verb == "STARTTLS":
            self.f["starttls"] = code
            self.over = code == 220
        self.body = self.body or code == 354


def sessions(folder):
    """(name, [(side, bytes)]) of all sessions; those whose replies are not told are left out."""
    for name in ("swaks", "exim"):
        steps, usable = {}, {}
        for row in rows_of(folder, os.path.join("dialogues", name + ".tsv")):
            key = "%s %s" % (name, row["session"])
            text = unescape(row["text_escaped"])
            usable.setdefault(key, True)
            if row["dir"][0] == "S":
                usable[key] &= bool(re.match(rb"\d{3}([ -]|$)", text)) and row["dir"] != "S-any"
                steps.setdefault(key, []).append(("S", text + b"\r\n"))
            elif row["dir"][0] == "C":
                if name == "exim":  # its own test client undoes escapes
                    text = unescape(text.decode("utf-8", "surrogateescape"))
                steps.setdefault(key, []).append(("C", text + (b"" if row["dir"] == "C-nocrlf" else b"\r\n")))
        yield from ((key, steps[key]) for key in steps if usable[key])
    for number in range(1, 6):
        path = os.path.join(folder, "vectors", "dialogues", "rfc5321-D%d.txt" % number)
        with open(path, "rb") as file:
            yield "rfc5321 D%d" % number, sides_of(file.read().split(b"\n")[:-1])


def sides_of(lines):
    """Lines without a side: in a body all up to the dot are the client's, else three digits are the server's."""
    steps, body = [], False
    for line in lines:
        side = "S" if not body and re.match(rb"\d{3}[ -]", line) else "C"
        body = (body and line != b".") or (side == "S" and line.startswith(b"354"))
        steps.append((side, line + b"\r\n"))
    return steps


def expect(steps):
    """The facts, and the steps up to where the session goes under TLS."""
    expected, played = Expected(), []
    for side, data in steps:
        if expected.over:
            break
        played.append((side, data))
        if side == "S":
            expected.server(data.decode("latin-1").rstrip("\r\n"))
        else:
            expected.client(data)
    return expected.finish(), played


def dialogues(folder, postern):
    names, wanted, conversations = [], [], []
    for name, steps in sessions(folder):
        f, played = expect(steps)
        names.append(name)
        wanted.append(f)
        conversations.append(played)
    for name, f, records in zip(names, wanted, play(postern, conversations)):
        ours = facts.ours(records)
        differs = [("project", fact, f[fact], ours[fact]) for fact in f if fact not in ("helo", "codes") and f[fact] != ours[fact]]
        for fact, said in (("helo", ours["helo"]), ("codes", ours["said"])):  # of these a record has the last only
            if not facts.is_part(said, f[fact]) or said[-1:] != f[fact][-1:] and fact == "helo":
                differs.append(("project", fact, f[fact], said))
        yield name, differs


KINDS = {"addresses": addresses, "commands": commands, "ends": ends, "dialogues": dialogues}
