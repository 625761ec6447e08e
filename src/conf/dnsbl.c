/* dnsbl.c - the DNS lists that strangers are looked up in: zones, and which of their codes count. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/conf.h"

/* 127.0.0.2 to .254 unless a zone names its own. */
static int read_codes(struct build *b, const struct entry *e, char *codes, struct codes *out)
{
	char *text;

	while ((text = strsep(&codes, ",")) != NULL) {
		struct codes_range range;
		int r = codes_range_parse(text, &range);

		if (out->count == CODES_RANGES_MAX)
			build_error(b, &e->at, "\"%s\" has more than %d ranges of codes; join some", e->text,
			        CODES_RANGES_MAX);
		else if (r == -ERANGE)
			build_error(b, &e->at,
			        "\"%s\": codes of 127.255.255.0/24 in \"%s\" say that a list refuses to "
			        "answer, not that "
			        "somebody is on it; leave them out",
			        e->text, text);
		else if (r < 0)
			build_error(b, &e->at,
			        "\"%s\" in \"%s\" is no return code; write one like 127.0.0.2, or a range "
			        "like "
			        "127.0.0.4-11, with commas between them",
			        text, e->text);
		if (r < 0 || out->count == CODES_RANGES_MAX)
			return -EINVAL;
		out->ranges[out->count++] = range;
	}
	return 0;
}

static bool is_listed_twice(const struct build *b, const char *zone)
{
	for (unsigned i = 0; i < b->list_count; i++)
		if (strcmp(b->lists[i].zone, zone) == 0)
			return true;
	return false;
}

/* The name and its codes are fine. */
static void add_list(struct build *b, const struct entry *e, const char *name, const struct codes *codes)
{
	char why[DOMAIN_WHY_MAX];
	struct domain_forms forms;

	if (domain_read(name, false, &forms, why) < 0) {
		build_error(b, &e->at, "%s", why);
	} else if (strlen(forms.ascii) > CONF_ZONE_MAX) {
		build_error(b, &e->at,
		        "\"%.60s...\" is too long: an address has to stand before it, which leaves %d bytes",
		        name, CONF_ZONE_MAX);
	} else if (is_listed_twice(b, forms.ascii)) {
		build_error(b, &e->at,
		        "%s is listed twice; write it once, with all codes that count behind it",
		        forms.ascii);
	} else if (b->list_count == CONF_LISTS_MAX) {
		build_error(b, &e->at, "more than %d DNS lists; leave some out", CONF_LISTS_MAX);
	} else {
		struct conf_dnsbl_list *list = &b->lists[b->list_count++];

		memcpy(list->zone, forms.ascii, strlen(forms.ascii) + 1);
		list->codes = *codes;
	}
}

void dnsbl_zone(struct build *b, struct block *block, const struct entry *e)
{
	struct codes codes = { .count = 0 };
	char *text = strdup(e->text), *rest = text;

	(void)block;
	if (!text) {
		b->no_memory = true;
		return;
	}
	(void)strsep(&rest, "=");
	if (!rest || read_codes(b, e, rest, &codes) == 0)
		add_list(b, e, text, &codes);
	free(text);
}

/* ---- what makes no sense ----------------------------------------------------------------------- */

/* Where this key of the block is written, or, if it is not, its first one. */
static const struct place *written_at(const struct build *b, const char *key)
{
	const struct place *first = NULL;

	for (size_t i = 0; i < b->parsed->entry_count; i++) {
		const struct entry *e = &b->parsed->entries[i];

		if (e->key->block != BLOCK_DNSBL)
			continue;
		if (strcmp(e->key->name, key) == 0)
			return &e->at;
		if (!first)
			first = &e->at;
	}
	return first ? first : &parse_block(b->parsed, BLOCK_DNSBL)->at;
}

static void warn(struct build *b, const char *text)
{
	problems_add(b->problems, PROBLEM_WARNING, written_at(b, "zones"), "%s", text);
}

/* Somebody else than home, upstreams and servers may be meant. */
static bool names_strangers(const struct policy *p, const struct policy_groups *from)
{
	for (unsigned id = 0; id < policy_group_count(p); id++) {
		enum policy_group_kind kind = policy_group(p, id).kind;

		if (policy_groups_have(from, id) &&
		        (kind == GROUP_ANY || kind == GROUP_NETWORK || kind == GROUP_LITERAL))
			return true;
	}
	return false;
}

static bool strangers_come_in(const struct build *b)
{
	if (b->draft.otherwise == DO_INSPECT)
		return true;
	for (unsigned i = 0; i < policy_rule_count(b->policy); i++) {
		struct policy_rule_view rule = policy_rule(b->policy, i);

		if (!rule.stand_in && rule.what == DO_INSPECT && names_strangers(b->policy, &rule.from))
			return true;
	}
	return false;
}

static bool has_servers(const struct build *b)
{
	for (size_t i = 0; i < b->parsed->block_count; i++)
		if (b->parsed->blocks[i].kind == BLOCK_SERVERS)
			return true;
	return false;
}

void check_dnsbl(struct build *b)
{
	if (b->draft.dnsbl_least > b->draft.dnsbl_most)
		build_error(b, written_at(b, "cache-least"),
		        "dnsbl.cache-least is longer than dnsbl.cache-most; swap them, or write one value "
		        "for "
		        "both");
	if (b->problems->of_kind[PROBLEM_ERROR] > 0)
		return;
	if (b->list_count == 0 && b->draft.dnsbl_action != ACTION_ALERT)
		warn(b, "dnsbl.action does nothing: there is no list; add zones = { ... }");
	if (b->list_count == 0)
		return;
	if (!has_servers(b))
		warn(b, "no DNS list is ever asked: only who comes to a server of ours is looked up, and "
		        "there "
		        "is none; add a servers block");
	else if (!strangers_come_in(b))
		warn(b, "no DNS list is ever asked: strangers alone are looked up, and every rule that "
		        "inspects is from home, upstreams or servers; add a rule that lets others in, or "
		        "remove dnsbl");
}
