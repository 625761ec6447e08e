#!/bin/bash
# test_matrix.sh - real clients and real servers with Postern between them in enforce mode: swaks, smtp-source, msmtp, Python's
# smtplib and smtpc.py to Postfix, Exim and OpenSMTPD, over IPv4 and IPv6; together, BDAT, STARTTLS, AUTH, hundreds of mails on one
# connection, 50 MB beside small ones, all that again while posternd is killed. Every mail arrives once and unchanged, and the records
# tell of each.
# FULL=1: 2,000 mails on the one connection.
# time-limit: 600
# lean: servers and clients, not more of our code than the other tests reach

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3 swaks nc.openbsd msmtp openssl
SERVERS=${SERVERS:-postfix exim opensmtpd}
for server in $SERVERS; do
    lab_need_peer "$server"
done

MANY=${FULL:+2000}
MANY=${MANY:-500}
declare -A mx=([4]=192.168.10.10 [6]=fd00:25:10::10) source=([4]=192.168.10.10:25 [6]='[fd00:25:10::10]:25')
declare -A expected=()          # of the server at hand: recipient, and how many mails
clear=0 connections=0 tls=0     # of the server at hand: mails sent in clear, connections, of each TLS version

# ---- what is sent ----

cert=$LAB_DIR/cert.pem key=$LAB_DIR/key.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.org -keyout "$key" -out "$cert" 2>/dev/null
fingerprint=$(openssl x509 -in "$cert" -noout -fingerprint -sha256 | sed 's/.*=//')
chmod 640 "$key"

python3 - "$LAB_DIR" <<'EOT'
import random, sys
random.seed(25)
head = "X-Sample: {0}\nFrom: sender@isp.example\nTo: somebody@example.org\nDate: Sat, 21 Nov 2026 12:00:00 +0000\n" \
       "Message-ID: <{0}@isp.example>\nSubject: {0}\n\n"
block = "".join(random.choice((".", "..", "", "MAIL FROM:<a@b>", "RCPT TO:<x@foreign.test>")) +
                "".join(random.choices("abc .<>@QUIT", k=random.randrange(900))) + "\n" for _ in range(200))
for name, size in (("small", 3000), ("big", 50_000_000)):
    with open(f"{sys.argv[1]}/{name}.eml", "w") as out:
        out.write(head.format(name))
        for at in range(0, size, len(block)):
            out.write(block[:size - at])
        out.write("\n")
EOT

declare -A sum=() lines=()
for name in small big; do
    lines[$name]=$(wc -l <"$LAB_DIR/$name.eml")
    sum[$name]=$(sha256sum <"$LAB_DIR/$name.eml")
done

# smtplib_tls12 HOST RECIPIENT - as a program of Python's, with TLS 1.2 at most and the certificate checked.
cat >"$LAB_DIR/smtplib_tls12" <<'EOT'
import smtplib, ssl, sys
host, recipient, cert, mail = sys.argv[1:]
context = ssl.create_default_context(cafile=cert)
context.check_hostname = False
context.maximum_version = ssl.TLSVersion.TLSv1_2
with smtplib.SMTP(host, 25, "smtplib.example", timeout=20) as smtp:
    smtp.starttls(context=context)
    smtp.sendmail("sender@isp.example", recipient, open(mail, "rb").read())
EOT

# sends WHAT RECIPIENT CMD... - a mail in clear on a connection of its own, from the ISP.
sends() {
    expected[$2]=1
    clear=$((clear + 1)) connections=$((connections + 1))
    check "$server, $1" quiet lab_in isp "${@:3}"
}

# sends_tls WHAT RECIPIENT CMD... - the same under TLS.
sends_tls() {
    expected[$2]=1
    connections=$((connections + 1))
    check "$server, $1" quiet lab_in isp "${@:3}"
}

# smtpc_accepts CODES ARGUMENT... - smtpc.py gets exactly these codes.
smtpc_accepts() {
    local got

    got=$("$SMTPC" "${@:2}" | jq -r '.code // .error' | xargs)
    [[ $got == "$1" ]] || { echo "wanted $1, got $got" && return 1; }
}
export -f smtpc_accepts
export SMTPC

