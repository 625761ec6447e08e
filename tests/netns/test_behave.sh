#!/bin/bash
# test_behave.sh - what sources do, told by real Postfixes' answers: a dictionary, passwords, bounces, a blocklist's name in a
# reply to mail that a server of ours passes on, many hosts, many sources. And honest clients beside them, of whom nothing is told.

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq

# told ID SOURCE - value, limit, and the first line of evidence of the first alert about it.
told() {
    postern_wait_record 20 ".alert.signature_id == $1 and .src_ip == \"$2\""
    postern_records ".alert.signature_id == $1 and .src_ip == \"$2\"" | head -1 |
        jq -r '"\(.finding.value)/\(.finding.limit) \(.finding.evidence[0])"'
}

# times N ARGUMENT... - the arguments, N times.
times() {
    local n

    for ((n = 0; n < $1; n++)); do
        printf '%s\n' "${@:2}"
    done
}

lab_postfix mail mx.example.org example.org 'mynetworks = 192.168.0.0/16' 'relayhost = [198.51.100.10]' \
    'default_transport = smtp' 'virtual_mailbox_maps = inline:{bob@example.org=x, ann@example.org=x}'
lab_postfix isp mx.isp.example isp.example foreign.test \
    'smtpd_sender_restrictions = check_sender_access inline:{{spam@isp.example = 554 5.7.1 Service unavailable; Client host [203.0.113.5] blocked using zen.spamhaus.org}}'
for n in 11 12 13; do
    lab_in isp ip addr add "198.51.100.$n/24" dev eth0
done
for n in 71 72 77; do
    lab_in stranger ip addr add "203.0.113.$n/24" dev eth0
done
lab_in lan ip addr add 192.168.20.21/24 dev eth0
postern_conf "mode = monitor" 'rule "in" { from = { "any" } to = { "mail" } do = inspect }' \
    'rule "lan" { from = { "home" } to = { "any" } do = inspect }' 'fanout { limit = "4/10m" }' \
    'target { limit = "3/10m" }' 'backscatter { limit = "3/1h" share = 0 recipient-limit = "5/1h" }'
postern_start

# Honest: a stranger who mistypes now and then, whose server returns a mail, and who tries to log in once; a host that sends
# through our server, and hears that somebody is gone.
codes_from stranger 192.168.10.10 --source 203.0.113.77 --say 'AUTH PLAIN AAAA' --count 3 --rcpt bob@example.org \
    --rcpt bbo@example.org --rcpt ann@example.org >"$LAB_DIR/honest"
codes_from stranger 192.168.10.10 --source 203.0.113.77 --from '' --rcpt ann@example.org >>"$LAB_DIR/honest"
codes_from lan 192.168.10.10 --source 192.168.20.21 --from ann@example.org --rcpt one@foreign.test --rcpt nobody@example.org \
    --rcpt bob@example.org >>"$LAB_DIR/honest"
same "honest clients" "220 250 503 250 250 550 250 354 250 250 250 550 250 354 250 250 250 550 250 354 250 221
220 250 250 250 354 250 221
220 250 250 250 550 250 354 250 221" "$(<"$LAB_DIR/honest")"
lab_wait 10 "the mail of the honest host" lab_arrived isp one@foreign.test

# A dictionary, from one place, in two connections.
for part in a b; do
    mapfile -t names < <(for n in {1..13}; do printf '%s\n' --rcpt "$part$n@example.org"; done)
    codes_from stranger 192.168.10.10 "${names[@]}" >/dev/null
done
same "the 8th name says that no human writes" \
    "1000/500 8 of 8 new recipients refused; of people's it is 10 %, of machines' 50 %" "$(told 1025202 203.0.113.66)"
same "the 21st is a harvest" \
    "21/20 RCPT TO:<b8@example.org> -> 550 5.1.1 <b8@example.org>: Recipient address rejected: User unknown in virtual mailbox table" \
    "$(told 1025300 203.0.113.66)"

mapfile -t tries < <(times 11 --say 'AUTH PLAIN AGEAYg==')
codes_from stranger 192.168.10.10 --source 203.0.113.71 "${tries[@]}" >/dev/null
same "passwords, though Postfix takes none here" "11/10 AUTH PLAIN -> 503 5.5.1 Error: authentication not enabled" \
    "$(told 1025302 203.0.113.71)"

# Inward: bounces for one of ours. With the honest one the third is one more than the server may get; the sixth than bob may.
codes_from stranger 192.168.10.10 --source 203.0.113.72 --from '' --count 6 --rcpt bob@example.org >/dev/null
same "bounces come in" "4/3 MAIL FROM:<> RCPT TO:<bob@example.org> -> 250 2.1.5 Ok" "$(told 1025301 203.0.113.72)"

# A host of ours spams through our server. Whom it writes to names a blocklist; our server returns that to the sender's
# forged address, which is outside.
mapfile -t victims < <(for n in {1..4}; do printf '%s\n' --rcpt "v$n@foreign.test"; done)
codes_from lan 192.168.10.10 --from spam@isp.example "${victims[@]}" >/dev/null
told 1025600 192.168.20.20 >"$LAB_DIR/blame"
check "the host is told of, not the server" grep -q \
    '^2/1 198.51.100.10 to RCPT -> 554 5.7.1 <spam@isp.example>: Sender address rejected: Service unavailable; Client host \[203.0.113.5\] blocked using zen' "$LAB_DIR/blame"
same "by the mail that came from it" "this names Spamhaus
sent by the server 192.168.10.10; the mail came from here, by its sender and recipient" \
    "$(postern_records '.alert.signature_id == 1025600' | head -1 | jq -r '.finding.evidence[1:3][]')"
for n in {1..4}; do # one bounce for each of these
    codes_from lan 192.168.10.10 --from spam@isp.example --rcpt "w$n@foreign.test" >/dev/null
done
same "bounces go out" "4/3 MAIL FROM:<> RCPT TO:<spam@isp.example> -> 250 2.1.5 Ok" "$(told 1025301 192.168.10.10)"

# A host that delivers by itself.
for n in 10 11 12 13; do # and our server
    codes_from lan "198.51.100.$n" >/dev/null
done
same "many mail hosts" "5/4 one more mail host: 198.51.100.13 port 25" "$(told 1025203 192.168.20.20)"

for n in 66 71 72; do # with the honest one, four
    codes_from stranger 192.168.10.10 --source "203.0.113.$n" --rcpt ann@example.org >/dev/null
done
same "many sources at one mailbox" "4/3 one more source: 203.0.113.72" "$(told 1025204 203.0.113.72)"

postern_stop
same "of honest clients nothing is told" "" \
    "$(postern_records '.alert.signature_id >= 1025200 and (.src_ip == "203.0.113.77" or .src_ip == "192.168.20.21") and
        (.alert.signature_id < 1025400 or .alert.signature_id == 1025600)')"

postern_replays 8
