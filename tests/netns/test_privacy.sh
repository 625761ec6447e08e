#!/bin/bash
# test_privacy.sh - hashed local parts leave nobody's name in records, store and answers, and stay the same over restarts; and
# postern forget, after which a source and a mailbox are in no answer and in no byte of the store.

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq python3

A=203.0.113.71 # is forgotten
B=203.0.113.72 # is not
ADDRESSES="$A $B"

# dialogue OPTION... - a stranger's with the server
dialogue() {
    codes_from stranger 192.168.10.10 "$@" >/dev/null
}

# Somebody whose names all have "secret" in them tries, as a harvester would.
mails_of() { # SOURCE
    local names=()

    for n in 1 2 3 4 5; do
        names+=(--rcpt "k.secret$n@example.org")
    done
    dialogue --source "$1" --helo "j.secret@pc.example" --from j.secret@isp.example --say 'VRFY k.secret1' --say 'EXPN <k.secret2>' \
        --say 'AUTH PLAIN AGouc2VjcmV0QGlzcC5leGFtcGxlAHg=' --say 'MAIL FROM:j.secret@isp.example BODY=9BIT' "${names[@]}" \
        --rcpt bob@example.org --data "$LAB_DIR/mail"
    dialogue --source "$1" --from j.secret@isp.example --rcpt m.secret@foreign.test --rcpt bob@example.org
}

kept() { # the store has it all
    [[ $(postern_ask status --json | jq .store.waiting) == 0 ]]
}

# in_store TEXT - how many lines of the store's files have it
in_store() {
    cat "$LAB_DIR"/postern.db* | grep -aciF -- "$1" || true
}

# views - what people can ask for
views() {
    local view address

    for view in status seen sources incidents "incidents --open" "incidents --since 1d" blocks mutes; do
        # shellcheck disable=SC2086 # words
        postern_ask $view --json
    done
    for address in $ADDRESSES; do
        postern_ask why "$address" --json
        postern_ask why "$address"
        postern_ask incidents --since 1d --source "$address"
    done
    postern_ask incidents --since 1d --json | jq -r '.rows[].id' | while read -r id; do
        postern_ask incidents "$id"
        postern_ask incidents "$id" --json
    done
}

# hash_of RECIPIENT-DOMAIN - what local parts of it were called in the records, once each
hash_of() {
    postern_records '.smtp.rcpt' | jq -r '.smtp.rcpt[].to // .smtp.rcpt[]' | grep -oE "hash-[0-9a-f]{16}@$1" | sort -u
}

written() { # DOMAIN COUNT
    [[ $(hash_of "$1" | wc -l) == "$2" ]]
}

lab_postfix mail mx.example.org example.org 'virtual_mailbox_maps = inline:{bob@example.org=x}' 'smtpd_hard_error_limit = 50'
printf 'Message-ID: <j.secret.17@pc.example>\nFrom: j.secret@isp.example\nSubject: hello\n\nbody\n' >"$LAB_DIR/mail"
for n in 71 72; do
    lab_in stranger ip addr add "203.0.113.$n/24" dev eth0
done
lab_spawn gw syslogd "$LAB_HOME/syslogd.py" unix "$LAB_DIR/log.sock" "$LAB_DIR/syslog"
lab_wait 10 "the receiver" test -S "$LAB_DIR/log.sock"
BASE=("mode = monitor" 'rule "in" { from = { "any" } to = { "mail" } do = inspect }' 'harvest { limit = "3/1h" }'
    'volume "senders" { match = { "any" } key = mail-from recipients = { "1/1h" } }'
    "log { eve = \"$LAB_DIR/eve.json\" ecs = \"$LAB_DIR/ecs.json\" cef = \"$LAB_DIR/alerts.cef\" syslog = \"unix://$LAB_DIR/log.sock\" }")

# ---- hashed ----

