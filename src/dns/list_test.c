/* list_test.c - see list_test.h.
 *
 * 127.0.0.2 must be on a list of IPv4 addresses and 127.0.0.1 must not; of IPv6 addresses it is the same two, mapped (RFC
 * 5782 sections 2.4 and 5). A list that has been given up often answers yes to everything or nothing to anything: both are
 * found here, before anybody is refused for it. A list without test entries for IPv6 has none of its addresses.
 *
 * Which codes a list may answer for its test entries is not asked: an operator may count others alone.
 *
 * Between tests: DEAD_AFTER questions in a row without an answer, or one answer that no list gives, end its use at once. Tests
 * of what is not in order come after RETRY_S, then at twice the distance each, up to that of a list in order.
 */
#include "dns/list_test.h"

#include <stdio.h>
#include <string.h>

enum { DEAD_AFTER = 8, RETRY_S = 10, DOUBLINGS_MAX = 6 };
enum { OCTET = 256 };

static const struct {
	bool six, listed;
	struct addr addr;
} entries[BLOCKLISTS_TESTS] = {
	{ false, true, { { [10] = 0xff, 0xff, 127, 0, 0, 2 } } },
	{ false, false, { { [10] = 0xff, 0xff, 127, 0, 0, 1 } } },
	{ true, true, { { [10] = 0xff, 0xff, 127, 0, 0, 2 } } },
	{ true, false, { { [10] = 0xff, 0xff, 127, 0, 0, 1 } } },
};

bool list_test_begin(struct list_test *t, uint64_t now_s)
{
	if (t->open > 0 || now_s < t->due_s)
		return false;
	t->open = BLOCKLISTS_TESTS;
	return true;
}

void list_test_name(unsigned entry, const char *zone, char out[DNS_NAME_MAX])
{
	listing_name(&entries[entry].addr, entries[entry].six, zone, out);
}

/* ---- judging ----------------------------------------------------------------------------------- */

/* From the best to the worst. */
enum result { RESULT_FINE, RESULT_ABSENT, RESULT_SILENT, RESULT_WORLD, RESULT_NONSENSE, RESULT_REFUSED };

static bool has_answer(const struct listing *l)
{
	return l->verdict == LISTING_YES || l->verdict == LISTING_OTHER;
}

static enum result entry_result(const struct listing *l, bool listed)
{
	switch (l->verdict) {
	case LISTING_REFUSED:
		return RESULT_REFUSED;
	case LISTING_NONSENSE:
		return RESULT_NONSENSE;
	case LISTING_UNANSWERED:
		return RESULT_SILENT;
	case LISTING_NO:
		return listed ? RESULT_ABSENT : RESULT_FINE;
	case LISTING_YES:
	case LISTING_OTHER:
	case LISTING_VERDICTS:
		break;
	}
	return listed ? RESULT_FINE : RESULT_WORLD;
}

/* The worst of the family's entries, and which it is. */
static enum result family_result(const struct list_test *t, bool six, unsigned *which)
{
	enum result worst = RESULT_FINE, result;

	*which = 0;
	for (unsigned i = 0; i < BLOCKLISTS_TESTS; i++) {
		if (entries[i].six != six)
			continue;
		result = entry_result(&t->entries[i], entries[i].listed);
		if (result >= worst) {
			worst = result;
			*which = i;
		}
	}
	return worst;
}

/* ---- words ------------------------------------------------------------------------------------- */

