#!/bin/bash
# test_streams.sh - streams that break TCP's rules (tcpraw.py), over IPv4 and IPv6, to an open relay one more hop behind the
# gateway: no foreign recipient reaches the server, honest mail always does.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

declare -A mx=([4]=192.168.30.30 [6]=fd00:25:30::30)
SERVER='servers "mail" { addresses = { "192.168.30.30", "fd00:25:30::30" } domains = { "example.org" } }'
LOG=$LAB_DIR/log/postfix-lan.log

# The server stands behind mail, which is a router here.
lab_in mail sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "$LAB_PREFIX-mail" -batch - <<EOT2
link add far0 type veth peer name far0 netns $LAB_PREFIX-lan
addr add 192.168.30.1/24 dev far0
addr add fd00:25:30::1/64 dev far0 nodad
link set far0 up
EOT2
ip -n "$LAB_PREFIX-lan" -batch - <<EOT2
addr add 192.168.30.30/24 dev far0
addr add fd00:25:30::30/64 dev far0 nodad
link set far0 up
route replace default via 192.168.30.1
route replace default via fd00:25:30::1
EOT2
ip -n "$LAB_PREFIX-gw" -batch - <<EOT2
route add 192.168.30.0/24 via 192.168.10.10
route add fd00:25:30::/64 via fd00:25:10::10
EOT2

# Data on a SYN is for whoever listens (0x400), without a cookie (0x200), when told so.
syn_data() { # WITH OR WITHOUT: 0x603 or 0x403
    lab_in lan sysctl -qw "net.ipv4.tcp_fastopen=$1"
}

# The kernel knows nothing of tcpraw.py's connections and would reset them.
lab_in isp nft 'add table inet raw; add chain inet raw out { type filter hook output priority 0; }; add rule inet raw out meta mark 0 tcp flags rst drop'
syn_data 0x603
lab_open_relay lan mx.example.org example.org

relayed() { # [STORY]
    grep -oE "to=<${1:-[a-z0-9_]*}@foreign.test>.*status=sent" "$LOG" | sed 's/@.*//' | sort | uniq -c | xargs
}

was_relayed() {
    [[ -n $(relayed "$1") ]]
}

tell() { # VERSION STORY
    lab_in isp timeout 60 "$LAB_HOME/tcpraw.py" "${mx[$1]}" "$2" >"$LAB_DIR/$2.$1" || lab_fail "$2 did not end"
}

# tell_all STORY... - all at once, over both families.
tell_all() {
    local v story pids=()

    for v in 4 6; do
        for story; do
            tell "$v" "$story" &
            pids+=($!)
        done
    done
    wait "${pids[@]}" || lab_fail "a story failed"
}

# Without Postern they can do what they say.
CAN=(plain decoy decoy_behind_hole decoy_in_body behind_hole other_bytes syn_decoy)
tell_all syn_data
syn_data 0x403
tell_all "${CAN[@]}"
for story in syn_data "${CAN[@]}"; do
    lab_wait 10 "the unguarded server to relay $story" was_relayed "$story"
done
before=$(relayed)

postern_conf "$SERVER"
postern_start
tell_all syn_decoy
syn_data 0x603
mapfile -t stories < <("$LAB_HOME/tcpraw.py" --list | grep -vx syn_decoy)
tell_all "${stories[@]}"
for story in "${stories[@]}" syn_decoy; do
    for v in 4 6; do
        echo "    $story, v$v: $(tail -n 1 "$LAB_DIR/$story.$v" | tr -d '\r')"
    done
done
for v in 4 6; do
    same "v$v: honest mail behind all that" "220 250 250 250 354 250 221" "$(codes_from isp "${mx[$v]}" --rcpt "honest$v@example.org")"
    lab_wait 10 "the honest mail" lab_arrived lan "honest$v@example.org"
done
lab_wait 10 "the mails of the story without a trick" lab_arrived lan none@example.org 2
same "no foreign recipient was brought to the server" "$before" "$(relayed)"

# A server that takes what a proxy says before the greeting, and believes it.
lab_kill postfix-lan
lab_open_relay lan mx.example.org example.org smtpd_upstream_proxy_protocol=haproxy
tell_all proxy_1 proxy_2
for v in 4 6; do
    for story in proxy_1 proxy_2; do
        check "v$v: $story to a server that takes it is refused in flight" grep -q '^550 5.7.1 Relaying denied' "$LAB_DIR/$story.$v"
    done
done
same "nothing for them either" "$before" "$(relayed)"
postern_stop
same "none was accepted" "" "$(postern_records '.alert.signature_id == 1025101')"
for v in 4 6; do
    for story in plain other_bytes syn_data; do
        check "v$v: $story is refused in flight" grep -q '^550 5.7.1 Relaying denied' "$LAB_DIR/$story.$v"
    done
done
