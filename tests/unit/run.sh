#!/bin/bash
# Runs the unit test programs given as arguments, shows the report of those that failed, and closes
# with "N passed, N failed, N skipped". A program counts as one; one that prints lines "SKIPPED: why" could
# not test all it should and counts as skipped.
set -u
passed=0 failed=0 skipped=0
for program in "$@"; do
	name=$(basename "$program")
	if report=$("$program" 2>&1 </dev/null); then
		if why=$(grep -m 1 '^SKIPPED' <<<"$report"); then
			skipped=$((skipped + 1))
			printf '%s (%s)\n' "$why" "$name"
			continue
		fi
		passed=$((passed + 1))
		asserts=$(awk '$1 == "asserts" { print $2 }' <<<"$report")
		printf 'ok    %-24s %s asserts\n' "$name" "${asserts:-?}"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s\n%s\n' "$name" "$report"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
