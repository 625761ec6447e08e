#!/bin/bash
# test_dnsbl.sh - strangers are looked up in DNS lists: real zones on nsd, unbound in front of it, Postfix behind the gateway.
#
# The stranger has an address for each thing that a list can say of one. Answers are remembered for half a minute, and lists are
# tested each second; what is waited for is always that something is said or done, never that a time has passed.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3 nc.openbsd
# shellcheck source-path=SCRIPTDIR source=dns.sh
. "$(dirname "$0")/dns.sh"
dns_need

NSD=203.0.113.53 UNBOUND=192.168.20.20
taken="220 250 250 250 354 250 221"

# ---- DNS ----

for address in 203.0.113.{53,71,72,73,74,75}/24; do
    lab_in stranger ip address replace "$address" dev eth0
done
for address in 2001:db8:66::{71,72}/64; do
    lab_in stranger ip address replace "$address" dev eth0 nodad
done

# nibbles ADDRESS - as IPv6 addresses are asked for
nibbles() {
    python3 -c 'import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]).reverse_pointer[:-9])' "$1"
}

# zone NAME LINE... - the list NAME has these records
zone() {
    { dns_soa "$1" "$NSD" && printf '%s\n' "${@:2}"; } >"$LAB_DIR/dns/$1"
    dns_reload
}
fine=('2.0.0.127 IN A 127.0.0.2' "$(nibbles ::ffff:127.0.0.2) IN A 127.0.0.2")
listed=('75.113.0.203 IN A 127.0.0.2' '71.113.0.203 IN A 127.0.0.4' '71.113.0.203 IN TXT "sends \"spam\"" "; see https://bl.example.net/?ip=203.0.113.71"'
    "$(nibbles 2001:db8:66::71) IN A 127.0.0.2" '10.100.51.198 IN A 127.0.0.2')
codes=('72.113.0.203 IN A 127.0.0.4' '73.113.0.203 IN A 127.0.0.9')

dns_conf $NSD $UNBOUND iterator bl.example.net bl.example.net codes.example.net codes.example.net
zone bl.example.net "${fine[@]}" "${listed[@]}"
zone codes.example.net "${fine[0]}" "${codes[@]}"
dns_nsd_start
dns_unbound_start

# ---- Postern ----

conf() { # ACTION [LINE...]
    postern_conf 'rule "world" { from = { any } to = { mail } do = inspect }' \
        "dns { server = { \"$UNBOUND\" } trust-anchor = \"\" }" \
        "dnsbl { zones = { \"bl.example.net\", \"codes.example.net=127.0.0.8-15\" } action = $1 cache-least = 30s cache-most = 1m test = 1s timeout = 2s }" \
        "${@:2}"
}

mail() { # ADDRESS [ARGUMENT...] - the codes that a whole mail from there gets
    codes_from stranger "${MX:-192.168.10.10}" --source "$1" --rcpt alice@example.org "${@:2}"
}

list() { # ZONE FIELD - what status says of a list
    postern_ask status --json | jq -r --arg zone "$1" ".dnsbl[] | select(.zone == \$zone) | .$2"
}

is_list() { # ZONE FIELD VALUE
    [[ $(list "$1" "$2") == "$3" ]]
}

finding='.alert.signature_id == 1025601'

lab_postfix mail mx.example.org example.org
conf alert
postern_start
lab_wait 20 "both lists to be in use" is_list bl.example.net state "in use"
lab_wait 20 "both lists to be in use" is_list codes.example.net state "in use"
same "a list without IPv6 test entries is not asked about IPv6" "true false" "$(list bl.example.net ipv6) $(list codes.example.net ipv6)"

# ---- alert ----

same "a listed source: its mail is taken" "$taken" "$(mail 203.0.113.71)"
postern_wait_record 20 "$finding and .src_ip == \"203.0.113.71\""
check "the finding says list, code and reason" quiet jq -se \
    "[.[] | select($finding and .src_ip == \"203.0.113.71\") | .finding.evidence[0]] | .[0] | test(\"^bl.example.net: 127.0.0.4, sends .spam.; see https\")" \
    "$LAB_DIR/eve.json"
