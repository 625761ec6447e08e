#!/usr/bin/env python3
"""How soon `postern replay` finds attacks in days of made-up mail, and how often it cries wolf; beside two rivals.

usage: eval.py POSTERN [--seeds "11 12"] [--tune 1] [--days N] [--sources N] [--conf FILE] [--doc FILE] [--quick]

Each seed is a campus (traffic.py); its records (records.py) go through `postern replay -c eval.conf`, and its sessions through the
rivals (rivals.py), whose thresholds are set on the seed --tune, so that they raise as many false alarms there as is allowed.
All else is measured on --seeds; --doc writes it to a page. --quick: a small one that asserts what must hold, for `make check`.
EVAL_SHOW=1 prints the alerts that are false.
"""
import argparse
import bisect
import calendar
import heapq
import io
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import records
import rivals as others
from traffic import BEGIN_S, DAY_MS, HOUR_MS, SERVER, Campus

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = {1025200, 1025201, 1025202, 1025203, 1025204, 1025300, 1025301, 1025302, 1025600}
AT_TARGET = {1025204, 1025301}
BUDGET = 1 / 1000  # false alarms per source-day that the rivals are allowed
AFTER_MS = HOUR_MS  # what is found so long behind an attack is found
SHADOW_MS = DAY_MS  # no alarm so long behind it is false: it is still in the windows
KINDS = ["fast zombie", "slow zombie", "worm", "snowshoe", "harvester", "hacked account", "password guesser", "backscatter"]


class Story:
    """One attack, as it is judged: by one host, or by all of a kind where they are one (snowshoe)."""
    def __init__(self, kind, group, start, stop):
        self.kind, self.group, self.start, self.stop = kind, group, start, stop
        self.accepted = []  # times
        self.found = {}     # who found it -> (time, accepted recipients before)
        self.by = None      # the rule that found it

    def tell(self, who, at):
        if who not in self.found or at < self.found[who][0]:
            self.found[who] = (at, bisect.bisect_left(self.accepted, at))
            return True
        return False


def stories_of(campus):
    """attack -> its story; snowshoe is one."""
    out, snow = {}, None
    for a in campus.attacks:
        story = Story(a.kind, a.group, a.start, a.stop)
        if a.kind == "snowshoe":
            snow = snow or story
            snow.start, snow.stop = min(snow.start, a.start), max(snow.stop, a.stop)
            story = snow
        out[a] = story
    return out


