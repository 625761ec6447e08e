#!/bin/bash
# test_blocks.sh - postern block, by hand and by rule, for IPv4 and IPv6: open connections are cut, new ones refused, as
# a client only; ends, renewals, overlaps; who can never be blocked; a full set; thousands at once; over restarts,
# reboots, other people's hands and a broken store. Prints how long it takes until a block is in force.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

S4=203.0.113.66 S6=2001:db8:66::66
M4=192.168.10.10 M6=fd00:25:10::10

hold() { # HOST NAME ADDRESS [SOURCE-PORT]
    lab_spawn "$1" "$2" "$LAB_HOME/held.py" client "$LAB_DIR" "$2" "$3" "${4:-0}"
    lab_wait 10 "$2 to be connected" test -e "$LAB_DIR/$2.up"
}

ended() { # NAME OUTCOME: the connection that was held
    lab_wait 20 "what becomes of $1" test -s "$LAB_DIR/log/$1.log"
    same "the open connection $1" "$2" "$(<"$LAB_DIR/log/$1.log")"
}

code() { # HOST ADDRESS [PORT]: of the greeting
    codes_from "$@" | cut -d ' ' -f 1
}

passes() { # HOST ADDRESS
    [[ $(code "$1" "$2") == 220 ]]
}

count() {
    postern_ask status --json | jq .blocks.count
}

left() { # ADDRESS: seconds
    postern_ask why "$1" --json | jq .blocked.left_s
}

postern_kill() {
    kill -KILL "$POSTERN_PID"
    wait "$POSTERN_PID" || true
}

world='rule "in" { from = { "any" } to = { "any" } do = inspect }'
postern_conf "$world" 'never-block = { "192.0.2.99", "guests" }' 'network "guests" { addresses = { "192.0.2.128/25" } }' \
    'block { size = 60000 }'
for host in mail stranger isp; do
    lab_spawn "$host" "server-$host" "$LAB_HOME/held.py" server "$LAB_DIR"
    lab_wait 10 "the server on $host" lab_listens "$host" 25
done
lab_in stranger sh -c 'for i in $(seq 67 99); do ip addr add 203.0.113.$i/24 dev eth0; done'
postern_start

# ---- by hand: as a client, at once, in both directions ----

hold stranger speaks4 $M4
hold stranger listens4 $M4
hold stranger speaks6 $M6
hold stranger listens6 $M6
hold stranger from25 198.51.100.10 25
hold mail toblocked $S4
hold mail both25 $S4 25
hold isp other $M4
postern_says 0 'nobody is blocked' blocks
postern_says 0 '2 are blocked for 1h 0m' block $S4 $S6 --for 1h --reason "a quote \" and a $(printf '\033')[31m"
for i in 4 6; do
    touch "$LAB_DIR/speaks$i.say"
    ended "speaks$i" reset
done
touch "$LAB_DIR/from25.say"
ended from25 reset
touch "$LAB_DIR/server.say"
lab_wait 20 "the server to be cut from all four" eval '[[ $(grep -c ECONNRESET "$LAB_DIR/log/server-mail.log") == 4 ]]'
touch "$LAB_DIR/listens4.say" "$LAB_DIR/listens6.say"
ended listens4 reset
ended listens6 reset
ended toblocked "421 4.3.2 Bye"
ended both25 "421 4.3.2 Bye"
ended other "421 4.3.2 Bye"
same "new connections are refused" "refused refused" "$(code stranger $M4) $(code stranger $M6)"
same "also from another guarded port" refused "$(lab_in stranger "$LAB_HOME/held.py" client "$LAB_DIR" x 198.51.100.10 25 2>&1 | grep -o refused || true)"
same "other ports are nobody's business" "220 220" "$(code stranger $M4 587) $(code stranger $M6 587)"
same "as servers they are not blocked" "220 220" "$(code mail $S4) $(code mail $S6)"
same "others are not" 220 "$(code isp $M4)"
postern_says 0 "^$S4 +uid 0 +since .*another (1h 0m|59m 5[0-9]s): a quote . and a .\[31m" blocks
postern_says 0 "BLOCKED with $S6 by uid 0" why $S6
postern_says 0 'try 203.0.113.66 -> .* block, by a block' why $S4
postern_says 0 'blocks +2 in force, 0 of them by rules; room for 60000' status
check "the kernel counts what it cuts" test "$(postern_counter blocked)" -gt 8
postern_audited '2 are blocked for 3600 s by uid 0, 203.0.113.66 first, 2001:db8:66::66 last: a quote'
same "nobody who is cut off is a finding of its own" "" "$(postern_records '.alert.signature_id == 1025500')"
postern_rules_stand
postern_says 0 'is not blocked any more' unblock $S4
same "he passes again" 220 "$(code stranger $M4)"
postern_says 1 'is not blocked; postern blocks shows who is$' unblock $S4
postern_says 1 "2001:db8:66::/48 is not blocked as such: within it 1 address or network is, as $S6 \(blocked\); unblock what postern blocks shows" unblock 2001:db8:66::/48
postern_says 0 'is not blocked any more' unblock $S6
same "so does he under IPv6" 220 "$(code stranger $M6)"
postern_audited 'the block of 203.0.113.66 by uid 0 has been lifted by uid 0'

