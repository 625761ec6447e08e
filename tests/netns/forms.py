#!/usr/bin/env python3
"""forms.py - what a mail server makes of each address form.

usage: forms.py SERVER ADDRESS LOG CLOSED|- <FORMS

FORMS is what `address --forms` printed for the victim vzz and the user uzz: a form on each line. Each is sent in a connection
of its own, with its number in place of "zz", as a whole mail if it is welcome. SERVER (postfix, exim, opensmtpd) names
the words of LOG. Where a mail has gone is read from there. Prints for each form

  NAME  TAB  RCPT TO  TAB  FORM  TAB  HOPS  TAB  JUDGED  TAB  CODE  TAB  WHERE

CODE: of the reply to RCPT (to MAIL, if that was refused). WHERE: the recipients that the server made of it, a blank between; those that are
not at the server itself behind a "*". "-" if there are none. Four connections at a time.
"""

import collections
import concurrent.futures
import re
import sys
import time

import smtpc

# A line that tells where a recipient went; what in it says that this is the server itself.
ROUTED = {
    "postfix": (r" to=<(.*?)>, (?:orig_to=<.*>, )?relay=(\w+)", "maildir"),
    "exim": (r" => (.*?) (?:<.*> )?R=(\w+)", "ours"),
    "opensmtpd": (r" smtp envelope evpid=\w+ from=<.*> to=<(.*)>()", None),
}
OPENSMTPD_OURS = re.compile(r"@(example\.org|mx\.example\.org|localhost)$", re.I)


def unescape(text):
    return re.sub(rb"\\(x[0-9a-f]{2}|\\)", lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), text.encode())


def numbered(text, number):
    return text.replace(b"zz", b"%dz" % number).replace(b"ZZ", b"%dZ" % number)


def send(address, number, mail, rcpt):
    """The code of the reply that decided; 0 if the connection broke."""
    try:
        client = smtpc.Quiet(address)
        client.reply()
        client.say(b"EHLO client.example\r\n")
        code = client.say(b"MAIL FROM:" + numbered(unescape(mail), number) + b"\r\n")
        if smtpc.good(code):
            code = client.say(b"RCPT TO:" + numbered(unescape(rcpt), number) + b"\r\n")
        if smtpc.good(code) and client.say(b"DATA\r\n") == 354:
            client.say(b"Subject: a form\r\n\r\nbody\r\n.\r\n")
        client.say(b"QUIT\r\n")
        return code
    except (smtpc.Ended, OSError):
        return 0


def routed(server, log):
    """Number of a form: the set of recipients that became of it."""
    pattern, ours = ROUTED[server]
    ways = collections.defaultdict(set)
    with open(log, errors="backslashreplace") as lines:
        for line in lines:
            found = re.search(pattern, line)
            number = found and re.search(r"[uv](\d+)z", found[1], re.I)
            if number:
                here = found[2] == ours if ours else OPENSMTPD_OURS.search(found[1])
                ways[int(number[1])].add(("" if here else "*") + re.sub(r"([uvUV])\d+[zZ]", r"\1", found[1]))
    return ways


def main():
    server, address, log = sys.argv[1:4]
    forms = [line.rstrip("\n").split("\t") for line in sys.stdin]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda f: send(address, f[0], f[1][1], f[1][2]), enumerate(forms)))
    taken = {number for number, code in enumerate(codes) if smtpc.good(code)}
    end = time.monotonic() + 15
    while taken - set(routed(server, log)) and time.monotonic() < end:
        time.sleep(0.2)
    ways = routed(server, log)
    for number, (form, code) in enumerate(zip(forms, codes)):
        name, _, rcpt, kind, hops, judged, _ = form
        where = " ".join(sorted(ways[number])) or "-"
        print("\t".join([name, rcpt, kind, hops, judged, str(code), where]))


if __name__ == "__main__":
    main()