# ---- the servers ----

start_server() {
    case $server in
    postfix)
        lab_postfix mail mx.example.org example.org "smtpd_tls_security_level=may" "smtpd_tls_cert_file=$cert" \
            "smtpd_tls_key_file=$key" smtpd_error_sleep_time=1s
        ;;
    exim)
        lab_peer mail exim chgrp Debian-exim "$key"
        lab_exim mail mx.example.org example.org "tls_advertise_hosts=*" "tls_certificate=$cert" "tls_privatekey=$key" \
            "auth_advertise_hosts=*" smtp_accept_queue_per_connection=0 smtp_accept_max_per_connection=0
        ;;
    opensmtpd)
        lab_opensmtpd mail mx.example.org example.org "pki lab cert \"$cert\"" "pki lab key \"$key\"" 'listen tls pki lab' \
            'smtp limit max-mails 5000'
        ;;
    esac
}

# knows_tls - tells whether a handshake with the server succeeds on its own host. The OpenSMTPD of Debian 12 was written
# for an OpenSSL before 3, and ends each in "EVP lib".
knows_tls() {
    lab_in mail timeout 10 openssl s_client -tls1_2 -starttls smtp -connect "${source[4]}" <<<QUIT >/dev/null 2>&1
}

# ---- each client ----

one_each() { # 4|6
    local v=$1 to=$server$1 codes="220 250 250 250 354 250 221"

    # swaks knows IPv6 by another Perl module alone; netcat does too.
    sends "swaks over IPv$v" "swaks.$to@example.org" swaks --silent 2 --pipe "nc.openbsd ${mx[$v]} 25" --helo swaks.example \
        --from sender@isp.example --to "swaks.$to@example.org" --data "@$LAB_DIR/small.eml"
    sends "msmtp over IPv$v" "msmtp.$to@example.org" sh -c 'msmtp --host="$1" --domain=msmtp.example --from=sender@isp.example "$2" <"$3"' \
        sh "${mx[$v]}" "msmtp.$to@example.org" "$LAB_DIR/small.eml"
    sends "smtpc.py over IPv$v" "smtpc.$to@example.org" bash -c 'smtpc_accepts "$@"' bash "$codes" "${mx[$v]}" \
        --rcpt "smtpc.$to@example.org" --data "$LAB_DIR/small.eml"
    if [[ $server != opensmtpd ]]; then # which knows neither
        sends "together over IPv$v" "together.$to@example.org" bash -c 'smtpc_accepts "$@"' bash "$codes" "${mx[$v]}" --pipeline \
            --rcpt "together.$to@example.org" --data "$LAB_DIR/small.eml"
        sends "BDAT over IPv$v" "bdat.$to@example.org" bash -c 'smtpc_accepts "$@"' bash "220 250 250 250 250 250 250 250 221" \
            "${mx[$v]}" --bdat 1000 --rcpt "bdat.$to@example.org" --data "$LAB_DIR/small.eml"
    fi
    expected[source.$to@example.org]=10
    clear=$((clear + 10)) connections=$((connections + 10))
    check "$server, smtp-source over IPv$v" quiet lab_peer isp postfix smtp-source -s 3 -m 10 -l 3000 -f sender@isp.example \
        -t "source.$to@example.org" "${source[$v]}"
}

under_tls() { # 4|6
    local v=$1 to=$server$1

    sends_tls "msmtp under TLS, the server's own certificate, over IPv$v" "tls13.$to@example.org" sh -c \
        'msmtp --host="$1" --domain=msmtp.example --from=sender@isp.example --tls=on --tls-fingerprint="$4" \
            --tls-host-override=mx.example.org "$2" <"$3"' \
        sh "${mx[$v]}" "tls13.$to@example.org" "$LAB_DIR/small.eml" "$fingerprint"
    sends_tls "smtplib under TLS 1.2 over IPv$v" "tls12.$to@example.org" python3 "$LAB_DIR/smtplib_tls12" "${mx[$v]}" \
        "tls12.$to@example.org" "$cert" "$LAB_DIR/small.eml"
}

