/* gate_inner.h - what the gate is made of; for gate.c and gate_install.c only. */
#ifndef GATE_GATE_INNER_H
#define GATE_GATE_INNER_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "gate/batch.h"
#include "gate/gate.h"

enum { GATE_TRIES_MAX = 20 }; /* against others who change nf_tables at the same time */

struct gate {
	struct mnl_socket *nl;
	uint32_t seq;
	unsigned form; /* enum encode_form: what was refused, and ENCODE_OWNED */
	bool own;      /* tables are to be ours alone, where the kernel can */
	bool owns;     /* the one that was installed last is */
	enum gate_done done;
	uint64_t changed_us; /* when the kernel had taken the last rules */
};

/* A transaction of its own: begun, and sent. 0 or -errno. */
void gate_begin(struct gate *g, struct batch *b);
int gate_end(struct gate *g, struct batch *b);

#endif
