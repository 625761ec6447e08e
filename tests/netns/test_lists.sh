#!/bin/bash
# test_lists.sh - list files that change while posternd runs: taken by themselves, in whichever way they are written; a bad
# one is told once and the list of before stays; what else has changed waits for SIGHUP.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft

LOG=$LAB_DIR/log/posternd.log
domains=$LAB_DIR/mail.domains
friends=$LAB_DIR/friends
taken="220 250 250 250 354 250 221" refused="220 250 250 550 221"

codes() { # DOMAIN
    codes_from isp 192.168.10.10 --rcpt "bob@$1"
}

times() { # PATTERN N
    [[ $(grep -cE "$1" "$LOG") -eq $2 ]]
}

lab_sink mail
echo example.org >"$domains"
echo 192.0.2.1 >"$friends"
postern_conf "servers \"mail\" { addresses = { \"192.168.10.10\" } domains-file = \"mail.domains\" }" \
    'network "friends" { file = "friends" }' 'rule "friends" { from = { "friends" } to = { "mail" } }'
postern_start
same "a domain that is listed" "$taken" "$(codes example.org)"
same "one that is not" "$refused" "$(codes example.net)"

echo example.net >>"$domains"
said 'mail.domains has changed'
lab_wait 10 "the new list" times 'postern.conf is in force' 1
same "it is taken by itself" "$taken" "$(codes example.net)"

printf 'example.com\n' >"$domains.new"
mv "$domains.new" "$domains"
lab_wait 10 "the replaced list" times 'postern.conf is in force' 2
same "a file that was replaced: what it lists" "$taken" "$(codes example.com)"
same "and what it does not list any more" "$refused" "$(codes example.net)"

printf 'example.com\nbad..name\n' >"$domains"
said 'mail.domains:2: .*bad..name.*a label is empty'
said 'the changed list is NOT in force: the list of before stays'
same "a bad list changes nothing" "$taken" "$(codes example.com)"
rm "$domains"
said 'cannot read .*mail.domains'
same "nor does one that is gone" "$taken" "$(codes example.com)"

same "a network's file: not in it" refused "$(codes_from stranger 192.168.10.10)"
printf 'example.com\n' >"$domains"
lab_wait 10 "the list that is there again" times 'postern.conf is in force' 3
echo 203.0.113.66 >>"$friends"
lab_wait 10 "the network's list" times 'postern.conf is in force' 4
same "a network's file: in it, the rules follow" "220 250 221" "$(codes_from stranger 192.168.10.10)"
postern_rules_stand
check "each bad one was told once" times 'is NOT in force' 2

sed -i 's/^relay .*/relay { action = alert }/' "$LAB_DIR/postern.conf"
echo example.edu >>"$domains"
said 'postern.conf has changed, too, since it was read: SIGHUP takes both'
same "an edit that nobody asked for is not taken along" "$refused" "$(codes foreign.test)"
kill -HUP "$POSTERN_PID"
lab_wait 10 "the reload" times 'postern.conf is in force' 5
same "SIGHUP takes it" "$taken" "$(codes foreign.test)"
postern_stop
