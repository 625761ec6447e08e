/* store_row.c - see store_row.h. */
#include "report/store_row.h"

#include <stdio.h>
#include <string.h>

bool row_next(sqlite3_stmt *s, int *r)
{
	if (*r != SQLITE_OK)
		return false;
	*r = sqlite3_step(s);
	if (*r != SQLITE_ROW)
		return false;
	*r = SQLITE_OK;
	return true;
}

int row_end(sqlite3_stmt *s, int r)
{
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

void row_text(sqlite3_stmt *s, int column, char *out, unsigned out_bytes)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	snprintf(out, out_bytes, "%s", text ? (const char *)text : "");
}

uint64_t row_number(sqlite3_stmt *s, int column)
{
	return (uint64_t)sqlite3_column_int64(s, column);
}

uint16_t row_bytes(sqlite3_stmt *s, int column, char *out, unsigned room)
{
	const void *bytes = sqlite3_column_blob(s, column);
	int len = sqlite3_column_bytes(s, column);

	if (!bytes || len <= 0)
		return 0;
	if ((unsigned)len > room)
		len = (int)room;
	memcpy(out, bytes, (size_t)len);
	return (uint16_t)len;
}

int row_word(sqlite3_stmt *s, int column, enum words_table table)
{
	char word[64];

	row_text(s, column, word, sizeof(word));
	return words_find(table, word);
}

uint8_t row_or_none(int value)
{
	return value < 0 ? 0 : (uint8_t)value;
}

bool row_address(sqlite3_stmt *s, int column, struct addr *out)
{
	char text[ADDR_TEXT_MAX];

	row_text(s, column, text, sizeof(text));
	return !*text || addr_parse(text, out) == 0;
}
