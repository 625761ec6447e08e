#!/bin/bash
# test_formats.sh - what posternd tells, in every format at once: files that are rotated, and syslog over a local socket, UDP
# and TCP, with receivers that go and come back: each alert arrives, once told. And a sender that goes over its budget.
# time-limit: 240

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq python3
lab_postfix mail mx.example.org example.org

GOT=$LAB_DIR/syslog

receive() { # HOST ARGUMENT... - a receiver, which has its socket when this returns
    lab_spawn "$1" syslogd "$LAB_HOME/syslogd.py" "${@:2}" "$GOT"
    case $2 in
    tcp) lab_wait 10 "the receiver" listens tcp ;;
    udp) lab_wait 10 "the receiver" listens udp ;;
    unix) lab_wait 10 "the receiver" test -S "$3" ;;
    esac
}

listens() { # PROTOCOL
    lab_in lan ss -Hln --"$1" 'sport = :514' | grep -q .
}

begin() { # LINE-OF-LOG...
    postern_conf "log { eve = \"$LAB_DIR/eve.json\" $* }"
    postern_forget
    : >"$GOT" # a receiver may have it open
    postern_start
}

knock() { # a try outside the rules
    same "a stranger" refused "$(codes_from stranger 192.168.10.10)"
}

attempt() { # NUMBER - an alert about a foreign recipient, if it is the first, second, fourth, ...
    quiet codes_from isp 192.168.10.10 --rcpt "x@foreign$1.test"
}

alerts() {
    postern_records '.event_type == "alert"' | wc -l
}

# ---- all at once, a local socket, rotation ----

receive gw unix "$LAB_DIR/log.sock"
begin "ecs = \"$LAB_DIR/ecs.json\" cef = \"$LAB_DIR/alerts.cef\" syslog = \"unix://$LAB_DIR/log.sock\""
same "a mail" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt alice@example.org)"
knock
lab_wait 10 "it in all formats" grep -q 'gate.refused' "$GOT"
mv "$LAB_DIR/ecs.json" "$LAB_DIR/ecs.json.1"
mv "$LAB_DIR/alerts.cef" "$LAB_DIR/alerts.cef.1"
kill -HUP "$POSTERN_PID"
said 'ecs.json opened again'
said 'alerts.cef opened again'
attempt 0
lab_wait 10 "an alert behind it" grep -q 'x@foreign0.test' "$GOT"
postern_stop
alerts=$(alerts)
check "there are alerts" test "$alerts" -ge 4
same "as many in CEF" "$alerts" "$(cat "$LAB_DIR"/alerts.cef.1 "$LAB_DIR/alerts.cef" | wc -l)"
same "as many messages" "$alerts" "$(wc -l <"$GOT")"
check "some before the rotation, some behind it" test -s "$LAB_DIR/alerts.cef.1" -a -s "$LAB_DIR/alerts.cef"
same "as many records in ECS as in EVE" "$(wc -l <"$LAB_DIR/eve.json")" "$(cat "$LAB_DIR"/ecs.json.1 "$LAB_DIR/ecs.json" | wc -l)"
same "the mail" '["alice@example.org"]' "$(cat "$LAB_DIR"/ecs.json* | jq -c 'select(.event.dataset == "postern.smtp" and .event.outcome == "success") | .email.to.address')"
check "the process is named" grep -q "^<8[0-7]>1 [^ ]*Z [^ ]* posternd $POSTERN_PID audit \[origin " "$GOT"
check "its last word, too" grep -q 'posternd stopped; the rules stay in force' "$GOT"
lab_kill syslogd

# ---- TCP: nobody, then somebody, who goes in the middle ----

begin 'syslog = "tcp://192.168.20.20:514" syslog-format = cef'
knock
lab_wait 10 "status to say it" eval 'postern_ask status | grep -q "the syslog receiver tcp://192.168.20.20:514 takes nothing: Connection refused"'
receive lan tcp 192.168.20.20 514
lab_wait 40 "what had waited" grep -q 'relay.attempt\|gate.refused' "$GOT"
check "in CEF" grep -q '^<86>1 .* posternd [0-9]* gate.refused - CEF:0|Postern|posternd|' "$GOT"
lab_kill syslogd
attempt 1
attempt 2
receive lan tcp 192.168.20.20 514

lab_wait 40 "what was told while nobody listened" grep -q 'x@foreign2.test' "$GOT"
postern_stop
same "each alert has arrived" "$(alerts)" "$(sort -u "$GOT" | wc -l)"
check "none is lost" test "$(postern_records '.event_type == "stats"' | tail -n 1 | jq .stats.report.syslog.lost)" = 0
lab_kill syslogd

# ---- UDP ----

receive lan udp 192.168.20.20 514
begin 'syslog = "udp://192.168.20.20:514" syslog-facility = local5'
knock
lab_wait 10 "a datagram" grep -q gate.refused "$GOT"
postern_stop
same "each alert is a datagram" "$(alerts)" "$(wc -l <"$GOT")"
check "of its facility" grep -q '^<174>1 ' "$GOT"
lab_kill syslogd

# ---- the budget ----

begin 'per-source = "10/1h"'
for _ in {1..12}; do
    quiet codes_from lan 192.168.10.10 --rcpt bob@example.org --rcpt carol@example.org
    quiet codes_from isp 192.168.10.10 --rcpt dave@example.org
done
lab_wait 20 "all mails" lab_arrived mail bob@example.org 12
postern_stop
same "ten records of the sender" 10 "$(postern_records '.src_ip == "192.168.20.20" and (.event_type == "smtp" or .event_type == "flow")' | wc -l)"
same "all of the upstream" 24 "$(postern_records '.src_ip == "198.51.100.10" and (.event_type == "smtp" or .event_type == "flow")' | wc -l)"
same "one that sums up" '["192.168.20.20",14]' "$(postern_records '.event_type == "budget"' | jq -c '[.budget.source, .budget.left_out.smtp + .budget.left_out.flow]')"
same "no recipient is missing" 24 "$(postern_records '.src_ip == "192.168.20.20"' | jq -s '[.[] | (.smtp.rcpt_accepted // 0) + (.budget.left_out.rcpt_accepted // 0)] | add')"
check "a replay of these says that they are not all" test "$("$BUILD/postern" replay -c "$LAB_DIR/postern.conf" "$LAB_DIR/eve.json" 2>&1 >/dev/null |
    grep -cE '^INCOMPLETE|^  14 records were left out by the budget|^  192.168.20.20 +14 records, 7 mails to 14 recipients$')" = 3

# ---- a disk that is nearly full ----

begin 'keep-free = 1024G'
said "records of mail and connections are LEFT OUT: the file system of $LAB_DIR/eve.json has only [0-9]* MiB free"
same "a mail" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt alice@example.org)"
attempt 7
postern_wait_record 10 '.event_type == "alert" and (.smtp.rcpt_to // [""] | .[0] | test("foreign7"))'
check "status says it" eval 'postern_ask status | grep -q "^WRONG .* is nearly full (log.keep-free)"'
postern_conf "log { eve = \"$LAB_DIR/eve.json\" keep-free = 0 }"
postern_ask reload >/dev/null
said 'records of mail and connections are written again'
same "another mail" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt alice@example.org)"
postern_stop
same "the first two are summed up, the third is told" '2 1' "$(postern_records '.budget.of == "disk"' | jq -s '[.[].budget.left_out.smtp // 0] | add') $(postern_records '.event_type == "smtp"' | wc -l)"
