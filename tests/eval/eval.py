#!/usr/bin/env python3
"""How soon `postern replay` finds attacks in days of made-up mail, and how often it cries wolf; beside two rivals.

usage: eval.py POSTERN [--seeds "51 52 53"] [--days N] [--sources N] [--attacks X] [--doc FILE] [--quick]

Each seed is a campus (traffic.py); its records (records.py) go through `postern replay`, once with eval.conf and once with
nervous.conf, and its sessions through the rivals (rivals.py). These get thresholds afterwards, set on the very seeds that are
reported: the best with as many false alarms as ours. --doc writes what came out to a page, and its picture
(picture.py) beside it. --quick: a small one for `make check`, which fails when something that must hold does not.
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

import picture
import records
import rivals as others
from traffic import BEGIN_S, DAY_MS, HOUR_MS, SERVER, Campus

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = {1025200, 1025201, 1025202, 1025203, 1025204, 1025300, 1025301, 1025302, 1025600}
AT_TARGET = {1025204, 1025301}
AFTER_MS = HOUR_MS  # what is found so long behind an attack is found
SHADOW_MS = DAY_MS  # no alarm so long behind it is false: it is still in the windows
USUAL_MIN = 8  # recipients an hour: slow zombies of sources that usually have fewer are not judged
CONFS = {"postern": "eval.conf", "nervous": "nervous.conf"}
QUICK_KINDS = ("slow zombie", "worm", "snowshoe", "backscatter")  # where no rival comes near
QUICK_SEED = 7  # in so small a campus one slow zombie more or less is chance; here none is found late
KINDS = ["fast zombie", "slow zombie", "worm", "snowshoe", "harvester", "hacked account", "password guesser", "backscatter"]


class Story:
    """One attack, as it is judged: by one host, or by a network (snowshoe)."""
    def __init__(self, attack):
        self.kind, self.group, self.start, self.stop = attack.kind, attack.group, attack.start, attack.stop
        self.usual = getattr(attack, "usual", None)
        self.accepted = []  # times
        self.found = {}     # who found it -> (time, recipients accepted until then, that one included)
        self.by = None      # the rule that found it at eval.conf

    def tell(self, who, at, rule):
        if who in self.found and at >= self.found[who][0]:
            return
        self.found[who] = (at, bisect.bisect_right(self.accepted, at))
        if who == "postern":
            self.by = rule

    def delay(self, who):
        return self.found[who][0] - self.start


def stories_of(campus):
    """attack -> its story; a snowshoe's hosts have one."""
    out, nets = {}, {}
    for a in campus.attacks:
        story = Story(a)
        if a.kind == "snowshoe":
            story = nets.setdefault(a.net, story)
            story.start, story.stop = min(story.start, a.start), max(story.stop, a.stop)
        out[a] = story
    return out


