/* finding.c - see finding.h. */
#include "watch/finding.h"

#include <string.h>

#include "postern/kind.h"
#include "watch/judge.h"

void finding_init(struct finding *f, enum finding_id id, const struct event *e)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->severity = finding_kind(id)->severity;
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
