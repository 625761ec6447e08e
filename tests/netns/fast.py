#!/usr/bin/env python3
"""fast.py - mails whose bodies are to pass a gateway unread, and what clients send behind them.

usage: fast.py ADDRESS STORY [BYTES [FOLDER]]

Every story but `mtls` prints the reply codes that it gets in one line, then "reset" or "closed" if that was the end.
BYTES (default 5,000,000) is the size of its bodies.

  mails      a mail; one more of which a foreign recipient is to be refused, pipelined; a third; QUIT
  quit       a mail with QUIT right behind its end
  hidden     a mail with MAIL, RCPT and DATA right behind its end, in one segment with that
  hidden-all the same with all of that second mail
  bdat       a mail in one chunk, one in four of which the last is long, then a foreign recipient
  bdat-hidden  a mail in one chunk with MAIL and RCPT right behind it
  two-halves a mail of which the second half follows when FOLDER/go is there; then a foreign recipient, then a whole mail
  tls        STARTTLS and a mail, by smtplib
  tls-reset  the same, and then a reset in place of QUIT
  tls-stays  STARTTLS; NOOP when FOLDER/go is there: prints "cut off" if that is the end
"""
import os
import smtplib
import socket
import ssl
import struct
import sys
import time

LINE = b"The quick brown fox jumps over the lazy dog while the postern stays shut.....\r\n"
FOREIGN = b"RCPT TO:<x@foreign.test>\r\n"


class Client:
    def __init__(self, address):
        self.codes = []
        self.socket = socket.create_connection((address, 25), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.reply()
        self.say(b"EHLO isp.example\r\n")

    def line(self):
        while b"\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def reply(self):
        line = self.line()
        while line[3:4] == b"-":
            line = self.line()
        self.codes.append(line[:3].decode())

    def go_on(self):
        """Takes what replies there are and goes on talking: a reset shows at the latest then."""
        self.socket.settimeout(0.5)
        for _ in range(8):
            try:
                self.reply()
            except TimeoutError:
                self.socket.sendall(b"NOOP\r\n")

    def say(self, data, replies=1):
        self.socket.sendall(data)
        for _ in range(replies):
            self.reply()

    def envelope(self, who, data=True):
        self.say(b"MAIL FROM:<a@isp.example>\r\n")
        self.say(b"RCPT TO:<%s@example.org>\r\n" % who)
        if data:
            self.say(b"DATA\r\n")

    def settle(self):
        """Until the kernel has no byte left to send: what is written now is a segment of its own."""
        import fcntl
        while struct.unpack("i", fcntl.ioctl(self.socket, 0x5411, bytes(4)))[0]:    # SIOCOUTQ
            time.sleep(0.002)


def body(size):
    return b"Subject: test\r\n\r\n" + LINE * (size // len(LINE) + 1)


def mails(client, size, _):
    client.envelope(b"first")
    client.say(body(size) + b".\r\n")
    client.say(b"MAIL FROM:<a@isp.example>\r\nRCPT TO:<second@example.org>\r\n" + FOREIGN + b"DATA\r\n", 4)
    client.say(body(size) + b".\r\n")
    client.envelope(b"third")
    client.say(body(100) + b".\r\n")
    client.say(b"QUIT\r\n")


def quit_behind(client, size, _):
    client.envelope(b"quit")
    client.say(body(size) + b".\r\nQUIT\r\n", 2)


def hidden_mail(client, size, behind):
    client.envelope(b"cover")
    client.socket.sendall(body(size))
    client.settle()
    client.say(b".\r\nMAIL FROM:<b@isp.example>\r\nRCPT TO:<hidden@example.org>\r\nDATA\r\n" + behind)
    client.go_on()


def hidden(client, size, _):
    hidden_mail(client, size, b"")


def hidden_all(client, size, _):
    hidden_mail(client, size, b"Subject: hidden\r\n\r\nhidden\r\n.\r\n")


def bdat(client, size, _):
    client.envelope(b"chunk", False)
    whole = body(size)
    client.say(b"BDAT %d LAST\r\n" % len(whole) + whole)
    client.envelope(b"chunks", False)
    client.say((b"BDAT 100000\r\n" + whole[:100000]) * 3, 3)
    client.say(b"BDAT %d LAST\r\n" % len(whole) + whole)
    client.say(b"MAIL FROM:<a@isp.example>\r\n")
    client.say(FOREIGN)
    client.say(b"QUIT\r\n")


def bdat_hidden(client, size, _):
    client.envelope(b"cover", False)
    whole = body(size)
    client.say(b"BDAT %d LAST\r\n" % len(whole) + whole + b"MAIL FROM:<b@isp.example>\r\nRCPT TO:<hidden@example.org>\r\n")
    client.go_on()


def two_halves(client, size, folder):
    client.envelope(b"halves")
    client.socket.sendall(body(size))
    client.settle()
    print("half", flush=True)
    while not os.path.exists(folder + "/go"):
        time.sleep(0.02)
    client.say(LINE * (size // len(LINE)) + b".\r\n")
    client.say(b"MAIL FROM:<a@isp.example>\r\n")
    client.say(FOREIGN)
    client.say(b"RSET\r\n")
    client.envelope(b"behind")
    client.say(body(size) + b".\r\n")
    client.say(b"QUIT\r\n")


def begin_tls(address):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    smtp = smtplib.SMTP(address, 25, timeout=30)
    smtp.starttls(context=context)
    smtp.noop()
    return smtp


def tls_stays(address, folder):
    smtp = begin_tls(address)
    print("under TLS", flush=True)
    while not os.path.exists(folder + "/go"):
        time.sleep(0.02)
    try:
        print("answered", smtp.noop())
    except (ConnectionResetError, smtplib.SMTPServerDisconnected):
        print("cut off")


def tls(address, size, with_reset):
    smtp = begin_tls(address)
    smtp.sendmail("a@isp.example", ["tls@example.org"], body(size))
    if with_reset:
        smtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        smtp.close()
        print("sent")
        return
    smtp.docmd("QUIT")
    while smtp.sock.recv(4096):         # what is left unread makes the end a reset
        pass
    smtp.close()
    print("sent")


STORIES = {"mails": mails, "quit": quit_behind, "hidden": hidden, "hidden-all": hidden_all, "bdat": bdat,
           "bdat-hidden": bdat_hidden, "two-halves": two_halves}


def main():
    address, story = sys.argv[1:3]
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 5_000_000
    if story in ("tls", "tls-reset"):
        tls(address, size, story == "tls-reset")
        return
    if story == "tls-stays":
        tls_stays(address, sys.argv[4])
        return
    client = Client(address)
    try:
        STORIES[story](client, size, sys.argv[4] if len(sys.argv) > 4 else "")
    except (ConnectionResetError, BrokenPipeError):
        client.codes.append("reset")
    except EOFError:
        client.codes.append("closed")
    print(*client.codes)


main()
