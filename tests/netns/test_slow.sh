#!/bin/bash
# test_slow.sh - the tar pit: real servers' refusals arrive late, mail does not; never for upstreams and home; a crowd of slow
# sources leaves the queue to honest mail; whatever ends the wait, each packet has one verdict.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3
lab_need_peer postfix
lab_need_peer exim

WORLD='rule "world" { from = { any } to = { "mail" } do = inspect }'
SLOW='relay { action = slow tricks = reset }'

codes() { # HOST ARGUMENT...
    codes_from "$1" 192.168.10.10 --timeout 60 "${@:2}"
}

number() { # NAME: of the workers, just now
    postern_ask status --json | jq ".numbers[\"tap.$1\"] // -1"
}

holds() { # COUNT: packets are held
    [[ $(number held_now) == "$1" ]]
}

early() { # COUNT: went before their time, so far
    [[ $(number held_early) == "$1" ]]
}

held_of() { # FILTER: packets held and milliseconds of the connection that it selects, when it is over
    postern_wait_record 10 ".event_type == \"flow\" and ($1)"
    postern_records ".event_type == \"flow\" and ($1)" | tail -n 1 | jq -r '"\(.flow.held // 0) \(.flow.held_ms // 0)"'
}

accounted() { # resends of what is held are dropped, so the kernel's counter of inspected packets does not tell
    [[ $(number packets) == $(($(number verdicts) + $(number held_now))) ]]
}

# ---- what the client sees, and what the records say ----
# 3 s for a connection, 1 s for each refusal: three are held, those behind them pass.

foreign=()
for ((i = 1; i <= 5; i++)); do
    foreign+=(--rcpt "x$i@foreign.test")
done
for server in postfix exim; do
    "lab_$server" mail mx.example.org example.org
    postern_conf "$WORLD" "$SLOW" 'slow { hold = 1s session = 3s }'
    postern_start
    refused=$([[ $server == postfix ]] && echo 554 || echo 550)
    same "$server: refusals come, and so does the mail of the good one" \
        "220 250 250 250 $refused $refused $refused $refused $refused 354 250 221" \
        "$(codes stranger --rcpt "$server@example.org" "${foreign[@]}")"
    lab_wait 10 "its mail" lab_arrived mail "$server@example.org"
    read -r packets ms <<<"$(held_of '.src_ip == "203.0.113.66"')"
    same "$server: three were held" 3 "$packets"
    check "$server: for the time of a session, $ms ms" test "$ms" -ge 3000
    same "$server: the first three say so" "true true true false false" "$(postern_records '.event_type == "smtp"' |
        jq '.smtp.rcpt[]? | select(.path | contains("foreign")) | has("hold_ms")' | xargs)"
    same "$server: the finding is no refusal of ours" "allowed slow refused-by-server" "$(postern_records \
        '.alert.signature_id == 1025100' | head -n 1 | jq -r '"\(.alert.action) \(.finding.action) \(.finding.outcome)"')"
    same "$server: at once, and the mail" "220 250 250 250 $refused $refused $refused $refused $refused 354 250 221" \
        "$(codes stranger --pipeline --rcpt "$server.2@example.org" "${foreign[@]}")"
    lab_wait 10 "its mail" lab_arrived mail "$server.2@example.org"
    postern_stop
    lab_kill "$server-mail"
    postern_forget # each server gets its own story
done

# ---- who is never slowed ----

lab_postfix mail mx.example.org example.org
postern_conf "$WORLD" "$SLOW"
postern_start
for host in isp lan; do
    same "$host: never waits" "220 250 250 554 221" "$(codes "$host" --rcpt x@foreign.test)"
done
same "nothing was held" 0 "$(number held)"
postern_stop

# ---- what ends the wait ----

postern_conf "$WORLD" "$SLOW" 'slow { hold = 10s }'
postern_start

waits() { # NAME HOST ARGUMENT...: a client whose refusal is held
    local held

    held=$(number held_now)
    # shellcheck disable=SC2016
    lab_spawn "$2" "client-$1" bash -c 'exec "$@" --timeout 60 >"$0"' "$LAB_DIR/codes-$1" "$SMTPC" 192.168.10.10 "${@:3}"
    CLIENT_PID=$LAB_PID
    lab_wait 10 "its refusal to be held" holds $((held + 1))
}

told() { # NAME WHAT CODES
    wait "$CLIENT_PID" || true
    same "$2" "$3" "$(jq -r '.code // .error' "$LAB_DIR/codes-$1" | xargs)"
    lab_wait 10 "nothing to be held" holds 0
}

waits gone stranger --rcpt g@example.org --rcpt x@foreign.test
kill "$CLIENT_PID"
lab_wait 10 "the client's end to end it" holds 0
lab_wait 5 "the client's end: before its time" early 1

