/* found.h - what a table holds in the kernel now. */
#ifndef GATE_FOUND_H
#define GATE_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"

struct mnl_socket;
struct nlmsghdr;

enum { FOUND_NAME_MAX = 256 }; /* NFT_NAME_MAXLEN */

struct found_item {
	char name[FOUND_NAME_MAX];
	bool base; /* chain: it hangs on a hook */
	bool moved; /* chain: it has to be made anew elsewhere, whatever that costs (found_read() leaves it false) */
	uint32_t hook;
	int32_t priority;
	uint32_t policy;
	bool map;      /* set: it leads somewhere */
	uint32_t type; /* of an object */
};

struct found_list {
	struct found_item *items;
	size_t count, room;
};

struct found {
	uint32_t generation; /* of the whole nf_tables state; changes with every transaction of anyone */
	bool there;          /* the table is */
	uint32_t flags;      /* of the table: enum encode_table_flag */
	uint32_t owner;      /* the netlink port of who owns it; 0 = nobody */
	struct found_list chains, sets, counters, others; /* others: objects that are no counters */
	struct gate_counts counts;
	int error;
};

enum { FOUND_PUT_BYTES = 24 * 1024 };
/* One question to nf_tables, and its answers. 0 or -errno; EINTR: somebody changed what was told. */
struct found_question {
	uint16_t type, flags; /* NFT_MSG_GET..., NLM_F_DUMP or 0 */
	struct found_attribute {
		uint16_t type;
		const char *text;
	} attributes[2]; /* text NULL = none */
	int (*see)(const struct nlmsghdr *h, void *arg);
	void *arg;
	void (*put)(
	        struct nlmsghdr *h, void *arg); /* further attributes, FOUND_PUT_BYTES of them; NULL = none */
};
int found_ask(struct mnl_socket *nl, uint32_t *seq, const struct found_question *question);
/* Names of all tables of the inet family that have our counters. */
int found_tables(struct found_list *out, struct mnl_socket *nl, uint32_t *seq);

/* Reads. table: only what is in it. *seq is counted on. 0 or -errno: EINTR, somebody changed it
 * meanwhile; EPERM, no CAP_NET_ADMIN. A table that is not there is an empty one. Call found_fini()
 * in either case. */
int found_read(struct found *f, struct mnl_socket *nl, uint32_t *seq, const char *table);
void found_fini(struct found *f);
/* Only whether the table is there, its flags and its owner. */
int found_read_table(struct found *f, struct mnl_socket *nl, uint32_t *seq, const char *table);
/* NULL if there is none of that name. */
struct found_item *found_find(const struct found_list *list, const char *name);

#endif
