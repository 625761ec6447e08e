#!/bin/bash
# test_counts.sh - several clients through several workers, at the same time, some recipients refused, some mails under TLS: what
# the clients were told, the ledger, the records and the store agree to the last recipient, and to the last byte, and go on
# behind a restart.
# time-limit: 200

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3 openssl script
lab_need_peer postfix

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.org -keyout "$LAB_DIR/key" -out "$LAB_DIR/cert" 2>/dev/null
cat "$LAB_DIR/key" >>"$LAB_DIR/cert"
lab_postfix mail mx.example.org example.org smtpd_tls_security_level=may "smtpd_tls_cert_file=$LAB_DIR/cert" \
    "smtpd_tls_key_file=$LAB_DIR/cert" 'virtual_transport = discard:' smtpd_client_connection_count_limit=0

ROUNDS=6 COUNT=4
CLIENTS="192.168.20.21 192.168.20.22 192.168.20.23 fd00:25:20::24 198.51.100.10 2001:db8:25::10"
for address in 192.168.20.2{1..3}/24; do lab_in lan ip addr add "$address" dev eth0; done
lab_in lan ip addr add fd00:25:20::24/64 dev eth0 nodad

# source_of ADDRESS - as the ledger names it: of IPv6 the /64
source_of() {
    [[ $1 == *:* ]] && echo "${1%::*}::/64" || echo "$1"
}

# sends ADDRESS - ROUNDS connections with COUNT mails each, to two recipients of ours and two foreign ones
sends() {
    local host=lan server=192.168.10.10 round from

    [[ $1 == 198.* || $1 == 2001:* ]] && host=isp
    [[ $1 == *:* ]] && server=fd00:25:10::10
    for ((round = 0; round < ROUNDS; round++)); do
        from=n$round@client.example
        ((round % 3)) || from=''
        lab_in "$host" "$SMTPC" "$server" --source "$1" --timeout 60 --count "$COUNT" --from "$from" --rcpt a@example.org \
            --rcpt b@example.org --rcpt x@foreign.test --rcpt y@foreign.test
    done >"$LAB_DIR/told-$1"
}

# told ADDRESS - connections, messages, accepted, refused: by the replies that the client got
told() {
    jq -sr '[([.[] | select(.cmd == "connect" and .code == 220)] | length),
        ([.[] | select(.cmd == "." and .code == 250)] | length),
        ([.[] | select((.cmd | startswith("RCPT")) and .code < 300)] | length),
        ([.[] | select((.cmd | startswith("RCPT")) and .code >= 400)] | length)] | join(" ")' "$LAB_DIR/told-$1"
}

ledger() { # SOURCE
    postern_ask sources --json --top all | jq -r --arg s "$1" '.rows[] | select(.source == $s) |
        "\(.connections) \(.messages) \(.accepted) \(.refused)"'
}

ledger_is() { # SOURCE COUNTS
    [[ $(ledger "$1") == "$2" ]]
}

# of ADDRESS, what no client is told: transactions, those of the null sender, connections under TLS, bytes
all_of_ledger() {
    postern_ask sources --json --top all | jq -r --arg s "$(source_of "$1")" '.rows[] | select(.source == $s) |
        "\(.transactions) \(.null_senders) \(.tls) \(.bytes) \(.destinations)"'
}

all_of_records() {
    jq -sr --arg s "$1" '[.[] | select(.src_ip == $s)] | [([.[] | select(.event_type == "smtp" and .tx_id > 0)] | length),
        ([.[] | select(.event_type == "smtp" and .smtp.mail_from == "<>")] | length),
        ([.[] | select(.event_type == "flow" and .flow.tls != null)] | length),
        ([.[] | select(.event_type == "flow").flow.bytes_toserver] | add),
        ([.[] | select(.event_type == "flow").dest_ip] | unique | length)] | join(" ")' "$LAB_DIR/eve.json"
}

records() { # ADDRESS
    jq -sr --arg s "$1" '[.[] | select(.src_ip == $s)] | [([.[] | select(.event_type == "flow")] | length),
        ([.[] | select(.event_type == "smtp" and .smtp.end == "completed")] | length),
        ([.[] | select(.event_type == "smtp").smtp.rcpt_accepted] | add),
        ([.[] | select(.event_type == "smtp").smtp.rcpt_refused] | add)] | join(" ")' "$LAB_DIR/eve.json"
}

store() { # SOURCE [COLUMNS]
    python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute(f"SELECT {sys.argv[3]} FROM sources WHERE prefix = ?", [sys.argv[2]]).fetchone())' \
        "$LAB_DIR/postern.db" "$1" "${2:-connections, messages, accepted, refused}"
}

