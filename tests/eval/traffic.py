"""Days of mail of a made-up campus, deterministic by seed: honest sources of several kinds with their rhythms, and attacks.

A day is asked for in slices of an hour; each gives its sessions (one connection, at most one mail) in the order of time. What
people do is drawn from a random source of their own, so another number of attackers changes nobody else.

  home 10.0.0.0/8, the mail server 10.0.0.10 (example.org), the world 198.18.0.0/15 and others

Assumptions that matter are here, in KINDS and in the attackers; docs/EVAL.md says them in words.
"""
import math
import random

HOUR_MS, DAY_MS = 3600_000, 86400_000
BEGIN_S = 1767571200  # Monday, 2026-01-05
SERVER = "10.0.0.10"

OFFICE_DAY = [0, 0, 0, 0, 0, 0, .1, .4, 1, 1.4, 1.3, 1.1, .6, 1, 1.3, 1.2, 1, .5, .2, .1, .1, .05, 0, 0]
WORLD_DAY = [.5, .4, .35, .3, .3, .4, .6, .9, 1.2, 1.4, 1.4, 1.3, 1.2, 1.3, 1.4, 1.4, 1.3, 1.2, 1.1, 1, .9, .8, .7, .6]
FLAT = [1] * 24
OK = (250, "2.1.5 Ok")
UNKNOWN = (550, "5.1.1 User unknown")
SPAM = (554, "5.7.1 Service unavailable; client host blocked using bl.example")


def poisson(rng, mean):
    """Knuth's for small means, a rounded normal for large ones."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, n, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n


class Session:
    """One connection. rcpts: (path, code, text); logins: codes of refused logins before."""
    __slots__ = ("start", "src", "dst", "helo", "sender", "rcpts", "logins", "user", "who", "step")

    def __init__(self, start, src, dst, helo, sender, rcpts, who, logins=0, user=None, step=30):
        self.start, self.src, self.dst, self.helo, self.sender, self.rcpts = start, src, dst, helo, sender, rcpts
        self.who, self.logins, self.user, self.step = who, logins, user, step

    def accepted(self):
        return sum(1 for r in self.rcpts if r[1] == 250)

    def time_of(self, index):
        """Of the answer to a recipient."""
        return self.start + 120 + self.step * (index + 1)

    def end(self):
        return self.time_of(len(self.rcpts)) + (600 if self.accepted() else 50)


class Source:
    """Who sends. `kind` for the table, `group` for thresholds (the volume blocks of eval.conf)."""
    def __init__(self, seed, number, kind, group, address):
        self.rng = random.Random(seed * 1000003 + number)
        self.kind, self.group, self.address = kind, group, address
        self.helo = "h%d.example.org" % number

    def path(self, domains=4000):
        rng = self.rng
        return "<u%d@d%d.example>" % (rng.randrange(400), rng.randrange(domains))

    def mail(self, at, rcpts, refused=.02, dst=SERVER, sender=None, step=30, reason=UNKNOWN, path=None):
        rng = self.rng
        answered = [(path() if path else self.path(),) + (reason if rng.random() < refused else OK) for _ in range(rcpts)]
        return Session(at, self.address, dst, self.helo, sender or "<%s@example.org>" % self.helo, answered, self, step=step)

    def times(self, hour, mean):
        rng = self.rng
        return sorted(hour * HOUR_MS + rng.randrange(HOUR_MS) for _ in range(poisson(rng, mean)))


def is_weekend(hour):
    return hour // 24 % 7 >= 5


class Person(Source):
    """Writes by day and weekday. `rate`: mails in an ordinary working hour."""
    def __init__(self, *args, rate, many=.004, weekend=.03, users=1):
        super().__init__(*args)
        self.rate, self.many, self.weekend, self.users = rate, many, weekend, users
        self.shift = self.rng.choice([-1, 0, 0, 0, 1])

    def factor(self, hour):
        return OFFICE_DAY[(hour - self.shift) % 24] * (self.weekend if is_weekend(hour) else 1)

    def recipients(self, rng):
        if rng.random() < self.many:  # to a department
            return rng.randint(5, 28)
        return 1 if rng.random() < .75 else rng.randint(2, 4)

    def mean_recipients(self):
        """Of one mail, those that are accepted."""
        return .98 * (self.many * 16.5 + (1 - self.many) * (.75 + .25 * 3))

    def hour(self, hour):
        factor = self.factor(hour)
        out = [self.mail(t, self.recipients(self.rng)) for t in self.times(hour, self.rate * factor)]
        if factor > .5 and self.rng.random() < self.users / 1500:  # once in 170 working days: a mail merge
            at = hour * HOUR_MS + self.rng.randrange(HOUR_MS)
            out += [self.mail(at + i * 6000, 1) for i in range(self.rng.randint(10, 30))]
        return out


class Printer(Source):
    """Scans to mail: a few one behind another, in working hours."""
    def hour(self, hour):
        rng, out = self.rng, []
        for t in self.times(hour, OFFICE_DAY[hour % 24] * (.02 if is_weekend(hour) else 1.2)):
            out += [self.mail(t + i * 25000, 1, refused=.005) for i in range(1 + int(rng.expovariate(.8)))]
        return out


class Application(Source):
    """Reports at all hours; now and then something is broken, and it says so for ten minutes."""
    def hour(self, hour):
        rng = self.rng
        out = [self.mail(t, 1, refused=0) for t in self.times(hour, 2.5)]
        if rng.random() < 1 / 400:
            at = hour * HOUR_MS + rng.randrange(HOUR_MS)
            out += [self.mail(at + i * 20000, 1, refused=0) for i in range(rng.randint(10, 28))]
        return out


class Backup(Source):
    """Silent but for a quarter of an hour at night."""
    def hour(self, hour):
        if hour % 24 != 2:
            return []
        at = hour * HOUR_MS + self.rng.randrange(HOUR_MS // 4)
        return [self.mail(at + i * 30000, self.rng.randint(1, 3), refused=0) for i in range(self.rng.randint(2, 12))]


class Newsletter(Source):
    """A campaign of thousands every few days, to hosts all over; old lists, so some are refused."""
    def hour(self, hour):
        rng, out = self.rng, []
        if 8 <= hour % 24 <= 15 and not is_weekend(hour) and rng.random() < .06:
            at = hour * HOUR_MS
            for _ in range(rng.randint(250, 700)):
                at += rng.randint(200, 8000)
                out.append(self.mail(at, rng.randint(1, 6), refused=.05, dst=world(rng), step=15))
        return out


def world(rng):
    return "198.18.%d.%d" % (rng.randrange(40), rng.randrange(1, 250))


class Stranger(Source):
    """A server of somebody else's that delivers to ours; some of its mail is for people who have left, some bounces."""
    def __init__(self, *args, rate):
        super().__init__(*args)
        self.rate = rate

    def ours(self):
        return "<p%d@example.org>" % self.rng.randrange(3000)

    def hour(self, hour):
        out = []
        for t in self.times(hour, self.rate * WORLD_DAY[hour % 24] * (.5 if is_weekend(hour) else 1)):
            null = self.rng.random() < .03
            out.append(self.mail(t, 1 if null else self.rng.choice([1, 1, 1, 1, 2, 3]), refused=.03, path=self.ours,
                                 sender="<>" if null else "<n%d@%s>" % (self.rng.randrange(90), self.helo)))
        return out


