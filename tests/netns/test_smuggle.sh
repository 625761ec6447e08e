#!/bin/bash
# test_smuggle.sh - which ends of data real servers honour, that Postern tells each attempt and each effect, and that with
# action = reset no smuggled mail arrives. Prints the table of docs/SMUGGLING.md.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

sources() { # SIGNATURE FILTER: addresses that were said to have done that
    postern_records ".alert.signature_id == $1 and ($2)" | jq -r .src_ip | sort -u | xargs
}

smuggle() {
    lab_in isp "$LAB_HOME/smuggle.py" "$@"
}

start() { # ACTION
    postern_forget
    postern_conf 'upstream "isp" { addresses = { "198.51.100.0/24" } }' "smuggling { action = $1 }"
    postern_start
}

# test_server LABEL SERVER [SETTING]...
test_server() {
    local label=$1 server=$2 honoured names name

    shift 2
    "lab_$server" mail mx.example.org example.org "$@"
    start alert
    smuggle probe 192.168.10.10 >"$LAB_DIR/$label.probe"
    same "$label: the standard end is one" "standard 198.51.100.101 end" "$(head -n 1 "$LAB_DIR/$label.probe")"
    honoured=$(awk '$3 == "end" && NR > 1 { print $2 }' "$LAB_DIR/$label.probe" | sort | xargs)
    names=$(awk '$3 == "end" && NR > 1 { print $1 }' "$LAB_DIR/$label.probe")
    # shellcheck disable=SC2086
    smuggle attack 192.168.10.10 alert $names >"$LAB_DIR/$label.alert"
    for name in $names; do
        same "$label: $name smuggles" 1 "$(grep -c "^$name .* sent/" "$LAB_DIR/$label.alert")"
        lab_wait 10 "the mail smuggled with $name" lab_arrived mail "alert-$name@example.org"
    done
    postern_stop
    same "$label: every sequence but the standard one is told as hiding commands" \
        "$(awk 'NR > 1 { print $2 }' "$LAB_DIR/$label.probe" | sort | xargs)" "$(sources 1025400 '.alert.severity == 2')"
    same "$label: those honoured are told as effective, and no other" "$honoured" "$(sources 1025401 true)"

    start reset
    # shellcheck disable=SC2086
    smuggle attack 192.168.10.10 reset $names >"$LAB_DIR/$label.reset"
    same "$label: each is reset" "" "$(grep -v ' reset/reset$' "$LAB_DIR/$label.reset" || true)"
    lab_in isp "$LAB_HOME/smtpc.py" 192.168.10.10 --rcpt last@example.org >/dev/null
    lab_wait 10 "an honest mail behind them" lab_arrived mail last@example.org
    postern_stop
    same "$label: no smuggled mail has arrived" "" "$(find "$LAB_DIR/mail-mail" -name 'reset-*' -printf '%f ')"
    same "$label: nor reached the server's log" "" "$(grep 'to=<reset-\|for reset-\| reset-.* T=' "$LAB_DIR/log/$server-mail.log" | head -n 3)"
    same "$label: each is told" "$honoured" "$(sources 1025400 '.alert.action == "blocked" and .finding.action == "reset"')"
    lab_kill "$server-mail"
    rm -rf "$LAB_DIR/mail-mail"
    labels+=("$label")
}

print_table() {
    local name label

    printf '%-18s %-24s' name bytes
    printf ' %-13s' "${labels[@]}"
    echo
    smuggle list | while read -r name _ bytes; do
        printf '%-18s %-24s' "$name" "$bytes"
        for label in "${labels[@]}"; do
            printf ' %-13s' "$(awk -v name="$name" '$1 == name { print $3 }' "$LAB_DIR/$label.probe")"
        done
        echo
    done
}

for ((last = 101; last < 122; last++)); do
    echo "addr add 198.51.100.$last/24 dev eth0"
done | lab_in isp ip -batch -
labels=()
test_server postfix-no postfix 'smtpd_forbid_bare_newline = no'
same "Postfix without smtpd_forbid_bare_newline is no vacuous case" end "$(awk '$1 == "lf.lf" { print $3 }' "$LAB_DIR/postfix-no.probe")"
test_server postfix-yes postfix 'smtpd_forbid_bare_newline = yes'
test_server exim exim
test_server opensmtpd opensmtpd
print_table
