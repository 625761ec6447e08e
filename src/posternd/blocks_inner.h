/* blocks_inner.h - what blocks are made of; for blocks.c and blocks_left.c only. */
#ifndef POSTERND_BLOCKS_INNER_H
#define POSTERND_BLOCKS_INNER_H

#include "gate/gate.h"
#include "posternd/block_writer.h"
#include "posternd/blocks.h"

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

/* In the records, unless too much was told in this second. */
void blocks_tell(struct blocks *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The kernel has refused, or does not have, what the book has: said, and tried again each second. 0: it has. */
void blocks_set_behind(struct blocks *b, int error);
/* Tells the workers all that is theirs. */
void blocks_say(struct blocks *b);
void blocks_store(struct blocks *b, const struct block *block);

#endif
