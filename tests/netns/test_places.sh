#!/bin/bash
# test_places.sh - where the gateway stands: as the mail server itself (input and output hooks), between translated
# addresses, with several ports, pairs inside home and in transit; and many connections spread over several workers.
# time-limit: 300
# lean: hooks and balancing, which are the kernel's

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft

TAKEN="220 250 250 250 354 250 221"
declare -A mx=([4]=192.168.10.10 [6]=fd00:25:10::10) isp=([4]=198.51.100.10 [6]=2001:db8:25::10)
declare -A gw=([4]=198.51.100.1 [6]=2001:db8:25::1)

# flow_to PATTERN - the last flow record to that address: client, direction, rule
flow_to() {
    postern_wait_record 10 ".event_type == \"flow\" and .dest_ip == \"$1\""
    postern_records ".event_type == \"flow\" and .dest_ip == \"$1\"" | tail -n 1 |
        jq -r '"\(.src_ip) \(.postern.direction) \(.postern.rule)"'
}

clean() {
    lab_wait 10 "$1: the last packets" settled
    postern_stop
    check "$1: every packet had its verdict" settled
    same "$1: nothing passed blind" 0 "$(postern_counter blind)"
    lab_in gw nft delete table inet postern
    postern_forget
}

# ---- the gateway is the mail server ----

# It relays for everybody, through the ISP: what is refused below, Postern refused it.
lab_postfix gw mx.example.org example.org 'mynetworks = 0.0.0.0/0 [::]/0' "relayhost = [${isp[4]}]"
lab_sink isp
own='servers "mail" { addresses = { "198.51.100.1", "2001:db8:25::1", "192.168.20.1", "fd00:25:20::1" } domains = { "example.org" } }'
postern_conf "$own" 'rule "in" { from = { any } to = { self } }' 'rule "out" { from = { self } to = { isp } }' 'rule "lan" { from = { "192.0.2.1" } to = { any } }'
postern_start
for v in 4 6; do
    same "gateway, v$v: the ISP delivers" "$TAKEN" "$(codes_from isp "${gw[$v]}" --rcpt "in$v@example.org")"
    lab_wait 10 "its mail" lab_arrived gw "in$v@example.org"
    same "gateway, v$v: it is told where from, and by which rule" "${isp[$v]} inbound in" "$(flow_to "${gw[$v]}")"
    same "gateway, v$v: a relay attempt is refused in flight" "220 250 250 250 550 354 250 221" \
        "$(codes_from isp "${gw[$v]}" --split 7 --rcpt "good$v@example.org" --rcpt "x$v@foreign.test")"
    lab_wait 10 "the good recipient's mail" lab_arrived gw "good$v@example.org"
