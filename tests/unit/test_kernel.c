/* test_kernel.c - what the kernel tells about changes by others: from a real kernel, and messages made here, whole and
 * cut at every byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>

#include "gate/gate.h"
#include "gate_policies.h"
#include "netns.h"
#include "suite.h"
#include "tap/kernel.h"

enum { OWN = 4711, OTHER = 4712 };

static char err[512];
static struct kernel_notice last;
static unsigned notices;

static void keep(void *arg, const struct kernel_notice *n)
{
	(void)arg;
	last = *n;
	notices++;
}

/* ---- a real kernel -------------------------------------------------------------------------- */

/* Reads until there is nothing more; waits for the first. */
static bool read_all(struct kernel_tap *k)
{
	struct pollfd p = { .fd = kernel_tap_fd(k), .events = POLLIN };
	bool lost = false;

	notices = 0;
	last = (struct kernel_notice) { .touched = false };
	while (poll(&p, 1, notices ? 50 : 2000) == 1)
		lost |= kernel_tap_read(k, "postern", keep, NULL);
	return lost;
}

static void expect(struct kernel_tap *k, const char *command, const char *what)
{
	int status;

	free(netns_shell(&status, "%s", command));
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_FALSE(read_all(k));
	CU_ASSERT_EQUAL(notices, 1);
	CU_ASSERT_STRING_EQUAL(last.what, what);
	CU_ASSERT_EQUAL(last.touched, *what != '\0');
	CU_ASSERT_STRING_EQUAL(last.name, "nft");
	CU_ASSERT_TRUE(last.pid > 0);
}

static void tells_what_others_do(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	struct kernel_tap *k;
	struct gate *g;
	uint32_t generation = 0;

	close(netns_new());
	g = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	k = kernel_tap_open(gate_port(g), err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_bypass(g, "postern", (const uint16_t[]) { 25 }, 1, 60, "x"), 0);
	CU_ASSERT_FALSE(read_all(k));
	CU_ASSERT_EQUAL(notices, 0); /* all of it was ours */
	CU_ASSERT_EQUAL(gate_read_generation(g, &generation), 0);
	CU_ASSERT_EQUAL(kernel_tap_generation(k), generation);

	expect(k, "nft add table inet other", "");
	expect(k, "nft add table ip postern", "");
	expect(k, "nft flush chain inet postern cut", "rule deleted from cut");
	expect(k, "nft add rule inet postern cut accept", "rule added to cut");
	expect(k, "nft add element inet postern ports '{ 2525, 2526 }'", "element added to ports (2)");
	expect(k, "nft add element inet postern isp_v4 '{ 192.0.2.1 }'", "element added to isp_v4 (2)");
	expect(k, "nft add chain inet postern forward '{ policy drop; }'", "chain made or changed: forward");
	expect(k, "nft 'add chain inet postern a; add chain inet postern b'",
	        "chain made or changed: a and others (2)");
	expect(k, "nft add counter inet postern more", "object made: more");
	expect(k, "nft delete table inet postern", "table deleted");
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), 0);
	expect(k, "nft flush ruleset", "table deleted");
	CU_ASSERT_EQUAL(gate_read_generation(g, &generation), 0);
	CU_ASSERT_EQUAL(kernel_tap_generation(k), generation);
	kernel_tap_close(k);
	gate_close(g);
	ruleset_free(r);
	policy_free(p);
}

/* ---- messages of our own --------------------------------------------------------------------- */

union buffer {
	struct nlmsghdr header;
	uint8_t bytes[1024];
};

static size_t put(
        union buffer *b, size_t at, uint16_t type, uint32_t port, const char *table, const char *name)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->bytes + at);
	struct nfgenmsg *f;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_pid = port;
	f = mnl_nlmsg_put_extra_header(h, sizeof(*f));
	f->nfgen_family = NFPROTO_INET;
	if (type == NFT_MSG_NEWGEN) {
		mnl_attr_put_u32(h, NFTA_GEN_ID, htonl(77));
		mnl_attr_put_u32(h, NFTA_GEN_PROC_PID, htonl(99));
		mnl_attr_put_strz(h, NFTA_GEN_PROC_NAME, name);
	} else {
		mnl_attr_put_strz(h, NFTA_RULE_TABLE, table);
		mnl_attr_put_strz(h, NFTA_RULE_CHAIN, name);
	}
	return at + h->nlmsg_len;
}

static size_t transaction(union buffer *b, uint32_t port)
{
	size_t len = put(b, 0, NFT_MSG_NEWRULE, port, "postern", "forward");

	memset(b->bytes + len, 0, sizeof(b->bytes) - len);
	len = put(b, len, NFT_MSG_NEWRULE, port, "other", "input");
	return put(b, len, NFT_MSG_NEWGEN, port, NULL, "spoiler");
}

static void reads_messages_cut_anywhere(void)
{
	struct kernel_tap *k = kernel_tap_new(OWN);
	union buffer b = { .bytes = { 0 } };
	size_t len = transaction(&b, OTHER);
	uint8_t *cut;

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	notices = 0;
	for (size_t n = 0; n < len; n++) {
		cut = malloc(n ? n : 1); /* valgrind and the sanitizers see one byte too many */
		CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
		memcpy(cut, b.bytes, n);
		kernel_tap_take(k, cut, n, "postern", keep, NULL);
		CU_ASSERT_EQUAL(notices, 0);
		free(cut);
	}
	for (size_t n = 0; n < len; n++) { /* and changed anywhere */
		union buffer spoiled = b;

		spoiled.bytes[n] ^= 0xff;
		kernel_tap_take(k, spoiled.bytes, len, "postern", keep, NULL);
	}
	kernel_tap_close(k);
	k = kernel_tap_new(OWN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	notices = 0;
	kernel_tap_take(k, b.bytes, len, "postern", keep, NULL);
	CU_ASSERT_EQUAL(notices, 1);
	CU_ASSERT_STRING_EQUAL(last.what, "rule added to forward");
	CU_ASSERT_STRING_EQUAL(last.name, "spoiler");
	CU_ASSERT_EQUAL(last.pid, 99);
	CU_ASSERT_EQUAL(kernel_tap_generation(k), 77);
	len = transaction(&b, OWN);
	kernel_tap_take(k, b.bytes, len, "postern", keep, NULL);
	CU_ASSERT_EQUAL(notices, 1);
	kernel_tap_close(k);
}

SUITE("kernel", { "tells what others do", tells_what_others_do },
        { "reads messages cut anywhere", reads_messages_cut_anywhere })
