#!/bin/bash
# test_boot.sh - the service's Exec lines, run as the service manager would: a first start observes only; each good start
# and reload leaves its rules for the next boot; a boot with a broken configuration, or one whose rules were spoiled on the
# disk, says so loudly, and where it can the last good rules stand.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

UNIT=$LAB_DIR/unit/postern.service
STATE=$LAB_DIR/state
ETC=$LAB_DIR/etc
LOG=$LAB_DIR/log/posternd.log
mkdir -p "$LAB_DIR/unit" "$ETC/postern"
mkdir -m 700 "$STATE"
cp -a /etc/ld.so.cache /etc/passwd /etc/group /etc/nsswitch.conf /etc/localtime "$ETC/" 2>/dev/null || true
sed "s|@SBINDIR@|$BUILD|; s|@BINDIR@|$BUILD|" "$REPO/packaging/postern.service" >"$UNIT"

# The configuration is where the unit looks for it: /etc is ours in a mount namespace of its own. Of root's rights there
# are only those that the unit leaves.
# shellcheck disable=SC2016
in_service=(env STATE_DIRECTORY="$STATE" ASAN_OPTIONS="$POSTERN_LEAK_CHECK" ip netns exec "$LAB_PREFIX-gw" unshare --mount
    bash -c 'mount --bind "$0" /etc && exec setpriv --bounding-set "-all,+$1" --no-new-privs $2' "$ETC"
    "$(sed -n '/^CapabilityBoundingSet=/ { s/.*=CAP_//; s/ CAP_/,+/g; p }' "$UNIT" | tr '[:upper:]' '[:lower:]')")

lines() { # KEY
    sed -n "s/^$1=//p" "$UNIT"
}

# Starts the service: false when it does not come up. What it said is in $LOG.
service_start() {
    local line status

    : >"$LOG"
    cp "$LAB_DIR/postern.conf" "$ETC/postern/postern.conf"
    while read -r line; do
        status=0
        "${in_service[@]}" "${line#-}" >>"$LOG" 2>&1 || status=$?
        [[ $status -eq 0 || $line == -* ]] || return 1
    done < <(lines ExecStartPre)
    "${in_service[@]}" "$(lines ExecStart)" >>"$LOG" 2>&1 &
    POSTERN_PID=$!
    lab_wait 20 "posternd to be ready" grep -qE 'mode: [0-9]+ queue' "$LOG"
}

service_stop() {
    kill -TERM "$POSTERN_PID"
    wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
}

reboot() {
    lab_in gw nft delete table inet postern
}

says() { # PATTERN
    grep -qE "$1" "$LOG" || lab_fail "it does not say: $1"
    echo "ok: $(grep -E "$1" "$LOG" | head -n 1)"
}

lab_sink mail

if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify --man=no "$UNIT" >"$LAB_DIR/verify.unit" 2>&1 || lab_fail "the unit: $(<"$LAB_DIR/verify.unit")"
    same "systemd has nothing to say about the unit" "" "$(grep postern "$LAB_DIR/verify.unit" || true)"
else
    echo "NOT TESTED: systemd-analyze is not installed, the unit was not verified"
fi

# ---- a first start, and the way to enforce ----

postern_conf
sed -i '/^mode/d' "$LAB_DIR/postern.conf"
service_start || lab_fail "it does not start"
says 'posternd has left no rules in .*/rules yet'
says 'monitor mode'
same "a first start refuses nobody" "220 250 250 250 354 250 221" "$(codes_from stranger 192.168.10.10 --rcpt a@example.org)"
service_stop
first=$(sha256sum <"$STATE/rules")
postern_conf
service_start || lab_fail "it does not start"
says 'table inet postern stands already'
check "the rules for the next boot follow a start" test "$first" != "$(sha256sum <"$STATE/rules")"
first=$(sha256sum <"$STATE/rules")
postern_conf 'upstream "isp" { addresses = { "198.51.100.10", "198.51.100.11", "2001:db8:25::10" } }'
cp "$LAB_DIR/postern.conf" "$ETC/postern/postern.conf"
kill -HUP "$POSTERN_PID"
lab_wait 10 "the reload" grep -q 'is in force' "$LOG"
check "and a reload" test "$first" != "$(sha256sum <"$STATE/rules")"
first=$(sha256sum <"$STATE/rules")
echo 'mode = enfroce' >>"$ETC/postern/postern.conf"
kill -HUP "$POSTERN_PID"
lab_wait 10 "the refusal" grep -q 'is NOT in force' "$LOG"
same "but no refused reload" "$first" "$(sha256sum <"$STATE/rules")"
service_stop

# ---- boots ----

cp "$LAB_DIR/postern.conf" "$LAB_DIR/good.conf"
echo 'mode = enfroce' >>"$LAB_DIR/postern.conf"
reboot
service_start && lab_fail "it starts with a broken configuration"
says 'table inet postern is as it was last .*NOTHING IS INSPECTED'
says 'postern.conf:[0-9]+: '
check "a broken configuration: the last good rules stand" lab_in gw "$BUILD/postern" verify -c "$LAB_DIR/good.conf"
same "strangers are refused" refused "$(codes_from stranger 192.168.10.10)"
same "mail of allowed pairs goes on" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt a@example.org)"
cp "$LAB_DIR/good.conf" "$LAB_DIR/postern.conf"
service_start || lab_fail "it does not start again"
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("adopted untouched"))'
echo "ok: when it is mended, posternd adopts them"
postern_wait_record 10 '.alert.signature_id == 1025512 and .finding.value > 0'
echo "ok: and tells what passed meanwhile"
lab_in gw nft 'table ip nat { chain in { type nat hook prerouting priority dstnat; ip daddr 198.51.100.1 tcp dport 25 dnat to 192.168.10.10; }; }'
same "with the unit's rights translated addresses are read, too" "220 250 250 250 354 250 221" "$(codes_from isp 198.51.100.1 --rcpt a@example.org)"
postern_wait_record 10 '.event_type == "flow" and .nat.dest_ip == "198.51.100.1"'
lab_in gw nft delete table ip nat
service_stop

# Another machine, as far as the kernel can tell: a network namespace where nothing was before.
restore=$(lines ExecStartPre | sed -n '1s/^-//p')
check "a fresh kernel gets the same rules" unshare --net env STATE_DIRECTORY="$STATE" bash -c "$restore && $BUILD/postern verify -c $LAB_DIR/good.conf"

# ---- what the disk did ----

reboot
spoiled() { # WHAT
    echo 'mode = enfroce' >"$LAB_DIR/postern.conf"
    service_start && lab_fail "$1: it starts"
    says 'PORT 25 MAY NOT BE GUARDED'
}
cp "$STATE/rules" "$LAB_DIR/rules"
printf 'x' | dd of="$STATE/rules" bs=1 seek=3000 conv=notrunc status=none
spoiled "a byte is another"
truncate -s 2000 "$STATE/rules"
spoiled "cut"
cp "$LAB_DIR/rules" "$STATE/rules"
chmod 666 "$STATE/rules"
spoiled "anybody may write it"

# ---- another name of the table ----

rm -f "$STATE/rules"
postern_conf
service_start || lab_fail "it does not start"
same "one table: nothing is said of others" "" "$(grep 'unless another posternd' "$LOG" || true)"
service_stop
postern_conf 'nft { table = other }'
service_start || lab_fail "it does not start"
says 'table inet postern is one of posternd, too, and in force beside table inet other'
service_stop
