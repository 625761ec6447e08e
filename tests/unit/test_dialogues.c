/* test_dialogues.c - plays every tests/dialogues/NAME.smtp at many piece sizes.
 *
 * A dialogue is a text file, one step a line:
 *
 *   # comment
 *   S: 220 mx.example.org ESMTP      server bytes, CRLF is added; C: the same for the client
 *   C+ RCPT TO:<a\x00                bytes without CRLF; escapes \r \n \t \\ \xNN in both kinds
 *   C*300 NOOP                       the line 300 times; C*300+ without CRLF
 *   = reply NOOP 250 ok              a fact that the steps before it must have told, in order
 *   ? certain body                   what dialogue_is_...() must say now (see state_text)
 *   ! midstream | pool N | refuse TEXT | defer | gap client N | gap server N | unheard
 *   ! end closed | end lost
 *
 * `refuse TEXT` calls dialogue_refuse() for every recipient whose path contains TEXT. Neighbouring
 * lines of one side are one piece, cut into pieces of each size in `cuts`; each piece ends at an
 * unreadable page. Facts must be the same for each cut. Beside what the files expect, each recipient's
 * offsets are checked against the bytes, and at the end every command must be back in the pool.
 *
 * DIALOGUES names another folder than tests/dialogues; DIALOGUES_SHOW=1 prints each file with the
 * facts that were told in place of those expected.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "guard.h"
#include "smtp/dialogue.h"
#include "smtp/header.h"
#include "suite.h"

enum { TEXT_ROOM = 1 << 20, STEPS_MAX = 512, LINE_ROOM = 1 << 16 };

enum step_kind { STEP_COMMENT, STEP_BYTES, STEP_EXPECT, STEP_STATE, STEP_ORDER };

struct step {
	enum step_kind kind;
	enum smtp_side side;
	char *line; /* as in the file */
	char *text; /* what it means */
	size_t len;
	bool joined; /* belongs to the bytes of the step before */
};

struct script {
	char name[256];
	struct step steps[STEPS_MAX];
	unsigned count;
};

struct play {
	struct slab *pool;
	struct dialogue *d;
	const char *refuse;
	uint8_t *client; /* all client bytes so far */
	uint64_t client_len, client_lost;
	char *told; /* facts as text, a line each */
	size_t told_len, read_len;
	char mask[1024]; /* masked bytes not told yet */
	size_t mask_len;
	char defer[64]; /* letters to be replaced, told and not printed yet */
	size_t defer_len;
	uint64_t now_us;
};

/* Sizes of the pieces, used in turn; 0 = all that is left. */
static const unsigned cuts[][2] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 5, 5 }, { 7, 7 }, { 13, 13 },
	{ 64, 64 }, { 1, 64 }, { 1, 0 } };

/* ---- reading a script ------------------------------------------------------------------------------ */

static size_t unescape(const char *from, char *to)
{
	char *start = to;
	unsigned byte;

	for (; *from; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		from++;
		if (*from == 'x' && sscanf(from + 1, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			from += 2;
		} else {
			*to++ = *from == 'r' ? '\r' : *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
		}
	}
	return (size_t)(to - start);
}

static void add_bytes(struct step *step, const char *line)
{
	static char once[LINE_ROOM];
	unsigned long times = 1, i;
	const char *text = line + 2;
	char *end;
	bool whole = line[1] != '+';
	size_t n;

	step->kind = STEP_BYTES;
	step->side = line[0] == 'C' ? SMTP_CLIENT : SMTP_SERVER;
	if (line[1] == '*') {
		times = strtoul(text, &end, 10);
		whole = *end != '+';
		text = end + !whole;
	}
	if (*text == ' ')
		text++;
	n = unescape(text, once);
	if (whole) {
		memcpy(once + n, "\r\n", 2);
		n += 2;
	}
	step->len = n * times;
	step->text = malloc(step->len + 1);
	for (i = 0; i < times; i++)
		memcpy(step->text + i * n, once, n);
}

static bool read_script(const char *folder, const char *name, struct script *script)
{
	static char line[LINE_ROOM];
	char path[512];
	FILE *file;

	snprintf(script->name, sizeof(script->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	script->count = 0;
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file) && script->count < STEPS_MAX) {
		struct step *step = &script->steps[script->count];
		struct step *before = script->count ? step - 1 : NULL;

		line[strcspn(line, "\n")] = '\0';
		memset(step, 0, sizeof(*step));
		step->line = strdup(line);
		if ((line[0] == 'C' || line[0] == 'S') && strchr(":+*", line[1])) {
			add_bytes(step, line);
			step->joined = before && before->kind == STEP_BYTES && before->side == step->side;
		} else if (line[0] != '#' && line[0] != '\0') {
			step->kind = line[0] == '=' ? STEP_EXPECT : line[0] == '?' ? STEP_STATE : STEP_ORDER;
			step->text = strdup(line[1] == ' ' ? line + 2 : line + 1);
		}
		script->count++;
	}
	fclose(file);
	return script->count < STEPS_MAX;
}

static void free_script(struct script *script)
{
	unsigned i;

	for (i = 0; i < script->count; i++) {
		free(script->steps[i].line);
		free(script->steps[i].text);
	}
}

/* ---- facts as text ----------------------------------------------------------------------------------- */

static void tell(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct play *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->told_len += (size_t)vsnprintf(p->told + p->told_len, TEXT_ROOM - p->told_len, format, args);
	va_end(args);
	if (p->told_len >= TEXT_ROOM)
		abort();
}

static void tell_bytes(struct play *p, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)bytes[i];

		if (byte < ' ' || byte >= 0x7f)
			tell(p, "\\x%02x", byte);
		else
			tell(p, "%c", byte);
	}
}

