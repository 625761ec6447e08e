/* Addresses and prefixes: text in and out, masks, borders, the two families kept apart. */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "suite.h"

static struct addr addr_of(const char *text)
{
	struct addr a = { { 0 } };

	CU_ASSERT_EQUAL(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p = { .bits = 0 };

	CU_ASSERT_EQUAL(prefix_parse(text, &p), 0);
	return p;
}

static void parses_and_prints_addresses(void)
{
	static const struct {
		const char *in, *out;
		bool v4;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "0.0.0.0", "0.0.0.0", true },
		{ "255.255.255.255", "255.255.255.255", true },
		{ "::ffff:192.0.2.1", "192.0.2.1", true },
		{ "::FFFF:C000:201", "192.0.2.1", true },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", false },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false },
		{ "::", "::", false },
		{ "::1", "::1", false },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		        false },
	};
	char text[ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = addr_of(cases[i].in);

		CU_ASSERT_EQUAL(addr_is_v4(&a), cases[i].v4);
		CU_ASSERT_STRING_EQUAL(addr_print(&a, text), cases[i].out);
	}
}

static void refuses_what_is_no_address(void)
{
	static const char *const bad[] = { "", " 192.0.2.1", "192.0.2.1 ", "192.0.2", "192.0.2.256",
		"010.0.0.1", "192.0.2.1.5", "0x7f.1", "[::1]", "fe80::1%eth0", "2001:db8::1::2",
		"example.org", "::ffff:1.2.3", "1:2:3:4:5:6:7:8:9", "192.0.2.1/24" };
	struct addr a, before;
	size_t i;

	memset(&a, 0x5a, sizeof(a));
	before = a;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(addr_parse(bad[i], &a), -EINVAL);
		CU_ASSERT_EQUAL(addr_compare(&a, &before), 0);
	}
}

static void takes_network_order_bytes(void)
{
	static const uint8_t v4[4] = { 198, 51, 100, 7 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 };
	struct addr a = addr_from_v4(v4), b = addr_from_v6(v6);
	char text[ADDR_TEXT_MAX];

	CU_ASSERT_STRING_EQUAL(addr_print(&a, text), "198.51.100.7");
	CU_ASSERT_STRING_EQUAL(addr_print(&b, text), "2001:db8::9");
	CU_ASSERT(addr_compare(&a, &b) < 0);
	CU_ASSERT(addr_compare(&b, &a) > 0);
}

static void parses_and_prints_prefixes(void)
{
	static const struct {
		const char *in, *out;
		int result;
		unsigned bits;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 0, 104 },
		{ "192.0.2.1", "192.0.2.1", 0, 128 },
		{ "192.0.2.1/32", "192.0.2.1", 0, 128 },
		{ "192.0.2.1/24", "192.0.2.0/24", -EDOM, 120 },
		{ "192.0.2.255/31", "192.0.2.254/31", -EDOM, 127 },
		{ "0.0.0.0/0", "0.0.0.0/0", 0, 96 },
		{ "1.0.0.0/0", "0.0.0.0/0", -EDOM, 96 },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", 0, 104 },
		{ "::/0", "::/0", 0, 0 },
		{ "2001:db8::/32", "2001:db8::/32", 0, 32 },
		{ "2001:db8::1", "2001:db8::1", 0, 128 },
		{ "2001:db8::1/33", "2001:db8::/33", -EDOM, 33 },
		{ "::ffff:0.0.0.0/95", "::fffe:0:0/95", -EDOM, 95 },
	};
	char text[PREFIX_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p;

		CU_ASSERT_EQUAL(prefix_parse(cases[i].in, &p), cases[i].result);
		CU_ASSERT_EQUAL(p.bits, cases[i].bits);
		CU_ASSERT_STRING_EQUAL(prefix_print(&p, text), cases[i].out);
	}
}

