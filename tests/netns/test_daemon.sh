#!/bin/bash
# test_daemon.sh - posternd as a service: what it refuses to start with, and that nothing is touched then; ready,
# watchdog and stopping told to the service manager; rotation; loud warnings; a clean end and a new start on its rules.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft setpriv python3

LOG=$LAB_DIR/log/posternd.log

# fails STATUS PATTERN CMD... - the program ends with that status, says one line with the pattern, and nothing is
# installed.
fails() {
    local status=0

    lab_in gw "${@:3}" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
    same "status of: ${*:4}" "$1" "$status"
    check "it says: $2" grep -qE "$2" "$LAB_DIR/err"
}

one_line() {
    same "in one line" 1 "$(wc -l <"$LAB_DIR/err")"
}

untouched() {
    same "nothing is installed or queued" "" "$(lab_in gw nft list tables; lab_in gw cat /proc/net/netfilter/nfnetlink_queue)"
}

# ---- what it does not start with ----

fails 2 'usage: posternd' "$BUILD/posternd" -x
fails 2 'takes no arguments' "$BUILD/posternd" whatever
check "-h prints the usage" grep -q '^usage: posternd' <(lab_in gw "$BUILD/posternd" -h)
check "-V prints the version" grep -qE '^posternd [0-9]+\.[0-9]+\.[0-9]+$' <(lab_in gw "$BUILD/posternd" -V)

fails 1 '/nonexistent/postern.conf: No such file' "$BUILD/posternd" -c /nonexistent/postern.conf
one_line
echo 'mode = enfroce' >"$LAB_DIR/bad.conf"
fails 1 "bad.conf:1: .*enforce" "$BUILD/posternd" -c "$LAB_DIR/bad.conf"
postern_conf "log { eve = \"$LAB_DIR/no/such/dir/eve.json\" }"
fails 1 'no/such/dir/eve.json' "$BUILD/posternd" -c "$LAB_DIR/postern.conf"
one_line
postern_conf
fails 1 'CAP_NET_ADMIN' setpriv --bounding-set -net_admin --inh-caps -net_admin "$BUILD/posternd" -c "$LAB_DIR/postern.conf"
one_line
untouched

# ---- the service manager ----

cat >"$LAB_DIR/manager.py" <<'EOT'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
EOT
lab_spawn gw manager python3 "$LAB_DIR/manager.py" "$LAB_DIR/notify"
lab_wait 10 "the manager's socket" test -S "$LAB_DIR/notify"
export NOTIFY_SOCKET=$LAB_DIR/notify WATCHDOG_USEC=3000000
postern_conf "log { eve = \"$LAB_DIR/eve.json\" stats = 1s }"
postern_start
unset NOTIFY_SOCKET WATCHDOG_USEC
told() { # LINE: the manager was told
    lab_wait 10 "the manager to hear $1" grep -qx "$1" "$LAB_DIR/log/manager.log"
    echo "ok: the manager heard $1"
}
told READY=1
told WATCHDOG=1

# ---- running ----

lab_open_relay mail mx.example.org example.org
sed 's/postern\.db/other.db/' "$LAB_DIR/postern.conf" >"$LAB_DIR/other.conf" # a store of its own
fails 1 "queue 2500 is taken by posternd \(process $(pgrep -P "$POSTERN_PID" -x posternd || echo "$POSTERN_PID")\)" \
    "$BUILD/posternd" -c "$LAB_DIR/other.conf"
one_line
same "mail passes all the same" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt a@example.org)"
same "the stranger is refused" refused "$(codes_from stranger 192.168.10.10)"
postern_wait_record 10 '.event_type == "alert" and .alert.signature_id == 1025500 and .alert.action == "blocked"
    and .finding.action == "refuse" and .finding.would == null'
