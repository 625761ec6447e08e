/* Limits over windows: who is counted, what is told, and what is not. */
#include "house.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "postern/order.h"
#include "watch/sources.h"
#include "watching.h"

enum { SECOND_US = 1000000 };

static struct policy *policy;
static struct watching rules;

/* One block: home's clients, as the test likes it. */
static struct volume_block *block(unsigned i, const char *name, enum volume_key key)
{
	struct volume_block *b = &rules.volumes[i];

	strcpy(b->name, name);
	b->key = (uint8_t)key;
	b->bits_v4 = 32;
	b->bits_v6 = 64;
	b->action = ACTION_ALERT;
	policy_groups_add(&b->match, GROUP_ID_HOME);
	if (rules.volume_count <= i)
		rules.volume_count = i + 1;
	return b;
}

static void limit(struct volume_block *b, enum volume_measure m, uint64_t most, uint32_t window_s)
{
	b->limits[m][b->limit_count[m]++] = (struct volume_limit) { most, window_s };
}

static void ready(enum policy_mode mode)
{
	struct policy_settings s = *policy_settings(policy);

	s.mode = mode;
	policy_set(policy, &s);
	policy_set_watching(policy, &rules);
	CU_ASSERT_EQUAL_FATAL(policy_seal(policy), 0);
	begin();
	watch_set_policy(watch, policy);
}

static void prepare(void)
{
	struct prefix home = prefix_of("10.0.0.0/8");

	policy = policy_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
	watching_default(&rules);
	CU_ASSERT_EQUAL_FATAL(policy_add_prefix(policy, GROUP_ID_HOME, &home), 0);
	(void)add(policy, GROUP_SERVER, "mail", "10.9.9.9");
	(void)add(policy, GROUP_UPSTREAM, "isp", "10.8.8.8");
}

static void done(void)
{
	struct finding f;

	while (ring_front(ring)) {
		f = take();
		CU_ASSERT_NOT_EQUAL(f.id, FINDING_VOLUME_LIMIT);
	}
	end();
	policy_free(policy);
}

static struct event of(struct event e, const char *client)
{
	e.conn.src = addr_of(client);
	e.conn.direction = DIRECTION_OUTBOUND;
	e.conn.from_home = 1;
	return e;
}

static struct event rcpt(uint64_t s, const char *client)
{
	struct event e = of(events_rcpt(s * SECOND_US, 1, "<a@far>", 0, 250, "ok"), client);

	e.u.rcpt.judged = 0;
	return e;
}

static unsigned findings(void)
{
	return (unsigned)watch_counts(watch).findings;
}

static void a_limit_passed_is_told_once(void)
{
	struct finding f;

	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 10, 60);
	ready(MODE_MONITOR);
	for (unsigned i = 0; i < 10; i++)
		push(rcpt(i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 0);
	push(rcpt(10, "10.0.0.5"));
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_VOLUME_LIMIT);
	CU_ASSERT_EQUAL(f.value, 11);
	CU_ASSERT_EQUAL(f.limit, 10);
	CU_ASSERT_EQUAL(f.window_s, 60);
	CU_ASSERT_EQUAL(f.measure, 1 + VOLUME_RECIPIENTS);
	CU_ASSERT_STRING_EQUAL(f.block, "hosts");
	CU_ASSERT_EQUAL(f.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(f.verified, 1);
	ASSERT_TEXT(f.evidence[0], "10.0.0.5: 11 recipients within 60 s; volume \"hosts\" allows 10");
	for (unsigned i = 11; i < 20; i++)
		push(rcpt(i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 1);
	push(rcpt(20, "10.0.0.5")); /* as much again */
	CU_ASSERT_EQUAL(findings(), 2);
	CU_ASSERT_EQUAL(take().value, 21);
	push(rcpt(1000, "10.0.0.5")); /* it is quiet again, and then it is not */
	for (unsigned i = 0; i < 10; i++)
		push(rcpt(1001 + i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 3);
	done();
}

/* Around 8 of 10 within a minute it is the same passing still; from 7 on the next one is another. */
static void three_quarters_end_a_passing(void)
{
	for (unsigned left = 6; left <= 8; left++) {
		prepare();
		limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 10, 60);
		ready(MODE_MONITOR);
		for (unsigned i = 0; i < 11; i++)
			push(rcpt(i < 11 - left ? 0 : 50, "10.0.0.5"));
		CU_ASSERT_EQUAL(findings(), 1);
		push(rcpt(61, "10.0.0.5")); /* left + 1 of them are within the minute */
		for (unsigned i = left + 1; i < 11; i++)
			push(rcpt(61, "10.0.0.5"));
		CU_ASSERT_EQUAL(findings(), left + 1 <= 7 ? 2 : 1);
		while (ring_front(ring))
			(void)take();
		done();
	}
}

/* One more than allowed in each minute of an hour: not told with each recipient, but each time as much again has come. */
static void who_hangs_at_the_limit_is_told_now_and_then(void)
{
	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 60, 60);
	ready(MODE_MONITOR);
	for (unsigned s = 0; s < 3600; s++) {
		push(rcpt(s, "10.0.0.5"));
		if (s % 60 == 30)
			push(rcpt(s, "10.0.0.5"));
	}
	CU_ASSERT_EQUAL(findings(), 60); /* of 3660 recipients */
	while (ring_front(ring))
		(void)take();
	done();
}

