/* reputation.c - remote servers say that an address of ours has a bad name, and who brought that about: reputation (1025600).
 *
 * Replies to mail that leaves are read (blame.h): to the greeting, HELO, MAIL, RCPT and the end of data. Where a client
 * delivers by itself, it is the one. Where a server of ours does, it is whose mail the server passes on; of mails that
 * came to a server of ours from clients that are neither servers nor upstreams a book is kept:
 *
 *     Message-ID                  of the end of data            5 days (servers give up then: RFC 5321, 4.5.4.1)
 *     reverse- and forward-path   RCPT                          5 days
 *     reverse-path                MAIL, or nothing else fits    1 hour
 *
 * The finding then is about that client's connection, and says by what it was recognised. If nothing fits (a greeting, a
 * mail that came under TLS, one of the server's own), it is about the server, which is told and nothing else.
 *
 * A reply is the word of a stranger: one who wants a host of ours cut off may say it to that host's mail. So `limit` asks
 * for more than one, and its action should be left at alert where anybody's mail goes anywhere.
 *
 * Under TLS no reply is read. The last word in a reply of many lines may lie behind the first line, which alone is kept.
 */
#include "watch/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "postern/action.h"
#include "watch/behave.h"
#include "watch/blame.h"
#include "watch/evidence.h"

enum { MAILS_MIN = 1024, MAILS_MAX = 1 << 14, KEYS_PER_MAIL = 4 };
enum { SUBJECT };

static const uint64_t content_window_us = 5 * 86400 * UINT64_C(1000000);
static const uint64_t sender_window_us = 3600 * UINT64_C(1000000);

/* How a mail is recognised; TRANSACTION while it comes in. */
enum key_kind { BY_NOTHING, BY_MESSAGE_ID, BY_ENVELOPE, BY_SENDER, TRANSACTION };
static const char *const key_words[] = { "", "Message-ID", "sender and recipient", "sender" };

struct key {
	uint64_t name;
	uint64_t kind;
};

/* One that came in. */
struct mail {
	uint32_t serial, tx_id;
	uint64_t time_us;
	struct event_connection conn;
};

struct mail_ref {
	uint32_t place, serial;
};

struct reputation {
	struct tally *replies;
	struct table *keys; /* struct key -> struct mail_ref */
	struct mail *mails;
	uint32_t count, next, serial;
};

static void reputation_end(void *part)
{
	struct reputation *r = part;

	if (!r)
		return;
	tally_free(r->replies);
	table_free(r->keys);
	free(r->mails);
	free(r);
}

static void *reputation_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct reputation *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->count = sources < MAILS_MIN ? MAILS_MIN : sources > MAILS_MAX ? MAILS_MAX : sources;
	r->replies = tally_new(MAILS_MIN * 4, hash_key);
	r->keys = table_new(r->count * KEYS_PER_MAIL, sizeof(struct key), sizeof(struct mail_ref), hash_key);
	r->mails = calloc(r->count, sizeof(*r->mails));
	if (r->replies && r->keys && r->mails)
		return r;
	reputation_end(r);
	errno = ENOMEM;
	return NULL;
}

/* ---- the book of mails that came in -------------------------------------------------------------- */

static struct key key_of_paths(const struct reputation *r, enum key_kind kind, const struct event_path *a,
        const struct event_path *b)
{
	uint64_t names[2] = { behave_name_path(r->replies, kind, a),
		b ? behave_name_path(r->replies, kind, b) : 0 };

	return (struct key) { .name = tally_name(r->replies, kind, names, sizeof(names)), .kind = kind };
}

static struct key key_of_transaction(const struct reputation *r, const struct event *e, uint32_t tx_id)
{
	uint64_t place[2] = { e->conn.flow_id, tx_id };

	return (struct key) { .name = tally_name(r->replies, TRANSACTION, place, sizeof(place)),
		.kind = TRANSACTION };
}

static struct mail *mail_find(
        struct reputation *r, const struct key *key, uint64_t now_us, uint64_t window_us)
{
	const struct mail_ref *ref = table_find(r->keys, key);
	struct mail *m = ref ? &r->mails[ref->place] : NULL;

