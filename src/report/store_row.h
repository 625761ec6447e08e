/* store_row.h - the rows of a statement, and what stands in their columns. A row may be anybody's work: what comes out is of
 * our size, and says when it is nothing of ours.
 */
#ifndef REPORT_STORE_ROW_H
#define REPORT_STORE_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "report/words.h"

/* The next row. *r: SQLite's result of what came before; anything but SQLITE_OK ends it. */
bool row_next(sqlite3_stmt *s, int *r);
/* Behind the last one: finalizes s, which may be NULL. r as SQLite's result of all of it. */
int row_end(sqlite3_stmt *s, int r);

void row_text(sqlite3_stmt *s, int column, char *out, unsigned out_bytes);
uint64_t row_number(sqlite3_stmt *s, int column);
/* What fits; the length that came out. */
uint16_t row_bytes(sqlite3_stmt *s, int column, char *out, unsigned room);
/* The number of a word of the records; -1 = none that this posternd knows. */
int row_word(sqlite3_stmt *s, int column, enum words_table table);
/* An enum's value out of a word; what is not known any more is none. */
uint8_t row_or_none(int value);
/* An address, or none where none is known; false if it is neither. */
bool row_address(sqlite3_stmt *s, int column, struct addr *out);

#endif
