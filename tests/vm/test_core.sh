#!/bin/bash
# test_core.sh - Postern on a stock kernel: its rules as nft loads and shows them, with the queue expression; a recipient
# refused in flight, a stranger refused, resets, MPTCP taken out, and packets that nobody inspected counted; IPv4 and IPv6.

set -eu
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$(dirname "$0")/../netns/postern.sh"

lab_up
lab_need jq nft python3

listed() { # HOST - the table as nft shows it, without the values of counters
    lab_in "$1" nft -s list table inet postern
}

# ---- the text and the kernel ----

# rules/postern.nft is what this configuration gives.
example=$LAB_DIR/example.conf
{ cat "$REPO/rules/isp-forwarding.conf" && echo 'queue { workers = 2 }'; } >"$example"
check "nft loads rules/postern.nft, queue expression and all" lab_in lan nft -f "$REPO/rules/postern.nft"
check "it is what the configuration wants, by netlink" quiet lab_in lan "$BUILD/postern" verify -c "$example"
listed lan >"$LAB_DIR/loaded"
check "the kernel has the native expression" grep -q 'queue flags bypass to 2501' "$LAB_DIR/loaded"
check "it is removed" quiet lab_in lan "$BUILD/postern" down -c "$example"
same "nothing is left" "" "$(lab_in lan nft list tables)"

lab_spawn mail mx "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25
talk() { # ADDRESS
    lab_in isp "$LAB_HOME/mptcp.py" talk "$1"
}
same "without Postern: MPTCP" "mptcp 220 250 250 250 250 250 221" "$(talk 192.168.10.10)"

postern_conf 'queue { workers = 2 }' 'nft { own = no }' # an owner, from Linux 6.9 on, would be listed; test_repair.sh
postern_start
check "posternd uses the native expression" test -z "$(grep -i target "$LAB_DIR/log/posternd.log")"
"$BUILD/postern" rules -c "$LAB_DIR/postern.conf" >"$LAB_DIR/text"
check "nft loads what postern rules prints" lab_in stranger nft -f "$LAB_DIR/text"
listed stranger >"$LAB_DIR/loaded"
listed gw >"$LAB_DIR/installed"
check "nft shows the same of what posternd has installed" diff "$LAB_DIR/loaded" "$LAB_DIR/installed"
lab_in stranger nft delete table inet postern

# ---- mail ----

for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: MPTCP is taken out, the foreign recipient refused, the mail taken" \
        "tcp 220 250 250 250 550 250 221" "$(talk $address)"
    same "$address: the stranger is refused" "refused" "$(codes_from stranger $address --rcpt s@example.org)"
done
same "the server saw no foreign recipient since" 1 "$(grep -c 'rcpt TO:<x@foreign.test>' "$LAB_DIR/log/mx.log")"
same "it saw these replaced" 2 "$(grep -c '^XXXX TO:<x@foreign.test>' "$LAB_DIR/log/mx.log")"
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025500 and .src_ip == "203.0.113.66"'
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025100 and .finding.outcome == "refused-by-postern"'
lab_wait 5 "all verdicts" settled
same "nothing passed blind" 0 "$(postern_counter blind)"
check "bare ACKs stayed out of the queue" test "$(postern_counter bare_acks)" -gt 0
check "packets were queued" test "$(postern_counter queued)" -gt 20
same "the kernel dropped nothing" "0 0" "$(postern_kernel_dropped)"

# ---- nobody listens ----

lab_kill posternd KILL
same "without a daemon mail passes" "tcp 220 250 250 250 250 250 221" "$(talk 192.168.10.10)"
blind=$(postern_counter blind)
check "each packet of it was counted" test "$blind" -gt 5
postern_start
postern_wait_record 10 ".alert.signature_id == 1025512 and (.finding.value == $blind)"
postern_stop

# ---- reset ----

postern_conf 'relay { action = reset tricks = reset }'
postern_start
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: reset at the recipient" "220 250 250 250 reset" \
        "$(codes_from isp $address --rcpt a@example.org --rcpt x@foreign.test)"
done
both_reset() {
    [[ $(grep -c 'reset by peer' "$LAB_DIR/log/mx.log") == 2 ]]
}
lab_wait 10 "the server to be reset, too" both_reset
postern_stop
