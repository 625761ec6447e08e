#!/bin/bash
# demo.sh - a small internet in network namespaces, and what Postern does there. Nothing of it touches the host's own
# network; everything is gone when it ends.
#
# usage: demo.sh BUILD

set -eu
BUILD=${1:?usage: demo.sh BUILD}
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

bold='' dim='' plain=''
if [[ -t 1 ]]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s\n' "$*"; }

# play HOST ARGUMENT... - a raw SMTP client on that host; shows each command with its reply
play() {
    local host=$1

    shift
    { lab_in "$host" "$LAB_HOME/smtpc.py" "$@" || true; } | jq -r '
        if .error then "    connection \(.error)"
        else "    \(.cmd | if length > 52 then .[:49] + "..." else . end | . + " " * (54 - length)) \(.code) \(.text | split("\n")[0] | .[:60] | sub(" +$"; ""))" end'
}

lab_up
lab_need jq nft
cat <<'EOT'
  the ISP's MX  198.51.100.10 ──┐                 ┌── 192.168.10.10  our mail server: Postfix, mx.example.org,
                                ├── gateway with ──┤                 misconfigured as an open relay
  a stranger     203.0.113.66 ──┘    posternd     └── 192.168.20.20  an office host with a spam bot
EOT
note "building it in network namespaces ..."
lab_open_relay mail mx.example.org example.org
lab_sink isp
postern_conf
postern_start
note "posternd guards port 25 with this configuration:"
sed "s|^|${dim}    |; s|\$|${plain}|" "$LAB_DIR/postern.conf"

say "1. The ISP's MX forwards a mail to us. It is delivered."
play isp 192.168.10.10 --helo mx.isp.example --from alice@elsewhere.example --rcpt bob@example.org
lab_wait 10 "bob's mail" lab_arrived mail bob@example.org
note "    -> $(lab_mails mail bob@example.org | wc -l) mail in bob's mailbox"

say "2. A stranger tries our server directly. Only the ISP's hosts may reach it."
play stranger 192.168.10.10 --rcpt bob@example.org

say "3. Somebody uses the ISP's MX to relay through our (open!) server. One recipient is ours, one is not."
play isp 192.168.10.10 --helo mx.isp.example --from spam@elsewhere.example --rcpt carol@example.org \
    --rcpt victim@foreign.test
lab_wait 10 "carol's mail" lab_arrived mail carol@example.org
note "    -> $(lab_mails mail carol@example.org | wc -l) mail in carol's mailbox; for victim@foreign.test Postfix never saw a valid RCPT"

say "4. The same trick pipelined and hidden in a percent address, over IPv6."
play isp fd00:25:10::10 --pipeline --from spam@elsewhere.example --rcpt 'victim%foreign.test@example.org' \
    --rcpt dave@example.org
lab_wait 10 "dave's mail" lab_arrived mail dave@example.org

say "5. The bot on the office host tries to send straight to the world."
play lan 198.51.100.10 --rcpt victim@foreign.test
postern_wait_record 10 '.alert.signature_id == 1025500 and .src_ip == "192.168.20.20"'
postern_wait_record 10 '.event_type == "smtp" and (.smtp.rcpt_to // [] | index("<dave@example.org>"))'

say "What posternd told (eve.json, the alerts):"
postern_records '.event_type == "alert"' | jq -r '
    "    sev \(.alert.severity)  \(.alert.signature_id) \(.alert.rule)\(" " * (14 - (.alert.rule | length))) \(if .src_ip then "\(.src_ip) -> \(.dest_ip)" else "the gate itself" end)  \(.alert.action)\n"
    + ((.finding.evidence // []) | map("             " + .) | join("\n"))'

say "The live ruleset, with its counters:"
# The sets of header lengths are long and constant: shown without their elements.
lab_in gw nft -t list table inet postern 2>/dev/null | sed 's/^/    /'
if grep -q 'target' "$LAB_DIR/log/posternd.log"; then
    note "    (This kernel has no native queue expression: the chains worker_N hold the xt NFQUEUE target, which nft 1.0 does not print.)"
fi
postern_stop
note ""
note "posternd has left, its rules stay in force until they are removed (they go now, with the namespaces)."
