/* target.c - many sources at one recipient, or at one server of ours: volume.target (1025204).
 *
 * Each of them does nothing wrong by itself, so what is counted is the target's: how many different sources have mail for
 * it within a window. The incident is the target's, too.
 *
 *   recipient   RCPT answered 2xx or 4xx (greylisting, a full mailbox: it is there). Who bombs a mailbox with sign-ups
 *               sends a few mails from each of hundreds of hosts. A refused recipient is none: a flood of names that
 *               do not exist takes no room here (and belongs to harvest.c, where one source makes it).
 *   server      HELO answered: sources that have shown that they are there, also those that go on under TLS
 *
 * An upstream is no source: it passes on what others wrote. For those behind it stand the domains of the reverse-paths.
 * Clients of ours are not counted (two hundred hosts of a network that mail root in the same minute are its cron), nor is
 * the null sender (backscatter.c).
 */
#include "watch/part.h"

#include <string.h>

#include "watch/behave.h"
#include "watch/evidence.h"

enum subject { RECIPIENT, SERVER, BY_SOURCE, BY_DOMAIN };

static void *target_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	return tally_new(behave_things(sources) * 2, hash_key); /* one server has thousands */
}

static void target_end(void *part)
{
	tally_free(part);
}

static bool is_from_outside(const struct event_connection *c)
{
	return c->server >= 0 && !c->from_home && !c->from_server;
}

static bool wants_mailbox(const struct event *e)
{
	uint16_t digit = e->u.rcpt.reply.code / 100;

	return e->kind == EVENT_RCPT && (digit == 2 || digit == 4) && !event_rcpt_is_foreign(&e->u.rcpt);
}

/* "<a@b.example>" -> "b.example>": only compared. */
static struct event_path domain_of(const struct event_path *path)
{
	const char *at = memrchr(path->bytes, '@', path->len);
	struct event_path domain = { .len = 0 };

	if (!at)
		return domain;
	domain.len = (uint16_t)(path->bytes + path->len - at - 1);
	memcpy(domain.bytes, at + 1, domain.len);
	return domain;
}

/* False: there is nothing that stands for a source. */
static bool source_of(
        const struct tally *t, const struct part_view *view, const struct event *e, uint64_t *name)
{
	struct prefix source = behave_source(view, e);
	struct event_path domain;

	if (!e->conn.from_upstream) {
		*name = behave_name_prefix(t, BY_SOURCE, &source);
		return true;
	}
	domain = domain_of(view->mail_from);
	*name = behave_name_path(t, BY_DOMAIN, &domain);
	return domain.len > 0;
}

static void print_last(struct finding *f, const struct part_view *view, const struct event *e)
{
	struct event_text *line = evidence_line(f);
	char text[ADDR_TEXT_MAX];

	evidence_print(line, "one more source: ");
	if (e->conn.from_upstream) {
		evidence_path(line, view->mail_from);
		evidence_print(line, " by way of the upstream");
	}
	evidence_print(line, e->conn.from_upstream ? " %s" : "%s", addr_print(&e->conn.src, text));
}

static void count(struct tally *t, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, enum subject kind)
{
	const struct volume_limit *limit = kind == RECIPIENT ? &rule->limit : &rule->other;
	struct tally_count c;
	uint64_t subject, source;
	struct finding f;

	if (limit->most == 0 || !source_of(t, view, e, &source))
		return;
	subject = kind == RECIPIENT ? behave_name_path(t, kind, &e->u.rcpt.path)
	                            : tally_name(t, kind, &e->conn.dst, sizeof(e->conn.dst));
	c = tally_add(t, subject, source, limit, e->time_us);
	if (!c.fresh || c.count <= limit->most)
		return;
	behave_begin(&f, FINDING_VOLUME_TARGET, view, e, rule, limit, c.count);
	f.at_target = 1;
	if (kind == RECIPIENT) {
		f.rcpt_to = e->u.rcpt.path;
		f.tx_id = e->u.rcpt.tx_id;
		f.outcome = e->u.rcpt.outcome;
	}
	print_last(&f, view, e);
	view->raise(view->watch, &f);
}

static void target_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct behaviour_rule *rule = behave_rule_against(view, BEHAVIOUR_TARGET);

	if (!rule || !is_from_outside(&e->conn) || behave_is_null_sender(view))
		return;
	if (wants_mailbox(e))
		count(part, view, e, rule, RECIPIENT);
	else if (e->kind == (e->conn.from_upstream ? EVENT_MAIL : EVENT_HELO) && e->u.reply.code > 0)
		count(part, view, e, rule, SERVER);
}

static void target_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	if (who->source) {
		out->n[FORGOTTEN_WINDOWS] +=
		        tally_forget_thing(part, behave_name_prefix(part, BY_SOURCE, who->source), out->look);
		behave_forget(part, tally_name(part, SERVER, who->host, sizeof(*who->host)), out);
	} else {
		behave_forget(part, behave_name_path(part, RECIPIENT, who->name), out);
	}
}

const struct part target_part = {
	.name = "target",
	.make = target_make,
	.end = target_end,
	.event = target_event,
	.forget = target_forget,
};
