/* Names walked to addresses, against a DNS of a few lines: what is found, what is left out, what fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns_table.h"
#include "dns/spf.h"
#include "suite.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The addresses, sorted; with the trouble behind "!" or the note behind "?". Forwards and backwards the same. */
static const char *walk_as(const struct walk_settings *s, const char *lines, int backwards)
{
	static const char *const marks[] = { "", "~", "-" };
	struct table_dns dns = { lines, DNS_SECURE, 300 };
	static char out[200000], texts[WALK_FOUND_MAX][PREFIX_TEXT_MAX];
	struct walk *w = walk_new(s);
	const struct walk_found *found;
	size_t count, i;
	char *to = out;

	(void)table_walk(w, &dns, backwards);
	CU_ASSERT(walk_is_done(w));
	found = walk_found(w, &count);
	for (i = 0; i < count; i++)
		prefix_print(&found[i].prefix, texts[i]);
	qsort(texts, count, sizeof(texts[0]), by_text);
	to += sprintf(to, "%s", marks[walk_outcome(w)]);
	for (i = 0; i < count; i++)
		to += sprintf(to, "%s ", texts[i]);
	if (*walk_trouble(w))
		to += sprintf(to, "!%s", walk_trouble(w));
	else if (*walk_note(w))
		to += sprintf(to, "?%s", walk_note(w));
	walk_free(w);
	return out;
}

static void check(const struct walk_settings *s, const char *lines, const char *expected)
{
	CU_ASSERT_STRING_EQUAL(walk_as(s, lines, 0), expected);
	/* of several troubles the first one to come is told */
	CU_ASSERT_EQUAL(strncmp(walk_as(s, lines, 1), expected, strcspn(expected, "!?") + 1), 0);
}

#define MX(lines, expected)                                                                                  \
	check(&(struct walk_settings) { DNS_MX_OF, "example.org", false, NULL, 0 }, lines, expected)
#define SPF(lines, expected)                                                                                 \
	check(&(struct walk_settings) { DNS_SPF_OF, "example.org", false, NULL, 0 }, lines, expected)
#define HOST(lines, expected)                                                                                \
	check(&(struct walk_settings) { DNS_HOSTS, "mx1.example.org", false, NULL, 0 }, lines, expected)

#define HOSTS_OF_MX                                                                                          \
	"mx1.example.org A 192.0.2.1\nmx1.example.org A 192.0.2.2\nmx1.example.org AAAA 2001:db8::1\n"       \
	"mx2.example.org A 192.0.2.3\n"

static void follows_mx(void)
{
	MX("example.org MX mx1.example.org\nexample.org MX mx2.example.org\n" HOSTS_OF_MX,
	        "192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 ");
	HOST(HOSTS_OF_MX, "192.0.2.1 192.0.2.2 2001:db8::1 ");
	MX("example.org MX gone.example.org\nexample.org MX mx2.example.org\n" HOSTS_OF_MX,
	        "192.0.2.3 ?gone.example.org does not exist");
	MX("example.org MX mail.example.org\nmail.example.org CNAME mx2.example.org\n" HOSTS_OF_MX,
	        "192.0.2.3 ?mail.example.org is an alias of mx2.example.org (CNAME), which the host of an MX "
	        "must not be");
}

static void nothing_is_no_answer(void)
{
	MX("example.org A 192.0.2.9\n", "-!example.org has no MX"); /* not its own address: see walk.c */
	MX("\n", "-!example.org does not exist");
	MX("example.org MX .\n", "-!example.org says that it takes no mail (null MX)");
	MX("example.org MX mx9.example.org\n", "-!mx9.example.org does not exist");
	MX("example.org MX mx9.example.org\nmx9.example.org TXT x\n", "-!no address was found");
	HOST("\n", "-!mx1.example.org does not exist");
	SPF("example.org TXT hello\n", "-!example.org has no SPF record");
	SPF("example.org MX x\n", "-!example.org has no SPF record");
}

