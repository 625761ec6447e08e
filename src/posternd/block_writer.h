/* block_writer.h - brings the book of blocks into the kernel's sets, and looks whether it is there: those who are blocked,
 * and those who are limited. What else the book knows is not the kernel's. */
#ifndef POSTERND_BLOCK_WRITER_H
#define POSTERND_BLOCK_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"
#include "policy/blockbook.h"

struct block_writer;

/* Both are borrowed. NULL without memory. */
struct block_writer *block_writer_new(struct gate *gate, const struct blockbook *book);
/* From now on, for what is written: how many connections a minute who is limited may open. 1..GATE_RATE_MAX. */
void block_writer_set_rate(struct block_writer *w, uint32_t rate_per_min);
void block_writer_free(struct block_writer *w); /* NULL is fine */

/* The book has changed in these places: `gone` are those that the kernel had, of which some may be in `more` again, the
 * ones that the book has now. One transaction; then what it should have done is asked for. 0; -ESTALE: the kernel has
 * taken it, and has it not; -errno: nothing has changed. now_us: of the book's clock, here and below. */
int block_writer_change(struct block_writer *w, const char *table, const struct prefix *gone,
        size_t gone_count, const struct prefix *more, size_t more_count, uint64_t now_us);
/* All of the book, and nothing else. Likewise. */
int block_writer_refill(struct block_writer *w, const char *table, uint64_t now_us);
/* Looks at the next few, another few each time. 0; -ESTALE: something is missing; -errno. */
int block_writer_check(struct block_writer *w, const char *table, uint64_t now_us);

/* What a block of the book is called in the kernel ("uid 0: spam"), and what such a note says: the uid or the rule, and
 * the reason, of a block whose other fields stay. */
void block_note_print(const struct block *b, char note[GATE_NOTE_MAX + 1]);
void block_note_read(const char *note, struct block *b);

#endif
