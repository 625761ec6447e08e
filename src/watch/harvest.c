/* harvest.c - recipients tried from a dictionary: harvest (1025300).
 *
 * Counted are different recipients that a server did not know (behave.h says which refusals count), and every VRFY and
 * EXPN, whatever the answer: some servers say 252 to all of them. What has been tried before is nothing new, so a mail
 * tried again is not a dictionary. Counts belong to the source, not to a connection; the second limit, over a day, finds
 * those who come back for three more each hour.
 *
 * A limit alone would accuse whoever sends much: of a list of thousands some dozens are always gone. So the share of
 * what was tried in vain must be `share`, too.
 *
 * The same is counted for the network around the source (a /24 or /48), with a limit NETWORK_FACTOR times as high: many
 * addresses that share a dictionary. That is told, and nothing is done about it: neighbours are not to blame. It is told of a
 * source with two of these names at least, since each who lives there mistypes once; and not of clients of home, each of
 * which has an address of its own.
 *
 * An upstream passes on what others try, so what comes by it is counted for the server that it comes to, and the incident is
 * that server's.
 *
 * Limits. Tries with the null sender are not counted here, since honest servers make them (bounces, call-backs):
 * backscatter.c tells of many. A dictionary spread over unrelated networks is not one source.
 */
#include "watch/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "postern/action.h"
#include "watch/behave.h"
#include "watch/evidence.h"
#include "watch/share.h"

enum { NETWORK_FACTOR = 3, NETWORK_OWN = 2 };
enum subject {
	QUICK,
	PATIENT,
	NETWORK,
	RECIPIENT,
	BY_UPSTREAM
}; /* the last one is added to the first two, for a server */

struct harvest {
	struct tally *tried;
	struct share *share;
};

static void harvest_end(void *part)
{
	struct harvest *h = part;

	if (!h)
		return;
	tally_free(h->tried);
	share_free(h->share);
	free(h);
}

static void *harvest_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct harvest *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->tried = tally_new(behave_things(sources), hash_key);
	h->share = share_new(behave_things(sources) / 4, hash_key);
	if (h->tried && h->share)
		return h;
	harvest_end(h);
	errno = ENOMEM;
	return NULL;
}

/* ---- what was tried ----------------------------------------------------------------------------- */

static bool is_question(const struct event *e)
{
	return e->kind == EVENT_COMMAND && e->u.command.reply.code > 0 &&
	       (strcmp(e->u.command.verb, "VRFY") == 0 || strcmp(e->u.command.verb, "EXPN") == 0);
}

static uint64_t name_of_try(struct harvest *h, const struct event *e)
{
	return e->kind == EVENT_RCPT ? behave_name_path(h->tried, RECIPIENT, &e->u.rcpt.path)
	                             : tally_next(h->tried);
}

static void print_try(struct finding *f, const struct event *e)
{
	struct event_text *line = evidence_line(f);

	if (e->kind == EVENT_COMMAND) {
		evidence_print(line, "%s", e->u.command.verb);
		evidence_reply(line, &e->u.command.reply);
		return;
	}
	evidence_print(line, "RCPT TO:");
	evidence_path(line, &e->u.rcpt.path);
	evidence_reply(line, &e->u.rcpt.reply);
	f->tx_id = e->u.rcpt.tx_id;
	f->outcome = e->u.rcpt.outcome;
}

/* ---- counting ----------------------------------------------------------------------------------- */

struct attempt {
	const struct part_view *view;
	const struct event *e;
	const struct behaviour_rule *rule;
	struct prefix subject; /* the source; of an upstream: the server */
	uint32_t share;        /* of what it tried in vain */
};

static void tell(const struct attempt *a, enum subject kind, const struct prefix *subject,
        const struct volume_limit *limit, uint64_t count)
{
	char text[PREFIX_TEXT_MAX];
	struct finding f;

	behave_begin(&f, FINDING_HARVEST, a->view, a->e, a->rule, limit, count);
	print_try(&f, a->e);
	f.at_target = a->e->conn.from_upstream;
	if (!f.at_target && a->e->kind == EVENT_RCPT)
		f.rcpt_to = a->e->u.rcpt.path;
	evidence_print(evidence_line(&f), "of what %s, %u %% are in vain",
	        f.at_target ? "upstreams bring to this server" : "this source tries", a->share / 10);
	if (kind == NETWORK) {
		f.would = ACTION_ALERT;
		evidence_print(
		        evidence_line(&f), "counted for all of %s together", prefix_print(subject, text));
	}
	a->view->raise(a->view->watch, &f);
}

