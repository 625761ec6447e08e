#!/bin/bash
# test_reload.sh - reloads that change sets of addresses, under load: only elements change, no rule and no set is made
# anew, and no packet of an allowed pair is refused or lost, not even of one whose own prefix becomes wider or narrower.
# FULL=1: 1000 reloads in place of 200.
# time-limit: 300
# lean: how many mails pass meanwhile; `control` and `lists` reload, too

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3

LOG=$LAB_DIR/log/posternd.log
RELOADS=200
[[ -z ${FULL:-} ]] || RELOADS=1000

# Rules, chains and sets with their handles, without elements and counts: what was made anew has another handle.
handles() {
    lab_in gw nft -a -t list table inet postern 2>/dev/null | sed -E 's/packets [0-9]+ bytes [0-9]+//'
}

upstream() { # ADDRESS...
    local addresses

    addresses=$(printf '"%s", ' "$@")
    postern_conf "upstream \"isp\" { addresses = { ${addresses%, } } }"
}

count_of() { # PATTERN
    grep -cE "$1" "$LOG" || true
}

reload() {
    local before

    before=$(count_of 'is in force')
    kill -HUP "$POSTERN_PID"
    lab_wait 10 "the reload" eval "[[ \$(count_of 'is in force') -gt $before ]]"
}

# What the sets are: around the sender's address 198.51.100.10, with it, far from it, at both ends of the address space,
# many at once, neighbours without a gap.
forms() { # NUMBER
    case $(($1 % 8)) in
    0) upstream 198.51.100.10 2001:db8:25::10 ;;
    1) upstream 198.51.100.0/24 2001:db8:25::/64 ;;
    2) upstream 198.51.100.10 198.51.100.11 198.51.100.9 2001:db8:25::10 ;;
    3) upstream 198.51.0.0/16 2001:db8::/32 ::/16 ;;
    4) upstream 198.51.100.8/29 "10.$(($1 % 250)).0.0/16" 2001:db8:25::/127 ;;
    5) upstream 0.0.0.0/4 198.51.100.10 224.0.0.0/4 2001:db8:25::/64 ff00::/8 ;;
    6) upstream 198.51.100.10 10.{0..199}.0.0/16 2001:db8:25::10 ;;
    7) upstream 0.0.0.0/1 128.0.0.0/1 ::/1 ;;
    esac
}

flood_sink
postern_conf
postern_start
forms 3 # both families have their sets
reload
before=$(handles)
flood_start
for ((i = 0; i < RELOADS; i++)); do
    forms $((i * 3)) # each form follows another one than its neighbour
    reload
    ((i % 40)) || postern_rules_stand
done
flood_goes_on 20
flood_stop
same "$RELOADS reloads: nothing of allowed pairs was refused" 0 "$(postern_counter refused)"
same "nothing passed without inspection" 0 "$(postern_counter blind)"
for ((i = 0; i < 8; i++)); do
    forms $i
    reload
    postern_rules_stand
done
forms 3
reload
same "no rule and no set was made anew" "" "$(diff <(echo "$before") <(handles))"
postern_stop
