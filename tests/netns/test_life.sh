#!/bin/bash
# test_life.sh - kills, restarts, reloads, a worker that hangs, and the end, under load: no mail is lost, doubled or
# altered, no rule is missing for a moment, and with fail = closed no byte passes that was not inspected.
# FULL=1: 50 kills in place of 20.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3 tcpdump

LOG=$LAB_DIR/log/posternd.log
KILLS=20
[[ -z ${FULL:-} ]] || KILLS=50

codes() { # ARGUMENT...
    codes_from isp 192.168.10.10 "$@"
}

flood_sink

posternd_dies() { # SIGNAL
    kill "-$1" "$POSTERN_PID"
    wait "$POSTERN_PID" 2>/dev/null || true # bash would remark that it was killed
}

# The rules with their handles: rules that were made anew have others.
handles() {
    lab_in gw nft -a list table inet postern 2>/dev/null | sed -E 's/packets [0-9]+ bytes [0-9]+//; /^\tcounter /d' | sha256sum
}

# ---- fail = open: kills and restarts ----

cp "$BUILD/posternd" "$LAB_DIR/posternd-new"
postern_conf
postern_start
before=$(handles)
flood_start
# Somebody whom no rule allows tries all the time; the sink would tell of one that gets through.
lab_spawn stranger knock bash -c 'while :; do timeout 1 bash -c "exec 3<>/dev/tcp/192.168.10.10/25" 2>/dev/null; sleep 0.02; done'
for ((i = 0; i < KILLS; i++)); do
    case $((i % 3)) in
    0) posternd_dies KILL ;;
    1) posternd_dies TERM ;;
    2) posternd_dies ABRT ;;
    esac
    flood_goes_on 5
    postern_start
    flood_goes_on 15
done
build=$BUILD
BUILD=$LAB_DIR
mv "$LAB_DIR/posternd-new" "$LAB_DIR/posternd"
posternd_dies TERM
postern_start
BUILD=$build
flood_goes_on 20
same "$KILLS ends and an upgrade: the rules were never touched" "$before" "$(handles)"
lab_kill knock
flood_stop
same "nobody else came in" "" "$(grep '^from' "$LAB_DIR/got" | sort -u | grep -vx 'from 198.51.100.10' || true)"
check "what passed without inspection is counted" test "$(postern_counter blind)" -gt 0
postern_wait_record 10 '.alert.signature_id == 1025512 and .alert.severity == 1 and .finding.value > 0'
echo "ok: and told as an alert"
# Each daemon tells what came since the one before it: its last word, the greatest, counts.
blind_told() {
    postern_records '.event_type == "alert"' | jq -s 'reduce .[] as $r ({ sum: 0, run: 0 };
        if $r.alert.signature_id == 1025512 then .run = ([.run, $r.finding.value] | max)
        elif ($r.finding.evidence[0] | test("^posternd .* started")) then { sum: (.sum + .run), run: 0 } else . end) | .sum + .run'
}
audits() { # PATTERN
    postern_records ".alert.signature_id == 1025520 and .alert.severity == 4 and (.finding.evidence[0] | test(\"$1\"))" | wc -l
}
posternd_dies TERM
same "blind packets are told once, over all ends" "$(postern_counter blind)" "$(blind_told)"
postern_start
same "each start is told, with what it found" "1 $((KILLS + 2))" "$(audits 'started .* none$') $(audits 'started .* adopted untouched')"
same "each orderly stop is told" $(((KILLS + 1) / 3 + 2)) "$(audits 'posternd stopped; .* passes without inspection')"
postern_rules_stand

# ---- reload under load ----

flood_start
reload() {
    : >"$LOG"
    kill -HUP "$POSTERN_PID"
}
for ((i = 0; i < 10; i++)); do
    postern_conf "rule \"new$i\" { from = { \"203.0.113.0/24\" } to = { \"mail\" } do = refuse }"
    reload
    said 'is in force .*: enforce mode, 4 rules'
    flood_goes_on 10
    postern_rules_stand
