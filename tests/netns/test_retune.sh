#!/bin/bash
# test_retune.sh - reloads that change what the watch looks for, what is done about sources and where records go: new limits
# are held against the counts of before, and nothing that was counted, found or done is lost. What needs a restart is refused
# with the key that does, and so is a file of records that cannot be opened; then nothing at all has changed.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

SERVER=192.168.10.10 SENDER=192.168.20.20 GUESSER=203.0.113.66 SHARED=203.0.113.67
EVE=$LAB_DIR/eve.json

# conf LINE... - with the lines that all of these configurations share
conf() {
    postern_conf 'rule "in" { from = { "any" } to = { "mail" } do = inspect }' "$@"
}

reload() { # WHAT
    postern_ask reload >"$LAB_DIR/out" 2>&1 || lab_fail "reload: $(<"$LAB_DIR/out")"
    echo "ok: reload: $1"
}

refuses() { # PATTERN
    ! postern_ask reload >"$LAB_DIR/out" 2>&1 || lab_fail "a reload took it"
    check "a reload is refused: $1" grep -qE "$1" "$LAB_DIR/out"
    same "in one line, and one that nothing has changed" 2 "$(grep -cE 'NOT in force|restart|cannot write' "$LAB_DIR/out")"
}

mail() { # a mail of the sender's, of two recipients
    same "a mail" "220 250 250 250 250 354 250 221" "$(codes_from lan $SERVER --rcpt a@example.org --rcpt b@example.org)"
}

asks() { # SOURCE ROUNDS: four users of each
    lab_in stranger "$LAB_HOME/noisy.py" $SERVER "$1" "$2" >/dev/null
}

# in_file FILE FILTER
in_file() {
    jq -c "select($2)" "$1"
}

has() { # FILE FILTER
    [[ -n $(in_file "$1" "$2") ]]
}

ledger() { # SOURCE
    postern_ask sources --json --top all | jq -r --arg s "$1" '.rows[] | select(.source == $s) | "\(.connections) \(.messages) \(.accepted)"'
}

ledger_is() { # SOURCE COUNTS
    [[ $(ledger "$1") == "$2" ]]
}

volume="volume \"hosts\" { match = { \"home\" } messages"
limit_is() { # FILE LIMIT
    in_file "$1" '.alert.signature_id == 1025200' | jq -r '"\(.finding.value) of \(.finding.limit)"' | xargs
}

lab_spawn mail server "$LAB_HOME/held.py" server "$LAB_DIR"
lab_wait 10 "the server" lab_listens mail 25
lab_in stranger ip addr add $SHARED/24 dev eth0
conf "$volume = { 100/1h } }" 'harvest { limit = 4/1h share = 0 action = block block-for = 1h }' 'watch { sources = 2000 }'
postern_start

# ---- counts of before, and limits of now ----

for _ in 1 2 3 4; do mail; done
asks $GUESSER 1
asks $SHARED 2 || true # its second connection may be cut off
postern_wait_record 20 ".alert.signature_id == 1025300 and .src_ip == \"$SHARED\""
lab_wait 10 "the ledger to have it" ledger_is $SENDER "4 4 8"
incident=$(postern_ask incidents --json | jq ".rows[] | select(.source == \"$SHARED\").id")
same "it is blocked" "$SHARED" "$(postern_ask blocks | cut -d ' ' -f 1)"
conf "$volume = { 3/1h } }" 'harvest { limit = 5/1h share = 0 action = limit }' 'watch { sources = 2000 }'
reload "a limit that was passed long ago, and a milder action"
same "the ledger goes on" "4 4 8" "$(ledger $SENDER)"
same "what was done is still done" "$SHARED" "$(postern_ask blocks | cut -d ' ' -f 1)"
mail
postern_wait_record 10 '.alert.signature_id == 1025200'
same "the fifth message is one of five" "5 of 3" "$(limit_is "$EVE")"
same "of those who have guessed less, none is told" "" "$(postern_records ".alert.signature_id == 1025300 and .src_ip == \"$GUESSER\"")"
lab_in stranger "$LAB_HOME/noisy.py" $SERVER $GUESSER 1 >/dev/null
postern_wait_record 20 ".alert.signature_id == 1025300 and .src_ip == \"$GUESSER\" and .finding.value == 6 and .finding.limit == 5"
echo "ok: and two more are two too many"
lab_wait 10 "the action of now" eval "postern_ask blocks | grep -q '^$GUESSER .*limited to 10 connections'"

