#!/usr/bin/env python3
"""How fast `postern read` is beside tshark, and how much memory it takes.

usage: read.py POSTERN FOLDER     the captures are made in FOLDER (500 MB and 100 MB), once

Both read the same 100 MB in turns, ROUNDS times (5), records and fields to /dev/null. What counts is the ratio of CPU time within a
round, since other work on the machine moves the clock; its median, min and max are told. Then `postern read` takes 500 MB: its peak
resident size must not grow. Below 10 times, or where that is more than a tenth above the one at 100 MB, the status is 1. tshark
reads with its SMTP dissector and prints the fields that the records hold, too.
"""
import os
import statistics
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


def read_whole(path):
    """So that both read it from the page cache."""
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def run(name, command, path):
    """Measures, and prints a line."""
    try:
        wall, cpu, peak, said = measure(command + [path])
    except FileNotFoundError:
        sys.exit("tshark is not there: apt-get install tshark")
    print("%-14s %6d %9.2f %9.2f %10.1f" % (name, os.path.getsize(path) // 1000000, wall, cpu, peak / 1024), flush=True)
    return wall, cpu, peak, said


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    postern, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    read = [postern, "read", "-f", "eve"]
    tshark = ["tshark", "-n", "-Y", "smtp", "-T", "fields"] + [word for field in FIELDS for word in ("-e", field)] + ["-r"]
    small, big = made(folder, SMALL), made(folder, BIG)
    ratios, clocks = [], []
    print("load at the start: %.1f, %.1f, %.1f on %d cores" % (*os.getloadavg(), os.cpu_count()))
    print("%-14s %6s %9s %9s %10s" % ("", "MB", "seconds", "CPU s", "peak MB"))
    read_whole(small)
    for _ in range(int(os.environ.get("ROUNDS", "5"))):
        ours, theirs = run("postern read", read, small), run("tshark", tshark, small)
        clocks.append(theirs[0] / ours[0])
        ratios.append(theirs[1] / ours[1])
    read_whole(big)
    _, _, peak, said = run("postern read", read, big)
    print("  " + said[-1])
    growth = peak / ours[2]
    ratio = statistics.median(ratios)
    print("postern read is %.1f times as fast as tshark (CPU, median of %d; %.1f to %.1f; %.1f by the clock); its memory at %d MB is "
          "%.2f times that at %d MB" % (ratio, len(ratios), min(ratios), max(ratios), statistics.median(clocks), BIG, growth, SMALL))
    return 0 if ratio >= 10 and growth < 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
