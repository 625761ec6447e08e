#!/bin/bash
# test_confirm.sh - a real open relay behind the gateway: the relayed mail is seen leaving (by content, and under TLS by
# the host it goes to), a mail that comes back is told as bounced, and names that are not the client's own are told.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq openssl

# outcome ID RECIPIENT - severity and outcome of the alert about it, and what its last line of evidence ends with.
outcome() {
    postern_wait_record 20 ".alert.signature_id == $1 and (.finding.outcome | IN(\"confirmed\", \"bounced\")) and
        .smtp.rcpt_to == [\"$2\"]"
    postern_records ".alert.signature_id == $1 and .smtp.rcpt_to == [\"$2\"] and (.finding.outcome | IN(\"confirmed\", \"bounced\"))" |
        head -1 | jq -r '"\(.src_ip) \(.alert.severity) \(.finding.outcome) \(.finding.evidence[0] | sub(".*: "; ""))"'
}

printf 'Message-ID: <one@stranger.example>\nSubject: x\n\nx\n' >"$LAB_DIR/with-id"
printf 'Subject: x\n\nx\n' >"$LAB_DIR/without-id"

# The relay takes everything from everybody and sends what is not its own to the ISP.
lab_postfix mail mx.example.org example.org 'mynetworks = 0.0.0.0/0 [::]/0' 'relayhost = [198.51.100.10]' \
    'default_transport = smtp' 'smtp_tls_security_level = may' 'minimal_backoff_time = 5s'
lab_sink isp
# Monitor mode refuses nothing. Each kind has a source of its own, else they are one incident.
postern_conf "mode = monitor"
postern_start
for n in 1 2 3 4; do
    lab_in stranger ip addr add "203.0.113.7$n/24" dev eth0
done

same "the relay takes a foreign recipient" "220 250 250 250 354 250 221" \
    "$(codes_from stranger 192.168.10.10 --data "$LAB_DIR/with-id" --rcpt v@foreign.test)"
same "by its Message-ID" "203.0.113.66 1 confirmed same Message-ID" "$(outcome 1025102 '<v@foreign.test>')"
codes_from stranger 192.168.10.10 --source 203.0.113.71 --data "$LAB_DIR/without-id" --rcpt w@foreign.test >/dev/null
check "without one, Postfix makes none for a stranger's mail, so by its envelope" test \
    "203.0.113.71 1 confirmed same sender and recipient" = "$(outcome 1025102 '<w@foreign.test>')"
codes_from stranger 192.168.10.10 --source 203.0.113.72 --data "$LAB_DIR/without-id" --rcpt 'p%foreign.test@mx.example.org' >/dev/null
same "a percent form that Postfix undoes" "203.0.113.72 1 confirmed same sender and recipient" \
    "$(outcome 1025102 '<p%foreign.test@mx.example.org>')"

# Names: the stranger says it is we who write.
codes_from stranger 192.168.10.10 --source 203.0.113.73 --helo mx.example.org --from boss@example.org --rcpt me@example.org >/dev/null
postern_wait_record 10 '.alert.signature_id == 1025120 and .src_ip == "203.0.113.73"'
postern_wait_record 10 '.alert.signature_id == 1025122 and .src_ip == "203.0.113.73"'
same "nobody else forges names" "203.0.113.73" \
    "$(postern_records '.alert.signature_id == 1025120 or .alert.signature_id == 1025122' | jq -r .src_ip | sort -u)"

# The next hop refuses: the mail comes back.
lab_kill sink-isp-25
lab_postfix isp mx.isp.example isp.example
codes_from stranger 192.168.10.10 --source 203.0.113.74 --from a@isp.example --rcpt b@foreign.test >/dev/null
same "what comes back was not relayed" "203.0.113.74 3 bounced the server sends it back, it was not relayed" \
    "$(outcome 1025100 '<b@foreign.test>')"
lab_kill postfix-isp

# The way out is encrypted.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.foreign.test -keyout "$LAB_DIR/key.pem" \
    -out "$LAB_DIR/cert.pem" 2>/dev/null
lab_postfix isp mx.foreign.test foreign.test smtpd_tls_security_level=may "smtpd_tls_cert_file=$LAB_DIR/cert.pem" \
    "smtpd_tls_key_file=$LAB_DIR/key.pem"
codes_from lan 192.168.10.10 --rcpt inside@foreign.test >/dev/null
lab_wait 10 "the host's mail" lab_arrived isp inside@foreign.test
same "a client of ours may relay: nothing is confirmed about it" "" \
    "$(postern_records '.alert.signature_id == 1025102 and .src_ip == "192.168.20.20"')"
lab_in stranger ip addr add 203.0.113.75/24 dev eth0
codes_from stranger 192.168.10.10 --source 203.0.113.75 --rcpt t@foreign.test >/dev/null
same "under TLS by the host it goes to" "203.0.113.75 2 confirmed encrypted, to the host mx.foreign.test" \
    "$(outcome 1025102 '<t@foreign.test>')"
lab_wait 10 "the stranger's mail there" lab_arrived isp t@foreign.test

postern_stop
postern_replays 12
