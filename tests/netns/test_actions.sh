#!/bin/bash
# test_actions.sh - what each relay action does to both ends: defer-recipient, refuse-session and reset, also in packets that
# the network card would cut (GSO).
# time-limit: 120

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