static void flush_defer(struct play *p)
{
	if (p->defer_len > 0)
		tell(p, "defer %.*s\n", (int)p->defer_len, p->defer);
	p->defer_len = 0;
}

/* Letters may come one by one. */
static void tell_defer(struct play *p, const struct smtp_fact *fact, const uint8_t *piece)
{
	if (fact->len == 0) {
		flush_defer(p);
		tell(p, "defer too late\n");
		return;
	}
	if (fact->text[0] == 'R')
		flush_defer(p);
	memcpy(p->defer + p->defer_len, piece + fact->at, fact->len);
	p->defer_len += fact->len;
}

static void flush_mask(struct play *p)
{
	if (p->mask_len == 0)
		return;
	tell(p, "mask ");
	tell_bytes(p, p->mask, p->mask_len);
	tell(p, "\n");
	p->mask_len = 0;
}

static void tell_command(struct play *p, const struct smtp_command *c)
{
	if (c->path.len > 40)
		tell(p, " %u-bytes%s", c->path.len, c->path.cut ? "-cut" : "");
	else if (c->path.len > 0) {
		tell(p, " ");
		tell_bytes(p, c->path.bytes, c->path.len);
	}
}

static void tell_reply(struct play *p, const struct smtp_fact *fact)
{
	const struct smtp_command *c = fact->command;

	tell(p, "reply %s", c ? smtp_verb_name((enum smtp_verb)c->verb) : "nobody");
	if (c) {
		tell_command(p, c);
		if (c->verb == SMTP_VERB_RCPT)
			tell(p, " #%u", c->rcpt_index);
		if (fact->tx_id)
			tell(p, " tx%u", fact->tx_id);
		if (c->verb == SMTP_VERB_BODY || c->verb == SMTP_VERB_BDAT)
			tell(p, " size=%llu", (unsigned long long)c->size_bytes);
		CU_ASSERT(fact->tx_id == c->tx_id);
		CU_ASSERT(fact->reply.sent_us == c->sent_us);
		tell(p, "%s%s", c->pipelined ? " pipelined" : "", c->judgement.refused ? " refused" : "");
	}
	tell(p, "%s%s: %u", fact->final_data ? " final" : "", fact->starttls_offered ? " starttls" : "",
	        fact->reply.code);
	if (fact->reply.lines > 1)
		tell(p, " (%u lines)", fact->reply.lines);
	if (fact->reply.text.len > 0) {
		tell(p, " ");
		tell_bytes(p, fact->reply.text.bytes, fact->reply.text.len > 60 ? 60 : fact->reply.text.len);
		if (fact->reply.text.len > 60)
			tell(p, "...%u%s", fact->reply.text.len, fact->reply.text.cut ? "-cut" : "");
	}
	tell(p, "\n");
}

