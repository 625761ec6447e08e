#!/bin/bash
# flood.sh - mail that counts itself, from isp to mail; source it after postern.sh.
#
#   flood_sink                   starts the server that tells what came, in $LAB_DIR/got
#   flood_start                  starts the senders, and waits for the first mails
#   flood_goes_on COUNT          waits until so many more are taken
#   flood_stop                   ends them, and holds what was sent against what has come

flood_sink() {
    lab_spawn mail sink "$LAB_HOME/flood.py" sink 192.168.10.10 "$LAB_DIR/got"
    lab_wait 10 "the sink" lab_listens mail 25
}

flood_start() {
    rm -f "$LAB_DIR/stop" "$LAB_DIR/sent"
    : >"$LAB_DIR/got.before"
    cp "$LAB_DIR/got" "$LAB_DIR/got.before"
    lab_spawn isp flood "$LAB_HOME/flood.py" send 192.168.10.10 "$LAB_DIR/sent" "$LAB_DIR/stop"
    FLOOD=$LAB_PID
    lab_wait 20 "the first mails" flood_reached 20
}

flood_count() {
    grep -vc again "$LAB_DIR/sent" 2>/dev/null || true
}

flood_reached() { # COUNT
    [[ -e $LAB_DIR/sent && $(flood_count) -ge $1 ]]
}

flood_goes_on() { # COUNT
    lab_wait 30 "$1 more mails" flood_reached $(($(flood_count) + $1))
}

flood_stop() {
    touch "$LAB_DIR/stop"
    wait "$FLOOD" || lab_fail "the senders failed"
    tail -n +$(($(wc -l <"$LAB_DIR/got.before") + 1)) "$LAB_DIR/got" >"$LAB_DIR/got.now"
    same "no mail had to be sent again" "" "$(grep again "$LAB_DIR/sent" || true)"
    same "no mail was altered" "" "$(grep ALTERED "$LAB_DIR/got.now" || true)"
    same "each mail came once: $(flood_count) of them" "$(sort "$LAB_DIR/sent")" "$(sed -n 's/^ok //p' "$LAB_DIR/got.now" | sort)"
}
