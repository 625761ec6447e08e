/* test_rejects.c - the sequential test on refused recipients: who is a machine, and when. */
#include "behaving.h"

static const char stranger[] = "203.0.113.9", server[] = "192.168.0.10", host[] = "192.168.0.77";
static const char unknown[] = "5.1.1 user unknown";

/* ceil(ln(99000) / ln 5) = 8 */
static void eight_in_a_row(void)
{
	begin(&rejects_part);
	for (unsigned i = 1; i <= 7; i++)
		rcpt(stranger, server, i, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	rcpt(stranger, server, 8, 550, unknown);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_VOLUME_REJECTS);
	CU_ASSERT_EQUAL(found[0].value, 1000);
	CU_ASSERT_EQUAL(found[0].limit, 500);
	CU_ASSERT_EQUAL(found[0].baseline, 100);
	CU_ASSERT(found[0].action == ACTION_ALERT && found[0].would == ACTION_ALERT && found[0].verified);
	CU_ASSERT(
	        says(&found[0], "8 of 8 new recipients refused; of people's it is 10 %, of machines' 50 %"));
	CU_ASSERT(says(&found[0], "RCPT TO:<u8@ours.example> -> 550 5.1.1 user unknown"));
	for (unsigned i = 9; i <= 15; i++) /* it begins anew */
		rcpt(stranger, server, i, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 1);
	rcpt(stranger, server, 16, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 2);
	end();
}

/* Whatever went before, eleven are enough: 8 less ceil(ln(100) / ln(1.8)) taken, worth 3 refusals. */
static void an_honest_past_buys_little(void)
{
	unsigned refused = 0;

	begin(&rejects_part);
	for (unsigned i = 1; i <= 10007; i++) /* ends one before "human" */
		rcpt(stranger, server, i, 250, "ok");
	while (found_count == 0 && refused < 20)
		rcpt(stranger, server, 20000 + refused++, 550, unknown);
	CU_ASSERT(refused <= 11);
	CU_ASSERT(refused > 8);
	CU_ASSERT(found[0].value > 500);
	end();
}

static void steps_are_walds(void)
{
	struct prefix row = { .bits = 128 };
	const struct source *s;

	begin(&rejects_part);
	row.addr = behaving_addr(stranger);
	rcpt(stranger, server, 1, 550, unknown);
	s = sources_find(ledger, &row);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_DOUBLE_EQUAL(s->part.rejects, 1.6094379, 1e-5); /* ln 5 */
	rcpt(stranger, server, 2, 250, "ok");
	CU_ASSERT_DOUBLE_EQUAL(s->part.rejects, 1.6094379 - 0.5877867, 1e-5); /* ln(0.5 / 0.9) */
	rules.rejects = (struct reject_test) { 200, 800, 1000, 1000 };
	rcpt(stranger, server, 3, 550, unknown);
	CU_ASSERT_DOUBLE_EQUAL(s->part.rejects, 1.0216512 + 1.3862944, 1e-5); /* ln 4 */
	for (unsigned i = 4; i < 7; i++)                                      /* ln 999 = 6.907 */
		rcpt(stranger, server, i, 550, unknown);
	CU_ASSERT_DOUBLE_EQUAL(s->part.rejects, 1.0216512 + 4 * 1.3862944, 1e-5);
	rcpt(stranger, server, 7, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 1);
	CU_ASSERT_EQUAL(s->part.rejects, 0);
	end();
}

/* The stated error rates, over many simulated sources. */
static unsigned machines_among(unsigned permille, unsigned sources, unsigned recipients)
{
	unsigned called = 0;
	uint32_t random = 12345;

	for (unsigned k = 0; k < sources; k++) {
		char src[32];

		snprintf(src, sizeof(src), "203.0.%u.%u", 100 + k / 250, 1 + k % 250);
		found_count = 0;
		for (unsigned i = 0; i < recipients && found_count == 0; i++) {
			random = random * 1664525 + 1013904223;
			rcpt(src, server, i, (random >> 10) % 1000 < permille ? 550 : 250, unknown);
		}
		called += found_count > 0;
	}
	return called;
}

static void keeps_its_error_rates(void)
{
	begin(&rejects_part);
	rules.rejects.false_alarm_ppm = 10000; /* one in a hundred tests */
	CU_ASSERT(machines_among(100, 400, 12) <= 8);
	end();
	begin(&rejects_part);
	CU_ASSERT_EQUAL(machines_among(50, 400, 500), 0); /* lists with one dead in twenty */
	end();
	begin(&rejects_part);
	CU_ASSERT(machines_among(500, 400, 120) >= 396);
	end();
	begin(&rejects_part);
	CU_ASSERT(machines_among(700, 400, 50) >= 396);
	end();
}