/* What is held of the client's bytes must be what the offsets say. */
static void check_offsets(const struct play *p, const struct smtp_fact *fact)
{
	const uint8_t *path_end = p->client + fact->path_end_offset - p->client_lost;

	if (p->client_lost || fact->path_len > 2000)
		return;
	CU_ASSERT((p->client[fact->verb_offset] | 32) == 'r');
	CU_ASSERT((p->client[fact->verb_offset + 3] | 32) == 't');
	CU_ASSERT(path_end[1] == '>' || path_end[1] == '\r' || path_end[1] == '\n');
	if (path_end[1] == '>')
		CU_ASSERT(memcmp(path_end + 2 - fact->path_len, fact->path, fact->path_len) == 0);
}

static void tell_recipient(struct play *p, const struct smtp_fact *fact)
{
	tell(p, "recipient ");
	if (fact->path_len > 60)
		tell(p, "%u-bytes", fact->path_len);
	else
		tell_bytes(p, fact->path, fact->path_len);
	if (fact->command->tx_id)
		tell(p, " tx%u", fact->command->tx_id);
	tell(p, "%s\n", fact->late ? " late" : "");
	check_offsets(p, fact);
	CU_ASSERT(fact->command->verb == SMTP_VERB_RCPT);
	if (p->refuse && memmem(fact->path, fact->path_len, p->refuse, strlen(p->refuse)))
		dialogue_refuse(p->d, fact->command);
}

static void tell_mask(struct play *p, const struct smtp_fact *fact, const uint8_t *piece)
{
	if (fact->line_at == 0)
		flush_mask(p);
	while (p->mask_len < fact->line_at && p->mask_len < sizeof(p->mask))
		p->mask[p->mask_len++] = '_'; /* left as it was */
	CU_ASSERT(p->mask_len == fact->line_at);
	if (p->mask_len + fact->len > sizeof(p->mask))
		abort();
	memcpy(p->mask + p->mask_len, piece + fact->at, fact->len);
	p->mask_len += fact->len;
}

static void tell_eod(struct play *p, const struct smtp_fact *fact)
{
	static const char *const names[] = {
#define X(name, text) text,
		EVENT_EODS(X)
#undef X
	};
	const struct event_eod *eod = &fact->eod;

	tell(p, "eod %s ", names[eod->what]);
	tell_bytes(p, eod->bytes.bytes, eod->bytes.len);
	tell(p, "%s @%llu", eod->bytes.cut ? "..." : "", (unsigned long long)eod->offset);
	if (fact->tx_id)
		tell(p, " tx%u", fact->tx_id);
	if (eod->count > 1)
		tell(p, " of %u", eod->count);
	if (eod->hides)
		tell(p, " hides %s @%llu", eod->verb, (unsigned long long)eod->verb_offset);
	tell(p, "%s\n", fact->late ? " late" : "");
	if (p->client_lost == 0) {
		CU_ASSERT(eod->bytes.cut ||
		          memcmp(p->client + eod->offset, eod->bytes.bytes, eod->bytes.len) == 0);
		CU_ASSERT(!eod->hides || strncasecmp((char *)p->client + eod->verb_offset, eod->verb,
		                                 strlen(eod->verb)) == 0);
	}
}

static void tell_fact(struct play *p, const struct smtp_fact *fact, const uint8_t *piece)
{
	static const char *const ends[] = { EVENT_END_NAMES };
	static const char *const oddities[] = {
#define X(name, text) text,
		EVENT_ODDITIES(X)
#undef X
	};

	if (fact->kind == SMTP_FACT_NONE)
		return;
	if (fact->kind == SMTP_FACT_MASK) {
		tell_mask(p, fact, piece);
		return;
	}
	flush_mask(p);
	if (fact->kind == SMTP_FACT_DEFER) {
		tell_defer(p, fact, piece);
		return;
	}
	flush_defer(p);
	if (fact->kind == SMTP_FACT_RECIPIENT)
		tell_recipient(p, fact);
	else if (fact->kind == SMTP_FACT_REPLY)
		tell_reply(p, fact);
	else if (fact->kind == SMTP_FACT_TX_END)
		tell(p, "end tx%u %s\n", fact->tx_id, ends[fact->end]);
	else if (fact->kind == SMTP_FACT_TLS)
		tell(p, "tls %04x%s sni=%.*s\n", fact->tls.version, fact->tls.implicit ? " implicit" : "",
		        (int)fact->tls.sni.len, fact->tls.sni.bytes);
	else if (fact->kind == SMTP_FACT_ODD) {
		tell(p, "odd %s %s @%llu ", fact->odd.side ? "server" : "client", oddities[fact->odd.what],
		        (unsigned long long)fact->odd.offset);
		tell_bytes(p, fact->odd.bytes.bytes, fact->odd.bytes.len);
		if (fact->odd.unexplained)
			tell(p, " unexplained %u", fact->odd.unexplained);
		tell(p, "\n");
	} else if (fact->kind == SMTP_FACT_EOD) {
		tell_eod(p, fact);
	}
}

