/* format.h - the forms that a record can be written in: one table. */
#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "report/eve.h"
#include "report/syslog.h"

struct format {
	const char *name;      /* as options name it */
	const char *extension; /* of files */
	bool alerts_only;      /* has words for nothing else */
	/* Length of the line, without its newline, in out, which has room for WRITER_LINE_MAX bytes and a NUL; 0 = too long, or
	 * no memory. */
	size_t (*print)(const json_t *record, const struct syslog_origin *origin, char *out);
};

extern const struct format formats[EVE_FORMAT_COUNT];

#endif
