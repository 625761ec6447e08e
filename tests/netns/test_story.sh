#!/bin/bash
# test_story.sh - the demo's story as a test, over IPv4 and IPv6: the ISP's mail arrives, the stranger is refused and
# logged, a relay attempt costs the foreign recipient only, the infected host gets no way out, and all of it is told.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft

declare -A mx=([4]=192.168.10.10 [6]=fd00:25:10::10) isp=([4]=198.51.100.10 [6]=2001:db8:25::10)

# An open relay that takes everything: whatever is refused below, Postern refused it.
lab_open_relay mail mx.example.org example.org
lab_sink isp
postern_conf
postern_start

for v in 4 6; do
    # mail from the ISP arrives
    same "v$v: the ISP delivers" "220 250 250 250 354 250 221" \
        "$(codes_from isp "${mx[$v]}" --helo mx.isp.example --rcpt "plain$v@example.org")"
    lab_wait 10 "its mail" lab_arrived mail "plain$v@example.org"

    # the stranger is refused at once, by a reset
    same "v$v: the stranger is refused" "refused" "$(codes_from stranger "${mx[$v]}" --rcpt "s$v@example.org")"
    same "v$v: so is the infected host on its way out" "refused" "$(codes_from lan "${isp[$v]}" --rcpt x@foreign.test)"
    same "v$v: the same host may use the mail server" "220 250 250 250 354 250 221" \
        "$(codes_from lan "${mx[$v]}" --rcpt "lan$v@foreign.test")"

    # relay attempts lose the foreign recipient only
    for how in "" --pipeline --type "--split 7"; do
        name=v$v-${how//[^a-z0-9]/}
        # shellcheck disable=SC2086
        same "$name: the foreign recipient gets 550, the good one stays" "220 250 250 250 550 354 250 221" \
            "$(codes_from isp "${mx[$v]}" $how --rcpt "good.$name@example.org" --rcpt "x.$name@foreign.test")"
        lab_wait 10 "the good recipient's mail ($name)" lab_arrived mail "good.$name@example.org"
        check "$name: nothing was taken for the foreign one" \
            test "$(grep -c "to=<x.$name@foreign.test>" "$LAB_DIR/log/postfix-mail.log")" = 0
    done
    same "v$v: a percent form is seen through" "220 250 250 550 221" \
        "$(codes_from isp "${mx[$v]}" --rcpt "u%foreign.test@example.org")"
done

lab_in isp "$SMTPC" 192.168.10.10 --rcpt again@foreign.test >"$LAB_DIR/out"
check "the 550 is ours" grep -q '5\.7\.1 Relaying denied' "$LAB_DIR/out"

# what was told
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025500 and .src_ip == "203.0.113.66"'
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025500 and .src_ip == "192.168.20.20"'
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025100 and .finding.outcome == "refused-by-postern"'
postern_wait_record 10 '.event_type == "smtp" and .smtp.rcpt_to == ["<plain4@example.org>"] and .smtp.end == "completed"'
same "the stranger's alert is blocked, inward" "4 blocked inbound" \
    "$(postern_records '.event_type == "alert" and .alert.signature_id == 1025500 and .src_ip == "203.0.113.66"' | head -1 |
        jq -r '"\(.alert.severity) \(.alert.action) \(.postern.direction)"')"
same "the infected host's alert is outward" "2 blocked outbound" \
    "$(postern_records '.event_type == "alert" and .alert.signature_id == 1025500 and .src_ip == "192.168.20.20"' | head -1 |
        jq -r '"\(.alert.severity) \(.alert.action) \(.postern.direction)"')"
check "no mail was relayed for a stranger or the ISP" test -z "$(postern_records '.alert.signature_id == 1025101')"
same "every record is JSON with a timestamp" 0 "$(jq -r 'select(.timestamp == null) | 1' "$LAB_DIR/eve.json" | wc -l)"

# the kernel's side
same "nothing passed blind" 0 "$(postern_counter blind)"
check "pure ACKs stayed out of the queue" test "$(postern_counter bare_acks)" -gt 0
check "refused packets were counted" test "$(postern_counter refused)" -ge 4
same "what was queued was inspected" "$(postern_counter queued)" "$(postern_counter inspected)"
same "the kernel dropped nothing" "0 0" "$(postern_kernel_dropped)"

postern_stop
check "the rules stay after a clean exit" lab_in gw nft list chain inet postern forward
check "posternd says so" grep -q 'rules stay in force' "$LAB_DIR/log/posternd.log"
