/* bypass.h - the set of ports that pass for a time: written, and read back. */
#ifndef GATE_BYPASS_H
#define GATE_BYPASS_H

#include <stdint.h>

struct batch;
struct mnl_socket;

enum { BYPASS_FOREVER_MS = INT32_MAX };
#define BYPASS_SET "bypass"

/* Empties the set and puts these ports into it, for so many seconds. note: may be NULL. */
void bypass_encode(struct batch *b, const char *table, const uint16_t *ports, unsigned count,
        uint32_t seconds, const char *note);
/* *left_ms: the longest time that one of them stays; none of ours stays for BYPASS_FOREVER_MS. 0 or -errno (EINTR: again). */
int bypass_read(struct mnl_socket *nl, uint32_t *seq, const char *table, uint64_t *left_ms);

#endif
