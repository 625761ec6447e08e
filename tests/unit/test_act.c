/* test_act.c - what is done about findings: who climbs and comes down, who is spared, and that nothing flaps. */
#include "policy/watching.h"
#include "postern/action.h"
#include "suite.h"
#include "watch/act.h"
#include "watch/crowd.h"
#include "watch/ladder.h"

enum { MINUTE = 60, HOUR = 3600 };
static const uint8_t key[HASH_KEY_BYTES] = { 7 };
static const struct ladder_rule rule = { .slow_for_s = 10 * MINUTE,
	.limit_for_s = HOUR,
	.block_for_s = HOUR,
	.rate_per_min = 10,
	.calm_s = HOUR };

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	CU_ASSERT_EQUAL_FATAL(prefix_parse(text, &p), 0);
	return p;
}

/* ---- the ladder ------------------------------------------------------------------------------- */

static struct ladder *ladder;
static struct prefix source;

static enum action found(uint32_t window_s, uint64_t at_s)
{
	return ladder_climb(ladder, &rule, &source, ACTION_BLOCK, window_s, at_s * 1000000);
}

static void climb_begin(void)
{
	ladder = ladder_new(4, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ladder);
	source = prefix("192.0.2.1");
}

/* Every rung gets its chance: a tenth of its time, or the window of what is measured. */
static void climbs_when_it_goes_on(void)
{
	climb_begin();
	for (uint64_t s = 0; s < MINUTE; s++)
		CU_ASSERT_EQUAL(found(0, s), ACTION_SLOW);
	for (uint64_t s = MINUTE; s < 7 * MINUTE; s++)
		CU_ASSERT_EQUAL(found(0, s), ACTION_LIMIT);
	for (uint64_t s = 7 * MINUTE; s < 5 * HOUR; s += 10)
		CU_ASSERT_EQUAL(found(0, s), ACTION_BLOCK);
	source = prefix("2001:db8::/64"); /* from the beginning */
	CU_ASSERT_EQUAL(found(5 * MINUTE, 0), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(5 * MINUTE, 5 * MINUTE - 1), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(5 * MINUTE, 5 * MINUTE), ACTION_LIMIT);
	source = prefix("2001:db8:1::/64");
	CU_ASSERT_EQUAL(found(HOUR, 0), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(HOUR, 9 * MINUTE), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(HOUR, 10 * MINUTE), ACTION_LIMIT); /* its time is enough */
	ladder_free(ladder);
}

static void comes_down_when_it_is_calm(void)
{
	const uint64_t top = 2 * HOUR, over = top + HOUR;

	climb_begin();
	for (uint64_t s = 0; s <= top; s += 10)
		(void)found(0, s);
	CU_ASSERT_EQUAL(found(0, top), ACTION_BLOCK);
	CU_ASSERT_EQUAL(found(0, over + HOUR - 1), ACTION_BLOCK); /* no calm yet */
	CU_ASSERT_EQUAL(found(0, over + 3 * HOUR), ACTION_LIMIT); /* the block ended at over + 2 h - 1 */
	CU_ASSERT_EQUAL(found(0, over + 5 * HOUR), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(0, over + 9 * HOUR), ACTION_SLOW); /* it was on none */
	for (uint64_t s = 0; s <= top; s += 10)
		(void)found(0, 100 * HOUR + s);
	CU_ASSERT_EQUAL(found(0, 100 * HOUR + over + 2 * HOUR), ACTION_SLOW); /* two at once */
	CU_ASSERT_EQUAL(found(0, 1), ACTION_SLOW);                            /* records out of order */
	ladder_free(ladder);
}

/* Whatever the distance of the findings, a source that keeps it comes to a rung and stays there. */
static void does_not_flap(void)
{
	for (uint64_t every_s = 1; every_s < 4 * HOUR; every_s += every_s / 7 + 1) {
		enum action last = ACTION_ALERT, now = ACTION_ALERT;
		unsigned changes = 0;

		climb_begin();
		for (uint64_t s = 0; s < 4 * 86400; s += every_s) {
			now = found(MINUTE, s);
			changes += now != last;
			last = now;
		}
		CU_ASSERT(changes <= 3);
		CU_ASSERT_EQUAL(now, every_s < 10 * MINUTE ? ACTION_BLOCK : ACTION_SLOW);
		ladder_free(ladder);
	}
}

