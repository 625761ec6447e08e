/* saved.h - a ruleset in a file, as the messages that make it: for the next boot. */
#ifndef GATE_SAVED_H
#define GATE_SAVED_H

#include <stdint.h>

#include "gate/batch.h"

enum { SAVED_TABLE_MAX = 256 };

/* Replaces the file in one step; it survives a power cut. batch: complete. 0 or -errno. */
int saved_write(const char *path, const char *table, const struct batch *batch);
/* Adds the messages of the file to a batch that was begun; the table gets these flags (enum encode_table_flag). 0; -ENOENT: there is none; -EBADMSG: it is none of
 * ours, or damaged; -EPERM: others than root could have written it; -errno. */
int saved_read(const char *path, char table[SAVED_TABLE_MAX], uint32_t table_flags, struct batch *batch);

#endif
