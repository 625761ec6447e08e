/* evidence.h - bounded lines of evidence, put together from printf text and bytes as seen on the wire.
 *
 * A line that does not fit is cut and says so. Bytes are kept raw: report escapes them.
 */
#ifndef WATCH_EVIDENCE_H
#define WATCH_EVIDENCE_H

#include "postern/finding.h"

enum { EVIDENCE_PATH_MAX = 110 }; /* of a path in a line, so that the reply behind it stays visible */

/* The next free line of f, empty; NULL when all FINDING_EVIDENCE_MAX are taken. */
struct event_text *evidence_line(struct finding *f);
/* Both append to line; NULL is fine and does nothing. */
void evidence_print(struct event_text *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_bytes(struct event_text *line, const char *bytes, size_t len);
/* At most EVIDENCE_PATH_MAX bytes of it; a cut path ends in "...". */
void evidence_path(struct event_text *line, const struct event_path *path);
/* " -> 550 text", or " -> no reply". */
void evidence_reply(struct event_text *line, const struct event_reply *reply);

#endif
