/* reload.c - `postern reload`: the changed configuration comes into force, or is refused with every reason.
 *
 * Where the configuration is so broken that it does not even say where posternd listens, posternd would refuse it with the
 * reasons that are told here then.
 */
#include <stdio.h>

#include "conf/conf.h"
#include "postern/live.h"

static void print_reload(void *arg, const json_t *line)
{
	(void)arg;
	fputs(live_text(line, "words"), stderr); /* warnings */
	printf("%s is in force (%s): %s mode\n", live_text(line, "configuration"), live_text(line, "config"),
	        live_text(line, "mode"));
}

static void print_reason(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

/* It has reasons: else its socket were known. */
static int refuse(const struct live *live)
{
	struct conf *conf = NULL;
	int r = conf_load(live->conf ? live->conf : CONF_DEFAULT_PATH, NULL, &conf, print_reason, NULL, NULL);

	conf_free(conf);
	fprintf(stderr,
	        "%s: nobody was asked: where posternd listens is not known (--socket PATH names it)\n",
	        live->name);
	return r ? COMMAND_INVALID : COMMAND_UNREACHABLE;
}

int reload_run(int argc, char **argv)
{
	struct live live;
	int status;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	live.silent = live.is_guess;
	live.acts = true;
	status = live_ask(&live, protocol_new("reload"), print_reload, NULL);
	return status == COMMAND_UNREACHABLE && live.is_guess ? refuse(&live) : status;
}
