/* rejects.c - a sequential test on the answers to a source's recipients: volume.rejects (1025202).
 *
 * Wald's sequential probability ratio test (Annals of Mathematical Statistics 16, 1945), as threshold random walk uses it
 * for port scans (Jung, Paxson, Berger, Balakrishnan, IEEE S&P 2004). People write to those whom they know: of their
 * recipients a share `honest` is refused. Of a machine's with a list of strangers it is `bad`. Each answer moves the log
 * likelihood ratio of the two by
 *
 *     refused   ln(bad / honest)            taken   ln((1 - bad) / (1 - honest))
 *
 * until it reaches one of
 *
 *     machine   ln((1 - miss) / false alarm)        human   ln(miss / (1 - false alarm))
 *
 * With the defaults eight refused in a row say "machine", eight taken in a row "human"; in between, more than 27 refused
 * of a hundred drift to the one side, fewer to the other. Wald's bounds hold for each test; of honest sources that are
 * refused less than `honest`, which most are, the share of false alarms is smaller by powers of ten.
 *
 * After either decision the test begins anew at 0. So what a source has done before buys it nothing but, at most, the
 * way from "human" to 0: three refusals more. One refusal in four, for ever, is not found; neither is it by a human.
 *
 * Only the first answer about a recipient within a day counts, as theirs about a host does: one mail tried again each
 * minute, or a printer with one dead address, says the same thing again, and nobody talks himself honest by writing to
 * one address of his own. Which answers count at all: behave.h. What has been answered is remembered in a table where a
 * newer pair replaces an older one at its place: then an answer may count twice, on either side.
 *
 * A relay that passes on others' mail is refused for what others wrote: servers of ours are not meant unless named, nor
 * are upstreams.
 */
#include "watch/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "watch/behave.h"
#include "watch/evidence.h"

enum { ANSWERED_MIN = 1 << 13, ANSWERED_MAX = 1 << 18, ANSWERED_FOR_S = 86400, TALLIED_MAX = 50000 };

/* A source and a recipient of its. */
struct answered {
	uint32_t name;
	uint32_t time_s; /* plus one; 0 = none */
};

struct rejects {
	struct answered *answered;
	uint32_t mask;
	struct reject_test test; /* that the steps and bounds are made of */
	float refused, taken;
	float machine, human;
	uint8_t hash_key[HASH_KEY_BYTES];
};

static void rejects_end(void *part)
{
	struct rejects *r = part;

	if (!r)
		return;
	free(r->answered);
	free(r);
}

static void *rejects_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct rejects *r = calloc(1, sizeof(*r));
	uint32_t count = ANSWERED_MIN;

	if (!r)
		return NULL;
	while (count < ANSWERED_MAX && count / 2 < sources)
		count <<= 1;
	r->mask = count - 1;
	memcpy(r->hash_key, hash_key, HASH_KEY_BYTES);
	r->answered = calloc(count, sizeof(*r->answered));
	if (r->answered)
		return r;
	rejects_end(r);
	errno = ENOMEM;
	return NULL;
}

/* ---- the test ----------------------------------------------------------------------------------- */

/* ln(a/b), a and b > 0; the pure rooms have no libm. ln(m 2^k) = k ln 2 + 2 artanh((m - 1)/(m + 1)). */
static double log_of(double a, double b)
{
	double x = a / b, y, power, sum = 0;
	int k = 0, i;

	while (x > 1.5) {
		x /= 2;
		k++;
	}
	while (x < 0.75) {
		x *= 2;
		k--;
	}
	y = (x - 1) / (x + 1);
	for (power = y, i = 1; i < 24; i += 2, power *= y * y)
		sum += power / i;
	return k * 0.69314718055994530942 + 2 * sum;
}

static void set_test(struct rejects *r, const struct reject_test *t)
{
	if (memcmp(&r->test, t, sizeof(*t)) == 0)
		return;
	r->test = *t;
	r->refused = (float)log_of(t->bad_permille, t->honest_permille);
	r->taken = (float)log_of(1000 - t->bad_permille, 1000 - t->honest_permille);
	r->machine = (float)log_of(1e6 - t->miss_ppm, t->false_alarm_ppm);
	r->human = (float)log_of(t->miss_ppm, 1e6 - t->false_alarm_ppm);
}

