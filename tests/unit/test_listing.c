/* test_listing.c - DNS lists: names that are asked for, codes, what answers mean. */
#include <errno.h>
#include <string.h>

#include "dns/listing.h"
#include "suite.h"

static struct addr addr(const char *text)
{
	struct addr a = { { 0 } };

	CU_ASSERT_EQUAL(addr_parse(text, &a), 0);
	return a;
}

static void is_name(const char *source, bool six, const char *expected)
{
	struct addr a = addr(source);
	char name[DNS_NAME_MAX];

	listing_name(&a, six, "bl.example.net", name);
	CU_ASSERT_STRING_EQUAL(name, expected);
}

static void names(void)
{
	is_name("192.0.2.99", false, "99.2.0.192.bl.example.net");
	is_name("2001:db8:1:2:3:4:567:89ab", true, /* the example of RFC 5782 section 2.4 */
	        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.net");
	is_name("127.0.0.2", true,
	        "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.net");
}

static void longest_name(void)
{
	struct addr a = addr("2001:db8::1");
	char zone[LISTING_ZONE_MAX + 1], name[DNS_NAME_MAX];

	memset(zone, 'z', sizeof(zone) - 1);
	zone[sizeof(zone) - 1] = '\0';
	listing_name(&a, true, zone, name);
	CU_ASSERT_EQUAL(strlen(name), 253);
	CU_ASSERT_STRING_EQUAL(name + 64, zone);
}

static void ranges(void)
{
	static const struct {
		const char *text;
		int result;
		uint32_t first, last;
	} rows[] = {
		{ "127.0.0.2", 0, 0x7f000002, 0x7f000002 },
		{ "127.0.0.4-11", 0, 0x7f000004, 0x7f00000b },
		{ "127.0.0.4-127.0.1.3", 0, 0x7f000004, 0x7f000103 },
		{ "127.0.0.4-4", 0, 0x7f000004, 0x7f000004 },
		{ "127.0.0.4-3", -EINVAL, 0, 0 },
		{ "127.0.0.4-256", -EINVAL, 0, 0 },
		{ "127.0.0.4-", -EINVAL, 0, 0 },
		{ "127.0.0.4-x", -EINVAL, 0, 0 },
		{ "126.0.0.4", -EINVAL, 0, 0 },
		{ "127.0.0.4-128.0.0.1", -EINVAL, 0, 0 },
		{ "2", -EINVAL, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "::1", -EINVAL, 0, 0 },
		{ "127.255.255.254", -ERANGE, 0, 0 },
		{ "127.0.0.2-127.255.255.255", -ERANGE, 0, 0 },
		{ "127.255.254.255", 0, 0x7ffffeff, 0x7ffffeff },
	};
	struct codes_range r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(codes_range_parse(rows[i].text, &r), rows[i].result);
		if (rows[i].result)
			continue;
		CU_ASSERT_EQUAL(r.first, rows[i].first);
		CU_ASSERT_EQUAL(r.last, rows[i].last);
	}
}

enum { ANSWERS_MAX = 6 };

static struct listing read_codes(const struct codes *codes, const char *const *addresses)
{
	struct dns_rdata data[ANSWERS_MAX];
	struct addr addrs[ANSWERS_MAX];
	struct dns_answer a = { .status = DNS_OK, .data = data };
	struct listing l;