static const char *refusal(uint32_t code)
{
	static const struct {
		uint32_t octet;
		const char *words;
	} known[] = {
		{ 252, "the zone's name is misspelt" },
		{ 254, "it does not answer public DNS servers: name one of your own in dns.server" },
		{ 255, "too many questions: it wants to be paid, or asked through a key of your own" },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (code % OCTET == known[i].octet)
			return known[i].words;
	return "this DNS server, or you, may not ask it";
}

static void say_result(char why[DNS_WHY_MAX], enum result result, const struct listing *l, const char *about,
        const char *status)
{
	uint32_t c = l->codes[0];

	switch (result) {
	case RESULT_FINE:
		*why = '\0';
		break;
	case RESULT_ABSENT:
		snprintf(why, DNS_WHY_MAX,
		        "its test entry %s is not on it: it is empty, given up, or no list", about);
		break;
	case RESULT_SILENT:
		snprintf(why, DNS_WHY_MAX, "no answer (%s) about %s", status, about);
		break;
	case RESULT_WORLD:
		snprintf(why, DNS_WHY_MAX, "it LISTS THE WORLD: %s is on it, which must never be", about);
		break;
	case RESULT_NONSENSE:
		snprintf(why, DNS_WHY_MAX,
		        "it answers %u.%u.%u.%u about %s, which is no code of a list: the domain is somebody "
		        "else's now, or your DNS server rewrites \"no such name\"",
		        c >> 24, c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff, about);
		break;
	case RESULT_REFUSED:
		snprintf(why, DNS_WHY_MAX, "it REFUSES TO ANSWER (%u.%u.%u.%u): %s", c >> 24, c >> 16 & 0xff,
		        c >> 8 & 0xff, c & 0xff, refusal(c));
		break;
	}
}

static const char *const statuses[DNS_STATUS_COUNT] = { DNS_STATUS_NAMES };

/* ---- states ------------------------------------------------------------------------------------ */

struct standing {
	enum blocklist_state state;
	bool families[2];
	char why[DNS_WHY_MAX];
};

/* True: it is worth telling; why a list is dead changes from try to try. */
static bool set_standing(struct list_test *t, const struct standing *s)
{
	bool differs = t->state != s->state || memcmp(t->families, s->families, sizeof(t->families)) != 0 ||
	               (s->state == BLOCKLIST_BROKEN && strcmp(t->why, s->why) != 0);

	t->state = s->state;
	memcpy(t->families, s->families, sizeof(t->families));
	memcpy(t->why, s->why, sizeof(t->why));
	return differs;
}

static enum blocklist_state state_of(enum result four, enum result six)
{
	if (four == RESULT_FINE || six == RESULT_FINE)
		return BLOCKLIST_USED;
	return four == RESULT_SILENT || six == RESULT_SILENT ? BLOCKLIST_DEAD : BLOCKLIST_BROKEN;
}

static void retry_later(struct list_test *t, uint32_t every_s, uint64_t now_s)
{
	uint32_t wait_s = RETRY_S << (t->failures < DOUBLINGS_MAX ? t->failures : DOUBLINGS_MAX);

	t->failures++;
	t->due_s = now_s + (wait_s < every_s ? wait_s : every_s);
}

static bool end_test(struct list_test *t, uint32_t every_s, uint64_t now_s)
{
	static const char *const abouts[BLOCKLISTS_TESTS] = { "127.0.0.2", "127.0.0.1", "::ffff:127.0.0.2",
		"::ffff:127.0.0.1" };
	unsigned entry4, entry6, told;
	enum result four = family_result(t, false, &entry4), six = family_result(t, true, &entry6);
	struct standing s = { .state = state_of(four, six),
		.families = { four == RESULT_FINE, six == RESULT_FINE } };
	enum result worst = four;

	told = entry4;
	if (six > four && !(four == RESULT_FINE && six == RESULT_ABSENT)) { /* no IPv6 is no fault */
		worst = six;
		told = entry6;
	}
	/* a fault of one family is one that the other may have, too */
	if (worst >= RESULT_WORLD)
		s = (struct standing) { .state = BLOCKLIST_BROKEN };
	if (four == RESULT_ABSENT && six == RESULT_FINE)
		worst = RESULT_FINE; /* a list of IPv6 addresses */
	say_result(s.why, worst, &t->entries[told], abouts[told], statuses[t->status[told]]);
	t->tested_s = now_s;
	t->unanswered = 0;
	if (worst == RESULT_FINE) {
		t->failures = 0;
		t->due_s = now_s + every_s;
	} else {
		retry_later(t, every_s, now_s);
	}
	return set_standing(t, &s);
}

bool list_test_answer(
        struct list_test *t, unsigned entry, const struct dns_answer *a, uint32_t every_s, uint64_t now_s)
{
	const struct codes all = { .count = 0 };

	listing_read(a, &all, &t->entries[entry]);
	t->status[entry] = (uint8_t)a->status;
	return --t->open == 0 && end_test(t, every_s, now_s);
}

bool list_test_note(struct list_test *t, const struct listing *l, const struct dns_answer *a, uint64_t now_s)
{
	struct standing s = { .state = BLOCKLIST_BROKEN };
	enum result result = entry_result(l, has_answer(l));

	if (t->state != BLOCKLIST_USED)
		return false;
	t->unanswered = result == RESULT_SILENT ? t->unanswered + 1 : 0;
	if (result == RESULT_SILENT && t->unanswered < DEAD_AFTER)
		return false;
	if (result < RESULT_SILENT)
		return false;
	if (result == RESULT_SILENT)
		s.state = BLOCKLIST_DEAD;
	say_result(
	        s.why, result, l, result == RESULT_SILENT ? "any source" : "a source", statuses[a->status]);
	t->due_s = now_s + RETRY_S;
	return set_standing(t, &s);
}
