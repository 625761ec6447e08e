#!/bin/bash
# test_lab.sh - proves the lab itself, without Postern: mail flows over both families, programs start and stop, two
# labs do not see each other, the host's network sees none of them, and nothing is left, however a test ends.
# time-limit: 300
# lean: the lab itself, where nothing of ours runs

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"

lab_up
lab_need swaks tcpdump jq nc.openbsd pgrep

# codes ARGUMENT... - the reply codes that smtpc.py gets, run on the ISP's host, in one line.
codes() {
    codes_from isp "$@"
}

# ---- mail flows ----

mail_flows() {
    local path

    lab_postfix mail mx.example.org example.org example.net
    lab_sink isp

    check "swaks from isp over IPv4" lab_in isp swaks --silent 2 --server 192.168.10.10 \
        --helo mx.isp.example --from a@isp.example --to swaks@example.org
    lab_wait 10 "its mail" lab_arrived mail swaks@example.org
    same "smtpc from isp over IPv6" "220 250 250 250 354 250 221" "$(codes fd00:25:10::10 --rcpt six@example.org)"
    lab_wait 10 "its mail" lab_arrived mail six@example.org
    path=$(lab_mails mail six@example.org)
    check "the mail tells the IPv6 client" grep -q '^Received: from client.example .*IPv6:2001:db8:25::10' "$path"
    same "a stranger reaches mail" "220 250 250 250 354 250 221" \
        "$(codes_from stranger 192.168.10.10 --rcpt stranger@example.net)"
    lab_wait 10 "its mail" lab_arrived mail stranger@example.net
    same "lan reaches the ISP over IPv4" "220 250 250 250 354 250 221" \
        "$(codes_from lan 198.51.100.10 --rcpt who@foreign.example)"
    same "lan reaches the ISP over IPv6" "220 250 250 250 354 250 221" \
        "$(codes_from lan 2001:db8:25::10 --rcpt who@foreign.example)"
    same "the ISP's sink keeps the envelopes" "192.168.20.20 ipv6:fd00:25:20::20" \
        "$(sed -n 's/^X-Client-Addr: //p' "$LAB_DIR"/sink-isp-25/* | sort | xargs)"

    same "each recipient gets a mail, a foreign one is refused" "220 250 250 250 250 554 354 250 221" \
        "$(codes 192.168.10.10 --rcpt one@example.org --rcpt two@example.net --rcpt x@foreign.example)"
    lab_wait 10 "the first" lab_arrived mail one@example.org
    lab_wait 10 "the second" lab_arrived mail two@example.net
    same "a refused recipient alone" "220 250 250 554 221" "$(codes 192.168.10.10 --rcpt x@foreign.example)"
    same "an address literal, our host name and a bare local part are ours" "220 250 250 250 250 250 354 250 221" \
        "$(codes 192.168.10.10 --rcpt 'x@[192.168.10.10]' --rcpt x@mx.example.org --rcpt postmaster)"
    lab_wait 10 "the bare one's mail" lab_arrived mail postmaster@example.org
    same "a path as local part" "220 250 250 250 354 250 221" "$(codes 192.168.10.10 --rcpt '"../../x"@example.org')"
    lab_wait 10 "its mail, where it does no harm" lab_arrived mail odd
    check "nothing was delivered elsewhere" test ! -e "$LAB_DIR/x@example.org"
}

# A server's own users and programs are seen by what lab_peer runs, and by nothing else.
peers_are_apart() {
    same "Postfix's user is that of its tree" 65025 "$(lab_peer mail postfix id -u postfix)"
    check "who else runs there does not see it" test "$(lab_in mail id -u postfix 2>/dev/null)" != 65025
    check "the server runs as that user" grep -q '^65025$' <(ps -o uid= -p "$(lab_pids | xargs | tr ' ' ,)" | tr -d ' ')
    check "the host has nothing laid over /usr" test -z "$(grep -E 'lowerdir=(usr:/usr|etc:/etc)' /proc/self/mounts)"
    same "its exit code is the program's" 3 "$(lab_peer mail postfix sh -c 'exit 3' || echo $?)"
    same "a server that is not unpacked is told" 77 "$(lab_peer mail nosuch true 2>/dev/null || echo $?)"
}

# ---- the raw client ----

