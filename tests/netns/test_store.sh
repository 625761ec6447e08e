#!/bin/bash
# test_store.sh - what outlives posternd: incidents and who delivers go on over restarts and kills; whatever befalls the
# file (locked, full, read-only, damaged, of an older or newer posternd), mail does not notice, and it is said.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3

DB=$LAB_DIR/postern.db
inside=() # the command that enters the file systems of posternd

# db SQL - runs it, prints the first value
db() {
    "${inside[@]}" python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
row = [c.fetchone() for c in map(db.execute, filter(str.strip, sys.argv[2].split(";")))][-1]
db.commit()
print(row[0] if row else "")' "$DB" "$1"
}

incidents() { # OPTION...
    postern_ask incidents --json "$@" | jq -c '.rows[]'
}

# story SOURCE - id and count of the incident that is open about it
story() {
    incidents | jq -r "select(.source == \"$1\") | \"\(.id) \(.count)\""
}

counts() { # SOURCE COUNT
    [[ $(story "$1") == *" $2" ]]
}

store_is() { # STATE
    [[ $(postern_ask status --json | jq -r .store.state) == "$1" ]]
}

written() {
    [[ $(postern_ask status --json | jq .store.waiting) == 0 ]]
}

mail_passes() {
    same "$1: mail passes" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt a@example.org)"
    same "$1: strangers are refused" refused "$(codes_from stranger 192.168.10.10)"
}

# ---- a restart ----

flood_sink
postern_conf 'volume "hosts" { match = { "home" } }'
postern_start
mail_passes "at first"
# shellcheck disable=SC2046
codes_from lan 192.168.10.10 $(printf -- '--rcpt u%d@example.org ' {1..12}) >/dev/null
same "an attempt" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
same "another" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
same "and one more" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
lab_wait 10 "three attempts to be counted" counts 198.51.100.10 3
before=$(story 198.51.100.10)
first=$(incidents | jq -r 'select(.source == "198.51.100.10").first_seen')
postern_stop
same "the incident is open in the store" "${before% *} 3" \
    "$(db "SELECT id || ' ' || count FROM incidents WHERE source = '198.51.100.10' AND state = 'grown'")"
same "the third attempt is in the records, and no end" "open 1,grown 2,grown 3," \
    "$(postern_records '.alert.signature_id == 1025100' | jq -rj '"\(.incident.state) \(.incident.count),"')"
same "what is usual for the lan's host, too" 192.168.20.20 "$(db 'SELECT source FROM usual WHERE length(bytes) > 700')"
postern_start
said 'from before: 2 open incidents go on, 3 who delivered and [0-9]* sources are known, what is usual of 1'
same "it goes on with its id and count" "$before" "$(story 198.51.100.10)"
same "a fourth attempt" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
lab_wait 10 "it to be the same story" counts 198.51.100.10 4
postern_wait_record 10 ".alert.signature_id == 1025100 and .incident.id == ${before% *} and .incident.count == 4"
same "since its first attempt" "$first" "$(incidents | jq -r 'select(.source == "198.51.100.10").first_seen')"
lab_wait 10 "who delivers to be known from before" eval \
    '[[ $(postern_ask seen --json | jq ".rows[] | select(.client == \"198.51.100.10\").connections") == 5 ]]'

# ---- the past ----

lab_wait 10 "all to be written" written
same "the past, of a source" "relay.attempt" "$(incidents --source 198.51.100.0/24 | jq -r .rule)"
same "of a rule" "203.0.113.66" "$(incidents --since 1h --rule gate.refused | jq -r .source)"
same "of another day" "" "$(incidents --since 2200-01-01)"
same "what is open of it" "198.51.100.10" "$(incidents --open --rule 1025100 | jq -r .source)"
same "cut" "1 true" "$(postern_ask incidents --json --limit 1 | jq -r '"\(.rows | length) \(.cut)"')"
check "as text" grep -q '^2 relay.attempt\|^3 relay.attempt' <(postern_ask incidents --since 1d)
for wrong in "--rule nonsense" "--source nowhere" "--since yesterday" "--limit 0"; do
    status=0
    # shellcheck disable=SC2086
    postern_ask incidents $wrong >"$LAB_DIR/out" 2>&1 || status=$?
    same "incidents $wrong is refused" 2 "$status"
