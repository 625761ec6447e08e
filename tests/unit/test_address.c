/* test_address.c - paths and the hops they lead to. */
#include "smtp/address.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "suite.h"

struct vector {
	const char *path;
	const char *form;
	const char *hops; /* outermost first, a blank between */
};

static void check(const struct vector *v, size_t len)
{
	char *copy = (char *)guard_copy(v->path, len);
	struct smtp_address a;
	char hops[4096] = "";
	unsigned i;

	memset(&a, 0xa5, sizeof(a));
	smtp_address_parse(copy, len, &a);
	for (i = 0; i < a.hop_count; i++) {
		strcat(hops, i ? " " : "");
		strcat(hops, a.hops[i].domain);
		CU_ASSERT(a.hops[i].len == strlen(a.hops[i].domain));
	}
	if (strcmp(smtp_form_name(a.form), v->form) != 0 || strcmp(hops, v->hops) != 0) {
		printf("\n%s: wanted %s [%s], got %s [%s]\n", v->path, v->form, v->hops,
		        smtp_form_name(a.form), hops);
		CU_FAIL("address");
	}
	guard_free((uint8_t *)copy, len);
}

static void check_all(const struct vector *v, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check(&v[i], strlen(v[i].path));
}
#define CHECK(...)                                                                                           \
	check_all((const struct vector[]) { __VA_ARGS__ },                                                   \
	        sizeof((const struct vector[]) { __VA_ARGS__ }) / sizeof(struct vector))

static void reads_plain(void)
{
	CHECK({ "<bob@example.org>", "plain", "example.org" }, { "bob@example.org", "plain", "example.org" },
	        { " < bob @ Example.ORG. > ", "plain", "example.org" }, { "<>", "null", "" },
	        { "", "null", "" }, { "<postmaster>", "bare", "" }, { "<\"john doe\">", "bare", "" },
	        { "bob", "bare", "" }, { "<\"john doe\"@example.org>", "plain", "example.org" },
	        { "Bob <bob@example.org>", "plain", "example.org" },
	        { "<bob(a (nested) comment)@example.org>", "plain", "example.org" },
	        { "<bob@example.org(x)>", "plain", "example.org" },
	        { "<\"a\\\"b\"@example.org>", "plain", "example.org" },
	        { "<j\xc3\xb6rg@b\xc3\xbc.example>", "plain", "b\xc3\xbc.example" },
	        { "<bob@>", "empty-domain", "" }, { "<bob@.>", "empty-domain", "" },
	        { "<bob@example.org@>", "empty-domain", "example.org" },
	        { "<bob@example.org..>", "plain", "example.org" });
}

static void leaves_honest_forms_alone(void)
{
	CHECK({ "<SRS0=HHH=TT=example.net=user@example.org>", "plain", "example.org" },
	        { "<srs1=HHH=a.example==HHH=TT=b.example=u%c.example@example.org>", "plain", "example.org" },
	        { "<prvs=1234567890=user@example.org>", "plain", "example.org" },
	        { "<bounce-user=example.net@example.org>", "plain", "example.org" },
	        { "<list+user=example.net@example.org>", "plain", "example.org" },
	        { "<user+tag@example.org>", "plain", "example.org" },
	        { "<user%host@example.org>", "plain", "example.org" },
	        { "<100%@example.org>", "plain", "example.org" },
	        { "<!def!xyz%abc@example.org>", "plain", "example.org" },
	        { "<IMCEAEX-_O=ORG_CN=user+40example+2Enet@example.org>", "plain", "example.org" },
	        { "<IMCEAFAX-u%b.example@example.org>", "plain", "example.org" },
	        { "<!#$%&'*+-/=?^_`.{|}~@example.org>", "plain", "example.org" });
}

static void undoes_tricks(void)
{
	CHECK({ "<u%b.example@a.example>", "percent", "a.example b.example" },
	        { "<u%c.example%b.example@a.example>", "percent", "a.example b.example c.example" },
	        { "<u%[192.0.2.1]@a.example>", "percent", "a.example [192.0.2.1]" },
	        { "<u%b.example%localhost@a.example>", "percent", "a.example localhost b.example" },
	        { "<u%b.example@[192.0.2.1]>", "percent", "[192.0.2.1] b.example" },
	        { "<u%b.example@>", "percent", "b.example" }, { "<u%b.example>", "percent", "b.example" },
	        { "<b.example!u@a.example>", "bang", "a.example b.example" },
	        { "<a.example!b!u@c.example>", "bang", "c.example a.example b" },
	        { "<b.example!u>", "bang", "b.example" },
	        { "<!b.example!u@a.example>", "bang", "a.example b.example" },
	        { "<!![192.0.2.1].!u@a.example>", "bang", "a.example [192.0.2.1]" },
	        { "<u%b.example%@a.example>", "percent", "a.example b.example" },
	        { "<u%b.example%short@a.example>", "percent", "a.example b.example" },
	        { "<u%c.example%b.example%x%%@a.example>", "percent", "a.example b.example c.example" },
	        { "<b::u@a.example>", "decnet", "a.example b" },
	        { "<c.example::b.example::u>", "decnet", "c.example b.example" },
	        { "</dd.rfc-822=u(P)c.example(a)b.example/C=de/@a.example>", "mixed",
	                "a.example b.example c.example" },
	        { "</RFC-822=u(a)b.example@a.example>", "x400", "a.example b.example" },
	        { "<u%b.example@a.example@>", "percent", "a.example b.example" },
	        { "<u@b.example@[192.0.2.1]>", "quoted", "[192.0.2.1] b.example" },
	        { "<b.example!u%c.example@a.example>", "mixed", "a.example b.example c.example" },
	        { "<\"u@b.example\"@a.example>", "quoted", "a.example b.example" },
	        { "<\"u\\@b.example\"@a.example>", "quoted", "a.example b.example" },
	        { "<u\\@b.example@a.example>", "quoted", "a.example b.example" },
	        { "<u@b.example@a.example>", "quoted", "a.example b.example" },
	        { "<\"u@b.example\">", "quoted", "b.example" },
	        { "<\"\\\"u@c.example\\\"@b.example\"@a.example>", "quoted",
	                "a.example b.example c.example" },
	        { "<\"u%b.example\"@a.example>", "mixed", "a.example b.example" },
	        { "<@a.example,@b.example:u@c.example>", "source-route", "a.example b.example c.example" },
	        { "<@a.example:u@c.example>", "source-route", "a.example c.example" },
	        { "<@[IPv6:2001:db8::1]:u@c.example>", "source-route", "[ipv6:2001:db8::1] c.example" },
	        { "<@a.example:u%d.example@c.example>", "mixed", "a.example c.example d.example" },
	        { "<IMCEASMTP-user+40b+2Eexample@a.example>", "imceasmtp", "a.example b.example" },
	        { "<imceasmtp-user+40b.example@a.example>", "imceasmtp", "a.example b.example" });
}