class User(Source):
    """Somebody's mail as the server passes it on to the world: the source is the server, the sender tells who it is."""
    def __init__(self, *args, rate):
        super().__init__(*args)
        self.sender = "<user%d@example.org>" % self.rng.randrange(1 << 30)
        self.address, self.rate, self.helo = SERVER, rate, "mail.example.org"

    def hour(self, hour):
        factor = OFFICE_DAY[hour % 24] * (.1 if is_weekend(hour) else 1)
        return [self.mail(t, self.rng.choice([1, 1, 1, 2, 3]), dst=world(self.rng), sender=self.sender)
                for t in self.times(hour, self.rate * factor)]


# ---- attacks -------------------------------------------------------------------------------------

class Attack(Source):
    """Of a host that is otherwise honest (`host`), or of one from outside, from start on, for so many minutes."""
    def __init__(self, seed, number, kind, group, address, start, minutes):
        super().__init__(seed, number, kind, group, address)
        self.start, self.stop = start, start + minutes * 60_000
        self.at = start

    def one(self, at):
        """The sessions at this moment, and how long until the next."""
        raise NotImplementedError

    def hour(self, hour):
        out = []
        while self.at < min(self.stop, (hour + 1) * HOUR_MS):
            sessions, pause = self.one(self.at)
            out += sessions
            self.at += max(200, int(pause))
        return out


class FastZombie(Attack):
    """10 to 60 recipients a minute, to hosts all over, or (every other one) through our own server, which takes all."""
    def __init__(self, *args):
        super().__init__(*args)
        rng = self.rng
        self.per_min, self.direct = rng.uniform(10, 60), rng.random() < .5
        self.each, self.refused = rng.randint(1, 4), rng.uniform(.1, .5)

    def one(self, at):
        rng = self.rng
        s = self.mail(at, self.each, refused=self.refused if self.direct else .01,
                      dst=world(rng) if self.direct else SERVER, sender="<x%d@d%d.example>" % (rng.randrange(999), rng.randrange(99)))
        return [s], rng.expovariate(1) * 60_000 * self.each / self.per_min