static void state_text(const struct play *p, char *text, size_t room)
{
	const struct event_path *id = &dialogue_header(p->d)->message_id;
	uint32_t user_len;
	bool cut;
	const char *user = dialogue_user(p->d, &user_len, &cut);

	snprintf(text, room, "%s%s%s%s%s%s%.*s%s%.*s", dialogue_is_certain(p->d) ? "certain" : "uncertain",
	        dialogue_in_body(p->d) ? " body" : "", dialogue_awaits_end_reply(p->d) ? " awaits" : "",
	        dialogue_is_authenticated(p->d) ? " auth" : "", dialogue_is_tls(p->d) ? " tls" : "",
	        id->len ? " mid=" : "", (int)id->len, id->bytes, user_len ? " user=" : "", (int)user_len,
	        user);
}

/* ---- playing -------------------------------------------------------------------------------------------- */

static void push_piece(struct play *p, enum smtp_side side, const uint8_t *bytes, uint32_t len)
{
	uint8_t *copy = guard_copy(bytes, len);
	enum smtp_fact_kind kind;
	struct smtp_fact fact;
	uint32_t at = 0, used;

	p->now_us = 1000;
	if (side == SMTP_CLIENT) {
		p->client = realloc(p->client, p->client_len + len + 1);
		memcpy(p->client + p->client_len, bytes, len);
		p->client_len += len;
	}
	do {
		kind = dialogue_push(p->d, side, copy + at, len - at, p->now_us, &used, &fact);
		CU_ASSERT(kind == fact.kind);
		tell_fact(p, &fact, copy + at);
		at += used;
	} while (kind != SMTP_FACT_NONE);
	CU_ASSERT(at == len);
	guard_free(copy, len);
}

static void play_bytes(struct play *p, const struct script *script, unsigned *step, const unsigned cut[2])
{
	const struct step *first = &script->steps[*step];
	uint8_t *all = NULL;
	size_t len = 0, at, n;
	unsigned turn = 0;

	do {
		const struct step *s = &script->steps[*step];

		all = realloc(all, len + s->len + 1);
		memcpy(all + len, s->text, s->len);
		len += s->len;
	} while (++*step < script->count && script->steps[*step].joined);
	for (at = 0; at < len; at += n) {
		n = cut[turn++ % 2];
		if (n == 0 || n > len - at)
			n = len - at;
		push_piece(p, first->side, all + at, (uint32_t)n);
	}
	free(all);
}

static void play_end(struct play *p, enum event_end end)
{
	struct smtp_fact fact;

	while (dialogue_end(p->d, end, p->now_us, &fact) != SMTP_FACT_NONE)
		tell_fact(p, &fact, NULL);
}

static void play_order(struct play *p, const char *order)
{
	unsigned n;

	if (strcmp(order, "midstream") == 0) {
		dialogue_fini(p->d);
		dialogue_init(p->d, p->pool, true);
	} else if (sscanf(order, "pool %u", &n) == 1) {
		dialogue_fini(p->d);
		slab_free(p->pool);
		p->pool = smtp_pool_new(n);
		dialogue_init(p->d, p->pool, false);
	} else if (strncmp(order, "refuse ", 7) == 0) {
		p->refuse = order + 7;
	} else if (strcmp(order, "defer") == 0) {
		dialogue_defer(p->d);
	} else if (strcmp(order, "unheard") == 0) {
		dialogue_unheard(p->d);
	} else if (sscanf(order, "gap client %u", &n) == 1) {
		dialogue_gap(p->d, SMTP_CLIENT, n);
		p->client_lost += n;
	} else if (sscanf(order, "gap server %u", &n) == 1) {
		dialogue_gap(p->d, SMTP_SERVER, n);
	} else if (strcmp(order, "end closed") == 0) {
		play_end(p, END_CLOSED);
	} else if (strcmp(order, "end lost") == 0) {
		play_end(p, END_LOST);
	} else {
		printf("what is \"%s\"?\n", order);
		CU_FAIL("unknown order in a dialogue");
	}
}

