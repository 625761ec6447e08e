/* evidence.c - see evidence.h. */
#include "watch/evidence.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct event_text *evidence_line(struct finding *f)
{
	struct event_text *line;

	if (f->evidence_count >= FINDING_EVIDENCE_MAX)
		return NULL;
	line = &f->evidence[f->evidence_count++];
	memset(line, 0, sizeof(*line));
	return line;
}

void evidence_bytes(struct event_text *line, const char *bytes, size_t len)
{
	size_t room;

	if (!line)
		return;
	room = sizeof(line->bytes) - line->len;
	if (len > room) {
		len = room;
		line->cut = 1;
	}
	memcpy(line->bytes + line->len, bytes, len);
	line->len = (uint16_t)(line->len + len);
}

void evidence_print(struct event_text *line, const char *format, ...)
{
	char text[EVENT_TEXT_MAX + 1];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len <= 0)
		return;
	if ((size_t)len >= sizeof(text)) {
		len = (int)sizeof(text) - 1;
		if (line)
			line->cut = 1;
	}
	evidence_bytes(line, text, (size_t)len);
}

void evidence_path(struct event_text *line, const struct event_path *path)
{
	bool cut = path->cut || path->len > EVIDENCE_PATH_MAX;

	evidence_bytes(line, path->bytes, path->len > EVIDENCE_PATH_MAX ? EVIDENCE_PATH_MAX : path->len);
	if (cut)
		evidence_bytes(line, "...", 3);
}

void evidence_reply(struct event_text *line, const struct event_reply *reply)
{
	if (reply->code == 0) {
		evidence_print(line, " -> no reply");
		return;
	}
	evidence_print(line, reply->text.len > 0 ? " -> %u " : " -> %u", reply->code);
	evidence_bytes(
	        line, reply->text.bytes, reply->text.len > EVENT_TEXT_MAX ? EVENT_TEXT_MAX : reply->text.len);
	if (line && reply->text.cut)
		line->cut = 1;
}