static uint64_t name_of_subject(
        const struct harvest *h, const struct event *e, enum subject kind, const struct prefix *subject)
{
	return behave_name_prefix(h->tried, e->conn.from_upstream ? kind + BY_UPSTREAM : kind, subject);
}

/* For the source in both windows, and for its network; told once. */
static void count_try(struct harvest *h, const struct attempt *a)
{
	struct volume_limit wide = { a->rule->limit.most * NETWORK_FACTOR, a->rule->limit.window_s };
	struct prefix network = behave_network(&a->subject);
	bool has_network = !a->e->conn.from_home && !a->e->conn.from_upstream;
	const struct {
		enum subject kind;
		const struct prefix *subject;
		const struct volume_limit *limit;
	} counts[] = {
		{ QUICK, &a->subject, &a->rule->limit },
		{ PATIENT, &a->subject, &a->rule->other },
		{ NETWORK, &network, &wide },
	};
	uint64_t try = name_of_try(h, a->e);
	bool told = a->share < a->rule->share_permille;
	uint64_t own = 0; /* of the source, lately */
	struct tally_count c;
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (counts[i].limit->most == 0 || (counts[i].kind == NETWORK && !has_network))
			continue;
		c = tally_add(h->tried, name_of_subject(h, a->e, counts[i].kind, counts[i].subject), try,
		        counts[i].limit, a->e->time_us);
		if (counts[i].kind != NETWORK && c.count > own)
			own = c.count;
		if (told || !c.fresh || c.count <= counts[i].limit->most || own < NETWORK_OWN)
			continue;
		tell(a, counts[i].kind, counts[i].subject, counts[i].limit, c.count);
		told = true;
	}
}

/* Whom e is counted for, and by which rule. False: nobody. */
static bool subject_of(struct attempt *a)
{
	const struct part_view *view = a->view;
	const struct event_connection *c = &a->e->conn;

	if (!c->from_upstream) {
		a->rule = behave_rule_for(view, a->e, BEHAVIOUR_HARVEST);
		a->subject = behave_source(view, a->e);
		return a->rule != NULL;
	}
	a->rule = behave_rule_against(view, BEHAVIOUR_HARVEST);
	a->subject = (struct prefix) { .addr = c->dst, .bits = 128 };
	return a->rule && c->server >= 0;
}

/* What such a source tries has no share yet. */
static bool never_in_vain(const struct attempt *a)
{
	return !a->e->conn.from_upstream && a->view->source && !a->view->source->vain;
}

static void harvest_event(void *part, const struct part_view *view, const struct event *e)
{
	struct harvest *h = part;
	enum behave_answer answer = e->kind == EVENT_RCPT ? behave_answer(view, e)
	                            : is_question(e)      ? ANSWER_IN_VAIN
	                                                  : ANSWER_NOTHING;
	struct attempt a = { .view = view, .e = e };

	if (answer == ANSWER_NOTHING || (answer == ANSWER_TAKEN && never_in_vain(&a)) || !subject_of(&a))
		return;
	if (view->source)
		view->source->vain |= answer == ANSWER_IN_VAIN;
	a.share = share_add(h->share, name_of_subject(h, e, QUICK, &a.subject), answer == ANSWER_IN_VAIN,
	        a.rule->limit.window_s, e->time_us);
	if (answer == ANSWER_IN_VAIN)
		count_try(h, &a);
}

static void harvest_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct harvest *h = part;

	if (who->source) {
		behave_forget(h->tried, behave_name_prefix(h->tried, QUICK, who->source), out);
		behave_forget(h->tried, behave_name_prefix(h->tried, PATIENT, who->source), out);
		if (!out->look)
			share_forget(h->share, behave_name_prefix(h->tried, QUICK, who->source));
	} else {
		out->n[FORGOTTEN_WINDOWS] += tally_forget_thing(
		        h->tried, behave_name_path(h->tried, RECIPIENT, who->name), out->look);
	}
}

const struct part harvest_part = {
	.name = "harvest",
	.make = harvest_make,
	.end = harvest_end,
	.event = harvest_event,
	.forget = harvest_forget,
};
