#!/bin/bash
# test_reload.sh - reloads that change sets of addresses, under load: only elements change, no rule and no set is made
# anew, and no packet of an allowed pair is refused or lost, not even of one whose own prefix becomes wider or narrower, or
# whose set is replaced by another. Packets that wait in the queue stay there; connections keep what is known of them.
# What cannot change in a running daemon is refused with what to do, and that works. FULL=1: 1000 reloads in place of 200.
# time-limit: 300
# lean: how many mails pass meanwhile; `control` and `lists` reload, too

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3

LOG=$LAB_DIR/log/posternd.log
RELOADS=${RELOADS:-200}
[[ -z ${FULL:-} ]] || RELOADS=1000

# Rules, chains and sets with their handles, without elements and counts: what was made anew has another handle.
handles() {
    lab_in gw nft -a -t list table inet postern 2>/dev/null | sed -E 's/packets [0-9]+ bytes [0-9]+//'
}

upstream() { # ADDRESS...
    local addresses

    addresses=$(printf '"%s", ' "$@")
    postern_conf "upstream \"isp\" { addresses = { ${addresses%, } } }"
}

count_of() { # PATTERN
    grep -cE "$1" "$LOG" || true
}

reload() {
    local before

    before=$(count_of 'is in force')
    kill -HUP "$POSTERN_PID"
    lab_wait 10 "the reload" eval "[[ \$(count_of 'is in force') -gt $before ]]"
}

# What the sets are: around the sender's address 198.51.100.10, with it, far from it, at both ends of the address space,
# many at once, neighbours without a gap.
forms() { # NUMBER
    case $(($1 % 8)) in
    0) upstream 198.51.100.10 2001:db8:25::10 ;;
    1) upstream 198.51.100.0/24 2001:db8:25::/64 ;;
    2) upstream 198.51.100.10 198.51.100.11 198.51.100.9 2001:db8:25::10 ;;
    3) upstream 198.51.0.0/16 2001:db8::/32 ::/16 ;;
    4) upstream 198.51.100.8/29 "10.$(($1 % 250)).0.0/16" 2001:db8:25::/127 ;;
    5) upstream 0.0.0.0/4 198.51.100.10 224.0.0.0/4 2001:db8:25::/64 ff00::/8 ;;
    6) upstream 198.51.100.10 10.{0..199}.0.0/16 2001:db8:25::10 ;;
    7) upstream 0.0.0.0/1 128.0.0.0/1 ::/1 ;;
    esac
}

flood_sink
postern_conf
postern_start
forms 3 # both families have their sets
reload
before=$(handles)
flood_start
for ((i = 0; i < RELOADS; i++)); do
    forms $((i * 3)) # each form follows another one than its neighbour
    reload
    ((i % 40)) || postern_rules_stand
done
flood_goes_on 20
flood_stop
same "$RELOADS reloads: nothing of allowed pairs was refused" 0 "$(postern_counter refused)"
same "nothing passed without inspection" 0 "$(postern_counter blind)"
for ((i = 0; i < 8; i++)); do
    forms $i
    reload
    postern_rules_stand
done
forms 3
reload
same "no rule and no set was made anew" "" "$(diff <(echo "$before") <(handles))"

# ---- other ports, other sets, other hooks ----

renamed() { # NAME: the sender is in a group of that name
    postern_conf "upstream \"$1\" { addresses = { \"198.51.100.10\", \"2001:db8:25::10\" } }" \
        "rule \"in\" { from = { \"$1\" } to = { \"mail\" } do = inspect }" \
        "rule \"out\" { from = { \"mail\" } to = { \"$1\" } do = inspect }"
    sed -i '/^upstream "isp" .*2001:db8:25::10/d' "$LAB_DIR/postern.conf"
}

before=$(handles)
postern_conf 'ports = { 25, 2525 }'
reload
check "another port is guarded" quiet eval "lab_in gw nft list set inet postern ports | grep 2525"
forms 3
reload
same "ports are elements, too" "" "$(diff <(echo "$before") <(handles))"
flood_start
for i in {1..15}; do
    renamed "isp$((i % 3))"
    reload
done
same "no set of the names of before is left" isp0_v4 "$(lab_in gw nft list sets 2>/dev/null | sed -n 's/.*set \(isp[0-9_a-z]*_v4\) {/\1/p')"
flood_goes_on 20
postern_conf 'nft { hooks = { forward } }'
reload
postern_rules_stand
same "a hook that is taken out keeps its chain, empty" 0 "$(lab_in gw nft list chain inet postern input 2>/dev/null | grep -c goto || true)"
flood_goes_on 20
postern_conf
reload
postern_rules_stand
check "and gets its rules back" quiet eval "lab_in gw nft list chain inet postern input 2>/dev/null | grep goto"
flood_goes_on 20
flood_stop
same "nothing of allowed pairs was refused" 0 "$(postern_counter refused)"
same "nothing passed without inspection" 0 "$(postern_counter blind)"
postern_stop

