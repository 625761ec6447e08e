#!/bin/bash
# test_refusal.sh - refusal in flight against real open relays: Postfix, Exim and OpenSMTPD with their own limits. 1, 3 and 25
# foreign recipients beside a good one, in every cut and order (refusal.py says what must hold). FULL=1: all combinations.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3
for server in postfix exim opensmtpd; do
    lab_need_peer "$server"
done

postern_conf 'relay { action = refuse-recipient tricks = refuse-recipient max-refusals = 3 }'
postern_start
failed=
for server in ${SERVERS:-postfix exim opensmtpd}; do
    settings=()
    [[ $server != postfix ]] || settings=(smtpd_error_sleep_time=1s)    # as it comes: a pause for each error from the 11th on
    lab_open_relay "$server" mail mx.example.org example.org "${settings[@]}"
    lab_in isp "$LAB_HOME/refusal.py" "$server" 192.168.10.10 fd00:25:10::10 "$LAB_DIR/mail-mail" "$LAB_DIR/log/$server-mail.log" \
        ${FULL:+--full} || failed+=" $server"
    lab_kill "$server-mail"
    rm -rf "$LAB_DIR/mail-mail"
done
[[ -z $failed ]] || lab_fail "refusal in flight at:$failed"

same "nothing passed blind" 0 "$(postern_counter blind)"
same "what was queued was inspected" "$(postern_counter queued)" "$(postern_counter inspected)"
same "the kernel dropped nothing" "0 0" "$(postern_kernel_dropped)"
same "no mail was relayed" "" "$(postern_records '.alert.signature_id == 1025101')"
postern_stop
postern_replays 2
