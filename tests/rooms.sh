#!/bin/bash
# The house stays a house: no room includes what it may not use, and the pure rooms link alone.
#
# The table says for each room which other rooms' headers it may include; every room may include its
# own, base and the contracts (postern/). Pure rooms may include only these C headers beside.
set -u
cd "$(dirname "$0")/.." || exit 1
archive=${1:?usage: tests/rooms.sh LIBPOSTERN.A}
failed=0 passed=0

check() { # DESCRIPTION STATUS
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok    $1"
	else
		failed=$((failed + 1))
		echo "FAIL  $1"
	fi
}

pure='base wire smtp policy watch inspect'
libc='assert.h ctype.h errno.h limits.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h inttypes.h'

declare -A may=(
	[base]=''
	[wire]=''
	[smtp]=''
	[policy]='smtp/address.h'
	[inspect]='inspect.h inspect_again.h inspect_flow.h wire smtp policy'
	[watch]='policy'
	[tap]=''
	[conf]='policy'
	[dns]='policy'
	[gate]='policy'
	[report]='policy/policy.h policy/suppress.h policy/watching.h smtp/address.h'
)
# base alone talks to the system: memory, clock, randomness, stderr, and the address text functions.
declare -A system_headers=([base]='arpa/inet.h endian.h fcntl.h sys/stat.h netinet/in.h sys/mman.h sys/random.h sys/syscall.h time.h pthread.h unistd.h')

files_of() {
	if [ "$1" = inspect ]; then ls src/inspect*.[ch]; else ls src/"$1"/*.[ch] 2>/dev/null; fi
}

forbidden() { # ROOM: prints the includes it may not have
	local room=$1 file header allowed
	for file in $(files_of "$room"); do
		while read -r header; do
			case $header in
			postern/* | base/* | "$room"/*) continue ;;
			esac
			for allowed in ${may[$room]}; do
				[[ $header == "$allowed" || $header == "$allowed"/* ]] && continue 2
			done
			echo "$file includes \"$header\""
		done < <(sed -n 's/^#include "\(.*\)".*/\1/p' "$file")
		[[ " $pure " == *" $room "* ]] || continue
		while read -r header; do
			[[ " $libc ${system_headers[$room]-} " == *" $header "* ]] || echo "$file includes <$header>"
		done < <(sed -n 's/^#include <\(.*\)>.*/\1/p' "$file")
	done
}

for room in base wire smtp policy inspect watch tap conf dns gate report; do
	[ -n "$(files_of "$room")" ] || continue
	found=$(forbidden "$room")
	[ -z "$found" ] || echo "$found"
	check "room $room includes only what it may" "$([ -z "$found" ]; echo $?)"
done

# Libraries that live in one room only.
only() { # HEADER-PATTERN ROOM[|ROOM...]
	local found
	found=$(grep -lE "^#include <$1" src/*.[ch] src/*/*.[ch] | grep -vE "^src/($2)/" || true)
	[ -z "$found" ] || echo "$found"
	check "<$1...> is included in $2 only" "$([ -z "$found" ]; echo $?)"
}
only 'confuse' conf
only 'libnftnl' gate
only 'libnetfilter' tap
only 'pcap' tap
only 'jansson' 'report|posternd|postern'
only 'unbound' dns
only 'nettle' report
only 'sqlite3' report
only 'ncurses' postern
only 'ev\.h' posternd

# The archive links with the C library alone, every object of it.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo 'int main(void) { return 0; }' >"$scratch/main.c"
extra=()
sanitizers=address,undefined
nm "$archive" 2>/dev/null | grep -q __asan_init && extra=("-fsanitize=$sanitizers")
if "${CC:-gcc}" "${extra[@]}" -o "$scratch/alone" "$scratch/main.c" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive 2>"$scratch/err"; then
	check 'libpostern.a links with the C library alone' 0
else
	head -5 "$scratch/err"
	check 'libpostern.a links with the C library alone' 1
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
