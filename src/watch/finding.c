/* finding.c - see finding.h. */
#include "watch/finding.h"

#include <string.h>

#include "watch/judge.h"

static const struct {
	enum finding_id id;
	uint8_t severity;
} rows[] = {
#define X(name, number, rule, severity, signature, category, mitre) { FINDING_##name, severity },
	FINDINGS(X)
#undef X
};

static uint8_t finding_severity(enum finding_id id)
{
	size_t i = 0;

	while (rows[i].id != id)
		i++;
	return rows[i].severity;
}

void finding_init(struct finding *f, enum finding_id id, const struct event *e)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->severity = finding_severity(id);
	f->time_us = e->time_us;
	f->conn = e->conn;
}

void finding_take_memory(struct finding *f, const struct watch_memory *memory)
{
	if (!memory)
		return;
	f->helo = memory->helo;
	f->mail_from = memory->mail_from;
}
