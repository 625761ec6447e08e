/* answer_reload.c - `reload`: takes the changed configuration, and says what became of that once it is known.
 *
 * The configuration is read and checked before anything is changed (reload.c). Reading takes the time it takes; while
 * another reload is on its way, this one waits. Who has a certain file in mind sends its `device` and `inode`: when that is
 * not the file that is reloaded, nothing is. A name would not do, since one file may have several, and another one the same
 * where folders are private.
 */
#include "posternd/answers.h"

#include <sys/stat.h>

#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "posternd/reload.h"
#include "report/field.h"

enum { EXIT_INVALID = 1, EXIT_USAGE = 2 };

/* No file in mind is fine, and so is one when ours cannot be looked at: reading it will say why. */
static bool is_ours(const struct daemon *d, const json_t *request)
{
	struct stat st;

	if (!json_object_get(request, "inode") || stat(d->path, &st) != 0)
		return true;
	return protocol_number(request, "inode", 0) == (long long)st.st_ino &&
	       protocol_number(request, "device", 0) == (long long)st.st_dev;
}

enum answer_state answer_reload(struct ask *ask, json_t *line)
{
	struct daemon *d = ask->daemon;

	if (!ask->begun && !is_ours(d, ask->request)) {
		protocol_set_error(line, EXIT_USAGE,
		        "posternd reloads %s, and nothing else; -c only says where it listens: nothing was "
		        "reloaded",
		        d->path);
		return ANSWER_DONE;
	}
	if (!ask->begun && !reload_ask(d, ask->uid))
		return ANSWER_LATER;
	ask->begun = true;
	if (reload_runs(d))
		return ANSWER_LATER;
	field_set_text(line, "configuration", d->path);
	field_set_text(line, "config", d->conf->hash);
	field_set_text(line, "mode", daemon_mode_name(d->conf));
	field_set_text(line, "words", d->reload.words);
	if (!d->reload.ok) {
		field_set_text(
		        line, "error", "the configuration was not taken; the one of before stays in force");
		field_set_uint(line, "exit", EXIT_INVALID);
	}
	return ANSWER_DONE;
}
