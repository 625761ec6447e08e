/* store_prune.h - what was over long ago is taken out, a little at a time. */
#ifndef REPORT_STORE_PRUNE_H
#define REPORT_STORE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/store_file.h"
#include "report/store_write.h"

struct store_bounds {
	uint32_t keep_s, envelope_s; /* as in struct store_settings */
	uint64_t bytes_max;
};

/* At most STORE_PRUNE_ROWS of each kind, in one transaction. *more: there may be others. SQLite's result. */
enum { STORE_PRUNE_ROWS = 500 };
#define STORE_BYTES_MAX (UINT64_C(1) << 30)
int store_prune(
        struct store_writer *w, const struct store_file *f, const struct store_bounds *bounds, bool *more);
/* The wall clock so long before. */
uint64_t store_prune_ago(uint64_t now_us, uint32_t s);

#endif