static void refuses_what_is_no_prefix(void)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
		"10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/8/8", "10/8", "2001:db8::/129",
		"2001:db8::/4294967328", "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001/64" };
	struct prefix p = { .bits = 77 };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(prefix_parse(bad[i], &p), -EINVAL);
		CU_ASSERT_EQUAL(p.bits, 77);
	}
}

static void prefix_ends_are_exact(void)
{
	static const struct {
		const char *prefix, *first, *last;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0", "10.255.255.255" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.255" },
		{ "192.0.2.6/31", "192.0.2.6", "192.0.2.7" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.7" },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
	};
	char text[ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p = prefix_of(cases[i].prefix);
		struct addr first = prefix_first(&p), last = prefix_last(&p), before = { { 0 } },
		            after = last;

		CU_ASSERT_STRING_EQUAL(addr_print(&first, text), cases[i].first);
		CU_ASSERT_STRING_EQUAL(addr_print(&last, text), cases[i].last);
		CU_ASSERT(prefix_contains(&p, &first));
		CU_ASSERT(prefix_contains(&p, &last));
		if (addr_increment(&after))
			CU_ASSERT_FALSE(prefix_contains(&p, &after));
		CU_ASSERT_FALSE(prefix_contains(&p, &before) && addr_compare(&first, &before) != 0);
	}
}

static void same_in_address_and_length(void)
{
	struct prefix p = prefix_of("10.0.0.0/8"), again = prefix_of("10.0.0.0/8");
	struct prefix longer = prefix_of("10.0.0.0/9"), other = prefix_of("11.0.0.0/8");

	CU_ASSERT(prefix_is_same(&p, &again));
	CU_ASSERT_FALSE(prefix_is_same(&p, &longer));
	CU_ASSERT_FALSE(prefix_is_same(&p, &other));
}

static void families_stay_apart(void)
{
	struct prefix all_v6 = prefix_of("::/0"), all_v4 = prefix_of("0.0.0.0/0");
	struct addr v4 = addr_of("192.0.2.1"), v6 = addr_of("2001:db8::1");

	CU_ASSERT(prefix_contains(&all_v6, &v6));
	CU_ASSERT_FALSE(prefix_contains(&all_v6, &v4));
	CU_ASSERT(prefix_contains(&all_v4, &v4));
	CU_ASSERT_FALSE(prefix_contains(&all_v4, &v6));
	CU_ASSERT(prefix_is_v4(&all_v4));
	CU_ASSERT_FALSE(prefix_is_v4(&all_v6));
}

static void masks_every_length(void)
{
	struct addr ones = addr_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	unsigned bits, bit;

	for (bits = 0; bits <= 128; bits++) {
		struct addr masked = addr_mask(&ones, bits);

		for (bit = 0; bit < 128; bit++)
			CU_ASSERT_EQUAL((masked.b[bit / 8] >> (7 - bit % 8)) & 1, bit < bits);
	}
}

static void increments_with_carry(void)
{
	struct addr a = addr_of("10.0.255.255"), last = addr_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	char text[ADDR_TEXT_MAX];

	CU_ASSERT(addr_increment(&a));
	CU_ASSERT_STRING_EQUAL(addr_print(&a, text), "10.1.0.0");
	CU_ASSERT_FALSE(addr_increment(&last));
	CU_ASSERT_STRING_EQUAL(addr_print(&last, text), "::");
}

SUITE("addr", { "parses and prints addresses", parses_and_prints_addresses },
        { "refuses what is no address", refuses_what_is_no_address },
        { "takes network order bytes", takes_network_order_bytes },
        { "parses and prints prefixes", parses_and_prints_prefixes },
        { "refuses what is no prefix", refuses_what_is_no_prefix },
        { "prefix ends are exact", prefix_ends_are_exact }, { "families stay apart", families_stay_apart },
        { "same in address and length", same_in_address_and_length },
        { "masks every length", masks_every_length }, { "increments with carry", increments_with_carry })
