/* test_forms.c - the table of address forms: what each entry writes, and that it is seen for what it is;
 * and the honest addresses that look like one and must not be.
 */
#include "smtp/forms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "smtp/address.h"
#include "smtp/command.h"
#include "suite.h"

enum { TEXT_ROOM = 512 };

static const struct form_parts parts = {
	.victim = "victim",
	.foreign = "foreign.test",
	.user = "bob",
	.domain = "example.org",
	.host = "mx.example.org",
	.ip4 = "192.0.2.1",
	.ip6 = "2001:db8:25::5",
	.sink = "198.51.100.9",
};

static int server;

static struct policy *guard(void)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8:25::5" };
	static const char *const domains[] = { "example.org",
		"b\xc3\xbc"
		"cher.example",
		"xn--bcher-kva.example" };
	struct policy *p = policy_new();
	struct prefix prefix;
	unsigned i;

	server = policy_add_group(p, GROUP_SERVER, "mail");
	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (prefix_parse(addresses[i], &prefix) == 0)
			CU_ASSERT(policy_add_prefix(p, server, &prefix) == 0);
	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		CU_ASSERT(policy_server_add_domain(p, server, domains[i]) == 0);
	CU_ASSERT(policy_server_add_name(p, server, "mx.example.org") == 0);
	CU_ASSERT(policy_server_add_name(p, server, "localhost") == 0);
	CU_ASSERT(policy_seal(p) == 0);
	return p;
}

struct seen {
	struct smtp_address address;
	struct policy_recipient judged;
};

/* What becomes of "RCPT TO:" and this text, from the line to the judgement. */
static struct seen see(const struct policy *p, const char *text, int len)
{
	char line[TEXT_ROOM + 16] = "RCPT TO:";
	size_t head = strlen(line);
	struct command_scan scan = { 0 };
	struct seen s;

	memcpy(line + head, text, (size_t)len);
	command_finish(&scan, (const uint8_t *)line, (uint32_t)(head + (size_t)len));
	CU_ASSERT(scan.verb == SMTP_VERB_RCPT);
	smtp_address_parse(line + scan.path_at, scan.path_end - scan.path_at, &s.address);
	s.judged = policy_judge_recipient(p, server, &s.address);
	return s;
}

/* The domain of the hop that decided. */
static bool decided_by(const struct seen *s, const char *domain, int len)
{
	const struct smtp_hop *hop = &s->address.hops[s->judged.hop];

	return s->judged.hop < s->address.hop_count && hop->len == len &&
	       memcmp(hop->domain, domain, (size_t)len) == 0;
}

static void every_entry_is_seen_through(void)
{
	char mail[TEXT_ROOM], rcpt[TEXT_ROOM], foreign[TEXT_ROOM];
	struct policy *p = guard();
	const struct form_entry *e;
	unsigned i;

	for (i = 0; (e = forms_get(i)); i++) {
		int rcpt_len = forms_print(e->rcpt, &parts, rcpt, sizeof(rcpt));
		int foreign_len = forms_print(e->foreign, &parts, foreign, sizeof(foreign));
		struct seen s;

		CU_ASSERT(forms_print(e->mail, &parts, mail, sizeof(mail)) > 0);
		CU_ASSERT_FATAL(rcpt_len > 0 && foreign_len > 0);
		s = see(p, rcpt, rcpt_len);
		if (s.address.form != e->form || !decided_by(&s, foreign, foreign_len) || s.judged.ours)
			fprintf(stderr, "%s: %s is %s\n", e->name, rcpt, smtp_form_name(s.address.form));
		CU_ASSERT(s.address.form == e->form);
		CU_ASSERT(decided_by(&s, foreign, foreign_len));
		CU_ASSERT(!s.judged.ours);
	}
	policy_free(p);
}

