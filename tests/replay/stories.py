"""Captures in which each rule finds something that records can carry: TCP connections, packet by packet, as tests/pcap/make.py
makes them. All times are whole milliseconds, as those of records are."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pcap"))
from make import Talk, pcap  # noqa: E402

SERVER, OTHER, ISP = "192.168.0.10", "192.168.0.11", "198.51.100.7"
BEGIN_MS = 1767600000000  # Monday 2026-01-05, 08:00 UTC
FORMS = ["x@foreign.test", "x%foreign.test@example.org", "foreign.test!x@example.org", '"x@foreign.test"@example.org',
         "@example.org:x@foreign.test", "x@foreign.test@example.org", "x%foreign.test@[192.168.0.10]"]

CONF = """
mode = monitor
home = { "192.168.0.0/16" }
upstream "isp" { addresses = { "198.51.100.0/24" } }
servers "mail" { addresses = { "192.168.0.10", "192.168.0.11" }  names = { "mx.example.org" }  domains = { "example.org" } }
otherwise = inspect
volume "hosts" { match = { "any" }  except = { "192.168.30.0/24" }
                 messages = { "5/1m", "8/1h" }  recipients = { "12/1m", "20/1h" }  connections = { "6/1m" }  bytes = { "3k/1m", "5k/1h" }
                 destinations = { "4/1m" }  max-rcpt = 10 }
volume "senders" { match = { "any" }  key = mail-from  messages = { "4/1m" }  recipients = { "9/1m" }  destinations = { "3/1m" }  max-rcpt = 9 }
volume "users" { match = { "any" }  key = auth-user  messages = { "3/1m" }  recipients = { "7/1m" }  connections = { "3/1m" }
                 destinations = { "2/1m" }  max-rcpt = 8 }
