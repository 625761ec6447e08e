#!/bin/bash
# lab.sh - a small internet in network namespaces, for tests and for the demo.
#
#   isp       198.51.100.10  2001:db8:25::10 --- isp0  \        / mail0 --- mail  192.168.10.10  fd00:25:10::10
#                                                       >  gw  <
#   stranger  203.0.113.66   2001:db8:66::66 --- str0  /        \ lan0  --- lan   192.168.20.20  fd00:25:20::20
#
# Everything is routed through gw (its side of each wire is .1 or ::1), nothing
# is translated. "home" is 192.168.0.0/16 and fd00:25::/32; our mail server is
# mx.example.org for example.org.
#
# Use: source this file, call lab_up, then the functions below. As a program:
#   lab.sh down DIR         removes the lab whose directory is DIR
#   lab.sh watch PID DIR    does the same as soon as the process PID is gone
#
# How it works. Namespaces are named pt<pid of the test>-<host>, wires are
# created directly between two of them, so that the host's own network never
# has a part in it and any number of labs run side by side with the same
# addresses. All files live in LAB_DIR. Whatever runs inside a namespace of the
# lab was started for the lab, so clean-up asks the kernel for these processes
# instead of trusting recorded numbers, which the system may have given to
# somebody else since.
#
# Clean-up runs from an EXIT trap. A killed shell runs no trap, hence the
# watcher: a process outside of the namespaces that waits for the test to
# vanish and then cleans up in its place.
#
# Limits. Bash runs a trap only when the command in the foreground has ended:
# a TERM to the shell alone waits for that command (run.sh signals the whole
# process group, and a KILL is seen by the watcher at once). lab_in runs
# programs, not shell functions. A test that sets its own EXIT trap must call
# lab_down in it.
#
# Rejected: one private PID and mount namespace per test (`unshare --pid
# --kill-child`), which the kernel would clean up alone: the daemon, nsenter and
# tcpdump then see other process numbers and another /run than a person who
# debugs a lab that was kept.

LAB_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SMTPC=$LAB_HOME/smtpc.py        # the raw client
LAB_SKIPPED=77                  # exit code of a test that could not run
LAB_HOSTS=(gw isp stranger mail lan)
LAB_KEEP=${LAB_KEEP:-}          # not empty: leave the lab up at the end
LAB_MUST=${LAB_MUST:-}          # not empty: what cannot run has failed
LAB_ROOT=${LAB_ROOT:-/tmp}      # where LAB_DIR is made; other users must be able to pass through it
LAB_DIR=                        # set by lab_up
LAB_PREFIX=                     # set by lab_up
LAB_PID=                        # set by lab_spawn
LAB_WATCHER=                    # leader of the watcher's process group
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH        # what packaging/deps.sh lists, before wrappers of the same name

# Address plan: host, interface of gw, v4 network, v6 network, last part of the host's address.
LAB_WIRES="\
isp      isp0  198.51.100 2001:db8:25 10
stranger str0  203.0.113  2001:db8:66 66
mail     mail0 192.168.10 fd00:25:10  10
lan      lan0  192.168.20 fd00:25:20  20"

# ---- ends and reasons ----

# lab_skip WHY - leaves the test as "could not run".
lab_skip() {
    [[ -z ${LAB_MUST:-} ]] || lab_fail "it cannot run here: $*"
    echo "SKIPPED: $*"
    exit "$LAB_SKIPPED"
}

