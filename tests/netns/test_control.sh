#!/bin/bash
# test_control.sh - the control socket: every command, who may ask, what becomes of the impolite, and that mail does not
# notice.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3 setpriv


# ends STATUS COMMAND... - what it says is in out and err
ends() {
    local status=0

    postern_ask "${@:2}" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
    same "status of postern ${*:2}" "$1" "$status"
}

says() { # PATTERN
    check "it says: $1" grep -qE "$1" "$LAB_DIR/out"
}

# ---- nobody answers ----

postern_conf
ends 3 status
says 'NOT ENFORCED: nobody answers at .*control.sock'
says 'none of ours are in the kernel: port 25 is NOT GUARDED'
ends 3 reload
ends 2 top
check "it names what prints the same" grep -q 'there is no terminal to draw on; postern sources prints the same once' "$LAB_DIR/err"
status=0
lab_in gw "$LAB_HOME/term.py" -- "$BUILD/postern" top -c "$LAB_DIR/postern.conf" >"$LAB_DIR/out" || status=$?
same "top without posternd" 3 "$status"
says 'postern top: nobody answers at .*control.sock: No such file'

# ---- status ----

flood_sink
postern_start
ends 0 status
says '^ENFORCED: port 25 is guarded'
says "^conf +$LAB_DIR/postern.conf \([0-9a-f]{16}\)"
says '^wrong +nothing'
same "status as JSON" "true enforce 1" \
    "$(postern_ask status --json | jq -r '"\(.enforced) \(.mode) \(.postern)"')"

# ---- seen, why, incidents ----

ends 0 seen
says 'nobody has delivered'
ends 2 why nobody
same "a mail" "220 250 250 250 354 250 221" "$(codes_from isp 192.168.10.10 --rcpt a@example.org)"
same "one that is no mail of ours" "220 250 250 550 221" "$(codes_from isp 192.168.10.10 --rcpt x@foreign.test)"
same "a stranger" refused "$(codes_from stranger 192.168.10.10)"
knows() { # COMMAND... PATTERN
    postern_ask "${@:1:$#-1}" | grep -qE "${!#}"
}
lab_wait 10 "posternd to know of the mail" knows seen '^in +198.51.100.10 +-> 192.168.10.10 +by rule in: [0-9]+ connections, 1 mails'
lab_wait 10 "and of the stranger" knows seen '^OUT +203.0.113.66 .* refuse: 0 connections, 0 mails, 0 under TLS, 1 tries outside.*may be forged'
ends 0 why 198.51.100.10
says 'recipient .* <x@foreign.test> \(plain\): refused-by-postern, 550: refuse-recipient, by relay.action = refuse-recipient \(postern.conf:[0-9]+\)$'
says 'connection 198.51.100.10 -> 192.168.10.10 port 25: inspected, by rule "in" \(postern.conf:5\), 2 times$'
ends 0 why 203.0.113.66
says 'try 203.0.113.66 -> 192.168.10.10 port 25: refuse, by otherwise = refuse \(postern.conf:8\)'
ends 0 why 192.0.2.1
says 'nothing was decided about 192.0.2.1'
ends 0 incidents
says '^3 relay.attempt +198.51.100.10 -> 192.168.10.10: 1 since'
same "rows in JSON" '203.0.113.66 false' "$(postern_ask seen --json | jq -r '.rows[] | select(.in | not) | "\(.client) \(.verified)"')"

codes_from isp 192.168.10.10 --rcpt w1@foreign.test --rcpt w2@foreign.test --rcpt w3@foreign.test --rcpt w4@foreign.test >/dev/null
lab_wait 10 "one that is deferred, behind those refused" knows why 198.51.100.10 '<w4@foreign.test> \(plain\): refused-by-postern, 450: defer-recipient \(in place of refuse-recipient\), by '

# ---- every command that asks ----

