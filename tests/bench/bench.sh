#!/bin/bash
# bench.sh - what Postern costs, as a share of plain forwarding in the same run. Root; nothing outside of its lab.
#
# usage: bench.sh BUILD          docs/BENCH.md tells how to read it
#
#   ROUNDS=5       rounds; each goes through all ways, and in each way through all loads
#   SECONDS_EACH=1 how long a load shall take in plain forwarding; its size is found out once, at the start
#   LIMIT=180      after so many seconds no further round begins
#   WAYS="plain queue-all queue-same postern"  and LOADS="short long bulk": fewer of them
#   OUT=build/bench   where latest.tsv (every measurement), latest.txt (the table) and latest.svg go
#
# Client, gateway and server share this machine's cores. Whatever the gateway needs is missing to the other two, and
# to whom else the machine serves: only ratios within one round mean anything, and those are what is told.
#
# The ways. plain: no rule at all. postern: enforce mode, the ISP pattern, records to a file. queue-same: its rules,
# left by it in the kernel, and accept_all on the queue, so the same packets without a look at them. queue-all: those
# rules with their sets of bare ACKs emptied, so that every packet of both directions goes to accept_all: the simplest
# thing that a program with NFQUEUE can be, the reference.
#
# By name only: no-queue and unread are what docs/BENCH.md compares bulk mail with; no-ends and no-replies are queue-same
# without SYN, FIN and RST, and without the server's replies, to tell what these cost.
#
# The server is smtp-sink, which keeps no mail: neither a disk nor Postfix is measured. What passed without having been
# inspected would make Postern look fast, so a measurement with such packets is a failure.

set -eu
BUILD=${1:?usage: bench.sh BUILD}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$here/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$here/../netns/postern.sh"

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-1}
LIMIT=${LIMIT:-180}
WAYS=${WAYS:-plain queue-all queue-same postern}
LOADS=${LOADS:-short long bulk}
OUT=${OUT:-$REPO/build/bench}
ONE_WORKER='queue { workers = 1 }' # as many as accept_all has
UNREAD='data { watch = none trusted = { isp } }'
SERVER=192.168.10.10
QUEUE=2500

# What smtp-source gets beside -m: connections at once, bytes of a mail. And how many mails the first try takes.
declare -A options=([short]="-s 8 -l 1000" [long]="-d -s 8 -l 1000" [bulk]="-d -s 2 -l 20000000")
declare -A mails=([short]=300 [long]=1000 [bulk]=2)
declare -A most=([short]=20000 [long]=40000 [bulk]=60)
guard_pid=

# ---- the ways ----

guard_off() {
    [[ -n $guard_pid ]] || return 0
    kill -TERM "$guard_pid"
    wait "$guard_pid" || true
    guard_pid=
}

# accept_all_on - on the rules that are there
accept_all_on() {
    rm -f "$LAB_DIR/log/accept_all.log"
    lab_spawn gw accept_all "$BUILD/bench/accept_all" "$QUEUE"
    guard_pid=$LAB_PID
    lab_wait 5 "accept_all to be ready" grep -q ready "$LAB_DIR/log/accept_all.log"
}

# handle_of WORDS - the handle of the rule in chain inspect that has these words; the last of them
handle_of() {
    lab_in gw nft -a list chain inet postern inspect 2>/dev/null | grep -- "$1" | tail -n 1 | sed 's/.*# handle //'
}

# rules_on - Postern's rules, with nobody on the queue
rules_on() {
    postern_start
    postern_stop
}

way_plain() { :; }

way_postern() {
    rm -f "$LAB_DIR/eve.json"
    postern_start
    guard_pid=$POSTERN_PID
}

way_queue-same() {
    rules_on
    accept_all_on
}

way_queue-all() {
    rules_on
    lab_in gw nft flush set inet postern bare_acks_v4
    accept_all_on
}

# way_except MATCH... - queue-same, but what matches is not queued
way_except() {
    rules_on
    lab_in gw nft insert rule inet postern inspect "$@" accept 2>/dev/null
    accept_all_on
}

way_no-ends() {
    way_except tcp flags '&' '(syn|fin|rst)' '!=' 0
}

way_no-replies() {
    way_except tcp sport 25 tcp flags '&' '(syn|fin|rst)' '==' 0
}

# The rules of `unread`, but what they would queue passes.
way_no-queue() {
    postern_conf "$ONE_WORKER" "$UNREAD"
    rules_on
    lab_in gw nft delete rule inet postern inspect handle "$(handle_of 'counter name "*queued')"
}

way_unread() {
    postern_conf "$ONE_WORKER" "$UNREAD"
    way_postern
}

# way_end WAY - ends what listens, removes the rules; a Postern that lost records did less than it should
way_end() {
    guard_off
    if [[ $1 == postern ]]; then
        grep -q 'lost: 0 events, 0 records' "$LAB_DIR/log/posternd.log" ||
            echo "$(grep -o 'lost: .*' "$LAB_DIR/log/posternd.log" | tail -n 1)" >>"$LAB_DIR/notes"
    fi
    [[ $1 == plain ]] || lab_in gw nft delete table inet postern
    postern_conf "$ONE_WORKER"
}

