/* answer_bypass.c - `bypass TIME` and `bypass off`: `seconds` of the request, 0 = off. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "posternd/answers.h"
#include "posternd/bypass.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "report/field.h"

enum { EXIT_INVALID = 1, EXIT_USAGE = 2 };

static enum answer_state begin(struct ask *ask, json_t *line, uint32_t seconds)
{
	const char *reason = protocol_text(ask->request, "reason");
	struct bypass *b = ask->daemon->bypass;
	int r = bypass_begin(b, seconds, ask->uid, reason ? reason : "");

	if (r)
		protocol_set_error(line, EXIT_INVALID, "the bypass is NOT in force: %s", strerror(-r));
	field_set_uint(line, "left_s", bypass_left_s(b, clock_now_us()));
	return ANSWER_DONE;
}

static enum answer_state end(struct ask *ask, json_t *line)
{
	struct bypass *b = ask->daemon->bypass;

	if (!ask->begun && bypass_end(b, ask->uid) == -ENOENT) {
		protocol_set_error(line, EXIT_INVALID, "there is no bypass");
		return ANSWER_DONE;
	}
	ask->begun = true;
	if (bypass_is_ending(b))
		return ANSWER_LATER;
	field_set_uint(line, "left_s", 0);
	return ANSWER_DONE;
}

enum answer_state answer_bypass(struct ask *ask, json_t *line)
{
	long long seconds = protocol_number(ask->request, "seconds", -1);

	if (seconds < 0 || seconds > BYPASS_SECONDS_MAX) {
		protocol_set_error(line, EXIT_USAGE, "a bypass takes from 1 s to 1 d, or 0 to end it");
		return ANSWER_DONE;
	}
	return seconds > 0 ? begin(ask, line, (uint32_t)seconds) : end(ask, line);
}
