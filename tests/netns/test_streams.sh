#!/bin/bash
# test_streams.sh - streams that break TCP's rules (tcpraw.py): no foreign recipient reaches the server, honest mail always does.
# time-limit: 180

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

# The kernel knows nothing of tcpraw.py's connections and would reset them.
lab_in isp nft 'add table ip raw; add chain ip raw out { type filter hook output priority 0; }; add rule ip raw out meta mark 0 tcp flags rst drop'
lab_postfix mail mx.example.org example.org mynetworks=0.0.0.0/0 relay_transport=discard: default_transport=discard:
LOG=$LAB_DIR/log/postfix-mail.log

arrived_foreign() {
    grep -c 'to=<x@foreign.test>.*status=sent' "$LOG" || true
}

# Without Postern the program can do what it says.
lab_in isp "$LAB_HOME/tcpraw.py" 192.168.10.10 plain >"$LAB_DIR/unguarded"
lab_wait 10 "the unguarded server to relay" grep -q 'to=<x@foreign.test>.*status=sent' "$LOG"
before=$(arrived_foreign)
postern_conf
postern_start

for story in $(lab_in isp "$LAB_HOME/tcpraw.py" --list); do
    lab_in isp "$LAB_HOME/tcpraw.py" 192.168.10.10 "$story" >"$LAB_DIR/$story" || lab_fail "$story did not end"
    lab_in isp "$LAB_HOME/smtpc.py" 192.168.10.10 --rcpt "$story@example.org" >"$LAB_DIR/smtpc" || lab_fail "honest mail behind $story"
    lab_wait 10 "the honest mail behind $story" lab_arrived mail "$story@example.org"
    [[ $(arrived_foreign) == "$before" ]] || lab_fail "$story brought a foreign recipient to the server"
    echo "ok: $story ($(tail -1 "$LAB_DIR/$story" | tr -d '\r'))"
done
lab_wait 10 "the mail of the story without a trick" lab_arrived mail good@example.org
[[ -z $(postern_records '.alert.signature_id == 1025101') ]] || lab_fail "a foreign recipient was accepted"
postern_stop
