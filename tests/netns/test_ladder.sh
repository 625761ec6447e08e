#!/bin/bash
# test_ladder.sh - a noisy client is slowed, then limited, then blocked, and comes down again; a shared address is limited and
# never blocked, an upstream never punished; monitor mode only tells; what is done is kept over a restart, and lifted by
# unblock; honest mail beside passes.
# time-limit: 300

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need jq nft python3

M4=192.168.10.10 M6=fd00:25:10::10
NOISY=203.0.113.66 SHARED=203.0.113.67 HONEST=203.0.113.68 WATCHED=203.0.113.69 TURNED=203.0.113.70

never_audited() { # PATTERN
    same "never told: $1" "" "$(postern_records ".alert.signature_id == 1025520 and (.finding.evidence[0] | test(\"$1\"))")"
}

noise() { # NAME HOST SERVER SOURCE: goes on until it is silenced
    lab_spawn "$2" "$1" "$LAB_HOME/noisy.py" "$3" "$4" 0
    NOISE_PID=$LAB_PID
}

silence() {
    kill "$NOISE_PID"
    wait "$NOISE_PID" || true
}

lab_fails_in() { # HOST COMMAND...
    ! lab_in "$@" 2>/dev/null
}

why_says() { # ADDRESS PATTERN
    postern_ask why "$1" | grep -qE -- "$2"
}

nobody_is_blocked() {
    postern_ask blocks | grep -q 'nobody is blocked'
}

answers() { # NAME: so many connections of this noise have got theirs
    grep -c answered "$LAB_DIR/log/$1.log" || true
}

answers_more_than() { # NAME NUMBER
    (($(answers "$1") > $2))
}

is_ordered_for() { # ADDRESS SECONDS: more than that are left
    (($(postern_ask why "$1" --json | jq '.ordered.left_s // 0') > $2))
}

honest_mail() { # WHEN
    same "honest mail passes $1" "220 250 250 250 354 250 221" "$(codes_from stranger $M4 --source $HONEST --rcpt g@example.org)"
}

conf() { # ACTION LINE...: what is done about whoever asks for too many users
    postern_conf 'rule "in" { from = { "any" } to = { "mail" } do = inspect }' "shared = { \"$SHARED\" }" \
        'slow { hold = 1s session = 2s }' "harvest { limit = 3/2s action = $1 }" "${@:2}"
}

forget() { # what was told so far
    : >"$LAB_DIR/eve.json"
}

conf climb 'ladder { slow-for = 40s limit-for = 40s block-for = 3s calm = 1h rate = 8 }'
lab_spawn mail server "$LAB_HOME/held.py" server "$LAB_DIR"
lab_wait 10 "the server" lab_listens mail 25
for i in 67 68 69 70; do
    lab_in stranger ip addr add 203.0.113.$i/24 dev eth0
done
postern_start

# ---- up ----

honest_mail "before"
noise noisy stranger $M4 $NOISY
postern_audited "$NOISY is slowed for 40 s by harvest"
silence
postern_says 0 "^$NOISY +harvest +since .* UTC, slowed, another" blocks
postern_says 0 "SLOWED with $NOISY by harvest" why $NOISY
honest_mail "beside one who is slowed"
noise limited stranger $M4 $NOISY
postern_audited "$NOISY is limited for 40 s by harvest"
lab_wait 60 "a connection too many to be refused" grep -q refused "$LAB_DIR/log/limited.log"
silence
postern_says 0 "^$NOISY +harvest +since .* UTC, limited to 8 connections a minute, another" blocks
postern_says 0 "^done .*; $NOISY is limited by harvest since" incidents "$(postern_ask incidents --open --source $NOISY --json | jq '.rows[0].id')"
postern_says 0 ' 1 of them limited, 0 slowed, 0 refused sessions' status
lab_wait 20 "why to tell of it" why_says $NOISY "try $NOISY -> .* limit, by a limit"
check "the kernel has it" lab_in gw nft get element inet postern limited_v4 "{ $NOISY }"
check "and counts what it refuses" test "$(postern_counter limited)" -gt 0
honest_mail "beside one who is limited"
noise blocked stranger $M4 $NOISY
postern_audited "$NOISY is blocked for 3 s by harvest"
silence
check "who is blocked is not limited" lab_fails_in gw nft get element inet postern limited_v4 "{ $NOISY }"
same "nobody else was punished" "" "$(postern_ask blocks | grep -v "^$NOISY " | grep -v nobody || true)"
honest_mail "beside one who is blocked"
postern_audited "the block of $NOISY by harvest has expired"

# ---- and down ----

postern_stop # what was climbed is kept
postern_start
forget
noise again stranger $M4 $NOISY
postern_audited "$NOISY is blocked for 3 s by harvest"
silence
never_audited 'is (slowed|limited)'
conf climb 'ladder { slow-for = 40s limit-for = 40s block-for = 3s calm = 1s rate = 8 }'
postern_says 0 'is in force' reload
lab_wait 20 "the end of the block" nobody_is_blocked
sleep 4 # calm, three rungs long
noise calmed stranger $M4 $NOISY
postern_audited "$NOISY is slowed for 40 s by harvest"
silence
postern_says 0 "$NOISY is not slowed any more" unblock $NOISY
postern_audited "the tar pit of $NOISY by harvest has been lifted by uid 0"

# ---- who is spared ----

forget
conf climb "ladder { slow-for = 20s limit-for = 20s block-for = 3s calm = 1h rate = 16 }"
postern_says 0 'is in force' reload
same "an upstream asks as it likes" "answered" "$(lab_in isp "$LAB_HOME/noisy.py" $M4 198.51.100.10 5 | sort -u)"
noise shared stranger $M4 $SHARED
postern_audited "$SHARED is limited for 20 s by harvest"
begun=$(answers shared)
lab_wait 60 "it to go on for long enough" answers_more_than shared $((begun + 8))
lab_wait 60 "a part of its connections to be refused" grep -q refused "$LAB_DIR/log/shared.log"
conf climb "ladder { slow-for = 10m limit-for = 10m block-for = 3s calm = 1h rate = 20 }"
postern_says 0 'is in force' reload
lab_wait 60 "the limit to be renewed" is_ordered_for $SHARED 60
silence
never_audited 'is blocked'
lab_in gw nft list set inet postern limited_v4 >"$LAB_DIR/out"
check "the kernel has the rate that is configured now" grep -q "$SHARED limit rate over 20/minute" "$LAB_DIR/out"
same "nobody else was punished" "$SHARED" "$(postern_ask blocks | cut -d ' ' -f 1)"

# ---- over restarts ----

noise turned stranger $M4 $TURNED
postern_audited "$TURNED is slowed for 600 s by harvest"
silence
postern_stop
postern_start
postern_says 0 "^$SHARED +harvest .*, limited to 20 connections a minute, another (9m|10m)" blocks
postern_says 0 "^$TURNED +harvest .*, slowed, another (9m|10m)" blocks
postern_stop
rm -f "$LAB_DIR"/postern.db*
postern_start
postern_audited '1 blocks are in force from before: 0 of the store, 1 that only the kernel knew'
postern_says 0 "^$SHARED +harvest .*, limited to 20 connections a minute, another (9m|10m)" blocks
postern_says 0 "$SHARED is not limited any more" unblock $SHARED
check "nor in the kernel" lab_fails_in gw nft get element inet postern limited_v4 "{ $SHARED }"
postern_audited "the limit of $SHARED by harvest has been lifted by uid 0"

# ---- other actions, and prefixes ----

conf limit 'volume "all" { match = { "any" } per = 32/122 recipients = { 1000/1m } }'
postern_says 0 'is in force' reload
noise v6 stranger $M6 2001:db8:66::66
postern_audited '2001:db8:66::40/122 is limited for 3600 s by harvest'
silence
check "the kernel has the prefix" lab_in gw nft get element inet postern limited_nets_v6 "{ 2001:db8:66::40/122 }"
postern_says 1 '2001:db8:66::66 is limited with 2001:db8:66::40/122: unblock that' unblock 2001:db8:66::66
conf 'refuse-session block-for = 10m'
postern_says 0 'is in force' reload
noise refused stranger $M4 $TURNED
postern_audited "$TURNED is refused sessions for 600 s by harvest"
lab_wait 20 "the other greeting" grep -q 554 "$LAB_DIR/log/refused.log"
silence
lab_wait 20 "why to tell of it" why_says $TURNED "try $TURNED -> .* refuse-session, by an order of the watch"
honest_mail "as ever"

# ---- monitor mode only tells ----

forget
conf climb 'mode = monitor' 'ladder { slow-for = 20s limit-for = 20s block-for = 20s calm = 1h rate = 8 }'
postern_says 0 'is in force' reload
postern_audited "the refusal of $TURNED by harvest has been lifted: the mode is monitor now"
noise told stranger $M4 $WATCHED
for would in slow block; do
    postern_wait_record 60 ".alert.signature_id == 1025300 and .src_ip == \"$WATCHED\" and .finding.would == \"$would\" and .alert.action == \"allowed\""
    echo "ok: told: it would $would"
done
silence
same "and it is only told" "answered" "$(sort -u "$LAB_DIR/log/told.log")"
postern_says 0 'nobody is blocked' blocks
postern_stop
