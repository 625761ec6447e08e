/* answer_mute.c - `mute`, `unmute`, `mutes` and `ack`.
 *
 * `mute`: `address`, `rule` (name or number; without it every one), `seconds`, `reason`. `ack`: `ids`, `reason`; all of the
 * incidents are open, or none is acknowledged.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "postern/kind.h"
#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "posternd/silence.h"
#include "report/field.h"

enum { EXIT_INVALID = 1, EXIT_USAGE = 2, IDS_MAX = 1000 };

/* False: said. */
static bool read_whom(const json_t *request, struct prefix *prefix, uint32_t *rule, json_t *line)
{
	const char *address = protocol_text(request, "address");

	if (!address || prefix_parse(address, prefix)) {
		protocol_set_error(
		        line, EXIT_USAGE, "\"%.64s\" is no address or prefix", address ? address : "");
		return false;
	}
	if (!answer_read_rule(request, rule, line))
		return false;
	if (*rule == 0 || finding_has_connection(*rule))
		return true;
	protocol_set_error(
	        line, EXIT_USAGE, "%s is about the gate itself, which is never muted", finding_rule(*rule));
	return false;
}

static void set_whom(json_t *row, const struct prefix *prefix, uint32_t rule)
{
	char text[PREFIX_TEXT_MAX];

	field_set_text(row, "address", prefix_print(prefix, text));
	if (rule)
		field_set_text(row, "rule", finding_rule(rule));
}

enum answer_state answer_mute(struct ask *ask, json_t *line)
{
	long long seconds = protocol_number(ask->request, "seconds", SILENCE_SECONDS_DEFAULT);
	const char *reason = protocol_text(ask->request, "reason");
	struct silence_wish wish = { .uid = ask->uid, .reason = reason ? reason : "" };

	if (seconds < 1 || seconds > SILENCE_SECONDS_MAX) {
		protocol_set_error(line, EXIT_USAGE, "a mute takes from 1 s to 30 d");
		return ANSWER_DONE;
	}
	if (!read_whom(ask->request, &wish.prefix, &wish.rule, line))
		return ANSWER_DONE;
	wish.seconds = (uint32_t)seconds;
	if (!silence_mute(ask->daemon, &wish))
		protocol_set_error(
		        line, EXIT_INVALID, "there are %d mutes already; end some first", MUTES_MAX);
	set_whom(line, &wish.prefix, wish.rule);
	field_set_uint(line, "seconds", wish.seconds);
	field_set_true(line, "wide", silence_is_wide(&wish.prefix));
	return ANSWER_DONE;
}

/* Somebody wants a part of a mute to end, or one that holds others. */
static void explain_missing(const struct daemon *d, json_t *line, const struct prefix *prefix, uint32_t rule)
{
	const struct mutes *mutes = watch_mutes(desk_own_watch(d->desk));
	char text[PREFIX_TEXT_MAX];

	prefix_print(prefix, text);
	if (rule && mutes_of_prefix(mutes, prefix, 0))
		protocol_set_error(line, EXIT_INVALID,
		        "%s is muted for every rule, not for %s alone: unmute it without --rule", text,
		        finding_rule(rule));
	else
		protocol_set_error(line, EXIT_INVALID, "%s is not muted%s%s; postern mutes shows who is",
		        text, rule ? " for " : "", rule ? finding_rule(rule) : "");
}

enum answer_state answer_unmute(struct ask *ask, json_t *line)
{
	struct prefix prefix;
	unsigned count;
	uint32_t rule;

	if (!read_whom(ask->request, &prefix, &rule, line))
		return ANSWER_DONE;
	count = silence_unmute(ask->daemon, &prefix, rule, ask->uid);
	set_whom(line, &prefix, rule);
	field_set_uint(line, "count", count);
	if (count == 0)
		explain_missing(ask->daemon, line, &prefix, rule);
	return ANSWER_DONE;
}

static json_t *mute_row(const struct mute *m, uint64_t now_us)
{
	json_t *row = json_object();

	set_whom(row, &m->prefix, m->rule);
	field_set(row, "uid", json_integer(m->uid));
	field_set_time(row, "since", m->set_us);
	field_set_time(row, "until", m->until_us);
	field_set_uint(row, "left_s", m->until_us > now_us ? (m->until_us - now_us + 999999) / 1000000 : 0);
	field_set_true(row, "wide", silence_is_wide(&m->prefix));
	field_set(row, "reason", field_bytes(m->reason, (unsigned)strlen(m->reason)));
	return row;
}

enum answer_state answer_mutes(struct ask *ask, json_t *line)
{
	const struct mutes *m = watch_mutes(desk_own_watch(ask->daemon->desk));
	uint64_t now_us = clock_now_us();
	json_t *rows = json_array();

	for (unsigned n = 0; n < ANSWER_ROWS && ask->cursor < m->count; n++)
		(void)json_array_append_new(rows, mute_row(&m->list[ask->cursor++], now_us));
	field_set(line, "rows", rows);
	if (ask->cursor < m->count)
		return ANSWER_MORE;
	field_set_uint(line, "count", m->count);
	return ANSWER_DONE;
}

static bool is_open(const struct daemon *d, const json_t *id)
{
	return watch_find_incident(desk_watch(d->desk), (uint64_t)json_integer_value(id)) != NULL;
}

enum answer_state answer_ack(struct ask *ask, json_t *line)
{
	const json_t *ids = json_object_get(ask->request, "ids"), *id;
	const char *reason = protocol_text(ask->request, "reason");
	size_t i;

	if (json_array_size(ids) == 0 || json_array_size(ids) > IDS_MAX) {
		protocol_set_error(line, EXIT_USAGE, "takes the numbers of 1 to %d incidents", IDS_MAX);
		return ANSWER_DONE;
	}
	json_array_foreach (ids, i, id)
		if (!is_open(ask->daemon, id)) {
			protocol_set_error(line, EXIT_INVALID,
			        "no incident %" PRIu64
			        " is open, postern incidents lists those that are; nothing was acknowledged",
			        (uint64_t)json_integer_value(id));
			return ANSWER_DONE;
		}
	json_array_foreach (ids, i, id)
		(void)silence_ack(
		        ask->daemon, (uint64_t)json_integer_value(id), ask->uid, reason ? reason : "");
	field_set_uint(line, "count", json_array_size(ids));
	return ANSWER_DONE;
}