# ---- ends and renewals ----

postern_says 0 'blocked for 2s' block $S4 203.0.113.67 $S6 --for 2
postern_says 0 'blocked for 1h' block $S4 --for 1h
lab_wait 20 "the end of a block" passes stranger $M6
same "one that was renewed goes on" refused "$(code stranger $M4)"
postern_audited 'the block of 2001:db8:66::66 by uid 0 has expired'
postern_says 0 'blocked for 2s' block $S4 --for 2
lab_wait 20 "the end of one that was made shorter" passes stranger $M4
postern_audited 'the block of 203.0.113.66 by uid 0 has expired' # what the kernel ends at once, is told within a second

# ---- prefixes, one in the other ----

postern_says 0 'blocked for 1h' block 203.0.113.64/26 2001:db8:66::60/124 --for 1h
postern_says 0 'blocked for ever' block 203.0.113.64/29
same "both lie in it" "refused refused refused" \
    "$(code stranger $M4) $(codes_from stranger $M4 --source 203.0.113.99 | cut -d ' ' -f 1) $(code stranger $M6)"
postern_says 1 'is blocked with 203.0.113.64/(26|29): unblock that' unblock $S4
postern_says 0 'blocked for 1s' block 203.0.113.64/26 2001:db8:66::60/124 --for 1
lab_wait 20 "the end of the wide one" eval '[[ $(codes_from stranger $M4 --source 203.0.113.99 | cut -d " " -f 1) == 220 ]]'
lab_wait 20 "the end of the IPv6 one" passes stranger $M6
same "the narrow one goes on" refused "$(code stranger $M4)"
postern_says 0 'is not blocked any more' unblock 203.0.113.64/29
same "and ends" 220 "$(code stranger $M4)"
lab_wait 10 "the ends to be told" eval '[[ $(count) == 0 ]]'

# ---- who is never blocked ----

postern_says 1 '198.51.100.0/24 holds 198.51.100.1, an address of this gateway' block 198.51.100.0/24
postern_says 1 '198.51.100.8/29 holds 198.51.100.10 of upstream "isp"' block 198.51.100.8/29
postern_says 1 '2001:db8:25::10 is of upstream "isp"' block 2001:db8:25::10
postern_says 1 '192.168.10.8/30 holds 192.168.10.10 of servers "mail"' block 192.168.10.8/30
postern_says 1 '203.0.113.1 is an address of this gateway' block 203.0.113.1
postern_says 1 '127.1.2.3 lies in 127.0.0.0/8 of loopback' block 127.1.2.3
postern_says 1 '::1 is an address of this gateway' block ::1
postern_says 1 '0.0.0.0/0 holds' block 0.0.0.0/0
postern_says 1 '192.0.2.99 is of never-block' block 192.0.2.99
postern_says 1 '192.0.2.200 lies in 192.0.2.128/25 of "guests" of never-block' block 192.0.2.200
printf '192.0.2.1 # one\n\n# two\n198.51.100.10\n192.0.2.3\n' >"$LAB_DIR/list"
postern_says 1 "list:4: 198.51.100.10 is of upstream" block -f "$LAB_DIR/list"
postern_says 1 '1 must not be blocked; nothing was blocked' block -f "$LAB_DIR/list"
printf '192.0.2.1\n192.0.2.1/24\nx\n' >"$LAB_DIR/list"
postern_says 1 'list:2: 192.0.2.1/24 has bits behind its length: write 192.0.2.0/24' block -f "$LAB_DIR/list"
postern_says 1 'list:3: "x" is no address or prefix' block -f "$LAB_DIR/list"
same "nobody is blocked" 0 "$(count)"
postern_says 0 'blocked for ever' block 203.0.113.200
lab_in gw ip addr add 203.0.113.200/24 dev str0
postern_audited 'the block of 203.0.113.200 by uid 0 has been lifted: 203.0.113.200 is an address of this gateway'
postern_says 0 'blocked for ever' block 203.0.113.77
postern_conf "$world" 'never-block = { "192.0.2.99" }' 'block { size = 60000 }' \
    'upstream "isp" { addresses = { "198.51.100.10", "203.0.113.76/30" } }'
