/* test_mention.c - which texts name an address or a mailbox, and which name somebody else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mention.h"
#include "guard.h"
#include "suite.h"

static struct mention parsed(const char *text)
{
	struct mention m = { .count = 0 };

	CU_ASSERT_EQUAL(mention_parse(text, &m), 0);
	return m;
}

static bool names(const struct mention *m, const char *text, bool is_path)
{
	size_t len = strlen(text);
	uint8_t *copy = guard_copy(text, len);
	const char *bytes = (const char *)copy;
	bool found = is_path ? mention_is_path(m, bytes, len) : mention_in(m, bytes, len);

	guard_free(copy, len);
	return found;
}

static void expect(const char *who, bool is_path, bool wanted, const char *const *texts)
{
	struct mention m = parsed(who);

	for (; *texts; texts++) {
		bool got = names(&m, *texts, is_path);

		if (got != wanted)
			fprintf(stderr, "%s in \"%s\": %d\n", who, *texts, got);
		CU_ASSERT_EQUAL(got, wanted);
	}
}

static void addresses_are_read(void)
{
	static const char *const named[] = { "192.0.2.7", "one more source: 192.0.2.7", "[192.0.2.7]",
		"192.0.2.7.", "192.0.2.7:25", "(192.0.2.7)", "from 192.0.2.7, twice", "::ffff:192.0.2.7",
		"host 192.0.2.7port", "192.0.2.0 192.0.2.7", NULL };
	static const char *const others[] = { "", "192.0.2.70", "1192.0.2.7", "192.0.2.7.1", "192.0.2",
		"192.0.2.8", "10:20:30", "abc", "[]", "...", ":", "::", "2001:db8::192.0.2.7", NULL };
	static const char *const within[] = { "2001:db8::1", "[IPv6:2001:DB8:0::1]",
		"2001:db8:0:0:ffff::9 said", "2001:db8::1:", NULL };
	static const char *const without[] = { "2001:db8:0:1::1", "2001:db8", "deadbeef", NULL };

	expect("192.0.2.7", false, true, named);
	expect("192.0.2.7", false, false, (const char *const[]) { "2001:db8::7", NULL });
	expect("198.51.100.0/24", false, true, (const char *const[]) { "x 198.51.100.200 y", NULL });
	expect("2001:db8::1", false, true, within);
	expect("2001:db8::1", false, false, without);
	for (size_t i = 0; others[i]; i++)
		if (strcmp(others[i], "2001:db8::192.0.2.7") != 0) /* in doubt it does */
			expect("192.0.2.7", false, false, (const char *const[]) { others[i], NULL });
}

static void mailboxes_are_found_as_they_are_written(void)
{
	static const char *const named[] = { "john@example.org", "<John@Example.ORG>: unknown",
		"to john@example.org.", "\"john@example.org\"@gw.test", "<@a.test,@b.test:john@example.org>",
		"john%example.org@gw.test", "example.org!john", "bounce-john=example.org@list.test",
		"http://x.test/?id=john%40example.org;ip=1", "id=john@example.org", "mail-john@example.org",
		NULL };
	static const char *const others[] = { "", "@", "john@example.or", "john@example.org.test",
		"john@example.orga", "xjohn@example.org", "a.john@example.org", "john at example.org",
		"john@example-org", "john", NULL };
	static const char *const paths[] = { "<john@example.org>", "john@example.org",
		"<@a.test:john@example.org>", "<john%example.org@gw.test>", NULL };
	static const char *const not_paths[] = { "<mail-john@example.org>", "<a.john@example.org>", "<john>",
		"<>", "<john@example.org.test>", NULL };

	expect("john@example.org", false, true, named);
	expect("john@example.org", false, false, others);
	expect("John@EXAMPLE.org", true, true, paths);
	expect("john@example.org", true, false, not_paths);
}

/* Of IPv6 one address is one of many that a host has. */
static void ipv6_is_its_network(void)
{
	struct mention m = parsed("2001:db8:1:2:3::4");
	struct prefix p;

	CU_ASSERT_EQUAL(m.prefix.bits, 64);
	CU_ASSERT_EQUAL(prefix_parse("2001:db8:1:2::/64", &p), 0);
	CU_ASSERT(mention_holds(&m, &p));
	CU_ASSERT_EQUAL(prefix_parse("2001:db8:1::/48", &p), 0);
	CU_ASSERT_FALSE(mention_holds(&m, &p));
	CU_ASSERT_EQUAL(m.host.b[9], 3);
}

static void what_is_nobody_is_refused(void)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = { { "", -EINVAL }, { "john", -EINVAL }, { "@example.org", -EINVAL }, { "john@", -EINVAL },
		{ "<john@example.org>", -EINVAL }, { "john doe@example.org", -EINVAL },
		{ "john@exa mple", -EINVAL }, { "192.0.2.256", -EINVAL }, { "192.0.2.1/24", -EDOM },
		{ "192.0.0.0/16", -ERANGE }, { "2001:db8::/48", -ERANGE }, { "0.0.0.0/0", -ERANGE },
		{ "john@[192.0.2.1", -EINVAL } };
	struct mention m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(mention_parse(cases[i].text, &m), cases[i].result);
	CU_ASSERT_EQUAL(mention_parse("\"john doe\"@example.org", &m), 0);
	CU_ASSERT_EQUAL(mention_parse("john@[192.0.2.1]", &m), 0);
	CU_ASSERT(m.is_mailbox);
}

/* Known by its beginning. */
static void long_ones_are_cut(void)
{
	char text[300], other[300];
	struct mention m;

	memset(text, 'a', 200);
	memcpy(text + 20, "@", 1);
	text[200] = '\0';
	m = parsed(text);
	CU_ASSERT(m.spellings[0].cut);
	CU_ASSERT(names(&m, text, true));
	memcpy(other, text, sizeof(other));
	other[10] = 'b';
	CU_ASSERT_FALSE(names(&m, other, true));
}

static void any_bytes_are_read_within_bounds(void)
{
	static const char alphabet[] = "0123456789abf:.@%!=<>[]IPv6: ";
	static const char *const who[] = { "192.0.2.1", "2001:db8::1", "a@b" };

	srand(11);
	for (int round = 0; round < 20000; round++) {
		char text[80];
		size_t len = (size_t)rand() % sizeof(text);
		struct mention m = parsed(who[round % 3]);

		for (size_t i = 0; i + 1 < len; i++)
			text[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		text[len > 0 ? len - 1 : 0] = '\0';
		(void)names(&m, text, round % 2);
	}
}

SUITE("mention", { "addresses are read", addresses_are_read },
        { "mailboxes are found as they are written", mailboxes_are_found_as_they_are_written },
        { "ipv6 is its network", ipv6_is_its_network },
        { "what is nobody is refused", what_is_nobody_is_refused },
        { "long ones are cut", long_ones_are_cut },
        { "any bytes are read within bounds", any_bytes_are_read_within_bounds })
