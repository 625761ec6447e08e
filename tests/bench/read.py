#!/usr/bin/env python3
"""How fast `postern read` is beside tshark, and how much memory it takes.

usage: read.py POSTERN FOLDER     the captures are made in FOLDER (500 MB and 100 MB), once

One run of each on the same capture, records and fields to /dev/null; the ratio of CPU time is what counts, since other
work on the machine moves the clock. Memory is the peak resident size. Below 10 times, or where memory at 500 MB is more
than a tenth above that at 100 MB, the status is 1. tshark reads with its SMTP dissector and prints the fields that the records hold, too.
"""
import os
import subprocess
import sys
import time

BIG, SMALL = 500, 100
FIELDS = ("frame.number", "ip.src", "tcp.srcport", "smtp.req.command", "smtp.req.parameter", "smtp.response.code")


def made(folder, megabytes):
    path = os.path.join(folder, "mail-%d.pcap" % megabytes)
    if not os.path.exists(path):
        maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mailcap.py")
        subprocess.run([sys.executable, maker, str(megabytes), path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def measure(command):
    """Seconds by the clock and of CPU, peak kB, what it said on stderr."""
    began = time.monotonic()
    with open(os.devnull, "wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
        said = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        sys.exit("%s: status %d: %s" % (command[0], child.returncode, said))
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, said.strip().splitlines()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    postern, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    tshark = ["tshark", "-n", "-Y", "smtp", "-T", "fields"] + [word for field in FIELDS for word in ("-e", field)] + ["-r"]
    runs = [("postern read", SMALL, [postern, "read", "-f", "eve"]), ("postern read", BIG, [postern, "read", "-f", "eve"]),
            ("tshark", SMALL, tshark), ("tshark", BIG, tshark)]
    seen = {}
    print("%-14s %6s %9s %9s %10s" % ("", "MB", "seconds", "CPU s", "peak MB"))
    for name, megabytes, command in runs:
        path = made(folder, megabytes)
        with open(path, "rb") as file:  # both read from the page cache
            while file.read(1 << 20):
                pass
        try:
            wall, cpu, peak, said = seen[name, megabytes] = measure(command + [path])
        except FileNotFoundError:
            sys.exit("tshark is not there: apt-get install tshark")
        print("%-14s %6d %9.2f %9.2f %10.1f" % (name, os.path.getsize(path) // 1000000, wall, cpu, peak / 1024))
        if name == "postern read":
            print("  " + said[-1])
    wall, ratio = (seen["tshark", BIG][i] / seen["postern read", BIG][i] for i in (0, 1))
    growth = seen["postern read", BIG][2] / seen["postern read", SMALL][2]
    print("postern read is %.1f times as fast as tshark (CPU; %.1f times by the clock); its memory at %d MB is %.2f times "
          "that at %d MB" % (ratio, wall, BIG, growth, SMALL))
    return 0 if ratio >= 10 and growth < 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