done
postern_conf 'servers "mail" { addresses = { "192.168.10.10", "fd00:25:10::10" } names = { "mx.example.org" } domains = { "example.org", "example.net" } }'
same "a domain that is not ours yet" "220 250 250 550 221" "$(codes --rcpt a@example.net)"
reload
said 'is in force'
same "is ours after the reload" "220 250 250 250 354 250 221" "$(codes --rcpt a@example.net)"

hash=$("$BUILD/postern" check -c "$LAB_DIR/postern.conf" | sed -n '1s/.*: \(.*\))$/\1/p')
printf 'mode = enfroce\n' >"$LAB_DIR/postern.conf"
reload
said 'postern.conf:1: .*enforce'
said 'is NOT in force: the configuration of before stays'
postern_conf 'queue { number = 2600 }' 'nft { table = "other" priority = -200 mark-mask = 0xf00000 }'
reload
said 'queue.number cannot change while posternd runs: restart it; until it listens again'
said 'nft.mark-mask cannot change while posternd runs: restart it; until it listens again'
said 'nft.priority cannot change while posternd runs: restart it; it moves the chains'
said 'nft.table cannot change while posternd runs: stop it, remove the old table \(nft delete table inet OLD\)'
said 'is NOT in force'
same "the old one is in force" "220 250 250 250 354 250 221" "$(codes --rcpt a@example.net)"
postern_wait_record 10 ".postern.config == \"$hash\""
same "what was refused is told" 2 "$(audits "refused; $hash stays in force")"
same "the change is told, under its own name" 1 \
    "$(postern_records ".postern.config == \"$hash\" and .alert.signature_id == 1025520" | grep -c "changed from .* to $hash")"
flood_stop
postern_conf
reload
said 'is in force'
postern_rules_stand

# ---- a worker that hangs ----

freeze() {
    : >"$LAB_DIR/frozen"
    mkfifo "$LAB_DIR/thaw"
    lab_spawn gw freeze bash -c 'exec "$0" "$1" "queue 2500" <"$2" >"$3"' "$LAB_HOME/freeze.py" \
        "$(pgrep -P "$POSTERN_PID" -x posternd || echo "$POSTERN_PID")" "$LAB_DIR/thaw" "$LAB_DIR/frozen"
    exec 9>"$LAB_DIR/thaw"
    lab_wait 10 "the worker to be frozen" grep -q frozen "$LAB_DIR/frozen"
    since=${EPOCHREALTIME/[.,]/}
}

thaw() {
    exec 9>&-
    lab_wait 10 "the tracer to let go" lab_gone freeze
    rm -f "$LAB_DIR/thaw"
}

noticed() { # PATTERN: within a second, and what the machine needs to say so
    said "$1"
    check "noticed after $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms" test $((${EPOCHREALTIME/[.,]/} - since)) -lt 1500000
}

blind=$(postern_counter blind)
flood_start
freeze
noticed 'HANGS: its queue is released, port 25 PASSES WITHOUT INSPECTION'
flood_goes_on 20
check "what passes is counted" test "$(postern_counter blind)" -gt "$blind"
thaw
said 'is awake again, and inspects'
flood_goes_on 20
same "it inspects again" "220 250 250 550 221" "$(codes --rcpt x@foreign.test)"
flood_stop
check "it can be stopped" postern_stop

# ---- fail = closed ----

postern_conf 'queue { fail = closed workers = 1 }'
postern_start
blind=$(postern_counter blind)
lab_spawn mail dump tcpdump -i any -n -U -w "$LAB_DIR/mail.pcap" 'tcp port 25'
lab_spawn isp dump-isp tcpdump -i any -n -U -w "$LAB_DIR/isp.pcap" 'tcp port 25'
lab_wait 10 "tcpdump" grep -q 'listening on' "$LAB_DIR/log/dump.log"
lab_wait 10 "tcpdump" grep -q 'listening on' "$LAB_DIR/log/dump-isp.log"
flood_start
windows=()
for ((i = 0; i < 5; i++)); do
    posternd_dies KILL
    windows+=("$EPOCHREALTIME")
    sleep 0.3 # a time in which nothing may happen cannot be waited for otherwise
    windows[i]+=" $EPOCHREALTIME"
    postern_start
    flood_goes_on 15
