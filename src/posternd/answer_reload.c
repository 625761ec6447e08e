/* answer_reload.c - `reload`: takes the changed configuration, and says what became of that once it is known.
 *
 * The configuration is read and checked before anything is changed (reload.c). Reading takes the time it takes; while
 * another reload is on its way, this one waits.
 */
#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "posternd/reload.h"
#include "report/field.h"

enum { EXIT_INVALID = 1 };

enum answer_state answer_reload(struct ask *ask, json_t *line)
{
	struct daemon *d = ask->daemon;

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
