#!/bin/bash
# test_examples.sh - the configurations of rules/ in the topologies they are made for, as they are but for the file of
# records: honest mail passes, the forbidden pair is refused, and the kernel holds just the rules that are wanted. Each line
# of the tables says who talks to whom and what becomes of it; `postern explain` must say the same, and name the rule that
# the records name.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft

# Open relays without any check of their own: whatever is refused below, Postern refused it.
for host in gw isp stranger mail lan; do
    lab_sink "$host"
done

declare -A wires=([isp]=isp0 [stranger]=str0 [mail]=mail0 [lan]=lan0)
placed=()

# place HOST ADDRESS... - gives a host more addresses until the end of the example; of gw: WIRE=ADDRESS
place() {
    local host=$1 address

    shift
    for address; do
        [[ $address == *:* ]] && address+=/128 || address+=/32
        if [[ $host == gw ]]; then
            placed+=("gw address ${address#*=} dev ${address%=*}")
            lab_in gw ip address add "${address#*=}" dev "${address%=*}"
        else
            placed+=("$host address $address dev eth0" "gw route $address dev ${wires[$host]}")
            lab_in "$host" ip address add "$address" dev eth0
            lab_in gw ip route add "$address" dev "${wires[$host]}"
        fi
    done
}

unplace() {
    local line host object

    for line in "${placed[@]}"; do
        read -r host object line <<<"$line"
        # shellcheck disable=SC2086
        lab_in "$host" ip "$object" del $line
    done
    placed=()
}

# begin NAME [SED-SCRIPT] - starts posternd with an example
begin() {
    example=$1
    sed -e '/^log /d' -e "${2:-}" "$REPO/rules/$example.conf" >"$LAB_DIR/postern.conf"
    echo "log { eve = \"$LAB_DIR/eve.json\" }" >>"$LAB_DIR/postern.conf"
    echo "store { path = \"$LAB_DIR/postern.db\" }" >>"$LAB_DIR/postern.conf"
    example+=${2:+ ($2)}
    postern_start
}

# act CODES - what became of a connection, in a word
act() {
    case $1 in
    "220 250 250 250 354 250 221") echo passes ;;
    "220 250 250 550 221") echo recipient-refused ;;
    refused) echo refused ;;
    timeout) echo dropped ;;
    *) echo "$1" ;;
    esac
}

# The same word from explain.
# shellcheck disable=SC2016
explained='if .kernel.action == "refuse" then "refused" elif .kernel.action == "drop" then "dropped"
    elif .recipients[0].action == "refuse-recipient" then "recipient-refused" else "passes" end'

# pairs - reads lines "HOST CLIENT SERVER RECIPIENT WORD"; HOST is where the client lives, addresses of gw are written self@ADDRESS
pairs() {
    local line host client server recipient word clients=() n=0

    while read -r line; do
        read -r host client server recipient word <<<"$line"
        codes_from "$host" "${server#self@}" --timeout 3 --source "${client#self@}" --rcpt "$recipient" >"$LAB_DIR/codes.$n" &
        clients+=($!)
        "$BUILD/postern" explain --json -c "$LAB_DIR/postern.conf" "$client" "$server" --rcpt "$recipient" >"$LAB_DIR/explained.$n" ||
            [[ $? -eq 1 ]] || lab_fail "explain: status $?"
        echo "$line" >"$LAB_DIR/line.$n"
        n=$((n + 1))
    done
    wait "${clients[@]}" || true
    while ((n-- > 0)); do
        read -r host client server recipient word <"$LAB_DIR/line.$n"
        same "$example: $client -> $server, $recipient: explained" "$word" "$(jq -r "$explained" "$LAB_DIR/explained.$n")"
        same "$example: and so it is" "$word" "$(act "$(<"$LAB_DIR/codes.$n")")"
        [[ $word == refused || $word == dropped ]] || jq -r '"\(.client.address) \(.server.address) \(.rule.title // "otherwise")"' \
            "$LAB_DIR/explained.$n" >>"$LAB_DIR/rules"
    done
}

# The connections that passed, with their rules: those that explain told are in the records.
told() {
    [[ -z $(comm -23 <(sort -u "$LAB_DIR/rules") <(postern_records '.event_type == "flow"' |
        jq -r '"\(.src_ip) \(.dest_ip) \(.postern.rule)"' | sort -u)) ]]
}

finish() {
    lab_wait 10 "$example: the last packets" settled
    lab_wait 10 "$example: records that name the rules of explain: $(xargs -n 3 <"$LAB_DIR/rules" | paste -sd,)" told
    same "$example: nothing passed blind" 0 "$(postern_counter blind)"
    postern_stop # compares the rules
    lab_in gw nft delete table inet postern
    postern_forget
    rm -f "$LAB_DIR/rules"
    unplace
}

# ---- isp-forwarding, enforcing and watching ----