id=$(postern_ask incidents --json | jq -r '.rows[0].id')
while read -r command; do
    read -ra words <<<"$command"
    ends 0 "${words[@]}"
    check "no word of it steers a terminal: $command" eval '! grep -qP "[\x00-\x08\x0b-\x1f\x7f]" "$LAB_DIR/out"'
    again=0
    [[ $command != un* && $command != *off ]] || again=1 # there is nothing left to undo, which is said in JSON, too
    ends $again "${words[@]}" --json
    same "each line is its JSON: $command" "${words[0]}" "$(jq -r .command "$LAB_DIR/out" | sort -u)"
done <<EOT
status
seen
sources
sources --top all 198.51.100.0/24
upstreams
why 198.51.100.10
incidents
incidents --since 1h --rule relay.attempt
incidents --suppressed
incidents $id
ack $id --reason known
mute 203.0.113.77 --for 1m
mutes
unmute 203.0.113.77
block 203.0.113.77 --for 1m
blocks
unblock 203.0.113.77
bypass 1m
bypass off
reload
EOT

# ---- on a terminal ----

terminal() { # TEXT KEYS... -- COMMAND OPTION...
    local words=() status=0
    while [[ $1 != -- ]]; do
        words+=("$1")
        shift
    done
    lab_in gw "$LAB_HOME/term.py" "${words[@]}" -- "$BUILD/postern" "$2" -c "$LAB_DIR/postern.conf" "${@:3}" >"$LAB_DIR/out" 2>&1 || status=$?
    echo $status
}
same "top draws, sorts by a key, and ends" 0 "$(terminal 'by accepted' l last q -- top)"
says '198.51.100.10 '
says 'NULL +AUTHBAD +HOSTS +TLS +BYTES +LAST \(UTC\)'
same "on 80 columns" 0 "$(TERM_COLUMNS=80 terminal 'by accepted' q -- top)"
says 'REFUSED +BYTES +LAST \(UTC\)'
says '198.51.100.10 .* [01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]'
says '\(q\)uit'
same "sources, too" 0 "$(TERM_COLUMNS=80 terminal -- sources)"
says '^SOURCE +CONNECT MESSAGES RECIPIENT REFUSED +BYTES +LAST \(UTC\)'
check "in lines that fit" eval '! grep -qE "^.{80}" <(tr -d "\r" <"$LAB_DIR/out")'
same "on a wide one with all there is" 0 "$(terminal -- sources)"
says 'NULL +AUTHBAD +HOSTS +TLS +BYTES +LAST \(UTC\)'
same "as JSON without a terminal" 198.51.100.10 "$(postern_ask top --json --sort last 198.51.100.0/24 | jq -r '.rows[].source')"
same "of one network alone" 0 "$(terminal 'by last' q -- top --sort last 192.168.0.0/16)"
check "others are not in it" eval '! grep -q "198.51.100.10 " "$LAB_DIR/out"'

# ---- reload ----

postern_conf 'otherwise = drop'
ends 0 reload
says "is in force .*enforce mode"
ends 0 seen
says '^OUT +203.0.113.66 .* drop:'
echo 'moed = monitor' >>"$LAB_DIR/postern.conf"
ends 1 reload --socket "$LAB_DIR/control.sock"
check "every reason is told" grep -q 'postern.conf:1[0-9]: .*moed.*mode' "$LAB_DIR/err"
check "and what holds now" grep -q 'the one of before stays in force' "$LAB_DIR/err"
ends 1 status --socket "$LAB_DIR/control.sock"
says '^WRONG +the configuration was changed, and was NOT taken at .*moed'
says '^reload .*NOT TAKEN'
postern_conf 'queue { number = 77 }'
ends 1 reload
check "what needs a restart is told" grep -q 'queue.number cannot change while posternd runs' "$LAB_DIR/err"
postern_conf "control { path = \"$LAB_DIR/new.sock\" }"
ends 3 reload
check "a socket that the file says and nobody has made" grep -qE "new.sock, but posternd \(process $POSTERN_PID\) runs, and does not listen there: if control.path was changed in $LAB_DIR/postern.conf, it is asked at the old one" "$LAB_DIR/err"
ends 3 status
says "^NOT KNOWN: nobody answers at .*new.sock, but posternd \(process $POSTERN_PID\) runs"
check "nor does status say that it does not" eval '! grep -qE "DOES NOT RUN|WITHOUT INSPECTION|to start it" "$LAB_DIR/out"'
same "and in JSON" "true $POSTERN_PID null" "$(postern_ask status --json | jq -r '"\(.running) \(.pid) \(.enforced)"')"
ends 1 reload --socket "$LAB_DIR/control.sock"
check "asked at the old one, it names the key" grep -q 'control.path cannot change while posternd runs' "$LAB_DIR/err"
postern_conf
cp "$LAB_DIR/postern.conf" "$LAB_DIR/mine.conf"
ends 2 reload -c "$LAB_DIR/mine.conf"
check "its own file is the one it reloads" grep -q "posternd reloads $LAB_DIR/postern.conf, and nothing else; -c only says where it listens: nothing was reloaded" "$LAB_DIR/err"
ln -s postern.conf "$LAB_DIR/link.conf"
ends 0 reload -c "$LAB_DIR/link.conf"
ends 0 reload
postern_wait_record 10 '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("configuration changed from .* asked for by uid 0"))'

