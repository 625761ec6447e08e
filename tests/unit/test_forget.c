/* test_forget.c - whoever is forgotten begins anew in every count of the watch, and is named nowhere; others are as before. */
#include "base/mention.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "watch/act.h"
#include "watch/baseline.h"
#include "watch/part.h"
#include "watch/seen.h"
#include "watch/why.h"
#include "watching.h"

#define HIM "203.0.113.9"
#define HIS_MAIL "john@example.org"

static struct policy *policy;
static struct watching rules;
static uint64_t clock_us;

/* "mail" at 192.168.0.10, home at 192.168.0.0/16; every rule is off. */
static void begin_ruled(void)
{
	struct prefix p;

	policy = policy_new();
	watching_default(&rules);
	for (unsigned b = 0; b < BEHAVIOUR_COUNT; b++)
		rules.behaviours[b].on = false;
	CU_ASSERT_EQUAL_FATAL(prefix_parse("192.168.0.10", &p), 0);
	CU_ASSERT_EQUAL_FATAL(
	        policy_add_prefix(policy, policy_add_group(policy, GROUP_SERVER, "mail"), &p), 0);
	clock_us = 0;
}

static void start_rules(void)
{
	policy_set_watching(policy, &rules);
	CU_ASSERT_EQUAL_FATAL(policy_seal(policy), 0);
	begin();
	watch_set_policy(watch, policy);
}

static void end_ruled(void)
{
	while (ring_front(ring))
		ring_pop(ring);
	end();
	policy_free(policy);
}

static struct forgotten forget(const char *whom, bool look)
{
	struct forgotten out = { .look = look };
	struct mention who;

	CU_ASSERT_EQUAL_FATAL(mention_parse(whom, &who), 0);
	watch_forget(watch, &who, &out);
	return out;
}

/* ---- counts ------------------------------------------------------------------------------------- */

static struct event now(struct event e)
{
	clock_us += 1000;
	e.time_us = EVENTS_START_US + clock_us;
	return e;
}

static void refused_names(unsigned n)
{
	char path[32];

	snprintf(path, sizeof(path), "<n%u@ours.example>", n);
	push(now(events_rcpt(0, 1, path, 1, 550, "5.1.1 unknown")));
}

static void bounces(unsigned n)
{
	(void)n;
	push(now(events_mail(0, 1, "<>")));
	push(now(events_rcpt(0, 1, "<" HIS_MAIL ">", 1, 250, "ok")));
}

static struct event of_source(struct event e, unsigned n)
{
	e.conn.src.b[13] = 1;
	e.conn.src.b[15] = (uint8_t)n;
	e.conn.flow_id = n;
	return e;
}

static void many_to_him(unsigned n)
{
	push(now(of_source(events_mail(0, 1, "<a@b.example>"), n)));
	push(now(of_source(events_rcpt(0, 1, "<" HIS_MAIL ">", 1, 250, "ok"), n)));
}

static struct event outward(struct event e, unsigned n)
{
	e.conn.src = addr_from_v4((const uint8_t[]) { 192, 168, 7, 7 });
	e.conn.dst = addr_from_v4((const uint8_t[]) { 198, 51, 100, (uint8_t)n });
	e.conn.direction = DIRECTION_OUTBOUND;
	e.conn.server = -1;
	e.conn.from_home = 1;
	e.conn.flow_id = 100 + n;
	return e;
}

static void talks_to_hosts(unsigned n)
{
	struct event e = outward(events_make(EVENT_GREETING, 0), n);

	e.u.reply.code = 220;
	push(now(e));
}

static void is_blamed(unsigned n)
{
	struct event e = outward(
	        events_rcpt(0, 1, "<a@b.example>", 0, 554, "5.7.1 blocked using zen.spamhaus.org"), n);

	e.u.rcpt.judged = 0;
	push(now(e));
}

static void guesses(unsigned n)
{
	struct event e = events_make(EVENT_AUTH, 0);
	char user[32];

	e.u.auth.reply.code = 535;
	snprintf(user, sizeof(user), "user%u", n);
	EVENTS_TEXT(e.u.auth.user, user);
	e.conn.from_home = 1; /* nothing is counted for its network */
	push(now(e));
}

