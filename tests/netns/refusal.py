#!/usr/bin/env python3
"""refusal.py - many mails to a good recipient and to foreign ones, cut in many ways, and what has become of each.

usage: refusal.py SERVER ADDRESS4 ADDRESS6 MAILDIRS LOG [--full]

SERVER (postfix, exim, opensmtpd) is an open relay for which somebody in between refuses what is at foreign.test, up to
MAX_REFUSALS in a connection; beyond that this somebody defers the mail. MAILDIRS is a folder of maildirs named after
the recipients, LOG the server's log. Each case is a connection of its own with its own recipients, and

- every foreign recipient up to MAX_REFUSALS gets 550;
- a mail with no more of them is accepted; with more, it is deferred, all further ones get 450, and the connection goes on
  to an orderly end, wherever the RCPTs are cut; behind a deferred BDAT, where the server is still within the mail,
  one MAIL more is deferred, the next one is accepted;
- a mail that was answered 250 is in the maildir of its good recipient, once; one that was not is in none;
- the server has taken as many mails as were answered 250, and none for a foreign recipient.

Prints one line for each case that failed, and a summary. Exit 1 if any failed.

Limits. What a server does not take by itself (OpenSMTPD knows no PIPELINING, BDAT or odd spaces) is left out, or may be
refused with another code. Eight connections at a time: Exim takes 20, and Postfix lets those wait who make errors.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import sys
import time

import smtpc

MAX_REFUSALS = 3
GOOD_DOMAIN = "example.org"
FOREIGN_DOMAIN = "foreign.test"

# Where a RCPT is cut in two. The numbers count from the start of the line, of "@", of the end of the path, of its end.
CUTS = {
    "verb": lambda line, end: 2,
    "behind-verb": lambda line, end: 4,
    "to": lambda line, end: 6,
    "open": lambda line, end: line.index(b":") + 1,
    "path": lambda line, end: line.index(b":") + 3,
    "at": lambda line, end: line.index(FOREIGN_DOMAIN.encode()),
    "domain": lambda line, end: line.index(FOREIGN_DOMAIN.encode()) + 4,
    "last": lambda line, end: end - 1,
    "close": lambda line, end: end,
    "behind-close": lambda line, end: min(end + 1, len(line) - 1),
    "crlf": lambda line, end: len(line) - 1,
}

PLAIN = "RCPT TO:<{}>"
LINES = ["rcpt to:<{}>", "RcPt tO:{}", "RCPT TO:{}", "RCPT TO: <{}>", "RCPT TO:<{}>  ", "RCPT  TO:<{}>", "RCPT\tTO:<{}>",
         "RCPT TO:<{}> NOTIFY=NEVER"]
PLAIN_PATH = "{}@" + FOREIGN_DOMAIN
PATHS = ["{}@FOREIGN.tesT", "{}@foreign.test.", "{}%foreign.test@example.org", "@example.org:{}@foreign.test",
         "\"{} x\"@foreign.test", "foreign.test!{}", "{}%foreign.test", "{}@[192.0.2.1]"]

# What a server says when it has taken a mail, and when it has taken it for a foreign recipient.
TAKEN = {
    "postfix": (r" size=\d+, nrcpt=\d+ \(queue active\)", r" to=<[^>]*foreign"),
    "exim": (r" <= sender@", r"( <= .* for .*foreign)|( [=-]> .*foreign)"),
    "opensmtpd": (r" smtp message msgid=", r" smtp envelope .* to=<[^>]*foreign"),
}

Case = collections.namedtuple("Case", "how foreign order family line path data")


def case(how, foreign=1, order="last", family=4, line=PLAIN, path=PLAIN_PATH, data="DATA"):
    return Case(how, foreign, order, family, line, path, data)


class Client(smtpc.Quiet):
    def send_cut(self, data, cuts):
        """Sends data in segments that begin at the cuts."""
        cuts = sorted(set(cuts) - {0, len(data)})
        for start, end in zip([0] + cuts, cuts + [len(data)]):
            self.socket.sendall(data[start:end])
            self.flush()


def recipients(number, wanted):
    """(is good, path) in the order of the case; one good recipient, or two where the good are in between."""
    foreign = [(False, wanted.path.format("f%d.%d" % (number, n))) for n in range(wanted.foreign)]
    good = [(True, "g%d.%d@%s" % (number, n, GOOD_DOMAIN)) for n in range(2 if wanted.order == "mixed" else 1)]
    if wanted.order == "first":
        return foreign + good
    if wanted.order == "last":
        return good + foreign
    middle = len(foreign) // 2
    return foreign[:middle] + good[:1] + foreign[middle:] + good[1:]


def cuts_of(how, lines):
    """Where each line is cut: the foreign ones at the place that `how` names, everything where it is typed."""
    cuts = []
    start = 0
    for is_good, line in lines:
        if how.startswith("typed"):
            cuts += range(start, start + len(line))
        elif not is_good and "@" in how:
            end = line.index(b">") if line.rstrip().endswith(b">") else len(line) - 2
            cuts.append(start + CUTS[how.split("@")[1]](line, end))
        start += len(line)
    return cuts


def say(client, how, lines):
    """Sends the lines as `how` says and returns a reply to each."""
    if how.startswith(("together", "typed-together")):
        client.send_cut(b"".join(line for _, line in lines), cuts_of(how, lines))
        return [client.reply() for _ in lines]
    codes = []
    for one in lines:
        client.send_cut(one[1], cuts_of(how, [one]))
        codes.append(client.reply())
    return codes


def send_mail(client, data, code, welcome):
    """The mail after its envelope; code is the answer to DATA, if it was asked for. Returns the final one."""
    mail = b"From: <sender@client.example>\r\nSubject: a case\r\n\r\nbody\r\n"
    if data == "BDAT":
        return client.say(b"BDAT %d LAST\r\n" % len(mail) + mail)
    if code != 354:
        return code
    return client.say(mail + b".\r\n" if welcome else b".\r\n")


Outcome = collections.namedtuple("Outcome", "foreign good final next goodbye error")


def dialogue(number, wanted, addresses):
    """One case. Returns its Outcome; a connection that ended early has an error."""
    to = recipients(number, wanted)
    lines = [(True, b"MAIL FROM:<sender@client.example>\r\n")]
    lines += [(is_good, ((PLAIN if is_good else wanted.line).format(path) + "\r\n").encode()) for is_good, path in to]
    if wanted.data == "DATA":
        lines.append((True, b"DATA\r\n"))
    foreign, good, final, following = [], [], None, []
    try:
        client = Client(addresses[wanted.family])
        client.reply()
        client.say(b"EHLO client.example\r\n")
        codes = say(client, wanted.how, lines)
        foreign = [code for (is_good, _), code in zip(to, codes[1:]) if not is_good]
        good = [code for (is_good, _), code in zip(to, codes[1:]) if is_good]
        final = send_mail(client, wanted.data, codes[-1], any(map(smtpc.good, good)))
        for _ in range(0 if final // 100 != 4 else 2 if wanted.data == "BDAT" else 1):
            client.send_cut(lines[0][1], cuts_of(wanted.how, lines[:1]))
            following.append(client.reply())
        return Outcome(foreign, good, final, following, client.say(b"QUIT\r\n"), None)
    except (smtpc.Ended, OSError, ValueError) as error:
        return Outcome(foreign, good, final, following, None, repr(error))


def verdict(wanted, outcome):
    """What is wrong with the answers, or None."""
    deferred = wanted.foreign > MAX_REFUSALS
    strict = wanted.line == PLAIN and wanted.path == PLAIN_PATH
    if outcome.error:
        return "the connection broke"
    if outcome.goodbye != 221:
        return "no orderly end"
    if strict and any(code != 550 for code in outcome.foreign[:MAX_REFUSALS]):
        return "not 550"
    if strict and any(code != 450 for code in outcome.foreign[MAX_REFUSALS:]):
        return "not 450"
    if any(map(smtpc.good, outcome.foreign)):
        return "a foreign recipient was told 2xx"
    if not deferred and any(code != 250 for code in outcome.good):
        return "the good recipient was not taken"
    if outcome.final // 100 != (4 if deferred else 2):
        return "not deferred" if deferred else "not accepted"
    if deferred and outcome.next[0] != (451 if wanted.data == "BDAT" else 250):
        return "the MAIL behind it"
    if deferred and wanted.data == "BDAT" and outcome.next[1] != 250:
        return "the second MAIL behind it"
    return None


def cases_quick(server):
    pipelines = server != "opensmtpd"
    spots = [(1, "first", 4), (1, "last", 6), (3, "mixed", 4), (3, "first", 6)]
    hows = ["steps", "typed"] + ["steps@" + cut for cut in CUTS]
    if pipelines:
        hows += ["together", "typed-together"] + ["together@" + cut for cut in CUTS]
    for how in hows:
        for foreign, order, family in spots:
            yield case(how, foreign, order, family)
    many = ["steps", "typed"] + ["steps@" + cut for cut in ("behind-verb", "open", "path", "last", "close")]
    if pipelines:
        many += ["together", "typed-together", "together@open", "together@path", "together@close"]
    for how in many:
        for order, family in (("first", 4), ("last", 6), ("mixed", 4)):
            yield case(how, 25, order, family)
    for how in ["steps", "typed", "steps@close", "steps@crlf"] + ["together"] * pipelines:
        for line in LINES:
            yield case(how, line=line)
        for path in PATHS:
            yield case(how, path=path, family=6)
            yield case(how, path=path, line="RCPT TO:{}")
    for how in ["steps", "typed", "steps@close", "together"] * pipelines:
        for foreign, order in ((1, "first"), (3, "last"), (25, "mixed")):
            yield case(how, foreign, order, data="BDAT")


def cases_full(server):
    yield from cases_quick(server)
    for one in [each for each in cases_quick(server) if each.line == PLAIN and each.path == PLAIN_PATH]:
        for foreign in (1, 3, 25):
            for order in ("first", "last", "mixed"):
                for family in (4, 6):
                    yield one._replace(foreign=foreign, order=order, family=family)


def delivered(maildirs, path):
    try:
        return len(os.listdir(os.path.join(maildirs, path, "new")))
    except FileNotFoundError:
        return 0


def wait_delivered(maildirs, paths):
    """Waits until each of the paths has its mail."""
    end = time.monotonic() + 30
    while not all(delivered(maildirs, path) for path in paths) and time.monotonic() < end:
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser()
    for name in ("server", "v4", "v6", "maildirs", "log"):
        parser.add_argument(name)
    parser.add_argument("--full", action="store_true", help="all combinations")
    options = parser.parse_args()
    addresses = {4: options.v4, 6: options.v6}
    cases = list(dict.fromkeys((cases_full if options.full else cases_quick)(options.server)))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda pair: dialogue(*pair, addresses), enumerate(cases)))

    accepted = [path for number, (one, outcome) in enumerate(zip(cases, outcomes)) if outcome.final == 250
                for is_good, path in recipients(number, one) if is_good]
    wait_delivered(options.maildirs, accepted)
    failures = 0
    for number, (one, outcome) in enumerate(zip(cases, outcomes)):
        good = [path for is_good, path in recipients(number, one) if is_good]
        counts = [delivered(options.maildirs, path) for path in good]
        wrong = verdict(one, outcome)
        if counts != [int(outcome.final == 250)] * len(good):
            wrong = "answered %s, delivered %s times" % (outcome.final, counts)
        if wrong:
            failures += 1
            print("%s: %s %s: %s" % (options.server, wrong, tuple(one), tuple(outcome)))
    with open(options.log, encoding="utf-8", errors="replace") as file:
        log = file.read()
    taken, foreign = TAKEN[options.server]
    mails = len(re.findall(taken, log))
    leaks = [line for line in log.splitlines() if re.search(foreign, line)]
    if mails != sum(outcome.final == 250 for outcome in outcomes):
        failures += 1
        print("%s has taken %d mails, %d were answered 250" % (
            options.server, mails, sum(outcome.final == 250 for outcome in outcomes)))
    failures += len(leaks)
    print("".join("%s took a foreign recipient: %s\n" % (options.server, line) for line in leaks), end="")
    print("%s: %d cases, %d mails accepted, %d deferred; %d failures" % (
        options.server, len(cases), mails, sum((outcome.final or 0) // 100 == 4 for outcome in outcomes), failures))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