# AUTH is read in clear; who has been authenticated may relay. Only Exim offers it so without a service of its own.
authenticated() {
    local plain

    plain=$(printf '\0user\0secret' | base64)
    connections=$((connections + 2)) clear=$((clear + 1))
    check "exim, AUTH, and a foreign recipient" quiet lab_in isp bash -c 'smtpc_accepts "$@"' bash "220 250 235 250 250 250 354 250 221" \
        192.168.10.10 --say "AUTH PLAIN $plain" --rcpt auth.exim@example.org --rcpt auth@foreign.test
    expected[auth.exim@example.org]=1
    check "exim, a wrong password, and a foreign recipient" quiet lab_in isp bash -c 'smtpc_accepts "$@"' bash "220 250 535 250 550 221" \
        192.168.10.10 --say "AUTH PLAIN $(printf '\0user\0wrong' | base64)" --rcpt noauth@foreign.test
}

# Two of 50 MB, one over each family, small ones at the same time, then many on one connection.
crowded() {
    local v pids=()

    for v in 4 6; do
        expected[big.$server$v@example.org]=1
        lab_in isp "$SMTPC" "${mx[$v]}" --timeout 60 --rcpt "big.$server$v@example.org" --data "$LAB_DIR/big.eml" \
            >"$LAB_DIR/big$v.out" &
        pids+=($!)
    done
    expected[beside.$server@example.org]=50
    clear=$((clear + 52)) connections=$((connections + 52))
    check "$server, 50 small mails beside 2 of 50 MB" quiet lab_peer isp postfix smtp-source -s 4 -m 50 -l 3000 -f sender@isp.example \
        -t "beside.$server@example.org" "${source[4]}"
    for v in 4 6; do
        wait "${pids[$((v / 2 - 2))]}" || lab_fail "$server, 50 MB over IPv$v: $(tail -n 1 "$LAB_DIR/big$v.out")"
    done
    expected[many.$server@example.org]=$MANY
    clear=$((clear + MANY)) connections=$((connections + 1))
    check "$server, $MANY mails on one connection" quiet lab_peer isp postfix smtp-source -d -m "$MANY" -l 1000 -f sender@isp.example \
        -t "many.$server@example.org" "${source[6]}"
}

# The same while posternd is killed, restarted and killed again: with fail = open every mail arrives once and unchanged.
disturbed() {
    local v pids=() signal before

    for v in 4 6; do
        expected[big.disturbed$v@example.org]=1
        lab_in isp "$SMTPC" "${mx[$v]}" --timeout 60 --rcpt "big.disturbed$v@example.org" --data "$LAB_DIR/big.eml" >"$LAB_DIR/disturbed$v.out" &
        pids+=($!)
        expected[many.disturbed$v@example.org]=$MANY
        lab_peer isp postfix smtp-source -d -m "$MANY" -l 1000 -f sender@isp.example -t "many.disturbed$v@example.org" \
            "${source[$v]}" >"$LAB_DIR/log/disturbed$v.log" 2>&1 &
        pids+=($!)
    done
    for signal in KILL TERM KILL; do
        before=$(postern_counter queued)
        lab_wait 20 "traffic before SIG$signal" has_queued $((before + 200))
        kill "-$signal" "$POSTERN_PID"
        wait "$POSTERN_PID" 2>/dev/null || true # bash would remark that it was killed
        postern_start
    done
    for v in "${!pids[@]}"; do
        wait "${pids[$v]}" || lab_fail "$server, disturbed: a sender failed: $(tail -n 1 "$LAB_DIR"/disturbed*.out)"
    done
    echo "ok: $server, $MANY mails on each of two connections and 2 of 50 MB, with posternd killed, ended and killed"
}

has_queued() {
    [[ $(postern_counter queued) -ge $1 ]]
}

# ---- what has become of it ----

arrived_all() {
    local recipient

    for recipient in "${!expected[@]}"; do
        lab_arrived mail "$recipient" "${expected[$recipient]}" || return
    done
}