/* The next line told, or what will never be expected. */
static const char *next_told(struct play *p, char *line, size_t room)
{
	const char *from = p->told + p->read_len;
	size_t len = strcspn(from, "\n");

	if (p->read_len >= p->told_len)
		return "(nothing)";
	snprintf(line, room, "%.*s", (int)len, from);
	if (len > 0 && len < room && line[len - 1] == ' ')
		line[len - 1] = '\0';
	p->read_len += len + 1;
	return line;
}

static bool expect(const struct script *script, const char *wanted, const char *got, const unsigned cut[2])
{
	if (strcmp(wanted, got) == 0)
		return true;
	printf("\n%s, pieces of %u/%u:\n  wanted %s\n  got    %s\n", script->name, cut[0], cut[1], wanted,
	        got);
	return false;
}

/* Plays the whole; false at the first thing that is not as expected. */
static bool play_script(const struct script *script, const unsigned cut[2])
{
	struct play p = { .pool = smtp_pool_new(4096) };
	char line[2048];
	unsigned step = 0;
	bool good = true;

	p.told = calloc(1, TEXT_ROOM);
	p.d = aligned_alloc(16, (dialogue_size() + 15) & ~15u);
	memset(p.d, 0xa5, dialogue_size());
	dialogue_init(p.d, p.pool, false);
	while (good && step < script->count) {
		const struct step *s = &script->steps[step];

		if (s->kind == STEP_BYTES) {
			play_bytes(&p, script, &step, cut);
			continue;
		}
		flush_mask(&p);
		flush_defer(&p);
		if (s->kind == STEP_COMMENT) {
			;
		} else if (s->kind == STEP_EXPECT) {
			good = expect(script, s->text, next_told(&p, line, sizeof(line)), cut);
		} else {
			good = expect(script, "(nothing)", next_told(&p, line, sizeof(line)), cut);
			if (s->kind == STEP_ORDER)
				play_order(&p, s->text);
			else
				state_text(&p, line, sizeof(line));
			good = good && (s->kind == STEP_ORDER || expect(script, s->text, line, cut));
		}
		step++;
	}
	good = good && expect(script, "(nothing)", next_told(&p, line, sizeof(line)), cut);
	dialogue_fini(p.d);
	CU_ASSERT(slab_used(p.pool) == 0);
	slab_free(p.pool);
	free(p.d);
	free(p.told);
	free(p.client);
	return good;
}

/* Prints the script with the facts as they are told now. */
static void show_script(const struct script *script)
{
	struct play p = { .pool = smtp_pool_new(4096) };
	char line[2048];
	unsigned step = 0;

	p.told = calloc(1, TEXT_ROOM);
	p.d = aligned_alloc(16, (dialogue_size() + 15) & ~15u);
	dialogue_init(p.d, p.pool, false);
	printf("---- %s\n", script->name);
	while (step < script->count) {
		const struct step *s = &script->steps[step];

		if (s->kind == STEP_BYTES) {
			play_bytes(&p, script, &step, cuts[0]);
			for (; s < &script->steps[step]; s++)
				printf("%s\n", s->line);
		} else {
			state_text(&p, line, sizeof(line));
			if (s->kind == STEP_STATE)
				printf("? %s\n", line);
			else if (s->kind != STEP_EXPECT)
				printf("%s\n", s->line);
			if (s->kind == STEP_ORDER)
				play_order(&p, s->text);
			step++;
		}
		flush_mask(&p);
		while (p.read_len < p.told_len)
			printf("= %s\n", next_told(&p, line, sizeof(line)));
	}
	dialogue_fini(p.d);
	slab_free(p.pool);
	free(p.d);
	free(p.told);
	free(p.client);
}

static int is_dialogue(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && strcmp(entry->d_name + len - 5, ".smtp") == 0;
}

static void plays_all_dialogues(void)
{
	const char *folder = getenv("DIALOGUES") ? getenv("DIALOGUES") : "tests/dialogues";
	static struct script script;
	struct dirent **names;
	int count = scandir(folder, &names, is_dialogue, alphasort), i;
	unsigned c;

	CU_ASSERT(count > 0);
	for (i = 0; i < count; i++) {
		CU_ASSERT(read_script(folder, names[i]->d_name, &script));
		if (getenv("DIALOGUES_SHOW"))
			show_script(&script);
		for (c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
			bool good = play_script(&script, cuts[c]);

			CU_ASSERT(good);
			if (!good)
				break;
		}
		free_script(&script);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

SUITE("dialogues", { "every dialogue, at every cut", plays_all_dialogues })