place isp 198.51.100.99
place mail 192.168.0.10 fd00:25::10
place lan 192.168.0.1 fd00:25::77
begin isp-forwarding
pairs <<EOT
isp      198.51.100.10    192.168.0.10   bob@example.org              passes
isp      2001:db8:25::10  fd00:25::10    bob@lists.example.org        passes
isp      198.51.100.10    192.168.0.10   bob@foreign.test             recipient-refused
isp      2001:db8:25::10  fd00:25::10    bob%foreign.test@example.org recipient-refused
isp      198.51.100.10    192.168.0.10   bob@[203.0.113.5]            passes
isp      198.51.100.10    192.168.0.10   bob@[203.0.113.6]            recipient-refused
isp      198.51.100.99    192.168.0.10   bob@example.org              refused
stranger 203.0.113.66     192.168.0.10   bob@example.org              refused
stranger 2001:db8:66::66  fd00:25::10    bob@example.org              refused
lan      192.168.20.20    192.168.0.10   bob@foreign.test             passes
lan      fd00:25::77      fd00:25::10    bob@foreign.test             passes
lan      192.168.0.1      192.168.0.10   bob@example.org              refused
lan      192.168.20.20    198.51.100.10  bob@foreign.test             refused
mail     192.168.0.10     198.51.100.10  bob@foreign.test             passes
mail     192.168.0.10     203.0.113.66   bob@foreign.test             refused
EOT
finish

place mail 192.168.0.10
begin isp-forwarding 's/^mode .*/mode = monitor/'
pairs <<EOT
stranger 203.0.113.66     192.168.0.10   bob@example.org              passes
isp      198.51.100.10    192.168.0.10   bob@foreign.test             passes
EOT
postern_wait_record 10 '.alert.signature_id == 1025500 and .alert.action == "allowed" and .src_ip == "203.0.113.66"'
postern_wait_record 10 '.alert.signature_id == 1025101 and .alert.action == "allowed" and .src_ip == "198.51.100.10"'
finish

# ---- hosting ----

place mail 10.20.1.10
place lan 100.64.10.9 10.20.9.9 2001:db8:c0de::9
begin hosting
pairs <<EOT
stranger 203.0.113.66     10.20.1.10       bob@hosting.example     passes
stranger 203.0.113.66     10.20.1.10       bob@foreign.test        recipient-refused
stranger 203.0.113.66     10.20.1.10       bob@mx2.hosting.example passes
lan      100.64.10.9      10.20.1.10       bob@foreign.test        recipient-refused
lan      10.20.9.9        10.20.1.10       bob@foreign.test        passes
lan      100.64.10.9      198.51.100.10    bob@foreign.test        passes
lan      2001:db8:c0de::9 2001:db8:25::10  bob@foreign.test        passes
stranger 2001:db8:66::66  2001:db8:c0de::9 bob@customer.test       passes
mail     10.20.1.10       203.0.113.66     bob@foreign.test        passes
lan      10.20.9.9        198.51.100.10    bob@foreign.test        refused
lan      192.168.20.20    198.51.100.10    bob@foreign.test        refused
isp      2001:db8:25::10  2001:db8:66::66  bob@foreign.test        refused
EOT
finish

# ---- campus ----

place isp 198.51.100.77
place mail 172.16.1.25 172.20.1.25 2001:db8:ca:1::25
place lan 172.16.99.7 172.17.3.3 172.16.255.8 2001:db8:ca:2::3
begin campus
pairs <<EOT
stranger 203.0.113.66     172.16.1.25       bob@campus.example         passes
stranger 203.0.113.66     172.16.1.25       bob@physics.campus.example recipient-refused
stranger 203.0.113.66     172.20.1.25       bob@x.physics.campus.example passes
stranger 2001:db8:66::66  2001:db8:ca:1::25 bob@foreign.test           recipient-refused
isp      198.51.100.77    172.20.1.25       bob@foreign.test           passes
isp      198.51.100.77    172.16.1.25       bob@foreign.test           recipient-refused
lan      172.17.3.3       172.16.1.25       bob@foreign.test           passes
lan      2001:db8:ca:2::3 2001:db8:ca:1::25 bob@foreign.test           passes
lan      172.16.255.8     172.16.1.25       bob@foreign.test           recipient-refused
lan      172.16.99.7      172.16.1.25       bob@campus.example         dropped
lan      172.17.3.3       198.51.100.10     bob@foreign.test           refused
mail     172.20.1.25      198.51.100.10     bob@foreign.test           passes
EOT
finish

# ---- gateway-mta ----

place gw str0=203.0.113.5 lan0=192.168.0.1 str0=2001:db8:5::25
begin gateway-mta
pairs <<EOT
stranger 203.0.113.66     self@203.0.113.5     bob@example.org          passes
stranger 203.0.113.66     self@203.0.113.5     bob@foreign.test         recipient-refused
stranger 2001:db8:66::66  self@2001:db8:5::25  bob@mx.example.org       passes
stranger 2001:db8:66::66  self@2001:db8:5::25  bob@foreign.test         recipient-refused
lan      192.168.20.20    self@192.168.0.1     bob@foreign.test         passes
gw       self@203.0.113.5 198.51.100.10        bob@foreign.test         passes
lan      192.168.20.20    198.51.100.10        bob@foreign.test         refused
stranger 203.0.113.66     192.168.10.10        bob@example.org          refused
EOT
finish

# ---- monitor-only: what would be refused elsewhere is told ----

place mail 192.168.0.10
begin monitor-only
pairs <<EOT
stranger 203.0.113.66     192.168.0.10   bob@example.org              passes
stranger 203.0.113.66     192.168.0.10   bob@foreign.test             passes
lan      192.168.20.20    192.168.0.10   bob@foreign.test             passes
lan      192.168.20.20    198.51.100.10  bob@foreign.test             passes
mail     192.168.0.10     198.51.100.10  bob@foreign.test             passes
EOT
postern_wait_record 10 '.alert.signature_id == 1025101 and .alert.action == "allowed" and .src_ip == "203.0.113.66"'
same "monitor-only: home's relaying is no finding" "" "$(postern_records '.alert.signature_id == 1025101 and .src_ip == "192.168.20.20"')"
finish
