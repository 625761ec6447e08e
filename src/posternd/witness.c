/* witness.c - see witness.h. In the loop's thread, from the same events that become records. */
#include "posternd/witness.h"

#include <errno.h>
#include <stdlib.h>

#include "posternd/reasons.h"

enum { WHY_SOURCES = 4096 };

struct witness {
	struct seen *seen;
	struct why *why;
	struct reasons *reasons; /* NULL = none yet */
};

struct witness *witness_new(const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct witness *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->seen = seen_new(WITNESS_SEEN_ROWS, hash_key);
	w->why = why_new(WHY_SOURCES, hash_key);
	if (w->seen && w->why)
		return w;
	witness_free(w);
	errno = ENOMEM;
	return NULL;
}

void witness_free(struct witness *w)
{
	if (!w)
		return;
	seen_free(w->seen);
	why_free(w->why);
	reasons_free(w->reasons);
	free(w);
}

int witness_set_conf(struct witness *w, const struct conf *conf)
{
	struct reasons *reasons;

	if (w->reasons && !conf->places) /* the same rules, with other addresses in their groups */
		return 0;
	reasons = reasons_new(conf);
	if (!reasons)
		return -ENOMEM;
	reasons_free(w->reasons);
	w->reasons = reasons;
	return 0;
}

void witness_event(struct witness *w, const struct event *e)
{
	struct why_decision d;

	seen_event(w->seen, e);
	if (!w->reasons || !why_read(e, &d))
		return;
	reasons_write(w->reasons, &d);
	why_add(w->why, &d);
}

void witness_forget(struct witness *w, const struct mention *who, struct forgotten *out)
{
	seen_forget(w->seen, who, out);
	why_forget(w->why, who, out);
}

const struct seen *witness_seen(const struct witness *w)
{
	return w->seen;
}

const struct why *witness_why(const struct witness *w)
{
	return w->why;
}

struct seen *witness_own_seen(struct witness *w)
{
	return w->seen;
}
