/* forgotten.h - contract: what was kept about somebody and is not any more, in numbers alone.
 *
 * Whoever keeps something about sources or mailboxes has a function that takes a struct mention (base/mention.h) and one of
 * these, and counts here what it takes out.
 */
#ifndef POSTERN_FORGOTTEN_H
#define POSTERN_FORGOTTEN_H

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, word in JSON and acts, what it is to people) */
#define FORGOTTEN_KINDS(X)                                                                                   \
	X(SOURCES, "sources", "rows of the ledger")                                                          \
	X(USUAL, "usual", "histories of what is usual")                                                      \
	X(WINDOWS, "windows", "counts of volumes and behaviours")                                            \
	X(LADDER, "ladder", "places on the ladder")                                                          \
	X(INCIDENTS, "incidents", "incidents")                                                               \
	X(EVIDENCE, "evidence", "their lines of evidence")                                                   \
	X(ENVELOPES, "envelopes", "their envelopes")                                                         \
	X(QUOTES, "quotes", "lines and envelopes of other incidents that named it")                          \
	X(MAILS, "mails", "mails and sessions that were followed")                                           \
	X(SEEN, "seen", "rows of who delivers")                                                              \
	X(DECISIONS, "decisions", "decisions (why)")                                                         \
	X(BUDGETS, "budgets", "budgets of records")                                                          \
	X(ANSWERS, "answers", "answers of DNS lists")                                                        \
	X(MUTES, "mutes", "mutes")                                                                           \
	X(BLOCKS, "blocks", "blocks that are over")                                                          \
	X(TEXTS, "texts", "acts and reasons that named it, which stay without its name")

enum forgotten_kind {
#define X(name, word, text) FORGOTTEN_##name,
	FORGOTTEN_KINDS(X)
#undef X
	        FORGOTTEN_KIND_COUNT
};

/* Stands where a name was, in what stays. */
#define FORGOTTEN_MARK "(forgotten)"

struct forgotten {
	bool look; /* nothing is taken out, only counted */
	uint64_t n[FORGOTTEN_KIND_COUNT];
	/* What stays: blocks and the like in force, about it or in whose reason it is named, DNS lists that it is on; rows of wider
	 * sources that it is counted with; incidents and rows of others, whose server it is. */
	uint64_t in_force, wider, as_server;
};

#endif