/* The same spelling leads nowhere foreign when the victim is one of us. */
static void what_leads_to_us_is_ours(void)
{
	struct form_parts own = parts;
	struct policy *p = guard();
	const struct form_entry *e;
	char rcpt[TEXT_ROOM];
	unsigned i, seen = 0;

	own.foreign = "example.org";
	own.sink = "192.0.2.1";
	for (i = 0; (e = forms_get(i)); i++) {
		struct seen s;

		if (strcmp(e->foreign, "$f") != 0 && strcmp(e->foreign, "[$s]") != 0)
			continue; /* no name or address of ours by then */
		s = see(p, rcpt, forms_print(e->rcpt, &own, rcpt, sizeof(rcpt)));
		if (s.judged.ours != (e->form != SMTP_FORM_MALFORMED))
			fprintf(stderr, "%s: %s\n", e->name, rcpt);
		CU_ASSERT(s.judged.ours == (e->form != SMTP_FORM_MALFORMED));
		seen++;
	}
	CU_ASSERT(seen > 90);
	policy_free(p);
}

static void names_and_forms_are_complete(void)
{
	bool has[SMTP_FORM_COUNT] = { false };
	const struct form_entry *a, *b;
	unsigned i, k;

	for (i = 0; (a = forms_get(i)); i++) {
		has[a->form] = true;
		for (k = 0; k < i && (b = forms_get(k)); k++)
			CU_ASSERT(strcmp(a->name, b->name) != 0);
	}
	for (i = 0; i < SMTP_FORM_COUNT; i++)
		CU_ASSERT(has[i] || i == SMTP_FORM_BARE || i == SMTP_FORM_NULL);
	CU_ASSERT(forms_get(i * 1000) == NULL);
}

/* A MAIL and a RCPT that other people's tests send. */
struct known {
	const char *mail, *rcpt;
};

static bool has_pair(const struct known *wanted, bool any_mail)
{
	char mail[TEXT_ROOM], rcpt[TEXT_ROOM];
	const struct form_entry *e;
	unsigned i;

	for (i = 0; (e = forms_get(i)); i++) {
		forms_print(e->mail, &parts, mail, sizeof(mail));
		forms_print(e->rcpt, &parts, rcpt, sizeof(rcpt));
		if (strcmp(rcpt, wanted->rcpt) == 0 && (any_mail || strcmp(mail, wanted->mail) == 0))
			return true;
	}
	return false;
}

/* nmap's smtp-open-relay sends the hacks from a sender at the server's literal; which sender makes no
 * difference to them, so the table has them from a foreign one. */
static void has_what_nmap_sends(void)
{
	static const struct known pairs[] = {
		{ "<>", "<victim@foreign.test>" },
		{ "<victim@foreign.test>", "<victim@foreign.test>" },
		{ "<bob@mx.example.org>", "<victim@foreign.test>" },
		{ "<bob@[192.0.2.1]>", "<victim@foreign.test>" },
		{ NULL, "<victim%foreign.test@[192.0.2.1]>" },
		{ NULL, "<victim%foreign.test@mx.example.org>" },
		{ NULL, "<\"victim@foreign.test\">" },
		{ NULL, "<\"victim%foreign.test\">" },
		{ NULL, "<victim@foreign.test@[192.0.2.1]>" },
		{ NULL, "<\"victim@foreign.test\"@[192.0.2.1]>" },
		{ NULL, "<victim@foreign.test@mx.example.org>" },
		{ NULL, "<@[192.0.2.1]:victim@foreign.test>" },
		{ NULL, "<@mx.example.org:victim@foreign.test>" },
		{ NULL, "<foreign.test!victim>" },
		{ NULL, "<foreign.test!victim@[192.0.2.1]>" },
		{ NULL, "<foreign.test!victim@mx.example.org>" },
	};
	unsigned i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		CU_ASSERT(has_pair(&pairs[i], !pairs[i].mail));
}