	return m && m->serial == ref->serial && now_us < m->time_us + window_us ? m : NULL;
}

static void mail_add_key(struct reputation *r, const struct key *key, const struct mail *m, uint64_t now_us)
{
	*(struct mail_ref *)table_take(r->keys, key, now_us, NULL) =
	        (struct mail_ref) { (uint32_t)(m - r->mails), m->serial };
}

/* The one that e is about, of this transaction. */
static struct mail *mail_of(struct reputation *r, const struct event *e, uint32_t tx_id)
{
	struct key key = key_of_transaction(r, e, tx_id);
	struct mail *m = mail_find(r, &key, e->time_us, content_window_us);

	if (m)
		return m;
	m = &r->mails[r->next];
	r->next = (r->next + 1) % r->count;
	r->serial += r->serial == UINT32_MAX ? 2 : 1;
	*m = (struct mail) { .serial = r->serial, .tx_id = tx_id, .time_us = e->time_us, .conn = e->conn };
	mail_add_key(r, &key, m, e->time_us);
	return m;
}

static void remember(struct reputation *r, const struct part_view *view, const struct event *e)
{
	const struct event_path *from = view->mail_from, *id = &e->u.data.message_id;
	struct key key;
	struct mail *m;

	if (e->kind == EVENT_RCPT && e->u.rcpt.outcome == OUTCOME_ACCEPTED && from->len > 2) {
		m = mail_of(r, e, e->u.rcpt.tx_id);
		key = key_of_paths(r, BY_ENVELOPE, from, &e->u.rcpt.path);
		mail_add_key(r, &key, m, e->time_us);
		key = key_of_paths(r, BY_SENDER, from, NULL);
		mail_add_key(r, &key, m, e->time_us);
	} else if (e->kind == EVENT_DATA && e->u.data.final && e->u.data.reply.code / 100 == 2 &&
	           id->len > 0) {
		m = mail_of(r, e, e->u.data.tx_id);
		key = key_of_paths(r, BY_MESSAGE_ID, id, NULL);
		mail_add_key(r, &key, m, e->time_us);
	}
}

/* The mail that a server of ours was passing on when it got this reply. NULL with BY_NOTHING: not known. */
static const struct mail *recognise(
        struct reputation *r, const struct part_view *view, const struct event *e, enum key_kind *how)
{
	const struct event_path *from = view->mail_from;
	const struct {
		enum key_kind kind;
		const struct event_path *a, *b;
		uint64_t window_us;
	} ways[] = {
		{ BY_MESSAGE_ID, e->kind == EVENT_DATA ? &e->u.data.message_id : NULL, NULL,
		        content_window_us },
		{ BY_ENVELOPE, from, e->kind == EVENT_RCPT ? &e->u.rcpt.path : NULL, content_window_us },
		{ BY_SENDER, from, NULL, sender_window_us },
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct mail *m;
		struct key key;

		if (!ways[i].a || ways[i].a->len <= 2 || (ways[i].kind == BY_ENVELOPE && !ways[i].b))
			continue;
		key = key_of_paths(r, ways[i].kind, ways[i].a, ways[i].b);
		m = mail_find(r, &key, e->time_us, ways[i].window_us);
		*how = ways[i].kind;
		if (m)
			return m;
	}
	*how = BY_NOTHING;
	return NULL;
}

/* ---- replies of others --------------------------------------------------------------------------- */

/* The kinds of events whose first member is the reply, and what it answers. */
static const char *const commands[EVENT_KIND_COUNT] = {
	[EVENT_GREETING] = "the greeting",
	[EVENT_HELO] = "HELO",
	[EVENT_MAIL] = "MAIL",
	[EVENT_RCPT] = "RCPT",
	[EVENT_DATA] = "the mail",
};

/* The source that has to answer for it, and the rule as far as it means that source. */
static const struct behaviour_rule *rule_for(
        const struct part_view *view, const struct event *e, const struct mail *m)
{
	const struct behaviour_rule *rule = behave_rule(view, BEHAVIOUR_REPUTATION);
	struct policy_groups groups = m ? policy_lookup(view->policy, &m->conn.src) : view->groups;

	if (!e->conn.from_server)
		return behave_rule_for(view, e, BEHAVIOUR_REPUTATION);
	return rule && behave_means(rule, &groups) ? rule : NULL;
}