/* Once on a rung, no distance of findings makes it go up and down in turns. */
static void does_not_flap_from_above(void)
{
	for (uint64_t every_s = 1; every_s < 6 * HOUR; every_s += every_s / 7 + 1) {
		enum action last, now;
		unsigned changes = 0;
		uint64_t s;

		climb_begin();
		for (s = 0; s < 2 * HOUR; s += 10)
			last = found(MINUTE, s);
		CU_ASSERT_EQUAL(last, ACTION_BLOCK);
		for (s += every_s; s < 10 * 86400; s += every_s) {
			now = found(MINUTE, s);
			changes += now != last;
			last = now;
		}
		CU_ASSERT(changes <= 2);
		ladder_free(ladder);
	}
}

static void knows_a_top_and_forgets(void)
{
	const uint64_t second = 1000000;

	climb_begin();
	for (uint64_t s = 0; s < HOUR; s += 10)
		(void)found(0, s);
	CU_ASSERT_EQUAL(ladder_climb(ladder, &rule, &source, ACTION_LIMIT, 0, HOUR * second), ACTION_LIMIT);
	for (uint64_t s = HOUR; s < 9 * HOUR; s += 60)
		CU_ASSERT_EQUAL(
		        ladder_climb(ladder, &rule, &source, ACTION_LIMIT, 0, s * second), ACTION_LIMIT);
	ladder_forget(ladder, &source);
	CU_ASSERT_EQUAL(found(0, 9 * HOUR), ACTION_SLOW);
	CU_ASSERT_EQUAL(found(0, 9 * HOUR + 60), ACTION_LIMIT);
	ladder_forget_all(ladder);
	CU_ASSERT_EQUAL(found(0, 9 * HOUR + 61), ACTION_SLOW);
	CU_ASSERT_EQUAL(ladder_evicted(ladder), 0);
	for (unsigned i = 0; i < 5; i++) { /* more than it remembers */
		source.addr.b[15] = (uint8_t)(100 + i);
		CU_ASSERT_EQUAL(found(0, 9 * HOUR + 70 + i), ACTION_SLOW);
	}
	CU_ASSERT_EQUAL(ladder_evicted(ladder), 2);
	ladder_free(ladder);
}

/* ---- deciding --------------------------------------------------------------------------------- */

static struct policy *policy;
static struct act *act;

static int add_group(enum policy_group_kind kind, const char *name, const char *addresses)
{
	struct prefix p = prefix(addresses);
	int id = policy_add_group(policy, kind, name);

	CU_ASSERT_FATAL(id >= 0);
	CU_ASSERT_EQUAL(policy_add_prefix(policy, id, &p), 0);
	return id;
}

static struct policy *make_policy(enum policy_mode mode)
{
	struct policy_settings s = {
		.mode = mode, .otherwise = DO_INSPECT, .ports = { 25 }, .port_count = 1
	};
	struct prefix home = prefix("192.168.0.0/16");
	struct watching w;

	watching_default(&w);
	policy = policy_new();
	CU_ASSERT_EQUAL(policy_add_prefix(policy, GROUP_ID_HOME, &home), 0);
	add_group(GROUP_UPSTREAM, "isp", "198.51.100.10");
	add_group(GROUP_SERVER, "mail", "192.168.0.10");
	policy_groups_add(&s.never_block, (unsigned)add_group(GROUP_NETWORK, "vip", "203.0.113.99"));
	policy_groups_add(&w.shared, (unsigned)add_group(GROUP_NETWORK, "cgn", "100.64.0.0/10"));
	w.ladder = rule;
	w.volume_count = 1;
	strcpy(w.volumes[0].name, "net");
	policy_groups_add(&w.volumes[0].match, (unsigned)add_group(GROUP_NETWORK, "wide", "203.0.113.0/24"));
	w.volumes[0].bits_v4 = 28;
	w.volumes[0].bits_v6 = 56;
	w.volumes[0].block_for_s = 77;
	w.behaviours[BEHAVIOUR_HARVEST].block_for_s = 99;
	policy_set(policy, &s);
	policy_set_watching(policy, &w);
	CU_ASSERT_EQUAL(policy_seal(policy), 0);
	return policy;
}

