#!/bin/bash
# test_bridge.sh - a bridge as the gateway, with br_netfilter: a foreign recipient refused in flight, a stranger refused by a
# reset, connections reset on both sides, MPTCP taken out, frames with a VLAN tag; and that a switched-off br_netfilter
# is told. Also what a table of the bridge family could not do.

set -eu
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$(dirname "$0")/../netns/postern.sh"

# All wires of gw become ports of br0, which has no address; every host finds every other one on its own wire. The
# routes of gw are for the resets alone.
bridge_up() {
    local host wire rest

    lab_in gw ip link add br0 type bridge
    while read -r host wire rest; do
        lab_in gw ip addr flush dev "$wire" scope global
        lab_in gw ip link set "$wire" master br0
        lab_in "$host" ip route replace default dev eth0
        lab_in "$host" ip -6 route replace default dev eth0
    done <<<"$LAB_WIRES"
    lab_in gw ip link set br0 up
    lab_in gw ip route add default dev br0
    lab_in gw ip -6 route add default dev br0
}

# tag HOST - all it says and hears is in VLAN 25.
tag() {
    local address

    lab_in "$1" ip link add link eth0 name tagged type vlan id 25
    for address in $(lab_in "$1" ip -o addr show dev eth0 scope global | awk '{ print $4 }'); do
        lab_in "$1" ip addr del "$address" dev eth0
        lab_in "$1" ip addr add "$address" dev tagged
    done
    lab_in "$1" ip link set tagged up
    lab_in "$1" ip route replace default dev tagged
    lab_in "$1" ip -6 route replace default dev tagged
}

switch() { # VALUE
    lab_in gw sysctl -qw net.bridge.bridge-nf-{call-iptables,call-ip6tables,filter-vlan-tagged}="$1"
}

talk() { # ADDRESS
    lab_in isp "$LAB_HOME/mptcp.py" talk "$1"
}

both_reset() { # TIMES
    [[ $(grep -c 'reset by peer' "$LAB_DIR/log/mx.log") == "$1" ]]
}

lab_up
lab_need jq nft python3
bridge_up
lab_spawn mail mx "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25

# ---- why not the bridge family ----

lab_in gw nft 'add table bridge t; add chain bridge t f { type filter hook forward priority -5; }'
check "its forward hook can queue" lab_in gw nft 'add rule bridge t f tcp dport 25 queue flags bypass to 9'
if lab_in gw nft 'add rule bridge t f tcp dport 25 reject with tcp reset' 2>/dev/null; then
    lab_fail "its forward hook can reject: gate/bridged.c says it cannot"
fi
lab_in gw nft delete table bridge t

# ---- without br_netfilter ----

postern_conf 'queue { workers = 1 }' 'nft { bridge = yes }'
check "check says what to do" grep -q '^bridge .*modprobe br_netfilter' \
    <(lab_in gw "$BUILD/postern" check -c "$LAB_DIR/postern.conf")
postern_start
said 'nft.bridge: NOT ENFORCED: bridges forward IPv4 past the rules'
postern_wait_record 10 '.alert.signature_id == 1025512'
check "so does status" grep -q 'bridges forward IPv4' <(postern_ask status || true)
same "and so it is" "mptcp 220 250 250 250 250 250 221" "$(talk 192.168.10.10)"

# ---- with it ----

modprobe br_netfilter
switch 1
said 'bridged packets pass the rules'
before=$(grep -c '^rcpt TO:<x@' "$LAB_DIR/log/mx.log")
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: MPTCP is taken out, the foreign recipient refused, the mail taken" \
        "tcp 220 250 250 250 550 250 221" "$(talk $address)"
    same "$address: the stranger is refused" "refused" "$(codes_from stranger $address --rcpt s@example.org)"
done
same "the server saw no foreign recipient since" "$before" "$(grep -c '^rcpt TO:<x@' "$LAB_DIR/log/mx.log")"
lab_wait 5 "all verdicts" settled
same "nothing passed blind" 0 "$(postern_counter blind)"
check "status is content" test -z "$(postern_ask status | grep 'bridges forward' || true)"
postern_stop

postern_conf 'nft { bridge = yes }' 'relay { action = reset tricks = reset }'
postern_start
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: reset at the recipient" "220 250 250 250 reset" \
        "$(codes_from isp $address --rcpt a@example.org --rcpt x@foreign.test)"
done
lab_wait 10 "the server to be reset, too" both_reset 2
postern_stop

# ---- frames with a tag ----

for host in isp mail stranger; do
    tag "$host"
done
postern_conf 'nft { bridge = yes }'
postern_start
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: refused in a tagged frame" "220 250 250 250 550 354 250 221" \
        "$(codes_from isp $address --rcpt a@example.org --rcpt x@foreign.test)"
    same "$address: a stranger in tagged frames" "refused" "$(codes_from stranger $address --timeout 3 --rcpt s@example.org)"
done
postern_stop