done

freeze
noticed 'HANGS: its packets wait, port 25 STANDS STILL'
windows+=("$EPOCHREALTIME")
sleep 0.5
windows[5]+=" $EPOCHREALTIME"
thaw
said 'is awake again, and inspects'
flood_goes_on 15
flood_stop
lab_kill dump
lab_kill dump-isp
# Bytes that came out at the other side while nobody inspected: from isp at mail, from mail at isp.
through() { # FILE FILTER
    tcpdump -r "$1" -tt -n "$2" 2>/dev/null | awk -v windows="$(IFS=,; echo "${windows[*]}")" '
        BEGIN { count = split(windows, window, ",") }
        { for (i = 1; i <= count; i++) { split(window[i], w, " "); if ($1 > w[1] && $1 < w[2] && match($0, /length [0-9]+/))
              bytes += substr($0, RSTART + 7, RLENGTH - 7) } all++ }
        END { print bytes + 0; if (!all) print "nothing was captured" }'
}
same "no byte came through to the server" 0 "$(through "$LAB_DIR/mail.pcap" 'dst port 25')"
same "no byte came through to the client" 0 "$(through "$LAB_DIR/isp.pcap" 'src port 25')"
same "none passed blind" "$blind" "$(postern_counter blind)"

# One that hangs does not keep the process from ending.
freeze
kill -TERM "$POSTERN_PID"
said 'the worker of queue 2500 had to stop: Connection timed out'
thaw # the kernel keeps a process until the tracer of its last thread lets go
status=0
wait "$POSTERN_PID" || status=$?
same "a hanging one is left behind" 1 "$status"

# ---- down ----

nothing_left() {
    same "nothing is left in the kernel" "" "$(lab_in gw nft list tables; lab_in gw cat /proc/net/netfilter/nfnetlink_queue)"
}

down() {
    lab_in gw "$BUILD/postern" down "$@" >"$LAB_DIR/out" 2>&1 || lab_fail "postern down: $(<"$LAB_DIR/out")"
}

check "the rules stand" postern_rules_stand
down
check "down without daemon and configuration" grep -q 'table inet postern is removed' "$LAB_DIR/out"
nothing_left
down
check "down when there is nothing" grep -q 'there is nothing of posternd' "$LAB_DIR/out"
echo '}' >"$LAB_DIR/broken.conf"
status=0
lab_in gw "$BUILD/postern" down -c "$LAB_DIR/broken.conf" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
same "down with a broken configuration" 1 "$status"
check "says how it goes without one" grep -q 'broken.conf says why); without -c the table is found anyway' "$LAB_DIR/err"
postern_conf 'nft { table = "guard" }'
lab_in gw nft add table inet other
postern_start
status=0
lab_in gw "$BUILD/posternd" -c <(sed 's/^queue.*//; $a queue { number = 2700 }' "$LAB_DIR/postern.conf") 2>"$LAB_DIR/err" || status=$?
same "a second one on the same table is refused" 1 "$status"
check "and told who has it" grep -qE 'table inet guard is guarded by process [0-9]+ already' "$LAB_DIR/err"
down -c "$LAB_DIR/postern.conf"
check "down ends the daemon" grep -q 'has ended' "$LAB_DIR/out"
wait "$POSTERN_PID" || lab_fail "it left with status $?"
same "and that is in the records" 1 "$(audits 'rules taken down: table inet guard was removed by uid 0')"
same "what is not ours stays" "table inet other" "$(lab_in gw nft list tables)"
lab_in gw nft delete table inet other
nothing_left
same "port 25 is open again" "220 250 250 250 354 250 221" "$(codes --rcpt a@anywhere.test)"