static void sends(unsigned n)
{
	(void)n;
	push(now(events_mail(0, 1, "<" HIS_MAIL ">")));
	push(now(events_rcpt(0, 1, "<a@ours.example>", 1, 250, "ok")));
}

static void log_in_and_send(unsigned n)
{
	struct event e = events_make(EVENT_AUTH, 0);

	e.u.auth.reply.code = 235;
	EVENTS_TEXT(e.u.auth.user, HIS_MAIL);
	push(now(e));
	sends(n);
}

enum { BELOW = 7, VOLUME = BEHAVIOUR_COUNT }; /* one more passes the limit */
static const struct {
	const char *name;
	unsigned behaviour; /* VOLUME + key: a volume block */
	const char *who;
	void (*once)(unsigned n);
	bool other; /* it is the second limit that is passed */
} counts[] = {
	{ "rejects", BEHAVIOUR_REJECTS, HIM, refused_names, false },
	{ "harvest", BEHAVIOUR_HARVEST, HIM, refused_names, false },
	{ "bounces to a mailbox", BEHAVIOUR_BACKSCATTER, HIS_MAIL, bounces, true },
	{ "bounces of a source", BEHAVIOUR_BACKSCATTER, "192.168.0.10", bounces, false },
	{ "sources at a mailbox", BEHAVIOUR_TARGET, HIS_MAIL, many_to_him, false },
	{ "hosts", BEHAVIOUR_FANOUT, "192.168.7.7", talks_to_hosts, false },
	{ "blame", BEHAVIOUR_REPUTATION, "192.168.7.7", is_blamed, false },
	{ "passwords", BEHAVIOUR_AUTH, HIM, guesses, false },
	{ "users", BEHAVIOUR_AUTH, HIM, guesses, true },
	{ "volume of a source", VOLUME + VOLUME_BY_SOURCE, HIM, sends, false },
	{ "volume of a sender", VOLUME + VOLUME_BY_MAIL_FROM, HIS_MAIL, sends, false },
	{ "volume of a user", VOLUME + VOLUME_BY_AUTH_USER, HIS_MAIL, log_in_and_send, false },
};

static void set_rule(unsigned i)
{
	const struct volume_limit limit = { BELOW, 3600 };
	struct volume_block *b = &rules.volumes[0];
	struct behaviour_rule *rule;

	if (counts[i].behaviour < VOLUME) {
		rule = &rules.behaviours[counts[i].behaviour];
		*rule = (struct behaviour_rule) { .on = true, .action = ACTION_ALERT };
		*(counts[i].other ? &rule->other : &rule->limit) = limit;
		if (counts[i].other && counts[i].behaviour == BEHAVIOUR_AUTH)
			rule->limit = (struct volume_limit) { 1000, 3600 };
		return;
	}
	*b = (struct volume_block) {
		.name = "v", .bits_v4 = 32, .bits_v6 = 64, .key = (uint8_t)(counts[i].behaviour - VOLUME)
	};
	b->limit_count[VOLUME_RECIPIENTS] = 1;
	b->limits[VOLUME_RECIPIENTS][0] = limit;
	policy_groups_add(&b->match, GROUP_ID_ANY);
	rules.volume_count = 1;
}

/* Up to the limit, then once more. */
static uint64_t found_in_two_halves(unsigned i, bool is_forgotten)
{
	uint64_t found;

	begin_ruled();
	set_rule(i);
	start_rules();
	for (unsigned n = 1; n <= BELOW; n++)
		counts[i].once(n);
	CU_ASSERT_EQUAL(watch_counts(watch).findings, 0);
	(void)forget(is_forgotten ? counts[i].who : "198.18.0.1", false);
	(void)forget(counts[i].who, true); /* who looks changes nothing */
	for (unsigned n = BELOW + 1; n <= 2 * BELOW; n++)
		counts[i].once(n);
	found = watch_counts(watch).findings;
	end_ruled();
	return found;
}

static void every_count_begins_anew(void)
{
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t known = found_in_two_halves(i, false), forgotten = found_in_two_halves(i, true);

		if (known == 0 || forgotten > 0)
			fprintf(stderr, "%s: %u known, %u forgotten\n", counts[i].name, (unsigned)known,
			        (unsigned)forgotten);
		CU_ASSERT(known > 0);
		CU_ASSERT_EQUAL(forgotten, 0);
	}
}

