/* behave.c - see behave.h.
 *
 * Not every refusal says that a recipient is unknown. These say nothing:
 *
 *   of foreign recipients        relaying is judged by rules of its own. What Postern refuses is the doing of the
 *                                configuration: one domain missing there must not make machines of honest senders. The
 *                                server's refusal of the same is not counted either, so both modes find the same.
 *   to the null sender           bounces and call-backs that honest servers send to addresses which others have made up
 *                                (backscatter.c counts those)
 *   4xx                          greylisting, a full disk: tried again
 *   5.2.x                        the mailbox is full or shut, but there
 *   5.7.x, 5.1.7, 5.1.8          policy, the sender's address (RFC 3463)
 *   a blocklist is named         it is about the client (blame.h)
 *   other codes                  554 without 5.1.x, syntax, wrong order of commands
 */
#include "watch/behave.h"

#include <string.h>

#include "postern/action.h"
#include "watch/blame.h"
#include "watch/finding.h"

enum { NETWORK_BITS_V4 = 96 + 24, NETWORK_BITS_V6 = 48 };
enum { THINGS_MIN = 4096, THINGS_MAX = 1 << 16 };

const struct behaviour_rule *behave_rule(const struct part_view *view, enum behaviour b)
{
	const struct behaviour_rule *rule = &view->rules->behaviours[b];

	return rule->on ? rule : NULL;
}

static bool is_empty(const struct policy_groups *groups)
{
	static const struct policy_groups none;

	return memcmp(groups, &none, sizeof(none)) == 0;
}

bool behave_means(const struct behaviour_rule *rule, const struct policy_groups *groups)
{
	if (policy_groups_meet(&rule->except, groups))
		return false;
	return is_empty(&rule->match) || watching_means(&rule->match, groups);
}

const struct behaviour_rule *behave_rule_against(const struct part_view *view, enum behaviour b)
{
	const struct behaviour_rule *rule = behave_rule(view, b);

	return rule && behave_means(rule, &view->groups) ? rule : NULL;
}

const struct behaviour_rule *behave_rule_for(
        const struct part_view *view, const struct event *e, enum behaviour b)
{
	const struct behaviour_rule *rule = behave_rule_against(view, b);

	if (!rule || e->conn.from_upstream || (e->conn.from_server && is_empty(&rule->match)))
		return NULL;
	return rule;
}

void behave_begin(struct finding *f, enum finding_id id, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, const struct volume_limit *limit, uint64_t value)
{
	finding_init(f, id, e);
	f->action = ACTION_ALERT;
	f->would = rule->action;
	f->verified = 1; /* a server has answered */
	f->value = value;
	if (limit) {
		f->limit = limit->most;
		f->window_s = limit->window_s;
	}
	f->mail_from = *view->mail_from;
}

/* ---- names -------------------------------------------------------------------------------------- */

static struct prefix masked(const struct addr *a, unsigned bits)
{
	return (struct prefix) { .addr = addr_mask(a, bits), .bits = (uint8_t)bits };
}

struct prefix behave_source(const struct part_view *view, const struct event *e)
{
	return view->source ? view->source->prefix : finding_prefix(&e->conn.src, 0);
}

struct prefix behave_network(const struct prefix *source)
{
	unsigned bits = prefix_is_v4(source) ? NETWORK_BITS_V4 : NETWORK_BITS_V6;

	return bits < source->bits ? masked(&source->addr, bits) : *source;
}

uint64_t behave_name_prefix(const struct tally *t, uint64_t kind, const struct prefix *p)
{
	uint8_t bytes[sizeof(p->addr.b) + 1];

	memcpy(bytes, p->addr.b, sizeof(p->addr.b));
	bytes[sizeof(p->addr.b)] = p->bits;
	return tally_name(t, kind, bytes, sizeof(bytes));
}

uint64_t behave_name_path(const struct tally *t, uint64_t kind, const struct event_path *path)
{
	char lower[EVENT_PATH_MAX];
	uint16_t i, len = path->len < EVENT_PATH_MAX ? path->len : EVENT_PATH_MAX;

	for (i = 0; i < len; i++)
		lower[i] = (char)(path->bytes[i] >= 'A' && path->bytes[i] <= 'Z' ? path->bytes[i] + 'a' - 'A'
		                                                                 : path->bytes[i]);
	return tally_name(t, kind, lower, len);
}

void behave_forget(struct tally *t, uint64_t subject, struct forgotten *out)
{
	out->n[FORGOTTEN_WINDOWS] += tally_knows(t, subject);
	if (!out->look)
		tally_forget(t, subject);
}

uint32_t behave_things(uint32_t sources)
{
	if (sources < THINGS_MIN)
		return THINGS_MIN;
	return sources < THINGS_MAX ? sources : THINGS_MAX;
}

/* ---- answers ------------------------------------------------------------------------------------ */

bool behave_is_null_sender(const struct part_view *view)
{
	return view->mail_from->len == 2 && memcmp(view->mail_from->bytes, "<>", 2) == 0;
}

/* Its text begins with this enhanced status code, or one below it ("5.7." and all that follow). */
static bool begins(const struct event_text *text, const char *code)
{
	size_t len = strlen(code);

	return text->len >= len && memcmp(text->bytes, code, len) == 0 &&
	       (code[len - 1] == '.' || text->len == len || text->bytes[len] < '0' || text->bytes[len] > '9');
}

static bool says_unknown(const struct event_reply *reply)
{
	static const char *const not_the_recipient[] = { "5.2.", "5.7.", "5.1.7", "5.1.8" };
	size_t i;

	for (i = 0; i < sizeof(not_the_recipient) / sizeof(not_the_recipient[0]); i++)
		if (begins(&reply->text, not_the_recipient[i]))
			return false;
	if (reply->code == 554)
		return begins(&reply->text, "5.1.");
	return (reply->code == 550 || reply->code == 551 || reply->code == 553 || reply->code == 556) &&
	       !blame_read(reply);
}

enum behave_answer behave_answer(const struct part_view *view, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;

	if (event_rcpt_is_foreign(rcpt) || behave_is_null_sender(view))
		return ANSWER_NOTHING;
	if (rcpt->outcome == OUTCOME_ACCEPTED)
		return ANSWER_TAKEN;
	return rcpt->outcome == OUTCOME_REFUSED_BY_SERVER && says_unknown(&rcpt->reply) ? ANSWER_IN_VAIN
	                                                                                : ANSWER_NOTHING;
}