static void has_what_kb304897_sends(void)
{
	static const struct known pairs[] = {
		{ "<victim@foreign.test>", "<victim@foreign.test>" },
		{ "<bob>", "<victim@foreign.test>" },
		{ "<>", "<victim@foreign.test>" },
		{ "<bob@example.org>", "<victim@foreign.test>" },
		{ "<bob@[192.0.2.1]>", "<victim@foreign.test>" },
		{ NULL, "<victim%foreign.test@example.org>" },
		{ NULL, "<\"victim@foreign.test\">" },
	};
	unsigned i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		CU_ASSERT(has_pair(&pairs[i], !pairs[i].mail));
}

static void prints_within_its_room(void)
{
	struct form_parts few = { .victim = "v", .foreign = "f" };
	char out[16];

	memset(out, 'x', sizeof(out));
	CU_ASSERT(forms_print("<$v$0$F>", &few, out, 6) == 5);
	CU_ASSERT(memcmp(out, "<v\0F>\0x", 7) == 0);
	memset(out, 'x', sizeof(out));
	CU_ASSERT(forms_print("<$v$0$F>", &few, out, 5) == -ENOSPC);
	CU_ASSERT(out[5] == 'x');
	CU_ASSERT(forms_print("", &few, out, 1) == 0);
	CU_ASSERT(forms_print("", &few, out, 0) == -ENOSPC);
	CU_ASSERT(forms_print("<$v@$d>", &few, out, sizeof(out)) == -ENOENT);
	CU_ASSERT(forms_print("<$v@[$4]>", &few, out, sizeof(out)) == -ENOENT);
	CU_ASSERT(forms_print("<$?>", &few, out, sizeof(out)) == -ENOENT);
}