/* One of many sources at a target is not counted any more. */
static void a_source_is_no_thing_of_others(void)
{
	uint64_t found;

	begin_ruled();
	set_rule(4);
	start_rules();
	for (unsigned n = 1; n <= BELOW; n++)
		many_to_him(n);
	(void)forget("203.1.113.3", false);
	many_to_him(BELOW + 1);
	found = watch_counts(watch).findings;
	CU_ASSERT_EQUAL(found, 0);
	many_to_him(BELOW + 2);
	CU_ASSERT_EQUAL(watch_counts(watch).findings, 1);
	end_ruled();
}

/* Which answers were his nobody knows any more: each counts once again. */
static void answers_are_not_remembered(void)
{
	begin_ruled();
	set_rule(0);
	start_rules();
	for (unsigned n = 1; n <= BELOW; n++)
		refused_names(n);
	(void)forget(HIM, false);
	for (unsigned n = 1; n <= BELOW + 1; n++)
		refused_names(n);
	CU_ASSERT_EQUAL(watch_counts(watch).findings, 1);
	end_ruled();
}

static void the_ledger_has_no_row(void)
{
	struct forgotten f;
	struct prefix p;
	struct event e;

	begin_ruled();
	start_rules();
	sends(1);
	push(now(of_source(events_rcpt(0, 1, "<a@ours.example>", 1, 250, "ok"), 5)));
	CU_ASSERT_EQUAL(sources_count(watch_sources(watch)), 2);
	f = forget(HIM, true);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SOURCES], 1);
	CU_ASSERT_EQUAL(sources_count(watch_sources(watch)), 2);
	f = forget(HIM, false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SOURCES], 1);
	CU_ASSERT_EQUAL(prefix_parse(HIM, &p), 0);
	CU_ASSERT_PTR_NULL(sources_find(watch_sources(watch), &p));
	CU_ASSERT_EQUAL(sources_count(watch_sources(watch)), 1);
	e = now(events_rcpt(0, 1, "<a@ours.example>", 1, 250, "ok")); /* of IPv6 a /64 is one */
	e.conn.src = addr_from_v6((const uint8_t[16]) { 0x20, 1, 0xd, 0xb8, [15] = 1 });
	push(e);
	f = forget("2001:db8:0:1::1", false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SOURCES], 0);
	f = forget("2001:db8::2", false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SOURCES], 1);
	f = forget("203.1.113.0/24", false); /* whoever lies within */
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SOURCES], 1);
	CU_ASSERT_EQUAL(sources_count(watch_sources(watch)), 0);
	end_ruled();
}

/* What is usual for it: its history goes, and the row with it. */
static void nothing_is_usual_any_more(void)
{
	struct forgotten f;
	uint32_t cursor = 0;
	unsigned most = 1000;
	struct baseline_row row;

	begin_ruled();
	set_rule(9);
	rules.volumes[0].spike_tenths = 50;
	rules.volumes[0].spike_floor = 10;
	rules.volumes[0].limit_count[VOLUME_RECIPIENTS] = 0;
	start_rules();
	for (unsigned n = 0; n < 40; n++)
		sends(n);
	CU_ASSERT_EQUAL(baseline_count(watch_part(watch, &baseline_part)), 1);
	f = forget(HIM, false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_USUAL], 1);
	CU_ASSERT_EQUAL(baseline_count(watch_part(watch, &baseline_part)), 0);
	CU_ASSERT_FALSE(baseline_next_changed(watch_part(watch, &baseline_part), &cursor, &most, &row));
	end_ruled();
}

/* ---- incidents ---------------------------------------------------------------------------------- */

static bool is_named_in_incidents(const char *whom)
{
	const struct finding *f;
	struct mention who;
	uint32_t cursor = 0;

	CU_ASSERT_EQUAL_FATAL(mention_parse(whom, &who), 0);
	while ((f = watch_scan_incidents(watch, &cursor))) {
		bool named = mention_is_addr(&who, &f->conn.src) ||
		             mention_is_path(&who, f->rcpt_to.bytes, f->rcpt_to.len);

		for (unsigned i = 0; i < f->evidence_count; i++)
			named |= mention_in(&who, f->evidence[i].bytes, f->evidence[i].len);
		for (unsigned i = 0; i < f->incident.envelope_count; i++)
			for (unsigned n = 0; n < ENVELOPE_FIELD_COUNT; n++)
				named |= mention_is_path(&who, f->incident.envelopes[i].bytes[n],
				        f->incident.envelopes[i].len[n]);
		if (named)
			return true;
	}
	return false;
}

