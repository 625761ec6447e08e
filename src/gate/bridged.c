/* bridged.c - do packets that a bridge of this machine forwards pass our table?
 *
 * They do not by themselves: a bridge has a family of chains of its own. The kernel's module br_netfilter takes them
 * through the forward hook of the inet family, too, one switch for IPv4, one for IPv6, one for frames with a VLAN tag. So
 * one table guards what is routed and what is bridged, and nothing is seen twice. All three have to be on: what passes
 * by unseen is worse than a switch that was not needed.
 *
 * Limits. Whoever switches must have the right to (posternd, as a service, has not), and other programs' rules see bridged
 * packets as well then. A refusal by reset needs a route to the client, any will do: the kernel looks one up, then sends
 * the reset out of the port that the packet came in by, in the name of its destination. Without a route it is silence.
 *
 * Rejected: a table of the bridge family. There the kernel lets rules `reject` at the hooks prerouting and input
 * alone, where nothing tells what is going to be bridged from what this machine gets or routes, so that the
 * latter would be queued twice, its edits taken for changed resends; at its forward hook all else works, but a
 * refusal is silence until the next packet. Tested with Linux 6.1: `reject` in forward, output and postrouting is
 * EOPNOTSUPP.
 *
 * Sources: net/bridge/br_netfilter_hooks.c, net/bridge/netfilter/nft_reject_bridge.c (nft_reject_bridge_validate()),
 * net/ipv4/netfilter/nf_reject_ipv4.c (nf_send_reset()).
 */
#include "gate/bridged.h"

#include <stddef.h>
#include <stdio.h>

static const struct {
	const char *name, *without; /* the switch; what passes unseen */
} switches[] = {
	{ "bridge-nf-call-iptables", "IPv4" },
	{ "bridge-nf-call-ip6tables", "IPv6" },
	{ "bridge-nf-filter-vlan-tagged", "what has a VLAN tag" },
};

static bool is_on(const char *name)
{
	char path[96];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/proc/sys/net/bridge/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	c = getc(file);
	fclose(file);
	return c == '1';
}

bool bridged_are_seen(char *err, unsigned err_bytes)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (is_on(switches[i].name))
			continue;
		snprintf(err, err_bytes,
		        "bridges forward %s past the rules: modprobe br_netfilter; sysctl net.bridge.%s=1",
		        switches[i].without, switches[i].name);
		return false;
	}
	return true;
}
