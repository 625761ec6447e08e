#!/bin/bash
# test_upstreams.sh - an upstream that is followed through the DNS: nsd with a signed zone, unbound in front of it, and
# what becomes of the rules when hosts move, servers die, zones are emptied, signatures are wrong or stripped.
#
# Names are asked again after a second, and the grace is three: what is waited for is always that something is said or
# done, never that a time has passed.
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
dns_need ldns

LOG=$LAB_DIR/log/posternd.log
NSD=203.0.113.66 UNBOUND=192.168.20.20
delivered="220 250 221" refused="refused"
mkdir "$LAB_DIR/state"
export STATE_DIRECTORY=$LAB_DIR/state

# ---- DNS ----

read -ra ldns <<<"$(tree ldns)/bin/ldns-"
ldns() { # PROGRAM ARGUMENT...
    (cd "$LAB_DIR/dns" && "${ldns[@]:0:2}" "${ldns[2]}$1" "${@:2}")
}
KEY=$(ldns keygen -a ECDSAP256SHA256 -k -r /dev/urandom example.org)
OTHER=$(ldns keygen -a ECDSAP256SHA256 -k -r /dev/urandom example.org)
cp "$LAB_DIR/dns/$KEY.ds" "$LAB_DIR/anchor"

# zone LINE... - the zone now has these records; KEY signs it
zone() {
    { dns_soa example.org "$NSD" && printf '%s\n' "$@"; } >"$LAB_DIR/dns/plain"
    ldns signzone -o example.org -f signed.new plain "$KEY"
    mv "$LAB_DIR/dns/signed.new" "$LAB_DIR/dns/signed"
    dns_reload
}
dns_conf $NSD $UNBOUND "validator iterator" example.org signed

# ---- who may deliver ----

try() { # HOST
    codes_from "$1" 192.168.10.10
}

becomes() { # CODES HOST
    [[ $(try "$2") == "$1" ]]
}

told() { # N PATTERN - so often since the daemon has started
    [[ $(grep -cE "$2" "$LOG") -ge $1 ]]
}

conf() { # DNS-KEYS...
    postern_conf 'upstream "isp" { mx-of = { "example.org" } grace = 3s }' \
        "dns { server = { \"$UNBOUND\" } trust-anchor = \"$LAB_DIR/anchor\" refresh = 1s $* }"
}

isp='mx IN A 198.51.100.10'
lab_sink mail
conf

# ---- nothing is known ----

zone '@ IN MX 10 mx' "$isp"
postern_start
said 'upstream isp, mx-of example.org: never resolved, its rules are NOT ENFORCED'
same "an upstream that never resolved: its mail comes in" "$delivered" "$(try isp)"
same "and so does that of others" "$delivered" "$(try stranger)"
check "status says so" grep -q 'NOT ENFORCED' <(postern_ask status || true)
check "and so does postern upstreams" grep -q '^isp, mx-of example.org: unresolved: its rules are NOT ENFORCED' \
    <(postern_ask upstreams)

# ---- it resolves ----

dns_nsd_start
dns_unbound_start
lab_wait 60 "the upstream to be known" told 1 'upstream isp is known: 1 addresses'
lab_wait 10 "others to be refused" becomes "$refused" stranger
same "what resolved may deliver" "$delivered" "$(try isp)"
lab_wait 10 "it to be kept as validated" grep -q '^address 198.51.100.10 .* secure mx.example.org$' "$LAB_DIR/state/upstreams"
postern_rules_stand
check "postern upstreams shows it" grep -qE '^isp, mx-of example.org: 198.51.100.10 \(mx.example.org\), in DNS, secure, TTL' \
    <(postern_ask upstreams)

# ---- it moves ----

zone '@ IN MX 10 mx' '@ IN MX 20 mx2' 'mx IN A 203.0.113.66'
lab_wait 30 "the new host" told 1 '1 added \(203.0.113.66\).* 1 left DNS \(198.51.100.10\)'
lab_wait 10 "the new host to deliver" becomes "$delivered" stranger
mkfifo "$LAB_DIR/talk"
lab_spawn isp talk sh -c "nc.openbsd 192.168.10.10 25 <'$LAB_DIR/talk' >'$LAB_DIR/talked'"
exec 8>"$LAB_DIR/talk"
lab_wait 10 "a connection of the old one" grep -q ^220 "$LAB_DIR/talked"
said 'the grace of 1 addresses that had left DNS is over'
lab_wait 10 "the old one to be refused" becomes "$refused" isp
printf 'NOOP\r\nQUIT\r\n' >&8
exec 8>&-
lab_wait 10 "the open connection to go on" grep -q ^221 "$LAB_DIR/talked"
zone '@ IN MX 10 mx' "$isp"
lab_wait 30 "it to come back" becomes "$delivered" isp

# ---- the kernel does not take it ----

