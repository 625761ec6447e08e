/* encode.h - parts of the ruleset model as nf_tables messages in a batch. Sets: encode_set.c. */
#ifndef GATE_ENCODE_H
#define GATE_ENCODE_H

#include <stdbool.h>

#include "gate/batch.h"
#include "gate/interval.h"
#include "gate/model.h"

/* The kernel's numbers. OWNER: no other socket can change the table; PERSIST (Linux 6.9): it outlives its owner, and
 * another socket can become that. Neither can be given to a table that was made without. */
enum encode_table_flag { TABLE_DORMANT = 1, TABLE_OWNER = 2, TABLE_PERSIST = 4 };
void encode_table(struct batch *b, const char *table, uint32_t flags);
void encode_counter(struct batch *b, const char *table, const char *name, uint64_t packets);
void encode_delete_object(struct batch *b, const char *table, const char *name, uint32_t type);
/* The set and its elements. id: any number that is unique in the batch. */
void encode_set(struct batch *b, const char *table, const struct model_set *set, uint32_t id);
/* Of a set that is there. */
void encode_set_changes(struct batch *b, const char *table, const char *set, const struct intervals *gone,
        const struct intervals *more);
/* The anonymous map of a STATEMENT_SPREAD, for a rule that comes next in the batch. A ruleset has one
 * such rule: the map's id is far above those of the sets, and the kernel makes a name of the pattern. */
enum { ENCODE_MAP_ID = UINT32_MAX >> 1 };
#define ENCODE_MAP_NAME "__map%d"
void encode_map(struct batch *b, const struct ruleset *r, const struct model_statement *spread);
/* exists: the base chain is there already; only its policy is set again. */
void encode_chain(struct batch *b, const char *table, const struct model_chain *chain, bool exists);
/* Of a base chain that is there. */
void encode_policy_accept(struct batch *b, const char *table, const char *chain);
/* What the kernel lacks, and so is written in another form: bits. */
enum encode_form {
	ENCODE_TARGET = 1, /* the xt target NFQUEUE in place of the queue expression */
	ENCODE_NO_STRIP =
	        2, /* a packet with MPTCP's option is dropped, since the option cannot be taken out */
	ENCODE_FORMS = 4,
	ENCODE_OWNED = 4 /* beside these: the table is to be ours alone */
};
void encode_rule(struct batch *b, const struct ruleset *r, const struct model_rule *rule, unsigned form);

void encode_delete_table(struct batch *b, const char *table);
void encode_flush_chain(struct batch *b, const char *table, const char *chain);
void encode_delete_set(struct batch *b, const char *table, const char *name);
void encode_delete_chain(struct batch *b, const char *table, const char *name);

#endif