static void act_begin(enum policy_mode mode)
{
	act = act_new(64, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(act);
	act_set_policy(act, make_policy(mode));
}

static void act_end(void)
{
	act_free(act);
	policy_free(policy);
}

static struct finding finding(const char *from, enum action wanted)
{
	struct finding f = { .id = FINDING_HARVEST, .verified = 1, .would = (uint8_t)wanted, .time_us = 1 };

	CU_ASSERT_EQUAL(addr_parse(from, &f.conn.src), 0);
	return f;
}

/* What is done, and what would be; of a finding that is changed before it is judged. */
static void is_done(struct finding f, enum action would, enum action done, struct order *order)
{
	struct order o = { 0 };
	bool ordered = act_decide(act, &f, &o);

	CU_ASSERT_EQUAL(f.would, would);
	CU_ASSERT_EQUAL(f.action, done);
	CU_ASSERT_EQUAL(ordered, done != ACTION_ALERT);
	if (ordered) {
		CU_ASSERT_EQUAL(o.action, done);
		CU_ASSERT(o.verified && o.finding == FINDING_HARVEST);
	}
	if (order)
		*order = o;
}

static void does_what_the_rule_asks_for(void)
{
	static const enum action actions[] = { ACTION_SLOW, ACTION_LIMIT, ACTION_REFUSE_SESSION,
		ACTION_BLOCK };
	static const uint32_t times[] = { 10 * MINUTE, HOUR, 99, 99 };
	struct finding f;
	struct order o;

	act_begin(MODE_ENFORCE);
	for (unsigned i = 0; i < 4; i++) {
		is_done(finding("198.18.0.1", actions[i]), actions[i], actions[i], &o);
		CU_ASSERT(o.bits == 0 && o.for_s == times[i]);
	}
	is_done(finding("198.18.0.1", ACTION_ALERT), ACTION_ALERT, ACTION_ALERT, NULL);
	is_done(finding("2001:db8::7", ACTION_LIMIT), ACTION_LIMIT, ACTION_LIMIT, &o);
	CU_ASSERT_EQUAL(o.bits, 64);
	is_done(finding("203.0.113.7", ACTION_LIMIT), ACTION_LIMIT, ACTION_LIMIT, &o);
	CU_ASSERT_EQUAL(o.bits, 96 + 28); /* as its volume block counts */
	is_done(finding("203.0.113.98", ACTION_LIMIT), ACTION_LIMIT, ACTION_LIMIT, &o);
	CU_ASSERT_EQUAL(o.bits, 0); /* .99, who is never blocked, lives in the same /28 */
	f = finding("198.18.0.1", ACTION_BLOCK);
	strcpy(f.block, "net");
	is_done(f, ACTION_BLOCK, ACTION_BLOCK, &o);
	CU_ASSERT(o.bits == 96 + 28 && o.for_s == 77);
	act_end();
}

static void some_are_spared(void)
{
	static const char *const spared[] = { "198.51.100.10", "192.168.0.10", "203.0.113.99", "127.0.0.1" };
	struct finding f;

	act_begin(MODE_ENFORCE);
	for (unsigned i = 0; i < 4; i++)
		for (enum action a = ACTION_ALERT; a < ACTION_COUNT; a++)
			is_done(finding(spared[i], a), ACTION_ALERT, ACTION_ALERT, NULL);
	f = finding("198.18.0.1", ACTION_CLIMB);
	f.conn.from_upstream = 1; /* it was one when its connection began */
	is_done(f, ACTION_ALERT, ACTION_ALERT, NULL);
	f = finding("198.18.0.1", ACTION_BLOCK);
	f.conn.self = SELF_CLIENT;
	is_done(f, ACTION_ALERT, ACTION_ALERT, NULL);
	f = finding("198.18.0.1", ACTION_BLOCK);
	f.at_target = 1;
	is_done(f, ACTION_ALERT, ACTION_ALERT, NULL);
	for (unsigned i = 0; i < 3; i++) { /* its address may be anybody's */
		f = finding("198.18.0.1", i == 0 ? ACTION_SLOW : i == 1 ? ACTION_LIMIT : ACTION_BLOCK);
		f.verified = 0;
		is_done(f, (enum action)f.would, ACTION_ALERT, NULL);
	}
	act_end();
	act = act_new(64, key); /* nobody has told what is in force */
	is_done(finding("198.18.0.1", ACTION_BLOCK), ACTION_ALERT, ACTION_ALERT, NULL);
	act_free(act);
}

static void shared_addresses_are_never_blocked(void)
{
	struct finding f;
	struct order o;

	act_begin(MODE_ENFORCE);
	is_done(finding("100.64.0.1", ACTION_BLOCK), ACTION_LIMIT, ACTION_LIMIT, &o);
	CU_ASSERT_EQUAL(o.for_s, HOUR);
	is_done(finding("100.64.0.1", ACTION_REFUSE_SESSION), ACTION_REFUSE_SESSION, ACTION_REFUSE_SESSION,
	        NULL);
	for (uint64_t s = 0; s < 4 * HOUR; s += 10) {
		struct finding next = finding("100.64.0.2", ACTION_CLIMB);

		next.time_us = s * 1000000;
		CU_ASSERT(act_decide(act, &next, &o));
		CU_ASSERT(next.action == (s < MINUTE ? ACTION_SLOW : ACTION_LIMIT));
	}
	f = finding("100.64.0.3", ACTION_BLOCK); /* of the packet path */
	f.action = ACTION_BLOCK;
	CU_ASSERT(act_follow(act, &f, &o));
	CU_ASSERT(o.action == ACTION_REFUSE_SESSION && f.action == ACTION_REFUSE_SESSION && o.bits == 0);
	f = finding("198.18.0.1", ACTION_BLOCK);
	f.action = ACTION_BLOCK;
	CU_ASSERT(act_follow(act, &f, &o));
	CU_ASSERT(o.action == ACTION_BLOCK && f.action == ACTION_BLOCK && o.for_s == 0);
	f = finding("198.18.0.1", ACTION_BLOCK);
	f.action = ACTION_ALERT;
	CU_ASSERT_FALSE(act_follow(act, &f, &o));
	act_end();
}

static void a_forecast_orders_in_monitor_mode(void)
{
	struct finding f;
	struct order o;

	act_begin(MODE_MONITOR);
	act_set_forecast(act, true);
	f = finding("198.18.0.1", ACTION_BLOCK);
	CU_ASSERT(act_decide(act, &f, &o));
	CU_ASSERT(f.action == ACTION_ALERT && f.would == ACTION_BLOCK && o.action == ACTION_BLOCK &&
	          o.for_s > 0);
	f = finding("198.18.0.2", ACTION_LIMIT);
	f.verified = 0;
	CU_ASSERT_FALSE(act_decide(act, &f, &o));
	CU_ASSERT_FALSE(act_decide(act, &(struct finding) { .would = ACTION_ALERT }, &o));
	f = finding("198.18.0.3", ACTION_BLOCK); /* of the packet path */
	f.action = ACTION_ALERT;
	CU_ASSERT(act_follow(act, &f, &o));
	CU_ASSERT(o.action == ACTION_BLOCK && f.action == ACTION_ALERT && o.for_s == 0);
	f = finding("100.64.0.3", ACTION_BLOCK); /* shared */
	f.action = ACTION_ALERT;
	CU_ASSERT(act_follow(act, &f, &o));
	CU_ASSERT(o.action == ACTION_REFUSE_SESSION && f.action == ACTION_ALERT);
	act_set_forecast(act, false);
	f = finding("198.18.0.1", ACTION_BLOCK);
	CU_ASSERT_FALSE(act_decide(act, &f, &o));
	act_end();
}

static void monitor_only_tells(void)
{
	static const enum action told[] = { ACTION_SLOW, ACTION_LIMIT, ACTION_BLOCK };
	struct policy *before;
	struct finding f;

	act_begin(MODE_MONITOR);
	is_done(finding("198.18.0.1", ACTION_BLOCK), ACTION_BLOCK, ACTION_ALERT, NULL);
	for (unsigned i = 0; i < 3; i++) {
		f = finding("198.18.0.2", ACTION_CLIMB);
		f.time_us = i * 6 * MINUTE * 1000000ULL;
		is_done(f, told[i], ACTION_ALERT, NULL);
	}
	before = policy;
	act_set_policy(act, make_policy(MODE_ENFORCE)); /* begins below */
	policy_free(before);
	f.would = ACTION_CLIMB;
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	act_end();
}

static void forgives(void)
{
	struct prefix who = prefix("198.18.0.1");
	struct finding f = finding("198.18.0.1", ACTION_CLIMB);

	act_begin(MODE_ENFORCE);
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	f.time_us += MINUTE * 1000000ULL;
	is_done(f, ACTION_LIMIT, ACTION_LIMIT, NULL);
	act_forgive(act, &who);
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	act_end();
}

/* Over a restart. */
static void goes_on_from_its_rung(void)
{
	const uint64_t second = 1000000;
	struct prefix who = prefix("198.18.0.1");
	struct finding f = finding("198.18.0.1", ACTION_CLIMB);
	struct watching w;

	act_begin(MODE_ENFORCE);
	act_restore(act, &who, ACTION_BLOCK, FINDING_HARVEST, 0, HOUR * second); /* its action is alert */
	f.time_us = HOUR * second;
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	act_end();

	make_policy(MODE_ENFORCE);
	policy_free(policy);
	act = act_new(64, key);
	w = *policy_watching(make_policy(MODE_ENFORCE));
	w.behaviours[BEHAVIOUR_HARVEST].action = ACTION_CLIMB;
	policy_set_watching(policy, &w);
	act_set_policy(act, policy);
	act_restore(act, &who, ACTION_LIMIT, FINDING_HARVEST, 0, HOUR * second);
	f.time_us = HOUR * second + 1; /* it has ended */
	is_done(f, ACTION_LIMIT, ACTION_LIMIT, NULL);
	f.time_us += 6 * MINUTE * second;
	is_done(f, ACTION_BLOCK, ACTION_BLOCK, NULL);
	act_restore(act, &who, ACTION_LIMIT, FINDING_HARVEST, 0, HOUR * second);
	f.time_us = HOUR * second - 1; /* it is in force, and has been for long enough */
	is_done(f, ACTION_BLOCK, ACTION_BLOCK, NULL);
	act_restore(act, &who, ACTION_LIMIT, FINDING_HARVEST, 0, HOUR * second);
	f.time_us = 3 * HOUR * second - 1; /* and calm */
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	act_restore(act, &who, ACTION_REFUSE_SESSION, FINDING_HARVEST, 0, HOUR * second); /* no rung */
	act_restore(act, &who, ACTION_BLOCK, FINDING_RELAY_ATTEMPT, 0, HOUR * second);    /* climbs never */
	act_restore(act, &who, ACTION_BLOCK, FINDING_VOLUME_LIMIT, 0, HOUR * second);     /* alert */
	is_done(f, ACTION_SLOW, ACTION_SLOW, NULL);
	act_end();
}

/* ---- crowds ----------------------------------------------------------------------------------- */

/* The n-th source of a /24; and whether a crowd was told. */
static bool one_of_many(unsigned n, uint64_t at_s, bool home, enum action done)
{
	struct finding f, about;
	struct order o;
	char text[32];
	bool told;

	snprintf(text, sizeof(text), home ? "192.168.7.%u" : "198.18.7.%u", n + 1);
	f = finding(text, ACTION_BLOCK);
	f.conn.from_home = home;
	f.time_us = at_s * 1000000;
	(void)act_decide(act, &f, &o);
	CU_ASSERT_EQUAL(f.action, done);
	told = act_take_crowd(act, &about);
	if (told) {
		CU_ASSERT_EQUAL(about.id, FINDING_VOLUME_SNOWSHOE);
		CU_ASSERT(about.action == ACTION_ALERT && about.would == ACTION_ALERT);
		CU_ASSERT_EQUAL(about.conn.src.b[15], 0);
		CU_ASSERT_PTR_NOT_NULL(
		        memmem(about.evidence[0].bytes, about.evidence[0].len, "198.18.7.0/24: ", 15));
		CU_ASSERT_FALSE(act_take_crowd(act, &about));
	}
	return told;
}

static void a_crowd_is_told_as_one(void)
{
	act_begin(MODE_ENFORCE);
	for (unsigned i = 0; i < CROWD_SOURCES; i++)
		CU_ASSERT_EQUAL(one_of_many(i, 10 * i, false, ACTION_BLOCK), i == CROWD_SOURCES - 1);
	for (unsigned i = CROWD_SOURCES; i < 100; i++)
		CU_ASSERT_FALSE(one_of_many(i, 100 + i, false, ACTION_ALERT));
	CU_ASSERT_FALSE(one_of_many(0, 300, false, ACTION_BLOCK)); /* the first ones have theirs */
	CU_ASSERT(one_of_many(101, 2 * HOUR - 400, false, ACTION_BLOCK) == false);
	act_end();
	act_begin(MODE_ENFORCE); /* one that goes on is told again */
	for (unsigned i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(
		        one_of_many(i, MINUTE * i, false, i < 8 || i % 60 == 7 ? ACTION_BLOCK : ACTION_ALERT),
		        i >= 7 && i % 60 == 7);
	act_end();
	act_begin(MODE_ENFORCE); /* clients of ours each answer for themselves */
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_FALSE(one_of_many(i, i, true, ACTION_BLOCK));
	act_end();
}

SUITE("act", { "climbs when it goes on", climbs_when_it_goes_on },
        { "comes down when it is calm", comes_down_when_it_is_calm }, { "does not flap", does_not_flap },
        { "does not flap from above", does_not_flap_from_above },
        { "knows a top, and forgets", knows_a_top_and_forgets },
        { "does what the rule asks for", does_what_the_rule_asks_for },
        { "some are spared", some_are_spared },
        { "shared addresses are never blocked", shared_addresses_are_never_blocked },
        { "monitor mode only tells", monitor_only_tells },
        { "a forecast orders in monitor mode", a_forecast_orders_in_monitor_mode }, { "forgives", forgives },
        { "goes on from its rung", goes_on_from_its_rung },
        { "a crowd is told as one", a_crowd_is_told_as_one })
