#!/bin/bash
# Runs the unit test programs given as arguments, shows the report of those that failed, and closes
# with "N passed, N failed". A program counts as one.
set -u
passed=0 failed=0
for program in "$@"; do
	name=$(basename "$program")
	if report=$("$program" 2>&1 </dev/null); then
		passed=$((passed + 1))
		asserts=$(awk '$1 == "asserts" { print $2 }' <<<"$report")
		printf 'ok    %-24s %s asserts\n' "$name" "${asserts:-?}"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s\n%s\n' "$name" "$report"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
