#!/bin/bash
# test_faults.sh - what posternd says where the kernel, a right or a limit is missing, each fault made: one line that
# names what to do, status 1, nothing installed. And what it does when the kernel fails it while it runs.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft setpriv python3 "${CC:-cc}"


# The shim.
"${CC:-cc}" -D_GNU_SOURCE -Wall -Werror -shared -fPIC -o "$LAB_DIR/lacks.so" "$LAB_HOME/lacks.c" -ldl
export ASAN_OPTIONS=$POSTERN_LEAK_CHECK

# refuses PATTERN CMD... - posternd, run by that command, ends with status 1, says why in one line, and leaves the
# kernel as it was.
refuses() {
    local status=0 pattern=$1

    shift
    lab_in gw "$@" "$BUILD/posternd" -c "$LAB_DIR/postern.conf" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
    [[ $status -eq 1 ]] || lab_fail "$*: status $status: $(<"$LAB_DIR/err")"
    grep -qE "^posternd: error: $pattern" "$LAB_DIR/err" || lab_fail "$*: wanted '$pattern', got '$(<"$LAB_DIR/err")'"
    [[ $(wc -l <"$LAB_DIR/err") -eq 1 ]] || lab_fail "$*: more than one line: $(<"$LAB_DIR/err")"
    [[ -z $(lab_in gw nft list tables; lab_in gw cat /proc/net/netfilter/nfnetlink_queue) ]] ||
        lab_fail "$*: something was left in the kernel"
    echo "ok: $(<"$LAB_DIR/err")"
}

lacking() { # WHAT PATTERN
    refuses "$2" env LD_PRELOAD="$LAB_DIR/lacks.so" "LACKS=$1"
}

ends_with() { # STATUS
    local status=0

    wait "$POSTERN_PID" || status=$?
    [[ $status -eq $1 ]] || lab_fail "posternd left with status $status"
}

postern_conf 'queue { workers = 1 }'

# ---- rights ----

refuses '.*CAP_NET_ADMIN' setpriv --bounding-set -net_admin --inh-caps -net_admin
chmod -R a+rX "$LAB_DIR/postern.conf"
refuses '.*CAP_NET_ADMIN' setpriv --reuid 65534 --regid 65534 --clear-groups

# ---- the kernel ----

lacking nfnetlink 'cannot talk to nf_tables: .*no nfnetlink: modprobe nfnetlink nf_tables'
lacking subsystem:10 'cannot talk to nf_tables: .*modprobe nf_tables; 5\.10 is the oldest'
lacking subsystem:3 'queue 2500: this kernel has no nfnetlink_queue: try `modprobe nfnetlink_queue`'
lacking subsystem:4 'log group 2500: this kernel has no nfnetlink_log: try `modprobe nfnetlink_log`'
lacking "expression:queue expression:target" \
    'this kernel has no expression target, which the rule `.*queue .*` of chain [a-z_0-9]+ needs: modprobe nft_queue, or nft_compat and xt_NFQUEUE'
lacking expression:log 'this kernel has no expression log, .*: modprobe nft_log and nfnetlink_log'
lacking expression:limit 'this kernel has no expression limit, .*: modprobe nft_limit'
lacking expression:reject 'this kernel has no expression reject, .*: modprobe nft_reject_inet'
lacking expression:ct 'this kernel has no expression ct, .*: modprobe nft_ct and nf_conntrack'
lacking buffers 'queue 2500: .*raise net\.core\.wmem_max to 1048576'

# ---- while it runs ----

start_lacking() {
    LD_PRELOAD="$LAB_DIR/lacks.so" LACKS=$1 postern_start
}

start_lacking verdicts
lab_in isp "$SMTPC" 192.168.10.10 --timeout 10 >"$LAB_DIR/out" || true
said 'the worker of queue 2500 had to stop: No buffer space available'
ends_with 1
echo "ok: it does not stay when it cannot answer"

start_lacking queue
lab_in isp "$SMTPC" 192.168.10.10 --timeout 10 >"$LAB_DIR/out" || true
said 'queue 2500 IS GONE from the kernel: nothing is inspected any more'
ends_with 1

postern_start
postern_stop
lab_in gw nft flush chain inet postern forward
postern_start
[[ -n $(lab_in gw nft list chain inet postern forward | grep goto) ]] || lab_fail "a new start did not mend the chain"
postern_stop
echo "ok: a new start mends it"