client_is_raw() {
    local pcap=$LAB_DIR/raw.pcap file=$LAB_DIR/mail.txt

    same "pipelining" "220 250 250 250 554 354 250 250 250 554 354 250 221" \
        "$(codes 192.168.10.10 --pipeline --count 2 --rcpt pipe@example.org --rcpt x@foreign.example)"
    same "pipelining without a good recipient" "220 250 250 554 554 250 250 554 554 221" \
        "$(codes 192.168.10.10 --pipeline --count 2 --rcpt x@foreign.example)"
    same "BDAT in chunks" "220 250 250 250 250 250 250 221" \
        "$(codes fd00:25:10::10 --bdat 1000 --size 2500 --rcpt bdat@example.org)"
    lab_wait 10 "its mail" lab_arrived mail bdat@example.org

    printf 'Subject: dots\n\n.\n..two\n' >"$file"
    same "dots and line ends" "220 250 250 250 354 250 221" "$(codes 192.168.10.10 --data "$file" --rcpt dots@example.org)"
    lab_wait 10 "its mail" lab_arrived mail dots@example.org
    same "they arrive as they were" "$(cat "$file")" "$(tail -n 4 "$(lab_mails mail dots@example.org)")"
    printf 'Subject: raw\r\n\r\n.\r\nNOOP\r\nNOOP\r\n' >"$file"
    same "raw bytes, more answers than questions" "220 250 250 250 354 250 250 250 221" \
        "$(codes 192.168.10.10 --raw "$file" --rcpt raw@example.org)"
    same "a command of one's own" "220 250 252 500 221" "$(codes 192.168.10.10 --say 'VRFY x' --say BOO)"

    lab_spawn isp tcpdump tcpdump --immediate-mode -U -s 200 -ni eth0 -w "$pcap" 'src host 198.51.100.10 and dst port 25'
    lab_wait 5 "tcpdump" grep -q 'listening on' "$LAB_DIR/log/tcpdump.log"
    same "typing" "220 250 250 250 354 250 221" \
        "$(codes 192.168.10.10 --type --rcpt type@example.org --helo much.more.than.ten.bytes.a.first.window.takes.example)"
    same "splitting" "220 250 250 250 354 250 221" \
        "$(codes 192.168.10.10 --split 7 --pipeline --rcpt split@example.org --helo hello.example)"
    lab_wait 5 "the last command in the capture" grep -aq QUIT "$pcap"
    lab_kill tcpdump
    # Typed: EHLO 60, MAIL FROM:<sender@client.example> 35, RCPT TO:<type@example.org> 28, DATA 6, QUIT 6.
    # Split by 7: EHLO 20 (2+6), envelope with DATA 35+29+6=70 (10), QUIT 6 (0+6).
    same "each byte, each piece was a segment" "135x1 12x7 2x6" "$(
        tcpdump -nSr "$pcap" 2>/dev/null | grep -Eo '10\.[0-9]+ >|seq [0-9]+:[0-9]+' | awk -F '[ :]' '
            /^10/ { from = $1 }
            /^seq/ && !seen[from, $2]++ { n[$3 - $2]++ }        # a segment sent again counts once
            END { printf "%dx1 %dx7 %dx6", n[1], n[7], n[6] }')"

    same "nobody listens" refused "$(codes 192.168.10.10 2525)"
    same "no way" unreachable "$(codes 192.168.99.99 --timeout 1)"
    lab_spawn isp mute nc.openbsd -lk 198.51.100.10 2525
    lab_wait 5 "nc" lab_listens isp 2525
    same "a silent server" timeout "$(codes 198.51.100.10 2525 --timeout 0.3)"
    # shellcheck disable=SC2016
    lab_spawn isp drip bash -c 'while printf 2; do sleep 0.1; done | nc.openbsd -l 198.51.100.10 2526'
    lab_wait 5 "nc" lab_listens isp 2526
    same "a dripping server" timeout "$(codes 198.51.100.10 2526 --timeout 0.5)"
    lab_kill mute STOP
    check "a stopped program is alive" lab_alive mute
    lab_kill mute KILL
    check "a killed one is not" lab_gone mute
}

# ---- an open relay, with and without a way out ----

