#!/bin/bash
# soak.sh - does anything grow? Ten minutes of mixed load, with the daemon's memory, descriptors and flows sampled.
#
# usage: soak.sh BUILD      SOAK_S=600: seconds of load; below two minutes memory is still touched for the first time
#
# The load: short sessions, long ones, bodies of megabytes, refused recipients, clients that are killed in the middle,
# refused tries of a stranger, and a reload every few seconds that changes a set. Prints a table, and fails when something
# grows in the last half (the rule is in soak.py), when a client had an error, or when packets passed without inspection.

set -eu
BUILD=${1:?usage: soak.sh BUILD}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$here/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$here/../netns/postern.sh"

SOAK_S=${SOAK_S:-600}
SAMPLES=120
LINGER_S=600 # of a connection that was reset, in enforce mode

lab_up
lab_need jq nft python3
ulimit -n 4096 # connections that are open at once

conf() { # ADDRESS...: of a network of ours
    local addresses

    addresses=$(printf '"%s", ' "$@")
    postern_conf "log { eve = \"$LAB_DIR/eve.json\" stats = 1s }" "network \"more\" { addresses = { ${addresses%, } } }" \
        'rule "more" { from = { "more" } to = { "mail" } do = refuse }'
}

sample() { # SECONDS
    local rss fds flows killed=0 i

    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$POSTERN_PID/status")
    fds=$(find "/proc/$POSTERN_PID/fd" -mindepth 1 | wc -l)
    flows=$(grep -aF '"event_type":"stats"' "$LAB_DIR/eve.json" | tail -n 1 | jq '.stats.flow | .opened - .closed')
    [[ ! -e $LAB_DIR/counts ]] || killed=$(awk '$1 == "killed" { print $2 }' "$LAB_DIR/counts")
    kills+=("$1 $killed")
    for ((i = 0; i < ${#kills[@]}; i++)); do # those before that time linger no more
        [[ $((${kills[i]% *} + LINGER_S)) -le $1 ]] || break
    done
    ((i == 0)) || killed=$((killed - ${kills[i - 1]#* }))
    [[ -z $flows ]] || echo "$1 $rss $fds $flows $killed" >>"$LAB_DIR/samples"
    : >"$LAB_DIR/eve.json" # its records are not looked at; posternd appends
}

conf 203.0.113.0/24
postern_start
for address in 0.0.0.0:25 '[::]:25'; do
    lab_spawn mail "sink$address" "$LAB_HOME/peer.sh" postfix smtp-sink -u nobody -m 3000 "$address" 1000
done
lab_wait 10 "the sink" lab_listens mail 25 4
lab_wait 10 "the sink" lab_listens mail 25 6
lab_spawn isp load python3 "$here/soak.py" load 192.168.10.10 fd00:25:10::10 \
    "$LAB_DIR/stop" "$LAB_DIR/counts"
load=$LAB_PID
lab_wait 60 "the first sessions" test -s "$LAB_DIR/counts"
lab_spawn stranger knock bash -c 'while :; do timeout 1 bash -c "exec 3<>/dev/tcp/192.168.10.10/25" 2>/dev/null; sleep 0.2; done'

kills=()
began=$SECONDS
reloads=0
for ((i = 1; i <= SAMPLES; i++)); do
    until ((SECONDS - began >= SOAK_S * i / SAMPLES)); do
        sleep 0.2
    done
    lab_alive posternd || lab_fail "posternd has ended"
    lab_alive load || lab_fail "the load has ended"
    sample $((SECONDS - began))
    conf 203.0.113.0/24 "10.$((i % 250)).0.0/16" "10.0.$((i % 7)).0/24"
    kill -HUP "$POSTERN_PID"
    reloads=$((reloads + 1))
done
touch "$LAB_DIR/stop"
wait "$load" || lab_fail "clients had errors: $(sort "$LAB_DIR/log/load.log" | uniq -c | sort -rn | head -n 5)"
lab_kill knock

python3 "$here/soak.py" judge "$LAB_DIR/samples" || lab_fail "something grows"
echo "load: $(paste -sd' ' "$LAB_DIR/counts"), $reloads reloads, $(postern_counter refused) refused packets, $(postern_counter queued) queued"
[[ $(postern_counter blind) -eq 0 ]] || lab_fail "$(postern_counter blind) packets passed without inspection"
[[ $(grep -c 'is in force' "$LAB_DIR/log/posternd.log") -gt $((reloads / 2)) ]] || lab_fail "the reloads did not happen"
postern_stop
