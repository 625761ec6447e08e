#!/bin/bash
# test_repair.sh - what others do to the rules on this kernel, and to who is limited in it: before Linux 6.9, which lets nobody
# keep a table for himself beyond his own end, all of it is put right and told; from then on, refused by the kernel.

set -eu
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$(dirname "$0")/../netns/postern.sh"

tampered() {
    grep -c '"signature_id": \?1025510' "$LAB_DIR/eve.json" || true
}

more_than() { # NUMBER of findings
    [[ $(tampered) -gt $1 ]]
}

# spoil COMMAND... - it is put right, and told with who did it.
spoil() {
    local before

    before=$(tampered)
    lab_in gw "$@"
    lab_wait 10 "the repair of: $*" more_than "$before"
    postern_rules_stand
    check "$* is put right, and told" grep -qE '"by nft \(process [0-9]+\): (repaired|the rules are as they should be)' \
        <(postern_records '.alert.signature_id == 1025510' | tail -n 1)
}

lab_up
lab_need jq nft python3
lab_spawn mail mx "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25
postern_conf 'queue { workers = 2 }' 'volume "hosts" { match = { "home" } connections = { 2/1h } action = limit }'
postern_start

is_limited() {
    lab_in gw nft list set inet postern limited_v4 | grep -q '192.168.20.20 limit rate over 10/minute burst 3 packets timeout'
}

for _ in 1 2 3; do quiet codes_from lan 192.168.10.10; done
lab_wait 10 "a host to be limited" is_limited
for _ in {1..6}; do quiet codes_from lan 192.168.10.10; done # three of them are the bucket's
check "the kernel counts by itself, and refuses" test "$(postern_counter limited)" -gt 0

if grep -q 'this kernel (before 6.9)' "$LAB_DIR/log/posternd.log"; then
    said 'can be changed by others, and is repaired then'
    spoil nft flush ruleset
    spoil nft delete table inet postern
    spoil nft flush chain inet postern toserver
    spoil nft insert rule inet postern forward accept
    spoil nft delete element inet postern ports '{ 25 }'
    spoil nft flush chain inet postern from_limited
    spoil nft flush set inet postern limited_v4
    spoil nft 'delete element inet postern limited_v4 { 192.168.20.20 }; add element inet postern limited_v4 { 192.168.20.20 limit rate over 1000/minute timeout 1h }'
    lab_wait 10 "the limit as it was" is_limited
else
    said 'is ours alone: the kernel refuses changes by others'
    lab_in gw nft flush ruleset
    ! lab_in gw nft delete table inet postern 2>/dev/null || lab_fail "an owned table was deleted"
    ! lab_in gw nft flush chain inet postern toserver 2>/dev/null || lab_fail "a chain of it was emptied"
    ! lab_in gw nft flush set inet postern limited_v4 2>/dev/null || lab_fail "a set of it was emptied"
    check "the limit is as it was" is_limited
    same "nothing had to be put right" 0 "$(tampered)"
fi
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: then a foreign recipient is refused" "220 250 250 550 221" "$(codes_from isp $address --rcpt x@foreign.test)"
    same "$address: and a stranger" refused "$(codes_from stranger $address)"
done
postern_stop
