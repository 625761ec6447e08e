#!/bin/bash
# test_flowtable.sh - a flow table of somebody else takes connections past the rules: that is so, is told, and ends
# when its rule leaves out the guarded port.

set -eu
# shellcheck source-path=SCRIPTDIR source=../netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../netns/postern.sh
. "$(dirname "$0")/../netns/postern.sh"

codes() {
    codes_from isp 192.168.10.10 --rcpt a@example.org --rcpt x@foreign.test
}

# flows RULE... - the table of somebody who wants a fast gateway.
flows() {
    lab_in gw nft -f - <<-EOT
	table inet other
	delete table inet other
	table inet other {
		flowtable fast {
			hook ingress priority 0; devices = { isp0, mail0 };
		}
		chain forward {
			type filter hook forward priority 0;
			$*
		}
	}
	EOT
}

lab_up
lab_need jq nft python3
lab_spawn mail mx "$LAB_HOME/mptcp.py" serve
lab_wait 10 "the server" lab_listens mail 25
postern_conf 'queue { workers = 1 }'
postern_start
same "without a flow table" "220 250 250 250 550 354 250 221" "$(codes)"
before=$(postern_counter queued)

flows 'ct state established flow add @fast'
said 'flow table fast of table inet other .*THEY PASS WITHOUT INSPECTION'
postern_wait_record 10 '.alert.signature_id == 1025512 and (.finding.evidence[0] | test("flow table fast"))'
check "status says so" grep -q '^NOT ENFORCED' <(postern_ask status || true)
same "and they do" "220 250 250 250 250 354 250 221" "$(codes)"
check "the queue saw the beginning alone" test $(($(postern_counter queued) - before)) -lt 8

# Of two single ports nft 1.0.6 makes one comparison, which is true of most packets; it leaves sets alone.
flows 'tcp dport != { 25, 26 } tcp sport != { 25, 26 } ct state established flow add @fast'
said 'no flow table takes guarded ports any more'
same "its end: the recipient is refused" "220 250 250 250 550 354 250 221" "$(codes)"
check "status is content" grep -q '^ENFORCED' <(postern_ask status || true)
postern_stop
