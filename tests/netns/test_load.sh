#!/bin/bash
# test_load.sh - 10,000 messages through the gate in enforce mode without an error, and bodies that arrive byte by byte
# as they were sent, 50 MB among them.
# time-limit: 400
# lean: volume; under sanitizers it measures them

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3
lab_need_peer postfix

MESSAGES=${MESSAGES:-10000}

# body FILE - what the receiver holds behind the headers that delivery added: from our own first line on
body() { sed -n '/^X-Sample: /,$p' "$1" | sha256sum; }

lab_postfix mail mx.example.org example.org
postern_conf
postern_start

# ---- bodies, byte by byte ----
# Lines of many lengths, dots at their start, bytes above 127, one body just over a GSO packet, one of 50 MB.
python3 - "$LAB_DIR" <<'EOT'
import random, sys
random.seed(25)
for name, size in (("small", 300), ("dots", 20000), ("gso", 70000), ("big", 50_000_000)):
    with open(f"{sys.argv[1]}/{name}.eml", "wb") as out:
        out.write(b"X-Sample: " + name.encode() + b"\r\nMessage-ID: <%s@isp.example>\r\n\r\n" % name.encode())
        written = 0
        block = b"".join(random.choice((b".", b"..", b"", b"\xc3\xa4")) + bytes(random.choices(b"abc .\xff\x80MAILRCPT", k=random.randrange(900))) + b"\r\n"
                         for _ in range(200))
        while written < size:
            piece = block[:max(size - written, 0)]
            out.write(piece)
            written += len(piece)
        out.write(b"\r\n")
EOT
for name in small dots gso big; do
    for v in 192.168.10.10 fd00:25:10::10; do
        lab_in isp "$SMTPC" "$v" --timeout 120 --rcpt "$name.${v//:/-}@example.org" --data "$LAB_DIR/$name.eml" >"$LAB_DIR/out" ||
            lab_fail "sending $name to $v: $(tail -1 "$LAB_DIR/out")"
        lab_wait 60 "the body of $name" lab_arrived mail "$name.${v//:/-}@example.org"
        same "$name over $v arrives as it was sent" "$(tr -d '\r' <"$LAB_DIR/$name.eml" | sha256sum)" \
            "$(body "$(lab_mails mail "$name.${v//:/-}@example.org")" | tr -d '\r')"
    done
done

# ---- many messages ----
# Nobody reads these, so Postfix takes and discards them: delivery would be a process for each.
lab_kill postfix-mail
lab_postfix mail mx.example.org example.org 'virtual_transport = discard:'
before=$(postern_counter queued)
lab_peer isp postfix smtp-source -s 10 -m $((MESSAGES / 2)) -l 2000 -f a@isp.example -t load4@example.org 192.168.10.10:25 ||
    lab_fail "smtp-source over IPv4 told an error"
# Over IPv4 one connection for each message, over IPv6 (-d: do not disconnect) ten connections for all of them.
lab_peer isp postfix smtp-source -d -s 10 -m $((MESSAGES / 2)) -l 2000 -f a@isp.example -t load6@example.org '[fd00:25:10::10]:25' ||
    lab_fail "smtp-source over IPv6 told an error"
echo "ok: smtp-source sent $MESSAGES messages without an error"
postfix_sent() {
    [[ $(grep -c 'to=<load[46]@example.org>.* status=sent' "$LAB_DIR/log/postfix-mail.log") -ge $MESSAGES ]]
}
lab_wait 60 "Postfix to have taken $MESSAGES messages" postfix_sent
queued=$(($(postern_counter queued) - before))
echo "    $queued packets queued, $((queued / MESSAGES)) for each message"

postern_accepted() {
    [[ $(jq -s '[.[] | select(.event_type == "smtp" and .smtp.end == "completed" and (.smtp.rcpt_to[0] | startswith("<load")))] | length' \
        "$LAB_DIR/eve.json") -ge $MESSAGES ]]
}
lab_wait 60 "$MESSAGES records of completed transactions" postern_accepted
same "not one record more" "$MESSAGES" "$(jq -r 'select(.event_type == "smtp" and .smtp.end == "completed") | .smtp.rcpt_to[0]' \
    "$LAB_DIR/eve.json" | grep -c '^<load')"
same "nothing passed blind" 0 "$(postern_counter blind)"
same "what was queued was inspected" "$(postern_counter queued)" "$(postern_counter inspected)"
postern_stop
same "no event and no record was lost" "" "$(grep -E 'lost: [^0]|lost: 0 events, [^0]' "$LAB_DIR/log/posternd.log" || true)"
