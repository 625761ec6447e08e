/* reload.c - `postern reload`: the changed configuration comes into force, or is refused with every reason. */
#include <stdio.h>

#include "postern/live.h"

static void print_reload(void *arg, const json_t *line)
{
	(void)arg;
	fputs(live_text(line, "words"), stderr); /* warnings */
	printf("%s is in force (%s): %s mode\n", live_text(line, "configuration"), live_text(line, "config"),
	        live_text(line, "mode"));
}

int reload_run(int argc, char **argv)
{
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("reload"), print_reload, NULL);
}