# ---- what waits in the queue, and what is known of a connection ----

cat >"$LAB_DIR/stays.py" <<'EOT'
import os, smtplib, sys, time
with smtplib.SMTP("192.168.10.10", 25, timeout=60) as s:
    s.ehlo()
    print(s.mail("a@isp.example")[0], flush=True)
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.05)
    print(s.rcpt("b@example.org")[0], s.rcpt("x@foreign.test")[0], s.rcpt("c@example.org")[0], flush=True)
EOT

waiting() {
    lab_in gw awk '{ n += $3 } END { print n }' /proc/net/netfilter/nfnetlink_queue
}

postern_conf 'queue { fail = closed workers = 1 }'
postern_start
lab_spawn isp stays python3 "$LAB_DIR/stays.py" "$LAB_DIR/go"
lab_wait 20 "a transaction that is open" grep -qx 250 "$LAB_DIR/log/stays.log"
flood_start
: >"$LAB_DIR/frozen"
mkfifo "$LAB_DIR/thaw"
# shellcheck disable=SC2016 # for the other shell
lab_spawn gw freeze bash -c 'exec "$0" "$1" "queue 2500" <"$2" >"$3"' "$LAB_HOME/freeze.py" \
    "$(pgrep -P "$POSTERN_PID" -x posternd || echo "$POSTERN_PID")" "$LAB_DIR/thaw" "$LAB_DIR/frozen"
exec 9>"$LAB_DIR/thaw"
lab_wait 10 "the worker to be frozen" grep -q frozen "$LAB_DIR/frozen"
lab_wait 20 "packets that wait" eval '[[ $(waiting) -ge 8 ]]'
in_queue=$(waiting)
postern_conf 'queue { fail = closed workers = 1 }' 'ports = { 25, 2525 }' 'nft { hooks = { forward, input } drop-invalid = yes }' \
    'upstream "isp" { addresses = { "198.51.100.0/24", "2001:db8:25::10", "192.0.2.77" } }' \
    'rule "more" { from = { "203.0.113.0/24" } to = { "mail" } do = drop }'
kill -HUP "$POSTERN_PID"
lab_wait 20 "the rules of the reload" eval "lab_in gw nft list set inet postern isp_v4 2>/dev/null | grep -q 192.0.2.77"
check "what waited waits: $in_queue packets, then $(waiting)" test "$(waiting)" -ge "$in_queue"
exec 9>&-
said 'is in force .* 4 rules'
touch "$LAB_DIR/go"
lab_wait 30 "the transaction of before" grep -qx '250 550 250' "$LAB_DIR/log/stays.log"
echo "ok: a connection of before is judged as before"
flood_goes_on 20
flood_stop
same "the kernel dropped nothing of it" "0 0" "$(postern_kernel_dropped)"
postern_rules_stand

# ---- what needs a restart ----

queue='queue { number = 2600 workers = 1 }'
nft='nft { table = postern }'
for change in queue.number queue.workers nft.mark-mask nft.priority; do
    case $change in
    queue.workers) queue='queue { number = 2600 workers = 3 }' ;;
    nft.mark-mask) nft='nft { mark-mask = 0xf00000 }' ;;
    nft.priority) nft='nft { mark-mask = 0xf00000 priority = -20 }' ;;
    esac
    postern_conf "$queue" "$nft"
    ! postern_ask reload >"$LAB_DIR/out" 2>&1 || lab_fail "a reload took $change"
    check "$change is refused, and what to do is told" grep -qE "$change cannot change while posternd runs: restart it; (until|it moves)" "$LAB_DIR/out"
    postern_ask status >"$LAB_DIR/out" || true
    check "status says so" grep -qE "^WRONG .*NOT taken.*$change cannot change" "$LAB_DIR/out"
    kill -TERM "$POSTERN_PID"
    wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
    postern_start
    postern_rules_stand
    same "a restart takes it" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
done
said 'chains of table inet postern were moved to priority -20: the kernel has dropped what waited'
old=$(lab_in gw nft list tables | grep -c postern)
postern_conf "$queue" 'nft { table = "gate" mark-mask = 0xf00000 priority = -20 }'
! postern_ask reload >"$LAB_DIR/out" 2>&1 || lab_fail "a reload took another table"
check "another table is refused, and what to do is told" grep -q 'nft.table cannot change while posternd runs: stop it, remove the old table' "$LAB_DIR/out"
kill -TERM "$POSTERN_PID"
wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
same "the old one stands until somebody removes it" 1 "$old"
lab_in gw nft delete table inet postern
postern_start
postern_rules_stand
same "the new one guards" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
postern_stop