postern_wait_record 10 '.event_type == "stats" and .stats.tap.packets > 10 and .stats.tap.packets == .stats.tap.verdicts
    and .stats.kernel.rules.inspected == .stats.tap.packets and .stats.refused.read == 1
    and .stats.tap.latency_us.max >= .stats.tap.latency_us.p50 and .stats.kernel.queue.dropped_full == 0'
echo "ok: the stats records tell of it"

mv "$LAB_DIR/eve.json" "$LAB_DIR/eve.json.1"
kill -HUP "$POSTERN_PID"
said 'eve.json opened again'
same "a stranger over IPv6" refused "$(codes_from stranger fd00:25:10::10)"
postern_wait_record 10 '.event_type == "alert" and .src_ip == "2001:db8:66::66"'
echo "ok: records go to the new file after SIGHUP"
mkdir "$LAB_DIR/away"
mv "$LAB_DIR/eve.json" "$LAB_DIR/away/"
mkdir "$LAB_DIR/eve.json" # cannot be opened as a file
kill -HUP "$POSTERN_PID"
said 'cannot be opened again, the old file stays in use'
rmdir "$LAB_DIR/eve.json"
mv "$LAB_DIR/away/eve.json" "$LAB_DIR/eve.json"

# ---- loud ----

verdict() { # STATUS: what postern verify says
    local status=0

    lab_in gw "$BUILD/postern" verify -c "$LAB_DIR/postern.conf" >"$LAB_DIR/verify" || status=$?
    same "postern verify leaves with status $1" "$1" "$status"
    head -n 1 "$LAB_DIR/verify"
}
same "the rules stand" "table inet postern is as it should be" "$(verdict 0 | tail -n 1)"
kill -TERM "$POSTERN_PID"
wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
lab_in gw nft delete table inet postern
same "postern verify misses them" "table inet postern is not as it should be: there is no table inet postern" "$(verdict 1 | tail -n 1)"
told STOPPING=1
postern_start
same "a new start installs the rules again" refused "$(codes_from stranger 192.168.10.10)"

# ---- leaving and coming back ----

postern_stop
check "it says what holds now" grep -q 'PASSES WITHOUT INSPECTION. To remove them: postern down' "$LOG"
check "and what it did" grep -qE '[1-9][0-9]* refused tr(y|ies) seen' "$LOG"
same "what no rule allows is refused without it" refused "$(codes_from stranger 192.168.10.10)"
same "what was inspected passes (queue.fail = open)" "220 250 250 250 354 250 221" \
    "$(codes_from isp 192.168.10.10 --rcpt b@example.org)"
check "and is counted as blind" test "$(postern_counter blind)" -gt 0

postern_conf 'otherwise = drop'
postern_start -n
said 'monitor mode'
said '[0-9]+ packets PASSED WITHOUT INSPECTION: .* \(kernel.rules.blind is [0-9]+\)'
echo "ok: what passed unseen meanwhile is said"
same "-n refuses nobody" "220 250 250 250 354 250 221" "$(codes_from stranger 192.168.10.10 --rcpt c@example.org)"
postern_wait_record 10 '.postern.mode == "monitor" and .alert.signature_id == 1025500 and .alert.action == "allowed"
    and .finding.action == "alert" and .finding.would == "drop"'
echo "ok: the stranger is told all the same, and what the rule would have done"
postern_conf

# killed in the middle: the kernel frees the queue, the rules stay, a new one takes over. A base chain made anew would
# have dropped what waits in any queue, and left a gap before it.
base_chains() { lab_in gw nft -a list table inet postern | grep 'chain forward'; }
chains=$(base_chains)
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
postern_start
same "its base chains are the ones that were there" "$chains" "$(base_chains)"
same "after a kill the next one takes over" refused "$(codes_from stranger 192.168.10.10)"
same "and inspects" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
kill -INT "$POSTERN_PID"
wait "$POSTERN_PID" || lab_fail "posternd left with status $? after SIGINT"
check "every packet had its verdict" test "$(postern_counter queued)" = "$(($(postern_counter inspected) + $(postern_counter blind)))"