waits reload stranger --rcpt r@example.org --rcpt x@foreign.test
postern_conf "$WORLD" 'relay { action = alert }'
check "a reload" quiet postern_ask reload
told reload "a reload that says otherwise" "220 250 250 250 554 354 250 221"
lab_wait 5 "a reload: before its time" early 2
postern_conf "$WORLD" "$SLOW" 'slow { hold = 10s }'
check "and back" quiet postern_ask reload

waits bypass stranger --rcpt b@example.org --rcpt x@foreign.test
check "a bypass" quiet postern_ask bypass 1m
told bypass "a bypass" "220 250 250 250 554 354 250 221"
check "its end" quiet postern_ask bypass off
lab_wait 5 "a bypass: before its time" early 3

mkfifo "$LAB_DIR/go"
# shellcheck disable=SC2016
lab_spawn stranger hasty bash -c 'exec "$@" <"$0" >"$0.out"' "$LAB_DIR/go" "$LAB_HOME/tarpit.py" hasty 192.168.10.10 \
    'RCPT TO:<x%foreign.test@example.org>'
HASTY_PID=$LAB_PID
exec 3>"$LAB_DIR/go"
lab_wait 10 "its refusal to be held" holds 1
echo >&3
exec 3>&-
wait "$HASTY_PID" || lab_fail "the hasty client: $(<"$LAB_DIR/log/hasty.log")"
same "a reset: behind the refusal, which is let go, or instead of it" "1 220 250 reset" \
    "$(sed 's/ 554 reset/ reset/' "$LAB_DIR/go.out" | tail -n 1)"
lab_wait 10 "nothing to be held" holds 0

lab_wait 10 "every packet to have its verdict" accounted
for i in 1 2 3; do
    waits "term$i" stranger --rcpt "t$i@example.org" --rcpt x@foreign.test
done
postern_stop
for i in 1 2 3; do
    lab_wait 10 "client $i to be told" lab_gone "client-term$i"
    same "SIGTERM: client $i" "220 250 250 250 554 354 250 221" "$(jq -r '.code // .error' "$LAB_DIR/codes-term$i" | xargs)"
done
same "SIGTERM: one verdict for each packet, and the kernel wanted all of them" "true 0" "$(postern_records \
    '.event_type == "stats"' | tail -n 1 | jq -r '.stats.tap | "\(.packets == .verdicts) \(.verdict_errors)"')"

# ---- a crowd ----
# 2,000 sources, all refused again and again; 64 places for each worker.

CROWD=2000
ulimit -n 8192
lab_kill postfix-mail
lab_postfix mail mx.example.org example.org 'virtual_transport = discard:'
lab_sink lan 25 -f rcpt -m $((CROWD + 100))
lab_in stranger ip route add local 10.66.0.0/16 dev lo
lab_in gw ip route add 10.66.0.0/16 via 203.0.113.66
postern_conf "$WORLD" "$SLOW" 'slow { hold = 2s session = 6s packets = 64 }' \
    'servers "sink" { addresses = { "192.168.20.20" } domains = { "sink.example" } }' \
    'rule "sink" { from = { any } to = { "sink" } do = inspect }'
postern_start
blind=$(postern_counter blind)
mkfifo "$LAB_DIR/crowd"
# shellcheck disable=SC2016
lab_spawn stranger crowd bash -c 'exec "$@" <"$0"' "$LAB_DIR/crowd" "$LAB_HOME/tarpit.py" crowd 192.168.20.20 10.66.0.1 "$CROWD"
CROWD_PID=$LAB_PID
exec 3>"$LAB_DIR/crowd"

crowded() {
    [[ $(number held_early) -gt $CROWD ]]
}
lab_wait 60 "the crowd to fill the pit" crowded
lab_peer isp postfix smtp-source -s 10 -m 150 -l 2000 -f a@isp.example -t load@example.org 192.168.10.10:25 ||
    lab_fail "smtp-source told an error while the crowd was there"
check "the crowd was there all the while" lab_alive crowd
exec 3>&-
wait "$CROWD_PID" || lab_fail "the crowd: $(<"$LAB_DIR/log/crowd.log")"
same "each of the crowd is told what the server said" "$CROWD 220 250 500 221" "$(tail -n 1 "$LAB_DIR/log/crowd.log")"
honest() {
    [[ $(grep -c 'to=<load@example.org>.* status=sent' "$LAB_DIR/log/postfix-mail.log") -ge 150 ]]
}
lab_wait 30 "Postfix to have taken the honest mail" honest
same "honest mail: 150 of 150" 150 "$(grep -c 'to=<load@example.org>.* status=sent' "$LAB_DIR/log/postfix-mail.log")"
lab_wait 10 "nothing to be held" holds 0
echo "    $(number held) replies were held, $(number held_early) of them were let go before their time"
lab_wait 10 "every packet to have its verdict" accounted
same "and the kernel wanted each of them" 0 "$(number verdict_errors)"
same "the queue never overran" "0 0" "$(postern_kernel_dropped)"
same "nothing passed blind" "$blind" "$(postern_counter blind)"
postern_stop