# ---- one measurement ----

# send LOAD - sends the load's mails; prints the seconds that took
send() {
    # The clock runs inside: setting up the peer's file system is not the network's work.
    # shellcheck disable=SC2016,SC2086
    lab_peer isp postfix bash -c '
        start=${EPOCHREALTIME/[.,]/}
        smtp-source "$@" || exit
        printf "%d\n" $((${EPOCHREALTIME/[.,]/} - start))' \
        send ${options[$1]} -m "${mails[$1]}" -M mx.isp.example -f alice@isp.example -t bob@example.org "$SERVER:25" \
        >"$LAB_DIR/took" || lab_fail "smtp-source told an error ($1)"
    awk '{ printf "%.6f\n", $1 / 1e6 }' "$LAB_DIR/took"
}

# cpu - seconds of processor time that the guard has had, all threads
cpu() {
    [[ -z $guard_pid ]] || sed 's/.*) //' "/proc/$guard_pid/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print ($12 + $13) / hz }'
}

# peak_kb - the most memory it had since the last measurement
peak_kb() {
    [[ -z $guard_pid ]] || awk '$1 == "VmHWM:" { print $2 }' "/proc/$guard_pid/status"
}

forget_peak() {
    [[ -z $guard_pid ]] || echo 5 >"/proc/$guard_pid/clear_refs"
}

# packets NAME - what a counter of the rules says; 0 without rules
packets() {
    if [[ -z $guard_pid ]]; then echo 0; else postern_counter "$1"; fi
}

# measure ROUND WAY LOAD - one row of the samples
measure() {
    local seconds cpu_before queued_before blind

    forget_peak
    cpu_before=$(cpu)
    queued_before=$(packets queued)
    blind=$(packets blind)
    seconds=$(send "$3")
    [[ $2 != postern || $(packets blind) == "$blind" ]] || lab_fail "packets passed Postern blind: $3 is not measured"
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${mails[$3]}" "$seconds" $(($(packets queued) - queued_before)) \
        "$(awk -v a="${cpu_before:-0}" -v b="$(cpu)" 'BEGIN { printf "%.2f", b - a }')" "$(peak_kb)" >>"$OUT/latest.tsv"
}

# ---- the whole ----

# size_loads - finds out how many mails take about SECONDS_EACH in plain forwarding
size_loads() {
    local load try seconds

    for load in $LOADS; do
        for try in 1 2; do
            say "sizing $load"
            seconds=$(send "$load")
            mails[$load]=$(awk -v n="${mails[$load]}" -v s="$seconds" -v want="$SECONDS_EACH" -v most="${most[$load]}" \
                'BEGIN { n = int(n * want / s); print (n < 2 ? 2 : n > most ? most : n) }')
        done
    done
}

# say TEXT - what happens now, in one line that the next one replaces; nothing unless a person looks
say() {
    [[ ! -t 2 ]] || printf '\r\e[K%4d s  %s' $SECONDS "$*" >&2
}

prepare() {
    local host

    lab_need nft jq python3
    lab_need_peer postfix
    [[ -x $BUILD/bench/accept_all ]] || lab_fail "$BUILD/bench/accept_all is not built: make bench"
    mkdir -p "$OUT"
    # Thousands of connections a second between one pair: its ports must not run out.
    lab_in isp sysctl -qw net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='10000 65535'
    # The one that every kernel lets a namespace choose; some others pace by the clock and hide what a gateway costs.
    for host in isp mail; do
        lab_in "$host" sysctl -qw net.ipv4.tcp_congestion_control=reno
    done
    lab_spawn mail sink "$LAB_HOME/peer.sh" postfix smtp-sink -u nobody -h mx.example.org "$SERVER:25" 1000
    lab_wait 5 "smtp-sink to listen" lab_listens mail 25
    postern_conf "$ONE_WORKER"
}

run_rounds() {
    local round way load

    printf 'round\tway\tload\tmails\tseconds\tqueued\tcpu_s\tpeak_kb\n' >"$OUT/latest.tsv"
    for ((round = 1; round <= ROUNDS; round++)); do
        if ((round > 1 && SECONDS >= LIMIT)); then
            echo "stopped after $((round - 1)) of $ROUNDS rounds: $LIMIT s are over" >>"$LAB_DIR/notes"
            break
        fi
        for way in $WAYS; do
            say "round $round of $ROUNDS: starting $way"
            "way_$way"
            for load in $LOADS; do
                say "round $round of $ROUNDS: $way, $load, ${mails[$load]} mails"
                measure "$round" "$way" "$load"
            done
            way_end "$way"
        done
    done
    say ""
}

lab_up
prepare
size_loads
run_rounds
touch "$LAB_DIR/notes"
python3 "$here/table.py" "$OUT/latest.tsv" "$OUT/latest.svg" "$LAB_DIR/notes" | tee "$OUT/latest.txt"