done

# ---- a kill ----

for round in 1 2; do
    lab_spawn isp "attempts$round" bash -c \
        "for i in {1..10}; do $SMTPC 192.168.10.10 --rcpt k\$i@foreign.test >/dev/null; done"
    lab_wait 10 "attempts in round $round" postern_has_record ".event_type == \"smtp\" and (.smtp.rcpt_to[0] // \"\" | test(\"k$((round * 2))@\"))"
    kill -KILL "$POSTERN_PID"
    wait "$POSTERN_PID" 2>/dev/null || true
    lab_wait 30 "the client to end" lab_gone "attempts$round"
    same "round $round: the file is whole" ok "$(db 'PRAGMA quick_check')"
    postern_start
    same "round $round: the incident goes on" "${before% *}" "$(story 198.51.100.10 | cut -d' ' -f1)"
done
check "nothing was damaged" test -z "$(compgen -G "$DB.corrupt-*" || true)"

# ---- locked ----

lab_wait 10 "all to be written" written
lab_spawn gw locker python3 -c "import sqlite3, time
db = sqlite3.connect('$DB', isolation_level=None, timeout=10)
db.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
time.sleep(600)"
lab_wait 10 "the lock" grep -q locked "$LAB_DIR/log/locker.log"
mail_passes "locked"
lab_wait 20 "status to say so" store_is locked
said 'the store does not work: .* is locked by another program'
mail_passes "still locked"
same "still locked: the lan may send" "220 250 250 250 354 250 221" "$(codes_from lan 192.168.10.10 --rcpt a@example.org)"
check "still locked: it is blocked" quiet postern_ask block 192.168.20.20 --for 1h
same "still locked: and refused at once" refused "$(codes_from lan 192.168.10.10 --rcpt a@example.org)"
check "status says it" grep -q '^WRONG .*the store does not work: .*locked' <(postern_ask status)
lab_kill locker KILL
lab_wait 40 "the store to work again" store_is working
said 'the store works again: 0 records were lost'
lab_wait 20 "all to be written" written
same "the block is kept" 1 "$(db "SELECT count(*) FROM blocks WHERE prefix = '192.168.20.20' AND ended_us IS NULL")"
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("store does not work"))'
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("store works again"))'
lab_wait 10 "all to be written" written
same "acts are kept" 1 "$(db "SELECT count(*) FROM acts WHERE text LIKE 'the store works again%'")"
same "said once" 1 "$(grep -c 'the store does not work' "$LAB_DIR/log/posternd.log")"
postern_stop

# ---- damaged ----

dd if=/dev/urandom of="$DB" bs=4096 seek=1 count=3 conv=notrunc status=none
postern_start
said 'THE STORE WAS DAMAGED .*set aside as .*corrupt-'
same "the block of the kernel stays in force" refused "$(codes_from lan 192.168.10.10 --rcpt a@example.org)"
check "it is not deleted" test -s "$(compgen -G "$DB.corrupt-*Z")"
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("store was damaged"))'
mail_passes "after damage"
lab_wait 10 "the new one to be written" written
postern_stop
same "the new one works" ok "$(db 'PRAGMA quick_check')"
same "and has the block" 1 "$(db "SELECT count(*) FROM blocks WHERE prefix = '192.168.20.20' AND ended_us IS NULL")"
rm -f "$DB"*

# ---- of another posternd ----

