#!/bin/sh
# peer.sh - runs a program of a mail server that tests/peers.sh has unpacked, as if it were installed.
#
# usage: peer.sh NAME COMMAND [ARGUMENT...]      (root; the trees are in $LAB_PEERS, or build/peers)
#
# For this process and its children alone, in a mount namespace of their own, build/peers/NAME/usr is laid over /usr
# and .../etc over /etc (overlayfs, without an upper layer: nothing can be written there). So the server finds its
# programs, libraries and users where its package would have put them; the machine's own server, if it has one, is
# covered and its users are not seen. Nothing is left when the last process has ended.
#
# Exit 77 and a reason when the kernel does not do that here; else COMMAND's own.
#
# Rejected: bind mounts (they need a folder to be mounted on, which the machine does not have), and settings for every
# path (Postfix has its own libraries' place compiled in, and looks for its users by name).
set -eu

# Paths are relative: a colon or comma in one of the tree's would mean something to overlayfs.
# shellcheck disable=SC2016
inside='
	for dir in usr etc; do
		mount -t overlay -o "ro,lowerdir=$dir:/$dir" overlay "/$dir" && continue
		echo "overlayfs cannot be mounted over /$dir here" >&2
		exit 77
	done
	cd "$1" || exit
	shift
	exec "$@"'

: "${LAB_PEERS:=$(dirname "$0")/../../build/peers}"
name=$1 here=$PWD
shift
if ! cd "$LAB_PEERS/$name" 2>/dev/null; then
	echo "$name is not unpacked: tests/peers.sh get $name" >&2
	exit 77
fi
exec unshare --mount --propagation private sh -c "$inside" peer "$here" "$@"