static void incidents_go_or_name_nobody(void)
{
	struct forgotten f;

	begin_ruled();
	set_rule(4);
	start_rules();
	for (unsigned n = 1; n <= BELOW + 1; n++)
		many_to_him(n); /* an incident of the target, by the last source */
	push(now(events_mail(0, 1, "<" HIS_MAIL ">")));
	push(now(events_rcpt(0, 1, "<x@foreign.test>", 0, 550, "no")));
	CU_ASSERT_EQUAL(watch_counts(watch).incidents_open, 2);
	CU_ASSERT(is_named_in_incidents(HIS_MAIL) && is_named_in_incidents(HIM) &&
	          is_named_in_incidents("203.1.113.8"));
	f = forget("203.1.113.8", false); /* a source of the target's incident */
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_INCIDENTS], 0);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_QUOTES], 1);
	CU_ASSERT_FALSE(is_named_in_incidents("203.1.113.8"));
	f = forget(HIS_MAIL, false); /* the target of one, in an envelope of the other */
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_INCIDENTS], 1);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_QUOTES], 1);
	CU_ASSERT_FALSE(is_named_in_incidents(HIS_MAIL));
	CU_ASSERT_EQUAL(watch_counts(watch).incidents_open, 1);
	f = forget(HIM, false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_INCIDENTS], 1);
	CU_ASSERT_EQUAL(watch_counts(watch).incidents_open, 0);
	while (ring_front(ring))
		ring_pop(ring);
	watch_tick(watch, EVENTS_START_US + UINT64_C(100000000000)); /* no summary either */
	CU_ASSERT_PTR_NULL(ring_front(ring));
	end_ruled();
}

/* What is quoted of mails goes with time, also of an incident that goes on; fresh quotes, counts and the target stay. */
static void quotes_go_with_time(void)
{
	const uint64_t day_us = UINT64_C(86400000000);
	const struct finding *f;
	uint32_t cursor = 0;

	begin_ruled();
	start_rules();
	push(now(events_mail(0, 1, "<" HIS_MAIL ">")));
	push(now(events_rcpt(0, 1, "<x@foreign.test>", 0, 550, "no")));
	clock_us += day_us;
	push(now(events_mail(0, 1, "<jane@example.org>")));
	push(now(events_rcpt(0, 1, "<y@foreign.test>", 0, 550, "no")));
	f = watch_scan_incidents(watch, &cursor);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(f->evidence_count > 0 && f->incident.envelope_count == 2);
	cursor = 0;
	while (watch_next_changed(watch, &cursor))
		;
	watch_expire_quotes(watch, EVENTS_START_US - 1);
	CU_ASSERT_PTR_NULL(watch_next_changed(watch, &cursor));
	CU_ASSERT_EQUAL(f->incident.envelope_count, 2);
	watch_expire_quotes(watch, EVENTS_START_US + day_us);
	CU_ASSERT_PTR_EQUAL(watch_next_changed(watch, &cursor), f);
	CU_ASSERT_EQUAL(f->evidence_count, 0);
	CU_ASSERT_EQUAL(f->incident.envelope_count, 1);
	CU_ASSERT_FALSE(is_named_in_incidents(HIS_MAIL));
	CU_ASSERT(is_named_in_incidents("jane@example.org"));
	CU_ASSERT_EQUAL(f->mail_from.len + f->rcpt_to.len, 0);
	CU_ASSERT_EQUAL(f->incident.count, 2);
	end_ruled();
}