db "CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), wall_us INTEGER NOT NULL, monotonic_us INTEGER NOT NULL, boot TEXT NOT NULL, made_us INTEGER NOT NULL);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, prefix TEXT NOT NULL, set_us INTEGER NOT NULL, until_us INTEGER NOT NULL, uid INTEGER NOT NULL, rule INTEGER NOT NULL, reason TEXT NOT NULL, ended_us INTEGER, ended_by TEXT);
CREATE UNIQUE INDEX blocks_in_force ON blocks (prefix) WHERE ended_us IS NULL;
CREATE INDEX blocks_over ON blocks (ended_us) WHERE ended_us IS NOT NULL;
INSERT INTO blocks VALUES (1, '192.0.2.9', 1, 0, 0, 0, 'of old', NULL, NULL);
PRAGMA user_version = 1"
chmod 600 "$DB"
postern_start
mail_passes "of an older posternd"
lab_wait 10 "it to be written" written
postern_stop
same "it has the tables of today" "1 open" "$(db "SELECT (SELECT user_version > 1 FROM pragma_user_version) || ' ' || state FROM incidents")"
same "and what it had" "of old" "$(db "SELECT reason FROM blocks WHERE prefix = '192.0.2.9' AND ended_us IS NULL")"
db "PRAGMA user_version = 99"
db "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
sum=$(sha256sum <"$DB")
postern_start
said 'was written by a newer posternd and is left untouched: .*move the file away.*schema 99'
mail_passes "of a newer posternd"
same "the past is not known" 1 "$(postern_ask incidents --since 1d >"$LAB_DIR/out" 2>&1 || echo $?)"
postern_stop
same "it was left untouched" "$sum" "$(sha256sum <"$DB")"
rm -f "$DB"*

# ---- never a store ----

echo 'mode = monitor' >"$DB"
cp "$DB" "$LAB_DIR/text"
rm -f "$LAB_DIR/log/posternd.log"
postern_start
said 'is no store of posternd.s and is left untouched: move it away'
mail_passes "of a store that is none"
check "status says it" grep -q '^WRONG .*the store does not work: .*no store of posternd' <(postern_ask status)
postern_stop
check "the text is what it was" cmp "$DB" "$LAB_DIR/text"
check "nothing was set aside" test -z "$(compgen -G "$DB.corrupt-*" || true)"
rm -f "$DB"*

# ---- a disk of its own, which is read-only, then full ----

mkdir "$LAB_DIR/disk"
postern_conf "store { path = \"$LAB_DIR/disk/postern.db\" }"
rm -f "$LAB_DIR/log/posternd.log"
# shellcheck disable=SC2016
ASAN_OPTIONS=$POSTERN_LEAK_CHECK lab_spawn gw posternd unshare --mount bash -c \
    'mount -t tmpfs -o size=1m,ro none "$1" && exec "$2" -c "$3"' - "$LAB_DIR/disk" "$BUILD/posternd" "$LAB_DIR/postern.conf"
POSTERN_PID=$LAB_PID
lab_wait 20 "posternd to be ready" grep -qE 'mode: [0-9]+ queue' "$LAB_DIR/log/posternd.log"
DB=$LAB_DIR/disk/postern.db
inside=(nsenter --mount --target "$POSTERN_PID")
said 'the store does not work: .*disk/postern.db cannot be written: mount its file system read-write'
mail_passes "read-only"
"${inside[@]}" mount -o remount,rw "$LAB_DIR/disk"
lab_wait 40 "the store to work" store_is working
lab_wait 10 "all to be written" written
check "an incident from before is in it" test "$(db "SELECT count(*) FROM incidents WHERE source = '203.0.113.66'")" = 1
"${inside[@]}" dd if=/dev/zero of="$LAB_DIR/disk/filler" bs=4096 status=none 2>/dev/null || true
for i in {1..40}; do # until what it has is not enough
    store_is full && break
    quiet codes_from isp 192.168.10.10 --rcpt "full$i@foreign.test"
    sleep 0.2
done
check "the disk is full" store_is full
said 'the store does not work: the disk of .* is full: make room'
mail_passes "full"
"${inside[@]}" rm -f "$LAB_DIR/disk/filler"
lab_wait 60 "the store to work again" store_is working
lab_wait 10 "all to be written" written
same "the file is whole" ok "$(db 'PRAGMA quick_check')"
mail_passes "at last"
postern_stop

# ---- no folder, no store ----

postern_conf "store { path = \"$LAB_DIR/no/such/folder/postern.db\" }"
postern_start
said 'the store does not work: the folder of .* does not exist: make it'
mail_passes "without a folder"
mkdir -p "$LAB_DIR/no/such/folder"
lab_wait 40 "the store to work" store_is working
postern_stop
postern_conf 'store { path = "" }'
postern_start
said 'store.path is empty'
mail_passes "without a store"
same "the past is not known" 1 "$(postern_ask incidents --since 1d >"$LAB_DIR/out" 2>&1 || echo $?)"
check "and why" grep -q 'store.path is empty' "$LAB_DIR/out"
postern_stop