postern_conf "${BASE[@]}" 'privacy { local-parts = hash alerts = hash }'
postern_start
same "the key is ours alone" "600" "$(stat -c %a "$LAB_DIR/privacy.key")"
mails_of "$A"
postern_wait_record 10 ".alert.signature_id == 1025300"
postern_wait_record 10 ".alert.signature_id == 1025200"
postern_wait_record 10 ".alert.signature_id == 1025100"
lab_wait 10 "all recipients" written example.org 6
lab_wait 10 "syslog" grep -q harvest "$LAB_DIR/syslog"
lab_wait 10 "the store" kept
first=$(hash_of example.org)
same "five who are not there, and bob" 6 "$(wc -l <<<"$first")"
check "domains are told" grep -q 'hash-[0-9a-f]*@isp.example' "$LAB_DIR/eve.json"
views >"$LAB_DIR/views" 2>&1
check "the views show something" grep -q 'hash-[0-9a-f]*@example.org' "$LAB_DIR/views"
check "and the store" test "$(in_store '@isp.example')" -gt 0
postern_stop
for file in eve.json ecs.json alerts.cef syslog log/posternd.log views; do
    check "$file has something" test -s "$LAB_DIR/$file"
    same "no name in $file" "" "$(grep -aiE 'secret|bob@' "$LAB_DIR/$file" || true)"
done
same "no name in the store" 0 "$(in_store secret)"

rm "$LAB_DIR/eve.json"
postern_start
mails_of "$B"
lab_wait 10 "all recipients again" written example.org 6
same "the same names after a restart" "$first" "$(hash_of example.org)"

# A mailbox: asked for in clear, found by its hash.
postern_ask forget k.secret4@example.org --dry-run >"$LAB_DIR/look"
check "what would go" grep -q 'k.secret4@example.org would be forgotten' "$LAB_DIR/look"
names_mailbox() { # an incident of B's
    ID=$(postern_ask incidents --open --source $B --json | jq -r '.rows[0].id // empty')
    [[ -n $ID ]] || return 1
    postern_ask incidents "$ID" >"$LAB_DIR/whole"
    HASH=$(grep -oE 'hash-[0-9a-f]{16}@example.org' "$LAB_DIR/whole" | head -1)
    [[ -n $HASH ]]
}
lab_wait 10 "an incident that names a mailbox" names_mailbox
lab_wait 10 "the store" kept
check "the store does" test "$(in_store "$HASH")" -gt 0
for n in 1 2 3 4 5; do
    postern_ask forget "k.secret$n@example.org" >>"$LAB_DIR/forgot"
done
postern_ask forget bob@example.org >>"$LAB_DIR/forgot"
same "it is in the store no more" 0 "$(in_store "$HASH")"
same "nor is any recipient of that domain" 0 "$(in_store '@example.org>')"
check "what named it says that it did" grep -q '(forgotten)' <(postern_ask incidents "$ID")
same "the act names nobody" 0 "$(postern_records '.alert.signature_id == 1025520' | grep -ciE 'secret|bob|hash-' || true)"
postern_stop

# ---- the key ----

echo short >"$LAB_DIR/privacy.key"
postern_start
said 'privacy.key: Invalid argument; the hashes of local parts are of this run alone'
check "status says so" grep -q 'privacy.key' <(postern_ask status)
mails_of "$B"
lab_wait 10 "hashed with another key" written example.org 12
same "no name without the key either" "" "$(grep -aiE 'secret|bob@' "$LAB_DIR/eve.json" || true)"
postern_stop
rm "$LAB_DIR/privacy.key"
postern_start
chmod 640 "$LAB_DIR/privacy.key"
postern_stop
postern_start
said 'privacy.key can be read by others'
postern_stop
chmod 666 "$LAB_DIR/privacy.key"
postern_start
said 'privacy.key: Operation not permitted; the hashes of local parts are of this run alone'
postern_stop

# ---- in clear, and forgotten ----

