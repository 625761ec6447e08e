/* offload.h - flow tables: do connections to guarded ports go past the rules? */
#ifndef GATE_OFFLOAD_H
#define GATE_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mnl_socket;
struct nlmsghdr;
struct offload;

/* ports: borrowed. NULL without memory. */
struct offload *offload_new(const uint16_t *ports, unsigned count);
void offload_free(struct offload *o); /* NULL is fine */

/* Takes messages as the kernel tells them, each kind when the ones before are through: NEWFLOWTABLE, NEWRULE, and
 * NEWSETELEM of each set that offload_next_set() names. */
void offload_see(struct offload *o, const struct nlmsghdr *h);
/* A set whose elements have to be known, from *at = 0 on; false: no more. */
bool offload_next_set(
        const struct offload *o, size_t *at, uint8_t *family, const char **table, const char **set);
/* Which flow table carries guarded ports, and the rule that puts them there. False: none. */
bool offload_print(const struct offload *o, char *text, unsigned text_bytes);

/* Asks the kernel for all of it. 1: there is one, and text says which; 0; -errno. *seq is counted on. */
int offload_find(struct mnl_socket *nl, uint32_t *seq, const uint16_t *ports, unsigned count, char *text,
        unsigned text_bytes);

#endif
