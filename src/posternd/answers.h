/* answers.h - the commands that the control socket takes. Each has a line in answers.c's table, and a function. */
#ifndef POSTERND_ANSWERS_H
#define POSTERND_ANSWERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct daemon;

/* One request while it is being answered. */
struct ask {
	struct daemon *daemon;
	const json_t *request;
	uid_t uid;
	/* The command's own, zero at first. */
	uint64_t cursor;
	bool begun;
	struct { /* of the store (answer_incidents.c) */
		uint64_t before_us, before_id, rows;
		uint32_t number;
		unsigned tries;
	} page;
	void *own; /* freed with free_own(own) */
	void (*free_own)(void *own);
};

enum answer_state {
	ANSWER_DONE,  /* the line is the last one */
	ANSWER_MORE,  /* it is not: call again as soon as there is room */
	ANSWER_LATER, /* nothing to say yet; the line is thrown away. Call again within a second */
	ANSWER_STATES
};
/* Fills one line, which has its version and command already. A bounded piece of work: the lines of a long list hold
 * ANSWER_ROWS rows at most, in the array "rows". */
enum { ANSWER_ROWS = 64 };
typedef enum answer_state answer_function(struct ask *ask, json_t *line);

/* What `rule` of the request means; 0 = it has none. False: there is no such rule, and the line says so. */
bool answer_read_rule(const json_t *request, uint32_t *rule, json_t *line);

/* NULL = there is no such command. */
answer_function *answer_find(const char *command);
/* A request of several lines: takes one that says that more follow, into ask->own. False: it cannot be, why is said. */
enum { ANSWER_WHY_MAX = 200 };
typedef bool answer_taker(struct ask *ask, const json_t *line, char why[ANSWER_WHY_MAX]);
/* NULL = the command takes one line only. */
answer_taker *answer_find_taker(const char *command);

answer_function answer_status;
answer_function answer_reload;
answer_function answer_upstreams;
answer_function answer_seen;
answer_function answer_sources;
answer_function answer_why;
answer_function answer_incidents;
answer_function answer_ack;
answer_function answer_mute;
answer_function answer_unmute;
answer_function answer_mutes;
answer_function answer_bypass;
answer_function answer_block;
answer_function answer_unblock;
answer_function answer_blocks;
answer_function answer_forget;
answer_taker answer_take_blocks;

#endif