relay_opens() {
    lab_kill postfix-mail
    check "Postfix has stopped" test -z "$(lab_in mail ss -Hltn)"
    lab_open_relay mail mx.example.org example.org
    same "an open relay takes foreign recipients" "220 250 250 250 354 250 221" \
        "$(codes 192.168.10.10 --rcpt gone@foreign.example)"
    lab_wait 10 "the mail to be discarded" grep -q 'to=<gone@foreign.example>.*postfix/discard\|discard.*to=<gone@' \
        "$LAB_DIR/log/postfix-mail.log"
    lab_kill postfix-mail
    lab_postfix mail mx.example.org example.org 'mynetworks = 0.0.0.0/0 [::]/0' 'relayhost = [198.51.100.10]'
    same "another takes them too" "220 250 250 250 354 250 221" "$(codes 192.168.10.10 --rcpt sent@foreign.example)"
    lab_wait 10 "the mail to leave through the ISP" grep -rq '^X-Rcpt-Args: <sent@foreign.example>' "$LAB_DIR/sink-isp-25"
    check "Postfix has nothing to warn of" test -z "$(grep -E 'warning|fatal|panic' "$LAB_DIR/log/postfix-mail.log")"
}

# ---- the other servers ----

other_servers() {
    local server

    lab_kill postfix-mail
    for server in exim opensmtpd; do
        lab_need_peer "$server"
        "lab_$server" mail mx.example.org example.org example.net
        same "$server: each recipient gets a mail, a foreign one is refused" "220 250 250 250 250 550 354 250 221" \
            "$(codes 192.168.10.10 --rcpt "one.$server@example.org" --rcpt "two.$server@example.net" --rcpt x@foreign.example)"
        lab_wait 10 "the first" lab_arrived mail "one.$server@example.org"
        lab_wait 10 "the second" lab_arrived mail "two.$server@example.net"
        same "$server over IPv6: our host name is ours" "220 250 250 250 354 250 221" \
            "$(codes fd00:25:10::10 --rcpt "$server@mx.example.org")"
        lab_wait 10 "its mail" lab_arrived mail "$server@mx.example.org"
        lab_kill "$server-mail"
        lab_open_relay "$server" mail mx.example.org example.org
        same "$server as an open relay" "220 250 250 250 250 354 250 221" \
            "$(codes 192.168.10.10 --rcpt "gone@foreign.example" --rcpt "here.$server@example.org")"
        lab_wait 10 "the good one's mail" lab_arrived mail "here.$server@example.org"
        check "$server keeps nothing for the foreign one" test -z "$(lab_mails mail gone@foreign.example)"
        lab_kill "$server-mail"
    done
}

# ---- labs beside each other, and their ends ----

# A test of its own, in its own process: builds a lab, passes a mail, and ends as told.
write_inner_test() {
    cat >"$1" <<-EOT
	set -eu
	. "$LAB_HOME/lab.sh"
	lab_up
	lab_postfix mail mx.example.org example.org
	lab_sink isp
	lab_in isp "$SMTPC" 192.168.10.10 --rcpt \$\$@example.org >/dev/null
	lab_wait 10 "the mail" lab_arrived mail \$\$@example.org
	[[ \$(ls "\$LAB_DIR/mail-mail") == \$\$@example.org ]] || lab_fail "somebody else's mail is here"
	record() {
	    lab_pids | sed 's|.*|/proc/&/stat|' | xargs cat 2>/dev/null | awk '{ print \$1, \$22 }' >"$1.pids"
	}
	record
	echo "\$LAB_DIR" >"$1.dir"
	$2
	EOT
}

# inner NAME ENDING - starts one, in the background; INNER is its process.
inner() {
    write_inner_test "$LAB_DIR/$1" "$2"
    bash "$LAB_DIR/$1" >"$LAB_DIR/log/$1.log" 2>&1 &
    INNER=$!
}

# nothing_left PID NAME - no namespace, no directory, no watcher, no process (number and start) of that process's lab.
nothing_left() {
    ! ip netns list | grep -q "^pt$1-" && [[ ! -e $(<"$LAB_DIR/$2.dir") ]] && ! pgrep -f "lab.sh watch $1 " &&
        ! cat /proc/[0-9]*/stat 2>/dev/null | awk '$3 != "Z" { print $1, $22 }' | grep -Fxf "$LAB_DIR/$2.pids"
}

