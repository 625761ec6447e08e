/* intake.h - files of records for `postern replay`: line by line, each for what it is, and what was wrong with them.
 *
 * A line that was read before is passed over: files that overlap, as copies of a running log do, tell nothing twice.
 */
#ifndef POSTERN_INTAKE_H
#define POSTERN_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

struct intake;
struct recorded;

struct intake_counts {
	uint64_t files, unread; /* unread: not, or not to their ends */
	uint64_t records;
	uint64_t others;   /* of other types */
	uint64_t foreign;  /* of other programs */
	uint64_t repeated; /* read before */
	uint64_t bad;      /* lines */
};

/* Takes over the record. */
typedef void intake_take(void *arg, struct recorded *record);

/* connections: remembered from their first record to the last. NULL with errno. */
struct intake *intake_new(uint32_t connections, intake_take *take, void *arg);
void intake_free(struct intake *in); /* NULL is fine */
/* One more file, plain or gzip; "-" = standard input. What is wrong is said on standard error, and counted. at_us: the time
 * that is shown on a terminal. */
void intake_file(struct intake *in, const char *path, const uint64_t *at_us);
struct intake_counts intake_counts(const struct intake *in);
/* By their own account the records do not hold all that has happened. */
bool intake_is_incomplete(const struct intake *in);
/* In words: how much, and of whom; nothing where nothing is missing. */
void intake_print_missing(const struct intake *in, FILE *to);
/* The same as an object: records left out, what was in them, and of whom, events lost, recipients and commands that are known
 * by number alone, bad lines, unread files; each where there are some. NULL without memory. */
json_t *intake_missing_json(const struct intake *in);

#endif