lab_wait 30 "the other's grace to be over: what leaves here must not come back as if it had never left" becomes "$refused" stranger
postern_stop
"${CC:-cc}" -D_GNU_SOURCE -Wall -Werror -shared -fPIC -o "$LAB_DIR/lacks.so" "$LAB_HOME/lacks.c" -ldl
LD_PRELOAD="$LAB_DIR/lacks.so" LACKS="batches:$LAB_DIR/lost" postern_start
touch "$LAB_DIR/lost"
zone '@ IN MX 10 mx' "$isp" 'mx IN A 203.0.113.66'
lab_wait 30 "it to be said, and tried again" told 2 'NOT IN FORCE: the rules cannot be changed'
check "status says it" grep -q 'WRONG .*NOT IN FORCE' <(postern_ask status || true)
same "the new one cannot deliver" "$refused" "$(try stranger)"
rm "$LAB_DIR/lost"
lab_wait 60 "it to be in force by itself" told 1 'the addresses of upstreams are in force'
same "the new one delivers" "$delivered" "$(try stranger)"
same "nothing is NOT IN FORCE any more" "" "$(postern_ask status | grep 'NOT IN FORCE' || true)"
zone '@ IN MX 10 mx' "$isp"
said 'the grace of 1 addresses that had left DNS is over'
lab_wait 10 "it to be refused again" becomes "$refused" stranger

# ---- DNS fails ----

lab_kill nsd KILL
lab_wait 60 "it to be held" told 1 'HELD on the last good addresses'
lab_wait 10 "the other's grace to be over" becomes "$refused" stranger
postern_stop
postern_start
same "the last good addresses survive a restart without DNS" "$delivered" "$(try isp)"
same "and enforce" "$refused" "$(try stranger)"
same "nothing is NOT ENFORCED" "" "$(grep 'NOT ENFORCED' "$LOG" || true)"
zone 'mx IN A 203.0.113.66'
dns_nsd_start
lab_wait 60 "the emptied zone" told 1 'HELD on the last good addresses: example.org has no MX'
zone '@ IN MX 0 .'
lab_wait 60 "null MX" told 1 'HELD on .* takes no mail \(null MX\)'
zone '@ IN MX 10 mx' 'mx IN A 192.168.10.10'
lab_wait 60 "the private address" told 1 'HELD on .*192.168.10.10 of mx.example.org is a private address'
same "nothing of that has taken the addresses away" "$delivered" "$(try isp)"
zone '@ IN MX 10 mx' "$isp"
lab_wait 60 "it to be good again" told 1 'the DNS answers again'
GOOD=$KEY KEY=$OTHER
zone '@ IN MX 10 mx' 'mx IN A 203.0.113.66'
lab_wait 60 "the wrong signature" told 1 'HELD on .*: bogus'
same "bogus answers are not taken" "$refused" "$(try stranger)"
KEY=$GOOD
zone '@ IN MX 10 mx' "$isp"
if [[ -n ${FULL:-} ]]; then # unbound, and the library, forget a bad key after a minute, whatever they are told
    lab_wait 90 "it to be good again" told 2 'the DNS answers again'
fi
postern_stop
lab_kill unbound
dns_unbound_start
check "1025511 tells it, worse where something is missing" quiet jq -se \
    '[.[] | .alert? | select(.signature_id == 1025511) | .severity] | (index(2) != null) and (index(4) != null)' "$LAB_DIR/eve.json"

# ---- resolv.conf ----

rm "$LAB_DIR/state/upstreams"
postern_conf 'upstream "isp" { hosts = { "mx.example.org" } }' "dns { trust-anchor = \"$LAB_DIR/anchor\" refresh = 1s }"
: >"$LAB_DIR/resolv.conf"
# a socket cannot be opened, not even by root
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$LAB_DIR/unreadable"
rm "$LOG"
# shellcheck disable=SC2016
lab_spawn gw posternd unshare --mount sh -c \
    'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/resolv.conf && exec "$2" -c "$3"' \
    "$LAB_DIR/resolv.conf" "$LAB_DIR/unreadable" "$BUILD/posternd" "$LAB_DIR/postern.conf"
POSTERN_PID=$LAB_PID
said 'upstreams ARE NOT FOLLOWED'
tells_deaf() {
    postern_ask status | grep -q 'WRONG .*upstreams ARE NOT FOLLOWED'
}
lab_wait 10 "status to say so, too" tells_deaf
nsenter --mount --target "$POSTERN_PID" umount /etc/resolv.conf
said 'the DNS can be asked now: upstreams are followed'
echo "nameserver $UNBOUND" >"$LAB_DIR/resolv.conf"
said '/etc/resolv.conf has changed'
lab_wait 30 "its servers to be asked" told 1 'upstream isp is known'
lab_wait 10 "that to be in force" becomes "$refused" stranger
postern_stop

# ---- a resolver that strips signatures ----

lab_in lan ip address add 192.168.20.21/24 dev eth0
lab_spawn lan strip "$LAB_HOME/strip.py" 192.168.20.21 "$UNBOUND"
UNBOUND=192.168.20.21
rm "$LAB_DIR/state/upstreams"
conf
postern_start
lab_wait 90 "it to be noticed" told 1 'the DNS servers strip DNSSEC: .*used unvalidated'
lab_wait 30 "the answers to be used" told 1 'upstream isp is known'
lab_wait 10 "them to be kept as unvalidated" grep -q '^address 198.51.100.10 .* unchecked mx.example.org$' "$LAB_DIR/state/upstreams"
lab_wait 10 "that to be in force" becomes "$refused" stranger
postern_stop
rm "$LAB_DIR/state/upstreams"
conf 'require-dnssec = yes'
postern_start
lab_wait 90 "require-dnssec to hold" told 1 'never resolved.*the DNS servers strip DNSSEC'
postern_stop
