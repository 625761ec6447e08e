/* finding.c - see finding.h. */
#include "watch/finding.h"

#include <string.h>

static uint8_t finding_severity(enum finding_id id)
{
	switch (id) {
#define X(name, number, rule, severity, signature, category, mitre)                                          \
	case FINDING_##name:                                                                                 \
		return severity;
		FINDINGS(X)
#undef X
	}
	return 1;
}

void finding_init(struct finding *f, enum finding_id id, const struct event *e)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->severity = finding_severity(id);
	f->time_us = e->time_us;
	f->conn = e->conn;
}
