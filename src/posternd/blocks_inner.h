/* blocks_inner.h - what blocks are made of; for blocks.c and the files beside it (blocks_*.c) only. */
#ifndef POSTERND_BLOCKS_INNER_H
#define POSTERND_BLOCKS_INNER_H

#include "gate/gate.h"
#include "posternd/block_writer.h"
#include "posternd/blocks.h"
#include "report/store.h"

struct addresses;

/* An element of the kernel, from before. */
struct left {
	struct gate_block block;
	char note[GATE_NOTE_MAX + 1];
};

struct blocks {
	struct daemon *daemon;
	struct blockbook *book;
	struct block_writer *writer;
	struct addresses *own; /* NULL: they cannot be read */
	int own_error;         /* nor can their change */
	struct left *left;     /* until blocks_restore() */
	size_t left_count, left_room;
	int left_error; /* the kernel's cannot be read, or not all of them */
	bool behind;    /* the kernel does not have what the book has */
	int behind_error;
	int unsaid_error, round_error; /* the workers were not told what the book has; in this round */
	uint32_t said_cursor;
	uint32_t rate_per_min; /* of those who are limited, as they are in the kernel */
	bool nearly_full;
	bool storing; /* all of them, the cursor says how far */
	uint32_t store_cursor;
	unsigned told, untold; /* audits of this second */
	uint64_t denied_us;    /* a rule was told last that somebody must not be blocked */
	struct blocks_delay delay;
};

/* ---- blocks.c ---- */

/* In the records, unless too much was told in this second. */
void blocks_tell(struct blocks *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "the block of 192.0.2.1 by uid 0 has expired": why is what it has. */
void blocks_tell_end(struct blocks *b, const struct block *block, const char *why);
/* The kernel has refused, or does not have, what the book has: said, and tried again each second. 0: it has. */
void blocks_set_behind(struct blocks *b, int error);
void blocks_store(struct blocks *b, const struct block *block);
/* Out of the book, the workers' table and the store; out of the kernel is the caller's to bring it. */
void blocks_forget(struct blocks *b, const struct prefix *prefix, enum store_end why);

/* ---- blocks_spared.c ---- */

/* "192.0.2.0/24 holds 192.0.2.7 of upstream "isp"". False: nobody minds. */
bool blocks_find_shield(const struct blocks *b, const struct prefix *prefix, char why[BLOCKS_TEXT_MAX]);

/* ---- blocks_said.c ---- */

/* What the book has of this very prefix, to the workers; nothing, if that is not their business. */
void blocks_say_one(struct blocks *b, const struct prefix *prefix);
void blocks_say_each(struct blocks *b, const struct prefix *list, size_t count);
/* All that is theirs: at once, or a part of it. When all has been told without an error, nothing is wrong any more. */
void blocks_say(struct blocks *b);
void blocks_say_some(struct blocks *b);
/* Why they could not be told. */
const char *blocks_unsaid_word(int error);

#endif