/* Written by honest software every day: bounces that come home, lists, gateways, people. */
static void honest_addresses_are_ours(void)
{
	static const struct {
		const char *path;
		enum smtp_form form;
	} honest[] = {
		{ "<bob@example.org>", SMTP_FORM_PLAIN },
		{ "<BOB@EXAMPLE.Org>", SMTP_FORM_PLAIN },
		{ "<bob@example.org.>", SMTP_FORM_PLAIN },
		{ "<bob@b\xc3\xbc"
		  "cher.example>",
		        SMTP_FORM_PLAIN },
		{ "<bob@xn--bcher-kva.example>", SMTP_FORM_PLAIN },
		{ "<bob@XN--BCHER-KVA.example.>", SMTP_FORM_PLAIN },
		{ "<postmaster>", SMTP_FORM_BARE },
		{ "<Postmaster>", SMTP_FORM_BARE },
		{ "<bob>", SMTP_FORM_BARE },
		{ "<postmaster@[192.0.2.1]>", SMTP_FORM_LITERAL },
		{ "<postmaster@[IPv6:2001:DB8:25:0::5]>", SMTP_FORM_LITERAL },
		{ "<postmaster@mx.example.org>", SMTP_FORM_PLAIN },
		{ "<root@localhost>", SMTP_FORM_PLAIN },
		{ "bob@example.org", SMTP_FORM_PLAIN },
		{ "bob@example.org NOTIFY=NEVER", SMTP_FORM_PLAIN },
		{ " <bob@example.org> ORCPT=rfc822;a@foreign.test", SMTP_FORM_PLAIN },
		{ "<SRS0=HHH=TT=foreign.test=victim@example.org>", SMTP_FORM_PLAIN },
		{ "<srs0+HHH=TT=foreign.test=victim@example.org>", SMTP_FORM_PLAIN },
		{ "<SRS1=HHH=fwd.test==HHH=TT=foreign.test=v%x.test@example.org>", SMTP_FORM_PLAIN },
		{ "<SRS1-HHH=fwd.test=-HHH=TT=foreign.test=v!x@example.org>", SMTP_FORM_PLAIN },
		{ "<prvs=0123456789=bob@example.org>", SMTP_FORM_PLAIN },
		{ "<PRVS=0123456789=bob%a.test@example.org>", SMTP_FORM_PLAIN },
		{ "<btv1==0123abcd==bob@example.org>", SMTP_FORM_PLAIN },
		{ "<list-bounces+victim=foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "<list+bounce+victim==foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "<list-return-17-victim=foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "<bounce-mc.us1_2.3-victim=foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "<bob+tag@example.org>", SMTP_FORM_PLAIN },
		{ "<bob+foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "<bob%office@example.org>", SMTP_FORM_PLAIN },
		{ "<100%@example.org>", SMTP_FORM_PLAIN },
		{ "<50%+tax@example.org>", SMTP_FORM_PLAIN },
		{ "<IMCEAEX-_O=ORG_OU=SITE_CN=RECIPIENTS_CN=bob+40foreign+2Etest@example.org>",
		        SMTP_FORM_PLAIN },
		{ "<IMCEAFAX-bob+40+2B49+20555@example.org>", SMTP_FORM_PLAIN },
		{ "<IMCEAX400-c=de+3Ba=x+3Bs=bob@example.org>", SMTP_FORM_PLAIN },
		{ "<IMCEANOTES-bob%foreign.test@example.org>", SMTP_FORM_PLAIN },
		{ "</G=bob/S=builder/O=example/C=de/@example.org>", SMTP_FORM_PLAIN },
		{ "<first.last.@example.org>", SMTP_FORM_PLAIN },
		{ "<first..last@example.org>", SMTP_FORM_PLAIN },
		{ "<\"bob builder\"@example.org>", SMTP_FORM_PLAIN },
		{ "<\"bob \\\"b\\\" builder\"@example.org>", SMTP_FORM_PLAIN },
		{ "<\"bob @ home\"@example.org>", SMTP_FORM_PLAIN },
		{ "<o'neil@example.org>", SMTP_FORM_PLAIN },
		{ "<customer/department=shipping@example.org>", SMTP_FORM_PLAIN },
		{ "<!def!xyz%abc@example.org>", SMTP_FORM_PLAIN },
		{ "<!#$%&'*+-/=?^_`{.|}~@example.org>", SMTP_FORM_PLAIN },
		{ "<j\xc3\xb6rg@example.org>", SMTP_FORM_PLAIN },
	};
	struct policy *p = guard();
	unsigned i;

	for (i = 0; i < sizeof(honest) / sizeof(honest[0]); i++) {
		struct seen s = see(p, honest[i].path, (int)strlen(honest[i].path));

		if (!s.judged.ours || s.address.form != honest[i].form)
			fprintf(stderr, "%s: %s\n", honest[i].path, smtp_form_name(s.address.form));
		CU_ASSERT(s.judged.ours);
		CU_ASSERT(s.address.form == honest[i].form);
	}
	policy_free(p);
}

/* Each of these was sent on, or would have been, by a server of docs/FORMS.md, and once looked like ours. */
static void found_at_servers(void)
{
	static const char *const paths[] = {
		"<>victim@foreign.test>",
		"<>victim%foreign.test@mx.example.org>",
		"< >victim@foreign.test>",
		"<!foreign.test!victim@mx.example.org>",
		"<victim%foreign.test%@mx.example.org>",
		"<victim%foreign.test%mx@mx.example.org>",
		"<,foreign.test!victim@mx.example.org>",
		"<;foreign.test!victim@mx.example.org>",
		"<x:victim@foreign.test;>",
		"<victim%foreign.test,>",
		"<[198.51.100.9].!victim@mx.example.org>",
	};
	struct policy *p = guard();
	unsigned i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct seen s = see(p, paths[i], (int)strlen(paths[i]));

		if (s.judged.ours)
			fprintf(stderr, "%s\n", paths[i]);
		CU_ASSERT(!s.judged.ours);
	}
	policy_free(p);
}

SUITE("forms", { "every entry is seen through", every_entry_is_seen_through },
        { "what leads to us is ours", what_leads_to_us_is_ours },
        { "names and forms are complete", names_and_forms_are_complete },
        { "has what nmap sends", has_what_nmap_sends },
        { "has what KB304897 sends", has_what_kb304897_sends },
        { "prints within its room", prints_within_its_room },
        { "honest addresses are ours", honest_addresses_are_ours }, { "found at servers", found_at_servers })