# ---- who may ask ----

RUDE=$LAB_DIR/rude.py # the tree may lie where others cannot enter
cp "$LAB_HOME/rude.py" "$RUDE"
SOCKET=$LAB_DIR/control.sock
chmod 755 "$LAB_DIR"
same "mode and owner of the socket" "660 root root" "$(stat -c '%a %U %G' "$SOCKET")"
as() { # UID GID GROUPS COMMAND...
    local groups=--clear-groups

    [[ -z $3 ]] || groups=--groups=$3
    setpriv --reuid="$1" --regid="$2" "$groups" "${@:4}" 2>&1
}
same "nobody cannot even connect" "PermissionError: [Errno 13] Permission denied" \
    "$(as 65534 65534 '' "$RUDE" "$SOCKET" half | tail -n 1)"
POSTERN=$LAB_DIR/postern
cp "$BUILD/postern" "$POSTERN"
forbidden="$SOCKET: Permission denied; be root, or a member of the group in control.group"
same "postern seen tells him so" "postern seen: you may not ask at $forbidden" \
    "$(as 65534 65534 '' "$POSTERN" seen --socket "$SOCKET")"
same "and postern status does not say that nobody runs" "postern status: you may not ask at $forbidden" \
    "$(as 65534 65534 '' "$POSTERN" status --socket "$SOCKET")"
same "postern verify needs more rights" "postern verify: cannot talk to nf_tables: Operation not permitted" \
    "$(as 65534 65534 '' "$POSTERN" verify -c "$LAB_DIR/postern.conf" | cut -d ';' -f 1)"
chmod 666 "$SOCKET"
same "nor ask when the mode is spoiled" "you may not ask: be root, or a member of the group in control.group" \
    "$(as 65534 65534 '' "$RUDE" "$SOCKET" garbage)"
same "the first group of a process is not enough while there is no group" "you may not ask: be root, or a member of the group in control.group" \
    "$(as 65534 0 '' "$RUDE" "$SOCKET" garbage)"
postern_stop
postern_conf "control { path = \"$SOCKET\" group = mail }"
postern_start
same "with a group, mode and owner of the socket" "660 root mail" "$(stat -c '%a %U %G' "$SOCKET")"
same "its member may ask" status "$(as 65534 8 '' "$RUDE" "$SOCKET" half)"
same "one with further groups, too" status "$(as 65534 65534 65534,8 "$RUDE" "$SOCKET" half)"
same "others cannot connect" "PermissionError: [Errno 13] Permission denied" \
    "$(as 65534 65534 65534,7 "$RUDE" "$SOCKET" half | tail -n 1)"

# ---- the impolite, while mail flows ----

