#!/bin/bash
# peers.sh - mail and DNS servers for the tests, unpacked and not installed.
#
#   peers.sh get NAME...   makes the tree build/peers/NAME of each; at once when it is there already
#
# Installing a mail server replaces the one a machine has and opens port 25 there. So the tests run Debian's packages
# from a folder: `apt-get download`, `dpkg-deb -x`. What runs in it is started by tests/netns/peer.sh, which lays the
# tree over /usr and /etc for that one process. Hence the tree has
#
#   usr/          the package's programs, and those libraries they need which this machine does not have
#   etc/          the package's, with a passwd and a group of its own: root, nobody and the server's users
#
# A tree counts as there when its program finds all its libraries; one that does not, as after an upgrade of the
# machine, is made anew. A package that lies in build/peers/debs is taken from there instead of downloaded, which is
# the way for a machine without network; it is removed when the tree is made. Root is needed only where apt has no
# package lists yet.
#
# Limits. A server gets by with its package and libraries: the map types that Debian packs separately are not there.
# Rejected: apt-get install of the libraries (the machine would keep them, or upgrade its own for the sake of a test).

set -euo pipefail
umask 022

# One line each: name, package, a program in it that links all libraries, its accounts: each a user and a group of that
# name and number (from the range that Debian assigns to nobody).
table="\
postfix    postfix            usr/lib/postfix/sbin/smtpd  postfix:65025      postdrop:65026
exim       exim4-daemon-light usr/sbin/exim4              Debian-exim:65027
opensmtpd  opensmtpd          usr/sbin/smtpd              opensmtpd:65028    opensmtpq:65029
nsd        nsd                usr/sbin/nsd                nsd:65030
unbound    unbound            usr/sbin/unbound            unbound:65031
ldns       ldnsutils          usr/bin/ldns-signzone       nsd:65030"

peers=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/peers
by_hand="What helps: a network; being root, when the package lists are missing; or the .deb files in $peers/debs"
apt=(apt-get -o APT::Sandbox::User=root -qq) # _apt, whom it would become otherwise, may not write here

die() {
	printf 'peers: %s\n' "$@" >&2
	exit 1
}

# missing TREE PROGRAM - prints the libraries that the program does not find; true if there are none.
missing() {
	local dirs found

	dirs=$(find "$1/usr/lib" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
	found=$(LD_LIBRARY_PATH=$dirs ldd "$1/$2" 2>&1) || found="$2 is not found, or not a program of this machine"
	! grep 'not found' <<<"$found"
}

# download PACKAGE... - fetches them into debs/, with fresh package lists if those that are there do not do.
download() {
	local work=$peers/debs/.new

	rm -rf "$work"
	mkdir -p "$work"
	command -v apt-get >/dev/null || die "there is no apt-get here to download: $*" "$by_hand"
	if ! (cd "$work" && "${apt[@]}" download "$@" 2>/dev/null); then
		[[ $EUID -ne 0 ]] || "${apt[@]}" update >&2 || true
		(cd "$work" && "${apt[@]}" download "$@") || die "apt-get cannot download: $*" "$by_hand"
	fi
	mv -f "$work"/*.deb "$peers/debs/"
	rmdir "$work"
}

# deb_of PACKAGE - prints the path of its file in debs/.
deb_of() {
	compgen -G "$peers/debs/$1_*.deb" | tail -n 1
}

# unpack PACKAGE TREE - unpacks it there, downloaded before if need be.
unpack() {
	compgen -G "$peers/debs/$1_*.deb" >/dev/null || download "$1"
	dpkg-deb -x "$(deb_of "$1")" "$2" || die "It cannot be unpacked; remove it and try again: $(deb_of "$1")"
	# Packages of before the great merger have libraries in /lib, which is /usr/lib.
	if [[ -d $2/lib ]]; then
		cp -a "$2/lib/." "$2/usr/lib/"
		rm -rf "${2:?}/lib"
	fi
}

# libraries PACKAGE - prints the packages that apt would install here for the libraries the package depends on.
libraries() {
	local needed

	needed=$(dpkg-deb -f "$(deb_of "$1")" Pre-Depends Depends | sed 's/^[A-Za-z-]*: //' |
		tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/ //g' | grep '^lib' | sort -u)
	# shellcheck disable=SC2086
	"${apt[@]}" -s install --no-install-recommends --no-upgrade $needed | awk '$1 == "Inst" { print $2 }'
}

# accounts NAME:NUMBER... - writes passwd and group of the tree in the current folder.
accounts() {
	local entry

	printf '%s\n' 'root:x:0:0::/:/bin/sh' 'nobody:x:65534:65534::/:/bin/false' >etc/passwd
	printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >etc/group
	for entry; do
		echo "${entry%:*}:x:${entry#*:}:${entry#*:}::/nonexistent:/bin/false" >>etc/passwd
		echo "${entry%:*}:x:${entry#*:}:" >>etc/group
	done
}

# get NAME PACKAGE PROGRAM ACCOUNT... - makes the tree, all of it or nothing.
get() {
	local tree=$peers/$1 new=$peers/.new-$1 package=$2 program=$3 packages=("$2") lacks each

	[[ ! -d $tree ]] || ! missing "$tree" "$program" >/dev/null || return 0
	command -v dpkg-deb >/dev/null || die "$package is unpacked with dpkg-deb, which is not here: this needs Debian."
	rm -rf "$tree" "$new"
	mkdir -p "$peers/debs" "$new/etc"
	unpack "$package" "$new"
	if ! missing "$new" "$program" >/dev/null; then
		mapfile -t -O 1 packages < <(libraries "$package")
		for each in "${packages[@]:1}"; do
			unpack "$each" "$new"
		done
		lacks=$(missing "$new" "$program") || die "libraries of $package are missing:" "$lacks" "$by_hand"
	fi
	(cd "$new" && accounts "${@:4}")
	mv "$new" "$tree"
	for each in "${packages[@]}"; do
		rm -f "$peers/debs/$each"_*.deb
	done
	echo "peers: unpacked into $tree: ${packages[*]}"
}

[[ ${1:-} == get && $# -gt 1 ]] || die "usage: peers.sh get NAME..., NAME: $(cut -d' ' -f1 <<<"$table" | xargs)"
mkdir -p "$peers"
exec 9>"$peers/.lock" # two at the same time take turns
flock 9
for name in "${@:2}"; do
	line=$(awk -v name="$name" '$1 == name' <<<"$table")
	[[ -n $line ]] || die "there is no peer '$name'"
	# shellcheck disable=SC2086
	get $line
done
