/* address.c - what is made of addresses, one line each: a filter for tests.
 *
 * usage: address [KEY=VALUE]... [--rcpt | --forms] <LINES
 *
 * Reads paths, one a line, with or without brackets, in C escapes (\n, \t, \\, \", \xNN), and prints for each
 *
 *   FORM  TAB  HOPS, a blank between, a "-" if there are none  TAB  ours | foreign | trick  TAB  DECIDING HOP
 *
 * With --rcpt the lines are what stands behind "RCPT TO:"; the reader of commands says what the path is.
 * With --forms it prints the table of forms instead of reading anything: NAME, what stands behind MAIL FROM: and
 * RCPT TO: (in C escapes), then the same four. KEY is a member of struct form_parts: victim, foreign, user, domain, host,
 * ip4, ip6, sink. "ours" is judged for a server with that domain, host and addresses.
 */
#include "smtp/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "smtp/command.h"
#include "smtp/forms.h"

enum { LINE_MAX_BYTES = 8192 };

static const struct {
	const char *key;
	size_t offset;
} keys[] = {
	{ "victim=", offsetof(struct form_parts, victim) },
	{ "foreign=", offsetof(struct form_parts, foreign) },
	{ "user=", offsetof(struct form_parts, user) },
	{ "domain=", offsetof(struct form_parts, domain) },
	{ "host=", offsetof(struct form_parts, host) },
	{ "ip4=", offsetof(struct form_parts, ip4) },
	{ "ip6=", offsetof(struct form_parts, ip6) },
	{ "sink=", offsetof(struct form_parts, sink) },
};

static bool read_part(const char *argument, struct form_parts *parts)
{
	unsigned i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t len = strlen(keys[i].key);

		if (strncmp(argument, keys[i].key, len) == 0) {
			*(const char **)((char *)parts + keys[i].offset) = argument + len;
			return true;
		}
	}
	return false;
}

static size_t unescape(const char *text, char *out)
{
	static const char letters[] = "ntr\\\"", bytes[] = "\n\t\r\\\"";
	size_t len = 0;

	for (; *text && *text != '\n'; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		unsigned byte;

		if (letter) {
			out[len++] = bytes[letter - letters];
			text++;
		} else if (sscanf(text, "\\x%2x", &byte) == 1) {
			out[len++] = (char)byte;
			text += 3;
		} else {
			out[len++] = *text;
		}
	}
	return len;
}

static void print_escaped(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '\\')
			fputs("\\\\", stdout);
		else if (byte < ' ' || byte >= 0x7f)
			printf("\\x%02x", byte);
		else
			putchar(byte);
	}
}

static struct policy *policy_of(const struct form_parts *parts, int *server)
{
	const char *addresses[] = { parts->ip4, parts->ip6 };
	struct policy *p = policy_new();
	unsigned i;

	if (!p)
		exit(1);
	*server = policy_add_group(p, GROUP_SERVER, "server");
	for (i = 0; i < 2; i++) {
		struct prefix prefix;

		if (addresses[i] && prefix_parse(addresses[i], &prefix) == 0)
			policy_add_prefix(p, *server, &prefix);
	}
	if (parts->domain)
		policy_server_add_domain(p, *server, parts->domain);
	if (parts->host)
		policy_server_add_name(p, *server, parts->host);
	policy_server_add_name(p, *server, "localhost");
	if (*server < 0 || policy_seal(p) != 0)
		exit(1);
	return p;
}

static void judge(const struct policy *p, int server, const char *path, size_t len)
{
	struct policy_recipient r;
	struct smtp_address a;
	unsigned i;

	smtp_address_parse(path, len, &a);
	r = policy_judge_recipient(p, server, &a);
	printf("%s\t", smtp_form_name(a.form));
	for (i = 0; i < a.hop_count; i++) {
		fputs(i ? " " : "", stdout);
		print_escaped(a.hops[i].domain, a.hops[i].len);
	}
	printf("%s\t%s\t", a.hop_count ? "" : "-", r.ours ? "ours" : r.trick ? "trick" : "foreign");
	if (r.hop < a.hop_count)
		print_escaped(a.hops[r.hop].domain, a.hops[r.hop].len);
	else
		putchar('-');
	putchar('\n');
}

static void judge_rcpt(const struct policy *p, int server, const char *argument, size_t len)
{
	static const char verb[] = "RCPT TO:";
	uint8_t line[sizeof(verb) + LINE_MAX_BYTES];
	struct command_scan s = { 0 };

	memcpy(line, verb, sizeof(verb) - 1);
	memcpy(line + sizeof(verb) - 1, argument, len);
	command_finish(&s, line, (uint32_t)(sizeof(verb) - 1 + len));
	judge(p, server, (const char *)line + s.path_at, s.path_end - s.path_at);
}

static void print_forms(const struct policy *p, int server, const struct form_parts *parts)
{
	char mail[LINE_MAX_BYTES], rcpt[LINE_MAX_BYTES];
	const struct form_entry *e;
	unsigned i;

	for (i = 0; (e = forms_get(i)); i++) {
		int mail_len = forms_print(e->mail, parts, mail, sizeof(mail));
		int rcpt_len = forms_print(e->rcpt, parts, rcpt, sizeof(rcpt));

		if (mail_len < 0 || rcpt_len < 0)
			continue;
		printf("%s\t", e->name);
		print_escaped(mail, (size_t)mail_len);
		putchar('\t');
		print_escaped(rcpt, (size_t)rcpt_len);
		putchar('\t');
		judge_rcpt(p, server, rcpt, (size_t)rcpt_len);
	}
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_BYTES], path[LINE_MAX_BYTES];
	struct form_parts parts = { 0 };
	struct policy *p;
	bool forms = false, rcpt = false;
	int i, server;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--forms") == 0) {
			forms = true;
		} else if (strcmp(argv[i], "--rcpt") == 0) {
			rcpt = true;
		} else if (!read_part(argv[i], &parts)) {
			fprintf(stderr, "usage: address [KEY=VALUE]... [--rcpt | --forms] <LINES\n");
			return 2;
		}
	}
	p = policy_of(&parts, &server);
	if (forms)
		print_forms(p, server, &parts);
	while (!forms && fgets(line, sizeof(line), stdin))
		(rcpt ? judge_rcpt : judge)(p, server, path, unescape(line, path));
	policy_free(p);
	return 0;
}
