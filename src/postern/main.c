/* main.c - postern, the one command for people: finds the subcommand in a table and runs it.
 *
 * Exit status: 0 fine, 1 finding or invalid input, 2 usage, 3 posternd not reachable, 4 nothing can be said. To add a command,
 * write its file, a line in the table, and lines for its words in help.c; help, usage errors and the loading of the
 * configuration come from there.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/hints.h"
#include "postern/commands.h"
#include "postern/help.h"
#include "postern/page.h"
#include "posternd/upstreams.h"
#include "report/advice.h"

static int help_run(int argc, char **argv);

/* clang-format off */
#define LIVE "[--socket PATH] [-c FILE] [--json]"
static const struct command commands[] = {
	{ "check", { .conf = check_run }, "[-c FILE]",
	  "validates the configuration and shows what it means", NEEDS_CONFIGURATION },
	{ "rules", { .conf = rules_run }, "[-c FILE]",
	  "prints, in nft syntax, the ruleset that would be installed", NEEDS_CONFIGURATION },
	{ "explain", { .args = explain_run }, "[-c FILE] [--port N] [--json] [--from A] [--rcpt B]... SRC DST",
	  "what would happen to this connection and envelope, and which line says so", NEEDS_NOTHING },
	{ "read", { .args = read_run }, "[-c FILE] [--home P] [--domain D] [--ports 25,2525] [-f FORMAT] PCAP...",
	  "reads captures through the same engine as live traffic; records on stdout", NEEDS_NOTHING },
	{ "replay", { .args = replay_run }, "[-c FILE] [--enforce] [--records] [--json] [-f FORMAT] EVE...",
	        "says what a configuration would have made of recorded traffic", NEEDS_NOTHING },
	{ "verify", { .conf = verify_run }, "[-c FILE]",
	  "compares the ruleset in the kernel with the one that would be installed", NEEDS_CONFIGURATION },
	{ "restore", { .args = restore_run }, "[-f FILE]",
	  "loads the rules that were in force last, where there are none: for the boot", NEEDS_NOTHING },
	{ "down", { .args = down_run }, "[-c FILE]",
	  "ends posternd and removes everything of it from the kernel", NEEDS_NOTHING },
	{ "status", { .args = status_run }, LIVE,
	  "is port 25 guarded, since when, how, and what is wrong", NEEDS_NOTHING },
	{ "seen", { .args = seen_run }, LIVE,
	  "who delivered to each server, in or out of the allow sets, since when", NEEDS_NOTHING },
	{ "sources", { .args = sources_run }, LIVE " [--sort COUNT] [--top N] [PREFIX]",
	  "what each source has done: connections, messages, recipients, bytes", NEEDS_NOTHING },
	{ "top", { .args = top_run }, LIVE " [--sort COUNT] [PREFIX]",
	  "the busiest sources, on the whole terminal, again and again; q ends it", NEEDS_NOTHING },
	{ "upstreams", { .args = upstreams_run }, LIVE,
	  "the addresses of upstreams that are followed through the DNS, and which count", NEEDS_NOTHING },
	{ "why", { .args = why_run }, LIVE " ADDRESS",
	  "the last decisions about this address, each with its reason", NEEDS_NOTHING },
	{ "incidents", { .args = incidents_run }, LIVE " [--open] [--since TIME] [--source PREFIX] [--rule RULE] [--limit N] [--suppressed] | ID",
	  "the incidents that are open; or, narrowed, those of the past; or one of them, whole", NEEDS_NOTHING },
	{ "ack", { .args = ack_run }, LIVE " [--reason TEXT] ID...",
	  "you know of these incidents: told again for another rule or something worse only", NEEDS_NOTHING },
	{ "mute", { .args = mute_run }, LIVE " [--for TIME] [--rule RULE] [--reason TEXT] ADDRESS[/LENGTH]",
	  "what is found about these sources is counted and not told, for an hour or so long", NEEDS_NOTHING },
	{ "unmute", { .args = unmute_run }, LIVE " [--rule RULE] ADDRESS[/LENGTH]",
	  "ends a mute", NEEDS_NOTHING },
	{ "mutes", { .args = mutes_run }, LIVE,
	  "who is muted, by whom, for how long", NEEDS_NOTHING },
	{ "bypass", { .args = bypass_run }, LIVE " [--reason TEXT] TIME | off",
	  "everything passes uninspected for so long, as in 30m; off ends it", NEEDS_NOTHING },
	{ "block", { .args = block_run }, LIVE " [-f FILE] [--for TIME] [--reason TEXT] [ADDRESS[/LENGTH]]...",
	  "cuts clients off from the guarded ports; -f takes one a line (- = standard input), all or nothing", NEEDS_NOTHING },
	{ "unblock", { .args = unblock_run }, LIVE " ADDRESS[/LENGTH]",
	  "ends a block", NEEDS_NOTHING },
	{ "blocks", { .args = blocks_run }, LIVE,
	  "who is blocked, by whom, for how long", NEEDS_NOTHING },
	{ "forget", { .args = forget_run }, LIVE " [--dry-run] ADDRESS[/LENGTH] | MAILBOX",
	  "erases what is kept about a source or a mailbox, and says what stays", NEEDS_NOTHING },
	{ "reload", { .args = reload_run }, LIVE,
	  "posternd takes the changed configuration, or says why not", NEEDS_NOTHING },
	{ "help", { .args = help_run }, "[COMMAND | postern.conf | findings]",
	  "shows this, one command, the manual page of the configuration, or what each finding means", NEEDS_NOTHING },
};
/* clang-format on */
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find_command(const char *name)
{
	unsigned i;

	for (i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(FILE *to)
{
	unsigned i;

	fputs("usage: postern COMMAND [ARGUMENTS]\n\n", to);
	for (i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\nExit status: 0 fine, 1 finding or invalid input, 2 usage, 3 posternd not reachable,\n"
	      "4 nothing can be said (replay: the records are incomplete, or there is none).\n"
	      "The configuration is " CONF_DEFAULT_PATH " unless -c names another file.\n",
	        to);
}

static int unknown_command(const char *name)
{
	const char *best = NULL;
	unsigned distance = 0;

	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		nearest_try(name, commands[i].name, &best, &distance);
	fprintf(stderr, "postern: there is no command \"%s\"; %s%s%spostern help lists them\n", name,
	        best ? "did you mean " : "", best ? best : "", best ? "? " : "");
	return COMMAND_USAGE;
}

static int help_run(int argc, char **argv)
{
	const struct command *c;

	if (argc > 2) {
		fputs("postern help: takes one command\n", stderr);
		return COMMAND_USAGE;
	}
	if (argc < 2) {
		print_help(stdout);
		return COMMAND_FINE;
	}
	if (strcmp(argv[1], "postern.conf") == 0) {
		page_show(conf_print_manual);
		return COMMAND_FINE;
	}
	if (strcmp(argv[1], "findings") == 0) {
		advice_print_page(stdout);
		return COMMAND_FINE;
	}
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	help_print(stdout, c);
	return COMMAND_FINE;
}

/* ---- commands that work on the configuration ---------------------------------------------------- */

static void on_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

static void on_warning(void *arg, const char *message)
{
	unsigned *warnings = arg;

	(*warnings)++;
	fprintf(stderr, "%s\n", message);
}

static int run_with_configuration(const struct command *c, int argc, char **argv)
{
	const char *path = CONF_DEFAULT_PATH;
	const struct conf_options options = { .keep_places = true };
	struct conf *conf;
	unsigned warnings = 0;
	int opt, status;

	while ((opt = getopt(argc, argv, "+c:")) != -1) {
		if (opt != 'c')
			return COMMAND_USAGE;
		path = optarg;
	}
	if (optind < argc) {
		fprintf(stderr, "postern %s: \"%s\" is too much; a file is named with -c\n", c->name,
		        argv[optind]);
		return COMMAND_USAGE;
	}
	if (conf_load(path, &options, &conf, on_error, on_warning, &warnings) < 0)
		return COMMAND_INVALID;
	if (upstreams_fill(conf) < 0) {
		fputs("postern: not enough memory\n", stderr);
		conf_free(conf);
		return COMMAND_INVALID;
	}
	status = c->run.conf(conf, warnings);
	conf_free(conf);
	return status;
}

/* ---- main ------------------------------------------------------------------------------------------ */

static int run_command(const struct command *c, int argc, char **argv)
{
	char name[64];
	int status;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help_print(stdout, c);
		return COMMAND_FINE;
	}
	snprintf(name, sizeof(name), "postern %s", c->name);
	argv[0] = name; /* what getopt puts before its messages */
	status = c->needs == NEEDS_CONFIGURATION ? run_with_configuration(c, argc, argv)
	                                         : c->run.args(argc, argv);
	if (status == COMMAND_USAGE)
		fprintf(stderr, "usage: postern %s %s\npostern help %s says what the words mean\n", c->name,
		        c->usage, c->name);
	return status;
}

/* What was printed may not have arrived: a full disk, a closed pipe. */
static int flush_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("postern: standard output");
	return COMMAND_INVALID;
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_help(stderr);
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("postern " POSTERN_VERSION);
		return flush_output(COMMAND_FINE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return flush_output(COMMAND_FINE);
	}
	c = find_command(argv[1]);
	return c ? flush_output(run_command(c, argc - 1, argv + 1)) : unknown_command(argv[1]);
}