static void each_measure_has_its_own_limit(void)
{
	static const char *const words[] = { "2 messages within", "3 recipients within",
		"2 connections within", "1001 bytes within", "2 destinations within" };
	struct volume_block *b;
	struct event e;

	prepare();
	b = block(0, "hosts", VOLUME_BY_SOURCE);
	limit(b, VOLUME_MESSAGES, 1, 60);
	limit(b, VOLUME_RECIPIENTS, 2, 60);
	limit(b, VOLUME_CONNECTIONS, 1, 60);
	limit(b, VOLUME_BYTES, 1000, 60);
	limit(b, VOLUME_DESTINATIONS, 1, 60);
	ready(MODE_MONITOR);
	for (unsigned round = 0; round < 2; round++) {
		e = of(events_make(EVENT_GREETING, round), "10.0.0.5");
		e.u.reply.code = 220;
		push(e);
		push(rcpt(round, "10.0.0.5"));
		push(of(events_data(round, 1, 250, "ok"), "10.0.0.5"));
		e = of(events_close(round, 1), "10.0.0.5");
		e.u.close.greeted = 1;
		e.u.close.bytes_toserver = 500 + round;
		push(e);
	}
	CU_ASSERT_EQUAL(findings(), 3);
	push(rcpt(3, "10.0.0.5"));
	e = of(events_make(EVENT_GREETING, 5), "10.0.0.5");
	e.u.reply.code = 220;
	e.conn.dst.b[15] ^= 1;
	push(e);
	CU_ASSERT_EQUAL(findings(), 5 + 1); /* and a third connection, as much again */
	for (unsigned seen = 0; ring_front(ring);) {
		struct finding f = take();

		CU_ASSERT_EQUAL(f.id, FINDING_VOLUME_LIMIT);
		CU_ASSERT(f.measure >= 1 && f.measure <= VOLUME_MEASURE_COUNT);
		if (!(seen & 1U << f.measure))
			CU_ASSERT(says(&f, words[f.measure - 1]));
		seen |= 1U << f.measure;
	}
	done();
}

