/* blame.c - see blame.h.
 *
 * A table of codes and words, as the big receivers and the lists' own texts have them (their published help pages, and
 * the reject texts of Postfix, Exim and Rspamd). A row matches when the text begins with its enhanced status code and
 * has its word; case makes no difference.
 *
 * Lists of domains and of links are not about an address: a reply that names one of them, or a link, body or attachment
 * that is listed, is no blame, unless it says "IP" or "client host", or gives an address in brackets as the reject texts
 * do. Only the first line of a reply is there to be read; the receivers below have their words in it.
 *
 * Rejected: codes alone. 5.7.1 is said to everybody who may not do something, 4.7.0 by greylisting.
 */
#include "watch/blame.h"

#include <stdbool.h>
#include <string.h>

static const struct {
	const char *code; /* enhanced status code, ? = a digit; "5.7." = all below it; "" = any, or none */
	const char *word; /* lower case; "" = the code says it all */
	const char *name;
} rows[] = {
	{ "", "spamhaus", "Spamhaus" },
	{ "", "barracuda", "Barracuda" },
	{ "", "spamcop", "SpamCop" },
	{ "", "sorbs.net", "SORBS" },
	{ "", "uceprotect", "UCEPROTECT" },
	{ "", "abuseat.org", "CBL" },
	{ "", "cloudmark", "Cloudmark" },
	{ "", "ipcheck.proofpoint", "Proofpoint" },
	{ "", "senderscore", "Sender Score" },
	{ "", "invaluement", "Invaluement" },
	{ "", "mailspike", "Mailspike" },
	{ "", "spamrats", "SpamRATS" },
	{ "", "manitu.net", "NiX Spam" },
	{ "", "psbl.", "PSBL" },
	/* Microsoft: help pages about 5.7.606 to 5.7.649 and 4.7.650; "on our block list (S3140)" */
	{ "5.7.60?", "", "Microsoft" },
	{ "5.7.61?", "", "Microsoft" },
	{ "5.7.62?", "", "Microsoft" },
	{ "5.7.63?", "", "Microsoft" },
	{ "5.7.64?", "", "Microsoft" },
	{ "5.7.511", "", "Microsoft" },
	{ "4.7.650", "", "Microsoft" },
	{ "", "(s3140)", "Microsoft" },
	{ "", "(s3150)", "Microsoft" },
	{ "", "weren't sent. please contact your internet service provider", "Microsoft" },
	/* Google: 421 4.7.0 and 4.7.28, 550 5.7.1 */
	{ "4.7.28", "", "Google" },
	{ "4.7.", "detected an unusual rate", "Google" },
	{ "4.7.", "unsolicited mail originating", "Google" },
	{ "5.7.1", "our system has detected that this message is", "Google" },
	{ "4.7.0", "our system has detected that this message is", "Google" },
	{ "5.7.", "the ip you're using", "Google" },
	/* Yahoo: 421 4.7.0 [TSS04], 421 4.7.1 [TS03], 553 5.7.1 [BL21] */
	{ "", "[tss", "Yahoo" },
	{ "", "[ts0", "Yahoo" },
	{ "", "[bl2", "Yahoo" },
	/* what others say */
	{ "", "blocklist", "a blocklist" },
	{ "", "block list", "a blocklist" },
	{ "", "blacklist", "a blocklist" },
	{ "", "black list", "a blocklist" },
	{ "", "blocked using", "a blocklist" },
	{ "", "listed at", "a blocklist" },
	{ "", "listed in", "a blocklist" },
	{ "", "is listed", "a blocklist" },
	{ "", "listed by", "a blocklist" },
	{ "", "dnsbl", "a blocklist" },
	{ "", "banned sending ip", "a ban" },
	{ "", "ip reputation", "reputation" },
	{ "", "poor reputation", "reputation" },
	{ "", "bad reputation", "reputation" },
	{ "", "low reputation", "reputation" },
};

/* What is listed is not an address. */
static const char *const of_content[] = { "surbl", "uribl", "dbl.", "rhsbl", " url", "url ", " uri", "uri ",
	"http link", "a link", "links", "domain", "in body", "in the body", "message content", "attachment",
	"greylist", "grey list", "greyed" };
/* It is, after all. */
static const char *const of_address[] = { "client host", "ip address", "your ip", "sending ip", "the ip",
	"ip:", "ip=" };

struct lowered {
	char bytes[EVENT_TEXT_MAX + 1];
	size_t len;
};

static void lower(struct lowered *out, const struct event_text *text)
{
	size_t i;

	out->len = text->len < EVENT_TEXT_MAX ? text->len : EVENT_TEXT_MAX;
	for (i = 0; i < out->len; i++)
		out->bytes[i] =
		        (char)(text->bytes[i] >= 'A' && text->bytes[i] <= 'Z' ? text->bytes[i] + 'a' - 'A'
		                                                              : text->bytes[i]);
	out->bytes[out->len] = '\0';
}

static bool has(const struct lowered *text, const char *word)
{
	return memmem(text->bytes, text->len, word, strlen(word)) != NULL;
}

static bool has_one(const struct lowered *text, const char *const *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (has(text, words[i]))
			return true;
	return false;
}

/* "[192.0.2.1" or "[2001:db8::1", as reject texts name a client. */
static bool has_bracketed_address(const struct lowered *text)
{
	const char *at = text->bytes, *end = text->bytes + text->len;
	unsigned marks, digits;

	while ((at = memchr(at, '[', (size_t)(end - at)))) {
		marks = digits = 0;
		for (at++; at < end && strchr("0123456789abcdef.:", *at) && *at; at++) {
			marks += *at == '.' || *at == ':';
			digits += *at != '.' && *at != ':';
		}
		if (marks >= 2 && digits >= 2)
			return true;
	}
	return false;
}

static bool is_of_content(const struct lowered *text)
{
	return has_one(text, of_content, sizeof(of_content) / sizeof(of_content[0])) &&
	       !has_one(text, of_address, sizeof(of_address) / sizeof(of_address[0])) &&
	       !has_bracketed_address(text);
}

/* The text begins with the code, or with one below it. */
static bool has_code(const struct lowered *text, const char *code)
{
	const char *at = text->bytes;

	for (; *code; code++, at++)
		if (*code == '?' ? !(*at >= '0' && *at <= '9') : *at != *code)
			return false;
	return at == text->bytes || at[-1] == '.' || !(*at >= '0' && *at <= '9');
}

const char *blame_read(const struct event_reply *reply)
{
	struct lowered text;
	size_t i;

	if (reply->code / 100 != 4 && reply->code / 100 != 5)
		return NULL;
	lower(&text, &reply->text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (has_code(&text, rows[i].code) && has(&text, rows[i].word))
			return is_of_content(&text) ? NULL : rows[i].name;
	return NULL;
}
