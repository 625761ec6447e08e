#!/bin/bash
# Runs the fuzz drivers, one after the other, and closes with a table.
#
#   run.sh long BUILD SECONDS [TARGET...]   each for so long; what it learns stays in BUILD/corpus/TARGET
#   run.sh check BUILD [TARGET...]          the same inputs each time: seeds made anew, a fixed number of
#                                           runs from a fixed number on; closes with "N passed, N failed"
#
# A finding is an input that crashed a driver, broke what must hold, leaked, or took too long. It is kept in
# BUILD/findings/TARGET; status 1 tells that there is one. To see it again: BUILD/fuzz_TARGET FILE
set -u
here=$(cd "$(dirname "$0")" && pwd)
mode=${1:?usage: run.sh long|check BUILD [SECONDS] [TARGET...]}
build=$(cd "$2" && pwd)
shift 2
seconds=0
if [ "$mode" = long ]; then
	seconds=${1:?seconds}
	shift
fi

# Runs of each target in a check: about two seconds each on a quiet core.
declare -A check_runs=(
	[address]=30000 [command]=20000 [conf]=800 [dialogue]=1500 [dns]=15000 [escape]=40000 [fragments]=15000 [inspect]=1500
	[kernel]=40000 [netlink]=50000 [packet]=60000 [pcap]=8000 [protocol]=60000 [records]=400 [relay]=3000 [replay]=400 [reply]=4000 [store]=1500 [stream]=2000 [tls]=20000
)
# Longest input of targets that need another than 4096.
declare -A max_len=([address]=300 [command]=300 [dns]=1000 [escape]=300 [kernel]=600 [packet]=300 [stream]=300 [relay]=2000 [conf]=3000 [protocol]=600 [store]=600)
declare -A dictionary=([conf]=$build/seeds/conf.dict [replay]=$build/seeds/replay.dict)
for t in address command dialogue inspect records relay reply; do dictionary[$t]=$here/smtp.dict; done

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
	for driver in "$here"/fuzz_*.c; do
		driver=${driver##*/fuzz_}
		targets+=("${driver%.c}")
	done
fi

# Everything is given back before exit, or LeakSanitizer tells; small pools keep the drivers fast.
export ASAN_OPTIONS=quarantine_size_mb=8:detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1
unset LSAN_OPTIONS

last_number() { # LOG WORD: the number behind the last "WORD: N"
	grep -ao "$2: [0-9]*" "$1" | tail -n 1 | grep -o '[0-9]*$'
}

runs_of() { # LOG
	local n
	n=$(last_number "$1" number_of_executed_units)
	[ -n "$n" ] || n=$(grep -ao '^#[0-9]*' "$1" | tail -n 1 | tr -d '#')
	echo "${n:-0}"
}

# On a terminal, one line that tells how far it is.
show_progress() { # TARGET LOG PID
	local began=$SECONDS
	[ -t 1 ] || return 0
	while kill -0 "$3" 2>/dev/null; do
		printf '\r%-10s %4d s  %9s runs  %6s edges ' "$1" $((SECONDS - began)) "$(runs_of "$2")" "$(last_number "$2" cov)"
		read -r -t 1 <>/dev/zero || true
	done
	printf '\r%60s\r' ''
}

run_one() { # TARGET: adds a line to `table`
	local t=$1 work=$build/run/$1 log=$build/run/$1/log found=$build/findings/$1 corpus args status new
	args=(-max_len="${max_len[$t]:-4096}" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1
		-artifact_prefix="$found/")
	[ -z "${dictionary[$t]:-}" ] || args+=(-dict="${dictionary[$t]}")
	rm -rf "$work"
	mkdir -p "$work" "$found"
	if [ "$mode" = check ]; then
		corpus=$work/corpus
		args+=(-seed=1 -runs="${check_runs[$t]:-1000}" -max_total_time=60)
	else
		corpus=$build/corpus/$t
		args+=(-max_total_time="$seconds")
	fi
	mkdir -p "$corpus"
	new=$(find "$found" -type f | wc -l)
	(cd "$work" && exec "$build/fuzz_$t" "${args[@]}" "$corpus" "$build/seeds/$t") >"$log" 2>&1 </dev/null &
	show_progress "$t" "$log" $!
	wait $!
	status=$?
	new=$(($(find "$found" -type f | wc -l) - new))
	[ "$status" -eq 0 ] || [ "$new" -gt 0 ] || new=1 # the same input as last time
	table+=("$(printf '%-10s %9s %9s %9s' "$t" "$(runs_of "$log")" "$(last_number "$log" cov)" "$new")")
	[ "$new" -eq 0 ] && return
	failed=$((failed + 1))
	grep -aE 'does not hold|runtime error|ERROR:|SUMMARY' "$log" | head -n 6
	echo "FAIL  $t: $(grep -ao 'Test unit written to .*' "$log" | tail -n 1 | sed 's/.* to //' || true) (all of it: $log)"
}

rm -rf "$build/seeds"
python3 "$here/seeds.py" "$build/seeds" || exit 1
table=() failed=0
for target in "${targets[@]}"; do
	if [ ! -x "$build/fuzz_$target" ] || [ ! -d "$build/seeds/$target" ]; then
		echo "run.sh: there is no driver, or no seed, for $target" >&2
		exit 2
	fi
	run_one "$target"
done

printf '%-10s %9s %9s %9s\n' target runs edges findings
printf '%s\n' "${table[@]}"
if [ "$mode" = check ]; then
	echo "$((${#targets[@]} - failed)) passed, $failed failed"
elif [ "$failed" -gt 0 ]; then
	echo "findings are in $build/findings; to see one again: $build/fuzz_TARGET FILE"
fi
[ "$failed" -eq 0 ]
