/* answer_rule.c - the rule of findings that a request names, by name or number. */
#include <jansson.h>

#include "conf/hints.h"
#include "postern/kind.h"
#include "posternd/answers.h"
#include "posternd/protocol.h"

enum { EXIT_USAGE = 2 };

bool answer_read_rule(const json_t *request, uint32_t *rule, json_t *line)
{
	const char *name = protocol_text(request, "rule"), *best;
	const struct finding_kind *kind = name ? finding_kind_read(name) : NULL;

	*rule = kind ? kind->id : 0;
	if (!name || kind)
		return true;
	best = nearest_rule(name);
	protocol_set_error(line, EXIT_USAGE, "there is no rule \"%.64s\"; %s%s%s", name,
	        best ? "did you mean " : "write one like relay.attempt or 1025100", best ? best : "",
	        best ? "?" : "");
	return false;
}