volume "learned" { match = { "192.168.30.0/24" }  spike = 4  spike-floor = 3 }
fanout { limit = "5/10m"  long-limit = "8/1d" }
target { limit = "4/10m"  server-limit = "30/10m" }
harvest { limit = "5/10m"  long-limit = "9/1d" }
backscatter { limit = "5/1h"  recipient-limit = "3/1h" }
auth-guess { limit = "4/10m"  user-limit = "3/1h"  source-limit = "4/1h" }
"""


class World:
    """Connections one behind the other, or at once."""
    def __init__(self):
        self.now_ms, self.port, self.frames = BEGIN_MS, 20000, []

    def wait(self, seconds):
        self.now_ms += seconds * 1000

    def talk(self, client, server=SERVER, greeting="220 mx.example.org ESMTP", helo="EHLO host.elsewhere.test", offers=("8BITMIME",)):
        self.port = self.port + 1 if self.port < 60000 else 20000
        t = Talk(client, server, self.port, start=self.now_ms * 1000).open().s(greeting + "\r\n")
        if helo:
            t.c(helo + "\r\n").s("".join("250-%s\r\n" % w for w in ("mx.example.org",) + offers[:-1]) + "250 %s\r\n" % offers[-1])
        return t

    def end(self, t, quits=True):
        """The next connection begins a second behind the end of this one."""
        if quits:
            t.c("QUIT\r\n").s("221 2.0.0 Bye\r\n")
        t.close()
        self.frames += t.frames
        self.now_ms = max(self.now_ms, t.time // 1000 + 1000)

    def mail(self, client, rcpts, sender="<a@elsewhere.test>", server=SERVER, message_id="", body="hello\r\n", auth=None, final="250 2.0.0 Ok: queued as 4ABC",
             **talk):
        t = self.talk(client, server, **talk)
        if auth:
            self.login(t, *auth)
        send(t, rcpts, sender, message_id, body, final)
        self.end(t)

    @staticmethod
    def login(t, user, answer):
        from base64 import b64encode
        t.c("AUTH PLAIN %s\r\n" % b64encode(b"\0" + user.encode() + b"\0secret").decode()).s(answer + "\r\n")

    def write(self, path):
        with open(path, "wb") as out:
            out.write(pcap(sorted(self.frames, key=lambda f: f[0])))


def send(t, rcpts, sender, message_id="", body="hello\r\n", final="250 2.0.0 Ok: queued as 4ABC"):
    """rcpts: addresses, or (address, answer)."""
    t.c("MAIL FROM:%s\r\n" % sender).s("250 2.1.0 Ok\r\n")
    taken = 0
    for rcpt in rcpts:
        path, answer = rcpt if isinstance(rcpt, tuple) else (rcpt, "250 2.1.5 Ok")
        t.c("RCPT TO:<%s>\r\n" % path).s(answer + "\r\n")
        taken += answer.startswith("2")
    if not taken:
        t.c("RSET\r\n").s("250 2.0.0 Ok\r\n")
        return
    t.c("DATA\r\n").s("354 go\r\n")
    t.c("%sSubject: x\r\n\r\n%s.\r\n" % ("Message-ID: <%s>\r\n" % message_id if message_id else "", body)).s(final + "\r\n")


def relaying(w):
    for form in FORMS:
        w.mail("203.0.113.1", [(form, "554 5.7.1 Relay access denied")])
    for form in FORMS:
        w.mail("203.0.113.2", [form])
    w.mail("203.0.113.3", ["x@foreign.test"], final="554 5.7.1 no")
    # by way of the upstream; confirmed: the same mail leaves
    w.mail(ISP, [("y@forgotten.test", "554 5.7.1 Relay access denied")])
    w.mail("203.0.113.4", ["z@foreign.test"], message_id="leaves@elsewhere.test")
    w.mail(SERVER, ["z@foreign.test"], message_id="leaves@elsewhere.test", server="203.0.113.200", greeting="220 mx.foreign.test")
    # bounced: sent back with the null sender
    w.mail("203.0.113.5", ["q@foreign.test"], sender="<b@elsewhere.test>")
    w.mail(SERVER, ["b@elsewhere.test"], sender="<>", server="203.0.113.201", greeting="220 mx.elsewhere.test")


def names(w):
    w.mail("203.0.113.10", ["u@example.org"], sender="<boss@example.org>")
    w.mail("192.168.5.1", ["u@far.test"], sender="<me@other.test>", server="203.0.113.202")
    w.mail("203.0.113.11", ["u@example.org"], helo="EHLO mx.example.org")
    w.mail("203.0.113.12", ["u@example.org"], helo="HELO [192.168.0.10]")


def volume(w):
    for i in range(12):  # messages, recipients and connections of a source; of a sender
        w.mail("192.168.6.1", ["r%d-%d@far.test" % (i, n) for n in range(3)], sender="<loud@example.org>", server="203.0.113.203")
    w.wait(7200)
    w.mail("192.168.6.2", ["m%d@far.test" % i for i in range(25)], server="203.0.113.203", sender="<many@example.org>")
    w.mail("192.168.6.3", ["b@far.test"], server="203.0.113.203", sender="<big@example.org>", body="x" * 70 + "\r\n" * 1 + ("y" * 70 + "\r\n") * 100)
    for i in range(8):  # destinations of a source, of a sender, of a user
        w.mail("192.168.6.4", ["d@far.test"], server="203.0.113.%d" % (210 + i), sender="<wide@example.org>", auth=("wide", "235 2.7.0 Ok"))
    w.wait(7200)
    for i in range(9):  # a user from everywhere
        w.mail("192.168.7.%d" % (i + 1), ["h%d-%d@far.test" % (i, n) for n in range(9)], sender="<s%d@example.org>" % i, auth=("Joe" if i % 2 else "joe", "235 Ok"))
    w.wait(7200)


def behaviours(w):
    # refused recipients, a dictionary; VRFY and EXPN
    for i in range(6):
        w.mail("203.0.113.20", [("n%d-%d@example.org" % (i, n), "550 5.1.1 unknown") for n in range(6)])
    t = w.talk("203.0.113.21")
    for i in range(12):
        t.c("%s u%d\r\n" % ("VRFY" if i % 2 else "EXPN", i)).s("252 maybe\r\n")
    w.end(t)
    w.wait(3600)
    for i in range(12):
        w.mail("192.168.8.1", ["f@far%d.test" % i], server="203.0.113.%d" % (220 + i), sender="<f@example.org>")
    for i in range(40):  # many sources: one recipient, one server
        w.mail("203.%d.113.9" % (i + 1), ["victim@example.org" if i < 10 else "t%d@example.org" % i])
    w.wait(3600)
    for i in range(9):  # null senders inward, to one, and outward
        w.mail("203.0.114.%d" % (i + 1), ["joe%d@example.org" % (i // 5)], sender="<>")
    for i in range(9):
        w.mail(SERVER, ["back%d@far.test" % i], sender="<>", server="203.0.113.%d" % (230 + i), greeting="220 far")
    w.wait(3600)


def passwords(w):
    for i in range(3):  # one source, few users
        t = w.talk("203.0.113.30")
        for n in range(3):
            w.login(t, "joe", "535 5.7.8 no")
        w.end(t)
    t = w.talk("203.0.113.31")
    for i in range(40):  # many users of one source, in one connection
        w.login(t, "user%d" % i, "535 5.7.8 no")
    w.end(t)
    w.wait(3600)
    for i in range(12):  # many sources, one user
        t = w.talk("203.%d.115.1" % (i + 1))
        w.login(t, "root@example.org", "535 5.7.8 no")
        w.end(t)
    for i in range(8):  # a network
        t = w.talk("203.0.116.%d" % (i + 1))
        w.login(t, "x%d" % i, "535 5.7.8 no")
        w.end(t)
    w.mail("203.0.113.32", ["u@example.org"], auth=("sue", "235 2.7.0 Ok"))


def reputation(w):
    for i in range(4):
        w.mail(SERVER, [("p%d@far.test" % i, "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org")],
               server="203.0.113.204", greeting="220 far", sender="<u@example.org>")


def encryption(w):
    for offers in (("STARTTLS", "8BITMIME"),) * 3 + (("8BITMIME",),) * 2 + (("XXXXXXXA", "8BITMIME"),) * 2:
        w.mail("203.0.113.40", ["u@example.org"], offers=offers, server=OTHER)


def spike(w):
    """Four days of one mail an hour, then thirty in one."""
    begin = w.now_ms
    for hour in range(100):
        w.now_ms = begin + hour * 3600000
        w.mail("192.168.30.5", ["s@far.test"], sender="<p@example.org>", server="203.0.113.205")
    for i in range(120):
        w.mail("192.168.30.5", ["s%d@far.test" % i], sender="<p%d@example.org>" % i, server="203.0.113.205")
        w.wait(20)


STORIES = [relaying, names, volume, behaviours, passwords, reputation, encryption]
EXPECTED = {1025100, 1025101, 1025102, 1025120, 1025121, 1025122, 1025200, 1025202, 1025203, 1025204, 1025300, 1025301, 1025302, 1025600,
            1025411, 1025412, 1025415}


def whole():
    w = World()
    for story in STORIES:
        story(w)
        w.wait(60)
    return w


def days():
    w = World()
    spike(w)
    return w
