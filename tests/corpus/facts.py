"""Envelope facts of one stream, as four readers tell them.

ours     the records of `postern read -f eve`
tshark   NAME.tshark.tsv: fields of a dissector; it gives commands and codes in order, not which answers which
third    NAME.aux.jsonl: a reader over reassembled streams, one JSON object a stream
origin   NAME.peer.json: what the capture's own project asserts about it, a part of the truth only

Every reader's words end in a dict with these keys, of which it may leave out what it does not tell:

helo      names in order, without repetitions
from      reverse-paths in order, one a transaction
rcpt      forward-paths in order
mail_codes, rcpt_codes   the answers to them
finals    the answer to the end of data, or to the DATA that was refused, one a transaction; None = there was none.
          None for the list: this reader does not say
codes     all replies in order
starttls  the answer to STARTTLS; True = asked for, answer not told
auth      the mechanism used last
bdat      True if any BDAT came
"""
import collections
import csv
import json
import os
import re

VERBS_HELO = ("HELO", "EHLO", "LHLO")


def path_of(text):
    """'FROM:<a@b> SIZE=1' to 'a@b': from the colon on; with brackets to their end, else to the blank."""
    text = text.split(":", 1)[1].strip() if ":" in text else text.strip()
    if "<" in text:
        return bare(text[text.index("<"):].rsplit(">", 1)[0] + ">" if text.startswith("<") and text.count(">") == 1
                    else text.split(">", 1)[0] + ">")
    return text.split(" ")[0]


def bare(path):
    """Without its brackets."""
    path = path.strip()
    return path[1:-1].strip() if path.startswith("<") and path.endswith(">") else path


def is_part(some, whole):
    """`some` in the order of `whole`, with gaps."""
    rest = iter(whole)
    return all(item in rest for item in some)


def unrepeated(names):
    kept = []
    for name in names:
        if not kept or kept[-1] != name:
            kept.append(name)
    return kept


def final_of(mail_code, reply):
    """What we say of a refused MAIL last is its own refusal, unless a DATA was refused with another code."""
    return None if mail_code and mail_code >= 400 and reply == mail_code else reply


# ---- ours ----------------------------------------------------------------------------------------

def read_ours(lines):
    """Records to {(client, server): facts}; flows without a word of SMTP are left out."""
    streams = {}
    for line in lines:
        record = json.loads(line)
        if record["event_type"] != "smtp":
            continue
        key = tuple("%s:%s" % (record[side + "_ip"], record[side + "_port"]) for side in ("src", "dest"))
        streams.setdefault(key, []).append(record)
    return {key: ours(records) for key, records in streams.items()}


def ours(records):
    f = {"helo": [], "from": [], "mail_codes": [], "rcpt": [], "rcpt_codes": [], "finals": [], "said": [],
         "starttls": None, "auth": None, "bdat": False, "tls": False, "cut": False}
    for record in records:
        smtp = record["smtp"]
        if "helo" in smtp:
            f["helo"].append(smtp["helo"].lower())
        if "mail_from" in smtp:
            f["from"].append(bare(smtp["mail_from"]))
            f["mail_codes"].append(smtp.get("mail_code"))
            f["said"].append(smtp.get("mail_code"))
            f["finals"].append(final_of(smtp.get("mail_code"), smtp.get("reply")))
        for rcpt in smtp.get("rcpt", []):
            f["rcpt"].append(bare(rcpt["path"]))
            f["rcpt_codes"].append(rcpt.get("code"))
            f["said"].append(rcpt.get("code"))
        if "mail_from" in smtp:
            f["said"].append(f["finals"][-1])
        f["starttls"] = smtp.get("starttls", f["starttls"])
        f["auth"] = smtp["auth"]["mech"] if "auth" in smtp else f["auth"]
        f["bdat"] = f["bdat"] or smtp["bdat"]
        f["tls"] = f["tls"] or smtp["tls"]
        f["cut"] = f["cut"] or "rcpt_cut" in smtp
    f["helo"] = unrepeated(f["helo"])
    f["said"] = [code for code in f["said"] if code]
    return f


# ---- tshark --------------------------------------------------------------------------------------

