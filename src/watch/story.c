/* story.c - see story.h.
 *
 * The value of a story is the largest one of its face's rule: those of others are measured in other units.
 */
#include "watch/story.h"

#include <string.h>

/* ---- facets ------------------------------------------------------------------------------------- */

const struct incident_facet *story_facet(const struct finding *story, uint32_t id)
{
	const struct incident_brief *in = &story->incident;

	for (unsigned i = 0; i < in->facet_count; i++)
		if (in->facets[i].id == id)
			return &in->facets[i];
	return NULL;
}

/* Its place, made if need be. There is one for each rule of the table, and no other finding is ever raised. */
static unsigned facet_of(struct incident_brief *in, const struct finding *f)
{
	unsigned i = 0;

	while (i < in->facet_count && in->facets[i].id != f->id)
		i++;
	if (i == in->facet_count && i < FINDING_KIND_COUNT) {
		in->facets[i] = (struct incident_facet) {
			.id = f->id, .severity = f->severity, .blocked = f->blocked, .first_us = f->time_us
		};
		in->facet_count++;
	}
	return i < FINDING_KIND_COUNT ? i : FINDING_KIND_COUNT - 1;
}

static void count_facet(struct incident_facet *facet, const struct finding *f)
{
	facet->count++;
	if (f->time_us > facet->last_us)
		facet->last_us = f->time_us;
	if (f->severity < facet->severity)
		facet->severity = f->severity;
	facet->blocked &= f->blocked;
}

/* ---- what is quoted ----------------------------------------------------------------------------- */

/* Whose place is given to something of this severity when all `count` are taken: of_facet says whose they are. 0, the
 * first one's, which is never given, stands for none. */
static unsigned find_place(
        const struct incident_brief *in, const uint8_t *of_facet, unsigned count, uint8_t severity)
{
	unsigned mildest = 0;
	unsigned lines[FINDING_KIND_COUNT] = { 0 };

	for (unsigned i = 0; i < count; i++)
		lines[of_facet[i]]++;
	for (unsigned i = count - 1; i > 0; i--)
		if (lines[of_facet[i]] > 1)
			return i;
	for (unsigned i = 1; i < count; i++) {
		uint8_t of = in->facets[of_facet[i]].severity;

		if (of > severity && (mildest == 0 || of > in->facets[of_facet[mildest]].severity))
			mildest = i;
	}
	return mildest;
}

static bool has_line(const struct finding *story, const struct event_text *line)
{
	for (unsigned i = 0; i < story->evidence_count; i++)
		if (story->evidence[i].len == line->len &&
		        memcmp(story->evidence[i].bytes, line->bytes, line->len) == 0)
			return true;
	return false;
}

/* weighty: it is worth the place of another one, its first line is. */
static void keep_evidence(struct finding *story, const struct finding *f, unsigned facet, bool weighty)
{
	struct incident_brief *in = &story->incident;

	for (unsigned i = 0; i < f->evidence_count; i++) {
		unsigned place = story->evidence_count;

		if (has_line(story, &f->evidence[i]))
			continue;
		if (place == FINDING_EVIDENCE_MAX)
			place = weighty ? find_place(in, in->evidence_facet, place, f->severity) : 0;
		if (place == 0 && story->evidence_count > 0)
			return;
		if (place == story->evidence_count)
			story->evidence_count++;
		else
			weighty = false;
		story->evidence[place] = f->evidence[i];
		in->evidence_facet[place] = (uint8_t)facet;
	}
}

static void set_field(struct incident_envelope *e, enum envelope_field which, const struct event_path *path)
{
	e->len[which] = (uint8_t)(path->len < INCIDENT_FIELD_MAX ? path->len : INCIDENT_FIELD_MAX);
	e->cut[which] = path->cut || path->len > INCIDENT_FIELD_MAX;
	memcpy(e->bytes[which], path->bytes, e->len[which]);
}