/* The source has had an answer about this recipient; remembered from now on. */
static bool is_known(struct rejects *r, const struct source *s, const struct event *e)
{
	struct {
		struct prefix source;
		char path[EVENT_PATH_MAX];
	} pair;
	const struct event_path *path = &e->u.rcpt.path;
	uint16_t len = path->len < EVENT_PATH_MAX ? path->len : EVENT_PATH_MAX;
	uint32_t now_s = (uint32_t)(e->time_us / 1000000);
	struct answered *a;
	uint64_t name;
	bool known;

	pair.source = s->prefix;
	memcpy(pair.path, path->bytes, len);
	name = hash_bytes(r->hash_key, &pair, sizeof(pair.source) + len);
	a = &r->answered[name & r->mask];
	known = a->name == (uint32_t)(name >> 32) && a->time_s > 0 && now_s < a->time_s - 1 + ANSWERED_FOR_S;
	if (!known)
		*a = (struct answered) { (uint32_t)(name >> 32), now_s + 1 };
	return known;
}

/* ---- the part ----------------------------------------------------------------------------------- */

static void tell(const struct part_view *view, const struct event *e, const struct behaviour_rule *rule)
{
	const struct reject_test *t = &view->rules->rejects;
	const struct source *s = view->source;
	struct event_text *line;
	struct finding f;

	behave_begin(&f, FINDING_VOLUME_REJECTS, view, e, rule, NULL,
	        (uint64_t)s->part.refused * 1000 / s->part.judged);
	f.limit = t->bad_permille;
	f.baseline = t->honest_permille;
	f.rcpt_to = e->u.rcpt.path;
	f.tx_id = e->u.rcpt.tx_id;
	f.outcome = e->u.rcpt.outcome;
	evidence_print(evidence_line(&f),
	        "%u of %u new recipients refused; of people's it is %.4g %%, of machines' %.4g %%",
	        s->part.refused, s->part.judged, t->honest_permille / 10.0, t->bad_permille / 10.0);
	line = evidence_line(&f);
	evidence_print(line, "RCPT TO:");
	evidence_path(line, &e->u.rcpt.path);
	evidence_reply(line, &e->u.rcpt.reply);
	view->raise(view->watch, &f);
}

/* Counts only say what is told, so they may be halved. */
static void count_answer(struct source *s, bool refused)
{
	if (s->part.judged == TALLIED_MAX) {
		s->part.judged /= 2;
		s->part.refused /= 2;
	}
	s->part.judged++;
	s->part.refused = (uint16_t)(s->part.refused + refused);
}

static void rejects_event(void *part, const struct part_view *view, const struct event *e)
{
	struct rejects *r = part;
	struct source *s = view->source;
	const struct behaviour_rule *rule;
	enum behave_answer answer;

	if (e->kind != EVENT_RCPT || !s)
		return;
	rule = behave_rule_for(view, e, BEHAVIOUR_REJECTS);
	answer = rule ? behave_answer(view, e) : ANSWER_NOTHING;
	if (answer == ANSWER_NOTHING || is_known(r, s, e))
		return;
	set_test(r, &view->rules->rejects);
	count_answer(s, answer == ANSWER_IN_VAIN);
	s->part.rejects += answer == ANSWER_IN_VAIN ? r->refused : r->taken;
	if (s->part.rejects > r->human && s->part.rejects < r->machine)
		return;
	if (s->part.rejects >= r->machine)
		tell(view, e, rule);
	s->part.rejects = 0;
	s->part.judged = s->part.refused = 0;
}

/* Whose an answer was is not known any more, so all of them go: each may count once again. The test itself is in the row. */
static void rejects_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct rejects *r = part;

	(void)who;
	if (!out->look)
		memset(r->answered, 0, (r->mask + (size_t)1) * sizeof(*r->answered));
}

const struct part rejects_part = {
	.name = "rejects",
	.make = rejects_make,
	.end = rejects_end,
	.event = rejects_event,
	.forget = rejects_forget,
};