postern_conf 'queue { workers = 4 }' \
    'volume "hosts" { match = { "home" } messages = { "23/1h" } }'
postern_start
pids=()
for address in $CLIENTS; do
    sends "$address" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || lab_fail "a client did not come to its end"; done

mails=$((ROUNDS * COUNT))
for address in $CLIENTS; do
    want=$(told "$address")
    # From the gateway's fourth refusal on it defers a stranger's mails; hosts of ours are refused by the server.
    [[ $address == 198.* || $address == 2001:* ]] || same "$address: what it was told" "$ROUNDS $mails $((2 * mails)) $((2 * mails))" "$want"
    lab_wait 10 "the ledger to have $want of $address" ledger_is "$(source_of "$address")" "$want"
    echo "ok: $address: the ledger has what it was told: $want"
done
check "several queues had packets" test "$(lab_in gw awk '$8 > 0 { n++ } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue)" -gt 1

# ---- under TLS: no recipient can be counted, connections and bytes are ----
# One ends with a reset, as hosts that do not care to be counted would do it.
SIZE=3000000
same "a mail under TLS" sent "$(lab_in lan "$LAB_HOME/fast.py" 192.168.10.10 tls "$SIZE")"
same "another, and a reset" sent "$(lab_in lan "$LAB_HOME/fast.py" 192.168.10.10 tls-reset "$SIZE")"
under_tls() {
    postern_ask sources --json 192.168.20.20 | jq -e --argjson size "$SIZE" '.rows[] | select(.tls == 2 and .connections == 2 and
        .accepted == 0 and .bytes > 2 * $size and .bytes < 2.05 * $size)' >/dev/null
}
lab_wait 20 "two connections under TLS and their bytes" under_tls

# ---- 23 messages are allowed, 24 were sent: each host of home is told, once ----
for address in 192.168.20.2{1..3} fd00:25:20::24; do
    same "$address: its limit, told once" '24 23 3600' "$(postern_records ".src_ip == \"$address\" and .alert.signature_id == 1025200" |
        jq -r '"\(.finding.value) \(.finding.limit) \(.finding.window_s)"')"
done
same "and nobody else" 4 "$(postern_records '.alert.signature_id == 1025200' | wc -l)"

postern_ask sources --sort messages --top 3 >"$LAB_DIR/table"
same "a table of three" 3 "$(grep -cE '^[0-9a-f]+[.:]' "$LAB_DIR/table")"
check "status tells of the table, and that no window was lost" grep -qE '^sources +[0-9]+ known, room for 65536, 0 forgotten' <(postern_ask status)
same "in JSON, too" "0 0" "$(postern_ask status --json | jq -r '"\(.sources.windows_lost) \(.numbers["watch.windows_lost"])"')"
postern_ask top </dev/null >"$LAB_DIR/top" 2>&1 && lab_fail "top drew without a terminal"
check "without a terminal top says so" grep -q "no terminal" "$LAB_DIR/top"
printf q | TERM=xterm lab_in gw script -qec "stty cols 160 rows 30; $BUILD/postern top -c $LAB_DIR/postern.conf" "$LAB_DIR/screen" >/dev/null ||
    lab_fail "top left with status $?: $(<"$LAB_DIR/screen")"
check "on a terminal top draws sources" grep -qa "192.168.20.21" "$LAB_DIR/screen"

# ---- records and store, and the next daemon ----
declare -A LEDGER
ALL="$CLIENTS 192.168.20.20"
for address in $ALL; do LEDGER[$address]=$(all_of_ledger "$address"); done
check "mails of the null sender are told apart" test "$(cut -d' ' -f2 <<<"${LEDGER[192.168.20.21]}")" = $((ROUNDS / 3 * COUNT))
postern_stop
for address in $ALL; do
    same "$address: the records have all of it" "${LEDGER[$address]}" "$(all_of_records "$address")"
    same "$address: and the store" "${LEDGER[$address]}" \
        "$(store "$(source_of "$address")" "transactions, null_senders, tls, bytes, destinations")"
done
for address in $CLIENTS; do
    want=$(told "$address")
    same "$address: the records" "$want" "$(records "$address")"
    same "$address: the store" "$want" "$(store "$(source_of "$address")")"
done
postern_start
for address in $CLIENTS; do
    same "$address: behind a restart" "$(told "$address")" "$(ledger "$(source_of "$address")")"
done
postern_stop