static bool is_same(const struct incident_envelope *a, const struct incident_envelope *b)
{
	return memcmp(a->len, b->len, sizeof(a->len)) == 0 &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void keep_envelope(struct incident_brief *in, const struct finding *f, unsigned facet, bool weighty)
{
	uint8_t of_facet[INCIDENT_ENVELOPES_MAX];
	struct incident_envelope e;
	unsigned place = in->envelope_count;

	if (f->helo.len == 0 && f->mail_from.len == 0 && f->rcpt_to.len == 0)
		return;
	if (place == INCIDENT_ENVELOPES_MAX && !weighty)
		return;
	memset(&e, 0, sizeof(e));
	e.time_us = f->time_us;
	e.facet = (uint8_t)facet;
	set_field(&e, ENVELOPE_HELO, &f->helo);
	set_field(&e, ENVELOPE_MAIL_FROM, &f->mail_from);
	set_field(&e, ENVELOPE_RCPT_TO, &f->rcpt_to);
	for (unsigned i = 0; i < in->envelope_count; i++) {
		if (is_same(&in->envelopes[i], &e))
			return;
		of_facet[i] = in->envelopes[i].facet;
	}
	if (place < INCIDENT_ENVELOPES_MAX)
		in->envelope_count++;
	else if ((place = find_place(in, of_facet, place, f->severity)) == 0)
		return;
	in->envelopes[place] = e;
}

/* ---- the story ---------------------------------------------------------------------------------- */

void story_begin(struct finding *story, const struct finding *f, uint64_t id)
{
	*story = *f;
	story->silent = 0;
	story->evidence_count = 0;
	memset(&story->incident, 0, sizeof(story->incident));
	story->incident.id = id;
	story->incident.first_us = f->time_us;
}

/* From now on f stands for it; what the story has gathered stays. */
static void change_face(struct finding *story, const struct finding *f)
{
	story->id = f->id;
	story->severity = f->severity;
	story->action = f->action;
	story->would = f->would;
	story->outcome = f->outcome;
	story->conn = f->conn;
	story->value = f->value;
	story->limit = f->limit;
	story->baseline = f->baseline;
	story->window_s = f->window_s;
	story->tx_id = f->tx_id;
	story->form = f->form;
	story->measure = f->measure;
	memcpy(story->block, f->block, sizeof(story->block));
	story->helo = f->helo;
	story->mail_from = f->mail_from;
	story->rcpt_to = f->rcpt_to;
}

unsigned story_add(struct finding *story, const struct finding *f)
{
	struct incident_brief *in = &story->incident;
	const struct incident_facet *before = story_facet(story, f->id);
	bool weighty = !before || f->severity < before->severity || (before->blocked && !f->blocked);
	unsigned facet = facet_of(in, f);

	count_facet(&in->facets[facet], f);
	if (in->count++ > 0 && f->severity < story->severity)
		change_face(story, f);
	else if (f->id == story->id && f->value > story->value)
		story->value = f->value;
	if (f->time_us > in->last_us)
		in->last_us = f->time_us;
	in->rule_count = story_facet(story, story->id)->count;
	story->blocked &= f->blocked; /* one that got through, and the story is not blocked */
	story->verified |= f->verified;
	keep_evidence(story, f, facet, weighty);
	keep_envelope(in, f, facet, weighty);
	return facet;
}

void story_complete(struct finding *story)
{
	struct incident_brief *in = &story->incident;

	if (in->facet_count > 0)
		return;
	in->facet_count = 1;
	in->rule_count = in->count;
	in->facets[0] = (struct incident_facet) { .id = story->id,
		.severity = story->severity,
		.blocked = story->blocked,
		.count = in->count,
		.first_us = in->first_us,
		.last_us = in->last_us };
}

/* ---- what is quoted for a time alone ------------------------------------------------------------- */

static bool is_old(const struct incident_brief *in, unsigned facet, uint64_t before_us)
{
	return facet < in->facet_count && in->facets[facet].first_us < before_us;
}

static void expire_lines(struct finding *story, uint64_t before_us)
{
	struct incident_brief *in = &story->incident;
	uint8_t left = 0;

	for (uint8_t i = 0; i < story->evidence_count; i++) {
		if (is_old(in, in->evidence_facet[i], before_us))
			continue;
		story->evidence[left] = story->evidence[i];
		in->evidence_facet[left++] = in->evidence_facet[i];
	}
	for (uint8_t i = left; i < story->evidence_count; i++)
		memset(&story->evidence[i], 0, sizeof(story->evidence[i]));
	story->evidence_count = left;
}

static void expire_envelopes(struct incident_brief *in, uint64_t before_us)
{
	uint8_t left = 0;

	for (uint8_t i = 0; i < in->envelope_count; i++)
		if (in->envelopes[i].time_us >= before_us)
			in->envelopes[left++] = in->envelopes[i];
	for (uint8_t i = left; i < in->envelope_count; i++)
		memset(&in->envelopes[i], 0, sizeof(in->envelopes[i]));
	in->envelope_count = left;
}

/* Its target is what it is about. */
static bool expire_face(struct finding *story, uint64_t before_us)
{
	struct event_path *const names[] = { &story->helo, &story->mail_from, &story->rcpt_to };
	const struct incident_facet *face = story_facet(story, story->id);
	bool any = false;

	if (!face || face->first_us >= before_us)
		return false;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] == &story->rcpt_to && story->at_target)
			continue;
		any |= names[i]->len > 0;
		memset(names[i], 0, sizeof(*names[i]));
	}
	return any;
}

