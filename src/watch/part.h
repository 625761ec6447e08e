/* part.h - a part of the watch that looks at the traffic of sources: one file each, one line in watch.c's table.
 *
 * A part has memory of its own, of fixed size, and sees each event once; those of one connection in the order of time, those
 * of several workers up to some seconds late. It raises findings through the view, as many as it likes; what is done about
 * them, and how often they are told, is not its business. Greeting, sender and whether the source is sure are filled in for it.
 */
#ifndef WATCH_PART_H
#define WATCH_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/watching.h"
#include "postern/event.h"
#include "postern/finding.h"
#include "postern/forgotten.h"
#include "watch/sources.h"

struct part_view {
	const struct watching *rules; /* in force now; they may change between two events */
	const struct policy *policy;  /* likewise; never NULL */
	struct policy_groups groups;  /* of the client's address */
	struct source *
	        source; /* the ledger's row of the client, counted already; NULL: e has no client, or there is no room */
	uint64_t before_us;                 /* when the source had done something before e; 0 = it is new */
	const struct event_path *mail_from; /* of the running transaction; len 0 = not known */
	const struct event_path *auth_user; /* of the connection; likewise */
	uint32_t accepted;                  /* recipients of the running transaction, e's included */
	/* Raises f, which finding_init() has begun; `action` of its rule in f->would, mode and ladder apart. */
	void (*raise)(void *watch, struct finding *f);
	void *watch;
};

/* Who is to be forgotten: a source as it is counted, or a name as it stands on the wire, a path or a user. */
struct part_who {
	const struct prefix *source; /* or NULL */
	const struct addr *host;     /* of the source, one address that is known */
	const struct event_path *name;
};

struct part {
	const char *name;
	void *(*make)(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES]); /* NULL with errno */
	void (*end)(void *part);                                                 /* NULL is fine */
	void (*event)(void *part, const struct part_view *view, const struct event *e);
	/* May be NULL; no source, no groups. About once a second. */
	void (*tick)(void *part, const struct part_view *view, uint64_t now_us);
	/* May be NULL; likewise. The rules or the policy are others from now on, or the same at another place. */
	void (*change)(void *part, const struct part_view *view);
	/* What it knows of one; counted in *out, and taken out unless out->look. */
	void (*forget)(void *part, const struct part_who *who, struct forgotten *out);
};

extern const struct part volume_part;      /* volume.c */
extern const struct part baseline_part;    /* baseline.c */
extern const struct part rejects_part;     /* rejects.c */
extern const struct part fanout_part;      /* fanout.c */
extern const struct part target_part;      /* target.c */
extern const struct part harvest_part;     /* harvest.c */
extern const struct part backscatter_part; /* backscatter.c */
extern const struct part auth_part;        /* auth.c */
extern const struct part reputation_part;  /* reputation.c */

#endif
