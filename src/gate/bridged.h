/* bridged.h - do packets that a bridge of this machine forwards pass our table? */
#ifndef GATE_BRIDGED_H
#define GATE_BRIDGED_H

#include <stdbool.h>

/* In the network namespace of the caller. If not, err says why and what to do. */
bool bridged_are_seen(char *err, unsigned err_bytes);

#endif