same "one of a code that counts" "$taken" "$(mail 203.0.113.73)"
postern_wait_record 20 "$finding and .src_ip == \"203.0.113.73\""
same "one of a code that does not" "$taken" "$(mail 203.0.113.72)"
same "one that is not listed" "$taken" "$(mail 203.0.113.74)"
MX=fd00:25:10::10
same "IPv6, listed" "$taken" "$(mail 2001:db8:66::71)"
postern_wait_record 20 "$finding and .src_ip == \"2001:db8:66::71\""
same "IPv6, not listed" "$taken" "$(mail 2001:db8:66::72)"
MX=
same "an upstream that is listed" "$taken" "$(codes_from isp 192.168.10.10 --rcpt alice@example.org)"
same "a client of ours" "$taken" "$(codes_from lan 192.168.10.10 --rcpt alice@example.org)"
answered() { # all questions have their answers
    [[ $(postern_ask status --json | jq '[.dnsbl[] | .open] | add') == 0 ]]
}
lab_wait 20 "all answers" answered
same "only strangers are asked about" "6 4" "$(list bl.example.net asked) $(list codes.example.net asked)"
same "only these are listed" "2001:db8:66::71 203.0.113.71 203.0.113.73" \
    "$(jq -r "select($finding) | .src_ip" "$LAB_DIR/eve.json" | LC_ALL=C sort -u | xargs)"
summed() { # the numbers are read each second
    [[ $(postern_ask status --json | jq '.numbers["dnsbl.listed"] == ([.dnsbl[].listed] | add)') == true ]]
}
lab_wait 20 "the numbers to be those of both lists" summed
check "postern why tells it" grep -q 'source 203.0.113.71 .* by bl.example.net, dnsbl.action = alert' <(postern_ask why 203.0.113.71)
check "the flow record has it" postern_has_record '.flow.dnsbl[0].zone == "bl.example.net" and .flow.dnsbl[0].codes == ["127.0.0.4"]'

# ---- slow ----

conf slow 'slow { hold = 1s session = 2s }'
postern_ask reload >/dev/null
lab_wait 20 "the lists to be in use again" is_list bl.example.net state "in use"
refused="220 250 250 550 221"
was_held() { # ADDRESS - a refusal that it got was held back, and it said so in the end
    : >"$LAB_DIR/eve.json"
    same "$1 is refused by us, as ever" "$refused" "$(codes_from stranger 192.168.10.10 --source "$1" --rcpt x@foreign.test)"
    postern_wait_record 10 ".event_type == \"flow\" and .src_ip == \"$1\""
    postern_has_record '.flow.held == 1 and .flow.held_ms >= 1000'
}
lab_wait 20 "a listed source to be slowed" was_held 203.0.113.71
check "postern why tells by whose word" grep -q 'source 203.0.113.71 .*: slow, by bl.example.net, dnsbl.action = slow' <(postern_ask why 203.0.113.71)
check "one that is not listed never waits" eval '! was_held 203.0.113.74'

# ---- refuse-session, in monitor mode ----

conf refuse-session 'mode = monitor'
postern_ask reload >/dev/null
lab_wait 20 "the lists to be in use again" is_list codes.example.net state "in use"
: >"$LAB_DIR/eve.json"
same "monitor mode refuses nothing" "$taken" "$(mail 203.0.113.73)" # the second time: a story is told again when it has doubled
postern_wait_record 20 "$finding"
same "it says what would be done" "allowed refuse-session" \
    "$(jq -r "select($finding) | \"\(.alert.action) \(.finding.would)\"" "$LAB_DIR/eve.json" | sort -u)"
same "nor later" "$taken" "$(mail 203.0.113.73)"

# ---- refuse-session ----

conf refuse-session
postern_ask reload >/dev/null
lab_wait 20 "the lists to be in use again" is_list bl.example.net state "in use"
turned_away() { # ADDRESS - is refused at the greeting
    [[ $(mail "$1") == 554* ]]
}
mail 203.0.113.71 >/dev/null
lab_wait 20 "a listed source to be turned away" turned_away 203.0.113.71
same "by the list's name" "554 5.7.1 Listed: bl.example.net" \
    "$(lab_in stranger "$LAB_HOME/session.py" 192.168.10.10 quit 203.0.113.71 | cut -d/ -f1 | xargs)"
MX=fd00:25:10::10
mail 2001:db8:66::71 >/dev/null
lab_wait 20 "IPv6, too" turned_away 2001:db8:66::71
same "an IPv6 source that is not listed" "$taken" "$(mail 2001:db8:66::72)"
MX=
same "a source that is not listed" "$taken" "$(mail 203.0.113.74)"
for _ in 1 2 3; do
    same "an upstream that is listed is never punished" "$taken" "$(codes_from isp 192.168.10.10 --rcpt alice@example.org)"
done
same "nobody is told to be outside of the rules" "" "$(postern_records '.alert.signature_id == 1025500')"
check "postern why tells why" grep -q 'try 203.0.113.71 .* refuse-session, by bl.example.net, dnsbl.action = refuse-session' \
    <(postern_ask why 203.0.113.71)