def read_tshark(path):
    streams = collections.OrderedDict()
    with open(path, newline="", encoding="utf-8", errors="backslashreplace") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        ends = ["%s:%s" % (row["ip." + end] or row["ipv6." + end], row["tcp.%sport" % end]) for end in ("src", "dst")]
        commands, codes = row["smtp.req.command"], row["smtp.response.code"]
        if not commands and not codes:
            continue
        key = tuple(ends) if commands else tuple(reversed(ends))
        s = streams.setdefault(key, {"commands": [], "codes": []})
        if commands:
            s["commands"] += split_commands(commands, row["smtp.command_line"])
        s["codes"] += [int(code) for code in codes.split("|") if code.isdigit()]
    return {key: tshark_facts(s) for key, s in streams.items()}


def split_commands(verbs, lines):
    """The lines are joined by '|', which may also stand in one: they are cut where '|' and a verb follow a line's end."""
    parts = re.split(r"(?<=\\n)\|", lines)
    return [re.sub(r"(\\r)?\\n$", "", part) for part in parts if part]


def tshark_facts(s):
    f = {"helo": [], "from": [], "rcpt": [], "codes": s["codes"], "starttls": None, "auth": None, "bdat": False}
    for line in s["commands"]:
        verb, _, rest = line.strip().partition(" ")
        verb = verb.upper()
        if verb in VERBS_HELO and rest.strip():
            f["helo"].append(rest.strip().lower())
        elif verb == "MAIL":
            f["from"].append(path_of(rest))
        elif verb == "RCPT":
            f["rcpt"].append(path_of(rest))
        elif verb == "STARTTLS":
            f["starttls"] = True
        elif verb == "AUTH":
            f["auth"] = rest.split(" ")[0].upper()
        elif verb == "BDAT":
            f["bdat"] = True
    f["helo"] = unrepeated(f["helo"])
    if not f["bdat"]:
        del f["bdat"]  # it misses those that share a segment with bytes of a chunk
    return f


# ---- the third reader ----------------------------------------------------------------------------

def code_of(text):
    return int(text) if text else None


def unbracketed(end):
    """'[2001:db8::1]:25' as the others write it."""
    return end.replace("[", "").replace("]", "")


def read_third(path):
    streams = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            s = json.loads(line)
            streams[(unbracketed(s["client"]), unbracketed(s["server"]))] = third(s)
    return streams


def third(s):
    rcpts = [rcpt for tx in s["tx"] for rcpt in tx["rcpt"]]
    txs = [tx for tx in s["tx"] if tx["from"] is not None]  # the rest: recipients without a MAIL
    finals = []
    for tx in txs:
        data = code_of(tx["data"])
        finals.append(final_of(code_of(tx["from_code"]), data if data and data >= 400 else code_of(tx["final"])))
    if "bad-bdat" in s["bad"]:  # it does not say what a refused chunk was told
        finals = None
    return {"helo": unrepeated([h["name"].lower() for h in s["helo"] if h["name"]]),
            "from": [bare(tx["from"]) for tx in txs],
            "mail_codes": [code_of(tx["from_code"]) for tx in txs],
            "rcpt": [bare(rcpt["to"]) for rcpt in rcpts],
            "rcpt_codes": [code_of(rcpt["code"]) for rcpt in rcpts],
            "finals": finals,
            "codes": [int(code) for code in s["codes"]],
            "starttls": code_of(s["starttls"]) or ("STARTTLS" in s["cmds"] or None),
            "auth": s["auth"][-1]["mech"].upper() if s["auth"] else None,
            "bdat": bool(s["bdat"])}


# ---- what the origin's own tests expect -------------------------------------------------------------

def read_origin(path):
    """A list of (stream or None, kind, assertion)."""
    if not os.path.exists(path):
        return []
    found = []
    with open(path, encoding="utf-8") as file:
        for entry in json.load(file):
            if "mail_cmds" in entry:
                found.append((None, "counts", entry))
            elif "src" in entry:
                found.append(((entry["src"], entry["dst"]), "session", entry))
            for row in entry.get("smtp", []):
                if "id.orig_h" in row:
                    key = ("%s:%s" % (row["id.orig_h"], row["id.orig_p"]), "%s:%s" % (row["id.resp_h"], row["id.resp_p"]))
                    found.append((key, "transaction", row))
                elif "lt-version" not in row.get("requires", {}):
                    found.append((None, "records", row))
    return found
