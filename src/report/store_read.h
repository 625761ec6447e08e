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

/* Of rules, that have expired at since_us or later; until_us is when. */
int store_read_over(sqlite3 *db, uint64_t since_us, store_each_block *each, void *arg, unsigned *strange);

/* The wall clock when the file was made, 0 if that is not known. */
uint64_t store_read_made(sqlite3 *db);
int store_read_open_stories(sqlite3 *db, store_each_story *each, void *arg, unsigned *strange);
/* The `most` that were closed last, at since_us or later, the oldest of them first. */
int store_read_closed_stories(
        sqlite3 *db, uint64_t since_us, unsigned most, store_each_story *each, void *arg, unsigned *strange);
int store_read_last_sources(
        sqlite3 *db, unsigned most, store_each_source *each, void *arg, unsigned *strange);
/* Those that are not over at now_us. */
int store_read_muted(sqlite3 *db, uint64_t now_us, store_each_mute *each, void *arg, unsigned *strange);
int store_read_last_seen(sqlite3 *db, unsigned most, store_each_seen *each, void *arg, unsigned *strange);
int store_read_last_usual(sqlite3 *db, unsigned most, store_each_usual *each, void *arg, unsigned *strange);
/* At most STORE_PAGE of them; *count says how many. */
int store_read_page(sqlite3 *db, const struct store_question *q, struct finding *rows, int *count);

#endif
