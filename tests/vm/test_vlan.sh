#!/bin/bash
# test_vlan.sh - tagged packets through the gateway: the ISP's wire carries VLAN 25. They are queued, inspected and refused
# like others, and records tell the VLAN's interface.

set -eu
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$(dirname "$0")/../netns/postern.sh"

# tag HOST INTERFACE - moves its addresses to VLAN 25 on it.
tag() {
    local address

    lab_in "$1" ip link add link "$2" name "$2.25" type vlan id 25
    lab_in "$1" ip link set "$2.25" up
    for address in $(lab_in "$1" ip -o addr show dev "$2" scope global | awk '{ print $4 }'); do
        lab_in "$1" ip addr del "$address" dev "$2"
        lab_in "$1" ip addr add "$address" dev "$2.25"
    done
}

lab_up
lab_need jq nft python3
tag gw isp0
tag isp eth0
lab_in isp ip route add default via 198.51.100.1
lab_in isp ip route replace default via 2001:db8:25::1

lab_spawn mail mx "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25
postern_conf 'queue { workers = 1 }'
postern_start
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: a foreign recipient is refused in a tagged packet" "220 250 250 250 550 354 250 221" \
        "$(codes_from isp $address --rcpt g@example.org --rcpt x@foreign.test)"
    same "$address: a stranger, whose wire has no tags, is refused" "refused" \
        "$(codes_from stranger $address --rcpt s@example.org)"
done
same "the server saw no foreign recipient" 0 "$(grep -c '^RCPT TO:<x@foreign.test>' "$LAB_DIR/log/mx.log")"
postern_wait_record 10 '.event_type == "smtp" and .src_ip == "2001:db8:25::10"'
same "records tell the interface" "isp0.25" \
    "$(postern_records '.event_type == "smtp"' | jq -r .in_iface | sort -u)"
lab_wait 5 "all verdicts" settled
same "nothing passed blind" 0 "$(postern_counter blind)"
postern_stop
