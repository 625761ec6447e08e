#!/bin/bash
# run.sh - tests on a stock Debian kernel, in a virtual machine: `make check-vm`.
#
#   run.sh [NAME...]     NAME: a test_NAME.sh of tests/netns or a path; without any, all test_*.sh of this folder
#   run.sh -i            a shell in the machine, in /postern; `exit` ends it
#
# The kernel of a machine that builds may lack what gateways have: the queue expression, VLAN, bridges that know
# connections, flowtables, MPTCP. So the kernel package that Debian's cloud images have is downloaded and unpacked into
# build/vm/kernel, never installed, and qemu boots it with an initramfs: programs of this machine (image.py), what has been
# built in BUILD (build/release), the tests. There netns/run.sh runs them, as `make lab` does, and its output comes through
# a serial line. The other line is the console, build/vm/console.log.
#
# The processor is emulated, and its clock counts instructions (-icount): a second of the machine is 500 million of them,
# however busy this one is, and a sleep takes no time. So limits within the tests mean the same everywhere, and a machine in
# a virtual machine, which is what most of CI is, will do. root is not needed, and the host's network has no part in it.
#
# SKIPPED, with the reason, where qemu or the kernel cannot be had. What is skipped within the machine has failed: it has all
# there is to have. A kernel that panics ends qemu; one that hangs is ended after VM_CPU_S (900) seconds of processor time or
# VM_LIMIT (1500) of anybody's, and a warning of the kernel is a failure, too. Then the console's last lines are shown.
#
# A package that lies in build/vm/debs is taken instead of a downloaded one, which is the way without network, and to
# other kernels. Rejected: KVM (not to be had in a container or a virtual machine), and a disk image of a
# distribution (hundreds of MB, minutes to boot; what is tested would have to be brought there all the same).

set -u
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=${BUILD:-build/release}
vm=build/vm
apt=(apt-get -o APT::Sandbox::User=root -qq) # _apt, whom it would become otherwise, may not write here

# done_with PASSED FAILED SKIPPED [WORDS] - leaves, with the line that the stages of tests/run.sh count.
done_with() {
	[[ -z ${4:-} ]] || echo "$4"
	echo "$1 passed, $2 failed, $3 skipped"
	exit $(($2 > 0))
}

skip() {
	done_with 0 0 1 "SKIPPED tests on a second kernel: $*"
}

# ---- the kernel --------------------------------------------------------------------------------

# What the package for cloud images, which is empty, depends on.
kernel_package() {
	apt-cache show linux-image-cloud-amd64 2>/dev/null | sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1
}

download() { # into debs/
	local package

	package=$(kernel_package)
	[[ -n $package ]] && (cd $vm/debs && "${apt[@]}" download "$package")
}

get_kernel() {
	local deb tree=$vm/.new

	[[ ! -e $vm/kernel ]] || return 0
	mkdir -p $vm/debs
	if ! compgen -G "$vm/debs/linux-image-*.deb" >/dev/null && ! download 2>/dev/null; then
		[[ $EUID -ne 0 ]] || "${apt[@]}" update >&2
		download || return
	fi
	deb=$(compgen -G "$vm/debs/linux-image-*.deb" | tail -n 1)
	rm -rf "$tree"
	mkdir "$tree"
	dpkg-deb -x "$deb" "$tree" || return
	[[ -e $tree/lib ]] || ln -s usr/lib "$tree/lib"
	depmod -b "$tree" "$(ls "$tree/lib/modules")" || return
	mv "$tree" $vm/kernel && rm "$deb" && echo "unpacked into $vm/kernel: $(basename "$deb")"
}

# ---- what the machine has ------------------------------------------------------------------------

programs="awk base64 basename bash bridge cat chmod chown cmp cp cut date diff dirname dmesg echo env expr false find flock grep head
	id ip jq kill ln ls mkdir mktemp modprobe mount mv nft nproc nsenter paste pgrep printf ps python3 readlink rev rm rmdir
	sed seq setsid sh sleep sort ss stat sysctl tail tee test timeout touch tr true umount uname uniq unshare wc xargs"
