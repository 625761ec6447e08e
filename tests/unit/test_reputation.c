/* test_reputation.c - replies that name a blocklist, and whose mail they were about. */
#include "behaving.h"

static const char server[] = "192.168.0.10", host[] = "192.168.0.77", remote[] = "192.0.2.25";
static const char listed[] = "5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org";

static struct event data(const char *id, uint16_t code, const char *text)
{
	struct event e = events_data(0, 1, code, text);

	EVENTS_TEXT(e.u.data.message_id, id);
	return e;
}

/* It comes to our server. */
static void comes_in(const char *src, const char *from, const char *to, const char *id)
{
	sender(from);
	push(between(events_rcpt(0, 1, to, 0, 250, "ok"), src, server));
	push(between(data(id, 250, "ok"), src, server));
}

static void refused_at_rcpt(const char *from, const char *to)
{
	sender(from);
	push(between(events_rcpt(0, 1, to, 0, 554, listed), server, remote));
}

static bool is_about(const struct finding *f, const char *src)
{
	struct addr a = behaving_addr(src);

	return addr_compare(&f->conn.src, &a) == 0;
}

static void a_client_that_delivers_by_itself(void)
{
	begin(&reputation_part);
	sender("<joe@ours.example>");
	push(between(events_rcpt(0, 1, "<a@b.example>", 0, 554, listed), host, remote));
	CU_ASSERT_EQUAL(found_count, 0); /* one may be a mistake */
	push(between(data("", 550, "5.1.1 user unknown"), host, remote));
	CU_ASSERT_EQUAL(found_count, 0);
	push(between(data("", 550, listed), host, remote));
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_REPUTATION);
	CU_ASSERT(is_about(&found[0], host));
	CU_ASSERT(found[0].value == 2 && found[0].limit == 1 && found[0].window_s == 3600);
	CU_ASSERT(says(&found[0],
	        "192.0.2.25 to the mail -> 550 5.7.1 Client host [203.0.113.5] blocked using zen"));
	CU_ASSERT(says(&found[0], "this names Spamhaus"));
	CU_ASSERT(!says(&found[0], "server"));
	end();
}

static void by_its_envelope(void)
{
	begin(&reputation_part);
	rules.behaviours[BEHAVIOUR_REPUTATION].action = ACTION_LIMIT;
	comes_in("192.168.0.78", "<joe@ours.example>", "<c@b.example>", "");
	comes_in(host, "<joe@ours.example>", "<a@b.example>", "");
	comes_in("192.168.0.79", "<joe@ours.example>", "<d@b.example>", "");
	pipelined = true;
	refused_at_rcpt("<joe@ours.example>", "<A@b.example>");
	refused_at_rcpt("<joe@ours.example>", "<a@b.example>");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], host));
	CU_ASSERT(found[0].would == ACTION_LIMIT && found[0].conn.from_home);
	CU_ASSERT(says(&found[0],
	        "sent by the server 192.168.0.10; the mail came from here, by its sender and recipient"));
	end();
}

static void by_its_message_id(void)
{
	begin(&reputation_part);
	comes_in(host, "<joe@ours.example>", "<a@b.example>", "<1@host>");
	comes_in("192.168.0.78", "<joe@ours.example>", "<e@b.example>", "<2@host>");
	behaving_s += 2 * 86400; /* long in the queue */
	sender("<joe=alias@ours.example>");
	push(between(data("<1@host>", 554, listed), server, remote));
	push(between(data("<1@host>", 554, listed), server, remote));
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], host));
	CU_ASSERT(says(&found[0], "by its Message-ID"));
	end();
}

static void by_its_sender_for_an_hour(void)
{
	begin(&reputation_part);
	comes_in(host, "<joe@ours.example>", "<list@ours.example>", "");
	refused_at_rcpt("<joe@ours.example>", "<member@b.example>");
	refused_at_rcpt("<joe@ours.example>", "<other@b.example>");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], host));
	CU_ASSERT(says(&found[0], "by its sender"));
	behaving_s += 3600;
	refused_at_rcpt("<joe@ours.example>", "<member@b.example>");
	refused_at_rcpt("<joe@ours.example>", "<member@b.example>");
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT(is_about(&found[1], server)); /* nobody is guessed */
	end();
}

