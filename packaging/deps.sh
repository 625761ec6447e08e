#!/bin/sh
# deps.sh - what building and testing Postern needs, on Debian 12 and 13; the one list.
#
#   deps.sh missing GROUP...   prints what is missing, one line each; status 1 if anything is
#   deps.sh install GROUP...   installs the groups' packages with apt-get (root)
#   deps.sh packages GROUP...  prints the groups' package names
#
# Groups: build, check, fuzz, lint, vm (without which the check skips a stage). Each line of the table: group, how presence is seen (cmd: a command on
# the PATH, pkg: a pkg-config module, hdr: a C header, rt: a library of clang's -fsanitize), Debian package.
set -eu

table='
build cmd:gcc                  gcc
build hdr:stdio.h              libc6-dev
build cmd:pkg-config           pkg-config
build pkg:libmnl               libmnl-dev
build pkg:libnftnl             libnftnl-dev
build pkg:libnetfilter_queue   libnetfilter-queue-dev
build pkg:libnetfilter_log     libnetfilter-log-dev
build pkg:libpcap              libpcap-dev
build pkg:libconfuse           libconfuse-dev
build pkg:jansson              libjansson-dev
build pkg:libidn2              libidn2-dev
build pkg:nettle               nettle-dev
build pkg:zlib                 zlib1g-dev
build pkg:sqlite3              libsqlite3-dev
build pkg:ncursesw             libncurses-dev
build hdr:unbound.h            libunbound-dev
build hdr:ev.h                 libev-dev
check hdr:CUnit/CUnit.h        libcunit1-dev
check cmd:ip                   iproute2
check cmd:nft                  nftables
check cmd:python3              python3
check cmd:jq                   jq
check cmd:swaks                swaks
check cmd:pgrep                procps
check cmd:tcpdump              tcpdump
check cmd:nc.openbsd           netcat-openbsd
check cmd:msmtp                msmtp
check cmd:openssl              openssl
check cmd:valgrind             valgrind
fuzz  cmd:clang                clang
fuzz  rt:fuzzer                libclang-rt-dev
fuzz  cmd:python3              python3
lint  cmd:clang-format         clang-format
lint  cmd:clang-tidy           clang-tidy
lint  cmd:cppcheck             cppcheck
lint  cmd:shellcheck           shellcheck
vm    cmd:qemu-system-x86_64   qemu-system-x86
vm    cmd:depmod               kmod
'

rows() {
	for group in "$@"; do
		printf '%s\n' "$table" | awk -v g="$group" '$1 == g { print $2, $3 }'
	done
}

present() {
	name=${1#*:}
	case $1 in
	cmd:*) PATH=$PATH:/usr/sbin:/sbin command -v "$name" >/dev/null 2>&1 ;;
	pkg:*) pkg-config --exists "$name" 2>/dev/null ;;
	hdr:*) printf '#include <stddef.h>\n#include <%s>\n' "$name" | ${CC:-gcc} -E - >/dev/null 2>&1 ;;
	rt:*) echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' | clang "-fsanitize=$name" -o /dev/null -x c - >/dev/null 2>&1 ;;
	esac
}

missing() {
	rows "$@" | {
		status=0
		while read -r how package; do
			present "$how" && continue
			echo "missing: ${how#*:} (Debian package $package)"
			status=1
		done
		return $status
	}
}

packages() {
	rows "$@" | cut -d" " -f2 | sort -u
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
missing) missing "$@" ;;
packages) packages "$@" ;;
install)
	if [ "$(id -u)" -ne 0 ]; then
		echo "deps: installing packages needs root: sudo $0 install $*" >&2
		exit 1
	fi
	if ! command -v apt-get >/dev/null; then
		echo "deps: no apt-get here; install what these Debian packages hold: $(packages "$@" | tr '\n' ' ')" >&2
		exit 1
	fi
	apt-get update -qq
	# shellcheck disable=SC2046
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(packages "$@")
	missing "$@"
	;;
*)
	echo "usage: deps.sh missing|install|packages GROUP..." >&2
	exit 2
	;;
esac
