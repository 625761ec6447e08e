#!/bin/bash
# test_incidents.sh - a source that breaks several rules is one incident; what people do with it (ack, mute, unmute), what the
# configuration suppresses, and that all of it goes on over a restart.
# lean: the same commands run under sanitizers in test_store

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft

# codes OPTION... - a stranger's dialogue with the server; --source says which one
dialogue() {
    codes_from stranger 192.168.10.10 "$@" >/dev/null
}

# of SOURCE FIELD - the field of the incident that is open about it
of() {
    postern_ask incidents --json | jq -r ".rows[] | select(.source == \"$1\") | .$2"
}

counts() { # SOURCE COUNT
    [[ $(of "$1" count) == "$2" ]]
}

# told SOURCE - how many alerts there are about it
told() {
    postern_records ".event_type == \"alert\" and .src_ip == \"$1\"" | wc -l
}

kept() { # the store has it all
    [[ $(postern_ask status --json | jq .store.waiting) == 0 ]]
}

refused() { # STATUS COMMAND...
    local wanted=$1 status=0
    shift
    postern_ask "$@" >"$LAB_DIR/out" 2>&1 || status=$?
    same "refused: $*" "$wanted" "$status"
}

lab_sink mail
postern_conf 'rule "in" { from = { "any" } to = { "mail" } do = inspect }' \
    'suppress "partner" { rule = { sender.spoof, helo.forged } source = { "203.0.113.72" } until = "2199-12-31" reason = "sends for us" }' \
    "suppress \"short\" { rule = { evasion } source = { 203.0.113.72 } until = \"$(date -u -d '+15 sec' +%FT%TZ)\" reason = \"a test\" }"
for n in 1 2 3; do
    lab_in stranger ip addr add "203.0.113.7$n/24" dev eth0
done
postern_start

# ---- one story ----

A=203.0.113.71
dialogue --source $A --helo mx.example.org --from boss@example.org --rcpt x@foreign.test --rcpt y@foreign.test
lab_wait 10 "four findings in one incident" counts $A 4
same "its rules are its facets" "helo.forged 1 relay.attempt 2 sender.spoof 1" \
    "$(of $A 'facets | sort_by(.rule)[] | "\(.rule) \(.count)"' | xargs)"
same "it stands for its worst" "relay.attempt 2" "$(of $A 'rule') $(of $A severity)"
same "and shows a line of that" 'RCPT TO:<x@foreign.test>' "$(of $A evidence | cut -d ' ' -f 1-2)"
ID=$(of $A id)
same "each rule was told in full, under one number" "helo.forged 1 sender.spoof 1 relay.attempt 1 relay.attempt 2 $ID" \
    "$(postern_records ".event_type == \"alert\" and .src_ip == \"$A\"" | jq -r '"\(.alert.rule) \(.incident.rule_count)"' | xargs) $(postern_records ".src_ip == \"$A\" and .incident" | jq -r .incident.id | sort -u | xargs)"
same "by one of its milder rules" "$A" "$(postern_ask incidents --open --rule sender.spoof --json | jq -r '.rows[].source')"
postern_ask incidents "$ID" >"$LAB_DIR/whole"
for line in "^incident    $ID, grown, severity 2" '^findings    4, first .*, all blocked$|^findings    4, first ' '^done        refuse-recipient; refused-by-postern' \
    '^rule        3 helo.forged  *1, first ' '^evidence    relay.attempt: ' 'envelope    .* relay.attempt: helo mx.example.org, from <boss@example.org>, to <x@foreign.test>'; do
    check "shown whole: $line" grep -qE "$line" "$LAB_DIR/whole"
done
refused 1 incidents 4711
codes_from stranger fd00:25:10::10 --rcpt x@foreign.test >/dev/null
V6=2001:db8:66::/64
lab_wait 10 "one of an IPv6 network" counts $V6 1
same "which any of its addresses finds" "$V6" "$(postern_ask incidents --open --source 2001:db8:66::1234 --json | jq -r '.rows[].source')"
same "as the records name it" "$V6" "$(postern_records '.src_ip == "2001:db8:66::66" and .incident' | jq -r .incident.source)"
lab_wait 10 "it to be written" kept
same "in the past, too" "$V6" "$(postern_ask incidents --since 1h --source 2001:db8:66::1234 --json | jq -r '.rows[].source')"
refused 1 ack "$ID" 4711

# ---- ack ----

postern_ask ack "$ID" --reason "asked them" >/dev/null
postern_wait_record 10 ".incident.id == $ID and .incident.state == \"acked\" and .incident.acked.uid == 0 and (.incident.facets | length) == 3"
postern_wait_record 10 ".alert.signature_id == 1025520 and (.finding.evidence[0] | test(\"incident $ID acknowledged by uid 0: asked them\"))"
before=$(told $A)
dialogue --source $A --rcpt x@foreign.test --rcpt y@foreign.test --rcpt z@foreign.test
lab_wait 10 "more of the same to be counted" counts $A 7
same "and not to be told" "$before" "$(told $A)"

# ---- mute ----