	for (; addresses[a.count]; a.count++) {
		addrs[a.count] = addr(addresses[a.count]);
		data[a.count] = (struct dns_rdata) { addrs[a.count].b + 12, 4 };
	}
	listing_read(&a, codes, &l);
	return l;
}
#define CODES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void verdicts(void)
{
	const struct codes all = { .count = 0 },
	                   some = { .ranges = { { 0x7f000004, 0x7f00000b } }, .count = 1 };
	struct listing l;

	CU_ASSERT_EQUAL(read_codes(&all, CODES("127.0.0.2")).verdict, LISTING_YES);
	CU_ASSERT_EQUAL(read_codes(&all, CODES("127.0.0.254")).verdict, LISTING_YES);
	CU_ASSERT_EQUAL(read_codes(&all, CODES("127.0.0.1")).verdict, LISTING_OTHER);
	CU_ASSERT_EQUAL(read_codes(&all, CODES("127.0.0.255")).verdict, LISTING_OTHER);
	CU_ASSERT_EQUAL(read_codes(&all, CODES("127.0.1.2")).verdict, LISTING_OTHER);
	CU_ASSERT_EQUAL(read_codes(&some, CODES("127.0.0.2")).verdict, LISTING_OTHER);
	l = read_codes(&some, CODES("127.0.0.10", "127.0.0.2", "127.0.0.4"));
	CU_ASSERT_EQUAL(l.verdict, LISTING_YES);
	CU_ASSERT_EQUAL(l.count, 2);
	CU_ASSERT_EQUAL(l.codes[0], 0x7f000004); /* in order, whatever the order of the answer */
	CU_ASSERT_EQUAL(l.codes[1], 0x7f00000a);
	l = read_codes(&all, CODES("127.0.0.2", "127.255.255.254", "127.0.0.4"));
	CU_ASSERT_EQUAL(l.verdict, LISTING_REFUSED);
	CU_ASSERT_EQUAL(l.codes[0], 0x7ffffffe);
	l = read_codes(&all, CODES("127.0.0.2", "203.0.113.80"));
	CU_ASSERT_EQUAL(l.verdict, LISTING_NONSENSE);
	CU_ASSERT_EQUAL(l.codes[0], 0xcb007150);
	l = read_codes(&all, CODES("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"));
	CU_ASSERT_EQUAL(l.count, LISTING_CODES_MAX);
}

static void no_answers(void)
{
	static const enum listing_verdict expected[DNS_STATUS_COUNT] = {
		[DNS_OK] = LISTING_NO, /* without any data */
		[DNS_EMPTY] = LISTING_NO,
		[DNS_NO_NAME] = LISTING_NO,
		[DNS_FAILED] = LISTING_UNANSWERED,
		[DNS_TIMEOUT] = LISTING_UNANSWERED,
		[DNS_BOGUS] = LISTING_UNANSWERED,
		[DNS_UNVALIDATED] = LISTING_UNANSWERED,
	};
	const struct codes all = { .count = 0 };
	struct listing l;

	for (int i = 0; i < DNS_STATUS_COUNT; i++) {
		listing_read(&(const struct dns_answer) { .status = (enum dns_status)i }, &all, &l);
		CU_ASSERT_EQUAL(l.verdict, expected[i]);
	}
}

static unsigned read_text(const void *bytes, unsigned len, char text[LISTING_TEXT_MAX])
{
	const struct dns_rdata data = { bytes, len };

	return listing_read_text(
	        &(const struct dns_answer) { .status = DNS_OK, .data = &data, .count = 1 }, text);
}

static void texts(void)
{
	char text[LISTING_TEXT_MAX];
	uint8_t big[3 * 101];

	CU_ASSERT_EQUAL(read_text("\5spam \4here", 11, text), 9);
	CU_ASSERT_EQUAL(memcmp(text, "spam here", 9), 0);
	CU_ASSERT_EQUAL(read_text("\3a\0\n", 4, text), 3); /* whatever bytes: who prints it escapes it */
	CU_ASSERT_EQUAL(memcmp(text, "a\0\n", 3), 0);
	CU_ASSERT_EQUAL(read_text("\2ok\5longer than it is", 7, text), 2);
	CU_ASSERT_EQUAL(read_text("", 0, text), 0);
	memset(big, 100, sizeof(big));
	CU_ASSERT_EQUAL(read_text(big, sizeof(big), text), LISTING_TEXT_MAX);
	CU_ASSERT_EQUAL(listing_read_text(&(const struct dns_answer) { .status = DNS_TIMEOUT }, text), 0);
}

SUITE("listing", { "names", names }, { "the longest name", longest_name }, { "ranges of codes", ranges },
        { "verdicts", verdicts }, { "no answers", no_answers }, { "texts", texts })
