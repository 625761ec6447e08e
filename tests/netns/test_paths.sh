#!/bin/bash
# test_paths.sh - what the gateway does not see of a connection: its beginning (posternd starts in the middle of commands, of a
# body, under TLS), or one of its two directions. Nothing is refused there, records say so, and what begins later is guarded.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft openssl python3

declare -A mx=([4]=192.168.10.10 [6]=fd00:25:10::10)
declare -A isp=([4]=198.51.100.10 [6]=2001:db8:25::10)
GUARDED="220 250 250 550 221"

cert=$LAB_DIR/cert.pem key=$LAB_DIR/key.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.org -keyout "$key" -out "$cert" 2>/dev/null
lab_open_relay mail mx.example.org example.org "smtpd_tls_security_level=may" "smtpd_tls_cert_file=$cert" "smtpd_tls_key_file=$key"

# ---- picked up in the middle ----

# slow_start PLACE V - a client that gets that far.
slow_start() {
    local name=slow-$1-$2

    mkfifo "$LAB_DIR/$name"
    # shellcheck disable=SC2016
    lab_spawn isp "$name" bash -c 'exec "$0" "${@:2}" <>"$1"' "$LAB_HOME/slow.py" "$LAB_DIR/$name" "${mx[$2]}" "$1" \
        "$1$2@example.org" "$1$2@foreign.test"
    waits[$name]=$LAB_PID
}

is_waiting() {
    grep -q waiting "$LAB_DIR/log/$1.log"
}

declare -A waits=()
PLACES="greeting commands envelope body tls"
for place in $PLACES; do
    for v in 4 6; do
        slow_start "$place" "$v"
    done
done
for name in "${!waits[@]}"; do
    lab_wait 20 "$name to wait" is_waiting "$name"
done
postern_conf
postern_start
for name in "${!waits[@]}"; do
    echo >"$LAB_DIR/$name"
done
for name in "${!waits[@]}"; do
    wait "${waits[$name]}" || lab_fail "$name: $(<"$LAB_DIR/log/$name.log")"
done
for place in $PLACES; do
    codes="250 250 354 250 250 250 354 250 221"
    [[ $place != tls ]] || codes="250 $codes"
    for v in 4 6; do
        same "v$v: $place, nothing is refused" "220 250 $codes" "$(tail -n 1 "$LAB_DIR/log/slow-$place-$v.log")"
        lab_wait 10 "its mail" lab_arrived mail "$place$v@example.org"
        same "v$v: what begins later is" "$GUARDED" "$(codes_from isp "${mx[$v]}" --rcpt "later@foreign.test")"
    done
done

postern_stop # tells of the connections that a client under TLS ended by a reset, too

flows() { # FILTER
    postern_records ".event_type == \"flow\" and ($1)" | wc -l
}
same "ten records say that the beginning was not seen, ten that it was" "10 10" "$(flows .flow.midstream) $(flows '.flow.midstream | not')"
same "a recipient behind it is told, with what the server said" "250 accepted" \
    "$(postern_records '.event_type == "smtp" and .smtp.rcpt_to == ["<body4@foreign.test>"]' | jq -r '.smtp.rcpt[0] | "\(.code) \(.outcome)"')"
same "no line of a body was taken for a command" "" \
    "$(postern_records '.smtp.rcpt_to // [] | index("<x@foreign.test>")')"
same "nothing passed blind" 0 "$(postern_counter blind)"
postern_forget

# ---- one direction ----

# A way around the gateway, between the two hosts; whoever has a route over it sends what the gateway does not see.
declare -A mac=([isp]=02:00:00:00:00:01 [mail]=02:00:00:00:00:02)
ip -n "$LAB_PREFIX-mail" link add by0 address "${mac[mail]}" type veth peer name by0 address "${mac[isp]}" netns "$LAB_PREFIX-isp"
for host in mail isp; do
    ip -n "$LAB_PREFIX-$host" link set by0 up
done

around() { # HOST PEER ADDRESS...
    local address

    for address in "${@:3}"; do
        ip -n "$LAB_PREFIX-$1" neigh replace "$address" lladdr "${mac[$2]}" dev by0 nud permanent
        ip -n "$LAB_PREFIX-$1" route add "$address" dev by0
    done
}

# one_sided WHICH - nothing is refused, however many commands go unanswered.
one_sided() {
    local v codes

    postern_start
    for v in 4 6; do
        same "v$v, $1 alone: nothing is refused" "220 250 250 250 250 354 250 221" \
            "$(codes_from isp "${mx[$v]}" --rcpt "$1$v@example.org" --rcpt "$1$v@foreign.test")"
        codes=$(codes_from isp "${mx[$v]}" --count 400 --size 5000 --rcpt "many@foreign.test")
        same "v$v, $1 alone: nor in a long connection" "1 220 1 221 1201 250 400 354" "$(xargs -n 1 <<<"$codes" | sort | uniq -c | xargs)"
        lab_wait 10 "its mail" lab_arrived mail "$1$v@example.org"
    done
    postern_stop
    same "$1 alone: the records say so" "4 4" "$(flows true) $(flows ".flow.one_sided and .flow.bytes_$1 > 0")"
    same "$1 alone: nothing is taken for refused, or evasion" "" \
        "$(postern_records '.event_type == "alert" and .src_ip and .finding.outcome != "unanswered" or .smtp.rcpt_refused > 0')"
    postern_forget
}

around mail isp "${isp[@]}"
one_sided toserver
for address in "${isp[@]}"; do
    ip -n "$LAB_PREFIX-mail" route del "$address" dev by0
done
around isp mail "${mx[@]}"
one_sided toclient
