/* test_behave.c - all behaviours against noise: any event, any text, rules that change under them. What must hold: nobody reads
 * or writes beyond what is there (the sanitizers see that), and what is raised can be told. */
#include "behaving.h"

static const struct part *const behaviours[] = { &rejects_part, &fanout_part, &target_part, &harvest_part,
	&backscatter_part, &auth_part, &reputation_part };
enum { PARTS = sizeof(behaviours) / sizeof(behaviours[0]), ROUNDS = 30000 };

static uint32_t random_state = 1;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void fill(void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = (uint8_t)any(256);
}

/* Words that the parts look for, and others, in pieces. */
static uint16_t scribble(char *bytes, uint16_t room)
{
	static const char *const words[] = { "5.7.1 ", "5.1.1 ", "spamhaus", "[192.0.2.", "[", "]", "<", ">",
		"@", "example", "url ", "detected an unusual rate", "4.7.", "5.7.60", "\0", "dbl." };
	uint16_t len = 0, most = (uint16_t)any(room + 1u);

	while (len < most) {
		const char *word = words[any(sizeof(words) / sizeof(words[0]))];
		size_t n = any(4) ? strlen(word) : 1;

		if (n > (size_t)(most - len))
			n = most - len;
		if (any(3))
			memcpy(bytes + len, word, n);
		else
			fill(bytes + len, n);
		len = (uint16_t)(len + n);
	}
	return len;
}
#define SCRIBBLE(field) ((field).len = scribble((field).bytes, sizeof((field).bytes)))

static void scribble_union(struct event *e)
{
	static const uint16_t codes[] = { 0, 220, 250, 235, 354, 421, 450, 454, 501, 503, 535, 550, 553,
		554 };

	const char *said = any(2) ? "5.1.1 unknown" : "[192.0.2.1] blocked using zen.spamhaus.org";

	memset(&e->u, 0, sizeof(e->u));
	e->u.reply.code = codes[any(sizeof(codes) / sizeof(codes[0]))];
	SCRIBBLE(e->u.reply.text);
	if (any(3) == 0)
		EVENTS_TEXT(e->u.reply.text, said);
	if (e->kind == EVENT_RCPT) {
		e->u.rcpt.outcome = (uint8_t)(any(2) ? any(OUTCOME_COUNT) : OUTCOME_REFUSED_BY_SERVER);
		e->u.rcpt.ours = (uint8_t)any(2);
		SCRIBBLE(e->u.rcpt.path);
	} else if (e->kind == EVENT_AUTH) {
		fill(e->u.auth.mech, sizeof(e->u.auth.mech) - 1);
		SCRIBBLE(e->u.auth.user);
	} else if (e->kind == EVENT_DATA) {
		e->u.data.final = (uint8_t)any(2);
		SCRIBBLE(e->u.data.message_id);
	} else if (e->kind == EVENT_COMMAND) {
		strcpy(e->u.command.verb, any(2) ? "VRFY" : "EXPN");
	}
}

static struct event noise(void)
{
	static const char *const ends[] = { "203.0.113.9", "203.0.113.10", "203.0.113.200", "192.168.0.10",
		"192.168.0.11", "192.168.0.77", "198.51.100.1", "192.0.2.25", "2001:db8::1", "fd00::7" };
	enum { ENDS = sizeof(ends) / sizeof(ends[0]) };
	struct event e = events_make((enum event_kind)any(EVENT_KIND_COUNT), 0);

	scribble_union(&e);
	return between(e, ends[any(ENDS)], ends[any(ENDS)]);
}

static void change_rules(void)
{
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++) {
		struct behaviour_rule *r = &rules.behaviours[i];

		r->on = any(8) > 0;
		r->limit = (struct volume_limit) { 1 + any(12), 1 + any(1000) };
		r->other = (struct volume_limit) { any(12), 1 + any(1000) };
		r->share_permille = any(500);
		memset(&r->match, 0, sizeof(r->match));
		if (any(3) == 0)
			policy_groups_add(&r->match, any(8));
	}
	rules.rejects =
	        (struct reject_test) { 1 + any(400), 500 + any(499), 1 + any(100000), 1 + any(400000) };
}

static bool can_be_told(const struct finding *f)
{
	bool fits = f->evidence_count > 0 && f->evidence_count <= FINDING_EVIDENCE_MAX &&
	            f->action == ACTION_ALERT && f->value > 0 && f->rcpt_to.len <= EVENT_PATH_MAX &&
	            f->mail_from.len <= EVENT_PATH_MAX;

	for (unsigned i = 0; fits && i < f->evidence_count; i++)
		fits = f->evidence[i].len > 0 && f->evidence[i].len <= EVENT_TEXT_MAX;
	return fits;
}

static void noise_is_survived(void)
{
	for (unsigned k = 0; k < PARTS; k++) {
		unsigned told = 0;

		begin(behaviours[k]);
		for (unsigned i = 0; i < ROUNDS; i++) {
			if (i % 1000 == 0)
				change_rules();
			behaving_s += any(40) == 0;
			mail_from.len = any(4) ? scribble(mail_from.bytes, EVENT_PATH_MAX) : 0;
			if (any(4) == 0)
				sender("<>");
			found_count = 0;
			push(noise());
			told += found_count;
			if (found_count > 2 || (found_count > 0 && !can_be_told(&found[0])))
				CU_FAIL("a finding that can't be told");
		}
		CU_ASSERT(told > 5);
		end();
	}
}

/* The ledger has no room for this client: its address stands for it. */
static void without_a_row(void)
{
	for (unsigned k = 0; k < PARTS; k++) {
		begin(behaviours[k]);
		ledger_is_full = true;
		for (unsigned i = 0; i < 2000; i++)
			push(noise());
		end();
	}
	begin(&harvest_part);
	ledger_is_full = true;
	for (unsigned i = 0; i < 21; i++)
		rcpt("203.0.113.9", "192.168.0.10", i, 550, "5.1.1 unknown");
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

SUITE("behave", { "noise is survived", noise_is_survived }, { "without a row", without_a_row })