# ends NAME STATUS [SIGNAL] - waits for the inner test, kills it on the way if told so, and looks for what it left.
ends() {
    local name=$1 wanted=$2 signal=${3:-} status=0

    if [[ -n $signal ]]; then
        lab_wait 20 "lab $name" test -s "$LAB_DIR/$name.dir"
        kill -s "$signal" "$INNER"
    fi
    wait "$INNER" 2>/dev/null || status=$?
    same "exit code of the test that $name" "$wanted" "$status"
    check "it had a lab" test "$(wc -l <"$LAB_DIR/$name.pids")" -gt 5
    lab_wait 10 "everything of the test that $name to vanish" nothing_left "$INNER" "$name"
    echo "ok: the test that $name leaves nothing"
}

labs_end() {
    local first

    inner passes true
    first=$INNER
    inner passes-beside-it true
    wait "$first" || lab_fail "one of two labs at the same time failed"
    ends passes-beside-it 0
    lab_wait 10 "everything of the first test to vanish" nothing_left "$first" passes
    inner fails 'lab_spawn lan stubborn bash -c "trap : TERM; while :; do sleep 0.1; done"; record; false'
    ends fails 1
    inner waits-in-vain 'lab_wait 1 "what never comes" false'
    ends waits-in-vain 1
    check "and says so" grep -q '^FAILED: waited 1 s for: what never comes' "$LAB_DIR/log/waits-in-vain.log"
    check "with the logs" grep -q 'postfix/smtpd' "$LAB_DIR/log/waits-in-vain.log"
    inner is-terminated 'while :; do sleep 0.1; done'
    ends is-terminated 143 TERM
    inner is-killed 'sleep 30'
    ends is-killed 137 KILL
    inner goes-down-twice 'lab_down; lab_down; lab_up; lab_down'
    ends goes-down-twice 0
}

# ---- the runner ----

runner_reports() {
    local dir=$LAB_DIR/runner output status=0

    mkdir "$dir"
    echo 'true' >"$dir/test_good.sh"
    echo 'echo some words; false' >"$dir/test_bad.sh"
    echo 'echo "SKIPPED: no moon"; exit 77' >"$dir/test_moon.sh"
    cat >"$dir/test_hang.sh" <<-EOT
	# time-limit: 3
	. "$LAB_HOME/lab.sh"
	lab_up
	echo "\$LAB_DIR" >"\$0.dir"
	while :; do sleep 0.1; done
	EOT
    sed 's/^while.*/kill -KILL $$/' "$dir/test_hang.sh" >"$dir/test_dies.sh"
    output=$("$LAB_HOME/run.sh" "$dir"/test_{good,bad,moon,hang,dies}.sh lunatic) || status=$?
    echo "$output"
    same "the runner's exit code" 1 "$status"
    same "its last line" "1 passed, 4 failed, 1 skipped" "$(tail -n 1 <<<"$output")"
    check "it names the reason of a skip" grep -q '^SKIPPED test_moon (.* s): no moon$' <<<"$output"
    check "it shows the log of a failure" grep -q '^    | some words$' <<<"$output"
    check "it stops what hangs" grep -q '^FAIL    test_hang (.* s): stopped after its 3 s' <<<"$output"
    check "it tells that a test was killed" grep -q '^FAIL    test_dies (.* s): killed' <<<"$output"
    check "nothing of the one is left" test ! -e "$(<"$dir/test_hang.sh.dir")"
    check "nor of the other" test ! -e "$(<"$dir/test_dies.sh.dir")"
    check "nor of the runner" test ! -e "$(dirname "$(<"$dir/test_hang.sh.dir")")"

    cp -r "$LAB_HOME" "$LAB_DIR/runner/netns"       # the tree itself may lie in a folder that only its owner enters
    chmod -R go+rX "$LAB_DIR/runner"
    output=$(setpriv --reuid=nobody --regid=nogroup --clear-groups bash "$LAB_DIR/runner/netns/run.sh" lab)
    same "without root nothing passes" "0 passed, 0 failed, 1 skipped" "$(tail -n 1 <<<"$output")"
    check "and it says so" grep -q '^NOT ROOT' <<<"$output"
}

# ---- the host ----

host_sees_nothing() {
    check "the host has none of our interfaces" test -z "$(ip -o link show | grep -E '(isp|str|mail|lan)0@')"
    check "the host cannot reach the lab" test -z "$(ip -o addr show to 198.51.100.0/24; ip route show 198.51.100.0/24)"
}

check "every address can be used at once" test -z "$(for host in gw isp stranger mail lan; do
    lab_in "$host" ip -o addr show tentative; done)"
host_sees_nothing
mail_flows
peers_are_apart
client_is_raw
relay_opens
other_servers
labs_end
runner_reports
