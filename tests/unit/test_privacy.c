/* test_privacy.c - local parts leave events, and nothing else does. "#" stands for a hash in what is wanted. */
#include <stdlib.h>
#include <string.h>

#include "report/privacy.h"
#include "suite.h"

static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };

/* Every hash becomes "#". */
static void shorten(char *text)
{
	char *p;

	while ((p = strstr(text, "hash-"))) {
		CU_ASSERT_EQUAL(strspn(p + 5, "0123456789abcdef"), 16);
		*p = '#';
		memmove(p + 1, p + 21, strlen(p + 21) + 1);
	}
}

static void hides(const char *in, bool is_path, const char *known, const char *wanted)
{
	const struct privacy_text text = { in, strlen(in), is_path, known, known ? strlen(known) : 0, false };
	char out[2048], again[2048];
	struct privacy_text second = { out, 0, is_path, NULL, 0, false };
	bool cut;

	second.len = privacy_hide_text(key, &text, out, sizeof(out) - 1, &cut);
	out[second.len] = '\0';
	CU_ASSERT_FALSE(cut);
	again[privacy_hide_text(key, &second, again, sizeof(again) - 1, &cut)] = '\0';
	CU_ASSERT_STRING_EQUAL(out, again); /* what is hidden stays as it is */
	shorten(out);
	if (strcmp(out, wanted) != 0)
		fprintf(stderr, "in:     %s\ngot:    %s\nwanted: %s\n", in, out, wanted);
	CU_ASSERT_STRING_EQUAL(out, wanted);
}

static void paths_keep_their_domain(void)
{
	hides("<john@example.org>", true, NULL, "<#@example.org>");
	hides("<>", true, NULL, "<>");
	hides("<postmaster>", true, NULL, "<postmaster>");
	hides("<PostMaster@example.org>", true, NULL, "<PostMaster@example.org>");
	hides("<john>", true, NULL, "<#>");
	hides("john", true, NULL, "#");
	hides("<john.doe+list@[192.0.2.1]>", true, NULL, "<#@[192.0.2.1]>");
	hides("<john@[IPv6:2001:db8::1]>", true, NULL, "<#@[IPv6:2001:db8::1]>");
	hides("<\"john doe\"@example.org>", true, NULL, "<\"#\"@example.org>");
	hides("<\"john\\\"@doe\"@example.org>", true, NULL, "<\"#@doe\"@example.org>");
	hides("<j\xc3\xbcrgen@b\xc3\xbc"
	      "cher.example>",
	        true, NULL,
	        "<#@b\xc3\xbc"
	        "cher.example>");
	hides("<bounce+john=example.com@list.example>", true, NULL, "<#@list.example>");
	hides("john@example.org", true, NULL, "#@example.org");
}

/* By what relaying is judged. */
static void routes_stay(void)
{
	hides("<u%foreign.test@example.org>", true, NULL, "<#%foreign.test@example.org>");
	hides("<john%doe@example.org>", true, NULL, "<#@example.org>");
	hides("<foreign.test!u@example.org>", true, NULL, "<foreign.test!#@example.org>");
	hides("<@a.test,@b.test:u@c.test>", true, NULL, "<@a.test,@b.test:#@c.test>");
	hides("<u@foreign.test@example.org>", true, NULL, "<#@foreign.test@example.org>");
	hides("<john@doe@example.org>", true, NULL, "<#@#@example.org>");
	hides("<\"u@foreign.test\"@example.org>", true, NULL, "<\"#@foreign.test\"@example.org>");
}

static void texts_lose_addresses_alone(void)
{
	hides("5.1.1 <john@example.org>: Recipient address rejected: User unknown", false, NULL,
	        "5.1.1 <#@example.org>: Recipient address rejected: User unknown");
	hides("5.1.1 <john>... User unknown", false, NULL, "5.1.1 <#>... User unknown");
	hides("5.1.1 john... User unknown in example.org", false, "john",
	        "5.1.1 #... User unknown in example.org");
	hides("5.1.1 johnny is not john, Sir", false, "john", "5.1.1 johnny is not #, Sir");
	hides("2.0.0 Ok: queued as ED792A987C9", false, "ok", "2.0.0 #: queued as ED792A987C9");
	hides("<mail.example.org>: Helo command rejected", false, NULL,
	        "<mail.example.org>: Helo command rejected");
	hides("<unknown[192.0.2.1]>: Client host rejected", false, NULL,
	        "<unknown[192.0.2.1]>: Client host rejected");
	hides("blocked, see http://bl.example/?ip=192.0.2.1", false, NULL,
	        "blocked, see http://bl.example/?ip=192.0.2.1");
	hides("VRFY john", false, NULL, "VRFY #");
	hides("rcpt to:john", false, NULL, "rcpt to:#");
	hides("MAIL FROM:<john@a.test>\r\nRCPT TO:<jane@b.test>\r\n", false, NULL,
	        "MAIL FROM:<#@a.test>\r\nRCPT TO:<#@b.test>\r\n");
	hides("4.7.1 Try again", false, "", "4.7.1 Try again");
	hides("<joh", false, NULL, "<#"); /* cut off */
	hides("5.7.1 Please see http://spf.example/Why?s=mfrom;id=john%40example.org;ip=192.0.2.1", false,
	        NULL, "5.7.1 Please see http://spf.example/Why?s=mfrom;id=#%40example.org;ip=192.0.2.1");
	hides("http://a.test/john%40example.org/jane%40example.com", false, NULL,
	        "http://a.test/#%40example.org/#%40example.com");
	hides("%40 is an @", false, NULL, "%40 is an @");
}