static void failures_leave_it_partial(void)
{
	MX("example.org MX mx1.example.org\nexample.org MX mx2.example.org\nmx1.example.org A !timeout\n"
	   "mx1.example.org AAAA 2001:db8::1\nmx2.example.org A 192.0.2.3\n",
	        "~192.0.2.3 2001:db8::1 !mx1.example.org A: timeout, as the test says");
	MX("example.org MX !bogus\n", "-!example.org MX: bogus, as the test says");
	SPF("example.org TXT v=spf1 ip4:192.0.2.1 include:a.example\na.example TXT !servfail\n",
	        "~192.0.2.1 !a.example TXT: server failure, as the test says");
}

static void refuses_what_nobody_can_be(void)
{
	static const char lines[] =
	        "example.org MX mx1.example.org\nmx1.example.org A 192.168.0.1\nmx1.example.org A 127.0.0.1\n"
	        "mx1.example.org A 0.0.0.1\nmx1.example.org AAAA fd00::1\nmx1.example.org AAAA ff02::1\n";
	struct prefix own;

	MX(lines, "-!192.168.0.1 of mx1.example.org is a private address; it is left out");
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(walk_as(&(struct walk_settings) { DNS_MX_OF, "example.org", true, NULL, 0 }, lines, 0),
	                "127.0.0.1 192.168.0.1 fd00::1 ?0.0.0.1"));
	CU_ASSERT_EQUAL(prefix_parse("203.0.113.0/28", &own), 0);
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(walk_as(&(struct walk_settings) { DNS_MX_OF, "example.org", false, &own, 1 },
	                       "example.org MX mx1.example.org\nmx1.example.org A 203.0.113.5\n", 0),
	                "-!203.0.113.5 of mx1.example.org is your own server"));
	SPF("example.org TXT v=spf1 ip4:0.0.0.0/0 ip4:192.0.2.0/24\n",
	        "192.0.2.0/24 ?0.0.0.0/0 of example.org is no address of a host; it is left out");
	SPF("example.org TXT v=spf1 ip4:4.0.0.0/7 ip4:192.0.2.0/24\n",
	        "192.0.2.0/24 ?4.0.0.0/7 of example.org is wider than any sender is; it is left out");
}

static void follows_spf(void)
{
	SPF("example.org TXT other text\nexample.org TXT v=spf1 ip4:198.51.100.0/24 a:h.example/28 mx "
	    "include:big.example -all\n"
	    "h.example A 203.0.113.77\nh.example AAAA 2001:db8::77\nexample.org MX mx2.example.org\n"
	    "big.example TXT v=spf1 ip6:2001:db8:1::/48 redirect=more.example\nmore.example TXT v=spf1 "
	    "a\nmore.example A 203.0.113.1\n" HOSTS_OF_MX,
	        "192.0.2.3 198.51.100.0/24 2001:db8:1::/48 2001:db8::77 203.0.113.1 203.0.113.64/28 ");
	SPF("example.org TXT v=spf1 include:example.org ip4:192.0.2.1\n", "192.0.2.1 "); /* a circle */
	SPF("example.org TXT v=spf1 a:h.example a:h.example/24\nh.example A 192.0.2.1\n",
	        "192.0.2.0/24 192.0.2.1 ");
}