static void several_windows_at_once(void)
{
	struct volume_block *b;
	struct finding f;

	prepare();
	b = block(0, "hosts", VOLUME_BY_SOURCE);
	limit(b, VOLUME_RECIPIENTS, 5, 10);
	limit(b, VOLUME_RECIPIENTS, 20, 3600);
	ready(MODE_MONITOR);
	for (unsigned i = 0; i < 20; i++)
		push(rcpt(60 * i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 0);
	push(rcpt(60 * 20, "10.0.0.5"));
	f = take();
	CU_ASSERT_EQUAL(f.window_s, 3600);
	CU_ASSERT_EQUAL(f.value, 21);
	for (unsigned i = 0; i < 5; i++)
		push(rcpt(60 * 21 + i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 1);
	push(rcpt(60 * 21 + 5, "10.0.0.5"));
	f = take();
	CU_ASSERT_EQUAL(f.window_s, 10);
	CU_ASSERT_EQUAL(f.value, 6);
	done();
}

/* A refused recipient is none; upstreams are not counted, servers only by a block that names them. */
static void who_is_not_meant_is_not_counted(void)
{
	struct event refused, server, upstream;

	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 1, 60);
	ready(MODE_MONITOR);
	for (unsigned i = 0; i < 5; i++) {
		refused = rcpt(i, "10.0.0.5");
		refused.u.rcpt.outcome = OUTCOME_REFUSED_BY_SERVER;
		push(refused);
		server = rcpt(i, "10.9.9.9");
		server.conn.from_server = 1;
		push(server);
		upstream = rcpt(i, "10.8.8.8");
		upstream.conn.from_upstream = 1;
		push(upstream);
		push(rcpt(i, "192.0.2.1")); /* not in home */
	}
	CU_ASSERT_EQUAL(findings(), 0);
	done();
}

static void a_server_that_is_named_is_counted(void)
{
	struct volume_block *b;
	struct event e;

	prepare();
	b = block(0, "servers", VOLUME_BY_SOURCE);
	policy_groups_add(&b->match, GROUP_ID_SERVERS);
	limit(b, VOLUME_RECIPIENTS, 1, 60);
	ready(MODE_MONITOR);
	for (unsigned i = 0; i < 2; i++) {
		e = rcpt(i, "10.9.9.9");
		e.conn.from_server = 1;
		push(e);
	}
	CU_ASSERT_EQUAL(findings(), 1);
	(void)take();
	done();
}

static void a_prefix_is_one_source(void)
{
	struct volume_block *b;

	prepare();
	b = block(0, "net", VOLUME_BY_SOURCE);
	b->bits_v4 = 24;
	limit(b, VOLUME_RECIPIENTS, 2, 60);
	ready(MODE_MONITOR);
	push(rcpt(0, "10.0.0.1"));
	push(rcpt(0, "10.0.0.2"));
	push(rcpt(0, "10.0.1.3"));
	CU_ASSERT_EQUAL(findings(), 0);
	push(rcpt(0, "10.0.0.3"));
	{
		struct finding f = take();

		CU_ASSERT(says(&f, "10.0.0.0/24: 3 recipients"));
	}
	done();
}

/* The gateway's own mail, in a block of its own: ledger and incident mean the same prefix. */
static void the_gateway_is_a_source_too(void)
{
	const struct source *row;
	struct volume_block *b;
	struct prefix net;
	struct event e = rcpt(0, "10.7.7.7");

	prepare();
	b = block(0, "gateway", VOLUME_BY_SOURCE);
	b->match = (struct policy_groups) { { 0 } };
	policy_groups_add(&b->match, GROUP_ID_SELF);
	b->bits_v4 = 24;
	limit(b, VOLUME_RECIPIENTS, 1, 60);
	ready(MODE_MONITOR);
	e.conn.self = SELF_CLIENT;
	push(e);
	push(e);
	CU_ASSERT_EQUAL(take().source_bits, 96 + 24);
	net = prefix_of("10.7.7.0/24");
	row = sources_find(watch_sources(watch), &net);
	CU_ASSERT(row && row->n[SOURCE_ACCEPTED] == 2);
	done();
}

/* Many addresses, one sender; then one user, whatever he calls himself. */
static void senders_and_users_are_counted(void)
{
	struct event mail, auth;
	struct finding f;

	prepare();
	limit(block(0, "senders", VOLUME_BY_MAIL_FROM), VOLUME_RECIPIENTS, 2, 60);
	limit(block(1, "users", VOLUME_BY_AUTH_USER), VOLUME_RECIPIENTS, 4, 60);
	ready(MODE_MONITOR);
	auth = of(events_make(EVENT_AUTH, 0), "10.0.0.1");
	auth.u.auth.reply.code = 235;
	EVENTS_TEXT(auth.u.auth.user, "bob");
	push(auth);
	for (unsigned i = 0; i < 3; i++) {
		mail = of(events_mail(i, i + 1, i == 1 ? "<Bob@OURS>" : "<bob@ours>"), "10.0.0.1");
		push(mail);
		push(rcpt(i, "10.0.0.1"));
	}
	f = take();
	CU_ASSERT_STRING_EQUAL(f.block, "senders");
	CU_ASSERT(says(&f, "the sender <bob@ours>: 3 recipients"));
	push(of(events_mail(4, 4, "<other@ours>"), "10.0.0.1"));
	push(rcpt(4, "10.0.0.1"));
	CU_ASSERT_EQUAL(findings(), 1);
	push(of(events_mail(5, 5, "<>"), "10.0.0.1"));
	push(rcpt(5, "10.0.0.1"));
	f = take();
	CU_ASSERT_STRING_EQUAL(f.block, "users");
	CU_ASSERT(says(&f, "the user bob: 5 recipients"));
	done();
}

static void too_many_in_one_message(void)
{
	struct volume_block *b;
	struct finding f;

	prepare();
	b = block(0, "hosts", VOLUME_BY_SOURCE);
	b->max_rcpt = 3;
	ready(MODE_MONITOR);
	for (uint32_t tx = 1; tx <= 3; tx++) {
		push(of(events_mail(tx, tx, "<a@ours>"), "10.0.0.5"));
		for (unsigned i = 0; i < 3; i++)
			push(rcpt(tx, "10.0.0.5"));
		push(of(events_tx_end(tx, tx, END_COMPLETED), "10.0.0.5"));
	}
	CU_ASSERT_EQUAL(findings(), 0);
	push(of(events_mail(9, 4, "<a@ours>"), "10.0.0.5"));
	for (unsigned i = 0; i < 10; i++)
		push(rcpt(10, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 2);
	f = take();
	CU_ASSERT_EQUAL(f.value, 4);
	CU_ASSERT_EQUAL(f.window_s, 0);
	CU_ASSERT(says(&f, "4 recipients in one message; volume \"hosts\" allows 3"));
	CU_ASSERT_EQUAL(take().value, 8);
	done();
}

/* A second MAIL that the server refuses changes nothing: whose mail it is, and how many have it. */
static void a_refused_mail_hides_nothing(void)
{
	struct volume_block *b;
	struct event second;
	struct finding f;

	prepare();
	b = block(0, "senders", VOLUME_BY_MAIL_FROM);
	b->max_rcpt = 3;
	limit(b, VOLUME_RECIPIENTS, 4, 60);
	ready(MODE_MONITOR);
	push(of(events_mail(0, 1, "<bulk@ours>"), "10.0.0.5"));
	for (uint32_t tx = 2; tx <= 6; tx++) {
		push(rcpt(tx, "10.0.0.5"));
		second = of(events_mail(tx, tx, "<somebody@else>"), "10.0.0.5");
		second.u.mail.reply.code = 503;
		push(second);
		push(of(events_tx_end(tx, tx, END_REFUSED), "10.0.0.5"));
	}
	CU_ASSERT_EQUAL(findings(), 2);
	f = take();
	CU_ASSERT(says(&f, "the sender <bulk@ours>: 4 recipients in one message"));
	f = take();
	CU_ASSERT(says(&f, "the sender <bulk@ours>: 5 recipients within 60 s"));
	push(of(events_tx_end(9, 1, END_COMPLETED), "10.0.0.5"));
	push(rcpt(9, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 2);
	done();
}

/* A policy that says the same changes nothing; another limit counts what was there. */
static void limits_change_and_counts_stay(void)
{
	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 10, 60);
	ready(MODE_MONITOR);
	for (unsigned i = 0; i < 11; i++)
		push(rcpt(i, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 1);
	watch_set_policy(watch, policy);
	push(rcpt(11, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 1);
	rules.volumes[0].limits[VOLUME_RECIPIENTS][0].most = 12;
	policy_set_watching(policy, &rules);
	watch_set_policy(watch, policy);
	push(rcpt(12, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 2);
	CU_ASSERT_EQUAL(take().value, 11);
	CU_ASSERT_EQUAL(take().value, 13);
	done();
}

/* A million sources of one recipient each do not make us forget who is slow and steady. */
static void a_flood_does_not_hide_the_heavy(void)
{
	struct event e = rcpt(0, "10.0.0.5");

	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 100, 86400);
	ready(MODE_MONITOR);
	for (uint32_t i = 0; i < 100; i++)
		push(rcpt(i, "10.0.0.5"));
	for (uint32_t i = 0; i < 1000000; i++) {
		const uint8_t b[] = { 10, (uint8_t)(128 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i };

		e = rcpt(1000, "10.0.0.6");
		e.time_us += i * UINT64_C(300);
		e.conn.src = addr_from_v4(b);
		push(e);
	}
	CU_ASSERT_EQUAL(findings(), 0);
	push(rcpt(2000, "10.0.0.5"));
	CU_ASSERT_EQUAL(findings(), 1);
	CU_ASSERT_EQUAL(take().value, 101);
	CU_ASSERT(watch_counts(watch).windows_lost > 800000); /* of those who came once, a day is not over */
	done();
}

/* Whose windows are over is forgotten without loss. */
static void only_what_is_lost_is_counted(void)
{
	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 100, 60);
	ready(MODE_MONITOR);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 65536 + round; i++) {
			const uint8_t b[] = { 10, (uint8_t)(128 + round), (uint8_t)(i >> 8), (uint8_t)i };
			struct event e = rcpt(round * 71, "10.0.0.6"); /* what comes late is waited for */

			e.conn.src = addr_from_v4(i < 65536 ? b : (const uint8_t[]) { 10, 0, 0, 7 });
			push(e);
		}
		CU_ASSERT_EQUAL(watch_counts(watch).windows_lost, round);
	}
	done();
}

static struct event connection(uint64_t s, const char *client, uint8_t server)
{
	struct event e = of(events_make(EVENT_GREETING, s * SECOND_US), client);

	e.u.reply.code = 220;
	e.conn.dst.b[15] = server;
	return e;
}

/* Who goes on talking to the same servers does not talk to more of them. */
static void the_same_servers_again_are_no_more(void)
{
	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_DESTINATIONS, 5, 3600);
	ready(MODE_MONITOR);
	for (unsigned round = 0; round < 20; round++)
		for (uint8_t server = 1; server <= 6; server++)
			push(connection(10 * round, "10.0.0.5", server));
	CU_ASSERT_EQUAL(findings(), 1);
	CU_ASSERT_EQUAL(take().value, 6);
	for (uint8_t server = 7; server <= 11; server++)
		push(connection(200, "10.0.0.5", server));
	CU_ASSERT_EQUAL(findings(), 2); /* as many again */
	CU_ASSERT_EQUAL(take().value, 11);
	done();
}

/* All the memory is in the hands of the heavy: who comes new is counted all the same, and that somebody had to leave for him is
 * told. */
static void there_is_room_for_who_comes_new(void)
{
	enum { HEAVY = 16, EACH = 32768 }; /* just as much as there is */
	bool told = false;

	prepare();
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 10, 60);
	limit(block(0, "hosts", VOLUME_BY_SOURCE), VOLUME_RECIPIENTS, 1000000, 86400);
	ready(MODE_MONITOR);
	for (uint32_t i = 0; i < HEAVY; i++) {
		char client[16];

		snprintf(client, sizeof(client), "10.1.0.%u", i);
		for (uint32_t n = 0; n < EACH; n++)
			push(rcpt(n / 25 * 60, client));
		while (ring_front(ring))
			(void)take();
	}
	CU_ASSERT_EQUAL(watch_counts(watch).windows_lost, 0);
	for (unsigned i = 0; i < 11; i++)
		push(rcpt(EACH / 25 * 60, "10.0.0.5"));
	while (ring_front(ring)) {
		struct finding f = take();

		told = told || says(&f, "10.0.0.5: 11 recipients within 60 s");
	}
	CU_ASSERT(told);
	CU_ASSERT_EQUAL(watch_counts(watch).windows_lost, 1);
	CU_ASSERT_EQUAL(watch_counts(watch).windows_thinned, 0);
	done();
}

