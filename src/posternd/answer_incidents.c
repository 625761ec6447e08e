/* answer_incidents.c - `incidents`: the stories that are open, as watch keeps them. Closed ones are in the records. */
#include <inttypes.h>
#include <stdio.h>

#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "report/field.h"
#include "report/words.h"

static const char *rule_of(uint32_t id)
{
	static const struct {
		uint32_t id;
		const char *rule;
	} rules[] = {
#define X(name, number, rule, sev, sig, cat, mitre) { number, rule },
		FINDINGS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].id == id)
			return rules[i].rule;
	return "unknown";
}

static json_t *make_row(const struct finding *f)
{
	char text[ADDR_TEXT_MAX];
	json_t *row = json_object();

	field_set_uint(row, "id", f->incident.id);
	field_set_text(row, "rule", rule_of(f->id));
	field_set_uint(row, "signature_id", f->id);
	field_set_uint(row, "severity", f->severity);
	field_set_uint(row, "count", f->incident.count);
	field_set_time(row, "first_seen", f->incident.first_us);
	field_set_time(row, "last_seen", f->incident.last_us);
	if (finding_has_connection(f->id)) {
		if (!f->pooled)
			field_set_text(row, "source", addr_print(&f->conn.src, text));
		field_set_text(row, "server", addr_print(&f->conn.dst, text));
		field_set_text(row, "direction", words_get(WORDS_DIRECTION, f->conn.direction));
	}
	field_set(row, "blocked", json_boolean(f->blocked));
	if (f->evidence_count > 0)
		field_set(row, "evidence", FIELD_OF(f->evidence[0]));
	return row;
}

enum answer_state answer_incidents(struct ask *ask, json_t *line)
{
	const struct watch *watch = desk_watch(ask->daemon->desk);
	uint32_t cursor = (uint32_t)ask->cursor;
	const struct finding *f = NULL;
	json_t *rows = json_array();

	for (unsigned n = 0; n < ANSWER_ROWS && (f = watch_scan_incidents(watch, &cursor)); n++)
		(void)json_array_append_new(rows, make_row(f));
	ask->cursor = cursor;
	field_set(line, "rows", rows);
	return f ? ANSWER_MORE : ANSWER_DONE;
}
