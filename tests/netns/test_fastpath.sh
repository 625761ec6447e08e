#!/bin/bash
# test_fastpath.sh - bodies of trusted clients, and TLS, pass without coming to user space: the kernel's counters say so,
# records know how much it was, what follows is refused as before, and who hides a mail behind a body is reset and told.
# time-limit: 400

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft openssl python3

V4=192.168.10.10 V6=fd00:25:10::10
SIZE=5000000
UNREAD='data { watch = none trusted = { isp } }'

fast() { # ADDRESS STORY [BYTES [FOLDER]]
    lab_in isp "$LAB_HOME/fast.py" "$@"
}

bytes_of() { # COUNTER
    lab_in gw nft -j list counter inet postern "$1" | jq '.nftables[] | select(.counter) | .counter.bytes'
}

# What came to the queue, and what did not, since the last call
declare -A before
forget_counters() {
    local name

    for name in queued bodies sealed; do
        before[$name]=$(bytes_of "$name")
    done
}

queued_at_most() { # BYTES
    [[ $(($(bytes_of queued) - before[queued])) -le $1 ]]
}

off_queue() { # COUNTER BYTES
    [[ $(($(bytes_of "$1") - before[$1])) -ge $2 ]]
}

# The connection that ended last, as its record tells it
flow() { # FILTER
    postern_records '.event_type == "flow"' | tail -n 1 | jq -r "$1"
}

flows_told() { # COUNT
    [[ $(postern_records '.event_type == "flow"' | wc -l) -ge $1 ]]
}

ended() { # the flow records there are to be one more
    flows=$((${flows:-0} + 1))
    lab_wait 10 "$flows flow records" flows_told "$flows"
}

start() { # [LINE...]: with empty records, and no story of before
    postern_forget
    flows=0
    postern_conf "$@"
    postern_start
    forget_counters
}

stop() {
    check "nothing passed blind" test "$(postern_counter blind)" = 0
    postern_stop
}

reset_behind() { # WHAT CODES ADDRESS STORY: the replies that must arrive, then perhaps more, then the reset
    local got

    got=$(fast "$3" "$4")
    [[ $got == "$2 "*reset ]] || lab_fail "$1: $got"
    echo "ok: $1: $got"
}

cert=$LAB_DIR/cert.pem key=$LAB_DIR/key.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$key" -out "$cert" -days 2 -subj /CN=mx.example.org 2>/dev/null
lab_open_relay mail mx.example.org example.org smtpd_tls_security_level=may "smtpd_tls_cert_file=$cert" \
    "smtpd_tls_key_file=$key" 'virtual_transport = discard:'

# ---- all is read where nothing else is said ----

start
same "all is read: three mails" "220 250 250 250 354 250 250 250 550 354 250 250 250 354 250 221" "$(fast $V4 mails)"
ended
check "they came to the queue" off_queue queued $((2 * SIZE))
same "nothing is unread" "0" "$(flow .flow.skipped_bytes)"
stop

# ---- none is ----

# Somebody else's bits in both marks: what they are behind us, and that ours are not in a packet's.
lab_in gw nft -f - <<'EOT'
table inet other {
	counter behind { }
	counter spoilt { }
	chain before {
		type filter hook prerouting priority mangle; policy accept;
		meta mark set meta mark | 0x50000034
		ct mark set ct mark | 0xa0000012
	}
	chain behind {
		type filter hook forward priority 100; policy accept;
		tcp dport 25 counter name behind
		tcp dport 25 meta mark != 0x50000034 counter name spoilt
		tcp dport 25 ct mark & 0xf0ffffff != 0xa0000012 counter name spoilt
	}
}
EOT
start "$UNREAD"
for address in $V4 $V6; do
    forget_counters
    same "$address: three mails, a foreign recipient refused behind the first body" \
        "220 250 250 250 354 250 250 250 550 354 250 250 250 354 250 221" "$(fast $address mails)"
    ended
    check "$address: the bodies did not come to the queue" queued_at_most 20000
    check "$address: they passed beside it" off_queue bodies $((2 * SIZE))
    same "$address: the record knows how much passed unread" true "$(flow ".flow.skipped_bytes >= 2 * $SIZE and
        .flow.skipped_bytes < 2 * $SIZE + 2000 and .flow.bytes_toserver - .flow.skipped_bytes < 1000 and .flow.midstream == false")"
    same "$address: sizes of the mails" true "$(postern_records '.event_type == "smtp" and .smtp.gap' | tail -n 3 |
        jq -s "map(.smtp.size) | .[0] > $SIZE and .[0] < $SIZE + 200 and .[0] == .[1] and .[2] > 90 and .[2] < 300")"

    same "$address: QUIT behind the end" "220 250 250 250 354 250 221" "$(fast $address quit)"
    ended
    same "$address: it is told as what it is" "closed false true" "$(flow '"\(.flow.state) \(.flow.midstream) \(.flow.skipped_bytes > 0)"')"

    forget_counters
    same "$address: BDAT, and a foreign recipient behind it" \
        "220 250 250 250 250 250 250 250 250 250 250 250 550 221" "$(fast $address bdat)"
    ended
    check "$address: the last chunks passed beside the queue, the others did not" \
        eval "off_queue bodies $SIZE && off_queue queued 300000 && queued_at_most $SIZE" # what is sent with the command is queued before its verdict