B=203.0.113.73
postern_ask mute "203.0.113.73" --for 1h --rule relay.attempt --reason "test host" >/dev/null
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("muted by uid 0 for 3600 s: 203.0.113.73 for relay.attempt: test host"))'
dialogue --source $B --rcpt x@foreign.test
lab_wait 10 "a muted finding to be counted" counts $B 1
same "and not to be told" 0 "$(told $B)"
dialogue --source $B --helo mx.example.org --rcpt me@example.org
postern_wait_record 10 ".src_ip == \"$B\" and .alert.rule == \"helo.forged\""
refused 2 mute 203.0.113.0/24 --rule audit
refused 2 mute 203.0.113.0/24 --rule nonsense
refused 2 mute 203.0.113.0/24 --rule relay.atempt
check "with what may have been meant" grep -q 'there is no rule "relay.atempt"; did you mean relay.attempt?' <(postern_ask mute 203.0.113.0/24 --rule relay.atempt 2>&1)
check "of incidents, too" grep -q 'did you mean relay.attempt?' <(postern_ask incidents --since 1h --rule relay.atempt 2>&1)
refused 2 mute 203.0.113.0/24 --rule $'relay.attempt\xa0'
refused 2 mute 203.0.113.1/24
refused 1 unmute 203.0.113.0/24
postern_ask mute 203.0.113.74 >/dev/null
postern_says 1 '203.0.113.74 is muted for every rule, not for relay.attempt alone: unmute it without --rule' unmute 203.0.113.74 --rule relay.attempt
postern_says 0 '203.0.113.74 is not muted any more' unmute 203.0.113.74
postern_says 1 '203.0.113.74 is not muted for relay.attempt; postern mutes shows who is' unmute 203.0.113.74 --rule relay.attempt
check "a mute of everybody is loud" grep -q 'THIS IS NEARLY EVERYBODY' <(postern_ask mute 0.0.0.0/0)
check "for as long as it lasts" grep -q '^WRONG .* 0.0.0.0/0 is MUTED until .* by uid 0: ' <(postern_ask status)
postern_ask unmute 0.0.0.0/0 >/dev/null
same "no longer" 0 "$(postern_ask status | grep -c 'MUTED' || true)"

# ---- suppress ----

C=203.0.113.72
dialogue --source $C --helo mx.example.org --from boss@example.org --rcpt me@example.org
lab_wait 10 "what is suppressed to be counted" eval '[[ $(postern_ask status --json | jq ".suppressed[0].findings") == 2 ]]'
same "and not to be told" "0 " "$(told $C) $(of $C id)"
same "it can be looked at" "$C 2" "$(postern_ask incidents --suppressed --json | jq -r '.rows[] | "\(.source) \(.count)"')"
check "status says it" grep -q '2 findings suppressed by "partner" until 2200-01-01 00:00:00 UTC: sends for us' <(postern_ask status)

postern_wait_record 30 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("suppress \"short\" has ended"))'
check "status says that, too" grep -q 'suppressed by "short" until .*, WHICH IS OVER: a test' <(postern_ask status)

SUPPRESSED=$(postern_ask incidents --suppressed --json | jq '.rows[0].id')
check "and shown whole" grep -qE "^incident    $SUPPRESSED, (open|grown)" <(postern_ask incidents "$SUPPRESSED")
refused 1 ack "$SUPPRESSED"

# ---- a restart ----

lab_wait 10 "all to be written" kept
postern_stop
postern_start
same "number, count, state and reason go on" "$ID 7 acked asked them" "$(of $A id) $(of $A count) $(of $A state) $(of $A acked.reason)"
same "the facets, too" "helo.forged 1 relay.attempt 5 sender.spoof 1" \
    "$(of $A 'facets | sort_by(.rule)[] | "\(.rule) \(.count)"' | xargs)"
same "and the mute" "203.0.113.73 relay.attempt test host" "$(postern_ask mutes --json | jq -r '.rows[] | "\(.address) \(.rule) \(.reason)"')"
before=$(told $A)
dialogue --source $A --rcpt x@foreign.test
lab_wait 10 "one more of what is acknowledged" counts $A 8
same "is not told" "$before" "$(told $A)"
dialogue --source $B --rcpt x@foreign.test
lab_wait 10 "one more of what is muted" counts $B 3
same "is not told, either" 0 "$(postern_records ".event_type == \"alert\" and .src_ip == \"$B\" and .alert.rule == \"relay.attempt\"" | wc -l)"
postern_ask unmute $B >/dev/null
dialogue --source $B --rcpt x@foreign.test
postern_wait_record 10 ".src_ip == \"$B\" and .alert.rule == \"relay.attempt\" and .incident.count == 4 and .incident.rule_count == 3"

# ---- and its end ----

BEFORE=$(of $B id)
echo 'watch { quiet = 10s }' >>"$LAB_DIR/postern.conf"
postern_ask reload >/dev/null
postern_wait_record 30 ".incident.id == $BEFORE and .incident.state == \"closed\" and .incident.count == 4"
lab_wait 10 "all to be written" kept
postern_stop
postern_start
dialogue --source $B --rcpt x@foreign.test
postern_wait_record 10 ".src_ip == \"$B\" and .incident.state == \"open\" and .incident.before == $BEFORE"
check "shown whole with the one before" grep -q "^before      $BEFORE, of the same" <(postern_ask incidents "$(of $B id)")
postern_stop
