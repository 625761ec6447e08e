/* auth.c - passwords tried: auth.guess (1025302).
 *
 * Counted is every AUTH that a server answered 5xx: 535, and also "no such command" and "use TLS first", which an honest
 * program hears once. 501 and 504 say that the form was wrong, or that another mechanism will do; they say nothing. A 4xx
 * (454: the server cannot tell at the moment) counts, but raises nothing: when the server's users are away, everybody gets
 * it. A success forgives what failed before it, as long as that is no habit: an attacker with one account of his own would
 * forgive himself.
 *
 * The second limit is of names: one password tried on many users. Different users count, for a source and for the network
 * around it (a /24 or /48), whose addresses count where no user can be read; what is counted for a network is told, and
 * nothing is done about it. Networks of home are not counted: each client has an address of its own there, and on the day after
 * all passwords were changed everybody is refused once.
 *
 * The third limit is of sources: one user tried from many. The incident is the user's (as it was sent, or its hash where
 * the configuration hides names), so ten thousand hosts that try one each are one story; nothing is done about any of them.
 * Sources of home are not counted, for the same reason.
 *
 * Under TLS no AUTH is seen, and on port 25 it is rarely offered without: this is about those who try it anyway.
 */
#include "watch/part.h"

#include "postern/action.h"
#include "watch/behave.h"
#include "watch/evidence.h"

enum subject { FAILURES, USERS, NETWORK_USERS, FORGIVEN, USER, ADDRESS, SOURCES };
enum { FORGIVEN_MAX = 3 }; /* times in the window of the second limit */

static void *auth_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	return tally_new(behave_things(sources) / 4, hash_key);
}

static void auth_end(void *part)
{
	tally_free(part);
}

static bool counts(const struct event_reply *reply)
{
	return reply->code / 100 == 4 || (reply->code / 100 == 5 && reply->code != 501 && reply->code != 504);
}

static void forgive(struct tally *t, const struct prefix *source, const struct event *e,
        const struct behaviour_rule *rule)
{
	const struct volume_limit habit = { FORGIVEN_MAX,
		rule->other.window_s > 0 ? rule->other.window_s : rule->limit.window_s };
	uint64_t failures = behave_name_prefix(t, FAILURES, source);

	if (tally_knows(t, failures) &&
	        tally_add(t, behave_name_prefix(t, FORGIVEN, source), tally_next(t), &habit, e->time_us)
	                        .count <= FORGIVEN_MAX)
		tally_forget(t, failures);
}

/* The last line of evidence says what was counted. */
static void tell(const struct part_view *view, const struct event *e, const struct behaviour_rule *rule,
        const struct volume_limit *limit, uint64_t count, const char *what, const struct prefix *network)
{
	struct finding f;
	struct event_text *line;
	char text[PREFIX_TEXT_MAX];

	behave_begin(&f, FINDING_AUTH_GUESS, view, e, rule, limit, count);
	f.outcome = OUTCOME_REFUSED_BY_SERVER;
	line = evidence_line(&f);
	evidence_print(line, "AUTH %s", e->u.auth.mech);
	evidence_reply(line, &e->u.auth.reply);
	line = evidence_line(&f);
	evidence_print(line, "counted are %s", what);
	if (network) {
		f.would = ACTION_ALERT;
		evidence_print(line, " of all of %s", prefix_print(network, text));
	}
	view->raise(view->watch, &f);
}

/* One failure, as the user's. */
static void count_source(struct tally *t, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, const struct prefix *source)
{
	const struct event_path *user = &e->u.auth.user;
	struct event_text *line;
	char text[PREFIX_TEXT_MAX];
	struct tally_count c;
	struct finding f;

	if (rule->third.most == 0 || user->len == 0 || e->conn.from_home)
		return;
	c = tally_add(t, behave_name_path(t, SOURCES, user), behave_name_prefix(t, ADDRESS, source),
	        &rule->third, e->time_us);
	if (e->u.auth.reply.code / 100 != 5 || !c.fresh || c.count <= rule->third.most)
		return;
	behave_begin(&f, FINDING_AUTH_GUESS, view, e, rule, &rule->third, c.count);
	f.would = ACTION_ALERT;
	f.at_target = 1;
	f.rcpt_to = *user;
	f.mail_from.len = 0;
	f.outcome = OUTCOME_REFUSED_BY_SERVER;
	line = evidence_line(&f);
	evidence_print(line, "counted are sources that try the user ");
	evidence_path(line, user);
	evidence_print(line, "; one more: %s", prefix_print(source, text));
	view->raise(view->watch, &f);
}

/* One failure, as the source's: counted in three ways, told in one. */
static void count_failure(struct tally *t, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, const struct prefix *source)
{
	struct prefix network = behave_network(source);
	const struct event_path *user = &e->u.auth.user;
	uint64_t somebody =
	        user->len > 0 ? behave_name_path(t, USER, user) : behave_name_prefix(t, ADDRESS, source);
	bool is_network = network.bits < source->bits && !e->conn.from_home;
	const struct {
		uint64_t subject, thing;
		const struct volume_limit *limit;
		const char *what;
		const struct prefix *network;
	} ways[] = {
		{ behave_name_prefix(t, FAILURES, source), tally_next(t), &rule->limit, "failures", NULL },
		{ behave_name_prefix(t, USERS, source), somebody, &rule->other, "users", NULL },
		{ behave_name_prefix(t, NETWORK_USERS, &network), somebody, &rule->other, "users, or sources",
		        &network },
	};
	unsigned i, count = is_network ? 3 : 2;
	bool told = e->u.auth.reply.code / 100 != 5;
	struct tally_count c;

	for (i = 0; i < count; i++) {
		if (ways[i].limit->most == 0)
			continue;
		c = tally_add(t, ways[i].subject, ways[i].thing, ways[i].limit, e->time_us);
		if (told || !c.fresh || c.count <= ways[i].limit->most)
			continue;
		tell(view, e, rule, ways[i].limit, c.count, ways[i].what, ways[i].network);
		told = true;
	}
}

static void auth_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct behaviour_rule *rule;
	struct prefix source;

	if (e->kind != EVENT_AUTH)
		return;
	rule = behave_rule_for(view, e, BEHAVIOUR_AUTH);
	if (!rule)
		return;
	source = behave_source(view, e);
	if (e->u.auth.reply.code / 100 == 2)
		forgive(part, &source, e, rule);
	else if (counts(&e->u.auth.reply)) {
		count_failure(part, view, e, rule, &source);
		count_source(part, view, e, rule, &source);
	}
}

static void auth_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	static const enum subject subjects[] = { FAILURES, USERS, FORGIVEN };
	uint64_t thing = who->source ? behave_name_prefix(part, ADDRESS, who->source)
	                             : behave_name_path(part, USER, who->name);

	for (size_t i = 0; who->source && i < sizeof(subjects) / sizeof(subjects[0]); i++)
		behave_forget(part, behave_name_prefix(part, subjects[i], who->source), out);
	if (who->name)
		behave_forget(part, behave_name_path(part, SOURCES, who->name), out);
	out->n[FORGOTTEN_WINDOWS] += tally_forget_thing(part, thing, out->look);
}

const struct part auth_part = {
	.name = "auth",
	.make = auth_make,
	.end = auth_end,
	.event = auth_event,
	.forget = auth_forget,
};
