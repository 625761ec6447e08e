#!/bin/bash
# run.sh - runs the tests of this folder, one after another, each as a process of its own.
#
#   run.sh [NAME...]     NAME: "lab", "test_lab.sh" or a path; without any, all test_*.sh of this folder
#
# One line for each test: ok, FAIL or SKIPPED, its name, seconds, and the reason of a skip; the log of a failed one
# follows it, indented, and the "figure:" lines of one that passed. The very last line is "N passed, N failed, N skipped".
# Exit 1 if any failed.
#
# A test says by its exit code how it went: 0 passed, 77 could not run (then it says "SKIPPED: why"), else failed.
# It may run for LAB_LIMIT seconds (120), or for what its own line "# time-limit: SECONDS" says; then its process group
# gets TERM, and ten seconds later KILL. A test whose lab is still there five seconds after its end has failed too:
# the directory of a lab is the last thing that clean-up removes. With LAB_KEEP=1 labs stay, and nobody minds.
#
# With LAB_LEAN=1 and no NAME, tests with a line "# lean: WHY" are left out: they took too long for what they would show
# a second time. With LAB_PART=1/2 and no NAME, the first, third, fifth, ... of the tests; with 2/2 the others.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0 skipped=0
running=

# All labs of this run are made in one directory, which is passable for Postfix's own user.
LAB_ROOT=$(mktemp -d /tmp/netns.XXXXXX) || exit 1
export LAB_ROOT
chmod 755 "$LAB_ROOT"

# leave - ends the test that runs, if we are stopped in the middle, and removes what is ours. A kept lab stays.
leave() {
    trap '' INT TERM
    if [[ -n $running ]]; then
        kill "$running" 2>/dev/null
        wait "$running"
        labs_left >/dev/null
    fi
    rm -f "$LAB_ROOT"/*.log
    rmdir "$LAB_ROOT" 2>/dev/null
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# find_test NAME - prints the path of the test.
find_test() {
    local name=$1 path

    for path in "$here/test_$name.sh" "$here/$name" "$name"; do
        [[ -f $path ]] && echo "$path" && return
    done
    return 1
}

# tests_there - prints their names, a blank before each.
tests_there() {
    local path

    for path in "$here"/test_*.sh; do
        path=${path##*/test_}
        printf ' %s' "${path%.sh}"
    done
}

# labs_left - gives labs five seconds to vanish, then prints the directories of those that are still there.
labs_left() {
    local try left

    [[ -z ${LAB_KEEP:-} ]] || return
    for ((try = 0; try < 100; try++)); do
        left=$(find "$LAB_ROOT" -mindepth 1 -maxdepth 1 -type d)
        [[ -n $left ]] || return
        sleep 0.05
    done
    echo "$left"
}

# line WORD NAME START REASON - prints the line about a test that began at START, in microseconds.
line() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - $3) / 100000))

    printf '%-7s %s (%d.%d s)%s\n' "$1" "$2" $((tenths / 10)) $((tenths % 10)) "${4:+: $4}"
}

# fail NAME START REASON LOG
fail() {
    failed=$((failed + 1))
    line FAIL "$1" "$2" "$3"
    sed 's/^/    | /' "$4"
}

# run_one PATH - runs one test and counts the outcome.
run_one() {
    local path=$1 name limit code left why start=${EPOCHREALTIME/[.,]/}
    local log=$LAB_ROOT/test.log

    name=$(basename "$path" .sh)
    limit=$(sed -n 's/^# time-limit: *\([0-9][0-9]*\).*/\1/p' "$path" | head -n 1)
    limit=${limit:-${LAB_LIMIT:-120}}

    # In the background, so that a signal to us is not kept waiting; `timeout` hands ours on to the test.
    timeout --kill-after=10 "$limit" bash "$path" </dev/null >"$log" 2>&1 &
    running=$!
    wait "$running" 2>/dev/null        # where bash would remark that it was killed
    code=$?
    running=

    left=$(labs_left)
    if [[ -n $left ]]; then
        fail "$name" "$start" "ended with $code and left $left" "$log"
    elif [[ $code -eq 0 ]]; then
        passed=$((passed + 1))
        line ok "$name" "$start" ""
        grep '^figure: ' "$log" # measured, not asserted
        [[ -z ${LAB_KEEP:-} ]] || grep -A 3 '^The lab is kept' "$log"
    elif [[ $code -eq 77 ]]; then
        skipped=$((skipped + 1))
        why=$(sed -n 's/^SKIPPED: //p' "$log" | tail -n 1)
        line SKIPPED "$name" "$start" "${why:-and it does not say why}"
    elif [[ $code -eq 124 ]]; then
        fail "$name" "$start" "stopped after its $limit s" "$log"
    elif [[ $code -eq 137 ]]; then
        fail "$name" "$start" "killed (its time is $limit s)" "$log"
    else
        fail "$name" "$start" "exit code $code" "$log"
    fi
}

if [[ $EUID -ne 0 ]]; then
    echo "NOT ROOT: tests in network namespaces need root; what follows is skipped, not tested."
fi
if [[ $# -eq 0 ]]; then
    set -- "$here"/test_*.sh
    if [[ -n ${LAB_LEAN:-} ]]; then
        echo "left out here:$(grep -l '^# lean: ' "$@" | sed 's/.*test_/ /; s/\.sh$//' | tr -d '\n')"
        mapfile -t lean < <(grep -L '^# lean: ' "$@")
        set -- "${lean[@]}"
    fi
    if [[ ${LAB_PART:-} =~ ^([0-9]+)/([0-9]+)$ ]]; then
        mapfile -t part < <(printf '%s\n' "$@" | awk -v n="${BASH_REMATCH[1]}" -v of="${BASH_REMATCH[2]}" 'NR % of == n % of')
        set -- "${part[@]}"
    fi
fi
for name; do
    if path=$(find_test "$name"); then
        run_one "$path"
    else
        failed=$((failed + 1))
        echo "FAIL    $name: there is no such test; those of tests/netns/test_*.sh are$(tests_there)"
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 ]]