bool story_expire_quotes(struct finding *story, uint64_t before_us)
{
	uint8_t lines = story->evidence_count, envelopes = story->incident.envelope_count;
	bool face = expire_face(story, before_us);

	expire_lines(story, before_us);
	expire_envelopes(&story->incident, before_us);
	return face || story->evidence_count < lines || story->incident.envelope_count < envelopes;
}

/* ---- who is forgotten --------------------------------------------------------------------------- */

static const unsigned mark_len = sizeof(FORGOTTEN_MARK) - 1;

static void mark(char *bytes, size_t room)
{
	memset(bytes, 0, room);
	memcpy(bytes, FORGOTTEN_MARK, mark_len);
}

static void mark_path(struct event_path *path, const struct mention *who)
{
	if (!mention_is_path(who, path->bytes, path->len))
		return;
	mark(path->bytes, sizeof(path->bytes));
	path->len = (uint16_t)mark_len;
	path->cut = 0;
}

static uint64_t mark_envelope(struct incident_envelope *e, const struct mention *who, bool look)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < ENVELOPE_FIELD_COUNT; i++) {
		if (!mention_is_path(who, e->bytes[i], e->len[i]))
			continue;
		count = 1;
		if (look)
			continue;
		mark(e->bytes[i], sizeof(e->bytes[i]));
		e->len[i] = (uint8_t)mark_len;
		e->cut[i] = 0;
	}
	return count;
}

static uint64_t mark_line(struct event_text *line, const struct mention *who, bool look)
{
	if (!mention_in(who, line->bytes, line->len))
		return 0;
	if (look)
		return 1;
	mark(line->bytes, sizeof(line->bytes));
	line->len = (uint16_t)mark_len;
	line->cut = 0;
	return 1;
}

/* What is printed of it is of its face. */
static void mark_face(struct finding *story, const struct mention *who)
{
	enum { V4_BITS = 96 };

	mark_path(&story->helo, who);
	mark_path(&story->mail_from, who);
	mark_path(&story->rcpt_to, who);
	if (!mention_is_addr(who, &story->conn.src))
		return;
	story->conn.src = addr_mask(&story->conn.src, addr_is_v4(&story->conn.src) ? V4_BITS : 0);
	story->conn.sport = 0;
}

bool story_forget(struct finding *story, const struct mention *who, struct forgotten *out)
{
	struct incident_brief *in = &story->incident;
	char *reason = in->ack.reason;
	uint64_t quotes = 0;
	bool in_reason = mention_in(who, reason, strlen(reason));

	for (unsigned i = 0; i < story->evidence_count; i++)
		quotes += mark_line(&story->evidence[i], who, out->look);
	for (unsigned i = 0; i < in->envelope_count; i++)
		quotes += mark_envelope(&in->envelopes[i], who, out->look);
	out->n[FORGOTTEN_QUOTES] += quotes;
	out->n[FORGOTTEN_TEXTS] += in_reason;
	if (!out->look && in_reason)
		mark(reason, sizeof(in->ack.reason));
	if (!out->look)
		mark_face(story, who);
	return quotes > 0 || in_reason;
}
