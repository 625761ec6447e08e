/* forget.h - somebody is forgotten: what watch_forget() does to the memory of connections, ledger and parts. */
#ifndef WATCH_FORGET_H
#define WATCH_FORGET_H

#include "base/mention.h"
#include "base/table.h"
#include "postern/forgotten.h"
#include "watch/act.h"
#include "watch/part.h"
#include "watch/sources.h"

/* The names in connections that go on (struct watch_memory) that are the mailbox. */
void forget_sessions(struct table *connections, const struct mention *who, struct forgotten *out);

/* What counts what sources, mailboxes and users do. */
struct forget_counts {
	struct sources *sources;
	struct act *act;
	const struct part *const *parts; /* NULL behind the last one */
	void *const *memory;             /* of each of them */
};
void forget_counts(const struct forget_counts *c, const struct mention *who, struct forgotten *out);

#endif
