"""Sessions of traffic.py as the records that posternd writes of them: lines, with the time at which each is written."""
import time

from traffic import BEGIN_S, SERVER

_seconds = {}


def stamp(ms):
    second, rest = divmod(ms, 1000)
    text = _seconds.get(second)
    if text is None:
        if len(_seconds) > 20000:
            _seconds.clear()
        text = _seconds[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(BEGIN_S + second))
    return "%s.%03d000+0000" % (text, rest)


def direction(src, dst):
    inside = (src.startswith("10."), dst.startswith("10."))
    return {(True, True): "internal", (True, False): "outbound", (False, True): "inbound", (False, False): "transit"}[inside]


def head(ms, flow, kind, s, port):
    return ('{"timestamp":"%s","flow_id":%d,"event_type":"%s","src_ip":"%s","src_port":%d,"dest_ip":"%s","dest_port":25,"proto":"TCP",'
            '"app_proto":"smtp","host":"gw","postern":{"version":"0","schema":1,"mode":"monitor","rule":"otherwise","direction":"%s"},'
            % (stamp(ms), flow, kind, s.src, port, s.dst, direction(s.src, s.dst)))


def commands(s, base):
    """Greeting, EHLO and logins; times relative to the record's."""
    out = ['{"verb":"GREETING","code":220,"text":"mx.%s ESMTP","ms":%d}' % (s.dst, s.start + 20 - base),
           '{"verb":"EHLO","name":"%s","code":250,"text":"mx","ms":%d}' % (s.helo, s.start + 40 - base)]
    user = '"user":"%s",' % s.user if s.user else ""
    for i in range(s.logins):
        out.append('{"verb":"AUTH","mech":"LOGIN",%s"in_clear":true,"code":535,"text":"5.7.8 Error","ms":%d}' % (user, s.start + 60 + i - base))
    if s.user and not s.logins:
        out.append('{"verb":"AUTH","mech":"PLAIN",%s"in_clear":true,"code":235,"text":"2.7.0 Ok","ms":%d}' % (user, s.start + 60 - base))
    return ",".join(out)


def auth(s):
    if not s.user:
        return ""
    user = ',"user":"%s"' % s.user
    return '"auth":{"mech":"LOGIN","result":"%s","code":%d%s},' % (("refused", 535, user) if s.logins else ("accepted", 235, user))


def smtp(s, flow, port):
    if s.sender is None:
        return (head(s.start, flow, "smtp", s, port) +
                '"smtp":{"helo":"%s","rcpt_count":0,"rcpt_accepted":0,"rcpt_refused":0,"rcpt_foreign":0,"tls":false,%s"pipelined":false,'
                '"bdat":false,"auth_failures":%d,"opened":"%s","commands":[%s],"end_ms":%d,"end":"closed","source":"wire"}}\n'
                % (s.helo, auth(s), s.logins, stamp(s.start), commands(s, s.start), s.end() - s.start))
    base, taken = s.start + 100, s.accepted()
    entries, at = [], s.step
    for path, code, text in s.rcpts:
        entries.append('{"path":"%s","code":%d,"text":"%s","outcome":"%s","ms":%d}'
                       % (path, code, text, "accepted" if code == 250 else "refused-by-server", at + 20))
        at += s.step
    end = s.end() - base
    data = ('"reply":250,"reply_text":"2.0.0 Ok: queued as 4bYx3k1Zz5z9","size":2000,"data_ms":%d,"final":true,' % end) if taken else ""
    return (head(base, flow, "smtp", s, port) +
            '"tx_id":1,"smtp":{"helo":"%s","mail_from":"%s","mail_code":250,"mail_text":"2.1.0 Ok","mail_ms":10,"rcpt_to":[%s],"rcpt":[%s],'
            '"rcpt_count":%d,"rcpt_accepted":%d,"rcpt_refused":%d,"rcpt_foreign":0,%s"tls":false,%s"pipelined":false,"bdat":false,'
            '"opened":"%s","commands":[%s],"end_ms":%d,"end":"%s","source":"wire"}}\n'
            % (s.helo, s.sender, ",".join('"%s"' % r[0] for r in s.rcpts), ",".join(entries), len(s.rcpts), taken, len(s.rcpts) - taken,
               data, auth(s), stamp(s.start), commands(s, base), end, "completed" if taken else "closed"))


def flow_line(s, flow, port):
    end = s.end() + 10
    return (head(end, flow, "flow", s, port) +
            '"flow":{"start":"%s","end":"%s","state":"closed","reason":"fin","pkts_toserver":12,"pkts_toclient":10,"bytes_toserver":%d,'
            '"bytes_toclient":400,"transactions":%d,"skipped_bytes":0,"midstream":false,"greeted":true}}\n'
            % (stamp(s.start), stamp(end), 2300 if s.rcpts else 90, int(s.sender is not None)))


def lines(s, flow):
    """[(when it is written, line)]"""
    port = 1024 + flow % 60000
    return [(s.end(), smtp(s, flow, port)), (s.end() + 10, flow_line(s, flow, port))]


assert SERVER.startswith("10.")