done
lab_postfix isp mx.isp.example isp.example 'relayhost = [192.168.10.10]' smtp_tls_security_level=none
forget_counters
same "a Postfix takes a mail to pass it on" "220 250 250 250 354 250 221" "$(codes_from isp 127.0.0.1 --rcpt posted@example.org --size $SIZE)"
ended
check "it says QUIT with the end of data, and all is well" grep -q 'to=<posted@.*status=sent (250' "$LAB_DIR/log/postfix-isp.log"
same "its connection is none picked up in the middle" "closed false true" "$(flow '"\(.flow.state) \(.flow.midstream) \(.flow.skipped_bytes > 0)"')"
check "and did not come to the queue" queued_at_most 20000
same "nothing is found in all of that but the refused, and that TLS was not used" "1025100 1025415 1025520" "$(postern_records .alert | jq .alert.signature_id | sort -u | xargs)"

# ---- what is hidden ----

for address in $V4 $V6; do
    reset_behind "$address: a mail hidden in the last segment of a body" "220 250 250 250 354 250" $address hidden
    reset_behind "$address: the same behind a chunk" "220 250 250 250 250" $address bdat-hidden
done
postern_wait_record 10 '.alert.signature_id == 1025401 and .alert.severity == 1 and .finding.action == "reset" and .src_ip == "198.51.100.10"'
postern_wait_record 10 '.alert.signature_id == 1025401 and (.finding.evidence | join(" ") | test("a body that was not read"))'
same "the first mails were taken, the hidden ones were not" "4 0" "$(grep -c 'to=<cover@' "$LAB_DIR/log/postfix-mail.log") $(grep -c 'to=<hidden@' "$LAB_DIR/log/postfix-mail.log" || true)"
reset_behind "one that is hidden whole arrives, is told, and is the last" "220 250 250 250 354 250" $V4 hidden-all
lab_wait 10 "the hidden one" grep -q 'to=<hidden@' "$LAB_DIR/log/postfix-mail.log"
stop
same "marks of others are what they were, and ours are gone from packets" "true 0" "$(lab_in gw nft -j list counters table inet other |
    jq -r '[.nftables[].counter // empty | {(.name): .packets}] | add | "\(.behind > 1000) \(.spoilt)"')"
lab_in gw nft delete table inet other
same "the records say who has reset them" "5" "$(postern_records '.event_type == "flow" and .flow.state == "reset_by_postern"' | wc -l)"

start 'mode = monitor' "$UNREAD"
same "monitor mode does nothing about it" "220 250 250 250 354 250 250 250 354" "$(fast $V4 hidden)"
postern_wait_record 10 '.alert.signature_id == 1025401 and .alert.action == "allowed" and .finding.would == "reset"'
postern_stop

# ---- somebody else keeps marks, too ----

# As gateways with several ways out do: the mark of the connection, all of it, becomes that of each packet.
lab_in gw nft -f - <<'EOT'
table inet ways {
	chain before { type filter hook prerouting priority mangle; meta mark set ct mark; }
	chain made_here { type route hook output priority mangle; meta mark set ct mark; }
}
EOT
start "$UNREAD"
same "marks copied from the connection: a foreign recipient is refused behind the first body" \
    "220 250 250 250 354 250 250 250 550 354 250 250 250 354 250 221" "$(fast $V4 mails)"
ended
check "the bodies passed beside the queue, the server's replies did not" eval "off_queue bodies $((2 * SIZE)) && ! off_queue sealed 1"
reset_behind "marks copied: a hidden mail, and the reset arrives" "220 250 250 250 354 250" $V4 hidden
stop
lab_in gw nft delete table inet ways

# ---- 64k ----

start 'data { watch = 64k trusted = { isp } }'
same "64k: three mails" "220 250 250 250 354 250 250 250 550 354 250 250 250 354 250 221" "$(fast $V4 mails 20000000)"
ended
check "most of the bodies passed beside the queue, their first 64 KiB did not" \
    eval "off_queue bodies 30000000 && off_queue queued 130000"
