/* advice.h - what each finding means to people: beside the table of include/postern/finding.h, and complete. */
#ifndef REPORT_ADVICE_H
#define REPORT_ADVICE_H

#include <stdint.h>
#include <stdio.h>

#include "postern/kind.h"

struct advice {
	uint32_t id;          /* enum finding_id */
	const char *severity; /* the table's first, then those of circumstances */
	const char *meaning, *cause, *remedy;
};
/* In the order of FINDINGS. */
extern const struct advice advices[FINDING_KIND_COUNT];

/* docs/FINDINGS.md. */
void advice_print_page(FILE *to);

#endif
