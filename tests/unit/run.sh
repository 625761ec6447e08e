#!/bin/bash
# Runs the unit test programs given as arguments, shows the reports of those that failed below the list, and closes
# with "N passed, N failed, N skipped". A program counts as one; one that prints lines "SKIPPED: why" could
# not test all it should and counts as skipped. JOBS run beside one another, one more than there are processors, since some wait
# for the kernel or a disk most of their time; they are told in the order in which they were given.
set -u
passed=0 failed=0 skipped=0
reports=$(mktemp -d) || exit 1
trap 'rm -rf "$reports"' EXIT
trap 'exit 1' HUP INT TERM

# shellcheck disable=SC2016 # the inner shell's
printf '%s\0' "$@" | xargs -0 -r -n 1 -P "${JOBS:-$(($(nproc) + 1))}" bash -c \
	'name=$1/$(basename "$2"); "$2" >"$name" 2>&1 </dev/null; echo $? >"$name.status"' - "$reports"

for program in "$@"; do
	name=$(basename "$program")
	report=$(cat "$reports/$name")
	if [[ $(cat "$reports/$name.status") == 0 ]]; then
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
		printf 'FAIL  %s\n%s\n' "$name" "$report" >>"$reports/failed"
	fi
done
cat "$reports/failed" 2>/dev/null
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
