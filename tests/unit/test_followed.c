/* Policies that are made again with what the DNS says: addresses, stand-ins for what never resolved, and the rules
 * that the kernel gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/ruleset.h"
#include "policy/policy.h"
#include "suite.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(text, &p), 0);
	return p;
}

static void add(struct policy *p, int group, const char *text)
{
	struct prefix one = prefix(text);

	CU_ASSERT_EQUAL(policy_add_prefix(p, group, &one), 0);
}

static int isp;

/* isp (followed; 192.0.2.1 is in the file) -> mail; otherwise refuse. */
static struct policy *make(void)
{
	struct policy *p = policy_new();
	struct policy_groups from = { { 0 } }, to = { { 0 } };
	struct policy_settings s = *policy_settings(p);
	int mail;

	s.mode = MODE_ENFORCE;
	policy_set(p, &s);
	isp = policy_add_group(p, GROUP_UPSTREAM, "isp");
	mail = policy_add_group(p, GROUP_SERVER, "mail");
	add(p, isp, "192.0.2.1");
	add(p, mail, "192.168.0.10");
	add(p, GROUP_ID_HOME, "192.168.0.0/16");
	CU_ASSERT_EQUAL(policy_server_add_domain(p, mail, "example.org"), 0);
	CU_ASSERT_EQUAL(policy_set_followed(p, isp), 0);
	CU_ASSERT_NOT_EQUAL(policy_set_followed(p, mail), 0);
	policy_groups_add(&from, (unsigned)isp);
	policy_groups_add(&to, (unsigned)mail);
	CU_ASSERT_EQUAL(policy_add_rule(p, "in", &from, &to, DO_INSPECT), 0);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	return p;
}

static enum policy_do judge(const struct policy *p, const char *from, const char *to)
{
	struct addr src, dst;

	CU_ASSERT_EQUAL(addr_parse(from, &src), 0);
	CU_ASSERT_EQUAL(addr_parse(to, &dst), 0);
	return policy_judge_connection(p, &src, &dst, SELF_NEITHER).what;
}

static struct policy *followed(const struct policy *p, const char *now, const char *former)
{
	struct prefix a = prefix(now), b = prefix(former);

	return policy_follow(p, &(struct policy_followed) { isp, true, &a, 1, &b, 1 }, 1);
}

static void never_resolved_means_inspected(void)
{
	struct policy *p = make(), *q;

	CU_ASSERT_EQUAL(policy_rule_count(p), 2);
	CU_ASSERT(policy_rule(p, 1).stand_in && !policy_rule(p, 0).stand_in);
	CU_ASSERT_STRING_EQUAL(policy_rule(p, 1).title, "in");
	CU_ASSERT_EQUAL(judge(p, "203.0.113.1", "192.168.0.10"), DO_INSPECT);
	CU_ASSERT_EQUAL(
	        judge(p, "203.0.113.1", "192.168.0.99"), DO_REFUSE); /* no rule that names it has this side */
	q = policy_follow(p, &(struct policy_followed) { .group = isp }, 1);
	CU_ASSERT_EQUAL(policy_rule_count(q), 2);
	policy_free(q);
	policy_free(p);
}

static void resolved_is_enforced(void)
{
	struct policy *p = make(), *q = followed(p, "198.51.100.0/24", "203.0.113.7"), *r;

	policy_free(p); /* a copy stands alone */
	CU_ASSERT_EQUAL(policy_rule_count(q), 1);
	CU_ASSERT_EQUAL(judge(q, "198.51.100.9", "192.168.0.10"), DO_INSPECT);
	CU_ASSERT_EQUAL(judge(q, "192.0.2.1", "192.168.0.10"), DO_INSPECT); /* of the file */
	CU_ASSERT_EQUAL(judge(q, "203.0.113.7", "192.168.0.10"), DO_REFUSE);
	r = followed(q, "203.0.113.0/24", "203.0.113.7");
	policy_free(q);
	CU_ASSERT_EQUAL(judge(r, "198.51.100.9", "192.168.0.10"), DO_REFUSE); /* in place of the others */
	CU_ASSERT_EQUAL(judge(r, "192.0.2.1", "192.168.0.10"), DO_INSPECT);
	CU_ASSERT_EQUAL(policy_group(r, (unsigned)isp).former_count, 0); /* they are back */
	CU_ASSERT_EQUAL(policy_group(r, GROUP_ID_HOME).prefix_count, 1);
	CU_ASSERT_EQUAL(policy_group(r, GROUP_ID_SERVERS).prefix_count, 1);
	CU_ASSERT_EQUAL(policy_group(r, (unsigned)policy_group_find(r, "mail")).domain_count, 1);
	policy_free(r);
}

static char *rules(const struct policy *p)
{
	const struct ruleset_settings s = { .table = "t",
		.priority = -5,
		.mark_mask = 0x0f000000,
		.queue = 1,
		.queues = 1,
		.hooks = 1,
		.log_group = 1,
		.blocks = 16 };
	struct ruleset *r = ruleset_build(p, &s);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(ruleset_print(r, to), 0);
	fclose(to);
	ruleset_free(r);
	return text;
}

/* From the chains on: what is behind the sets. */
static const char *chains(const char *text)
{
	return strstr(text, "\tchain ");
}

static void the_dns_changes_elements_only(void)
{
	struct policy *p = make(), *a = followed(p, "198.51.100.0/24", "203.0.113.7");
	struct policy *b = policy_follow(p, &(struct policy_followed) { isp, true, NULL, 0, NULL, 0 }, 1);
	char *with = rules(a), *without = rules(b);

	CU_ASSERT_STRING_EQUAL(chains(with), chains(without));
	CU_ASSERT_STRING_NOT_EQUAL(with, without);
	CU_ASSERT_PTR_NOT_NULL(strstr(chains(with),
	        "ip saddr @isp_former_v4 ip daddr @mail_v4 tcp flags & (syn) == 0x0 goto inspect"));
	CU_ASSERT_PTR_NOT_NULL(strstr(chains(with),
	        "ip saddr @mail_v4 ip daddr @isp_former_v4 tcp flags & (syn) == 0x0 goto inspect"));
	free(with);
	free(without);
	policy_free(a);
	policy_free(b);
	policy_free(p);
}

SUITE("followed", { "never resolved means inspected", never_resolved_means_inspected },
        { "resolved is enforced", resolved_is_enforced },
        { "the DNS changes elements only", the_dns_changes_elements_only })