# ---- what rules have done, ladder and shared ----

conf "$volume = { 3/1h } }" "shared = { \"$SHARED\" }" 'ladder { rate = 7 }' 'watch { sources = 2000 }'
reload "an address that is shared, and another rate"
postern_wait_record 10 ".alert.signature_id == 1025520 and (.finding.evidence[0] | test(\"block of $SHARED by harvest has been lifted: the address is shared now\"))"
same "the limit goes on" "$GUESSER" "$(postern_ask blocks | cut -d ' ' -f 1)"
check "with the rate of now" grep -q "$GUESSER limit rate over 7/minute" <(lab_in gw nft list set inet postern limited_v4)
same "and the incident" "$incident" "$(postern_ask incidents --json | jq ".rows[] | select(.source == \"$SHARED\").id")"

# ---- where records go, and what is in them ----

before=$(wc -l <"$EVE")
lab_spawn gw syslogd "$LAB_HOME/syslogd.py" unix "$LAB_DIR/log.sock" "$LAB_DIR/syslog"
lab_wait 10 "the receiver" test -S "$LAB_DIR/log.sock"
conf "$volume = { 5/1h } }" "log { eve = \"$LAB_DIR/eve2.json\" ecs = \"$LAB_DIR/ecs.json\" syslog = \"unix://$LAB_DIR/log.sock\" }" 'privacy { local-parts = hash }' 'watch { sources = 2000 }'
reload "other files of records"
said "records go to $LAB_DIR/eve2.json"
said "records go to $LAB_DIR/ecs.json"
said "records go no longer to $EVE"
mail
lab_wait 10 "it in the other file" has "$LAB_DIR/eve2.json" '.event_type == "smtp"'
lab_wait 10 "it in ECS, too" has "$LAB_DIR/ecs.json" '.event.dataset == "postern.smtp"'
same "the sixth message is one of six" "6 of 5" "$(limit_is "$LAB_DIR/eve2.json")"
lab_wait 10 "it at the receiver" grep -q volume.limit "$LAB_DIR/syslog"
same "local parts are hashed from now on" 0 "$(in_file "$LAB_DIR/eve2.json" '.event_type == "smtp"' | grep -c '<a@example.org>' || true)"
same "the old file has no more lines" "$before" "$(wc -l <"$EVE")"
conf 'suppress "known" { rule = { volume.limit } reason = "known" }' "$volume = { 6/1h } }" "log { eve = \"$LAB_DIR/eve2.json\" alerts-only = yes }" 'watch { sources = 2000 }'
reload "alerts alone, and one that is known"
said "records go no longer to unix://$LAB_DIR/log.sock"
: >"$LAB_DIR/eve2.json"
mail
lab_wait 10 "what is known to be counted" eval '[[ $(postern_ask status --json | jq ".suppressed[0].findings") == 1 ]]'
lab_wait 10 "the ledger to have it" ledger_is $SENDER "7 7 14"
same "nothing is told of it" "" "$(in_file "$LAB_DIR/eve2.json" '.event_type != "alert" and .event_type != "stats" or .alert.signature_id == 1025200')"

# ---- what needs a restart, and what cannot be ----

conf "$volume = { 1/1h } }" 'watch { sources = 3000 }'
refuses 'watch.sources cannot change while posternd runs: restart it'
check "status says so" eval "postern_ask status | grep -qE '^WRONG .*NOT taken.*watch.sources cannot change'"
conf "$volume = { 1/1h } }" "log { eve = \"$EVE\" cef = \"$LAB_DIR/none/alerts.cef\" }" 'watch { sources = 2000 }'
refuses 'cannot write records to .*/none/alerts.cef: No such file or directory.*log.cef'
mail
lab_wait 10 "the ledger to have it" ledger_is $SENDER "8 8 16"
same "nothing of either is in force" "$before" "$(wc -l <"$EVE")"
lab_wait 10 "what is known to be counted" eval '[[ $(postern_ask status --json | jq ".suppressed[0].findings") == 1 ]]'
conf "$volume = { 1/1h } }" 'watch { sources = 3000 }'
postern_stop
postern_start
same "the ledger goes on behind a restart" "8 8 16" "$(ledger $SENDER)"
same "and the limit" "$GUESSER" "$(postern_ask blocks | cut -d ' ' -f 1)"
postern_stop
