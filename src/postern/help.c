/* help.c - see help.h. A test holds the lines against the usages: each option there has one here. The manual page says more. */
#include "postern/help.h"

#include <string.h>

#include "conf/conf.h"

struct words {
	const char *of; /* command; NULL: of all whose usage has it */
	const char *word, *text;
};

/* clang-format off */
static const struct words words[] = {
	{ "explain", "SRC DST", "the client's and the server's address; self is the gateway, self@ADDRESS one of its addresses" },
	{ "explain", "--port N", "the port; the first guarded one unless given" },
	{ "explain", "--from A", "the envelope's sender" },
	{ "explain", "--rcpt B", "a recipient, as often as there are some" },
	{ "explain", "--json", "as one JSON object" },
	{ "read", "PCAP", "captures, gzipped or not; - is standard input" },
	{ "read", "--home P", "an address or prefix of ours, in place of a configuration; as often as there are some" },
	{ "read", "--domain D", "a domain of the servers among them; likewise" },
	{ "read", "--ports 25,2525", "these ports alone" },
	{ "replay", "EVE", "records as posternd or postern read have written them, gzipped or not, the oldest first; - is standard input" },
	{ "replay", "--enforce", "as if the configuration had mode = enforce" },
	{ "replay", "--records", "the records again, too, as this configuration judges them" },
	{ "replay", "--json", "the summary as one JSON object behind the alerts, not as words on standard error" },
	{ "restore", "-f FILE", "the rules, as /var/lib/postern/rules has them; the service knows where" },
	{ "sources", "--sort COUNT", "recipients, refused, messages, transactions, connections, tls, bytes, destinations, null_senders, auth_failures or last" },
	{ "sources", "--top N", "so many, 20 unless given, at most 1024; or all, in no order" },
	{ "sources", "PREFIX", "those within it, or that hold it" },
	{ "top", "--sort COUNT", "as of sources; keys change it" },
	{ "top", "PREFIX", "those within it, or that hold it" },
	{ "why", "ADDRESS", "a client's or a server's" },
	{ "incidents", "ID", "this one, whole: its rules, evidence, envelopes, what was done" },
	{ "incidents", "--since TIME", "those of the past, too: since a span ago (24h, 7d), or a day or time of UTC (2026-11-20, 2026-11-20T18:30)" },
	{ "incidents", "--source PREFIX", "likewise, of these sources, or of a network that holds them" },
	{ "incidents", "--rule RULE", "likewise, in which this rule was found, as relay.attempt or 1025100" },
	{ "incidents", "--limit N", "likewise, so many at most, 1000 unless given, the youngest first" },
	{ "incidents", "--open", "of all these, those that are open now" },
	{ "incidents", "--suppressed", "what the suppress blocks of the configuration keep from being told" },
	{ "ack", "ID", "numbers of open incidents, as postern incidents shows them" },
	{ "mute", "ADDRESS[/LENGTH]", "the source, or a network of them" },
	{ "mute", "--for TIME", "30m, 1h, 7d; an hour unless given, 30d at most" },
	{ "mute", "--rule RULE", "what this rule finds, as relay.attempt or 1025100, and nothing else" },
	{ "unmute", "ADDRESS[/LENGTH]", "as it was muted" },
	{ "unmute", "--rule RULE", "the mute of this rule alone" },
	{ "bypass", "TIME", "1s to 1d, as 30m; the kernel itself ends it" },
	{ "bypass", "off", "ends it now" },
	{ "block", "ADDRESS[/LENGTH]", "clients, or networks of them" },
	{ "block", "-f FILE", "more of them, one a line, # begins a comment; - is standard input" },
	{ "block", "--for TIME", "30m, 1h, 7d; until unblocked unless given" },
	{ "unblock", "ADDRESS[/LENGTH]", "as postern blocks shows it" },
	{ "forget", "ADDRESS[/LENGTH]", "a source, or a network of them: a /24, or a /56, at most" },
	{ "forget", "MAILBOX", "as john@example.org" },
	{ "forget", "--dry-run", "only says what there is" },
	{ "help", "COMMAND", "one of those that postern help lists" },
	{ "help", "postern.conf", "the manual page of the configuration" },
	{ "help", "findings", "each finding: what it means, where it comes from, what to do" },
	{ NULL, "--reason TEXT", "why, for the records and for others who look" },
	{ NULL, "-f FORMAT", "of the records on standard output: eve, text, ecs, cef, syslog or syslog-cef" },
	{ NULL, "-c FILE", "the configuration; " CONF_DEFAULT_PATH " unless given" },
	{ NULL, "--socket PATH", "where posternd is asked; the configuration says it unless given" },
	{ NULL, "--json", "the answer as it comes, a JSON object a line" },
};
/* clang-format on */

static bool is_of(const struct words *w, const struct command *c)
{
	if (w->of)
		return strcmp(w->of, c->name) == 0;
	return strstr(c->usage, w->word) != NULL;
}

/* --json of explain has words of its own. */
static bool is_said(const struct words *w, const struct command *c)
{
	for (const struct words *before = words; before < w; before++)
		if (is_of(before, c) && strcmp(before->word, w->word) == 0)
			return true;
	return false;
}

void help_print(FILE *to, const struct command *c)
{
	fprintf(to, "usage: postern %s %s\n%s\n", c->name, c->usage, c->help);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_of(&words[i], c) && !is_said(&words[i], c))
			fprintf(to, "  %-20s %s\n", words[i].word, words[i].text);
}