static void only_enforce_mode_acts(void)
{
	for (unsigned mode = MODE_MONITOR; mode < MODE_COUNT; mode++) {
		struct ring *orders = ring_new(16, sizeof(struct order));
		struct volume_block *b;
		struct finding f;

		prepare();
		b = block(0, "hosts", VOLUME_BY_SOURCE);
		limit(b, VOLUME_RECIPIENTS, 1, 60);
		b->action = ACTION_BLOCK;
		ready((enum policy_mode)mode);
		watch_set_orders(watch, orders);
		push(rcpt(0, "10.0.0.5"));
		push(rcpt(0, "10.0.0.5"));
		f = take();
		CU_ASSERT_EQUAL(f.would, ACTION_BLOCK);
		CU_ASSERT_EQUAL(f.action, mode == MODE_ENFORCE ? ACTION_BLOCK : ACTION_ALERT);
		CU_ASSERT_EQUAL(ring_front(orders) != NULL, mode == MODE_ENFORCE);
		done();
		ring_free(orders);
	}
}

SUITE("volume", { "a limit passed is told once", a_limit_passed_is_told_once },
        { "three quarters end a passing", three_quarters_end_a_passing },
        { "who hangs at the limit is told now and then", who_hangs_at_the_limit_is_told_now_and_then },
        { "each measure has its own limit", each_measure_has_its_own_limit },
        { "several windows at once", several_windows_at_once },
        { "who is not meant is not counted", who_is_not_meant_is_not_counted },
        { "a server that is named is counted", a_server_that_is_named_is_counted },
        { "a prefix is one source", a_prefix_is_one_source },
        { "the gateway is a source, too", the_gateway_is_a_source_too },
        { "senders and users are counted", senders_and_users_are_counted },
        { "too many in one message", too_many_in_one_message },
        { "a refused MAIL hides nothing", a_refused_mail_hides_nothing },
        { "limits change and counts stay", limits_change_and_counts_stay },
        { "a flood does not hide the heavy", a_flood_does_not_hide_the_heavy },
        { "only what is lost is counted", only_what_is_lost_is_counted },
        { "the same servers again are no more", the_same_servers_again_are_no_more },
        { "there is room for who comes new", there_is_room_for_who_comes_new },
        { "only enforce mode acts", only_enforce_mode_acts })