static void reads_literals(void)
{
	static const char *const paths[] = { "<u@[192.0.2.1]>", "<u@[IPv6:2001:db8::1]>", "<u@[x400:abc]>",
		"<u@[300.1.1.1]>" };
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1", NULL, NULL };
	struct smtp_address a;
	struct addr want;
	unsigned i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		smtp_address_parse(paths[i], strlen(paths[i]), &a);
		CU_ASSERT(a.form == SMTP_FORM_LITERAL);
		CU_ASSERT(a.hop_count == 1);
		CU_ASSERT(a.hops[0].literal == (texts[i] != NULL));
		if (texts[i] && addr_parse(texts[i], &want) == 0)
			CU_ASSERT(addr_compare(&a.hops[0].addr, &want) == 0);
	}
}

static void finds_hops_in_malformed_paths(void)
{
	CHECK({ "<bob@example.org", "malformed", "example.org" },
	        { "bob@example.org>", "malformed", "example.org" },
	        { "<a b@example.org>", "malformed", "example.org" },
	        { "<\"bob@example.org>", "malformed", "example.org" },
	        { "<bob@exa mple.org>", "malformed", "example.org" },
	        { "<u@b.example\r@a.example>", "malformed", "a.example b.example\r" },
	        { "<bob(@example.org>", "malformed", "" }, { "<@example.org>", "malformed", "example.org" },
	        { "<bob@exam/ple.org>", "malformed", "exam/ple.org" },
	        { "<bob@.example.org>", "malformed", ".example.org" },
	        { "<Foo <bob@example.org>>", "malformed", "example.org" },
	        { "<u\x01%b.example@a.example>", "malformed", "a.example b.example" },
	        { "<u%b.example\x7f@a.example>", "malformed", "a.example b.example\x7f" },
	        { "<u%b.example,>", "malformed", "b.example" },
	        { "<x:u@b.example;>", "malformed", "b.example" },
	        { "<,;:b.example!u@a.example>", "malformed", "a.example b.example" },
	        { "<@a.example,u@b.example>", "malformed", "a.example b.example" },
	        { "<bob@example.org\\>", "malformed", "example.org\\" },
	        { "<IMCEASMTP-u+00+40b.example@a.example>", "malformed", "a.example b.example" },
	        { "<@a,@b,@c,@d,@e,@f,@g,@h,@i:u@j>", "malformed", "a b c d e f g h" });
}

static void survives_extremes(void)
{
	static char path[5000];
	static const char fill[] = "%!@\"\\(<[a.:,>";
	struct smtp_address a;
	unsigned i, len;

	for (i = 0; i < sizeof(fill) - 1; i++) {
		memset(path, fill[i], sizeof(path));
		for (len = 0; len < sizeof(path); len = len * 2 + 1)
			smtp_address_parse(path, len, &a);
		CU_ASSERT(a.hop_count <= SMTP_HOPS_MAX);
	}
	memset(path, 'a', sizeof(path));
	path[300] = '@';
	smtp_address_parse(path, 300 + 1 + 256, &a);
	CU_ASSERT(a.form == SMTP_FORM_MALFORMED);
	CU_ASSERT(a.hop_count == 0);
	smtp_address_parse(path, 300 + 1 + 255, &a);
	CU_ASSERT(a.form == SMTP_FORM_PLAIN);
	CU_ASSERT(a.hops[0].len == 255);
	for (i = 0; i < 4000; i += 4)
		memcpy(path + i, "u%a.", 4);
	smtp_address_parse(path, 4000, &a);
	CU_ASSERT(a.form == SMTP_FORM_MALFORMED);
}

SUITE("address", { "plain paths", reads_plain }, { "honest forms are left alone", leaves_honest_forms_alone },
        { "tricks are undone", undoes_tricks }, { "literals", reads_literals },
        { "malformed paths", finds_hops_in_malformed_paths }, { "extremes", survives_extremes })
