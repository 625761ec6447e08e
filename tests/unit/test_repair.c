/* test_repair.c - what others do to our table: what of it the kernel forbids, and what is mended. Real kernel. */
#include <errno.h>

#include "gate/gate.h"
#include "gate_policies.h"
#include "netns.h"
#include "suite.h"

static char err[1024];
static struct policy *policy;
static struct ruleset *wanted;
static struct gate *gate;

static void begin(bool own)
{
	close(netns_new());
	gate = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(gate);
	if (own)
		gate_own(gate);
	policy = gate_example_policy(MODE_ENFORCE);
	wanted = ruleset_build(policy, &gate_example_settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
	CU_ASSERT_EQUAL_FATAL(gate_install(gate, wanted, err, sizeof(err)), 0);
}

static void end(void)
{
	gate_close(gate);
	ruleset_free(wanted);
	policy_free(policy);
}

/* What somebody does; KEEPS: no base chain has to be made anew for it. */
#define FIRST_RULE(chain)                                                                                    \
	"$(nft -a list chain inet postern " chain " 2>/dev/null | sed -n 's/.*# handle //p' | sed -n 2p)"
enum { KEEPS = 1 };
static const struct {
	const char *command;
	int flags;
} sabotage[] = {
	{ "nft flush ruleset", 0 },
	{ "nft delete table inet postern", 0 },
	{ "nft flush table inet postern", KEEPS },
	{ "nft add table inet postern '{ flags dormant; }'", KEEPS },
	{ "nft add table inet postern '{ flags dormant; }' && nft flush chain inet postern forward && nft "
	  "delete "
	  "chain inet postern forward",
	        0 },
	{ "nft flush chain inet postern toserver", KEEPS },
	{ "nft delete rule inet postern toserver handle " FIRST_RULE("toserver"), KEEPS },
	{ "nft insert rule inet postern forward accept", KEEPS },
	{ "nft insert rule inet postern inspect counter", KEEPS },
	{ "nft add chain inet postern forward '{ policy drop; }'", KEEPS },
	{ "nft add chain inet postern more && nft insert rule inet postern forward jump more", KEEPS },
	{ "nft add chain inet postern more '{ type filter hook forward priority -9; policy drop; }'", KEEPS },
	{ "nft add chain inet postern more '{ type filter hook forward priority -9; }' && nft add rule inet "
	  "postern more drop",
	        KEEPS },
	{ "nft flush chain inet postern forward && nft delete chain inet postern forward", 0 },
	{ "nft flush chain inet postern forward && nft delete chain inet postern forward && nft add chain "
	  "inet postern forward '{ type filter hook forward priority 7; }'",
	        0 },
	{ "nft flush chain inet postern forward && nft delete chain inet postern forward && nft add chain "
	  "inet postern forward",
	        0 },
	{ "nft add counter inet postern more", KEEPS },
	{ "nft add quota inet postern queued '{ over 5 mbytes; }'", KEEPS },
	{ "nft add set inet postern more '{ type ipv4_addr; }'", KEEPS },
	{ "nft add element inet postern ports '{ 2525 }'", KEEPS },
	{ "nft delete element inet postern ports '{ 25 }'", KEEPS },
	{ "nft add element inet postern isp_v4 '{ 203.0.113.0/24 }'", KEEPS },
	{ "nft flush set inet postern isp_v4", KEEPS },
	{ "nft flush chain inet postern forward && nft flush chain inet postern toserver && nft flush chain "
	  "inet postern toclient && nft delete set inet postern isp_v4 && nft add set inet postern isp_v4 '{ "
	  "type ipv4_addr; flags interval, timeout; }'",
	        KEEPS },
	{ "nft flush table inet postern && nft delete set inet postern bypass", KEEPS },
};

static char *base_chains(void)
{
	return netns_shell(NULL, "nft -a list table inet postern 2>/dev/null | grep -E 'chain "
	                         "(forward|input|output)'");
}

static void mends_everything(void)
{
	char *before, *after;
	int status;

	begin(false);
	for (size_t i = 0; i < sizeof(sabotage) / sizeof(sabotage[0]); i++) {
		before = base_chains();
		free(netns_shell(&status, "%s 2>&1", sabotage[i].command));
		CU_ASSERT_EQUAL(status, 0);
		CU_ASSERT_EQUAL(gate_compare(gate, wanted, err, sizeof(err)), -ESTALE);
		CU_ASSERT_EQUAL(gate_repair(gate, wanted, NULL, 0, err, sizeof(err)), 0);
		CU_ASSERT_STRING_EQUAL(err, "");
		CU_ASSERT_EQUAL(gate_compare(gate, wanted, err, sizeof(err)), 0);
		after = base_chains();
		if (sabotage[i].flags & KEEPS && strncmp(before, after, strlen(before)) != 0) {
			/* what the kernel holds in queues is lost with a base chain */
			CU_FAIL("a base chain was made anew");
			printf("by: %s\n%s%s", sabotage[i].command, before, after);
		}
		if (status || *err)
			printf("by: %s: %s\n", sabotage[i].command, err);
		free(before);
		free(after);
	}
	end();
}

/* Rules of another table are not ours to look at. */
static void leaves_the_table_when_it_is_as_wanted(void)
{
	char *before, *after;

	begin(false);
	CU_ASSERT_TRUE(netns_nft("add table inet other; add chain inet other c { type filter hook forward "
	                         "priority 0; }"));
	before = netns_shell(NULL, "nft -a list ruleset 2>/dev/null");
	CU_ASSERT_EQUAL(gate_install(gate, wanted, err, sizeof(err)), 0);
	after = netns_shell(NULL, "nft -a list ruleset 2>/dev/null");
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(after);
	end();
}

/* ---- owned --------------------------------------------------------------------------------- */

static bool kernel_has_owners(void)
{
	int major = 0, minor = 0;
	char *release = netns_shell(NULL, "uname -r");

	(void)sscanf(release, "%d.%d", &major, &minor);
	free(release);
	return major > 6 || (major == 6 && minor >= 9);
}

static void nobody_else_changes_an_owned_table(void)
{
	begin(true);
	CU_ASSERT_EQUAL(gate_owns(gate), kernel_has_owners());
	for (size_t i = 0; gate_owns(gate) && i < sizeof(sabotage) / sizeof(sabotage[0]); i++) {
		free(netns_shell(NULL, "%s 2>&1", sabotage[i].command));
		CU_ASSERT_EQUAL(gate_compare(gate, wanted, err, sizeof(err)), 0);
	}
	/* but we do */
	CU_ASSERT_EQUAL(gate_set_blind_told(gate, "postern", 7), 0);
	CU_ASSERT_EQUAL(gate_remove(gate, "postern"), 0);
	end();
}

static void an_owner_that_left_is_followed(void)
{
	struct gate *next, *third;
	char *before, *after;

	begin(true);
	before = netns_shell(NULL, "nft -a list table inet postern 2>/dev/null | sed 1,2d");
	next = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	gate_own(next);
	if (gate_owns(gate)) {
		CU_ASSERT_EQUAL(gate_install(next, wanted, err, sizeof(err)), 0); /* as it should be */
		CU_ASSERT_FALSE(gate_owns(next));                                 /* but not his */
		CU_ASSERT_EQUAL(gate_set_blind_told(next, "postern", 7), -EPERM);
		CU_ASSERT_EQUAL(gate_remove(next, "postern"), -EPERM);
	}
	CU_ASSERT_EQUAL(gate_owns(gate), kernel_has_owners());
	gate_close(gate);
	gate = next;
	CU_ASSERT_EQUAL(gate_install(gate, wanted, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_owns(gate), kernel_has_owners());
	after = netns_shell(NULL, "nft -a list table inet postern 2>/dev/null | sed 1,2d");
	CU_ASSERT_STRING_EQUAL(before, after); /* untouched */
	free(before);
	free(after);

	/* one that wants no owner works with what is left, too, and mends it */
	gate_close(gate);
	gate = gate_open(err, sizeof(err));
	CU_ASSERT_TRUE(netns_nft("flush table inet postern"));
	CU_ASSERT_EQUAL(gate_install(gate, wanted, err, sizeof(err)), 0);
	CU_ASSERT_FALSE(gate_owns(gate));

	/* and what was changed meanwhile is mended while it is taken over */
	third = gate_open(err, sizeof(err));
	gate_own(third);
	CU_ASSERT_TRUE(netns_nft("flush table inet postern"));
	CU_ASSERT_EQUAL(gate_install(third, wanted, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_owns(third), kernel_has_owners());
	gate_close(third);
	end();
}

/* The kernel takes no new base chain in the transaction in which it gives the table to us. */
static void takes_over_what_has_to_move(void)
{
	struct ruleset_settings moved = gate_example_settings;
	struct gate *next;

	begin(true);
	gate_close(gate);
	ruleset_free(wanted);
	gate = next = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	gate_own(next);
	moved.priority = -20;
	moved.mark_mask = 0xf00000;
	wanted = ruleset_build(policy, &moved);
	CU_ASSERT_EQUAL(gate_install(next, wanted, err, sizeof(err)), -EEXIST);
	CU_ASSERT_EQUAL(gate_repair(next, wanted, NULL, 0, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(gate_compare(next, wanted, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_owns(next), kernel_has_owners());
	end();
}

static void a_plain_table_stays_plain(void)
{
	struct gate *next;

	begin(false);
	next = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	gate_own(next);
	CU_ASSERT_TRUE(netns_nft("flush chain inet postern forward"));
	CU_ASSERT_EQUAL(gate_install(next, wanted, err, sizeof(err)), 0);
	CU_ASSERT_FALSE(gate_owns(next));
	CU_ASSERT_EQUAL(gate_compare(next, wanted, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_remove(next, "postern"), 0);
	CU_ASSERT_EQUAL(gate_install(next, wanted, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_owns(next), kernel_has_owners());
	gate_close(next);
	end();
}

SUITE("repair", { "mends everything", mends_everything },
        { "leaves what is as wanted", leaves_the_table_when_it_is_as_wanted },
        { "nobody else changes an owned table", nobody_else_changes_an_owned_table },
        { "an owner that left is followed", an_owner_that_left_is_followed },
        { "takes over what has to move", takes_over_what_has_to_move },
        { "a plain table stays plain", a_plain_table_stays_plain })
