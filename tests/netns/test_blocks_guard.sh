#!/bin/bash
# test_blocks_guard.sh - blocks and the kernel's state in other people's hands: 50,000 of them are back after the table
# was deleted; elements that others put in, or that nobody has told of, are taken out; the operator's bypass goes before
# blocks; what the kernel does not let go of is tried again; postern down ends all of it, and a start puts it back.
# time-limit: 240

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=postern.sh
. "$(dirname "$0")/postern.sh"

lab_up
lab_need "${CC:-cc}" jq nft python3
"${CC:-cc}" -D_GNU_SOURCE -Wall -Werror -shared -fPIC -o "$LAB_DIR/lacks.so" "$LAB_HOME/lacks.c" -ldl

S4=203.0.113.66
M4=192.168.10.10

quietly() {
    "$@" >"$LAB_DIR/out" 2>&1 || lab_fail "$*: $(<"$LAB_DIR/out")"
}

code() { # HOST ADDRESS: of the greeting
    codes_from "$@" | cut -d ' ' -f 1
}

is_refused() { # HOST ADDRESS
    [[ $(code "$1" "$2") == refused ]]
}

passes() { # HOST ADDRESS
    [[ $(code "$1" "$2") == 220 ]]
}

count() {
    postern_ask status --json | jq .blocks.count
}

in_set() { # SET TEXT
    lab_in gw nft list set inet postern "$1" 2>/dev/null | grep -qF "$2"
}

out_of_set() { # SET TEXT
    ! in_set "$1" "$2"
}

elements() { # SET
    lab_in gw nft list set inet postern "$1" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+){3}' | wc -l
}

has_elements() { # SET NUMBER
    [[ $(elements "$1") == "$2" ]]
}

world='rule "in" { from = { "any" } to = { "any" } do = inspect }'
settings=("$world" 'nft { own = no }' 'block { size = 60000 }')
postern_conf "${settings[@]}"
lab_spawn mail server "$LAB_HOME/held.py" server "$LAB_DIR"
lab_wait 10 "the server" lab_listens mail 25
LD_PRELOAD="$LAB_DIR/lacks.so" LACKS="batches:$LAB_DIR/lost" postern_start

# ---- others put in whom we never would ----

quietly postern_ask block $S4 203.0.113.128/26
same "the stranger is refused" refused "$(code stranger $M4)"
quietly lab_in gw nft add element inet postern blocked_v4 '{ 198.51.100.10 }'
lab_wait 10 "somebody else's block of an upstream to be taken out" out_of_set blocked_v4 198.51.100.10
lab_wait 10 "the upstream to pass" passes isp $M4
quietly lab_in gw nft flush set inet postern blocked_nets_v4
lab_wait 10 "the prefix to be back" in_set blocked_nets_v4 203.0.113.128
same "ours is in force" refused "$(code stranger $M4)"

# ---- what no notice told: more than the socket holds ----

python3 - >"$LAB_DIR/noise.nft" <<'EOP'
print("add table inet noise")
print("add set inet noise s { type ipv4_addr; }")
for i in range(400):
    print("add element inet noise s {", ", ".join(f"10.{i // 4}.{i % 4 * 64 + j // 250}.{j % 250}" for j in range(1000)), "}")
print("add element inet postern bypass { 25 timeout 1h }")
print("add element inet postern blocked_v4 { 198.51.100.10 }")
EOP
kill -STOP "$POSTERN_PID"
status=0
lab_in gw nft -f "$LAB_DIR/noise.nft" 2>"$LAB_DIR/err" || status=$?
kill -CONT "$POSTERN_PID"
same "nft has done it: $(head -c 200 "$LAB_DIR/err")" 0 "$status"
lab_wait 20 "the bypass that nobody told of to be taken out" out_of_set bypass expires
lab_wait 20 "the block that nobody told of to be taken out" out_of_set blocked_v4 198.51.100.10
lab_wait 20 "the upstream to pass" passes isp $M4
same "ours is in force" refused "$(code stranger $M4)"
quietly lab_in gw nft delete table inet noise

# ---- what the kernel does not let go of ----

quietly postern_ask block 203.0.113.200
touch "$LAB_DIR/lost"
quietly lab_in gw ip addr add 203.0.113.200/24 dev str0
said 'what had to be lifted is STILL BLOCKED'
check "status says that something is wrong" eval 'postern_ask status | grep -q "^WRONG.*blocks are NOT IN FORCE"'
rm "$LAB_DIR/lost"
lab_wait 10 "the kernel to let go of it" out_of_set blocked_v4 203.0.113.200
said 'the blocks are in force again'
same "two are left" 2 "$(count)"
quietly lab_in gw ip addr del 203.0.113.200/24 dev str0

# ---- the operator's bypass goes before blocks ----

quietly postern_ask bypass 5m
same "in a bypass the blocked one passes" 220 "$(code stranger $M4)"
quietly lab_in gw nft delete table inet postern
lab_wait 10 "the repair" in_set blocked_v4 $S4
check "the bypass goes on" in_set bypass expires
same "and he passes" 220 "$(code stranger $M4)"
quietly postern_ask bypass off
lab_wait 10 "the end of the bypass" is_refused stranger $M4

# ---- the table goes, with 50,000 in it ----

python3 -c 'for i in range(50000): print(f"{100 + i // 65536}.{i // 256 % 256}.{i % 256}.7")' >"$LAB_DIR/many"
quietly postern_ask block -f "$LAB_DIR/many" --for 1h
begun=$(date +%s%N)
quietly lab_in gw nft flush ruleset
lab_wait 20 "a block after the repair" is_refused stranger $M4
echo "figure: $((($(date +%s%N) - begun) / 1000000)) ms from flush ruleset to a refused try, with 50,000 blocks"
lab_wait 20 "all of them" has_elements blocked_v4 50001
same "an upstream passes" 220 "$(code isp $M4)"
postern_conf "${settings[@]}" 'upstream "isp" { addresses = { "198.51.100.10", "192.0.2.77" } }'
quietly postern_ask reload
same "a reload leaves them" "50002 50001 refused" "$(count) $(elements blocked_v4) $(code stranger $M4)"

# ---- thousands are ours all at once ----

postern_conf "${settings[@]}" 'never-block = { "100.0.0.0/8" }'
begun=$(date +%s%N)
quietly postern_ask reload
lab_wait 60 "them to be lifted" eval '[[ $(count) == 2 ]]'
echo "figure: $((($(date +%s%N) - begun) / 1000000)) ms until 50,000 blocks were lifted by a reload"
same "in the kernel, too" 1 "$(elements blocked_v4)"
same "the others go on" refused "$(code stranger $M4)"

# ---- down, and up again ----

quietly lab_in gw "$BUILD/postern" down -c "$LAB_DIR/postern.conf"
wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
same "nothing is left of them" "220 " "$(code stranger $M4) $(lab_in gw nft list tables | grep postern || true)"
postern_start
same "a start puts them back" "2 refused" "$(count) $(code stranger $M4)"
postern_stop
