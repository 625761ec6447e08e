#!/bin/bash
# test_control.sh - the control socket: every command, who may ask, what becomes of the impolite, and that mail does not
# notice.
# time-limit: 180

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"
# shellcheck source-path=SCRIPTDIR source=flood.sh
. "$(dirname "$0")/flood.sh"

lab_up
lab_need jq nft python3 setpriv


# ends STATUS COMMAND... - what it says is in out and err
ends() {
    local status=0

    postern_ask "${@:2}" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
    same "status of postern ${*:2}" "$1" "$status"
}

says() { # PATTERN
    check "it says: $1" grep -qE "$1" "$LAB_DIR/out"
}

# ---- nobody answers ----

postern_conf
ends 3 status
says 'NOT ENFORCED: nobody answers at .*control.sock'
says 'none of ours are in the kernel: port 25 is NOT GUARDED'
ends 3 reload

# ---- status ----

flood_sink
postern_start
ends 0 status
says '^ENFORCED: port 25 is guarded'
says "^conf +$LAB_DIR/postern.conf \([0-9a-f]{16}\)"
says '^wrong +nothing'
same "status as JSON" "true enforce 1" \
    "$(postern_ask status --json | jq -r '"\(.enforced) \(.mode) \(.postern)"')"
postern_stop
ends 3 status
says 'table inet postern is still in force'
says 'to remove the rules: postern down'
