/* store_read.h - rows to what they were: at the start, and for those who ask. */
#ifndef REPORT_STORE_READ_H
#define REPORT_STORE_READ_H

#include <sqlite3.h>

#include "report/store.h"
#include "report/store_write.h"

/* When the file was written last; all zero if never. SQLite's result. */
int store_read_clock(sqlite3 *db, struct store_clock *out);
/* Those in force. What no posternd can have written is left out and counted. SQLite's result. */
int store_read_in_force(sqlite3 *db, store_each_block *each, void *arg, unsigned *strange);

#endif
