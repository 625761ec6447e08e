/* incident_forget.c - what leaves a book of incidents before its time: quotes of mails that are old, and whoever is to be
 * forgotten, of whom no summary is told. */
#include <string.h>

#include "watch/incident_inner.h"
#include "watch/story.h"

void incident_expire_quotes(struct incident_book *b, uint64_t before_us)
{
	struct incident *in;
	uint32_t cursor = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		if (in->story.incident.first_us < before_us)
			in->changed |= story_expire_quotes(&in->story, before_us);
}

/* ---- who is forgotten --------------------------------------------------------------------------- */

static bool is_about(const struct incident_key *key, const struct finding *story, const struct mention *who)
{
	if (key->kind == STORY_OF_SOURCE)
		return mention_is_addr(who, &story->conn.src);
	if (key->kind != STORY_OF_TARGET)
		return false;
	return story->rcpt_to.len > 0 ? mention_is_path(who, story->rcpt_to.bytes, story->rcpt_to.len)
	                              : mention_is_addr(who, &key->who);
}

/* Which stories have ended: of mailboxes that is known by a hash, so all of these go. Not counted: they are the store's. */
static void forget_ended(struct incident_book *b, const struct mention *who)
{
	struct ended *e;
	uint32_t cursor = 0;

	while ((e = table_scan(b->ended, &cursor)) != NULL) {
		const struct incident_key *key = table_key(b->ended, e);
		bool of_mailbox = key->kind == STORY_OF_TARGET && key->bits > 0;

		if (of_mailbox ? who->is_mailbox : mention_is_addr(who, &key->who))
			table_drop(b->ended, e);
	}
}

void incident_forget(struct incident_book *b, const struct mention *who, struct forgotten *out)
{
	struct incident *in;
	uint32_t cursor = 0;

	if (!out->look)
		forget_ended(b, who);
	while ((in = table_scan(b->table, &cursor)) != NULL) {
		struct finding *story = &in->story;

		if (!is_about(table_key(b->table, in), story, who)) {
			in->changed |= story_forget(story, who, out) && !out->look;
			out->as_server +=
			        finding_has_connection(story->id) && mention_is_addr(who, &story->conn.dst);
			continue;
		}
		out->n[FORGOTTEN_INCIDENTS]++;
		out->n[FORGOTTEN_EVIDENCE] += story->evidence_count;
		out->n[FORGOTTEN_ENVELOPES] += story->incident.envelope_count;
		if (out->look)
			continue;
		table_drop(b->table, in);
		b->counts->incidents_open--;
	}
}
