#!/bin/bash
# postern.sh - Postern on the lab's gateway; source it after lab.sh.
#
#   postern_conf [LINE...]       writes $LAB_DIR/postern.conf: enforce, the ISP pattern, action refuse-recipient;
#                                lines given replace the line that sets the same key or opens the same block
#   postern_start [OPTION...]    starts posternd on gw and waits until it says that it is ready
#   postern_stop [SPOILED]       SIGTERM, waits for the end; fails if it did not leave with status 0, or if the kernel
#                                has other rules then than the configuration wants, unless somebody spoiled them
#   postern_forget               what a stopped posternd has told and remembers goes: the next one begins a new story
#   postern_rules_stand          the kernel has just the rules that the configuration wants, read back by netlink
#   postern_records FILTER       the records that a jq filter selects, as compact JSON
#   postern_wait_record SECONDS FILTER   waits for one
#   postern_replays N            the records that were written tell a replay the same: what each source has done, by rule, and how
#                                often, at least N such rows. Not what only bytes show, or the kernel has refused
#   postern_ask COMMAND...       postern COMMAND, asking this posternd
#   postern_says STATUS PATTERN COMMAND...   postern COMMAND says so, on whichever output, and leaves with this status
#   postern_audited PATTERN      waits for an audit record with such evidence
#   postern_counter NAME         packets that a named counter of the ruleset has seen
#   said PATTERN                 waits until the daemon's log has such a line, and prints the first
#   settled                      every queued packet had its verdict, by the kernel's counters
#   postern_kernel_dropped       packets that the kernel dropped before our queues: when full, when not read
#
# BUILD names the folder of the binaries (build/release).

REPO=$(cd "$LAB_HOME/../.." && pwd)
BUILD=${BUILD:-build/release}
[[ $BUILD == /* ]] || BUILD=$REPO/$BUILD
POSTERN_LEAK_CHECK=detect_leaks=1:verify_asan_link_order=0 # a preloaded library comes before the sanitizer's

postern_conf() {
    local line key defaults
    defaults=$(
        cat <<-EOT
	mode = enforce
	home = { "192.168.0.0/16", "fd00:25::/32" }
	upstream "isp" { addresses = { "198.51.100.10", "2001:db8:25::10" } }
	servers "mail" { addresses = { "192.168.10.10", "fd00:25:10::10" } names = { "mx.example.org" } domains = { "example.org" } }
	rule "in" { from = { "isp" } to = { "mail" } do = inspect }
	rule "out" { from = { "mail" } to = { "isp" } do = inspect }
	rule "lan" { from = { "home" } to = { "mail" } do = inspect }
	otherwise = refuse
	relay { action = refuse-recipient tricks = refuse-recipient }
	log { eve = "$LAB_DIR/eve.json" }
	control { path = "$LAB_DIR/control.sock" }
	store { path = "$LAB_DIR/postern.db" }
	EOT
    )
    for line; do
        key=${line%%[={]*}
        defaults=$(grep -vF "${key%% }" <<<"$defaults" || true)
    done
    {
        echo "$defaults"
        printf '%s\n' "$@"
    } >"$LAB_DIR/postern.conf"
}

postern_start() {
    [[ -x $BUILD/posternd ]] || lab_fail "$BUILD/posternd is not built: make"
    rm -f "$LAB_DIR/log/posternd.log"
    ASAN_OPTIONS=$POSTERN_LEAK_CHECK lab_spawn gw posternd "$BUILD/posternd" -c "$LAB_DIR/postern.conf" "$@"
    POSTERN_PID=$LAB_PID
    lab_wait 20 "posternd to be ready" grep -qE 'mode: [0-9]+ queue' "$LAB_DIR/log/posternd.log"
    postern_wait_answer
}

# It guards before it can be asked. Where it never can, since a test will have it so, this is no fault.
postern_wait_answer() {
    local status try

    for try in {1..30}; do
        status=0
        postern_ask status >"$LAB_DIR/first_answer" 2>&1 || status=$?
        [[ $status == 3 ]] || return 0
        sleep "$((try > 20)).1"
    done
}

postern_stop() {
    kill -TERM "$POSTERN_PID"
    wait "$POSTERN_PID" || lab_fail "posternd left with status $?"
    [[ -n ${1:-} ]] || postern_rules_stand
}

postern_forget() {
    rm -f "$LAB_DIR/eve.json" "$LAB_DIR"/postern.db*
}

postern_rules_stand() {
    lab_in gw "$BUILD/postern" verify -c "$LAB_DIR/postern.conf" >"$LAB_DIR/verify" 2>&1 ||
        lab_fail "the rules: $(<"$LAB_DIR/verify")"
}

postern_records() {
    jq -c "select($1)" "$LAB_DIR/eve.json"
}

postern_has_record() {
    [[ -n $(postern_records "$1") ]]
}

postern_wait_record() {
    lab_wait "$1" "a record with $2" postern_has_record "$2"
}

postern_found() { # FILE
    jq -r 'select(.event_type == "alert") | .src_ip as $source |
        ([.alert.signature_id, .incident.rule_count], (.incident.facets // [] | .[] | [.signature_id, .count])) |
        select((.[0] | IN(1025400, 1025401, 1025410, 1025420, 1025430) | not) and (.[0] < 1025500 or .[0] == 1025600)) |
        "\($source) \(.[0]) \(.[1])"' "$1" | sort -k1,2 -k3nr | awk '!seen[$1 " " $2]++'
}

postern_replays() {
    local now again

    "$BUILD/postern" replay -c "$LAB_DIR/postern.conf" "$LAB_DIR/eve.json" >"$LAB_DIR/again.json" 2>"$LAB_DIR/again" || true
    now=$(postern_found "$LAB_DIR/eve.json")
    again=$(postern_found "$LAB_DIR/again.json")
    [[ $(wc -l <<<"$now") -ge $1 ]] || lab_fail "there is little to be found again: $now"
    [[ $now == "$again" ]] || lab_fail "the records tell a replay something else: $(diff <(echo "$now") <(echo "$again"))"
    echo "ok: a replay of the records finds the same"
}

postern_ask() {
    lab_in gw "$BUILD/postern" "$1" -c "$LAB_DIR/postern.conf" "${@:2}"
}

postern_says() { # STATUS PATTERN COMMAND...
    local status=0

    postern_ask "${@:3}" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
    cat "$LAB_DIR/err" >>"$LAB_DIR/out"
    check "postern ${*:3} says: $2" grep -qE -- "$2" "$LAB_DIR/out"
    same "and leaves with" "$1" "$status"
}

postern_audited() { # PATTERN
    postern_wait_record 60 ".alert.signature_id == 1025520 and (.finding.evidence[0] | test(\"$1\"))"
    echo "ok: told: $1"
}

postern_counter() {
    lab_in gw nft -j list counter inet postern "$1" | jq '.nftables[] | select(.counter) | .counter.packets'
}

said() { # PATTERN
    lab_wait 10 "posternd to say: $1" grep -qE "$1" "$LAB_DIR/log/posternd.log"
    echo "ok: $(grep -m 1 -E "$1" "$LAB_DIR/log/posternd.log" || true)"
}

settled() {
    [[ $(postern_counter queued) == $(($(postern_counter inspected) + $(postern_counter blind))) ]]
}

postern_kernel_dropped() {
    lab_in gw awk '{ full += $6; unread += $7 } END { print full, unread }' /proc/net/netfilter/nfnetlink_queue
}
