#!/bin/bash
# Writes what `postern read` says now about the captures of this folder into their NAME.eve. Read the
# difference before you keep it: tests/commands.sh takes these files as the truth.
#
# usage: tests/pcap/renew.sh BUILD
set -eu
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/pcap/renew.sh BUILD}
python3 tests/pcap/make.py tests/pcap
for capture in tests/pcap/*.pcap*; do
	"$build/postern" read --home 192.168.0.0/16 --home fd00::/8 --domain example.org "$capture" 2>/dev/null |
		jq -cS 'del(.host, .postern.version)' >"${capture%%.*}.eve"
done
