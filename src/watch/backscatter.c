/* backscatter.c - floods of mail from the null sender: backscatter (1025301).
 *
 *   inward    from outside to a server of ours: somebody misuses our names, and what others bounce comes here. The
 *             incident is the target's: the server's, when more than `limit` came and they are more than `share` of what
 *             comes to it; or that of one recipient, whose name it is that is misused.
 *   outward   a server or host of ours sends it: it takes mail that it then cannot deliver, and bounces it to those whose
 *             names are misused elsewhere. The incident is that of the host.
 *
 * A bounce now and then is how mail works (RFC 5321, 6.1), and must never be refused as such. A share is asked for since
 * a server of thousands of people gets and sends hundreds in an hour. Counted are recipients with whatever answer, as each
 * bounce has one, and a server that knows no such recipient is flooded all the same.
 *
 * An answer to our own newsletter looks the same as backscatter when it comes by hundreds: `except` names the clients
 * that bounce to us, or the limit of its recipient is raised.
 */
#include "watch/part.h"

#include <errno.h>
#include <stdlib.h>

#include "watch/behave.h"
#include "watch/evidence.h"
#include "watch/share.h"

enum subject { INWARD, RECIPIENT, OUTWARD };

struct backscatter {
	struct tally *bounces;
	struct share *share;
};

static void backscatter_end(void *part)
{
	struct backscatter *b = part;

	if (!b)
		return;
	tally_free(b->bounces);
	share_free(b->share);
	free(b);
}

static void *backscatter_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct backscatter *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->bounces = tally_new(behave_things(sources) / 4, hash_key);
	b->share = share_new(behave_things(sources) / 8, hash_key);
	if (b->bounces && b->share)
		return b;
	backscatter_end(b);
	errno = ENOMEM;
	return NULL;
}

/* One bounce more of this subject. True when it passes the limit. */
static bool count(struct backscatter *b, const struct event *e, uint64_t subject,
        const struct volume_limit *limit, uint64_t *so_far)
{
	struct tally_count c;

	if (limit->most == 0)
		return false;
	c = tally_add(b->bounces, subject, tally_next(b->bounces), limit, e->time_us);
	*so_far = c.count;
	return c.fresh && c.count > limit->most;
}

static void begin(struct finding *f, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, const struct volume_limit *limit, uint64_t so_far)
{
	struct event_text *line;

	behave_begin(f, FINDING_BACKSCATTER, view, e, rule, limit, so_far);
	f->tx_id = e->u.rcpt.tx_id;
	f->outcome = e->u.rcpt.outcome;
	line = evidence_line(f);
	evidence_print(line, "MAIL FROM:<> RCPT TO:");
	evidence_path(line, &e->u.rcpt.path);
	evidence_reply(line, &e->u.rcpt.reply);
}

/* All mail of one end: that which comes to a server, or goes from a host. */
static void look_at_end(struct backscatter *b, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, enum subject kind)
{
	const struct addr *end = kind == INWARD ? &e->conn.dst : &e->conn.src;
	uint64_t subject = tally_name(b->bounces, kind, end, sizeof(*end)), so_far;
	bool null = behave_is_null_sender(view);
	uint32_t share = share_add(b->share, subject, null, rule->limit.window_s, e->time_us);
	struct finding f;

	if (!null || !count(b, e, subject, &rule->limit, &so_far) || share < rule->share_permille)
		return;
	begin(&f, view, e, rule, &rule->limit, so_far);
	f.at_target = kind == INWARD;
	evidence_print(evidence_line(&f), "%u %% of what this %s has the null sender", share / 10,
	        kind == INWARD ? "server gets" : "host sends");
	view->raise(view->watch, &f);
}

static void look_at_recipient(struct backscatter *b, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule)
{
	uint64_t subject = behave_name_path(b->bounces, RECIPIENT, &e->u.rcpt.path), so_far;
	struct finding f;

	if (!behave_is_null_sender(view) || !count(b, e, subject, &rule->other, &so_far))
		return;
	begin(&f, view, e, rule, &rule->other, so_far);
	f.at_target = 1;
	f.rcpt_to = e->u.rcpt.path;
	view->raise(view->watch, &f);
}

/* A source that has never sent from the null sender has no share of it to be counted. */
static bool may_bounce(const struct part_view *view)
{
	if (!view->source)
		return true;
	view->source->bounces |= behave_is_null_sender(view);
	return view->source->bounces;
}

static void backscatter_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct behaviour_rule *rule;
	bool of_ours = e->conn.from_home || e->conn.from_server;

	if (e->kind != EVENT_RCPT || view->mail_from->len == 0)
		return;
	rule = behave_rule_against(view, BEHAVIOUR_BACKSCATTER);
	if (!rule)
		return;
	if (e->conn.server >= 0 && !of_ours) {
		look_at_end(part, view, e, rule, INWARD);
		look_at_recipient(part, view, e, rule);
	} else if (of_ours && e->conn.direction == DIRECTION_OUTBOUND && may_bounce(view)) {
		look_at_end(part, view, e, rule, OUTWARD);
	}
}

static void backscatter_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct backscatter *b = part;
	uint64_t subject;

	if (!who->source) {
		behave_forget(b->bounces, behave_name_path(b->bounces, RECIPIENT, who->name), out);
		return;
	}
	for (enum subject kind = INWARD; kind <= OUTWARD; kind++) {
		if (kind == RECIPIENT)
			continue;
		subject = tally_name(b->bounces, kind, who->host, sizeof(*who->host));
		behave_forget(b->bounces, subject, out);
		if (!out->look)
			share_forget(b->share, subject);
	}
}

const struct part backscatter_part = {
	.name = "backscatter",
	.make = backscatter_make,
	.end = backscatter_end,
	.event = backscatter_event,
	.forget = backscatter_forget,
};