postern_says 0 'is in force' reload
postern_audited 'the block of 203.0.113.77 by uid 0 has been lifted: 203.0.113.77 lies in 203.0.113.76/30 of upstream'
same "nobody is blocked" 0 "$(count)"

# ---- by a rule ----

ruled() { # HOST TARGET ARGUMENT...: the codes of a relay attempt
    codes_from "$1" "$2" --rcpt victim@foreign.test "${@:3}" | cut -d ' ' -f 1-4
}

postern_conf "$world" 'relay { action = block tricks = alert block-for = 30m }' 'block { size = 60000 }'
postern_says 0 'is in force' reload
hold stranger cut $M4
same "a relay attempt ends the session" "220 250 250 554" "$(ruled stranger $M4)"
lab_wait 10 "the block" eval '[[ $(code stranger $M4) == refused ]]'
touch "$LAB_DIR/cut.say"
ended cut reset
same "and under IPv6" "220 250 250 554" "$(ruled stranger $M6)"
lab_wait 10 "the block" eval '[[ $(code stranger $M6) == refused ]]'
postern_audited '203.0.113.66 is blocked for 1800 s by relay.attempt'
postern_wait_record 10 '.alert.signature_id == 1025100 and .finding.action == "block" and .src_ip == "2001:db8:66::66"'
postern_says 0 "^$S4 +relay.attempt +since .*another (30m 0s|29m 5[0-9]s)" blocks
same "an upstream keeps his session, and his mail" "220 250 250 550" "$(ruled isp $M4)"
same "and is not blocked" 220 "$(code isp $M4)"
same "no more than the host" 220 "$(codes_from stranger $M4 --source 203.0.113.68 | cut -d ' ' -f 1)"
postern_says 0 'is not blocked any more' unblock $S6
postern_conf "$world" 'mode = monitor' 'relay { action = block tricks = alert }' 'block { size = 60000 }'
postern_says 0 'is in force' reload
postern_audited 'the block of 203.0.113.66 by relay.attempt has been lifted: the mode is monitor now'
same "monitor mode only tells" "220 250 250 250" "$(ruled stranger $M4)"
postern_wait_record 10 '.alert.signature_id == 1025101 and .finding.action == "alert" and .finding.would == "block"'
same "and blocks nobody" "220 0" "$(code stranger $M4) $(count)"
postern_says 0 'the mode is monitor' block $S4 --for 1h
same "but whom the operator blocks" refused "$(code stranger $M4)"
postern_says 0 'is not blocked any more' unblock $S4

# ---- how long it takes ----

postern_conf "$world" 'relay { action = block tricks = alert block-for = 30m }' 'block { size = 60000 }'
postern_says 0 'is in force' reload
for i in 70 71 72; do
    echo "figure: ms from the finding to the first refused try: $(lab_in stranger "$LAB_HOME/held.py" attack $M4 203.0.113.$i "$LAB_DIR/eve.json")"
done
echo "figure: $(postern_ask status --json | jq -c .blocks)"

# ---- thousands ----

python3 -c 'for i in range(50000): print(f"{100 + i // 65536}.{i // 256 % 256}.{i % 256}.7" if i % 2 else f"2001:db8:{i:x}::7")' >"$LAB_DIR/many"
sed -i "25001s/.*/$S4/" "$LAB_DIR/many"
{ cat "$LAB_DIR/many"; echo 192.168.10.10; } >"$LAB_DIR/one-bad"
before=$(count)
postern_says 1 'one-bad:50001: 192.168.10.10 is of servers "mail"' block -f "$LAB_DIR/one-bad"
same "none of them is blocked" "$before" "$(count)"
begun=$(date +%s%N)
postern_says 0 '50000 are blocked for 1h 0m' block -f - --for 1h --reason "a list" <"$LAB_DIR/many"
echo "figure: $((($(date +%s%N) - begun) / 1000000)) ms for 50,000 lines, from the start of the command to its end"
same "all of them are" $((before + 50000)) "$(count)"
same "this one among them" refused "$(code stranger $M4)"
postern_audited '50000 are blocked for 3600 s by uid 0, .* first, .* last: a list'
postern_says 1 'there is room for 60000 blocks at once' block -f <(cat "$LAB_DIR/many" "$LAB_DIR/many")

