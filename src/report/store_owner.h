/* store_owner.h - whose file lies where the store is to be: what never was ours is left alone. */
#ifndef REPORT_STORE_OWNER_H
#define REPORT_STORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "report/store_file.h"

struct store_owner {
	bool exists;
	uint64_t size_bytes;
	bool marked;     /* it bears the id of our stores */
	const char *why; /* it is not ours; "" = nothing is wrong, or the trouble says it */
};

/* What can be told without SQLite: NONE (there is none yet, it is empty, or it may be ours), or what it is instead. 0 or
 * -errno. No SQLite of this process may have the file open: closing it here would end SQLite's locks. */
int store_owner_look(const char *path, struct store_owner *out, enum store_trouble *trouble);

#endif