/* A relayed mail is followed out of the house, with its envelope; and sessions that go on keep their sender. */
static void mails_are_not_followed(void)
{
	struct forgotten f;
	struct event e;

	begin_ruled();
	start_rules();
	push(now(events_mail(0, 1, "<" HIS_MAIL ">")));
	push(now(events_rcpt(0, 1, "<x@foreign.test>", 0, 250, "ok")));
	f = forget(HIS_MAIL, true);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_MAILS], 3); /* and its sender, whom a reply might blame */
	f = forget(HIS_MAIL, false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_MAILS], 3);
	f = forget(HIS_MAIL, false);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_MAILS], 0);
	e = now(events_data(0, 1, 250, "ok")); /* goes on */
	push(e);
	CU_ASSERT_FALSE(is_named_in_incidents(HIS_MAIL));
	end_ruled();
}

/* ---- beside the watch --------------------------------------------------------------------------- */

static void the_ladder_begins_below(void)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 7 };
	struct act *act = act_new(16, key);
	struct forgotten f = { .look = true };
	struct finding found = { .id = FINDING_HARVEST, .verified = 1, .would = ACTION_CLIMB };
	struct prefix source;
	struct order order;

	begin_ruled();
	CU_ASSERT_EQUAL(policy_seal(policy), 0);
	act_set_policy(act, policy);
	CU_ASSERT_EQUAL(prefix_parse(HIM, &source), 0);
	found.conn.src = source.addr;
	for (unsigned n = 0; n < 1000; n++) {
		found.would = ACTION_CLIMB;
		found.time_us = n * UINT64_C(10000000);
		(void)act_decide(act, &found, &order);
	}
	CU_ASSERT_EQUAL(found.would, ACTION_BLOCK);
	act_forget(act, &source, &f);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_LADDER], 1);
	f = (struct forgotten) { .look = false };
	act_forget(act, &source, &f);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_LADDER], 1);
	act_forget(act, &source, &f);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_LADDER], 1);
	found.would = ACTION_CLIMB;
	(void)act_decide(act, &found, &order);
	CU_ASSERT_EQUAL(found.would, ACTION_SLOW);
	act_free(act);
	policy_free(policy);
}

static void seen_and_why_have_nothing(void)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 7 };
	struct seen *seen = seen_new(16, key);
	struct why *why = why_new(16, key);
	struct forgotten f = { .look = false };
	struct event e = events_make(EVENT_GREETING, 0), other;
	struct why_decision d;
	struct mention who;
	struct seen_row row;
	uint64_t cursor = 0;

	other = of_source(e, 3);
	seen_event(seen, &e);
	seen_event(seen, &other);
	CU_ASSERT(why_read(&e, &d));
	why_add(why, &d);
	e = events_rcpt(0, 1, "<" HIS_MAIL ">", 0, 550, "no");
	CU_ASSERT(why_read(&e, &d));
	why_add(why, &d);
	d.source = other.conn.src;
	why_add(why, &d);
	CU_ASSERT_EQUAL(mention_parse(HIM, &who), 0);
	seen_forget(seen, &who, &f);
	why_forget(why, &who, &f);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_SEEN], 1);
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_DECISIONS], 2);
	CU_ASSERT_FALSE(why_find(why, &e.conn.src, 0, &d));
	CU_ASSERT(seen_next(seen, &cursor, &row));
	CU_ASSERT_EQUAL(addr_compare(&row.client, &other.conn.src), 0);
	CU_ASSERT_FALSE(seen_next(seen, &cursor, &row));
	CU_ASSERT_EQUAL(mention_parse(HIS_MAIL, &who), 0);
	why_forget(why, &who, &f); /* the path of another's decision */
	CU_ASSERT_EQUAL(f.n[FORGOTTEN_DECISIONS], 3);
	CU_ASSERT(why_find(why, &other.conn.src, 0, &d));
	CU_ASSERT_EQUAL(memcmp(d.path, FORGOTTEN_MARK, d.path_len), 0);
	seen_free(seen);
	why_free(why);
}

SUITE("forget", { "every count begins anew", every_count_begins_anew },
        { "a source is no thing of others", a_source_is_no_thing_of_others },
        { "answers are not remembered", answers_are_not_remembered },
        { "the ledger has no row", the_ledger_has_no_row },
        { "nothing is usual any more", nothing_is_usual_any_more },
        { "incidents go, or name nobody", incidents_go_or_name_nobody },
        { "quotes go with time", quotes_go_with_time }, { "mails are not followed", mails_are_not_followed },
        { "the ladder begins below", the_ladder_begins_below },
        { "seen and why have nothing", seen_and_why_have_nothing })