# lab_fail WHY - shows the logs of the lab and leaves the test as failed.
lab_fail() {
    local log

    {
        echo "FAILED: $*"
        for log in ${LAB_DIR:+"$LAB_DIR"/log/*}; do
            [[ -s $log ]] || continue
            echo "--- the end of ${log#"$LAB_DIR"/}:"
            tail -n 15 "$log"
        done
    } >&2
    exit 1
}

# lab_need PROGRAM... - skips the test unless all these programs are installed.
lab_need() {
    local program

    for program; do
        command -v "$program" >/dev/null || lab_skip "$program is not installed"
    done
}

# lab_need_peer NAME - skips the test unless that mail server is unpacked and can be run from where it is.
lab_need_peer() {
    local why

    why=$("$LAB_HOME/peer.sh" "$1" true 2>&1) || lab_skip "$1 cannot be run from where it is unpacked: ${why//$'\n'/; }"
}

# ---- what a test says ----

# check WHAT CMD... - the test fails unless CMD (program or function) succeeds.
check() {
    local what=$1

    shift
    "$@" || lab_fail "$what"
    echo "ok: $what"
}

# quiet CMD... - what CMD prints goes to log/quiet.log alone, as in: check "a mail" quiet swaks ...
quiet() {
    "$@" >"$LAB_DIR/log/quiet.log" 2>&1
}

# same WHAT WANTED GOT - the test fails unless both are the same text.
same() {
    [[ $2 == "$3" ]] || lab_fail "$1: wanted '$2', got '$3'"
    echo "ok: $1"
}

# codes_from HOST ARGUMENT... - runs smtpc.py there and prints the reply codes, or the error, in one line.
codes_from() {
    lab_in "$1" "$SMTPC" "${@:2}" | jq -r '.code // .error' | xargs
}

# ---- the network ----

# lab_up - builds the namespaces, sets LAB_DIR and LAB_PREFIX, and arms the clean-up.
lab_up() {
    local host

    [[ $EUID -eq 0 ]] || lab_skip "network namespaces need root"
    lab_need ip ss sysctl setsid unshare
    unshare --net true 2>/dev/null || lab_skip "this system does not let root create network namespaces"
    [[ -z $LAB_DIR ]] || lab_fail "lab_up: this test has a lab already"
    [[ ! -e $LAB_ROOT/pt$$ && ! -e /run/netns/pt$$-gw ]] || lab_fail "lab_up: a lab that was kept is called pt$$ too"

    # The clean-up is armed before there is anything to clean.
    LAB_PREFIX=pt$$
    LAB_DIR=$LAB_ROOT/$LAB_PREFIX
    trap 'lab_leave $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ -z $LAB_KEEP ]]; then
        setsid bash "$LAB_HOME/lab.sh" watch $$ "$LAB_DIR" </dev/null >/dev/null 2>&1 &
        LAB_WATCHER=$!
        disown "$LAB_WATCHER"   # a bare `wait` in a test must not wait for it
    fi

    mkdir -m 755 "$LAB_DIR" "$LAB_DIR/log" "$LAB_DIR/run" || exit 1      # Postfix and the sinks are not root
    for host in "${LAB_HOSTS[@]}"; do
        echo "netns add $LAB_PREFIX-$host"
    done | ip -batch - || lab_fail "the namespaces $LAB_PREFIX-* cannot be created"
    for host in "${LAB_HOSTS[@]}"; do
        lab_settings "$host"
    done
    lab_wires gateway | ip -n "$LAB_PREFIX-gw" -batch - || lab_fail "the gateway cannot be wired"
    for host in "${LAB_HOSTS[@]:1}"; do
        lab_wires "$host" | ip -n "$LAB_PREFIX-$host" -batch - || lab_fail "$host cannot be wired"
    done
}

# lab_settings HOST - kernel settings that must stand before the interfaces appear. Without accept_dad=0 the
# link-local addresses stay tentative for a second or two, and no neighbour is asked for until then.
lab_settings() {
    local forward=0

    [[ $1 == gw ]] && forward=1
    lab_in "$1" sysctl -qw net.ipv6.conf.{all,default}.{disable_ipv6=0,accept_dad=0,accept_ra=0} \
        net.ipv4.conf.{all,default}.rp_filter=0 net.ipv4.ip_forward=$forward net.ipv6.conf.all.forwarding=$forward ||
        lab_fail "the kernel settings of $1 cannot be made"
}

# lab_wires gateway|HOST - prints the ip(8) batch for that namespace.
lab_wires() {
    local host wire v4 v6 last

    echo "link set lo up"
    while read -r host wire v4 v6 last; do
        if [[ $1 == gateway ]]; then
            echo "link add $wire type veth peer name eth0 netns $LAB_PREFIX-$host"
            echo "addr add $v4.1/24 dev $wire"
            echo "addr add $v6::1/64 dev $wire nodad"
            echo "link set $wire up"
        elif [[ $1 == "$host" ]]; then
            echo "addr add $v4.$last/24 dev eth0"
            echo "addr add $v6::$last/64 dev eth0 nodad"
            echo "link set eth0 up"
            echo "route add default via $v4.1"
            echo "route add default via $v6::1"
        fi
    done <<<"$LAB_WIRES"
}

# lab_pids - prints the processes that run in namespaces of the lab.
lab_pids() {
    local host

    for host in "${LAB_HOSTS[@]}"; do
        [[ -e /run/netns/$LAB_PREFIX-$host ]] && ip netns pids "$LAB_PREFIX-$host"
    done 2>/dev/null
}

# lab_signal SIG - sends SIG to each of them; false when there was none.
lab_signal() {
    local pids

    mapfile -t pids < <(lab_pids)
    [[ ${#pids[@]} -gt 0 ]] && { kill -s "$1" "${pids[@]}" 2>/dev/null || true; }
}

# lab_down - ends what runs in the lab, removes namespaces and LAB_DIR. May be called at any time and again.
lab_down() {
    local host try

    [[ -n $LAB_DIR ]] || return 0
    for ((try = 0; try < 60; try++)); do
        case $try in
        0) lab_signal TERM && lab_signal CONT ;;
        [1-9] | [1-3]?) [[ -n $(lab_pids) ]] ;;         # up to two seconds to leave in peace
        *) lab_signal KILL ;;
        esac || break
        sleep 0.05
    done
    for host in "${LAB_HOSTS[@]}"; do
        [[ ! -e /run/netns/$LAB_PREFIX-$host ]] || ip netns del "$LAB_PREFIX-$host"
    done
    rm -rf "$LAB_DIR"           # after the namespaces: who sees it gone knows that all is gone
    [[ -z $LAB_WATCHER ]] || kill -- "-$LAB_WATCHER" 2>/dev/null || true
    LAB_WATCHER=
    LAB_DIR=
}

# lab_leave STATUS - the EXIT trap.
lab_leave() {
    set +e
    trap '' INT TERM            # a second signal must not interrupt the clean-up
    if [[ -z $LAB_KEEP ]]; then
        lab_down
    elif [[ -n $LAB_DIR ]]; then
        cat >&2 <<-EOT
	The lab is kept. Its files are in $LAB_DIR (logs in log/). To enter, watch and remove it:
	  ip netns exec $LAB_PREFIX-gw bash            # or ${LAB_HOSTS[*]:1}
	  ip netns exec $LAB_PREFIX-gw tcpdump -lnni any port 25
	  bash $LAB_HOME/lab.sh down $LAB_DIR
	EOT
    fi
    exit "$1"
}

# ---- programs inside ----

# lab_in HOST CMD... - runs a program in that namespace, in the foreground.
lab_in() {
    ip netns exec "$LAB_PREFIX-$1" "${@:2}"
}

# lab_spawn HOST NAME CMD... - starts a program in that namespace, in the background, in its own session. Its output
# goes to $LAB_DIR/log/NAME.log, its process number to $LAB_DIR/run/NAME.pid and LAB_PID (a child: `wait` works).
lab_spawn() {
    local host=$1 name=$2

    shift 2
    setsid ip netns exec "$LAB_PREFIX-$host" "$@" </dev/null >>"$LAB_DIR/log/$name.log" 2>&1 &
    LAB_PID=$!
    echo "$LAB_PID" >"$LAB_DIR/run/$name.pid"
    echo "$LAB_PREFIX-$host" >"$LAB_DIR/run/$name.netns"
}

# lab_peer HOST PEER CMD... - runs a program of the unpacked mail server PEER there (peer.sh), in the foreground. For the
# background: lab_spawn HOST NAME "$LAB_HOME/peer.sh" PEER CMD...
lab_peer() {
    lab_in "$1" "$LAB_HOME/peer.sh" "${@:2}"
}

# lab_alive NAME - tells whether what lab_spawn started under this name still runs. A number that the system gave to
# another process meanwhile does not count: that one is not in our namespace.
lab_alive() {
    local pid netns

    [[ -s $LAB_DIR/run/$1.netns ]] || return 1
    pid=$(<"$LAB_DIR/run/$1.pid")
    netns=$(<"$LAB_DIR/run/$1.netns")
    [[ /proc/$pid/ns/net -ef /run/netns/$netns ]]
}

# lab_gone NAME - the contrary, as a condition to wait for.
lab_gone() {
    ! lab_alive "$1"
}

# lab_kill NAME [SIG] - sends SIG (TERM), and after TERM, INT, QUIT or KILL waits up to ten seconds for the end.
lab_kill() {
    local name=$1 signal=${2:-TERM}

    lab_alive "$name" || lab_fail "$name does not run"
    kill -s "$signal" "$(<"$LAB_DIR/run/$name.pid")"
    case $signal in
    TERM | INT | QUIT | KILL) lab_wait 10 "end of $name after SIG$signal" lab_gone "$name" ;;
    esac
}

# lab_wait SECONDS WHAT CMD... - tries CMD (program or function) every 50 ms; when it never succeeds, the test fails.
lab_wait() {
    local seconds=$1 what=$2 end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

    shift 2
    until "$@" >/dev/null 2>&1; do
        ((${EPOCHREALTIME/[.,]/} < end)) || lab_fail "waited $seconds s for: $what"
        sleep 0.05
    done
}

# lab_listens HOST PORT [4|6] - tells whether a socket (of that family) listens there. Asks the kernel, does not connect.
lab_listens() {
    [[ -n $(lab_in "$1" ss ${3:+"-$3"} -Hltn "sport = :$2") ]]
}

# ---- mail servers ----

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$LAB_HOME/servers.sh"

# ---- as a program ----

# lab_main COMMAND ARGUMENT... - see the head of this file.
lab_main() {
    case ${1:-} in
    watch)
        tail -s 0.2 --pid="$2" -f /dev/null
        sleep 0.2               # what the test was just starting comes into being
        shift
        ;;
    down) [[ ${2:-} == */pt* && -d $2/run ]] || lab_fail "lab.sh down: '${2:-}' is not the directory of a lab" ;;
    *) echo "usage: source it, or: lab.sh down DIR" >&2 && exit 2 ;;
    esac
    LAB_DIR=${2%/}
    LAB_PREFIX=${LAB_DIR##*/}
    set -- "${LAB_DIR%/*}"
    lab_down
    [[ $1 != */netns.* ]] || rmdir "$1" 2>/dev/null || true     # run.sh has left its directory to a kept lab
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    lab_main "$@"
fi
