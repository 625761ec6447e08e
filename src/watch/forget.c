/* forget.c - see forget.h.
 *
 * Parts name sources and mailboxes by keyed hashes, so nobody can look through them for an address: each is asked for the names
 * that it would have made of this one. Those are the rows of the ledger within what is to be forgotten, and that itself,
 * since a part may remember longer than the ledger; of a mailbox each of its spellings, as a path and as a user.
 *
 * Limits: what is counted for the network around a source stays, since it is of many. Pairs (this sender to that recipient) are
 * hashes of both, and are not found by one of them. They say nothing to anybody, and end with their window, or with the daemon,
 * whose key they are made with.
 */
#include "watch/forget.h"

#include <string.h>

#include "watch/judge.h"

/* ---- connections -------------------------------------------------------------------------------- */

void forget_sessions(struct table *connections, const struct mention *who, struct forgotten *out)
{
	struct watch_memory *m;
	uint32_t cursor = 0;

	while (who->is_mailbox && (m = table_scan(connections, &cursor))) {
		struct event_path *const names[] = { &m->helo, &m->mail_from, &m->auth_user, &m->foreign };
		bool found = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (!mention_is_path(who, names[i]->bytes, names[i]->len))
				continue;
			found = true;
			if (!out->look)
				memset(names[i], 0, sizeof(*names[i]));
		}
		out->n[FORGOTTEN_MAILS] += found;
	}
}

/* ---- counts ------------------------------------------------------------------------------------- */

static void ask_parts(const struct forget_counts *c, const struct part_who *who, struct forgotten *out)
{
	for (unsigned i = 0; c->parts[i]; i++)
		c->parts[i]->forget(c->memory[i], who, out);
}

static void forget_source(const struct forget_counts *c, const struct mention *who,
        const struct prefix *source, struct forgotten *out)
{
	const struct part_who one = { .source = source,
		.host = prefix_contains(source, &who->host) ? &who->host : &source->addr };

	ask_parts(c, &one, out);
	act_forget(c->act, source, out);
}

static void forget_sources(const struct forget_counts *c, const struct mention *who, struct forgotten *out)
{
	bool has_itself = false;
	const struct source *row;
	struct prefix prefix;
	uint32_t cursor = 0;

	while ((row = sources_scan(c->sources, &cursor))) {
		if (!mention_holds(who, &row->prefix))
			continue;
		prefix = row->prefix;
		has_itself |= prefix.bits == who->prefix.bits;
		forget_source(c, who, &prefix, out);
		out->n[FORGOTTEN_SOURCES]++;
		if (!out->look)
			sources_drop(c->sources, &prefix);
	}
	if (!has_itself)
		forget_source(c, who, &who->prefix, out);
}

static void forget_name(
        const struct forget_counts *c, const struct mention_spelling *s, bool is_path, struct forgotten *out)
{
	struct event_path name = { .len = 0 };

	if (is_path)
		name.bytes[name.len++] = '<';
	memcpy(name.bytes + name.len, s->bytes, s->len);
	name.len = (uint16_t)(name.len + s->len);
	if (is_path)
		name.bytes[name.len++] = '>';
	ask_parts(c, &(const struct part_who) { .name = &name }, out);
}

void forget_counts(const struct forget_counts *c, const struct mention *who, struct forgotten *out)
{
	if (!who->is_mailbox)
		forget_sources(c, who, out);
	for (unsigned i = 0; who->is_mailbox && i < who->count; i++) {
		forget_name(c, &who->spellings[i], true, out);
		forget_name(c, &who->spellings[i], false, out);
	}
}
