#!/bin/bash
# test_actions.sh - what each relay action does to both ends: defer-recipient, refuse-session and reset, also in packets that
# the network card would cut (GSO).
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft ss

codes() { # ARGUMENT...: reply codes or the error, in one line
    codes_from isp 192.168.10.10 "$@"
}

is_over() {
    [[ -z $(lab_in mail ss -Htn state established sport = :25) && -z $(lab_in isp ss -Htn state established dport = :25) ]]
}

start() { # ACTION
    postern_conf "relay { action = $1 tricks = $1 }"
    postern_start
}

lab_open_relay mail mx.example.org example.org

start defer-recipient
same "defer-recipient: 450, and the good one is delivered" "220 250 250 250 450 354 250 221" \
    "$(codes --rcpt deferred@example.org --rcpt x@foreign.test)"
lab_wait 10 "its mail" lab_arrived mail deferred@example.org
postern_stop

start refuse-session
same "refuse-session: 554, then the end" "220 250 250 250 554 reset" "$(codes --rcpt a@example.org --rcpt x@foreign.test)"
lab_wait 5 "both ends to be closed" is_over
postern_stop

start reset
many=()
for ((i = 0; i < 300; i++)); do
    many+=(--rcpt "a$i@example.org")
done
same "reset: at the recipient" "220 250 250 250 reset" "$(codes --rcpt a@example.org --rcpt x@foreign.test)"
lab_wait 5 "both ends to be closed" is_over
same "reset: in 9 kB sent at once" "220 250 reset" "$(codes --pipeline "${many[@]}" --rcpt x@foreign.test)"
lab_wait 5 "both ends to be closed" is_over
postern_stop

# A rule that refuses the session: told at the greeting, and nothing but QUIT reaches the server.
turned_away() { # ADDRESS WHAT
    lab_in isp "$LAB_HOME/session.py" "$@"
}

session_rule='rule "in" { from = { "isp" } to = { "mail" } do = refuse-session }'
lab_kill postfix-mail
for server in postfix exim opensmtpd; do
    lab_open_relay "$server" mail mx.example.org example.org
    postern_conf "$session_rule"
    postern_start
    for address in 192.168.10.10 fd00:25:10::10; do
        same "$server, $address: 554, and QUIT passes" "554 5.7.1 Access denied / 221" "$(turned_away "$address" quit)"
        same "$server, $address: a command resets" "554 5.7.1 Access denied / reset" "$(turned_away "$address" "ehlo c")"
        same "$server, $address: a mail at once resets" "554 5.7.1 Access denied / reset" "$(turned_away "$address" mail)"
    done
    same "$server: others are greeted" "220 250 250 250 354 250 221" "$(codes_from lan 192.168.10.10 --rcpt "$server@example.org")"
    postern_stop
    lab_kill "$server-mail"
done
same "they are told" "blocked refuse-session" \
    "$(postern_records '.alert.signature_id == 1025500' | jq -r '"\(.alert.action) \(.finding.action)"' | sort -u)"
same "no mail of theirs" "" "$(ls -d "$LAB_DIR"/mail-mail/n* 2>/dev/null)"

lab_open_relay mail mx.example.org example.org
postern_conf "$session_rule" 'mode = monitor'
postern_start
same "monitor mode: it is greeted, and told" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt m@example.org)"
postern_wait_record 5 '.alert.signature_id == 1025500 and .alert.action == "allowed" and .finding.would == "refuse-session"'
postern_stop