# body FILE LINES - the mail as its sender wrote it, behind the headers of its way, and what follows so many lines of it:
# swaks and smtplib send an empty line more.
body() {
    sed -n '/^X-Sample: /,$p' "$1" | tr -d '\r' | {
        head -n "$2" | sha256sum
        cat
    }
}

deliveries() {
    local recipient total=0 sample

    lab_wait 60 "all mails at $server" arrived_all
    for recipient in "${!expected[@]}"; do
        total=$((total + expected[$recipient]))
        case $recipient in
        big.*) sample=big ;;
        source.* | beside.* | many.* | auth.*) continue ;;
        *) sample=small ;;
        esac
        same "$recipient has what was sent" "${sum[$sample]}" "$(body "$(lab_mails mail "$recipient")" "${lines[$sample]}")"
    done
    same "$server: no mail more" "$total" "$(find "$LAB_DIR/mail-mail" -path '*/new/*' -type f | wc -l)"
}

# records FILTER - counts them.
records() {
    postern_records "$1" | wc -l
}

# What the records tell, when posternd has left: a connection that a client resets at its end, as smtp-source does, is
# kept in sight for minutes else.
told() {
    local flow='.event_type == "flow"' mail='.event_type == "smtp" and .smtp.end == "completed" and .smtp.reply == 250'

    same "$server: a flow record for each connection" "$connections" "$(records "$flow")"
    same "$server: a record for each mail in clear" "$clear" "$(records "$mail")"
    same "$server: one of $MANY mails on a connection" 1 "$(records "$flow and .flow.transactions == $MANY")"
    same "$server: TLS 1.3 for msmtp, 1.2 for smtplib" "$tls $tls" \
        "$(records "$flow and .flow.tls.version == \"TLS 1.3\" and .flow.tls.sni == \"mx.example.org\"") $(records "$flow and .flow.tls.version == \"TLS 1.2\"")"
    same "$server: two sent together, two by BDAT" "$([[ $server == opensmtpd ]] && echo 0 0 || echo 2 2)" \
        "$(records "$mail and .smtp.pipelined") $(records "$mail and .smtp.bdat")"
    same "$server: no finding but of who has no right to relay, and of what is said in clear" "$([[ $server != exim ]] || echo 1 1025100)" \
        "$(postern_records '.event_type == "alert" and .src_ip and .incident.rule_count == 1 and .incident.state != "closed" and (.alert.signature_id | . < 1025412 or . > 1025415)' | jq -r '.alert.signature_id' | sort | uniq -c | xargs)"
    [[ $server != exim ]] || same "exim: who has proven who he is, and who has not" "1 1" \
        "$(records '.smtp.auth.result == "accepted"') $(records '.smtp.auth.result == "refused"')"
    same "$server: nothing passed blind" 0 "$(postern_counter blind)"
    same "$server: what was queued was inspected" "$(postern_counter queued)" "$(postern_counter inspected)"
    same "$server: no event and no record was lost" "" \
        "$(grep -E 'lost: [^0]|lost: 0 events, [^0]' "$LAB_DIR/log/posternd.log" || true)"
}

postern_conf
for server in $SERVERS; do
    expected=() clear=0 connections=0
    start_server
    postern_start
    one_each 4
    one_each 6
    tls=0
    if knows_tls; then
        under_tls 4
        under_tls 6
        tls=2
    else
        echo "NOT TESTED: $server fails at TLS by itself"
    fi
    [[ $server != exim ]] || authenticated
    crowded
    deliveries
    same "$server: the kernel dropped nothing" "0 0" "$(postern_kernel_dropped)"
    postern_stop
    told
    mv "$LAB_DIR/eve.json" "$LAB_DIR/eve-$server.json"
    rm -rf "$LAB_DIR/mail-mail"/*
    expected=()
    postern_start
    disturbed
    deliveries
    postern_stop
    check "the next server's counters begin at 0" quiet lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf"
    lab_kill "$server-mail"
    rm -rf "$LAB_DIR/mail-mail" "$LAB_DIR/eve.json"
done