static void tell(const struct part_view *view, const struct event *e, const struct behaviour_rule *rule,
        const struct mail *m, enum key_kind how, const char *who, uint64_t count)
{
	char text[ADDR_TEXT_MAX];
	struct event_text *line;
	struct finding f;

	behave_begin(&f, FINDING_REPUTATION, view, e, rule, &rule->limit, count);
	f.outcome = OUTCOME_REFUSED_BY_SERVER;
	if (e->kind == EVENT_RCPT)
		f.rcpt_to = e->u.rcpt.path;
	line = evidence_line(&f);
	evidence_print(line, "%s to %s", addr_print(&e->conn.dst, text), commands[e->kind]);
	evidence_reply(line, &e->u.reply);
	evidence_print(evidence_line(&f), "this names %s", who);
	if (m) {
		evidence_print(evidence_line(&f), "sent by the server %s; the mail came from here, by its %s",
		        addr_print(&e->conn.src, text), key_words[how]);
		f.conn = m->conn;
		f.tx_id = m->tx_id;
	} else if (e->conn.from_server) {
		f.would = ACTION_ALERT;
	}
	view->raise(view->watch, &f);
}

static void look_at_reply(struct reputation *r, const struct part_view *view, const struct event *e)
{
	const char *who = commands[e->kind] ? blame_read(&e->u.reply) : NULL;
	const struct behaviour_rule *rule;
	const struct mail *m = NULL;
	enum key_kind how = BY_NOTHING;
	struct prefix source;
	struct tally_count c;

	if (!who)
		return;
	if (e->conn.from_server)
		m = recognise(r, view, e, &how);
	rule = rule_for(view, e, m);
	if (!rule)
		return;
	source = m ? (struct prefix) { .addr = m->conn.src, .bits = 128 } : behave_source(view, e);
	c = tally_add(r->replies, behave_name_prefix(r->replies, SUBJECT, &source), tally_next(r->replies),
	        &rule->limit, e->time_us);
	if (c.fresh && c.count > rule->limit.most)
		tell(view, e, rule, m, how, who, c.count);
}

static void reputation_event(void *part, const struct part_view *view, const struct event *e)
{
	if (e->conn.server >= 0) {
		if (!e->conn.from_server && !e->conn.from_upstream)
			remember(part, view, e);
	} else if (e->conn.direction == DIRECTION_OUTBOUND) {
		look_at_reply(part, view, e);
	}
}

static void forget_mails(struct reputation *r, const struct prefix *source, struct forgotten *out)
{
	for (uint32_t i = 0; i < r->count; i++) {
		if (r->mails[i].serial == 0 || !prefix_contains(source, &r->mails[i].conn.src))
			continue;
		out->n[FORGOTTEN_MAILS]++;
		if (!out->look)
			memset(&r->mails[i], 0, sizeof(r->mails[i])); /* its keys lead nowhere */
	}
}

static void reputation_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct reputation *r = part;
	struct prefix host;
	struct key key;
	void *mail;

	if (who->source) {
		host = (struct prefix) { .addr = *who->host, .bits = 128 };
		forget_mails(r, who->source, out);
		behave_forget(r->replies, behave_name_prefix(r->replies, SUBJECT, &host), out);
		if (who->source->bits != host.bits)
			behave_forget(r->replies, behave_name_prefix(r->replies, SUBJECT, who->source), out);
		return;
	}
	key = key_of_paths(r, BY_SENDER, who->name, NULL);
	mail = table_find(r->keys, &key);
	out->n[FORGOTTEN_MAILS] += mail != NULL;
	if (mail && !out->look)
		table_drop(r->keys, mail);
}

const struct part reputation_part = {
	.name = "reputation",
	.make = reputation_make,
	.end = reputation_end,
	.event = reputation_event,
	.forget = reputation_forget,
};