class Run:
    """One seed."""
    def __init__(self, postern, seed, o, say):
        self.campus = Campus(seed, o.days, o.sources, o.quiet_days, o.attacks)
        self.stories = stories_of(self.campus)
        self.seed, self.days, self.say, self.confs = seed, o.days, say, o.confs
        self.rivals = others.Rivals()
        self.sessions = 0
        self.by_source = {}
        for attack in self.campus.attacks:
            self.by_source.setdefault(attack.address, []).append(attack)
        self.honest_days = {}
        for s in self.campus.honest:
            self.honest_days[s.group] = self.honest_days.get(s.group, 0) + o.days
        self.alarms = {who: [] for who in self.confs}  # of honest sources: (source, day, rule, kind)
        self.kind_of = {s.address if s.address != SERVER else s.sender: s.kind for s in self.campus.honest}
        self.seconds = self.replay(postern)

    def all_stories(self):
        return list({id(s): s for s in self.stories.values()}.values())

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

    def feed(self, outs):
        """All records, in the order of their ends, to each of outs."""
        pending, flow = [], 0
        for hour in range(self.days * 24):
            for s in self.campus.hour(hour):
                flow += 1
                story = self.attack_on(s)
                is_damage = s.who in self.stories and not (s.who.kind == "hacked account" and s.src != SERVER)
                self.rivals.session(s, story, is_damage)
                if is_damage:
                    story.accepted += [s.time_of(i) for i, r in enumerate(s.rcpts) if r[1] == 250]
                for when, line in records.lines(s, flow):
                    heapq.heappush(pending, (when, len(pending) + flow * 4, line))
            due = []
            while pending and (pending[0][0] < (hour + 1) * HOUR_MS or hour + 1 == self.days * 24):
                due.append(heapq.heappop(pending)[2])
            for out in outs:
                out.write("".join(due))
            self.say("day %d of %d, %d connections" % (hour // 24 + 1, self.days, flow))
        self.sessions = flow
        for story in self.all_stories():
            story.accepted.sort()

    def replay(self, postern):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as where:
            children = {}
            for who, conf in self.confs.items():
                files = [open(os.path.join(where, who + what), "w+", encoding="utf-8") for what in (".alerts", ".said")]
                child = subprocess.Popen([postern, "replay", "-c", os.path.join(HERE, conf), "-"], stdin=subprocess.PIPE,
                                         stdout=files[0], stderr=files[1], text=True, bufsize=1 << 20)
                children[who] = (child, *files)
            self.feed([child.stdin for child, _, _ in children.values()])
            for child, _, _ in children.values():
                child.stdin.close()
            for who, (child, alerts, said) in children.items():
                status = child.wait()
                said.seek(0)
                text = said.read()
                if status not in (0, 1) or " 0 bad lines" not in text:
                    sys.exit("postern replay could not read our records: %d, %s" % (status, text))
                alerts.seek(0)
                for line in alerts:
                    self.take(who, json.loads(line))
                alerts.close()
                said.close()
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
                is_it = source.startswith(a.net)
            else:
                is_it = a.address == source
            if is_it and at < story.stop + AFTER_MS:
                return story
            over = story if is_it else over
        return over

    def take(self, who, alert):
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
            if at < story.stop + AFTER_MS:
                story.tell(who, at, alert["alert"]["rule"])
        else:
            key = source if source != SERVER else sender or SERVER
            if who == "postern" and os.environ.get("EVAL_SHOW"):
                print("false alarm:", json.dumps(alert))
            self.alarms[who].append((key, at // DAY_MS, alert["alert"]["rule"], self.kind_of.get(key, "server")))


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
    gone = [s.found[who][1] for s in hits]
    return "%d %%" % (100 * len(hits) / len(stories)), duration(median([s.delay(who) for s in hits])), "%d, %d" % (median(gone), max(gone))


def of_kind(runs, kind):
    return [s for r in runs for s in r.all_stories() if s.kind == kind]


def rate(alarms, runs):
    return 1000 * alarms / sum(sum(r.honest_days.values()) for r in runs)


def our_rate(runs, who):
    return rate(len({(i,) + a[:2] for i, r in enumerate(runs) for a in r.alarms[who]}), runs)


def table(runs, columns, rates):
    rows = [["attack", "n"] + [h for _, title in columns for h in (title + ": found", "delay", "recipients")]]
    for kind in KINDS:
        some = of_kind(runs, kind)
        rows.append([kind, str(len(some))] + [c for who, _ in columns for c in cell(some, who)])
    rows.append(["false alarms per 1000 source-days", ""] + [c for who, _ in columns for c in ("%.2f" % rates[who], "", "")])
    return rows


def print_table(rows, out):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for n, r in enumerate(rows):
        out.write("| " + " | ".join(c.ljust(w) for c, w in zip(r, widths)) + " |\n")
        if n == 0:
            out.write("|" + "|".join("-" * (w + 2) for w in widths) + "|\n")


# ---- what must hold --------------------------------------------------------------------------------

def in_time(stories):
    """Found within two hours."""
    return [s for s in stories if "postern" in s.found and s.delay("postern") <= 2 * HOUR_MS]


def musts(runs, rates):
    """(text, whether it holds)"""
    fast, slow = of_kind(runs, "fast zombie"), of_kind(runs, "slow zombie")
    early = [s for s in fast if "postern" in s.found and s.found["postern"][1] < 50]
    judged = [s for s in slow if s.usual >= USUAL_MIN]
    rest = [s for s in slow if s.usual < USUAL_MIN]
    yield "fast zombies found before their 50th accepted recipient: %d of %d" % (len(early), len(fast)), len(early) == len(fast)
    yield ("slow zombies of sources that usually have %d recipients an hour or more, found within two hours: %d of %d%s"
           % (USUAL_MIN, len(in_time(judged)), len(judged), " (of the others %d of %d)" % (len(in_time(rest)), len(rest)) if rest else ""),
           len(in_time(judged)) == len(judged))
    yield "false alarms per thousand source-days: %.2f, at most 1" % rates["postern"], rates["postern"] <= 1


def against(stories, ours, rival):
    """What is better of the rival, in words: [] = nothing. Share found; then, of those that both found, the median of recipients
    and of seconds."""
    we, they = ([s for s in stories if w in s.found] for w in (ours, rival))
    both = [s for s in we if rival in s.found]
    out = []
    if len(they) > len(we):
        out.append("more are found")
    if both:
        part = "of the %d that both find" % len(both)
        gone = [median([s.found[w][1] for s in both]) for w in (rival, ours)]
        late = [median([s.delay(w) for s in both]) for w in (rival, ours)]
        if gone[0] < gone[1]:
            out.append("%s, after %d recipients and not %d" % (part, *gone))
        if late[0] < late[1]:
            out.append("%s, after %s and not %s" % (part, duration(late[0]), duration(late[1])))
    return out


def comparisons(runs, pairs, rates):
    """For each attack kind: (text, whether no rival is better in anything). pairs: (our setting, rival, its title)"""
    for kind in KINDS:
        said = []
        for ours, rival, title in pairs:
            some = of_kind(runs, kind)
            better = against(some, ours, rival)
            if better:
                found = "it finds %d of %d, we %d" % (sum(rival in s.found for s in some), len(some), sum(ours in s.found for s in some))
                said.append("%s (%s)" % (title, "; ".join([found] + better)))
        yield "%s: %s" % (kind, "better is " + ", ".join(said) if said else "no rival is better in anything"), not said


# ---- what comes out --------------------------------------------------------------------------------

def count_by(items):
    out = {}
    for i in items:
        out[i] = out.get(i, 0) + 1
    return sorted(out.items(), key=lambda kv: (-kv[1], kv[0]))


def found_by(runs):
    return ", ".join("%s by %s %d" % (k + (n,)) for k, n in count_by((s.kind, s.by) for r in runs for s in r.all_stories() if s.by)) or "none"


def accused(runs):
    return ", ".join("%s about %s %d" % (k + (n,)) for k, n in count_by((a[2], a[3]) for r in runs for a in r.alarms["postern"])) or "no false alarm"


def judge_rivals(runs, rates):
    """Lets the rivals find what they can, with as many false alarms as ours; 3 sigma as it is."""
    honest = [(r.rivals, r.honest_days) for r in runs]
    allowed = rates["postern"] / 1000
    limits = {"anvil": others.best_thresholds(honest, allowed, others.MEASURES[:3]),
              "sigma": others.best_thresholds(honest, allowed, others.MEASURES[3:]),
              "3 sigma": {(g, "sigma"): 3 for g in runs[0].honest_days}}
    for name, some in limits.items():
        for r in runs:
            for story in r.all_stories():
                hit = others.found(r.rivals, story, story.group, some)
                if hit:
                    story.found[name] = hit
        rates[name] = rate(sum(others.false_alarms(r.rivals, some) for r in runs), runs)


STRICT = [("postern", "postern"), ("anvil", "anvil"), ("sigma", "sigma")]
NERVOUS = [("nervous", "nervous postern"), ("3 sigma", "3 sigma")]
PAIRS = [("postern", "anvil", "anvil"), ("postern", "sigma", "sigma"), ("nervous", "3 sigma", "3 sigma beside the nervous postern")]


def write_page(path, runs, tables, must, beside, rates):
    def text_of(rows):
        text = io.StringIO()
        print_table(rows, text)
        return text.getvalue().rstrip()

    def listed(judged):
        return "\n".join("- %s%s" % ("" if good else "**not so:** ", text) for text, good in judged)
    with open(os.path.join(HERE, "page.md"), encoding="utf-8") as page:
        text = page.read()
    with open(path, "w", encoding="utf-8") as out:
        out.write(text.format(
            summary="Seeds %s: %d connections of %d sources, %d days each." % (
                " and ".join(str(r.seed) for r in runs), sum(r.sessions for r in runs), len(runs[0].campus.honest), runs[0].days),
            seeds=" ".join(str(r.seed) for r in runs), strict=text_of(tables[0]), nervous=text_of(tables[1]), days=runs[0].days,
            must=listed(must), beside=listed(beside), by="%s.\n\n%s." % (found_by(runs), accused(runs))))
    rows = [(kind, {who: (len(hits) / len(some), median([s.delay(who) for s in hits])) for who, _ in STRICT
                    for hits in [[s for s in some if who in s.found]]}) for kind in KINDS for some in [of_kind(runs, kind)]]
    picture.write(os.path.splitext(path)[0] + ".svg", rows, [(who, "%s (%.2f false alarms)" % (title, rates[who])) for who, title in STRICT])


def report(runs, doc):
    rates = {who: our_rate(runs, who) for who in CONFS}
    judge_rivals(runs, rates)
    tables = [table(runs, STRICT, rates), table(runs, NERVOUS, rates)]
    must, beside = list(musts(runs, rates)), list(comparisons(runs, PAIRS, rates))
    for rows in tables:
        print()
        print_table(rows, sys.stdout)
    print("\nfound: %s\naccused: %s\n" % (found_by(runs), accused(runs)))
    for text, good in must + beside:
        print("%-4s %s" % ("yes" if good else "NO", text))
    if doc:
        write_page(doc, runs, tables, must, beside, rates)


def quick(runs):
    """Few sources and days; closes as the other tests do."""
    rates = {"postern": our_rate(runs, "postern")}
    judge_rivals(runs, rates)
    missed = [s.kind for r in runs for s in r.all_stories() if "postern" not in s.found]
    checks = [("all attacks are found: missed " + (", ".join(missed) or "none"), not missed)] + list(musts(runs, rates))
    checks += [(text, good) for text, good in comparisons(runs, PAIRS[:2], rates) if text.startswith(QUICK_KINDS)]
    for text, good in checks:
        print("%-5s %s" % ("ok" if good else "FAIL", text))
    print("honest sources: " + accused(runs))
    print("%d passed, %d failed" % (sum(g for _, g in checks), sum(not g for _, g in checks)))
    return 0 if all(g for _, g in checks) else 1


def run(what):
    o, seed = what

    def say(text):
        if sys.stderr.isatty():
            sys.stderr.write("\r%-70s\r" % (text and "seed %d: %s" % (seed, text)))
    r = Run(o.postern, seed, o, say)
    say("")
    print("seed %d: %d connections of %d sources in %d days, %.0f s" % (seed, r.sessions, len(r.campus.honest), o.days, r.seconds), flush=True)
    r.say = None  # what goes on is sent to another process
    return r


def main():
    p = argparse.ArgumentParser()
    p.add_argument("postern")
    p.add_argument("--seeds", default="51 52 53")
    p.add_argument("--days", type=int, default=9)
    p.add_argument("--sources", type=int, default=2000)
    p.add_argument("--attacks", type=float, default=1)
    p.add_argument("--doc")
    p.add_argument("--quick", action="store_true")
    o = p.parse_args()
    o.quiet_days, o.confs = min(6, o.days - 1), CONFS
    if o.quick:
        o.days, o.quiet_days, o.sources, o.attacks, o.confs = 5, 4, 200, .15, {"postern": CONFS["postern"]}
        return quick([run((o, QUICK_SEED))])
    seeds = [int(s) for s in o.seeds.split()]
    with multiprocessing.Pool(min(len(seeds), 4)) as pool:
        runs = pool.map(run, [(o, seed) for seed in seeds], chunksize=1)
    report(runs, o.doc)
    return 0


if __name__ == "__main__":
    sys.exit(main())
