/* Sets of names: exact, subdomains, folding, hostile names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "policy/names.h"
#include "suite.h"

static bool covers(const struct names *set, const char *name)
{
	uint8_t *copy = guard_copy(name, strlen(name));
	bool covered = names_cover(set, (const char *)copy, strlen(name));

	guard_free(copy, strlen(name));
	return covered;
}

static bool has(const struct names *set, const char *name)
{
	return names_have(set, name, strlen(name));
}

static void covers_domains_and_subdomains(void)
{
	struct names set = { 0 };

	CU_ASSERT_EQUAL(names_add(&set, "Example.ORG."), 0);
	CU_ASSERT_EQUAL(names_add(&set, ".sub.example.net"), 0);
	names_seal(&set);
	CU_ASSERT(covers(&set, "example.org"));
	CU_ASSERT(covers(&set, "EXAMPLE.org"));
	CU_ASSERT(covers(&set, "example.org."));
	CU_ASSERT_FALSE(covers(&set, "example.org.."));
	CU_ASSERT_FALSE(covers(&set, "a.example.org"));
	CU_ASSERT_FALSE(covers(&set, "xexample.org"));
	CU_ASSERT_FALSE(covers(&set, "example.or"));
	CU_ASSERT_FALSE(covers(&set, "example.orgx"));
	CU_ASSERT_FALSE(covers(&set, "org"));
	CU_ASSERT(covers(&set, "a.sub.example.net"));
	CU_ASSERT(covers(&set, "a.B.c.Sub.example.NET."));
	CU_ASSERT_FALSE(covers(&set, "sub.example.net"));
	CU_ASSERT_FALSE(covers(&set, ".sub.example.net"));
	CU_ASSERT_FALSE(covers(&set, "asub.example.net"));
	CU_ASSERT_FALSE(covers(&set, "a.sub.example.net.evil.example"));
	names_fini(&set);
	CU_ASSERT_EQUAL(set.count, 0);
}

static void exact_names_have_no_subdomains(void)
{
	struct names set = { 0 };

	names_add(&set, "mx.example.org");
	names_seal(&set);
	CU_ASSERT(has(&set, "MX.example.org."));
	CU_ASSERT_FALSE(has(&set, "a.mx.example.org"));
	CU_ASSERT_FALSE(has(&set, "example.org"));
	names_fini(&set);
}

static void refuses_names_that_are_none(void)
{
	struct names set = { 0 };
	char name[NAMES_TEXT_MAX + 3];

	memset(name, 'a', sizeof(name));
	name[NAMES_TEXT_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(names_add(&set, ""), -EINVAL);
	CU_ASSERT_EQUAL(names_add(&set, "."), -EINVAL);
	CU_ASSERT_EQUAL(names_add(&set, name), -EINVAL);
	name[NAMES_TEXT_MAX] = '.'; /* the trailing dot does not count */
	CU_ASSERT_EQUAL(names_add(&set, name), 0);
	names_seal(&set);
	CU_ASSERT(covers(&set, name));
	names_fini(&set);
}

static void hostile_names_match_nothing(void)
{
	static const char with_nul[] = "example.org\0.evil.example";
	struct names set = { 0 };
	char long_name[1000];

	CU_ASSERT_FALSE(covers(&set, "example.org")); /* empty set */
	names_add(&set, "example.org");
	names_add(&set, ".example.org");
	names_seal(&set);
	CU_ASSERT_FALSE(names_cover(&set, with_nul, sizeof(with_nul) - 1));
	CU_ASSERT_FALSE(names_have(&set, with_nul, sizeof(with_nul) - 1));
	CU_ASSERT_FALSE(covers(&set, ""));
	CU_ASSERT_FALSE(covers(&set, "."));
	CU_ASSERT_FALSE(covers(&set, ".."));
	CU_ASSERT_FALSE(covers(&set, ".example.org"));
	memset(long_name, '.', sizeof(long_name));
	CU_ASSERT_FALSE(names_cover(&set, long_name, sizeof(long_name)));
	memcpy(long_name + sizeof(long_name) - 12, ".example.org", 12);
	CU_ASSERT_FALSE(names_cover(&set, long_name, sizeof(long_name)));
	names_fini(&set);
}

static void keeps_many_and_drops_doubles(void)
{
	struct names set = { 0 };
	char name[64];
	int i;

	for (i = 0; i < 20000; i++) { /* each of them twice, even numbers as subdomains */
		snprintf(name, sizeof(name), "%sD%d.example", i % 2 ? "" : ".", i * 7919 % 10000);
		CU_ASSERT_EQUAL(names_add(&set, name), 0);
	}
	names_seal(&set);
	CU_ASSERT_EQUAL(set.count, 10000);
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		CU_ASSERT_EQUAL(covers(&set, name), i % 2 == 1);
		snprintf(name, sizeof(name), "x.d%d.example", i);
		CU_ASSERT_EQUAL(covers(&set, name), i % 2 == 0);
	}
	names_fini(&set);
}

SUITE("names", { "covers domains and subdomains", covers_domains_and_subdomains },
        { "exact names have no subdomains", exact_names_have_no_subdomains },
        { "refuses names that are none", refuses_names_that_are_none },
        { "hostile names match nothing", hostile_names_match_nothing },
        { "keeps many and drops doubles", keeps_many_and_drops_doubles })
