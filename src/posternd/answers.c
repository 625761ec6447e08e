/* answers.c - the table of commands that the control socket takes. To add one: a line here, and its function. */
#include "posternd/answers.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *command;
	answer_function *run;
	answer_taker *take;
} answers[] = {
	{ "status", answer_status, NULL },
	{ "reload", answer_reload, NULL },
	{ "seen", answer_seen, NULL },
	{ "sources", answer_sources, NULL },
	{ "upstreams", answer_upstreams, NULL },
	{ "why", answer_why, NULL },
	{ "incidents", answer_incidents, NULL },
	{ "ack", answer_ack, NULL },
	{ "mute", answer_mute, NULL },
	{ "unmute", answer_unmute, NULL },
	{ "mutes", answer_mutes, NULL },
	{ "bypass", answer_bypass, NULL },
	{ "block", answer_block, answer_take_blocks },
	{ "unblock", answer_unblock, NULL },
	{ "blocks", answer_blocks, NULL },
	{ "forget", answer_forget, NULL },
};

answer_function *answer_find(const char *command)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].command, command) == 0)
			return answers[i].run;
	return NULL;
}

answer_taker *answer_find_taker(const char *command)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].command, command) == 0)
			return answers[i].take;
	return NULL;
}