static void keeps_the_limits_of_spf(void)
{
	char lines[4096] = "example.org TXT v=spf1";
	int i;

	for (i = 1; i <= 10; i++)
		sprintf(lines + strlen(lines), " include:i%d.example", i);
	strcat(lines, "\n");
	for (i = 1; i <= 10; i++)
		sprintf(lines + strlen(lines), "i%d.example TXT v=spf1 ip4:192.0.2.%d\n", i, i);
	CU_ASSERT_EQUAL(
	        walk_as(&(struct walk_settings) { DNS_SPF_OF, "example.org", false, NULL, 0 }, lines, 0)[0],
	        '1');
	strcat(lines, "i10.example TXT v=spf1 ip4:192.0.2.10\n");
	SPF(lines, "-!i10.example has more than one SPF record");
	sprintf(strstr(lines, "i10.example TXT"), "i10.example TXT v=spf1 a\n");
	SPF(lines, "-!the SPF record of example.org is invalid: it needs more than 10 look-ups");
	SPF("example.org TXT v=spf1 a:x1.example a:x2.example ip4:192.0.2.1\n",
	        "192.0.2.1 ?x1.example does not exist"); /* two voids */
	SPF("example.org TXT v=spf1 a:x1.example a:x2.example mx ip4:192.0.2.1\n",
	        "-!the SPF record of example.org is invalid: more than 2 of its look-ups lead to nothing");
	sprintf(lines, "example.org TXT v=spf1 mx\n");
	for (i = 1; i <= 11; i++)
		sprintf(lines + strlen(lines), "example.org MX mx%d.example\nmx%d.example A 192.0.2.%d\n", i,
		        i, i);
	SPF(lines, "-!the SPF record of example.org is invalid: mx has more than 10 hosts");
	SPF("example.org TXT v=spf1 ip4:192.0.2.1 nonsense\n",
	        "-!the SPF record of example.org is invalid: nonsense is no mechanism that SPF has");
}

static void takes_hundreds_and_no_end(void)
{
	static char lines[1 << 20];
	struct walk_settings s = { DNS_MX_OF, "example.org", false, NULL, 0 };
	char *to = lines;
	const char *out;
	int i, k;

	for (i = 0; i < 5; i++)
		to += sprintf(to, "example.org MX mx%d.example.org\n", i);
	for (i = 0; i < 5; i++)
		for (k = 0; k < 200; k++)
			to += sprintf(to, "mx%d.example.org A 192.%d.2.%d\n", i, i + 1, k);
	out = walk_as(&s, lines, 0);
	for (i = 0; *out; out++)
		i += *out == ' ';
	CU_ASSERT_EQUAL(i, 1000);
	for (to = lines, i = 0; i < 600; i++)
		to += sprintf(to, "example.org MX mx%d.example.org\nmx%d.example.org A 192.0.%d.%d\n", i, i,
		        i / 200, i % 200);
	CU_ASSERT_EQUAL(walk_as(&s, lines, 0)[0], '~'); /* too many questions: what is missing may be there */
}

static void tells_ttl_and_validation(void)
{
	static struct table_answer answer;
	struct walk *w = walk_new(&(struct walk_settings) { DNS_HOSTS, "mx1.example.org", false, NULL, 0 });
	struct table_dns dns = { HOSTS_OF_MX, DNS_SECURE, 300 };
	struct walk_question q;
	unsigned id;

	CU_ASSERT(walk_next(w, &q, &id));
	table_ask(&dns, q.name, q.type, &answer);
	walk_answer(w, id, &answer.answer);
	CU_ASSERT_FALSE(walk_is_done(w));
	CU_ASSERT_EQUAL(walk_validation(w), DNS_SECURE);
	dns.ttl_s = 7;
	dns.validation = DNS_INSECURE;
	(void)table_walk(w, &dns, 0);
	CU_ASSERT_EQUAL(walk_ttl(w), 7);
	CU_ASSERT_EQUAL(walk_validation(w), DNS_INSECURE);
	CU_ASSERT_EQUAL(walk_status(w), DNS_OK);
	walk_free(w);
}

SUITE("walk", { "follows MX", follows_mx }, { "nothing is no answer", nothing_is_no_answer },
        { "failures leave it partial", failures_leave_it_partial },
        { "refuses what nobody can be", refuses_what_nobody_can_be }, { "follows SPF", follows_spf },
        { "keeps the limits of SPF", keeps_the_limits_of_spf },
        { "takes hundreds and no end", takes_hundreds_and_no_end },
        { "tells TTL and validation", tells_ttl_and_validation })
