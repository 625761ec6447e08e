/* test_blame.c - which replies say that an address has a bad name. Texts are as the receivers and lists publish them, with
 * addresses of the documentation. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "watch/blame.h"

static const char *blame(unsigned code, const char *text)
{
	struct event_reply r = { .code = (uint16_t)code };

	EVENTS_TEXT(r.text, text);
	return blame_read(&r);
}

static const struct {
	unsigned code;
	const char *text, *who; /* NULL = nobody */
} cases[] = {
	{ 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://x",
	        "Spamhaus" },
	{ 554, "5.7.1 SERVICE UNAVAILABLE; CLIENT HOST [192.0.2.1] BLOCKED USING ZEN.SPAMHAUS.ORG",
	        "Spamhaus" },
	{ 554, "Service unavailable; Client host [mx.example] blocked using Barracuda Reputation",
	        "Barracuda" },
	{ 550, "JunkMail rejected - mx [192.0.2.1] is in an RBL: bl.spamcop.net", "SpamCop" },
	{ 550, "5.7.1 mail from 192.0.2.1 refused: dnsbl.sorbs.net", "SORBS" },
	{ 554, "5.7.1 see dnsbl-1.uceprotect.net", "UCEPROTECT" },
	{ 550, "5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal", "Microsoft" },
	{ 550, "5.7.649 Access denied", "Microsoft" },
	{ 451, "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited", "Microsoft" },
	{ 550,
	        "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet "
	        "service provider since part of their network is on our block list (S3140).",
	        "Microsoft" },
	{ 421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", "Yahoo" },
	{ 553, "5.7.1 [BL21] Connections will not be accepted from 192.0.2.1", "Yahoo" },
	{ 421, "4.7.0 [192.0.2.1      15] Our system has detected that this message is", "Google" },
	{ 550, "5.7.1 [192.0.2.1      12] Our system has detected that this message is", "Google" },
	{ 421, "4.7.28 [192.0.2.1] Gmail has detected an unusual rate of", "Google" },
	{ 550, "your host 192.0.2.1 is blacklisted", "a blocklist" },
	{ 554, "[192.0.2.1] listed at example.net", "a blocklist" },
	{ 554, "Your access to this mail system has been rejected due to the sending MTA's poor reputation",
	        "reputation" },
	{ 550, "5.7.1 [192.0.2.1] is listed, see url https://x", "a blocklist" },
	{ 550, "Your IP is blacklisted, domain mx.example", "a blocklist" },
	/* it names an address, so the link is where to read more */
	{ 550, "5.7.1 Client host rejected: [192.0.2.1] listed in example, see the url https://x",
	        "a blocklist" },
	/* content, domains, links */
	{ 554, "5.7.1 Message contains a URL listed in multi.surbl.org", NULL },
	{ 550, "5.7.1 Blocked: http link in body is listed by black.uribl.com", NULL },
	{ 550, "5.7.1 Sender domain x.example listed in dbl.spamhaus.org", NULL },
	{ 554, "Message content: domain shop.example blacklisted", NULL },
	/* everything else that is said with the same codes */
	{ 554, "5.7.1 <a@b.example>: Relay access denied", NULL },
	{ 550, "5.1.1 user unknown", NULL },
	{ 450, "4.7.1 Greylisted, please come back", NULL },
	{ 421, "4.7.0 mx.example Error: too many errors", NULL },
	{ 454, "4.7.0 TLS not available due to local problem", NULL },
	{ 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", NULL },
	{ 550, "5.7.1 [2001:db8::1] Our system has detected that this message does", NULL },
	{ 550, "5.7.26 This mail is unauthenticated", NULL },
	{ 250, "2.0.0 blocked using zen.spamhaus.org", NULL },
	{ 354, "spamhaus", NULL },
	{ 0, "spamhaus", NULL },
	{ 550, "", NULL },
};

static void as_published(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *who = blame(cases[i].code, cases[i].text);

		if (who != cases[i].who && (!who || !cases[i].who || strcmp(who, cases[i].who) != 0)) {
			printf("%u %s: %s\n", cases[i].code, cases[i].text, who ? who : "nobody");
			CU_FAIL("said of somebody else");
		}
	}
}

/* Each text cut anywhere is read without going beyond its end. */
static void any_length(void)
{
	unsigned named = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint16_t len = 0; len <= strlen(cases[i].text); len++) {
			struct event_reply r = { .code = 550 };

			EVENTS_TEXT(r.text, cases[i].text);
			r.text.len = len < r.text.len ? len : r.text.len;
			memset(r.text.bytes + r.text.len, '[', sizeof(r.text.bytes) - r.text.len);
			named += blame_read(&r) != NULL;
		}
	CU_ASSERT(named > 0);
	CU_ASSERT_PTR_NULL(blame(550, "5.7.60")); /* its last digit may be in the next segment */
}

SUITE("blame", { "as published", as_published }, { "any length", any_length })