flood_start
same "garbage" "it is no JSON object in one line" "$("$RUDE" "$SOCKET" garbage)"
same "another version" "it is of another version: postern and posternd must be installed together" "$("$RUDE" "$SOCKET" version)"
same "an unknown command" "this posternd does not know that command" "$("$RUDE" "$SOCKET" command)"
same "one that says nothing" nothing "$("$RUDE" "$SOCKET" nothing)"
same "a request without an end" "the request is too long" "$("$RUDE" "$SOCKET" long)"
same "one byte a second" closed "$("$RUDE" "$SOCKET" slow)"
same "behind 64 that say nothing" answered "$("$RUDE" "$SOCKET" idle)"
same "200 at once" 200 "$("$RUDE" "$SOCKET" parallel 200)"
same "they are counted" "1 65 1 3 true" \
    "$(postern_ask status --json | jq -r '.control | "\(.left) \(.slow) \(.too_long) \(.bad) \(.answered > 200)"')"
flood_goes_on 20
flood_stop
same "nothing passed without inspection" 0 "$(postern_counter blind)"

# ---- it does not react ----

kill -STOP "$POSTERN_PID"
postern_ask block 203.0.113.78 --for 1m >"$LAB_DIR/block.out" 2>&1 &
BLOCK=$!
postern_ask status --json >"$LAB_DIR/status.json" 2>/dev/null &
JSON=$!
ends 3 status
says "^NOT KNOWN: posternd \(process $POSTERN_PID\) runs, and does not react: no answer at $SOCKET in 10 s"
says "to end it: systemctl restart postern, or kill -KILL $POSTERN_PID$"
says 'table inet postern is still in force: pairs that it refuses are refused, what is to be inspected waits in its queues'
check "nobody is told that it does not run" eval '! grep -qE "DOES NOT RUN|WITHOUT INSPECTION|to start it" "$LAB_DIR/out"'
status=0
wait $JSON || status=$?
same "in JSON" "3 true false $POSTERN_PID null" "$status $(jq -r '"\(.running) \(.reacts) \(.pid) \(.enforced)"' "$LAB_DIR/status.json")"
status=0
wait $BLOCK || status=$?
same "an act that nobody answers" 3 "$status"
check "says that it is waited for" grep -q "no answer of posternd (process $POSTERN_PID) yet; waiting up to 20 s" "$LAB_DIR/block.out"
check "and what may come of it" grep -q "in 20 s; what was asked MAY STILL BE DONE" "$LAB_DIR/block.out"
kill -CONT "$POSTERN_PID"
lab_wait 20 "it to react, and to have done what was asked" knows blocks '^203.0.113.78 '
ends 0 unblock 203.0.113.78

# ---- a second one, and one that was killed ----

status=0
lab_in gw timeout 20 "$BUILD/posternd" -c "$LAB_DIR/postern.conf" >/dev/null 2>&1 || status=$?
same "a second posternd does not start" 1 "$status"
same "and leaves the socket alone" status "$("$RUDE" "$SOCKET" half)"
lab_spawn lan other "$BUILD/posternd" -c "$LAB_DIR/postern.conf" # of another network: another table, another queue
OTHER=$LAB_PID
lab_wait 20 "the other one to say that the socket is taken" grep -q 'nobody can ask it through .*another process listens there' "$LAB_DIR/log/other.log"
PID=$(postern_ask status --json | jq .pid)
check "the socket is still the first one's" test "$PID" != "$(pgrep -P "$OTHER" -x posternd || echo "$OTHER")"
kill -KILL "$POSTERN_PID"
wait "$POSTERN_PID" || true
same "who was killed leaves a socket" socket "$(stat -c %F "$SOCKET")"
lab_wait 20 "the other one to take it over" knows status '^posternd '
check "it is another process now" test "$PID" != "$(postern_ask status --json | jq .pid)"
kill -TERM "$OTHER"
wait "$OTHER" || lab_fail "the other posternd left with status $?"
check "it takes its socket with it" test ! -e "$SOCKET"
echo 'not a socket' >"$SOCKET"
postern_start
said 'it is no socket: remove it, or set control.path'
same "what is no socket stays" 'not a socket' "$(<"$SOCKET")"
ends 3 status
says 'posternd .process [0-9]+. runs, and does not listen there'
rm "$SOCKET"
lab_wait 20 "the socket to come" knows status '^ENFORCED'
postern_stop
ends 3 status
says 'table inet postern is still in force'
says 'to remove the rules: postern down'
