#!/usr/bin/env python3
"""table.py - the bench's measurements as a table and a picture.

usage: table.py SAMPLES.tsv PICTURE.svg [NOTES]

A ratio is made within one round, time of plain forwarding by time of this way (1.00: as quick as without a guard, 0.50:
half as quick), and the median of the rounds is told: so what slows the machine down for a while slows both sides.
"""
import csv
import datetime
import os
import statistics
import sys
from xml.sax.saxutils import escape

LOADS = {
    "short": "one mail of 1 kB a connection",
    "long": "mails of 1 kB, one after another in 8 connections",
    "bulk": "mails of 20 MB, 2 connections",
}
COLORS = {"plain": "#b0b0b0", "queue-all": "#e0a030", "queue-same": "#70a8d8", "postern": "#2f6f4f"}


def read_samples(path):
    """{(load, way): {round: row}} with numbers as floats; the order is the file's."""
    samples = {}
    with open(path, encoding="ascii") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            numbers = {k: float(row[k] or 0) for k in ("mails", "seconds", "queued", "cpu_s", "peak_kb")}
            samples.setdefault((row["load"], row["way"]), {})[row["round"]] = numbers
    return samples


# Beside plain forwarding.
COMPARED = (("unread", "no-queue"), ("no-ends", "queue-same"), ("no-replies", "queue-same"))


def ratios(samples, load, way, base="plain"):
    plain = samples.get((load, base), {})
    return [plain[r]["seconds"] / row["seconds"] for r, row in samples[load, way].items() if r in plain]


def per_mail(rows, field):
    return sum(row[field] for row in rows.values()) / sum(row["mails"] for row in rows.values())


def lines(samples):
    """The rows of the table, as text."""
    previous = None
    for (load, way), rows in sorted(samples.items(), key=lambda item: list(LOADS).index(item[0][0])):
        if load != previous:
            previous = load
            yield f"\n{load}: {LOADS[load]}, {next(iter(rows.values()))['mails']:.0f} mails a measurement"
            yield f"  {'way':<12} {'ratio':>6} {'min':>6} {'max':>6}   {'seconds':>8} {'packets/mail':>13} {'CPU ms/mail':>12} {'peak MB':>8}"
        found = ratios(samples, load, way)
        ratio = f"{statistics.median(found):6.2f} {min(found):6.2f} {max(found):6.2f}" if found else f"{'-':>6} {'-':>6} {'-':>6}"
        guard = (f"{per_mail(rows, 'queued'):13.1f} {per_mail(rows, 'cpu_s') * 1000:12.3f} "
                 f"{max(row['peak_kb'] for row in rows.values()) / 1024:8.0f}") if way != "plain" else ""
        yield f"  {way:<12} {ratio}   {statistics.median(row['seconds'] for row in rows.values()):8.2f} {guard}".rstrip()
    for (load, way), base in ((key, base) for key in samples for name, base in COMPARED if key[1] == name):
        found = ratios(samples, load, way, base)
        if found:
            yield f"\n{load}: {way} is {statistics.median(found):.2f} of {base} ({min(found):.2f} to {max(found):.2f})"


def picture(samples, title):
    """Bars of the median ratios, with a line from the smallest to the largest one."""
    width, left, bar, scale = 720, 190, 18, 400
    out, y = [], 56
    for load in (name for name in LOADS if any(key[0] == name for key in samples)):
        out.append(f'<text x="16" y="{y}" font-weight="bold">{load}</text><text x="64" y="{y}" fill="#666">{escape(LOADS[load])}</text>')
        y += 10
        for way in (key[1] for key in samples if key[0] == load):
            found = ratios(samples, load, way)
            if not found:
                continue
            mid = statistics.median(found)
            low, high = (min(v, 1.15) * scale for v in (min(found), max(found)))
            out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{way}</text>'
                       f'<rect x="{left}" y="{y}" width="{min(mid, 1.15) * scale:.1f}" height="{bar}" fill="{COLORS.get(way, "#888")}"/>'
                       f'<path d="M{left + low:.1f} {y + bar / 2}H{left + high:.1f}" stroke="#000"/>'
                       f'<text x="{left + max(mid * scale, high) + 6:.1f}" y="{y + 14}">{mid:.2f}</text>')
            y += bar + 6
        y += 26
    one = left + scale
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-family="sans-serif" font-size="13">'
            f'<rect width="100%" height="100%" fill="#fff"/><text x="16" y="24" font-size="15">{escape(title)}</text>'
            f'<path d="M{one} 40V{y - 20}" stroke="#999" stroke-dasharray="4 3"/>' + "\n".join(out) + "</svg>\n")


def main():
    samples = read_samples(sys.argv[1])
    rounds = len(next(iter(samples.values())))
    machine = f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} cores, Linux {os.uname().release.split('-')[0]}"
    print(f"Speed of forwarding, plain = 1.00: medians of {rounds} rounds. {machine}")
    for line in lines(samples):
        print(line)
    print("\nClient, gateway and server share these cores, and perhaps other work does: only the ratios mean something,\n"
          "and only within one run. CPU and peak memory are the listener's on the queue (docs/BENCH.md).")
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as file:
            for note in file:
                print(f"NOTE: {note.rstrip()}")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(picture(samples, f"Speed of forwarding, plain = 1.00 (median, min to max; {machine})"))


main()
