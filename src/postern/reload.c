/* reload.c - `postern reload`: the changed configuration comes into force, or is refused with every reason.
 *
 * Where the configuration is so broken that it does not even say where posternd listens, posternd would refuse it with the
 * reasons that are told here then.
 *
 * posternd reloads the file that it was started with. Whether -c names that one is for posternd to say, by its number on the
 * disk: names of one file may differ.
 */
#include <stdio.h>
#include <sys/stat.h>

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
	int r = conf_load(live_conf(live), NULL, &conf, print_reason, NULL, NULL);

	conf_free(conf);
	fprintf(stderr,
	        "%s: nobody was asked: where posternd listens is not known (--socket PATH names it)\n",
	        live->name);
	return r ? COMMAND_INVALID : COMMAND_UNREACHABLE;
}

static json_t *request_of(const struct live *live)
{
	json_t *request = protocol_new("reload");
	struct stat st = { .st_ino = 0 };

	if (!live->conf)
		return request;
	(void)stat(live->conf, &st);
	(void)json_object_set_new(request, "device", json_integer((json_int_t)st.st_dev));
	(void)json_object_set_new(request, "inode", json_integer((json_int_t)st.st_ino));
	return request;
}

int reload_run(int argc, char **argv)
{
	struct live live;
	int status;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	live.silent = live.is_guess;
	live.acts = true;
	status = live_ask(&live, request_of(&live), print_reload, NULL);
	return status == COMMAND_UNREACHABLE && live.is_guess ? refuse(&live) : status;
}
