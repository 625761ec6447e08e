#!/bin/bash
# init.sh - the first process of the virtual machine: makes what programs expect of a Linux system, runs the tests that
# /postern/todo names, and ends the machine. ttyS0 is the console, ttyS1 the line that run.sh reads.

export PATH=/usr/bin HOME=/
mkdir -p /proc /sys /dev /run /tmp /var
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
chmod 1777 /tmp
ip link set lo up
exec </dev/null >/dev/ttyS1 2>&1
cd /postern || exit
echo "Linux $(uname -r), $(awk '{ print $1 }' /proc/uptime) s to boot"
mapfile -t todo <todo
export BUILD=build/release LAB_MUST=1
if [[ ${todo[0]} == -i ]]; then
	bash </dev/ttyS1
else
	tests/netns/run.sh "${todo[@]}"
fi
sleep 0.1 # the line is slow
echo b >/proc/sysrq-trigger
