#!/bin/bash
# test_guard.sh - the kernel's rules stay as they are wanted, whoever changes them: repaired and told where others can
# change them, refused by the kernel where the table is owned; by one command or in a war; while mail flows and none is
# lost. The queue's number stays ours.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"
export FLOOD_PAUSE=0.02

lab_up
lab_need jq nft python3


stands() {
    lab_in gw "$BUILD/postern" verify -c "$LAB_DIR/postern.conf" >"$LAB_DIR/verify" 2>&1
}

tampered() { # NUMBER of findings so far
    grep -c '"signature_id": \?1025510' "$LAB_DIR/eve.json" || true
}

status_says() { # PATTERN
    postern_ask status >"$LAB_DIR/status" || true
    grep -qE "$1" "$LAB_DIR/status"
}

# Somebody does something to the table: it is put right, and told with who and what.
spoil() { # WHAT-IS-TOLD COMMAND...
    local before what=$1

    before=$(tampered)
    shift
    lab_in gw "$@" 2>"$LAB_DIR/err" || lab_fail "$*: $(<"$LAB_DIR/err")"
    lab_wait 10 "the repair of: $*" eval '[[ $(tampered) -gt '"$before"' ]]'
    lab_wait 10 "the rules after: $*" stands
    same "$* is told" "1025510 true true" "$(jq -r --arg what "$what" 'select(.alert.signature_id == 1025510) |
        "\(.alert.signature_id) \(.finding.evidence[0] | test($what)) \(.finding.evidence[1] | test("^by nft \\(process [0-9]+\\): "))"' \
        "$LAB_DIR/eve.json" | tail -n 1)"
}

# What was taken has come, unaltered; meanwhile connections may have been refused, and their mails sent again.
nothing_lost() {
    touch "$LAB_DIR/stop"
    wait "$FLOOD" || lab_fail "the senders failed"
    same "no mail was altered" "" "$(grep ALTERED "$LAB_DIR/got" || true)"
    same "each of $(grep -vc again "$LAB_DIR/sent") mails that were taken has come ($(grep -c again "$LAB_DIR/sent" || true) tries had to be repeated)" "" \
        "$(comm -23 <(grep -v again "$LAB_DIR/sent" | sort -u) <(sed -n 's/^ok //p' "$LAB_DIR/got" | sort -u))"
}

# ---- where others can change the table --------------------------------------------------------

flood_sink
limits='volume "hosts" { match = { "home" } connections = { 2/1h } action = limit block-for = 1h }'
postern_conf 'nft { own = no }' "$limits"
postern_start
flood_start
flood_goes_on 20

spoil 'table deleted' nft flush ruleset
spoil 'table deleted' nft delete table inet postern
flood_goes_on 20
cat >"$LAB_DIR/firewall.nft" <<'EOT'
flush ruleset
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		tcp dport 25 accept
	}
}
EOT
spoil 'table deleted' nft -f "$LAB_DIR/firewall.nft"
spoil 'rule deleted from toserver' nft flush chain inet postern toserver
spoil 'rule added to forward' nft insert rule inet postern forward accept
# shellcheck disable=SC2016 # for the other shell
spoil 'rule deleted from inspect' sh -c 'nft delete rule inet postern inspect handle $(nft -a list chain inet postern inspect 2>/dev/null | sed -n "s/.*# handle //p" | sed -n 2p)'
spoil 'chain made or changed: forward' nft add chain inet postern forward '{ policy drop; }'
spoil 'table made or changed' nft add table inet postern '{ flags dormant; }'
spoil 'element deleted from isp_v4' nft delete element inet postern isp_v4 '{ 198.51.100.10 }'
spoil 'element added to isp_v4' nft add element inet postern isp_v4 '{ 203.0.113.0/24 }'
spoil 'element deleted from ports' nft delete element inet postern ports '{ 25 }'
spoil 'set made: more' nft add set inet postern more '{ type ipv4_addr; }'
spoil 'element added to bypass' nft add element inet postern bypass '{ 25 timeout 1h }'
same "a bypass by hand is none" "" "$(lab_in gw nft list set inet postern bypass 2>/dev/null | grep expires || true)"
said 'somebody else has put ports into the bypass, and they are taken out'

# blocks and limits: their sets, their rules, and what is in the sets
is_limited() {
    lab_in gw nft list set inet postern limited_v4 2>/dev/null | grep -q '192.168.20.20 limit rate over 10/minute burst 3 packets timeout'
}
for _ in 1 2 3; do quiet codes_from lan 192.168.10.10; done
lab_wait 10 "a host to be limited" is_limited
check "a stranger is blocked" quiet postern_ask block 203.0.113.66
spoil 'rule deleted from from_limited' nft flush chain inet postern from_limited
spoil 'rule deleted from limited' nft flush chain inet postern limited
spoil 'rule added to limited' nft insert rule inet postern limited accept
spoil 'element deleted from limited_v4' nft flush set inet postern limited_v4
lab_wait 10 "the limit after it" is_limited
spoil 'element deleted from limited_v4' nft 'delete element inet postern limited_v4 { 192.168.20.20 }; add element inet postern limited_v4 { 192.168.20.20 limit rate over 1000/minute timeout 1h }'
lab_wait 10 "the rate after another one" is_limited
spoil 'element added to limited_nets_v6' nft add element inet postern limited_nets_v6 '{ 2001:db8:25::/64 limit rate over 1/minute timeout 1h }'
same "nobody else is limited" "" "$(lab_in gw nft list set inet postern limited_nets_v6 2>/dev/null | grep 2001: || true)"
spoil 'element deleted from blocked_v4' nft flush set inet postern blocked_v4
lab_wait 10 "the block after it" eval "lab_in gw nft list set inet postern blocked_v4 | grep -q 203.0.113.66"
spoil 'table deleted' nft delete table inet postern
lab_wait 10 "the limit in the table that was made anew" is_limited
flood_goes_on 20
same "the stranger is refused" refused "$(codes_from stranger 192.168.10.10)"

