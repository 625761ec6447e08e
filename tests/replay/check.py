#!/usr/bin/env python3
"""`postern replay` says of records what the engine has said of the traffic itself; and its sums are those that a person counts.

usage: check.py POSTERN
"""
import gzip
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

import stories

POSTERN = os.path.abspath(sys.argv[1])
results = {"passed": 0, "failed": 0}


def check(name, holds, more=""):
    results["passed" if holds else "failed"] += 1
    if not holds:
        print("FAIL  %s%s" % (name, ": " + str(more) if more != "" else ""))


def run(*args, given=None):
    done = subprocess.run([POSTERN, *args], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def alerts(lines):
    """All that is told but who tells it."""
    out = []
    for line in lines.splitlines():
        record = json.loads(line)
        if record["event_type"] == "alert":
            for key in ("host", "postern", "in_iface"):
                record.pop(key, None)
            out.append(record)
    for record in out:  # what is open at the end is closed then, which is another moment for packets than for records
        if record["incident"]["state"] == "closed" and record["timestamp"][:19] == out[-1]["timestamp"][:19]:
            record["timestamp"] = "the end"
    return out


def hashed(folder):
    """Names that are hidden stay hidden, and tell one from another all the same."""
    conf = write(os.path.join(folder, "h.conf"), stories.CONF + "privacy { local-parts = hash  alerts = hash }\n")
    stories.whole().write(os.path.join(folder, "h.pcap"))
    _, once, _ = run("read", "-c", conf, os.path.join(folder, "h.pcap"))
    _, again, _ = run("replay", "-c", conf, "-", given=once)
    compare("hashed names", once, again, stories.EXPECTED)
    users = {a["finding"]["user"] for a in alerts(again) if "user" in a["finding"]}
    check("the user who is tried is hashed", len(users) == 1 and re.fullmatch("hash-[0-9a-f]{16}@example.org", users.pop()), users)
    check("nobody is named", not re.search(rb"root@example|loud@example|victim@example", again), "a name is left")


def mails(lines):
    """The records of mail and connections, but who tells them."""
    out = [json.loads(line) for line in lines.splitlines() if b'"event_type":"alert"' not in line]
    for record in out:
        for key in ("host", "postern", "in_iface"):
            record.pop(key, None)
    return sorted(out, key=lambda r: (r["flow_id"], r["event_type"], r["timestamp"]))


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def compare(name, one, two, sought=()):
    one, two = alerts(one), alerts(two)
    found = {a["alert"]["signature_id"] for a in one}
    check(name + ": all that is sought is found", found >= set(sought), sorted(set(sought) - found))
    for i, (a, b) in enumerate(zip(one, two)):
        if a != b:
            check("%s: alert %d is the same" % (name, i), False, "\n  %s\n  %s" % (json.dumps(a, sort_keys=True), json.dumps(b, sort_keys=True)))
            return
    check("%s: as many alerts" % name, len(one) == len(two), (len(one), len(two)))


def formats(folder):
    """Who is tried from many sources is named in each of them, in its own place, and is no recipient."""
    conf = write(os.path.join(folder, "f.conf"), stories.CONF)
    w = stories.World()
    stories.passwords(w)
    w.write(os.path.join(folder, "f.pcap"))
    lines = {f: run("read", "-f", f, "-c", conf, os.path.join(folder, "f.pcap"))[1].decode() for f in ("eve", "ecs", "cef", "syslog", "text")}
    for f, words in (("eve", '"user":"root@example.org"'), ("ecs", '"user":{"name":"root@example.org"}'), ("cef", " duser=root@example.org "),
                     ("syslog", ' target="root@example.org" '), ("text", "the user root@example.org; one more: 203.5.115.1;")):
        check("the user, in " + f, words in lines[f], f)
    check("and no recipient", not re.search(r'"rcpt_to":\["root|"to":\{"address":\["root|rcpt_to="root', "".join(lines.values())), "")


def same(folder):
    conf = write(os.path.join(folder, "t.conf"), stories.CONF)
    for name, world, sought in (("all stories", stories.whole(), stories.EXPECTED), ("four days", stories.days(), {1025201})):
        world.write(os.path.join(folder, "t.pcap"))
        _, once, err = run("read", "-c", conf, os.path.join(folder, "t.pcap"))
        _, again, err_again = run("replay", "-c", conf, "-", given=once)
        check(name + ": nothing is lost", "lost" not in err + err_again, err + err_again)
        compare(name, once, again, sought)
        _, written, _ = run("replay", "--records", "-c", conf, "-", given=once)
        compare(name + ", written again", once, run("replay", "-c", conf, "-", given=written)[1], sought)
        first, then = mails(once), mails(written)
        check(name + ": the records, too", first == then, [(a, b) for a, b in zip(first, then) if a != b][:1])


# ---- what it would have cost --------------------------------------------------------------------------------------

BASE = """
mode = %s
home = { "192.168.0.0/16" }
servers "mail" { addresses = { "192.168.0.10" }  domains = { "example.org" } }
otherwise = inspect
%s
"""
LOUD = 'volume "hosts" { match = { "home" }  messages = { "3/1h" }  action = %s }\n'


def minutely(mails, rcpts=2, client="192.168.6.1", every=60):
    """So many mails of one client, a minute between their beginnings, each to so many; records of them."""
    w = stories.World()
    for i in range(mails):
        begin = w.now_ms
        w.mail(client, ["r%d@far.test" % n for n in range(rcpts)], server="203.0.113.203", sender="<us@example.org>")
        w.now_ms = begin + every * 1000
    return w


def records(folder, *worlds):
    """Of all of them together."""
    w = stories.World()
    for world in worlds:
        w.frames += world.frames
    path = os.path.join(folder, "cost.pcap")
    w.write(path)
    _, out, _ = run("read", path)
    return b"".join(line + b"\n" for line in out.splitlines() if b'"event_type":"alert"' not in line)


def table(err):
    """[(source, what, connections, mails, recipients, because of)] of the summary; and its last numbers."""
    rows, sums = [], None
    for line in err.splitlines():
        f = line.split()
        if line.startswith("  ") and len(f) >= 7 and f[-2].isdigit() and f[-4].isdigit():
            rows.append((f[0], f[1], int(f[-4]), int(f[-3]), int(f[-2]), f[-1]))
        if line.startswith("delivered then: "):
            sums = tuple(int(w) for w in f if w.isdigit())
    return rows, sums


def cost(name, folder, lines, rules, rows, sums, modes=("monitor", "enforce"), status=1):
    for mode in modes:
        conf = write(os.path.join(folder, "c.conf"), BASE % (mode, rules))
        got, _, err = run("replay", "-c", conf, "-", given=lines)
        check("%s, %s: status" % (name, mode), got == status, (got, err))
        check("%s, %s: whom and what" % (name, mode), table(err)[0] == rows, (table(err)[0], rows))
        check("%s, %s: the sums" % (name, mode), table(err)[1] == sums, (table(err)[1], sums))
        told = json.loads(run("replay", "--json", "-c", conf, "-", given=lines)[1].splitlines()[-1])
        check("%s, %s: the same as JSON" % (name, mode), told["command"] == "replay" and told["mode"] == mode and
              [(m["source"], m["action"], m["connections"], m["mails"], m["recipients"], m["because"]) for m in told["measures"]] == rows and
              tuple(told[of][what] for of in ("delivered", "cost") for what in ("mails", "recipients")) == sums, told)


def costs(folder):
    ten = records(folder, minutely(10))
    one, rule = "192.168.6.1", "volume.limit"
    # The fourth mail passes the limit. Cut off are its own connection, behind the delivery, and six more.
    cost("block", folder, ten, LOUD % "block", [(one, "block", 7, 6, 12, rule)], (10, 20, 6, 12))
    # Who is refused at the greeting is let go on where he is.
    cost("refuse-session", folder, ten, LOUD % "refuse-session", [(one, "refuse-session", 6, 6, 12, rule)], (10, 20, 6, 12))
    # Ten connections are slower, nothing is lost.
    cost("slow", folder, ten, LOUD % "slow", [(one, "slow", 6, 0, 0, rule)], (10, 20, 0, 0))
    # Behind the fourth mail come ten in a minute, of which two may: eight are lost.
    burst = minutely(14, every=5)
    cost("limit", folder, records(folder, burst), LOUD % "limit" + "ladder { rate = 2 }\n", [(one, "limit", 8, 8, 16, rule)], (14, 28, 8, 16))
    # A block of five minutes, laid at minute 3. In enforce mode the mails of minutes 4 to 7 (and the one of 8, which begins before the
    # fourth has passed by five minutes) do not happen; 9, 10 and 11 are delivered, and as much again as the limit lays it anew
    # at minute 11: 12 to 15 are lost, and 16.
    short = 'volume "hosts" { match = { "home" }  messages = { "3/1h" }  action = block  block-for = 5m }\n'
    cost("a short block", folder, records(folder, minutely(17)), short, [(one, "block", 12, 10, 20, rule)], (17, 34, 10, 20), modes=("enforce",))
    # Who is blocked is not slowed, though another rule asks for it with the sixth mail (in monitor mode, where that still comes); and who is
    # slowed is blocked.
    softer = 'volume "senders" { match = { "home" }  key = mail-from  messages = { "%s/1h" }  action = slow }\n'
    cost("no softer one", folder, ten, LOUD % "block" + softer % 5, [(one, "block", 7, 6, 12, rule)], (10, 20, 6, 12), modes=("monitor",))
    cost("a harder one", folder, ten, LOUD % "block" + softer % 1, [(one, "block", 7, 6, 12, rule), (one, "slow", 2, 0, 0, rule)], (10, 20, 6, 12))
    # A rule that keeps him out: nothing of it is delivered, nothing is counted towards a limit.
    lan = 'rule "lan" { from = { "192.168.6.2" }  to = { "any" } }\n'
    both = records(folder, minutely(3), minutely(5, client="192.168.6.2"))
    for what in ("refuse", "drop"):
        closed = (BASE % ("enforce", lan)).replace("otherwise = inspect", "otherwise = %s" % what)
        _, _, err = run("replay", "-c", write(os.path.join(folder, "c.conf"), closed), "-", given=both)
        check("otherwise = %s" % what, table(err) == ([(one, what, 3, 3, 6, "rule")], (8, 16, 3, 6)), table(err))
    # Of two connections, one to both recipients and one to the foreign one alone: a mail and two recipients.
    w = stories.World()
    w.mail("203.0.113.1", ["x@foreign.test", "good@example.org"])
    w.mail("203.0.113.1", ["y@foreign.test"])
    relayed = records(folder, w)
    for action in ("refuse-recipient", "defer-recipient"):
        cost(action, folder, relayed, "relay { action = %s }\n" % action, [("203.0.113.1", action, 0, 1, 2, "recipients")], (2, 3, 1, 2))
    # The session ends at the recipient, and his neighbour's mail with it; a block, at the first, ends the second connection too.
    cost("a session", folder, relayed, "relay { action = refuse-session }\n", [("203.0.113.1", "refuse-session", 2, 2, 3, "recipients")], (2, 3, 2, 3))
    # Who relays at minute 0 is blocked for ten: his own mail and that of minute 5 are lost, not that of minute 15. Behind a shared address
    # sessions are refused instead.
    w = stories.World()
    for minute, rcpt in ((0, "x@foreign.test"), (5, "good@example.org"), (15, "good@example.org")):
        w.now_ms = stories.BEGIN_MS + minute * 60000
        w.mail("203.0.113.1", [rcpt])
    late, relay = records(folder, w), "relay { action = block  block-for = 10m }\n"
    for mode, because in (("monitor", "relay.accepted"), ("enforce", "relay.attempt")):
        cost("relay block", folder, late, relay, [("203.0.113.1", "block", 2, 2, 2, because)], (3, 3, 2, 2), modes=(mode,))
        cost("shared", folder, late, relay + 'shared = { "203.0.113.1" }\n',
             [("203.0.113.1", "block", 1, 1, 1, "recipients"), ("203.0.113.1", "refuse-session", 1, 1, 1, because)], (3, 3, 2, 2), modes=(mode,))
    # Blocked is the whole prefix that counts as one source; who lies in never-block is not, and his neighbours are, one by one.
    wide = 'volume "hosts" { match = { "home" }  messages = { "3/1h" }  action = block  per = 24/64 }\n'
    two = records(folder, minutely(4), minutely(6, client="192.168.6.2"))
    # At minute 1 both have sent two: both connections are cut off behind that, and two and four more do not begin.
    cost("a prefix", folder, two, wide, [("192.168.6.0/24", "block", 8, 6, 12, rule)], (10, 20, 6, 12))
    cost("nobody", folder, two, wide + 'never-block = { "192.168.6.0/24" }\n', [], (10, 20, 0, 0))
    # What went under TLS is said, too.
    _, tls, _ = run("read", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pcap", "starttls.pcap"))
    for what, stopped in (("inspect", 0), ("refuse", 1)):
        closed = (BASE % ("enforce", lan)).replace("otherwise = inspect", "otherwise = %s" % what)
        _, _, err = run("replay", "-c", write(os.path.join(folder, "c.conf"), closed), "-", given=tls)
        check("under TLS, otherwise = %s" % what,
              "and 1 connection under TLS, whose mails are in no record; of them that would have stopped %d\n" % stopped in err, err)
    # The ladder, for a source that never stops: a tenth of its time on each rung, and it is on the next one.
    climb = 'volume "hosts" { match = { "home" }  messages = { "3/1m" }  action = climb }\nladder { rate = 1000  slow-for = 1m  limit-for = 5m }\n'
    conf = write(os.path.join(folder, "c.conf"), BASE % ("enforce", climb))
    _, _, err = run("replay", "-c", conf, "-", given=records(folder, minutely(60, every=5)))
    check("climb: its rungs", {row[1] for row in table(err)[0]} == {"slow", "limit", "block"}, table(err))


# ---- what is read -------------------------------------------------------------------------------------------------

SURICATA = (b'{"timestamp":"2026-01-05T08:00:00.000000+0000","flow_id":77,"in_iface":"eth0","event_type":"smtp","src_ip":"203.0.113.9","src_port":4000,'
            b'"dest_ip":"192.168.0.10","dest_port":25,"proto":"TCP","tx_id":0,"smtp":{"helo":"x","mail_from":"<a@b>","rcpt_to":["<c@foreign.test>"]}}\n')
OURS = b'"postern":{"version":"9","schema":%d,"mode":"monitor"}'
BUDGET = (b'{"timestamp":"2026-01-05T08:01:00.000000+0000","event_type":"budget","host":"gw",' + OURS % 1 + b',"src_ip":"%s","budget":{"of":"source",'
          b'"source":"%s","limit_records":600,"window_s":60,"first":"2026-01-05T08:00:00.000000+0000","last":"2026-01-05T08:00:59.000000+0000",'
          b'"left_out":{"smtp":%d,"flow":%d,"transactions":%d,"completed":%d,"rcpt_count":%d,"rcpt_accepted":%d,"rcpt_refused":%d}}}\n')
STATS = (b'{"timestamp":"2026-01-05T08:0%d:00.000000+0000","event_type":"stats","host":"gw",' + OURS % 1 +
         b',"stats":{"uptime":1,"event":{"lost":%d},"report":{"lost":%d}}}\n')


def budget(source, smtp, completed, accepted, refused):
    return BUDGET % (source, source, smtp, smtp, completed, completed, accepted + refused, accepted, refused)


def inputs(folder):
    conf = write(os.path.join(folder, "i.conf"), BASE % ("monitor", 'volume "hosts" { match = { "home" }  messages = { "3/1h" }  spike = 0 }\n'))
    honest = records(folder, minutely(3))
    lines = records(folder, minutely(10))
    half = len(lines.splitlines()) // 2
    old, new = (b"\n".join(part) + b"\n" for part in (lines.splitlines()[:half], lines.splitlines()[half:]))
    _, wanted, _ = run("replay", "-c", conf, "-", given=lines)

    def paths(*parts):
        out = []
        for i, part in enumerate(parts):
            out.append(os.path.join(folder, "part%d" % i))
            with open(out[-1], "wb") as f:
                f.write(part)
        return out

    def reads(name, status, pattern, *args, given=None):
        got, out, err = run("replay", "-c", conf, *args, given=given)
        check(name, got == status and re.search(pattern, err, re.M), (got, err))
        return out

    check("there is something to be found", len(alerts(wanted)) == 3, wanted)
    compare("gzip, by its content", wanted, reads("gzip on standard input", 1, "^postern replay: 20 records, 0 others", "-", given=gzip.compress(lines)))
    compare("several files", wanted, reads("several files", 1, "20 records", *paths(old, gzip.compress(new))))
    compare("parts of gzip one behind the other", wanted, reads("parts", 1, "20 records", *paths(gzip.compress(old) + gzip.compress(new))))
    compare("files that overlap", wanted, reads("overlap", 1, "20 records, 0 others passed over, 0 bad lines, 10 lines again that were read before", *paths(lines, new)))
    compare("the newest first", wanted, reads("newest first", 1, "20 records", *paths(new, old)))
    far = records(folder, minutely(3), minutely(3, client="192.168.6.3", every=3000)).splitlines()
    reads("hours apart, the newest first", 0, "events came too late for the order of time, by [0-9]+ s at most.*name the oldest file first",
          *paths(b"\n".join(far[-4:]) + b"\n", b"\n".join(far[:-4]) + b"\n"))

    reads("a line that is cut", 1, r"standard input:6: the file ends in the middle of this line", "-", given=honest[:-30])
    reads("and what it means", 1, "^INCOMPLETE", "-", given=honest[:-30])
    reads("a last line without its newline", 0, "6 records", "-", given=honest[:-1])
    reads("a gzip file that is cut", 1, "damaged behind line", "-", given=gzip.compress(lines)[:-20])
    reads("a line of garbage", 1, "standard input:7: it is no JSON", "-", given=honest + b"\0\1\2{\n")
    reads("a line without end", 1, "standard input:7: it is too long", "-", given=honest + b"x" * 3000000 + b"\n" + honest)
    reads("nothing", 4, "there is no record of mail", "-", given=b"")
    reads("alerts alone", 4, "3 others passed over.*\n(.*\n)*there is no record of mail", "-", given=wanted)
    reads("another program's records", 4, "0 records, 0 others passed over, 0 bad lines, 2 of other programs, which do not say", "-",
          given=SURICATA + SURICATA.replace(b":77", b":78"))
    reads("beside ours", 0, "6 records, 0 others passed over, 0 bad lines, 1 of other programs", "-", given=SURICATA + honest)
    reads("ECS", 1, "it is an ECS record; the records that log.eve writes", "-", given=b'{"@timestamp":"x","ecs":{"version":"8.11.0"}}\n')
    reads("of a newer version", 1, "a newer Postern has written it", "-", given=honest.replace(b'"schema":1', b'"schema":2'))

    first = os.path.join(os.path.dirname(os.path.abspath(__file__)), "first.eve")
    local = write(os.path.join(folder, "l.conf"), 'home = { "192.168.0.0/16", "fd00::/8" }\notherwise = inspect\n'
                  'servers "s" { addresses = { "192.168.0.0/16", "fd00::/8" }  domains = { "example.org" } }\n')
    _, out, err = run("replay", "-c", local, first)
    check("records of the first version", sorted({a["alert"]["rule"] for a in alerts(out)}) == ["relay.accepted", "relay.attempt"], (out, err))

    reads("what the budget has left out", 4, "^INCOMPLETE(.*\n)+  507 records were left out by the budget .* with 200 mails, 450 accepted and 33 refused recipients", "-",
          given=honest + budget(b"203.0.113.7", 3, 0, 0, 0) + b"".join(budget(b"192.0.2.%d" % i, 50, 40, 90, 5) for i in range(5))
          + budget(b"2001:db8::/64", 1, 0, 0, 8)[:-1].replace(b'"flow":1', b'"flow":-1') + b"\n")
    reads("and of whom most", 4, "^  192.0.2.9 +300 records, 120 mails to 270 recipients\n  192.0.2.8 +100 records, 40 mails to 90 recipients$", "-",
          given=honest + budget(b"192.0.2.8", 50, 40, 90, 5) + budget(b"192.0.2.9", 50, 40, 90, 5) + budget(b"192.0.2.9", 100, 80, 180, 5))
    less = reads("as JSON", 4, "", "--json", "-", given=honest + budget(b"192.0.2.8", 50, 40, 90, 5))
    told = json.loads(less.splitlines()[-1])
    lacks = {"records": 100, "mails": 40, "rcpt_accepted": 90, "rcpt_refused": 5}
    check("what is missing, as JSON", not told["complete"] and told["missing"] ==
          dict(lacks, sources=[dict(lacks, source="192.0.2.8")]), told)
    both = [budget(b"x", 4, 1, 1, 0).replace(b'"of":"source","source":"x","limit_records"', of) for of in
            (b'"of":"total","limit_bytes"', b'"of":"disk","keep_free_bytes"')]
    reads("and of nobody in particular", 4, "^  16 records were left out (.*\n)  of all sources +16 records, 2 mails to 2 recipients$", "-", given=honest + b"".join(both))
    reads("found, and incomplete", 1, "^INCOMPLETE", "-", given=lines + budget(b"192.0.2.8", 50, 40, 90, 5))
    reads("a notice of nothing", 1, "it does not say what was left out", "-", given=honest + budget(b"192.0.2.8", 0, 0, 0, 0))
    reads("what the daemon has lost", 4, "^  12 lost by the daemon that wrote them, events and records", "-",
          given=honest + STATS % (1, 100, 7) + STATS % (2, 103, 9) + STATS % (3, 4, 3))
    w = stories.World()
    w.mail("192.168.6.1", ["r%d@far.test" % n for n in range(130)], server="203.0.113.203", sender="<us@example.org>")
    reads("lists that are cut", 4, "^  30 recipients behind the ends of lists: known by number alone", "-", given=records(folder, w))

    asked = write(os.path.join(folder, "a.conf"), BASE % ("enforce", 'smuggling { action = reset }\nrelay { action = refuse-recipient }\ndnsbl { zones = { "zen.example" } }\n'
                  'volume "h" { match = { "home" }  spike = 3 }\nupstream "isp" { mx-of = { "isp.example" } }'))
    _, _, err = run("replay", "-c", asked, "-", given=honest)
    for words in ("smuggling.action: records hold no bytes", "dnsbl: lists are not asked", "relay.max-refusals: ", "volume.spike: ", 'upstream "isp" is known by its DNS names'):
        check("it says what it cannot judge: " + words, "postern replay: " + words in err, err)
    _, _, err = run("replay", "-c", conf, "-", given=honest)
    check("and nothing where it can", err.startswith("postern replay: 6 records"), err)


def long_input(folder, connections):
    """So many connections, 15,000 an hour, to somebody who looks on: (status, what was said, memory in KiB)."""
    conf = write(os.path.join(folder, "p.conf"), BASE % ("monitor", ""))
    lines = records(folder, minutely(1))
    path = os.path.join(folder, "long.eve")
    with open(path, "wb") as out:
        for i in range(connections):
            at = b"T%02d:%02d" % (8 + i // 15000, i // 250 % 60)
            out.write(re.sub(rb'"flow_id":[0-9]+', b'"flow_id":%d' % (i + 1), lines).replace(b"T08:00", at))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(POSTERN, [POSTERN, "replay", "-c", conf, path])
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), said, usage.ru_maxrss


def on_terminal(folder):
    """How far it is, where somebody looks on; and memory that does not grow with the input."""
    _, _, third = long_input(folder, 30000)
    status, said, all_of_it = long_input(folder, 90000)
    check("it ends", status == 0, said[-300:])
    check("progress", re.search(rb"\r[^\r]*long\.eve: +[0-9]+ %, [0-9]+ records, 2026-01-05T[01][0-9]:[0-5][0-9] ", said), said[:300])
    check("bounded memory", all_of_it < third + 24 * 1024, (third, all_of_it))


def main():
    with tempfile.TemporaryDirectory() as folder:
        same(folder)
        formats(folder)
        hashed(folder)
        costs(folder)
        inputs(folder)
        on_terminal(folder)
    print("%(passed)d passed, %(failed)d failed" % results)
    return results["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