stop

# ---- TLS, of anybody ----

start 'otherwise = inspect'
for address in $V4 $V6; do
    forget_counters
    same "$address: a mail under TLS" sent "$(lab_in stranger "$LAB_HOME/fast.py" $address tls)"
    ended
    check "$address: it passed beside the queue" eval "off_queue sealed $SIZE && queued_at_most 20000"
    same "$address: the record knows how much it was" true "$(flow ".flow.bytes_toserver > $SIZE and
        .flow.bytes_toserver < 1.1 * $SIZE and .flow.bytes_toclient > 1000 and .flow.state == \"closed\" and .flow.tls != null")"
done
stop

# ---- cut off on the fast path ----

start 'otherwise = inspect'
for address in $V4 $V6; do
    rm -f "$LAB_DIR/log/stays.log" "$LAB_DIR/go"
    lab_spawn stranger stays "$LAB_HOME/fast.py" $address tls-stays 0 "$LAB_DIR"
    lab_wait 30 "a connection under TLS" grep -q under "$LAB_DIR/log/stays.log"
    forget_counters
    postern_conf 'otherwise = refuse'
    check "$address: its rule refuses it now" quiet postern_ask reload
    touch "$LAB_DIR/go"
    lab_wait 30 "$address: a client to be cut off under TLS" grep -q "cut off" "$LAB_DIR/log/stays.log"
    echo "ok: $address: it is cut off under TLS"
    check "$address: nothing more of it has passed" eval "! off_queue sealed 1"
    postern_conf 'otherwise = inspect'
    check "$address: its rule inspects it again" quiet postern_ask reload
done
rm "$LAB_DIR/go"
stop

# ---- reload and restart in the middle ----

second_half() {
    touch "$LAB_DIR/go"
    lab_wait 30 "the other half" eval "! lab_alive halves"
    rm "$LAB_DIR/go"
}

first_half() { # ADDRESS
    rm -f "$LAB_DIR/log/halves.log"
    lab_spawn isp halves "$LAB_HOME/fast.py" "$1" two-halves $SIZE "$LAB_DIR"
    lab_wait 30 "the first half" grep -q half "$LAB_DIR/log/halves.log"
}

start "$UNREAD"
for address in $V4 $V6; do
    first_half $address
    forget_counters
    postern_conf 'data { watch = all }'
    check "$address: the trust is taken back" quiet postern_ask reload
    second_half
    ended
    same "$address: the other half is read, and so is what comes behind it" \
        "220 250 250 250 354 250 250 550 250 250 250 354 250 221" "$(tail -n 1 "$LAB_DIR/log/halves.log")"
    check "$address: nothing passed beside the queue any more" eval "off_queue queued $((2 * SIZE)) && ! off_queue bodies 1"
    same "$address: the record tells the halves apart" true "$(flow ".flow.skipped_bytes > 0.9 * $SIZE and .flow.skipped_bytes < 1.1 * $SIZE")"
    postern_conf "$UNREAD"
    check "$address: the trust is given again" quiet postern_ask reload
done

for fail in open closed; do
    postern_conf "$UNREAD" "queue { fail = $fail }"
    check "fail = $fail" quiet postern_ask reload
    first_half $V4
    kill -KILL "$POSTERN_PID"
    wait "$POSTERN_PID" || true
    rm -f "$LAB_DIR/eve.json"
    flows=0
    postern_start
    forget_counters
    second_half
    ended
    same "fail = $fail: killed in the middle of a body, all mails go on" "220 250 250 250 354 250 250 250 250 250 250 354 250 221" \
        "$(tail -n 1 "$LAB_DIR/log/halves.log")"
    check "fail = $fail: the rest of that body passed beside the queue, the next one came to it" \
        eval "off_queue bodies $((SIZE / 2)) && off_queue queued $SIZE"
    same "fail = $fail: a connection picked up in its middle" true "$(flow .flow.midstream)"
done

# Nobody listens, and the reply passes: it takes the mark with it, so what comes behind it is counted as blind.
postern_conf "$UNREAD"
check "fail = open" quiet postern_ask reload
first_half $V4
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
forget_counters
blind=$(postern_counter blind)
second_half
same "without a daemon all passes" "220 250 250 250 354 250 250 250 250 250 250 354 250 221" "$(tail -n 1 "$LAB_DIR/log/halves.log")"
check "the next body is blind, not trusted" eval "[[ $(postern_counter blind) -gt $((blind + 20)) ]] && ! off_queue bodies $((3 * SIZE / 2))"
postern_start
postern_stop
