/* SPF records to terms, and what a record's data is made of. */
#include <stdio.h>
#include <string.h>

#include "dns/rdata.h"
#include "dns/spf.h"
#include "suite.h"

static void print_term(const struct spf_term *t, char *to, size_t bytes)
{
	static const char *const names[] = { "ip", "a", "mx", "include", "redirect", "left-out", "bad",
		"end" };
	char text[PREFIX_TEXT_MAX] = "";

	if (t->kind == SPF_PREFIX)
		prefix_print(&t->prefix, text);
	else if (t->kind == SPF_A || t->kind == SPF_MX)
		snprintf(text, sizeof(text), "%.30s/%u/%u", t->domain, t->bits[0], t->bits[1]);
	else if (t->kind == SPF_INCLUDE || t->kind == SPF_REDIRECT)
		snprintf(text, sizeof(text), "%.40s", t->domain);
	else if (t->kind == SPF_IGNORED)
		snprintf(text, sizeof(text), "%.40s", t->text);
	snprintf(to + strlen(to), bytes - strlen(to), "%s%s%s ", names[t->kind], text[0] ? "=" : "", text);
}

static const char *terms(const char *record)
{
	static char out[1024];
	struct spf_term t;
	struct spf s;

	out[0] = '\0';
	if (!spf_is(record))
		return "none";
	spf_begin(&s, record);
	do {
		spf_next(&s, &t);
		print_term(&t, out, sizeof(out));
	} while (t.kind != SPF_END && t.kind != SPF_BAD);
	return out;
}

#define IS(record, expected) CU_ASSERT_STRING_EQUAL(terms(record), expected)

static void reads_mechanisms(void)
{
	IS("v=spf1 -all", "end ");
	IS("v=spf1", "end ");
	IS("V=SPF1 IP4:192.0.2.1 ip4:198.51.100.0/24 ip6:2001:db8::/32  -all",
	        "ip=192.0.2.1 ip=198.51.100.0/24 ip=2001:db8::/32 end ");
	IS("v=spf1 +a a:Mail.Example. mx/24 mx:x.example//64 a:y.example/28//96 ?all",
	        "a=/128/128 a=mail.example/128/128 mx=/120/128 mx=x.example/128/64 a=y.example/124/96 end ");
	IS("v=spf1 include:_spf.example.org redirect=other.example",
	        "include=_spf.example.org redirect=other.example end ");
	IS("v=spf1 redirect=other.example ip4:192.0.2.1", "ip=192.0.2.1 redirect=other.example end ");
	IS("v=spf1 ip4:192.0.2.77/24", "ip=192.0.2.0/24 end ");
}

static void only_what_passes_counts(void)
{
	IS("v=spf1 -ip4:192.0.2.1 ~include:a.example ?mx +ip4:192.0.2.2 ~all", "ip=192.0.2.2 end ");
	IS("v=spf1 -all ip4:192.0.2.1", "end ");
	IS("v=spf1 redirect=other.example -all", "end ");
}

static void says_what_it_leaves_out(void)
{
	IS("v=spf1 ptr exists:%{i}.x.example exp=why.example +all",
	        "left-out=ptr left-out=exists:%{i}.x.example left-out=+all end ");
	IS("v=spf1 include:%{d}.x.example a:%{h} ip4:192.0.2.1",
	        "left-out=include:%{d}.x.example left-out=a:%{h} ip=192.0.2.1 end ");
	IS("v=spf1 unknown=thing mx", "mx=/128/128 end ");
}

static void invalid_records_are_bad(void)
{
	static const char *const bad[] = { "v=spf1 ip4:192.0.2.300", "v=spf1 ip4", "v=spf1 ip4:2001:db8::1",
		"v=spf1 ip6:192.0.2.1", "v=spf1 iq4:192.0.2.1", "v=spf1 a:", "v=spf1 a/33", "v=spf1 mx//129",
		"v=spf1 a/", "v=spf1 a/08", "v=spf1 include", "v=spf1 include:a..example",
		"v=spf1 redirect=a.example redirect=b.example", "v=spf1 a:\x01.example", "v=spf1 -",
		"v=spf1 a:-x y" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *t = terms(bad[i]);

		CU_ASSERT(strlen(t) >= 4 && strcmp(t + strlen(t) - 4, "bad ") == 0);
	}
	IS("v=spf10 mx", "none");
	IS("spf1 mx", "none");
}

static void reads_data(void)
{
	static const struct {
		const char *bytes;
		unsigned len;
		const char *name; /* NULL = no MX */
	} mx[] = {
		{ "\0\12\3mx1\7Example\3org\0", 19, "mx1.example.org" },
		{ "\0\0\0", 3, "." },
		{ "\0\12\3mx1\7example\3org", 18, NULL },
		{ "\0\12\3mx1\0x", 8, NULL },
		{ "\0\12\3m x\0", 7, NULL },
		{ "\0\12\3m\0x\0", 7, NULL },
		{ "\0\12\300\14", 4, NULL },
		{ "\0\12", 2, NULL },
	};
	char name[DNS_NAME_MAX], text[8];
	uint16_t preference;
	struct addr a;

	for (size_t i = 0; i < sizeof(mx) / sizeof(mx[0]); i++) {
		struct dns_rdata r = { (const uint8_t *)mx[i].bytes, mx[i].len };
		bool ok = rdata_read_mx(&r, &preference, name);

		CU_ASSERT_EQUAL(ok, mx[i].name != NULL);
		if (ok && mx[i].name)
			CU_ASSERT_STRING_EQUAL(name, mx[i].name);
	}
	CU_ASSERT(
	        rdata_read_text(&(struct dns_rdata) { (const uint8_t *)"\3abc\2de", 7 }, text, sizeof(text)));
	CU_ASSERT_STRING_EQUAL(text, "abcde");
	CU_ASSERT_FALSE(
	        rdata_read_text(&(struct dns_rdata) { (const uint8_t *)"\3abc\3de", 7 }, text, sizeof(text)));
	CU_ASSERT_FALSE(rdata_read_text(
	        &(struct dns_rdata) { (const uint8_t *)"\10abcdefgh", 9 }, text, sizeof(text)));
	CU_ASSERT_FALSE(
	        rdata_read_text(&(struct dns_rdata) { (const uint8_t *)"\3a\0c", 4 }, text, sizeof(text)));
	CU_ASSERT_FALSE(rdata_read_addr(&(struct dns_rdata) { (const uint8_t *)"abcde", 5 }, &a));
}

static void names_are_bounded(void)
{
	uint8_t wire[300] = { 0, 10 };
	struct dns_rdata r = { wire, 0 };
	char name[DNS_NAME_MAX];
	uint16_t preference;
	unsigned labels, i;

	for (labels = 1; labels < 5; labels++) {
		for (i = 0; i < labels; i++) {
			wire[2 + 64 * i] = 63;
			memset(wire + 3 + 64 * i, 'a', 63);
		}
		wire[2 + 64 * labels] = 0;
		r.len = 3 + 64 * labels;
		CU_ASSERT_EQUAL(rdata_read_mx(&r, &preference, name), labels < 4);
	}
}

SUITE("spf", { "reads mechanisms", reads_mechanisms }, { "only what passes counts", only_what_passes_counts },
        { "says what it leaves out", says_what_it_leaves_out },
        { "invalid records are bad", invalid_records_are_bad }, { "reads data", reads_data },
        { "names are bounded", names_are_bounded })
