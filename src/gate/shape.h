/* shape.h - what a table does, in a form that can be compared: what we want against what the kernel has. */
#ifndef GATE_SHAPE_H
#define GATE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct mnl_socket;

/* One line for each chain, rule, counter, set and element, sorted. */
struct shape {
	char **lines;
	size_t count, room;
	int error; /* sticky, -errno */
};

/* Of a batch that makes the whole table. 0 or -errno. Call shape_fini() in either case, here and below. */
int shape_of_batch(struct shape *s, const struct batch *b);
/* Of the kernel's table; of no lines if there is none. */
int shape_read(struct shape *s, struct mnl_socket *nl, uint32_t *seq, const char *table);
void shape_fini(struct shape *s);
/* Forgets of `kernel` the base chains that `wanted` has not and that let everything pass: the rules in them, if there are
 * any, are lines of their own. */
void shape_forget_empty(struct shape *kernel, const struct shape *wanted);
bool shape_same(const struct shape *a, const struct shape *b);
/* Both have this set, with the same elements. */
bool shape_has_same_set(const struct shape *a, const struct shape *b, const char *name);
/* Both have this set, of the same type, with whatever elements. */
bool shape_has_same_type(const struct shape *a, const struct shape *b, const char *set);
/* The next element from *at on, from 0: its key in hex, " flags " and a number. NULL: no more. */
const char *shape_next_element(const struct shape *s, size_t *at, const char *set);
/* Both have the same rules, at least one, in the chain of this name. */
bool shape_has_same_rules(const struct shape *a, const struct shape *b, const char *chain);
/* The first line that only one of them has, and which; NULL if there is none. */
const char *shape_difference(const struct shape *a, const struct shape *b, bool *in_a);

#endif