# what goes on when the table is deleted is put back
check "a bypass begins" quiet postern_ask bypass 10m
spoil 'table deleted' nft delete table inet postern
check "it goes on after the repair" quiet eval "lab_in gw nft list set inet postern bypass | grep expires"
check "and ends" quiet postern_ask bypass off
status_says '^ENFORCED' || lab_fail "status: $(<"$LAB_DIR/status")"

# what others do to other tables is none of our business, nor is what we do ourselves
before=$(tampered)
lab_in gw nft add table inet other
lab_in gw nft 'add chain inet other c { type filter hook forward priority 10; }; add rule inet other c counter'
lab_in gw nft delete table inet other
postern_conf 'nft { own = no }' "$limits" 'upstream "isp" { addresses = { "198.51.100.10", "2001:db8:25::10", "192.0.2.77" } }'
check "a reload" quiet postern_ask reload
check "a bypass" quiet postern_ask bypass 1m
check "its end" quiet postern_ask bypass off
postern_rules_stand
same "none of these is told" "$before" "$(tampered)"
flood_goes_on 20
nothing_lost

same "no repair came before its cause" "" "$(jq 'select(.alert.signature_id == 1025510 and .finding.value > 1e12) | .finding.value' "$LAB_DIR/eve.json")"
took=$(jq -r 'select(.alert.signature_id == 1025510 and .finding.value > 0) | .finding.value / 1000' "$LAB_DIR/eve.json" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], a[NR] }')
echo "ok: from the kernel's word to the repair, median and longest: $took ms"

# ---- a war -------------------------------------------------------------------------------------

cat >"$LAB_DIR/war.sh" <<'EOT'
while :; do
    nft delete table inet postern 2>/dev/null
    sleep 0.02
done
EOT
lab_spawn gw war bash "$LAB_DIR/war.sh"
WAR=$LAB_PID
said 'NOT as it should be, repaired [0-9]+ times in a row, again in [0-9]+ s'
lab_wait 10 "status to say it" status_says '^WRONG +table inet postern WAS CHANGED by nft \(process [0-9]+\), repaired [0-9]+ times'
status_says '^NOT ENFORCED' || lab_fail "status: $(<"$LAB_DIR/status")"
postern_wait_record 10 '.alert.signature_id == 1025510 and .alert.severity == 1 and (.finding.evidence[1] | test("times in a row, again in"))'
before=$(tampered)
lab_wait 30 "a repair of the war" eval '[[ $(tampered) -gt '"$before"' ]]'
{ kill "$WAR" && wait "$WAR"; } 2>/dev/null || true
lab_wait 90 "the last repair" stands
lab_wait 10 "status to be fine" status_says '^ENFORCED'
[[ $(tampered) -lt 150 ]] || lab_fail "$(tampered) findings"
echo "ok: $(tampered) findings in all"

# ---- a competitor for the queue ----------------------------------------------------------------

lab_in gw "$BUILD/posternd" -c <(sed 's/^\(control\|log\) .*//; s/^nft .*/nft { table = "second" }/' "$LAB_DIR/postern.conf") >"$LAB_DIR/second" 2>&1 && lab_fail "two posternd on one queue"
check "a second posternd on our queue is refused, loudly" grep -q 'queue 2500 is taken' "$LAB_DIR/second"
same "and inspection goes on" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
postern_stop

# ---- where the table is owned ------------------------------------------------------------------

if [[ $(printf '6.9\n%s\n' "$(uname -r)" | sort -V | head -n 1) != 6.9 ]]; then
    echo "ok: this kernel knows no owners that are outlived, so nothing more to try"
    exit 0
fi
postern_conf
check "the rules are removed" quiet lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf"
postern_start
said 'table inet postern is ours alone'
flood_start
before=$(lab_in gw nft -a list table inet postern 2>/dev/null | grep -v packets)
lab_in gw nft flush ruleset
! lab_in gw nft delete table inet postern 2>/dev/null || lab_fail "an owned table was deleted"
! lab_in gw nft insert rule inet postern forward accept 2>/dev/null || lab_fail "an owned table was changed"
! lab_in gw nft add element inet postern isp_v4 '{ 203.0.113.0/24 }' 2>/dev/null || lab_fail "a set of it was changed"
! lab_in gw nft add table inet postern '{ flags dormant; }' 2>/dev/null || lab_fail "it sleeps"
lab_in gw nft -f "$LAB_DIR/firewall.nft"
same "others can do nothing to it" "$before" "$(lab_in gw nft -a list table inet postern 2>/dev/null | grep -v packets)"
postern_rules_stand
status_says '^table +inet postern: nobody else can change it, repaired 0 times' || lab_fail "status: $(<"$LAB_DIR/status")"
check "a bypass works" quiet postern_ask bypass 1m
check "and ends" quiet postern_ask bypass off
postern_conf 'upstream "isp" { addresses = { "198.51.100.10", "2001:db8:25::10", "192.0.2.77" } }'
check "so does a reload" quiet postern_ask reload
postern_rules_stand
flood_goes_on 20
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
postern_start
said 'table inet postern is ours alone'
check "postern down ends the owner, and removes what it owned" quiet lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf"
wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
same "it is gone" "" "$(lab_in gw nft list tables | grep postern || true)"
flood_goes_on 20
flood_stop
