#!/usr/bin/env python3
"""session.py - a client that may be turned away at the greeting: what it is told, and what it can still say.

usage: session.py ADDRESS quit|ehlo|mail [FROM-ADDRESS]

Prints the greeting's code and text as smtplib reads them, then the code of the reply to QUIT, to EHLO, or to a whole mail
of 20 kB that leaves at once (one packet to the gateway, where the network card cuts); "reset" when the connection is broken.
"""
import smtplib
import sys

RCPTS = b"".join(b"RCPT TO:<n%04d@example.org>\r\n" % n for n in range(700))
MAIL = b"EHLO c\r\nMAIL FROM:<a@c>\r\n" + RCPTS + b"DATA\r\n"


def main():
    client = smtplib.SMTP(timeout=15, source_address=(sys.argv[3], 0) if len(sys.argv) > 3 else None)
    code, text = client.connect(sys.argv[1], 25)
    print(code, text.decode(errors="replace").split("\n", 1)[0].strip(), end=" / ")
    try:
        if sys.argv[2] == "mail":
            client.sock.sendall(MAIL)
            print(client.getreply()[0])
        else:
            print(client.docmd(sys.argv[2])[0])
    except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
        print("reset" if "reset" in str(error).lower() else error)


main()
