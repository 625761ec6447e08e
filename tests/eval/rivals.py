"""Two others that watch the same sessions: Postfix's anvil, and mean plus three sigma.

anvil(8) counts, for each client address, connections, messages and recipients (accepted or not) of anvil_rate_time_unit (60 s),
which begins with the first of them and is over when that time is (its README and man page); smtpd_client_connection_rate_limit,
_message_rate_limit and _recipient_rate_limit are the thresholds. Sigma counts the accepted recipients of each hour of the clock
for each source, and knows mean and standard deviation of all its hours before, once there were 24.

Neither is given a threshold at first: for honest sources the highest value of each day is kept, for attackers each value that
was higher than all before with its moment. So any threshold can be tried afterwards, and those are taken that give as many
false alarms as wanted. Each group of sources (the volume blocks of eval.conf) gets thresholds of its own. `accepted` counts
the recipient at hand, here as in eval.py.
"""
import math

from traffic import DAY_MS, HOUR_MS, SERVER

UNIT_MS = 60_000
MEASURES = ("connections", "messages", "recipients", "sigma")
SIGMA_FLOOR = 10  # recipients in an hour below which nothing is told


class Counter:
    """Of one source."""
    __slots__ = ("began", "n", "hour", "in_hour", "hours", "total", "squares", "first_hour")

    def __init__(self):
        self.began, self.n = -UNIT_MS, [0, 0, 0]
        self.hour, self.in_hour, self.first_hour = None, 0, None
        self.hours, self.total, self.squares = 0, 0, 0

    def count(self, at, which):
        if at - self.began >= UNIT_MS:
            self.began, self.n = at, [0, 0, 0]
        self.n[which] += 1
        return self.n[which]

    def close_hours(self, hour):
        if self.hour is None:
            self.hour = hour
        if hour <= self.hour:
            return
        gone = hour - self.hour
        self.hours += gone
        self.total += self.in_hour
        self.squares += self.in_hour ** 2
        self.hour, self.in_hour = hour, 0

    def sigmas(self, at):
        self.close_hours(at // HOUR_MS)
        self.in_hour += 1
        if self.hours < 24 or self.in_hour < SIGMA_FLOOR:
            return 0
        mean = self.total / self.hours
        sd = math.sqrt(max(self.squares / self.hours - mean ** 2, 0))
        return (self.in_hour - mean) / max(sd, .5)


class Rivals:
    def __init__(self):
        self.counters = {}
        self.honest = {}  # (group, measure) -> {(source, day): highest}
        self.attack = {}  # (attack, measure) -> [(value, time, accepted until then)]
        self.accepted = {}  # attack -> recipients so far

    def note(self, s, attack, measure, value, at):
        if value <= 0 or attack is False:
            return
        if attack is None:
            days = self.honest.setdefault((s.who.group, measure), {})
            key = (s.src if s.src != SERVER else s.sender, at // DAY_MS)
            if value > days.get(key, 0):
                days[key] = value
            return
        highs = self.attack.setdefault((attack, measure), [])
        if not highs or value > highs[-1][0]:
            highs.append((value, at, self.accepted.get(attack, 0)))

    def session(self, s, attack, is_damage):
        """attack: what its source is under at this time, None, or False: it was lately, so nothing is false.
        is_damage: the attack's own, and no first leg of it; accepted recipients count."""
        c = self.counters.get(s.src)
        if c is None:
            c = self.counters[s.src] = Counter()
        own = s.src == SERVER  # the server does not count itself
        if not own:
            self.note(s, attack, "connections", c.count(s.start, 0), s.start)
            if s.sender is not None:
                self.note(s, attack, "messages", c.count(s.start + 100, 1), s.start)
        for i, r in enumerate(s.rcpts):
            at, taken = s.time_of(i), r[1] == 250
            if is_damage and taken:
                self.accepted[attack] = self.accepted.get(attack, 0) + 1
            if own:
                continue
            self.note(s, attack, "recipients", c.count(at, 2), at)
            if taken:
                self.note(s, attack, "sigma", c.sigmas(at), at)


def thresholds(runs, budget, measures):
    """(group, measure) -> the lowest threshold with `budget` alarms per source-day in the group, shared by its measures.
    runs: [(rivals, group -> source-days)], taken together."""
    out = {}
    for group in runs[0][1]:
        alarms = int(budget * sum(days[group] for _, days in runs) / len(measures))
        for measure in measures:
            values = sorted((v for r, _ in runs for v in r.honest.get((group, measure), {}).values()), reverse=True)
            out[group, measure] = values[alarms] if alarms < len(values) else 0
    return out


def best_thresholds(runs, allowed, measures):
    """Those that raise as many false alarms in runs as are allowed per source-day, all groups and measures taken together."""
    days = sum(sum(d.values()) for _, d in runs)
    low, high = 0.0, 64 * allowed
    for _ in range(24):
        middle = (low + high) / 2
        limits = thresholds(runs, middle, measures)
        alarms = sum(false_alarms(r, limits) for r, _ in runs)
        low, high = (middle, high) if alarms <= allowed * days else (low, middle)
    return thresholds(runs, low, measures)


def false_alarms(rivals, limits):
    """Source-days with an alarm."""
    return len({key for (group, measure), limit in limits.items()
                for key, high in rivals.honest.get((group, measure), {}).items() if high > limit})


def found(rivals, attack, groups, limits):
    """(time, accepted recipients until then), or None. groups: of its source."""
    best = None
    for (group, measure), limit in limits.items():
        if group != groups:
            continue
        for value, at, accepted in rivals.attack.get((attack, measure), ()):
            if value > limit:
                best = min(best or (at, accepted), (at, accepted))
                break
    return best
