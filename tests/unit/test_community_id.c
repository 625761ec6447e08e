/* Community IDs: the specification's own TCP example, and others computed from its text by a second
 * program; both directions of each. */
#include "report/community_id.h"

#include <string.h>

#include "suite.h"

static const struct {
	const char *src, *dst;
	uint16_t sport, dport;
	const char *id;
} vectors[] = {
	{ "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ "2001:db8::9", "2001:db8:25::10", 40000, 25, "1:Mg0qfmLEgPN9AU5oCSZtDEZz9oQ=" },
	{ "192.0.2.1", "192.0.2.1", 40000, 25, "1:ihuWYorTM8KEh2Z9YOUK/9WlrNU=" },
};

static void check(const char *src, uint16_t sport, const char *dst, uint16_t dport, const char *want)
{
	struct addr a, b;
	char got[COMMUNITY_ID_MAX];

	CU_ASSERT_EQUAL_FATAL(addr_parse(src, &a), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse(dst, &b), 0);
	CU_ASSERT_STRING_EQUAL(community_id_print(got, &a, sport, &b, dport), want);
}

static void matches_the_baseline(void)
{
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		check(vectors[i].src, vectors[i].sport, vectors[i].dst, vectors[i].dport, vectors[i].id);
		check(vectors[i].dst, vectors[i].dport, vectors[i].src, vectors[i].sport, vectors[i].id);
	}
}

SUITE("community_id", { "matches the baseline, both directions", matches_the_baseline })
