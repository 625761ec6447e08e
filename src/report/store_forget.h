/* store_forget.h - somebody is forgotten in the file: rows, names in texts, and the bytes of both. */
#ifndef REPORT_STORE_FORGET_H
#define REPORT_STORE_FORGET_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/mention.h"
#include "postern/forgotten.h"
#include "report/store_file.h"

/* In one transaction, which is taken back if out->look. SQLite's result; on failure nothing has changed, and what
 * *out says is of no account. */
int store_forget_rows(sqlite3 *db, const struct mention *who, struct forgotten *out);
/* What was deleted leaves the file, which is written anew. stop: asked now and then, not 0 ends it. SQLite's result. */
int store_forget_bytes(const struct store_file *f, int (*stop)(void *arg), void *arg);
/* And its journal. SQLITE_BUSY: somebody reads in it. */
int store_forget_journal(const struct store_file *f);

#endif
