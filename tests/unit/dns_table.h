/* dns_table.h - a DNS of a few lines for tests: "NAME TYPE DATA", with answers that fail as NAME TYPE !STATUS.
 *
 *   example.org MX mx1.example.org     one record a line; MX preferences are all 10
 *   example.org TXT v=spf1 -all        cut into strings of 40 bytes, as big records are
 *   mx1.example.org A 192.0.2.1
 *   mx2.example.org AAAA !timeout      also servfail, bogus, unvalidated
 *   mx3.example.org CNAME other.example.org (one step)
 *
 * A name with other types only is empty, one without any does not exist.
 */
#ifndef UNIT_DNS_TABLE_H
#define UNIT_DNS_TABLE_H

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "dns/walk.h"

enum { TABLE_DATA_MAX = 600, TABLE_BYTES_MAX = 4096 };

struct table_answer {
	struct dns_answer answer;
	struct dns_rdata data[TABLE_DATA_MAX];
	uint8_t bytes[TABLE_DATA_MAX][TABLE_BYTES_MAX];
	char alias[DNS_NAME_MAX];
};

struct table_dns {
	const char *lines; /* each ends with \n */
	enum dns_validation validation;
	uint32_t ttl_s;
};

static inline unsigned table_wire_name(const char *name, uint8_t *out)
{
	unsigned n = 0;

	while (*name && strcmp(name, ".") != 0) {
		unsigned len = (unsigned)strcspn(name, ".");

		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	out[n++] = 0;
	return n;
}

static inline unsigned table_wire_text(const char *text, uint8_t *out)
{
	unsigned n = 0;

	do {
		unsigned len = (unsigned)strlen(text) < 40 ? (unsigned)strlen(text) : 40;

		out[n++] = (uint8_t)len;
		memcpy(out + n, text, len);
		n += len;
		text += len;
	} while (*text);
	return n;
}

static inline unsigned table_wire(const char *type, const char *data, uint8_t *out)
{
	struct addr a;

	if (strcmp(type, "MX") == 0) {
		memcpy(out, "\0\12", 2);
		return 2 + table_wire_name(data, out + 2);
	}
	if (strcmp(type, "TXT") == 0)
		return table_wire_text(data, out);
	if (addr_parse(data, &a) < 0)
		return 0;
	if (strcmp(type, "A") == 0)
		memcpy(out, a.b + 12, 4);
	else
		memcpy(out, a.b, 16);
	return strcmp(type, "A") == 0 ? 4 : 16;
}

static inline enum dns_status table_status(const char *word)
{
	static const struct {
		const char *word;
		enum dns_status status;
	} words[] = { { "servfail", DNS_FAILED }, { "timeout", DNS_TIMEOUT }, { "bogus", DNS_BOGUS },
		{ "unvalidated", DNS_UNVALIDATED } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].status;
	return DNS_FAILED;
}

static inline const char *table_type(enum dns_type type)
{
	return type == DNS_A ? "A" : type == DNS_AAAA ? "AAAA" : type == DNS_MX ? "MX" : "TXT";
}

static inline void table_ask(
        const struct table_dns *dns, const char *name, enum dns_type type, struct table_answer *out)
{
	char owner[DNS_NAME_MAX], word[16], data[TABLE_BYTES_MAX];
	const char *line = dns->lines, *end;

	out->answer = (struct dns_answer) {
		.status = DNS_NO_NAME, .validation = dns->validation, .ttl_s = dns->ttl_s, .data = out->data
	};
	for (; (end = strchr(line, '\n')); line = end + 1) {
		if (sscanf(line, "%255s %15s %4000[^\n]", owner, word, data) != 3 || strcmp(owner, name) != 0)
			continue;
		if (out->answer.status == DNS_NO_NAME)
			out->answer.status = DNS_EMPTY;
		if (strcmp(word, "CNAME") == 0) {
			snprintf(out->alias, sizeof(out->alias), "%.255s", data);
			table_ask(dns, out->alias, type, out);
			out->answer.alias = out->alias;
			return;
		}
		if (strcmp(word, table_type(type)) != 0)
			continue;
		if (data[0] == '!') {
			out->answer.status = table_status(data + 1);
			out->answer.why = "as the test says";
			return;
		}
		out->answer.status = DNS_OK;
		out->data[out->answer.count].bytes = out->bytes[out->answer.count];
		out->data[out->answer.count].len = table_wire(word, data, out->bytes[out->answer.count]);
		out->answer.count++;
	}
}

/* Walks to the end; newest question first if `backwards`. How many questions it took. */
static inline unsigned table_walk(struct walk *w, const struct table_dns *dns, int backwards)
{
	static struct table_answer answer;
	struct walk_question open[64];
	unsigned ids[64], count = 0, asked = 0, at;

	for (;;) {
		while (count < 64 && walk_next(w, &open[count], &ids[count])) {
			count++;
			asked++;
		}
		if (count == 0)
			return asked;
		at = backwards ? count - 1 : 0;
		table_ask(dns, open[at].name, open[at].type, &answer);
		walk_answer(w, ids[at], &answer.answer);
		count--;
		if (!backwards) {
			memmove(open, open + 1, count * sizeof(open[0]));
			memmove(ids, ids + 1, count * sizeof(ids[0]));
		}
	}
}

#endif