static void hash_of(const uint8_t with[HASH_KEY_BYTES], const char *path, char out[64])
{
	const struct privacy_text text = { path, strlen(path), true, NULL, 0, false };
	bool cut;

	out[privacy_hide_text(with, &text, out, 63, &cut)] = '\0';
}

static void a_hash_is_stable_and_keyed(void)
{
	static const uint8_t other[HASH_KEY_BYTES] = { 1, 2, 4 };
	char a[64], b[64];

	hash_of(key, "<john@a.test>", a);
	hash_of(key, "<John@a.test>", b);
	CU_ASSERT_STRING_EQUAL(a, b);
	hash_of(key, "<johm@a.test>", b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	hash_of(other, "<john@a.test>", b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	CU_ASSERT_PTR_NULL(strstr(a, "john"));
}

static void set_path(struct event_path *p, const char *text)
{
	p->len = (uint16_t)strlen(text);
	memcpy(p->bytes, text, p->len);
}

static void set_text(struct event_text *t, const char *text)
{
	t->len = (uint16_t)strlen(text);
	memcpy(t->bytes, text, t->len);
}

/* Whatever an event's kind, no byte of it tells the name. */
static bool tells(const struct event *e)
{
	return memmem(e, sizeof(*e), "john", 4) != NULL;
}

static void events_tell_no_name(void)
{
	static const uint8_t kinds[] = { EVENT_GREETING, EVENT_AUTH, EVENT_MAIL, EVENT_RCPT, EVENT_DATA,
		EVENT_COMMAND, EVENT_ODD, EVENT_EOD, EVENT_LEAK, EVENT_LISTED, EVENT_HELO };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct event e = { .kind = kinds[i] };
		struct event_text *texts[EVENT_KIND_COUNT] = {
			[EVENT_GREETING] = &e.u.reply.text,
			[EVENT_HELO] = &e.u.helo.reply.text,
			[EVENT_AUTH] = &e.u.auth.reply.text,
			[EVENT_MAIL] = &e.u.mail.reply.text,
			[EVENT_RCPT] = &e.u.rcpt.reply.text,
			[EVENT_DATA] = &e.u.data.reply.text,
			[EVENT_COMMAND] = &e.u.command.reply.text,
			[EVENT_ODD] = &e.u.odd.bytes,
			[EVENT_EOD] = &e.u.eod.bytes,
			[EVENT_LEAK] = &e.u.leak.bytes,
			[EVENT_LISTED] = &e.u.listed.reason,
		};
		struct event_path *paths[EVENT_KIND_COUNT] = {
			[EVENT_AUTH] = &e.u.auth.user,
			[EVENT_MAIL] = &e.u.mail.path,
			[EVENT_RCPT] = &e.u.rcpt.path,
			[EVENT_DATA] = &e.u.data.message_id,
			[EVENT_HELO] = &e.u.helo.name,
		};

		set_text(texts[e.kind], "no <john@example.org> here");
		if (paths[e.kind])
			set_path(paths[e.kind], "<john@example.org>");
		CU_ASSERT(tells(&e));
		privacy_hide(key, &e);
		CU_ASSERT_FALSE(tells(&e));
		CU_ASSERT_EQUAL(texts[e.kind]->len, strlen("no <@example.org> here") + 21);
	}
}

/* What ends in the middle of a path ends in a name. */
static void half_paths_are_names(void)
{
	static const struct {
		uint8_t kind, cut;
		const char *text, *left;
	} cases[] = {
		{ EVENT_RCPT, 1, "5.1.1 <john.doe", "5.1.1 <#" },
		{ EVENT_RCPT, 1, "5.1.1 no mailbox john.d", "5.1.1 no mailbox #" },
		{ EVENT_RCPT, 0, "5.1.1 no such host mail.example.org",
		        "5.1.1 no such host mail.example.org" },
		{ EVENT_RCPT, 0, "see RCPT TO:<john.doe", "see RCPT TO:<#" },
		{ EVENT_ODD, 0, "MAIL FROM:<john.doe", "MAIL FROM:<#" },
		{ EVENT_ODD, 0, "RCPT TO:<jane@example.org>\nRCPT TO:<@relay.test:john@a.test>\njohn.d",
		        "RCPT TO:<#@example.org>\nRCPT TO:<@relay.test:#@a.test>\n#" },
		{ EVENT_ODD, 0, "QUIT", "QUIT" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event e = { .kind = cases[i].kind };
		struct event_text *t = e.kind == EVENT_ODD ? &e.u.odd.bytes : &e.u.rcpt.reply.text;
		char text[sizeof(t->bytes) + 1];

		set_text(t, cases[i].text);
		t->cut = cases[i].cut;
		privacy_hide(key, &e);
		memcpy(text, t->bytes, t->len);
		text[t->len] = '\0';
		shorten(text);
		CU_ASSERT_STRING_EQUAL(text, cases[i].left);
	}
}

/* Who asks for a bare name gets all that the server knows of him; what is left is the status. */
static void answers_about_names_are_cut(void)
{
	static const struct {
		const char *verb, *text, *left;
	} cases[] = {
		{ "VRFY", "2.1.5 John Doe <john@example.org>", "2.1.5" },
		{ "VRFY", "2.0.0 john", "2.0.0" },
		{ "VRFY", "john... User unknown", "" },
		{ "EXPN", "<john@example.org>", "" },
		{ "EXPN", "192.0.2.1 john", "" },
		{ "?", "5.5.1 Command unrecognized: \"am9obg== john\"", "5.5.1" },
		{ "NOOP", "2.0.0 john", "2.0.0 john" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event e = { .kind = EVENT_COMMAND };

		strcpy(e.u.command.verb, cases[i].verb);
		set_text(&e.u.command.reply.text, cases[i].text);
		privacy_hide(key, &e);
		CU_ASSERT_EQUAL(e.u.command.reply.text.len, strlen(cases[i].left));
		CU_ASSERT_EQUAL(
		        memcmp(e.u.command.reply.text.bytes, cases[i].left, strlen(cases[i].left)), 0);
		CU_ASSERT_EQUAL(e.u.command.reply.text.cut, strcmp(cases[i].text, cases[i].left) != 0);
		CU_ASSERT_EQUAL(tells(&e), strcmp(cases[i].verb, "NOOP") == 0);
	}
}

/* Whoever asks for a mailbox writes it in clear. */
static void a_mailbox_is_known_by_its_hash(void)
{
	static const char *const paths[] = { "<john@example.org>", "<JOHN@example.org>",
		"<john%example.org@gw.test>", "<example.org!john@gw.test>", "john@example.org",
		"http://a.test/?id=john%40example.org" };
	struct mention m;

	CU_ASSERT_EQUAL_FATAL(mention_parse("john@example.org", &m), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct privacy_text text = { paths[i], strlen(paths[i]), i < 5, NULL, 0, false };
		struct mention clear = m, both = m;
		char out[128];
		bool cut;
		size_t len = privacy_hide_text(key, &text, out, sizeof(out), &cut);

		privacy_mention(key, &both);
		CU_ASSERT_FALSE(mention_in(&clear, out, len));
		CU_ASSERT(mention_in(&both, out, len));
		CU_ASSERT(mention_in(&both, paths[i], strlen(paths[i])));
		privacy_mention(key, &both); /* twice does no harm */
		CU_ASSERT(both.count <= MENTION_SPELLINGS_MAX);
	}
}

/* A field that is too small for the hash is cut, and says so. */
static void full_fields_are_cut(void)
{
	struct event e = { .kind = EVENT_RCPT };
	struct event_path *p = &e.u.rcpt.path;

	p->len = sizeof(p->bytes);
	memset(p->bytes, 'd', sizeof(p->bytes));
	memcpy(p->bytes, "<j@", 3);
	privacy_hide(key, &e);
	CU_ASSERT_EQUAL(p->len, sizeof(p->bytes));
	CU_ASSERT_EQUAL(p->cut, 1);
}

/* Any bytes: within the room, and hidden once is hidden for good. */
static void any_bytes_are_bounded(void)
{
	static const char alphabet[] = "<>@@@\"\\xxyy:,[]() \n";

	srand(7);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % 60, room = (size_t)rand() % 200, got;
		char *in = malloc(len + 1), *out = malloc(room + 1);
		struct privacy_text text = { in, len, rand() % 2, NULL, 0, rand() % 2 };
		bool cut;

		for (size_t i = 0; i < len; i++)
			in[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		got = privacy_hide_text(key, &text, out, room, &cut);
		CU_ASSERT(got <= room);
		if (!cut && memmem(out, got, "x@", 2))
			fprintf(stderr, "%.*s -> %.*s\n", (int)len, in, (int)got, out);
		CU_ASSERT(cut || !memmem(out, got, "x@", 2));
		free(in);
		free(out);
	}
}

SUITE("privacy", { "paths keep their domain", paths_keep_their_domain }, { "routes stay", routes_stay },
        { "texts lose addresses alone", texts_lose_addresses_alone },
        { "a hash is stable and keyed", a_hash_is_stable_and_keyed },
        { "events tell no name", events_tell_no_name },
        { "answers about names are cut", answers_about_names_are_cut },
        { "half paths are names", half_paths_are_names },
        { "a mailbox is known by its hash", a_mailbox_is_known_by_its_hash },
        { "full fields are cut", full_fields_are_cut }, { "any bytes are bounded", any_bytes_are_bounded })