postern_forget
rm -f "$LAB_DIR/privacy.key"
postern_conf "${BASE[@]}"
postern_start
mails_of "$A"
mails_of "$B"
postern_wait_record 10 ".alert.signature_id == 1025300 and .src_ip == \"$B\""
quiet postern_ask mute "$A" --reason "known"
quiet postern_ask block "$A" --for 1h --reason "mails of $A"
lab_wait 10 "the store" kept
check "the store knows it" test "$(in_store $A)" -gt 3
views >"$LAB_DIR/views"
check "so do the views" grep -q "$A" "$LAB_DIR/views"

echo damaged >"$LAB_DIR/postern.db.corrupt-20260101T000000Z"
postern_ask forget "$A" --dry-run --json >"$LAB_DIR/dry"
same "it would go" "1 1 1 true" "$(jq -r '"\(.memory.sources) \(.store.sources) \(.memory.mutes) \(.dry_run)"' "$LAB_DIR/dry")"
check "and did not" grep -q "$A" <(postern_ask sources --json)
postern_ask forget "$A" --json >"$LAB_DIR/done"
same "as much as that was" "$(jq -c '[.memory, .store]' "$LAB_DIR/dry")" "$(jq -c '[.memory, .store]' "$LAB_DIR/done")"
same "the block stays" "1 $A true" "$(jq -r '"\(.left.in_force) \(.left.blocks[0].address) \(.store_clean)"' "$LAB_DIR/done")"
same "a damaged store is told of" "$LAB_DIR/postern.db.corrupt-20260101T000000Z" "$(jq -r '.left.set_aside[]' "$LAB_DIR/done")"
check "the log files are told of" grep -q "$LAB_DIR/eve.json" "$LAB_DIR/done"
quiet postern_ask unblock "$A"
postern_ask forget "$A" >"$LAB_DIR/again"
check "to people" grep -q "^$A is forgotten:" "$LAB_DIR/again"

gone() { # WHEN
    ADDRESSES=$B views >"$LAB_DIR/views"
    same "$1: no view knows it" "" "$(grep -F "$A" "$LAB_DIR/views" || true)"
    check "$1: others are known" grep -qF "$B" "$LAB_DIR/views"
    same "$1: why has nothing" 0 "$(postern_ask why "$A" --json | jq '.rows | length')"
    same "$1: the store has no byte of it" 0 "$(in_store "$A")"
}
gone "forgotten"
same "an act says so, to the SIEM too" 2 "$(postern_records '.alert.signature_id == 1025520' | grep -c 'an address was forgotten by uid 0')"
same "without the address" "" "$(postern_records '.alert.signature_id == 1025520' | grep 'forgotten' | grep -F "$A" || true)"
postern_stop
postern_start
gone "after a restart"
for wrong in nobody 10.0.0.0/8 192.0.2.1/24; do
    status=0
    postern_ask forget "$wrong" >"$LAB_DIR/out" 2>&1 || status=$?
    same "refused: $wrong" 2 "$status"
done

status=0
postern_ask forget "$B" --socket "$LAB_DIR/none.sock" >"$LAB_DIR/out" 2>&1 || status=$?
same "not behind posternd's back" 1 "$status"
check "for this reason" grep -q 'nothing was forgotten: .*postern.db is in use by another posternd' "$LAB_DIR/out"

# A mailbox in clear, with posternd stopped.
lab_wait 10 "the store" kept
postern_stop
check "the store knows the sender" test "$(in_store 'j.secret@isp')" -gt 0
postern_ask forget j.secret@isp.example >"$LAB_DIR/offline"
same "then not" 0 "$(in_store 'j.secret@isp')"
check "and says what it was" grep -qE 'lines and envelopes of other incidents.* - +[1-9]' "$LAB_DIR/offline"
postern_ask forget "$B" >/dev/null
same "no byte of the other one" 0 "$(in_store "$B")"
postern_start
same "nobody is known" 0 "$({ postern_ask sources --json && postern_ask seen --json; } | jq -s 'map(.rows | length) | add')"
postern_stop