# ---- a session that has begun ----

mkfifo "$LAB_DIR/talk"
lab_spawn stranger talk sh -c "nc.openbsd -s 203.0.113.75 192.168.10.10 25 <'$LAB_DIR/talk' >'$LAB_DIR/talked'"
exec 8>"$LAB_DIR/talk"
lab_wait 10 "the greeting, which cannot wait for the answer" grep -q ^220 "$LAB_DIR/talked"
printf 'EHLO c\r\n' >&8
lab_wait 10 "the reply" grep -q '^250 ' "$LAB_DIR/talked"
printf 'MAIL FROM:<a@c>\r\n' >&8
lab_wait 10 "the sender to be taken" grep -q '^250 2.1.0' "$LAB_DIR/talked"
postern_wait_record 20 "$finding and .src_ip == \"203.0.113.75\"" # holds for cache-least
printf 'RCPT TO:<alice@example.org>\r\n' >&8
lab_wait 10 "the recipient to be refused" grep -q '^554 5.7.1 Listed: bl.example.net' "$LAB_DIR/talked"
printf 'DATA\r\n' >&8
lab_wait 10 "the session to be over" lab_gone talk
exec 8>&-
begun() { # mails of this client that Postfix has begun; the first recipient that it takes begins one
    grep -c "client=.*\[$1\]" "$LAB_DIR/log/postfix-mail.log"
}
same "Postfix has begun no mail of it, but those of others" "0 yes" "$(begun 203.0.113.75) $([[ $(begun 203.0.113.74) -gt 0 ]] && echo yes)"

# ---- a list dies ----

lab_kill nsd KILL
lab_wait 30 "the list to be dead" is_list bl.example.net state "DEAD, not used"
check "status says so" grep -q 'WRONG .*DNS list bl.example.net: DEAD, not used: no answer' <(postern_ask status)
for _ in 1 2 3 4 5; do
    same "mail goes on meanwhile" "$taken" "$(mail 203.0.113.74)"
done
same "nobody is asked about" 0 "$(list bl.example.net open)"
dns_nsd_start
lab_wait 60 "it to be in use again" is_list bl.example.net state "in use"
said 'DNS list bl.example.net: in use$'

# ---- a list goes mad ----

mail 203.0.113.71 >/dev/null
lab_wait 20 "the listed source to be turned away" turned_away 203.0.113.71
zone bl.example.net '* IN A 127.0.0.2'
lab_wait 30 "it to be found that it lists the world" is_list bl.example.net state "BROKEN, not used"
check "it is said" grep -q 'WRONG .*LISTS THE WORLD: 127.0.0.1 is on it' <(postern_ask status)
same "nothing of it is believed" "$taken $taken" "$(mail 203.0.113.71) $(mail 203.0.113.74)"
zone bl.example.net "${fine[@]}" "${listed[@]}"
lab_wait 60 "it to be in use again" is_list bl.example.net state "in use"
mail 203.0.113.71 >/dev/null
lab_wait 20 "the listed source to be turned away" turned_away 203.0.113.71
zone bl.example.net '* IN A 127.255.255.254'
lab_wait 30 "it to be found that it refuses us" is_list bl.example.net state "BROKEN, not used"
check "it is said" grep -q 'WRONG .*REFUSES TO ANSWER (127.255.255.254): it does not answer public DNS servers' <(postern_ask status)
same "that is no listing" "$taken $taken" "$(mail 203.0.113.71) $(mail 203.0.113.74)"
check "the records have it" postern_has_record '.alert.signature_id == 1025520 and (.finding.evidence[0] | test("bl.example.net: BROKEN"))'

# ---- another list ----

mail 203.0.113.73 >/dev/null
lab_wait 20 "one that another list names to be turned away" turned_away 203.0.113.73
conf refuse-session
sed -i 's/"bl.example.net", "codes.example.net=127.0.0.8-15"/"codes.example.net=127.0.0.4"/' "$LAB_DIR/postern.conf"
postern_ask reload >/dev/null
same "what the lists of before have said is taken back" "$taken" "$(mail 203.0.113.73)"
lab_wait 20 "it to be in use" is_list codes.example.net state "in use"
same "the codes of now count" "$taken" "$(mail 203.0.113.73)"
mail 203.0.113.72 >/dev/null
lab_wait 20 "one that it names to be turned away" turned_away 203.0.113.72

same "nothing passed blind" 0 "$(postern_counter blind)"
postern_stop