modules="net/netfilter net/bridge net/ipv4/netfilter net/ipv6/netfilter net/8021q net/802 net/llc lib drivers/net/veth"

list() { # NAME...
	local name tree path version

	version=$(ls $vm/kernel/lib/modules)
	tree=$vm/kernel/lib/modules/$version
	for name in $programs; do
		echo "program $name"
	done
	echo "python argparse encodings.idna encodings.latin_1 fcntl json select smtplib socket struct tarfile gzip"
	for path in /etc/{passwd,group,nsswitch.conf,services,protocols}; do
		[[ ! -e $path ]] || echo "file $path"
	done
	for path in "$tree"/modules.*; do
		echo "file $path /lib/modules/$version/${path##*/}"
	done
	for name in $modules; do
		for path in "$tree/kernel/$name"*; do
			echo "tree $path ${path#"$vm"/kernel}"
		done
	done
	echo "file tests/vm/init.sh /init"
	echo "tree tests/netns /postern/tests/netns"
	echo "tree tests/vm /postern/tests/vm"
	echo "tree rules /postern/rules"
	for name in posternd postern; do
		echo "file $BUILD/$name /postern/build/release/$name"
	done
	printf 'text /postern/todo %s\n' "$@"
}

# ---- the machine -----------------------------------------------------------------------------------

boot() { # reads the machine's input
	local machine=(-accel "tcg,thread=single" -icount "shift=1,sleep=off" -cpu max -smp 1 -m 1024)
	local lines=(-display none -monitor none -net none -serial "file:$vm/console.log" -serial stdio)
	local kernel=(-kernel "$vm"/kernel/boot/vmlinuz-* -initrd "$vm/image" -no-reboot
		-append "console=ttyS0 panic=-1 mitigations=off nokaslr loglevel=5")

	(
		ulimit -t "${VM_CPU_S:-900}"
		exec timeout --foreground "${VM_LIMIT:-1500}" qemu-system-x86_64 "${machine[@]}" "${lines[@]}" "${kernel[@]}"
	) | sed -u 's,\r$,,' | tee $vm/results
	return "${PIPESTATUS[0]}"
}

# why STATUS - prints what kept the machine from telling how it went, or what its kernel complained of; false: nothing.
why() {
	local odd='Kernel panic|BUG:|WARNING:|Oops|general protection|Call Trace|blocked for more than|soft lockup|rcu.*stall'

	case $1 in
	124) echo "it was stopped after ${VM_LIMIT:-1500} s" ;;
	137 | 152) echo "it was stopped after ${VM_CPU_S:-900} s of processor time" ;;
	*)
		if grep -qE "$odd" $vm/console.log; then
			grep -m 1 -E "$odd" $vm/console.log
		elif ! tail -n 1 $vm/results | grep -qE '^[0-9]+ passed, [0-9]+ failed'; then
			echo "it ended before its tests did (qemu: $1)"
		else
			return 1
		fi
		;;
	esac
}

# ---- all -------------------------------------------------------------------------------------------

[[ $(uname -m) == x86_64 ]] || skip "this is $(uname -m); the kernel and the emulator are for x86_64"
for program in qemu-system-x86_64 depmod dpkg-deb apt-get; do
	command -v $program >/dev/null || skip "$program is not here: sudo make deps"
done
[[ -x $BUILD/posternd ]] || done_with 0 1 0 "$BUILD/posternd is not built: make"
mkdir -p $vm
exec 9>$vm/.lock # two at the same time take turns
flock 9
get_kernel || skip "the package linux-image-cloud-amd64 can neither be downloaded nor is in $vm/debs"
[[ $# -gt 0 ]] || set -- tests/vm/test_*.sh
: >$vm/console.log
: >$vm/results
list "$@" | python3 tests/vm/image.py $vm/image || done_with 0 1 0 "the initramfs cannot be made"
if [[ $1 == -i ]]; then
	boot
	exit
fi
boot </dev/null
status=$?
if told=$(why $status); then
	echo "FAIL    the machine: $told"
	tail -n 40 $vm/console.log | sed 's/^/    | /'
	done_with 0 1 0
fi
! grep -q ' [1-9][0-9]* failed' <(tail -n 1 $vm/results)
