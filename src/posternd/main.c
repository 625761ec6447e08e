/* main.c - posternd: guards port 25 of this gateway.
 *
 * Runs in the foreground, logs to stderr, tells the service manager when it is ready. Exit status:
 * 0 after SIGTERM or SIGINT, 1 when something was wrong (said in one line), 2 for wrong usage.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "conf/conf.h"
#include "posternd/daemon.h"

struct options {
	const char *path;
	bool monitor;
};

static void print_usage(FILE *to)
{
	fprintf(to,
	        "usage: posternd [-c FILE] [-n]\n"
	        "  -c FILE  configuration (default %s)\n"
	        "  -n       monitor mode whatever the file says: observe, refuse nothing\n"
	        "  -V       print the version\n"
	        "  -h       print this\n",
	        CONF_DEFAULT_PATH);
}

/* The exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:nVh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->path = optarg;
			break;
		case 'n':
			o->monitor = true;
			break;
		case 'V':
			puts("posternd " POSTERN_VERSION);
			return 0;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	if (optind == argc)
		return -1;
	fprintf(stderr, "posternd: what is \"%s\"? It takes no arguments but options\n", argv[optind]);
	print_usage(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct options o = { .path = CONF_DEFAULT_PATH };
	struct daemon d = { .conf = NULL };
	int status = read_options(argc, argv, &o);
	bool ok;

	if (status >= 0)
		return status;
	log_open("posternd", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN); /* records to a closed pipe are lost and counted */

	ok = daemon_load(&d, o.path, o.monitor) && daemon_claim(&d) && daemon_prepare(&d) &&
	     daemon_install(&d);
	if (ok) {
		ok = daemon_run(&d);
		ok = daemon_stop(&d) && ok;
	}
	daemon_close(&d);
	return ok ? 0 : 1;
}
