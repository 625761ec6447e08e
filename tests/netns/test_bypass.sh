#!/bin/bash
# test_bypass.sh - postern bypass: everything passes for its time and not longer, whoever ends it: the operator, the
# daemon, or the kernel when there is no daemon; shouted meanwhile; no mail stands still at its ends.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3

says() { # PATTERN COMMAND...
    postern_ask "${@:2}" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || true
    check "postern ${*:2} says: $1" grep -qE "$1" "$LAB_DIR/out" "$LAB_DIR/err"
}

ended() {
    ! lab_in gw nft list set inet postern bypass | grep -q expires
}

# A client that stays: a mail on one connection for each file that it waits for.
cat >"$LAB_DIR/stays.py" <<'EOT'
import os, smtplib, sys, time
with smtplib.SMTP("192.168.10.10", 25, timeout=20) as s:
    for n in range(3):
        while not os.path.exists(f"{sys.argv[1]}/mail.{n}"):
            time.sleep(0.05)
        s.sendmail("a@isp.example", ["b@example.org"], f"Subject: {n}\r\n\r\n" + "x" * 5000)
        print(f"sent {n}", flush=True)
EOT

stays() { # NUMBER: one mail more, its number
    touch "$LAB_DIR/mail.$1"
    lab_wait 30 "mail $1 of the connection that stays" grep -qx "sent $1" "$LAB_DIR/log/stays.log"
    echo "ok: mail $1 on the connection that stays"
}

postern_conf
flood_sink
postern_start
lab_spawn isp stays python3 "$LAB_DIR/stays.py" "$LAB_DIR"
stays 0

# ---- begun and ended by hand ----

same "a stranger is refused" refused "$(codes_from stranger 192.168.10.10)"
says 'there is no bypass' bypass off
flood_start
says 'everything passes without inspection for 10m 0s' bypass 10m --reason "a quote \" and a $(printf '\033')[31m"
same "the stranger passes" 220 "$(codes_from stranger 192.168.10.10 | cut -d ' ' -f 1)"
same "so does a relay attempt" 250 "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test | cut -d ' ' -f 4)"
postern_says 1 '^NOT ENFORCED' status
postern_says 1 '"enforced":false' status --json
says '^WRONG +BYPASS: everything PASSES WITHOUT INSPECTION for another (10m 0s|9m 5[0-9]s): a quote . and a ' status
said 'BYPASS: everything PASSES WITHOUT INSPECTION .* \(uid 0\)'
check "nft shows whose it is" quiet eval "lab_in gw nft list set inet postern bypass | grep 'expires .*comment \"uid 0: a quote'"
postern_rules_stand
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("bypass of 600 s begun by uid 0"))'
postern_wait_record 10 '.alert.signature_id == 1025512 and .alert.severity == 1 and (.finding.evidence[0] | test("bypass begun"))'
queued=$(postern_counter queued)
flood_goes_on 20
stays 1
same "nothing goes to the queue" "$queued" "$(postern_counter queued)"
postern_conf 'otherwise = drop'
says 'is in force' reload
says '^WRONG +BYPASS' status
postern_conf
says 'is in force' reload
says 'the bypass has ended: port 25 is guarded again' bypass off
stays 2
same "the stranger is refused again" refused "$(codes_from stranger 192.168.10.10)"
same "and the relay attempt" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
says '^ENFORCED' status
flood_goes_on 20
flood_stop
same "it was counted as what it is" "true 0" "$([[ $(postern_counter bypassed) -gt 100 ]] && echo true) $(postern_counter blind)"
postern_wait_record 10 '.alert.signature_id == 1025512 and .finding.value > 100 and (.finding.evidence[0] | test("bypass ended"))'
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("bypass ended by uid 0, [0-9]+ packets"))'

# ---- ended by time ----

says 'without inspection for 1s' bypass 1
lab_wait 20 "its end" ended
said 'the bypass has ended: port 25 is guarded again'
same "the stranger is refused again" refused "$(codes_from stranger 192.168.10.10)"

# ---- over a restart, and without a daemon ----

says 'without inspection for 5m' bypass 5m
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
postern_start
said 'BYPASS: everything PASSES WITHOUT INSPECTION for another [45]m.*begun before posternd was started'
says '^WRONG +BYPASS.*begun before posternd was started' status
says 'has ended' bypass off
says 'without inspection for 2s' bypass 2s
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
lab_wait 30 "the kernel to end it" ended
same "the rules of before hold, without a daemon" refused "$(codes_from stranger 192.168.10.10)"
postern_start
says '^ENFORCED' status

# ---- taken away by somebody ----

postern_stop
check "the rules are removed" quiet lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf"
postern_conf 'nft { own = no }'
postern_start
says 'without inspection for 5m' bypass 5m
lab_in gw nft flush set inet postern bypass
said 'the bypass is not in the kernel any more, before its time'
lab_wait 10 "its end" eval "postern_ask status | grep -q '^ENFORCED'"
postern_stop