# ---- full ----

python3 -c 'for i in range(9990): print(f"110.{i // 256}.{i % 256}.7")' >"$LAB_DIR/more"
postern_says 0 '9990 are blocked for ever' block -f "$LAB_DIR/more"
lab_wait 10 "it to be told" grep -q 'places for blocks are taken: raise block.size' "$LAB_DIR/log/posternd.log"
postern_audited '[0-9]+ of 60000 places for blocks are taken'
postern_says 1 '^WRONG .* of 60000 places for blocks are taken' status
for i in 73 74 75 80 81 82 83 84 85; do
    ruled stranger $M4 --source 203.0.113.$i >/dev/null
done
same "there is no more room" 60000 "$(count)"
postern_audited 'the block of 203.0.113.7[012] by relay.attempt has given way'
postern_says 0 'is blocked for ever' block 203.0.113.99
same "what a rule has made gives way" "60000 refused" "$(count) $(codes_from stranger $M4 --source 203.0.113.99 | cut -d ' ' -f 1)"
postern_says 1 'there is no room for so many beside the blocks of people' block -f <(seq -f '111.0.0.%g' 1 50)
same "all or nothing" 60000 "$(count)"

# ---- over a restart and a reboot ----

before=$(left $S4)
postern_kill
same "without posternd the kernel goes on" refused "$(code stranger $M4)"
mv "$LAB_DIR/postern.db" "$LAB_DIR/postern.db.away" # the kernel alone knows
rm -f "$LAB_DIR"/postern.db-*
postern_start
said '60000 blocks are in force: 0 of the store, 60000 that only the kernel knew'
after=$(left $S4)
check "with what was left of their time ($before, $after s)" test "$after" -le "$before" -a "$after" -gt 3000
postern_says 0 "^$S4 +uid 0 .*: a list" blocks
same "refused" refused "$(code stranger $M4)"
postern_says 0 'is not blocked any more' unblock $S4
postern_says 0 'blocked for 1h' block 203.0.113.64/26 --for 1h --reason "for the boot"
stored() {
    [[ $(sqlite3 "file:$LAB_DIR/postern.db?mode=ro" 'select count(*) from blocks' 2>/dev/null || echo 0) -ge 60000 ]]
}
if command -v sqlite3 >/dev/null; then lab_wait 30 "the store to have them" stored; fi
postern_stop
lab_in gw nft delete table inet postern
same "a reboot lets him pass" 220 "$(code stranger $M4)"
postern_start
said '60000 blocks are in force: 60000 of the store, 0 that only the kernel knew'
same "until posternd is there" "refused refused" "$(code stranger $M4) $(codes_from stranger $M4 --source 203.0.113.99 | cut -d ' ' -f 1)"
postern_says 0 '203.0.113.64/26 +uid 0 .*another (1h 0m|5[0-9]m [0-9]+s): for the boot' blocks
postern_stop

# ---- a store that is locked, and one that is broken ----

postern_conf "$world" 'block { size = 60000 }' 'nft { own = no }' "store { path = \"$LAB_DIR/other.db\" }"
lab_in gw nft delete table inet postern
postern_start
python3 - "$LAB_DIR/other.db" "$LAB_DIR/unlock" <<'EOT' &
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
open(sys.argv[1] + ".locked", "w").close()
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
EOT
lab_wait 10 "the lock" test -e "$LAB_DIR/other.db.locked"
postern_says 0 'is blocked for 1h' block $S4 --for 1h --reason "while it is locked"
same "a locked store stops no block" refused "$(code stranger $M4)"
touch "$LAB_DIR/unlock"
wait $!
postern_kill
head -c 100000 /dev/urandom >"$LAB_DIR/other.db"
rm -f "$LAB_DIR"/other.db-*
postern_start
same "nor does a broken one, and the kernel knows" refused "$(code stranger $M4)"
postern_says 0 "^$S4 +uid 0 .*: while it is locked" blocks
postern_says 0 'is blocked for 1h' block $S6 --for 1h
same "new ones" refused "$(code stranger $M6)"

# ---- other people's hands ----

lab_in gw nft flush set inet postern blocked_v4
postern_wait_record 10 '(.alert.signature_id == 1025510) or (.alert.signature_id == 1025520 and (.finding.evidence[0] | test("taken out of the kernel by somebody")))'
lab_wait 10 "them" eval '[[ $(code stranger $M4) == refused ]]'
postern_stop