done
same "gateway: a client of ours may relay" "$TAKEN" "$(codes_from lan 192.168.20.1 --rcpt y@foreign.test)"
sent() { grep -qs 'X-Rcpt-Args: <y@foreign.test>' "$LAB_DIR"/sink-isp-25/*; }
lab_wait 15 "the mail to leave through the output hook" sent
same "gateway: the way out is told, too" "198.51.100.1 outbound out" "$(flow_to "${isp[4]}")"
check "gateway: no foreign recipient was relayed for the ISP" test -z "$(grep -hs 'X-Rcpt-Args: <x' "$LAB_DIR"/sink-isp-25/*)"
same "gateway: the forward hook is guarded all the same" refused "$(codes_from stranger "${mx[4]}")"
lab_wait 10 "the connections to end" settled

for address in 127.0.0.1 ::1 192.168.10.1 fd00:25:10::1; do
    same "gateway: it talks to itself ($address)" "$TAKEN" "$(codes_from gw "$address" --rcpt self@foreign.test)"
done
left() { [[ $(grep -ls 'X-Rcpt-Args: <self@foreign.test>' "$LAB_DIR"/sink-isp-25/* | wc -l) -eq 4 ]]; }
lab_wait 15 "Postfix to send what it took" left
same "gateway: of that, only what leaves for the ISP is told" 0 \
    "$(postern_records '(.src_ip and .src_ip == .dest_ip) or .src_ip == "127.0.0.1" or .src_ip == "::1"' | wc -l)"
clean gateway

# Without a rule: the kernel's resets have to leave through the output hook themselves.
lab_kill postfix-gw
lab_postfix gw mx.example.org example.org
postern_conf "$own" 'rule "in" { from = { isp } to = { self } }' 'rule "out" { from = { "192.0.2.1" } to = { any } }' 'relay { action = reset }'
postern_start
before=$EPOCHSECONDS
same "gateway: a stranger is refused at the input hook" refused "$(codes_from stranger 203.0.113.1)"
same "gateway: over IPv6, too" refused "$(codes_from stranger 2001:db8:66::1)"
same "gateway: it is refused itself at the output hook" refused "$(codes_from gw "${isp[4]}")"
same "gateway: over IPv6, too" refused "$(codes_from gw "${isp[6]}")"
check "gateway: all of them at once" test $((EPOCHSECONDS - before)) -lt 4
postern_wait_record 10 '.alert.signature_id == 1025500 and .src_ip == "198.51.100.1" and .postern.direction == "outbound"'
for v in 4 6; do
    same "gateway, v$v: a verdict resets the client" "220 250 250 reset" "$(codes_from isp "${gw[$v]}" --rcpt x@foreign.test)"
done
silent() { [[ -z $(lab_in gw ss -Htn state established '( sport = :25 )') ]]; }
lab_wait 15 "the server's side to be reset, too" silent
lab_kill postfix-gw
clean "gateway without rules"

# hooks = { forward } leaves the gateway's own connections alone
lab_sink gw
postern_conf 'nft { hooks = { forward } }'
postern_start
same "forward only: what comes to the gateway is not guarded" "$TAKEN" "$(codes_from stranger 203.0.113.1 --rcpt z@foreign.test)"
same "forward only: what passes is" refused "$(codes_from stranger "${mx[4]}")"
lab_kill sink-gw-25
clean "forward only"

# ---- translated addresses ----

lab_open_relay mail mx.example.org example.org
lab_in gw nft -f - <<'EOT'
table ip nat {
    chain in {
        type nat hook prerouting priority dstnat;
        iifname { "isp0", "str0" } tcp dport 25 dnat to 192.168.10.10
    }
    chain out {
        type nat hook postrouting priority srcnat;
        oifname { "isp0", "str0" } masquerade
    }
}
EOT
postern_conf
postern_start
same "translated: the ISP delivers to the gateway's address" "$TAKEN" "$(codes_from isp 198.51.100.1 --rcpt nat@example.org)"
lab_wait 10 "its mail" lab_arrived mail nat@example.org
same "translated: the rule sees the server behind it" "198.51.100.10 inbound in" "$(flow_to 192.168.10.10)"
same "translated: a relay attempt is refused in flight" "220 250 250 550 221" "$(codes_from isp 198.51.100.1 --rcpt n@foreign.test)"
same "translated: a stranger is refused" refused "$(codes_from stranger 203.0.113.1)"
same "translated: the way out" "$TAKEN" "$(codes_from mail "${isp[4]}" --rcpt masq@isp.example)"
check "translated: it left with the gateway's address" grep -qs 'X-Client-Addr: 198.51.100.1$' "$LAB_DIR"/sink-isp-25/*
same "translated: the rule sees the client before it" "192.168.10.10 outbound out" "$(flow_to "${isp[4]}")"
same "translated: an infected host is refused" refused "$(codes_from lan "${isp[4]}")"
# nat_of DEST - the outside of the last connection to that address, in each kind of record of it
nat_of() {
    postern_records ".event_type != \"alert\" and .dest_ip == \"$1\"" | tail -n 2 |
        jq -r '.nat | "\(.src_ip) \(.dest_ip):\(.dest_port)"' | xargs
}
codes_from isp 198.51.100.1 --rcpt nat2@example.org >/dev/null
postern_wait_record 10 '.event_type == "flow" and .dest_ip == "192.168.10.10" and .nat.dest_ip == "198.51.100.1"'
same "translated: the records have the address that the ISP knows" "198.51.100.10 198.51.100.1:25 198.51.100.10 198.51.100.1:25" "$(nat_of 192.168.10.10)"
same "translated: and the one that we have at the ISP" "198.51.100.1 198.51.100.10:25 198.51.100.1 198.51.100.10:25" "$(nat_of "${isp[4]}")"
check "translated: alerts have them, too" postern_has_record '.alert.signature_id == 1025100 and .nat.dest_ip == "198.51.100.1"'
lab_in gw nft delete table ip nat
same "not translated: no record has them" "$TAKEN" "$(codes_from isp "${mx[6]}" --rcpt plain@example.org)"
postern_wait_record 10 '.event_type == "flow" and .dest_ip == "fd00:25:10::10"'
same "not translated: no record has them" 0 "$(postern_records '.dest_ip == "fd00:25:10::10" and .nat' | wc -l)"
clean translated

# ---- several ports, pairs inside home, transit ----

lab_sink mail 2525
lab_sink lan
lab_sink stranger
postern_conf 'ports = { 25, 2525 }' 'rule "inside" { from = { home } to = { "192.168.20.0/24" } }' 'rule "transit" { from = { "2001:db8:25::10" } to = { "2001:db8:66::66" } }'
postern_start
same "ports: a stranger is refused at the second" refused "$(codes_from stranger "${mx[4]}" 2525)"
same "ports: the ISP is inspected there" "220 250 250 550 221" "$(codes_from isp "${mx[4]}" 2525 --rcpt p@foreign.test)"
same "ports: others stay open" unreachable "$(codes_from stranger "${mx[4]}" 587 | sed s/refused/unreachable/)"
same "inside: a pair of home" "$TAKEN" "$(codes_from mail 192.168.20.20 --rcpt i@foreign.test)"
same "inside: it is told" "192.168.10.10 internal inside" "$(flow_to 192.168.20.20)"
same "transit: a pair that is allowed, not judged" "$TAKEN" "$(codes_from isp 2001:db8:66::66 --rcpt t@foreign.test)"
same "transit: it is told" "2001:db8:25::10 transit transit" "$(flow_to 2001:db8:66::66)"
same "transit: the others are refused" refused "$(codes_from isp 203.0.113.66)"
postern_wait_record 10 '.alert.signature_id == 1025500 and .dest_ip == "203.0.113.66" and .postern.direction == "transit"'
clean places

# ---- many connections of one pair, several workers ----

postern_conf 'queue { workers = 4 }'
postern_start
had=(0 0 0 0)
shares() { # whether each of the four queues has had a tenth at least of the packets that came since the last time
    local ids i grown sum=0 least=

    mapfile -t ids < <(lab_in gw awk '$1 >= 2500 && $1 < 2504 { print $8 }' /proc/net/netfilter/nfnetlink_queue)
    [[ ${#ids[@]} -eq 4 ]] || return 1
    for i in 0 1 2 3; do
        grown=$((ids[i] - had[i]))
        echo "    worker $i: $grown packets"
        sum=$((sum + grown))
        [[ -n $least && $least -le $grown ]] || least=$grown
    done
    had=("${ids[@]}")
    ((least * 10 >= sum))
}
for v in 4 6; do
    [[ $v == 4 ]] && to=inet:${mx[4]}:25 || to="inet:[${mx[6]}]:25"
    lab_peer isp postfix smtp-source -s 8 -m 120 -l 2000 -f a@isp.example -t "many$v@example.org" "$to" >"$LAB_DIR/out" 2>&1 ||
        lab_fail "smtp-source: $(tail -n 3 "$LAB_DIR/out")"
    check "workers, v$v: each had its share of one pair" shares
done
lab_wait 10 "the last packets" settled
postern_stop # tells of connections whose client left without a word, too
for v in 4 6; do
    same "workers, v$v: each connection was whole at one of them" "120 0 120" \
        "$(postern_records ".event_type == \"flow\" and .dest_ip == \"${mx[$v]}\"" |
            jq -rs '"\(length) \(map(select(.flow.midstream)) | length) \(map(.flow.transactions) | add)"')"
done
same "workers: nothing passed blind" 0 "$(postern_counter blind)"
lab_in gw nft delete table inet postern

cp "$LAB_DIR/postern.conf" "$LAB_DIR/wanted.conf"
postern_conf 'queue { number = 2502 workers = 1 }' 'nft { table = other }'
postern_start
status=0
lab_in gw "$BUILD/posternd" -c "$LAB_DIR/wanted.conf" 2>"$LAB_DIR/err" || status=$?
same "workers: one queue that is taken is an error" 1 "$status"
check "workers: it says which" grep -qE 'queue 2502 is taken by ' "$LAB_DIR/err"
same "workers: nothing is installed then" "table inet other" "$(lab_in gw nft list tables)"
postern_stop
