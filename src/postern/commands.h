/* commands.h - the subcommands of postern. Each has a line in main.c's table and a file of its own. */
#ifndef POSTERN_COMMANDS_H
#define POSTERN_COMMANDS_H

#include <stdbool.h>

struct conf;

/* INVALID also says that something was found: one status for both. */
enum command_exit { COMMAND_FINE, COMMAND_INVALID, COMMAND_USAGE, COMMAND_UNREACHABLE, COMMAND_INCONCLUSIVE };

/* What main does before a command runs. */
enum command_needs {
	NEEDS_NOTHING,       /* reads its own arguments */
	NEEDS_CONFIGURATION, /* takes -c FILE and nothing else: run gets it loaded */
};

struct command {
	const char *name;
	/* Exit status. argv[0] is "postern NAME"; conf only with NEEDS_CONFIGURATION. On
	 * COMMAND_USAGE main adds where help is. */
	union {
		int (*args)(int argc, char **argv);
		int (*conf)(const struct conf *conf, unsigned warnings);
	} run;
	const char *usage; /* behind "postern NAME" */
	const char *help;  /* one line */
	enum command_needs needs;
};

int check_run(const struct conf *conf, unsigned warnings);
int rules_run(const struct conf *conf, unsigned warnings);
int read_run(int argc, char **argv);
int replay_run(int argc, char **argv);
int down_run(int argc, char **argv);
int explain_run(int argc, char **argv);
int restore_run(int argc, char **argv);
int status_run(int argc, char **argv);
int upstreams_run(int argc, char **argv);
int seen_run(int argc, char **argv);
int sources_run(int argc, char **argv);
int top_run(int argc, char **argv);
int why_run(int argc, char **argv);
int incidents_run(int argc, char **argv);
int ack_run(int argc, char **argv);
int mute_run(int argc, char **argv);
int unmute_run(int argc, char **argv);
int mutes_run(int argc, char **argv);
int bypass_run(int argc, char **argv);
int block_run(int argc, char **argv);
int unblock_run(int argc, char **argv);
int blocks_run(int argc, char **argv);
int forget_run(int argc, char **argv);
int reload_run(int argc, char **argv);
int verify_run(const struct conf *conf, unsigned warnings);

#endif
