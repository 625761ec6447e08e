/* answers.c - the table of commands that the control socket takes. To add one: a line here, and its function. */
#include "posternd/answers.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *command;
	answer_function *run;
} answers[] = {
	{ "status", answer_status },
	{ "reload", answer_reload },
	{ "seen", answer_seen },
	{ "upstreams", answer_upstreams },
	{ "why", answer_why },
	{ "incidents", answer_incidents },
	{ "bypass", answer_bypass },
};

answer_function *answer_find(const char *command)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].command, command) == 0)
			return answers[i].run;
	return NULL;
}