static void nobody_else_did_it(void)
{
	struct event e = events_make(EVENT_GREETING, 0);

	begin(&reputation_part);
	rules.behaviours[BEHAVIOUR_REPUTATION].action = ACTION_BLOCK;
	e.u.reply.code = 554;
	EVENTS_TEXT(e.u.reply.text, listed);
	push(between(e, server, remote));
	push(between(e, server, remote));
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], server));
	CU_ASSERT_EQUAL(found[0].would, ACTION_ALERT);
	CU_ASSERT(says(&found[0], "192.0.2.25 to the greeting -> 554 5.7.1 Client host"));
	end();
}

static void what_is_no_finding(void)
{
	begin(&reputation_part);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REPUTATION].except, (unsigned)group_friends);
	sender("<a@b.example>");
	for (unsigned i = 0; i < 5; i++) {
		push(between(data("", 554, "5.7.1 URL in body listed by multi.surbl.org"), host, remote));
		push(between(data("", 554, listed), "203.0.113.9", server)); /* our own server's word */
		push(between(data("", 554, listed), host, server));
		push(between(data("", 554, listed), "203.0.113.9", remote)); /* transit */
		push(between(data("", 250, listed), host, remote));
	}
	comes_in("203.0.113.200", "<f@friend.example>", "<a@b.example>", ""); /* excepted */
	for (unsigned i = 0; i < 5; i++)
		refused_at_rcpt("<f@friend.example>", "<a@b.example>");
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

/* Of mail that a server passes on, it is the source of the mail that is meant. */
static void only_those_named(void)
{
	begin(&reputation_part);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_REPUTATION].match, (unsigned)group_friends);
	comes_in(host, "<joe@ours.example>", "<a@b.example>", "");
	for (unsigned i = 0; i < 5; i++)
		refused_at_rcpt("<joe@ours.example>", "<a@b.example>");
	for (unsigned i = 0; i < 5; i++) /* the server's own */
		refused_at_rcpt("<nobody@ours.example>", "<a@b.example>");
	CU_ASSERT_EQUAL(found_count, 0);
	comes_in("203.0.113.200", "<f@friend.example>", "<a@b.example>", "");
	for (unsigned i = 0; i < 2; i++)
		refused_at_rcpt("<f@friend.example>", "<a@b.example>");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], "203.0.113.200"));
	end();
}

/* The book is a ring: the newest mails are known, the oldest are not, and nobody else is named for them. */
static void a_full_book(void)
{
	char to[64];

	begin(&reputation_part);
	for (unsigned i = 0; i < BEHAVING_SOURCES + 1000; i++) {
		snprintf(to, sizeof(to), "<x%u@b.example>", i);
		sender(i < 900 ? "<early@ours.example>" : "<late@ours.example>");
		push(between(events_rcpt(0, 1, to, 0, 250, "ok"), i == 0 ? "192.168.0.78" : host, server));
	}
	refused_at_rcpt("<early@ours.example>", "<x0@b.example>");
	refused_at_rcpt("<early@ours.example>", "<x0@b.example>");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(is_about(&found[0], server));
	refused_at_rcpt("<late@ours.example>", to);
	refused_at_rcpt("<late@ours.example>", to);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT(is_about(&found[1], host));
	end();
}

SUITE("reputation", { "a client that delivers by itself", a_client_that_delivers_by_itself },
        { "by its envelope", by_its_envelope }, { "by its Message-ID", by_its_message_id },
        { "by its sender, for an hour", by_its_sender_for_an_hour },
        { "nobody else did it", nobody_else_did_it }, { "what is no finding", what_is_no_finding },
        { "only those named", only_those_named }, { "a full book", a_full_book })
