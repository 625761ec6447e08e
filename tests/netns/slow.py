#!/usr/bin/env python3
"""slow.py - a mail client that stops where it is told, until it is told to go on.

usage: slow.py ADDRESS PLACE GOOD FOREIGN       PLACE: greeting, commands, envelope, body, tls

Sends a mail to GOOD and then, on the same connection, one to FOREIGN. At PLACE it says "waiting" and reads a line; at the end
it prints the codes of what it sent. "body" stops in the middle of a line of the first mail, which has lines that look like
commands; "tls" after the first EHLO under TLS. Exit 0: the dialogue ran to its end, whatever the codes were.
"""
import smtplib
import ssl
import sys

LINES = b"Subject: slow\r\n\r\n" + b"MAIL FROM:<x@y>\r\nRCPT TO:<x@foreign.test>\r\nDATA\r\n" * 200


class Slow(smtplib.SMTP):
    def __init__(self, address, place):
        super().__init__(timeout=30)
        self.place, self.codes, self._host = place, [], address
        self.codes.append(self.connect(address, 25)[0])
        self.at("greeting")

    def at(self, place):
        if place == self.place:
            print("waiting", flush=True)
            sys.stdin.readline()

    def say(self, line):
        self.codes.append(self.docmd(line)[0])
        return self.codes[-1]

    def mail(self, recipient):
        self.say("MAIL FROM:<sender@isp.example>")
        self.at("commands")
        self.say("RCPT TO:<%s>" % recipient)
        self.at("envelope")
        if self.say("DATA") == 354:
            middle = len(LINES) // 2 + 3
            self.send(LINES[:middle])
            self.at("body")
            self.send(LINES[middle:] + b"\r\n.\r\n")
            self.codes.append(self.getreply()[0])
        self.place = None


def main():
    address, place, good, foreign = sys.argv[1:]
    client = Slow(address, place)
    client.say("EHLO isp.example")
    if place == "tls":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client.starttls(context=context)
        client.say("EHLO isp.example")
        client.at("tls")
    client.mail(good)
    client.mail(foreign)
    client.say("QUIT")
    print(*client.codes)


if __name__ == "__main__":
    main()