class SlowZombie(Attack):
    """Twice what the host itself sends, on top of that, through our own server, in its own hours: three times normal. How many
    mails that are in an hour is set and not drawn: a machine's pace. `usual`: accepted recipients an hour that the host is
    made to send in the hours of the first two."""
    def __init__(self, *args, host):
        super().__init__(*args)
        self.host = host
        first = self.start // HOUR_MS
        self.usual = host.mean_recipients() * sum(host.rate * host.factor(h) for h in (first, first + 1)) / 2

    def hour(self, hour):
        if not self.start <= hour * HOUR_MS < self.stop:
            return []
        host = self.host
        twice = 2 * host.rate * max(host.factor(hour), .5)
        mails = int(twice + self.rng.random())
        times = [hour * HOUR_MS + int((i + self.rng.random()) * HOUR_MS / mails) for i in range(mails)]
        return [self.mail(t, host.recipients(self.rng), refused=.03) for t in times]


class Worm(FastZombie):
    """One of an outbreak: 3 to 9 recipients a minute, one each, to hosts all over."""
    def __init__(self, *args):
        super().__init__(*args)
        self.per_min, self.direct, self.each, self.refused = self.rng.uniform(3, 9), True, 1, self.rng.uniform(.1, .4)


class Snowshoe(Attack):
    """One of a /24 that writes to us, each a little: some of the addresses do not exist. `net` makes them one attack."""
    def __init__(self, *args, net, per_hour, refused):
        super().__init__(*args)
        self.net, self.per_hour, self.refused = net, per_hour, refused

    def one(self, at):
        rng = self.rng
        s = self.mail(at, rng.randint(1, 3), refused=self.refused, path=lambda: "<p%d@example.org>" % rng.randrange(4000),
                      sender="<news@%s>" % self.helo)
        return [s], rng.expovariate(1) * HOUR_MS / self.per_hour


class Harvester(Attack):
    """Names from a dictionary at our server: few exist. Half of them take their time."""
    def __init__(self, *args):
        super().__init__(*args)
        self.each, self.pause = (self.rng.randint(5, 20), 20_000) if self.rng.random() < .5 else (2, 150_000)

    def one(self, at):
        rng = self.rng
        s = self.mail(at, self.each, refused=.95, path=lambda: "<a%d@example.org>" % rng.randrange(100000), sender="<q@h.example>")
        if rng.random() < .7:  # leaves before the body
            s.rcpts = [r for r in s.rcpts if r[1] != 250] or s.rcpts[:0]
        return [s] if s.rcpts else [], self.pause * rng.uniform(.5, 1.5)


class Hacked(Attack):
    """Somebody's account: a stranger logs in to our server, which passes it on to the world in the user's name."""
    def __init__(self, *args, user):
        super().__init__(*args)
        self.user, self.per_min, self.refused = user, self.rng.uniform(5, 30), self.rng.uniform(.1, .3)

    def one(self, at):
        rng, n = self.rng, self.rng.randint(1, 5)
        into = self.mail(at, n, refused=0, sender=self.user.sender)
        into.user = self.user.sender[1:-1]
        out = [self.mail(at + 1500 + 300 * i, 1, refused=self.refused, dst=world(rng), sender=self.user.sender) for i in range(n)]
        for s in out:
            s.src, s.helo = SERVER, "mail.example.org"
        return [into] + out, rng.expovariate(1) * 60_000 * n / self.per_min


class Guesser(Attack):
    """Passwords at our server, one or a few in each connection."""
    def __init__(self, *args):
        super().__init__(*args)
        self.per_min = self.rng.uniform(1, 15)

    def one(self, at):
        rng = self.rng
        s = Session(at, self.address, SERVER, self.helo, None, [], self, logins=rng.randint(1, 3), user="p%d" % rng.randrange(50))
        return [s], rng.expovariate(1) * 60_000 * s.logins / self.per_min


class Backscatter(Attack):
    """Bounces of mail that somebody sent in our name, from servers all over (of net), to a few of our addresses."""
    def __init__(self, *args, net):
        super().__init__(*args)
        self.net, self.per_min = net, self.rng.uniform(8, 25)
        self.victims = ["<p%d@example.org>" % self.rng.randrange(3000) for _ in range(3)]

    def one(self, at):
        rng = self.rng
        s = self.mail(at, 1, refused=.02, path=lambda: rng.choice(self.victims), sender="<>")
        s.src = "%s%d.%d" % (self.net, rng.randrange(250), rng.randrange(250))
        return [s], rng.expovariate(1) * 60_000 / self.per_min


