/* restore.c - `postern restore`: the rules that were in force last, before posternd runs.
 *
 * posternd leaves them in the folder that the service manager gives it, whenever it has changed the kernel's.
 * At boot they are loaded before the configuration is even looked at: whatever is wrong with that, the
 * interfaces do not come up without rules. Where the table stands already, nothing is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/gate.h"
#include "postern/commands.h"
#include "posternd/wanted.h"

enum { ERR_BYTES = 512, PATH_BYTES = 4096 };

static int tell(int r, const char *path, const char *table, const char *err)
{
	if (r == 0)
		fprintf(stderr,
		        "postern restore: table inet %s is as it was last (%s). NOTHING IS INSPECTED until "
		        "posternd "
		        "runs\n",
		        table, path);
	else if (r == -EEXIST)
		fprintf(stderr, "postern restore: table inet %s stands already\n", table);
	else if (r == -ENOENT)
		fprintf(stderr,
		        "postern restore: posternd has left no rules in %s yet; port 25 is not guarded until "
		        "it "
		        "runs\n",
		        path);
	else
		fprintf(stderr, "postern restore: %s: %s; PORT 25 MAY NOT BE GUARDED until posternd runs\n",
		        path, err);
	return r == 0 || r == -EEXIST || r == -ENOENT ? COMMAND_FINE : COMMAND_INVALID;
}

int restore_run(int argc, char **argv)
{
	char path[PATH_BYTES] = "", table[GATE_TABLE_MAX] = "", err[ERR_BYTES] = "";
	bool known = wanted_path(path, sizeof(path));
	struct gate *gate;
	int opt, r;

	while ((opt = getopt(argc, argv, "+f:")) != -1) {
		if (opt != 'f')
			return COMMAND_USAGE;
		snprintf(path, sizeof(path), "%s", optarg);
		known = true;
	}
	if (optind < argc)
		return COMMAND_USAGE;
	if (!known) {
		fputs("postern restore: STATE_DIRECTORY is set by the service manager only; by hand, name "
		      "the file: -f /var/lib/postern/rules\n",
		        stderr);
		return COMMAND_USAGE;
	}
	gate = gate_open(err, sizeof(err));
	r = gate ? gate_restore(gate, path, table, err, sizeof(err)) : -EIO;
	gate_close(gate);
	return tell(r, path, table, err);
}