class Run:
    """One seed."""
    def __init__(self, postern, conf, seed, days, sources, say):
        self.campus = Campus(seed, days, sources, min(6, days - 1))
        self.stories = stories_of(self.campus)
        self.seed, self.days, self.say = seed, days, say
        self.rivals = others.Rivals()
        self.sessions = 0
        self.by_source = {}
        for attack in self.campus.attacks:
            self.by_source.setdefault(attack.address, []).append(attack)
        self.honest_days = {}
        for s in self.campus.honest:
            self.honest_days[s.group] = self.honest_days.get(s.group, 0) + days
        self.alarms = []  # of honest sources: (source, day, rule, kind)
        self.kind_of = {s.address if s.address != SERVER else s.sender: s.kind for s in self.campus.honest}
        self.seconds = self.replay(postern, conf)

    def attack_on(self, s):
        """The attack that its source is under when s begins; False: one is just over."""
        if s.who in self.stories:
            return self.stories[s.who]
        over = None
        for a in self.by_source.get(s.src, ()):
            if a.start <= s.start < a.stop + AFTER_MS:
                return self.stories[a]
            if a.start <= s.start < a.stop + SHADOW_MS:
                over = False
        return over

    def feed(self, out):
        """All records, in the order of their ends."""
        pending, flow = [], 0
        for hour in range(self.days * 24):
            for s in self.campus.hour(hour):
                flow += 1
                story = self.attack_on(s)
                self.rivals.session(s, story)
                if s.who in self.stories:
                    for i, r in enumerate(s.rcpts):
                        if r[1] == 250 and not (s.who.kind == "hacked account" and s.src != SERVER):
                            story.accepted.append(s.time_of(i))
                for when, line in records.lines(s, flow):
                    heapq.heappush(pending, (when, len(pending) + flow * 4, line))
            while pending and pending[0][0] < (hour + 1) * HOUR_MS:
                out.write(heapq.heappop(pending)[2])
            self.say("day %d of %d, %d connections" % (hour // 24 + 1, self.days, flow))
        while pending:
            out.write(heapq.heappop(pending)[2])
        self.sessions = flow
        for story in self.stories.values():
            story.accepted.sort()

    def replay(self, postern, conf):
        with tempfile.TemporaryFile("w+") as alerts, tempfile.TemporaryFile("w+") as said:
            began = time.monotonic()
            child = subprocess.Popen([postern, "replay", "-c", conf, "-"], stdin=subprocess.PIPE,
                                     stdout=alerts, stderr=said, text=True, bufsize=1 << 20)
            self.feed(child.stdin)
            child.stdin.close()
            if child.wait() not in (0, 1):
                said.seek(0)
                sys.exit("postern replay failed: " + said.read())
            said.seek(0)
            self.said = said.read()
            if "bad lines" not in self.said or " 0 bad lines" not in self.said:
                sys.exit("postern replay could not read our records: " + self.said)
            alerts.seek(0)
            for line in alerts:
                self.take(json.loads(line))
            return time.monotonic() - began

    def story_at(self, source, sender, at):
        """The attack that an alert about this source belongs to: one that goes on, or else one that is just over."""
        over = None
        for a, story in self.stories.items():
            if not story.start <= at < story.stop + SHADOW_MS:
                continue
            if a.kind == "hacked account":
                is_it = source == a.address or (source == SERVER and sender in (a.user.sender, None))
            elif a.kind == "backscatter":
                is_it = source.startswith("185.")
            else:
                is_it = a.address == source
            if is_it and at < story.stop + AFTER_MS:
                return story
            over = story if is_it else over
        return over

    def take(self, alert):
        rule = alert["alert"]["signature_id"]
        if rule not in RULES or alert["incident"]["state"] == "closed":
            return
        at = round((records_time(alert["timestamp"]) - BEGIN_S) * 1000)
        source = alert.get("src_ip", "")
        sender = alert.get("smtp", {}).get("mail_from")
        story = self.story_at(source, sender, at)
        if not story and rule in AT_TARGET:
            story = next((s for s in self.stories.values() if s.kind == "backscatter" and s.start <= at < s.stop + SHADOW_MS), None)
        if story:
            if at < story.stop + AFTER_MS and story.tell("postern", at):
                story.by = alert["alert"]["rule"]
        else:
            key = source if source != SERVER else sender or SERVER
            if os.environ.get("EVAL_SHOW"):
                print("false alarm:", json.dumps(alert))
            self.alarms.append((key, at // DAY_MS, alert["alert"]["rule"], self.kind_of.get(key, "server")))


def records_time(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0." + text[20:26])


# ---- what comes out --------------------------------------------------------------------------------

def median(values):
    values = sorted(values)
    return values[len(values) // 2] if values else None


def duration(ms):
    if ms is None:
        return "-"
    s = ms / 1000
    return "%d s" % s if s < 120 else "%d min" % (s / 60) if s < 7200 else "%.1f h" % (s / 3600)


def cell(stories, who):
    """Share found, median delay, recipients by then: median and most."""
    hits = [s for s in stories if who in s.found]
    if not hits:
        return "0 %", "-", "-"
    before = [s.found[who][1] for s in hits]
    return ("%d %%" % (100 * len(hits) / len(stories)), duration(median([s.found[who][0] - s.start for s in hits])),
            "%d, %d" % (median(before), max(before)))


def all_stories(runs):
    return [s for r in runs for s in {id(s): s for s in r.stories.values()}.values()]


def judge_rivals(runs, name, limits):
    for r in runs:
        for story in {id(s): s for s in r.stories.values()}.values():
            hit = others.found(r.rivals, story, story.group, limits)
            if hit:
                story.found[name] = hit


def rate(alarms, runs):
    return 1000 * alarms / sum(sum(r.honest_days.values()) for r in runs)


def table(runs, names, rates):
    rows = [["attack", "n"] + [h for n in names for h in (n + ": found", "delay", "recipients")]]
    stories = all_stories(runs)
    for kind in KINDS:
        some = [s for s in stories if s.kind == kind]
        if some:
            rows.append([kind, str(len(some))] + [c for n in names for c in cell(some, n)])
    rows.append(["false alarms per 1000 source-days", ""] + [c for n in names for c in ("%.2f" % rates[n], "", "")])
    return rows


def print_table(rows, out):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for n, r in enumerate(rows):
        out.write("| " + " | ".join(c.ljust(w) for c, w in zip(r, widths)) + " |\n")
        if n == 0:
            out.write("|" + "|".join("-" * (w + 2) for w in widths) + "|\n")


def verdicts(runs, names, our_rate):
    """What must hold, and whether it does: (text, bool)."""
    stories = all_stories(runs)
    fast = [s for s in stories if s.kind == "fast zombie"]
    slow = [s for s in stories if s.kind == "slow zombie"]
    in_time = [s for s in fast if "postern" in s.found and s.found["postern"][1] < 50]
    soon = [s for s in slow if "postern" in s.found and s.found["postern"][0] - s.start <= 2 * HOUR_MS]
    yield "fast zombies found before their 50th accepted recipient: %d of %d" % (len(in_time), len(fast)), len(in_time) == len(fast)
    yield "slow zombies found within two hours: %d of %d" % (len(soon), len(slow)), len(soon) == len(slow)
    yield "false alarms per thousand source-days: %.2f, at most 1" % our_rate, our_rate <= 1
    for kind in KINDS:
        some = [s for s in stories if s.kind == kind]
        if not some:
            continue
        worse = [n for n in names if n != "postern" and not at_least_as_good(some, n)]
        yield "%s: %s" % (kind, "no rival is better" if not worse else "better is " + " and ".join(worse)), not worse


def at_least_as_good(stories, rival):
    """More found, or as many with fewer recipients (then seconds) gone in the median."""
    ours, theirs = ([s.found[w] for s in stories if w in s.found] for w in ("postern", rival))
    if len(ours) != len(theirs):
        return len(ours) > len(theirs)
    if not ours:
        return True
    key = lambda hits: (median([h[1] for h in hits]), median([h[0] - s.start for h, s in zip(hits, stories)]))
    return key(ours) <= key(theirs)


def count_by(items):
    out = {}
    for i in items:
        out[i] = out.get(i, 0) + 1
    return sorted(out.items(), key=lambda kv: -kv[1])


def found_by(runs):
    return ", ".join("%s by %s %d" % (k + (n,)) for k, n in count_by((s.kind, s.by) for s in all_stories(runs) if s.by)) or "none"


def accused(runs):
    return ", ".join("%s about %s %d" % (k + (n,)) for k, n in count_by((a[2], a[3]) for r in runs for a in r.alarms)) or "no false alarm"


def our_rate(runs):
    return rate(len({(i,) + a[:2] for i, r in enumerate(runs) for a in r.alarms}), runs)


def set_rivals(tune, runs, names, rates):
    """Thresholds from `tune`, then what they find in `runs`."""
    plain = {(g, "sigma"): 3 for g in runs[0].honest_days}
    for name, measures in (("anvil", others.MEASURES[:3]), ("sigma", others.MEASURES[3:]), ("3 sigma", None)):
        limits = others.thresholds(tune.rivals, BUDGET, measures, tune.honest_days) if measures else plain
        judge_rivals(runs, name, limits)
        names.append(name)
        rates[name] = rate(sum(others.false_alarms(r.rivals, limits) for r in runs), runs)
        if measures:
            print("%s: %s" % (name, ", ".join("%s %s %.4g" % (g, m, v) for (g, m), v in sorted(limits.items()))))


def write_page(path, o, runs, rows, judged):
    with open(os.path.join(HERE, "page.md"), encoding="utf-8") as page:
        text = page.read()
    table_text = io.StringIO()
    print_table(rows, table_text)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text.format(
            summary="Seeds %s, thresholds of the rivals set on seed %d: %d connections of %d sources, %d days each." % (
                " and ".join(str(r.seed) for r in runs), o.tune, sum(r.sessions for r in runs), len(runs[0].campus.honest), o.days),
            table=table_text.getvalue().rstrip(), days=o.days,
            verdicts="\n".join("- %s%s" % ("" if good else "**not so:** ", text) for text, good in judged),
            by="%s.\n\n%s." % (found_by(runs), accused(runs))))


def quick(runs):
    """Few sources and days: does the whole of it hold together? Closes as the other tests do."""
    stories = all_stories(runs)
    missed = [s.kind for s in stories if "postern" not in s.found and s.kind not in ("slow zombie", "hacked account")]
    late = [s for s in stories if s.kind == "fast zombie" and "postern" in s.found and s.found["postern"][1] >= 50]
    checks = [("attacks are found, all but slow ones: missed " + (", ".join(missed) or "none"), not missed),
              ("fast zombies are found before their 50th recipient", not late),
              ("honest sources are left alone: " + accused(runs), our_rate(runs) <= 1)]
    for text, good in checks:
        print("%-5s %s" % ("ok" if good else "FAIL", text))
    print("%d passed, %d failed" % (sum(g for _, g in checks), sum(not g for _, g in checks)))
    return 0 if all(g for _, g in checks) else 1


def run(what):
    o, seed = what

    def say(text):
        if sys.stderr.isatty():
            sys.stderr.write("\r%-70s\r" % (text and "seed %d: %s" % (seed, text)))
    r = Run(o.postern, o.conf, seed, o.days, o.sources, say)
    say("")
    print("seed %d: %d connections of %d sources in %d days, %.0f s" % (seed, r.sessions, len(r.campus.honest), o.days, r.seconds), flush=True)
    r.say = None  # what goes on is sent to another process
    return r


def main():
    p = argparse.ArgumentParser()
    p.add_argument("postern")
    p.add_argument("--seeds", default="11 12")
    p.add_argument("--tune", type=int, default=1)
    p.add_argument("--days", type=int, default=9)
    p.add_argument("--sources", type=int, default=2000)
    p.add_argument("--conf", default=os.path.join(HERE, "eval.conf"))
    p.add_argument("--doc")
    p.add_argument("--quick", action="store_true")
    o = p.parse_args()
    if o.quick:
        o.days, o.sources = 3, 250
        return quick([run((o, 3))])
    seeds = [o.tune] + [int(s) for s in o.seeds.split()]
    with multiprocessing.Pool(min(len(seeds), os.cpu_count() or 1)) as pool:
        done = dict(zip(seeds, pool.map(run, [(o, seed) for seed in seeds], chunksize=1)))
    tune, runs = done[o.tune], [done[seed] for seed in seeds[1:]]
    names, rates = ["postern"], {"postern": our_rate(runs)}
    set_rivals(tune, runs, names, rates)
    rows = table(runs, names, rates)
    judged = list(verdicts(runs, names[:3], rates["postern"]))
    print()
    print_table(rows, sys.stdout)
    print("\nfound: %s\naccused: %s\n" % (found_by(runs), accused(runs)))
    for text, good in judged:
        print("%-4s %s" % ("yes" if good else "NO", text))
    if o.doc:
        write_page(o.doc, o, runs, rows, judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
