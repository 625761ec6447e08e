#!/bin/bash
# test_strict.sh - what the kernel keeps from being read in mode enforce: MPTCP, which spreads a connection over several, and,
# where asked for, packets that conntrack calls invalid.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3
python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)' 2>/dev/null || lab_skip "this kernel has no MPTCP"

talk() { # ADDRESS
    lab_in isp "$LAB_HOME/mptcp.py" talk "$1"
}

lab_spawn mail mptcp "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25
same "without Postern: MPTCP" "mptcp 220 250 250 250 250 250 221" "$(talk 192.168.10.10)"

postern_conf 'mode = monitor'
postern_start
same "monitor mode changes no packet" "mptcp 220 250 250 250 250 250 221" "$(talk 192.168.10.10)"
postern_stop

postern_conf
postern_start
for address in 192.168.10.10 fd00:25:10::10; do
    same "$address: plain TCP, read and refused" "tcp 220 250 250 250 550 250 221" "$(talk "$address")"
done
lab_in gw nft list chain inet postern inspect >"$LAB_DIR/rules"
grep -q "reset tcp option mptcp" "$LAB_DIR/rules" || lab_fail "nft does not show the rule: $(<"$LAB_DIR/rules")"
postern_stop

# As before Linux 5.18. The client gives up MPTCP by itself when its first packets get no answer.
"${CC:-cc}" -D_GNU_SOURCE -Wall -Werror -shared -fPIC -o "$LAB_DIR/lacks.so" "$LAB_HOME/lacks.c" -ldl
lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf" >/dev/null
LD_PRELOAD="$LAB_DIR/lacks.so" LACKS=strip postern_start
grep -q "cannot turn MPTCP into plain TCP" "$LAB_DIR/log/posternd.log" || lab_fail "it does not say so"
lab_in gw nft list chain inet postern inspect | grep -q "tcp option mptcp exists drop" || lab_fail "MPTCP is not dropped"
same "without such a kernel: no MPTCP either" "tcp 220 250 250 250 550 250 221" "$(talk 192.168.10.10)"
postern_stop

# 100 segments with a wrong checksum, and a mail: how many of the 100 were queued?
queued_invalid() {
    local before after

    before=$(postern_counter queued)
    lab_in isp python3 -c "
import sys
sys.path.insert(0, '$LAB_HOME')
import tcpraw
for _ in range(100):
    tcpraw.Client('192.168.10.10', 'x').send(flags=tcpraw.SYN, wrong=1)"
    talk 192.168.10.10 >/dev/null
    after=$(postern_counter queued)
    echo $(((after - before) / 100))
}

lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf" >/dev/null
postern_start
same "what is invalid is read, by default" 1 "$(queued_invalid)"
postern_stop
postern_conf 'nft { drop-invalid = yes }'
postern_start
same "drop-invalid: it is not" 0 "$(queued_invalid)"
same "nft shows the rule" 1 "$(lab_in gw nft list chain inet postern inspect | grep -c 'ct state invalid drop')"
postern_stop
