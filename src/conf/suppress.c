/* suppress.c - the `suppress` blocks: findings that the operator knows and wants to hear nothing of.
 *
 * A time is RFC 3339's (section 5.6), the zone included, or a day, which ends with it in UTC: nobody has to ask which midnight
 * the machine is in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "conf/build.h"
#include "conf/hints.h"
#include "postern/kind.h"

void suppress_open(struct build *b, struct block *block)
{
	struct suppressions *all = &b->suppressions;
	struct suppression *s = &all->list[all->count];

	if (all->count == SUPPRESS_MAX) {
		build_error(b, &block->at, "more than %d suppress blocks; join some", SUPPRESS_MAX);
		return;
	}
	snprintf(s->name, sizeof(s->name), "%s", block->title);
	s->until_us = UINT64_MAX;
	block->suppress = (int)all->count++;
}

/* NULL: nobody will look at it, there is an error in its title. */
static struct suppression *suppression_of(struct build *b, const struct block *block)
{
	return block->suppress < 0 ? NULL : &b->suppressions.list[block->suppress];
}

void suppress_rule(struct build *b, struct block *block, const struct entry *e)
{
	const struct finding_kind *kind = finding_kind_read(e->text);
	struct suppression *s = suppression_of(b, block);
	const char *best;

	block->suppress_rules = true;
	if (strcmp(e->text, "all") == 0) {
		block->suppress_all = true;
		return;
	}
	if (!kind) {
		best = nearest_rule(e->text);
		build_error(b, &e->at, "\"%s\" is no rule; %s%s%s", e->text,
		        best ? "did you mean " : "write one like relay.attempt or 1025100, or all",
		        best ? best : "", best ? "?" : "");
	} else if (!finding_has_connection(kind->id)) {
		build_error(b, &e->at, "%s is about the gate itself and is never suppressed; remove it",
		        kind->rule);
	} else if (s && s->rule_count < FINDING_KIND_COUNT) {
		s->rules[s->rule_count++] = kind->id;
	}
}

void suppress_source(struct build *b, struct block *block, const struct entry *e)
{
	struct suppression *s = suppression_of(b, block);

	block->suppress_sources = true;
	if (s)
		group_add_member(b, e, &s->source);
}

/* Microseconds, or -1. */
static int64_t read_time(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	int hours = 0, minutes = 0, used = 0, day;
	int64_t s;

	if (!end)
		return -1;
	day = tm.tm_mday;
	s = (int64_t)timegm(&tm); /* of 30 February it makes 2 March */
	if (tm.tm_mday != day)
		return -1;
	if (*end == '\0')
		return (s + 86400) * 1000000;
	if (*end != 'T' && *end != 't' && *end != ' ')
		return -1;
	end = strptime(end + 1, "%H:%M:%S", &tm);
	if (!end)
		return -1;
	s = (int64_t)timegm(&tm);
	if ((*end == 'Z' || *end == 'z') && end[1] == '\0')
		return s * 1000000;
	if ((*end != '+' && *end != '-') || sscanf(end + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
	        used != 5 || end[6] != '\0' || hours > 23 || minutes > 59 || hours < 0 || minutes < 0)
		return -1;
	used = (hours * 60 + minutes) * 60;
	return (s - (*end == '+' ? used : -used)) * 1000000;
}

void suppress_until(struct build *b, struct block *block, const struct entry *e)
{
	struct suppression *s = suppression_of(b, block);
	int64_t until_us = read_time(e->text);

	if (strcmp(e->text, "none") == 0)
		return;
	if (until_us < 0)
		build_error(b, &e->at,
		        "suppress.until = \"%s\" is no time; write one like \"2026-12-31T18:00:00Z\" or "
		        "\"2026-12-31T18:00:00+01:00\", a day like \"2026-12-31\", or none",
		        e->text);
	else if (s)
		s->until_us = (uint64_t)until_us;
}

void suppress_reason(struct build *b, struct block *block, const struct entry *e)
{
	struct suppression *s = suppression_of(b, block);

	if (strlen(e->text) >= SUPPRESS_REASON_MAX)
		build_error(b, &e->at, "suppress.reason is longer than %d bytes; write less",
		        SUPPRESS_REASON_MAX - 1);
	else if (s)
		snprintf(s->reason, sizeof(s->reason), "%s", e->text);
}

void check_suppress(struct build *b, const struct block *block)
{
	const struct suppression *s = suppression_of(b, block);
	char until[CLOCK_TEXT_MAX];

	if (!s || parse_has_unknown(b->parsed, block))
		return;
	if (!*s->reason)
		build_error(b, &block->at,
		        "suppress \"%s\" gives no reason; add reason = \"...\", for those who ask later",
		        block->title);
	if (!block->suppress_rules && !block->suppress_sources)
		build_error(b, &block->at,
		        "suppress \"%s\" names neither rule nor source and would silence everything; add one",
		        block->title);
	else if ((!block->suppress_rules || block->suppress_all) &&
	         (!block->suppress_sources || policy_groups_have(&s->source, GROUP_ID_ANY)))
		build_error(b, &block->at,
		        "suppress \"%s\" names every rule and any source and would silence everything; name "
		        "fewer",
		        block->title);
	if (s->until_us <= clock_now_us())
		problems_add(b->problems, PROBLEM_WARNING, &block->at,
		        "suppress \"%s\" has expired and has no effect since %s; remove it, or set another "
		        "until",
		        block->title, clock_print(s->until_us, until));
}

void suppress_make(struct build *b)
{
	const struct block *block = b->parsed->blocks, *end = block + b->parsed->block_count;

	for (; block < end; block++) {
		struct suppression *s = block->kind == BLOCK_SUPPRESS ? suppression_of(b, block) : NULL;

		if (s && block->suppress_all)
			s->rule_count = 0;
		if (s && !block->suppress_sources)
			policy_groups_add(&s->source, GROUP_ID_ANY);
	}
	policy_set_suppressions(b->policy, &b->suppressions);
}
