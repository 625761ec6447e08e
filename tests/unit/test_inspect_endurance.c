/* test_inspect_endurance.c - whatever came before, a later recipient is seen, and memory stays what it was.
 *
 * Each case makes the connection long, noisy or wrong in one way. Afterwards, in monitor mode, a foreign
 * recipient must be told and judged; in enforce mode it must not reach the server.
 */
#include "inspect_talk.h"

#include <malloc.h>

static void mail_begins(void)
{
	say(&T, CLIENT, "RSET\r\n");
	say(&T, SERVER, "250 ok\r\n");
	say(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	say(&T, SERVER, "250 ok\r\n");
}

/* ---- what comes before ------------------------------------------------------------------------- */

static void hundreds_of_thousands_of_transactions(void)
{
	unsigned i;

	for (i = 0; i < 200000; i++) {
		say(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
		say(&T, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n");
		say(&T, CLIENT, "Subject: x\r\n\r\nx\r\n.\r\n");
		say(&T, SERVER, "250 done\r\n");
		T.event_count = 0;
	}
	CU_ASSERT_EQUAL(count(&T, COUNTER_TRANSACTIONS), 200000 + 1);
}

static void bad_commands(void)
{
	unsigned i;

	for (i = 0; i < 500; i++) {
		say(&T, CLIENT, i % 2 ? "WHAT IS THIS\r\n" : "\r\n");
		say(&T, SERVER, "500 what\r\n");
	}
}

static void endless_reply(void)
{
	unsigned i;

	say(&T, CLIENT, "NOOP\r\n");
	for (i = 0; i < 20000; i++)
		say(&T, SERVER, "250-and on and on and on and on\r\n");
	say(&T, SERVER, "250 at last\r\n");
}

static void endless_line(void)
{
	static char part[1025];
	unsigned i;

	memset(part, 'x', sizeof(part) - 1);
	for (i = 0; i < 2000; i++)
		say(&T, CLIENT, part);
	say(&T, CLIENT, "\r\n");
	say(&T, SERVER, "500 too long\r\n");
	for (i = 0; i < 2000; i++)
		say(&T, SERVER, part); /* and one that is no reply */
	say(&T, SERVER, "\r\n");
}

static void binary(void)
{
	static const char bytes[] = "N\0OP\r\n\xff\xfe\x80\r\n\x01\x02\x03\r\nNO\rOP\r\nNOOP\n";
	unsigned i;

	say_bytes(&T, CLIENT, bytes, sizeof(bytes) - 1);
	for (i = 0; i < 5; i++)
		say(&T, SERVER, "500 what\r\n");
}

static void starttls_refused(void)
{
	say(&T, CLIENT, "STARTTLS\r\n");
	say(&T, SERVER, "454 not now\r\n");
}

static void refused_data(void)
{
	say(&T, CLIENT, "DATA\r\n");
	say(&T, SERVER, "503 no recipient\r\n");
}

static void replies_nobody_asked_for(void)
{
	unsigned i;

	for (i = 0; i < 1000; i++)
		say(&T, SERVER, "250 hello\r\n");
}

static void greeted_again(void)
{
	unsigned i;

	for (i = 0; i < 1000; i++) {
		say(&T, CLIENT, i % 2 ? "EHLO again\r\n" : "HELO again\r\n");
		say(&T, SERVER, "250 mx\r\n");
	}
}

static void authentication_that_fails(void)
{
	unsigned i;

	for (i = 0; i < 300; i++) {
		say(&T, CLIENT, "AUTH LOGIN\r\n");
		say(&T, SERVER, "334 VXNlcm5hbWU6\r\n");
		say(&T, CLIENT, "UkNQVCBUTzo8eEBmb3JlaWduLnRlc3Q+\r\n");
		say(&T, SERVER, "334 UGFzc3dvcmQ6\r\n");
		say(&T, CLIENT, "eA==\r\n");
		say(&T, SERVER, "535 no\r\n");
	}
}

static const struct {
	const char *name;
	void (*before)(void);
} cases[] = {
	{ "200,000 transactions", hundreds_of_thousands_of_transactions },
	{ "500 bad commands", bad_commands },
	{ "a reply without end", endless_reply },
	{ "lines without end", endless_line },
	{ "binary", binary },
	{ "STARTTLS refused", starttls_refused },
	{ "DATA refused", refused_data },
	{ "replies nobody asked for", replies_nobody_asked_for },
	{ "greeted 1,000 times", greeted_again },
	{ "AUTH that fails", authentication_that_fails },
};

/* Bytes that malloc has given out. */
static size_t heap(void)
{
	return mallinfo2().uordblks;
}

static bool tells_the_foreign_one(void)
{
	const struct event *e;
	unsigned i;

	for (i = 0; (e = event_nth(&T, EVENT_RCPT, i)); i++)
		if (e->u.rcpt.judged && !e->u.rcpt.ours && e->u.rcpt.path.len == strlen("<x@foreign.test>"))
			return true;
	return false;
}

static void a_later_recipient_is_told(void)
{
	size_t before;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_init(&T, MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
		greet(&T);
		before = heap();
		cases[i].before();
		mail_begins();
		T.event_count = 0;
		pass(&T, CLIENT, bad_rcpt);
		pass(&T, SERVER, "550 no\r\n");
		if (!tells_the_foreign_one())
			printf("not told: %s\n", cases[i].name);
		CU_ASSERT(tells_the_foreign_one());
		CU_ASSERT_EQUAL(heap(), before);
		CU_ASSERT_EQUAL(count(&T, COUNTER_EVENTS_LOST), 0);
		talk_fini(&T);
	}
}

static void a_later_recipient_is_stopped(void)
{
	const char *got;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
		greet(&T);
		cases[i].before();
		mail_begins();
		got = say(&T, CLIENT, bad_rcpt);
		if (got && strncmp(got, "RCPT", 4) == 0)
			printf("not stopped: %s\n", cases[i].name);
		CU_ASSERT(!got || strncmp(got, "RCPT", 4) != 0);
		talk_fini(&T);
	}
}

SUITE("inspect endurance", { "a later recipient is told", a_later_recipient_is_told },
        { "a later recipient is stopped", a_later_recipient_is_stopped })