class Campus:
    """All of them. sources: honest ones; attacks: of those that add_attacks() names; they begin behind the quiet days."""
    def __init__(self, seed, days, sources=2000, quiet_days=6, attacks=1.0):
        self.seed, self.days, self.number = seed, days, 0
        rng = random.Random(seed)
        self.honest = [self.make(kind, group, n, sources) for kind, group, share in KINDS for n in range(round(share * sources / 1000))]
        self.attacks = []
        self.add_attacks(rng, quiet_days, attacks)

    def args(self, kind, group, address):
        self.number += 1
        return self.seed, self.number, kind, group, address

    def make(self, kind, group, n, sources):
        address = {"office": "10.1", "busy": "10.2", "printer": "10.3", "application": "10.4", "backup": "10.5",
                   "newsletter": "10.6", "nat": "10.7", "stranger": "62.%d" % (n % 200), "provider": "17.%d" % (n % 200)}.get(kind, "")
        address += ".%d.%d" % (n // 250, n % 250 + 1)
        rng = random.Random(self.seed * 7919 + self.number)
        if kind == "office":
            return Person(*self.args(kind, group, address), rate=min(5, rng.lognormvariate(.2, .7)))
        if kind == "busy":
            return Person(*self.args(kind, group, address), rate=rng.uniform(6, 12), weekend=.2)
        if kind == "nat":
            return Person(*self.args(kind, group, address), rate=rng.uniform(20, 70), users=20)
        if kind == "stranger":
            return Stranger(*self.args(kind, group, address), rate=min(8, rng.lognormvariate(-1.5, 1.2)))
        if kind == "provider":
            return Stranger(*self.args(kind, group, address), rate=rng.uniform(30, 80))
        if kind == "user":
            return User(*self.args(kind, group, address), rate=rng.uniform(.2, 2))
        return {"printer": Printer, "application": Application, "backup": Backup, "newsletter": Newsletter}[kind](
            *self.args(kind, group, address))

    def add_attacks(self, rng, quiet_days, attacks):
        by = {}
        for s in self.honest:
            by.setdefault(s.kind, []).append(s)
        offices = rng.sample(by["office"], len(by["office"]))
        busy = rng.sample(by["busy"], len(by["busy"]))

        def some(n):
            return range(max(1, round(n * attacks)))

        def when(hours_left=8, office_hours=False):
            day = rng.randrange(quiet_days, self.days)
            while office_hours and day % 7 >= 5:
                day = rng.randrange(quiet_days, self.days)
            if office_hours:
                return (day * 24 + rng.randint(8, 12)) * HOUR_MS
            return (day * 24 + rng.randint(0, 23 - hours_left)) * HOUR_MS + rng.randrange(HOUR_MS)

        def add(cls, kind, group, address, start, minutes, **more):
            self.attacks.append(cls(*self.args(kind, group, address), start, minutes, **more))

        for _ in some(24):
            add(FastZombie, "fast zombie", "hosts", offices.pop().address, when(), rng.randint(20, 60))
        for _ in some(20):
            host = busy.pop()
            add(SlowZombie, "slow zombie", "hosts", host.address, when(office_hours=True), rng.randint(180, 300), host=host)
        outbreak = when()
        for _ in some(30):
            add(Worm, "worm", "hosts", offices.pop().address, outbreak + rng.randrange(30 * 60_000), rng.randint(30, 90))
        for i in some(6):
            start, how = when(), {"net": "193.5.%d." % i, "per_hour": rng.uniform(5, 15), "refused": rng.uniform(.05, .3)}
            for n in range(rng.randint(30, 60)):
                add(Snowshoe, "snowshoe", "world", how["net"] + str(n * 4 + 1), start + rng.randrange(600_000), 240, **how)
        for i in some(16):
            add(Harvester, "harvester", "world", "45.9.%d.%d" % (i, rng.randrange(1, 250)), when(), 120)
        for user in rng.sample(by["user"], len(some(8))):
            add(Hacked, "hacked account", "world", "91.%d.7.%d" % (rng.randrange(200), rng.randrange(1, 250)), when(), rng.randint(30, 90),
                user=user)
        for i in some(12):
            add(Guesser, "password guesser", "world", "141.98.%d.7" % i, when(), rng.randint(30, 120))
        for i in some(8):
            add(Backscatter, "backscatter", "world", "185.%d.0.1" % i, when(), 60, net="185.%d." % i)

    def hour(self, hour):
        """Its sessions in the order of their beginnings."""
        out = [s for source in self.honest for s in source.hour(hour)]
        out += [s for a in self.attacks if a.start < (hour + 1) * HOUR_MS and hour * HOUR_MS < a.stop for s in a.hour(hour)]
        out.sort(key=lambda s: s.start)
        return out


# kind, group (a volume block of eval.conf), how many of a thousand
KINDS = [
    ("office", "hosts", 500), ("busy", "hosts", 60), ("printer", "hosts", 50), ("application", "hosts", 40), ("backup", "hosts", 20),
    ("newsletter", "newsletters", 3), ("nat", "shared", 8), ("stranger", "world", 140), ("provider", "world", 3), ("user", "users", 176),
]
