#!/bin/bash
# `postern read` over every capture of tests/pcap, whole and cut, under valgrind: no error, no leak.
set -u
cd "$(dirname "$0")/.." || exit 1
postern=${1:?usage: tests/valgrind.sh BUILD}/postern
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

for capture in tests/pcap/*.pcap; do
	head -c $(($(stat -c %s "$capture") * 2 / 3)) "$capture" >"$scratch/cut.pcap"
	for file in "$capture" "$scratch/cut.pcap"; do
		valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
			"$postern" read --home 192.168.0.0/16 --domain example.org "$file" >"$scratch/out" 2>"$scratch/err"
		status=$?
		if [ $status -eq 99 ] || [ ! -s "$scratch/out" ]; then
			failed=$((failed + 1))
			echo "FAIL  $capture${file#"$capture"} (status $status)"
			cat "$scratch/err"
		else
			passed=$((passed + 1))
		fi
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
