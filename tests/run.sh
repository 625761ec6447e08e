#!/bin/bash
# The whole test, stage by stage: what `make check` and .ci/run both run. Each stage's output goes to
# build/check/STAGE.log and is shown if the stage fails. Closes with "N passed, N failed, N skipped",
# summed over the stages that count.
#
# Once all is built, four lanes run beside each other: two halves of the lab, and the lab with sanitizers, which wait for mail
# servers most of the time, and what needs all processors. The second kernel, which needs one processor for some minutes,
# follows one half, what else needs one at a time follows the other.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/check
counts=build/check/counts
: >"$counts"
: >build/check/failed
began=$SECONDS
make=${MAKE:-make}
lean=yes
[ -z "${FULL:-}" ] || lean= # FULL=1: all lab tests under sanitizers, too, and more of each

# A stage that closes with a line "N passed, N failed[, N skipped]" is counted by it, another one as a
# single test. It is told in one piece when it is over.
stage() { # NAME COMMAND...
	local name=$1 log=build/check/$1.log start=$SECONDS status p f s
	shift
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	if [[ $(grep -E '^[0-9]+ passed, ' "$log" | tail -n 1) =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
		p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
		[ "$status" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	else
		p=$((status == 0)) f=$((status != 0)) s=0
	fi
	echo "$p $f $s" >>"$counts"
	[ "$f" -eq 0 ] || { grep '^FAIL' "$log" || echo "FAIL  see above"; } | sed "s/^/$name: /" >>build/check/failed
	{
		printf '== %-14s %3d passed %2d failed %2d skipped  %4d s\n' "$name" "$p" "$f" "$s" $((SECONDS - start))
		[ "$f" -eq 0 ] || sed 's/^/   | /' "$log" | tail -n 120
		grep '^SKIPPED' "$log" | sed 's/^/   /'
	} >build/check/told."$name"
	cat build/check/told."$name"
	return 0
}

# Ends all lanes when we are stopped.
trap 'trap - TERM INT; kill 0' TERM INT

stage peers "$make" --no-print-directory peers & # downloads and unpacks
stage build "$make" --no-print-directory -j2 all
stage build-san "$make" --no-print-directory -j2 SAN=1 all
wait

stage lab-san env BUILD=build/san ${lean:+LAB_LEAN=1} tests/netns/run.sh &
{
	stage lab-2 env BUILD=build/release LAB_PART=2/2 tests/netns/run.sh
	stage commands tests/commands.sh build/release
	stage commands-san tests/commands.sh build/san
	stage recut python3 tests/pcap/recut.py build/release/postern
	stage replay python3 tests/replay/check.py build/release/postern
	stage eval python3 tests/eval/eval.py build/release/postern --quick
	stage valgrind tests/valgrind.sh build/release
} &
{
	stage lab-1 env BUILD=build/release LAB_PART=1/2 tests/netns/run.sh
	stage vm "$make" --no-print-directory check-vm
} &

stage lint "$make" --no-print-directory lint
stage unit "$make" --no-print-directory -j2 unit
stage rooms "$make" --no-print-directory rooms
stage unit-san "$make" --no-print-directory -j2 SAN=1 unit
stage fuzz "$make" --no-print-directory -j2 fuzz-check
stage corpus "$make" --no-print-directory corpus
wait

cat build/check/failed # once more, since what a stage has told may be far above
printf '%d s\n' $((SECONDS - began))
awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' "$counts"