/* The same answer about the same recipient tells nothing new. */
static void only_the_first_answer_counts(void)
{
	begin(&rejects_part);
	for (unsigned i = 0; i < 100; i++) {
		rcpt(host, "192.0.2.25", 1, 550, unknown);
		behaving_s += 600;
	}
	CU_ASSERT_EQUAL(found_count, 0);
	/* nor may a client wash himself by writing to himself */
	for (unsigned i = 0; i < 9; i++) {
		rcpt(stranger, server, 500 + i, 550, unknown);
		for (unsigned k = 0; k < 20; k++)
			rcpt(stranger, server, 1, 250, "ok");
	}
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void what_says_nothing(void)
{
	static const struct {
		uint16_t code;
		const char *text;
	} nothing[] = {
		{ 450, "4.2.0 greylisted" },
		{ 451, "try later" },
		{ 421, "too many errors" },
		{ 550, "5.2.1 mailbox disabled" },
		{ 550, "5.7.1 relaying denied" },
		{ 550, "5.7.23 SPF" },
		{ 550, "5.1.8 sender address rejected" },
		{ 552, "5.2.2 over quota" },
		{ 503, "5.5.1 need MAIL" },
		{ 501, "5.1.3 bad syntax" },
		{ 554, "no" },
		{ 550, "Client host [203.0.113.9] blocked using zen.spamhaus.org" },
		{ 0, "" },
	};
	struct event e;

	begin(&rejects_part);
	for (size_t k = 0; k < sizeof(nothing) / sizeof(nothing[0]); k++)
		for (unsigned i = 0; i < 20; i++)
			rcpt(stranger, server, (unsigned)k * 100 + i, nothing[k].code, nothing[k].text);
	for (unsigned i = 0; i < 20; i++) {
		char path[32];

		snprintf(path, sizeof(path), "<v%u@foreign.example>", i);
		e = between(events_rcpt(0, 1, path, 0, 554, "5.1.1 no"), stranger, server);
		e.u.rcpt.client_ours = 0;
		push(e); /* relaying: its own rule */
		e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
		push(e);
		e.u.rcpt.ours = 1; /* the source is refused, not the recipient */
		push(e);
	}
	sender("<>");
	for (unsigned i = 0; i < 20; i++)
		rcpt(stranger, server, 5000 + i, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	sender("<a@b.example>");
	for (unsigned i = 0; i < 8; i++) /* 554 with 5.1.x, 551, 553 and 550 without more do count */
		rcpt(stranger, server, 6000 + i,
		        i < 2   ? 554
		        : i < 4 ? 551
		        : i < 6 ? 553
		                : 550,
		        i < 2 ? "5.1.1 no" : "no such user");
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void try_all(const char *src)
{
	found_count = 0;
	for (unsigned i = 0; i < 20; i++)
		rcpt(src, "192.0.2.25", i, 550, unknown);
}

static void whom_it_means(void)
{
	begin(&rejects_part);
	try_all("198.51.100.1"); /* an upstream */
	CU_ASSERT_EQUAL(found_count, 0);
	try_all(server);
	CU_ASSERT_EQUAL(found_count, 0);
	try_all(host);
	CU_ASSERT_EQUAL(found_count, 2);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REJECTS].except, (unsigned)group_friends);
	try_all("203.0.113.200");
	CU_ASSERT_EQUAL(found_count, 0);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REJECTS].match, GROUP_ID_HOME);
	try_all(stranger);
	CU_ASSERT_EQUAL(found_count, 0);
	try_all(server); /* it is in home, too, but not named */
	CU_ASSERT_EQUAL(found_count, 0);
	try_all("192.168.0.78");
	CU_ASSERT_EQUAL(found_count, 2);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REJECTS].match, (unsigned)group_other);
	try_all(server); /* another one is */
	CU_ASSERT_EQUAL(found_count, 0);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REJECTS].match, (unsigned)group_mail);
	rules.behaviours[BEHAVIOUR_REJECTS].action = ACTION_CLIMB;
	try_all(server);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT(found[0].would == ACTION_CLIMB && found[0].action == ACTION_ALERT);
	rules.behaviours[BEHAVIOUR_REJECTS].on = false;
	try_all("192.168.0.79");
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

SUITE("rejects", { "eight in a row", eight_in_a_row },
        { "an honest past buys little", an_honest_past_buys_little }, { "steps are Wald's", steps_are_walds },
        { "keeps its error rates", keeps_its_error_rates },
        { "only the first answer counts", only_the_first_answer_counts },
        { "what says nothing", what_says_nothing }, { "whom it means", whom_it_means })
