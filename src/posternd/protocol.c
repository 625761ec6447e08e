/* protocol.c - see protocol.h. Pure: bytes in, objects out.
 *
 * Whoever is on the other side may write anything, so a message is bounded before it is read, has to be one object of
 * a version that we know, and names its command in a few letters.
 *
 * Rejected: a binary form (nobody could ask with `socat` and `jq`), D-Bus and varlink (a library and a bus for one
 * request and one answer), several requests in one connection (places that are kept).
 */
#include "posternd/protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/field.h"

enum { COMMAND_MAX = 32, ERROR_MAX = 1024 };

static bool is_command(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= COMMAND_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == len;
}

/* NULL = fine. */
static const char *find_fault(const json_t *message)
{
	const json_t *version = json_object_get(message, "postern");
	const char *command = protocol_text(message, "command");

	if (!json_is_object(message))
		return "it is no JSON object in one line";
	if (!json_is_integer(version))
		return "it names no version (\"postern\": 1)";
	if (json_integer_value(version) != PROTOCOL_VERSION)
		return "it is of another version: postern and posternd must be installed together";
	return command && is_command(command) ? NULL : "it names no command";
}

json_t *protocol_read(const char *line, size_t len, char why[PROTOCOL_WHY_MAX])
{
	json_error_t error;
	json_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	const char *fault = find_fault(message);

	if (!fault)
		return message;
	snprintf(why, PROTOCOL_WHY_MAX, "%s", fault);
	json_decref(message);
	return NULL;
}

const char *protocol_command(const json_t *message)
{
	return json_string_value(json_object_get(message, "command"));
}

json_t *protocol_new(const char *command)
{
	return command ? json_pack("{s:i, s:s}", "postern", PROTOCOL_VERSION, "command", command)
	               : json_pack("{s:i}", "postern", PROTOCOL_VERSION);
}

void protocol_set_error(json_t *message, int exit_status, const char *format, ...)
{
	char text[ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)json_object_set_new(message, "error", field_text(text));
	(void)json_object_set_new(message, "exit", json_integer(exit_status));
}

char *protocol_print(json_t *message, size_t *len)
{
	char *text = json_dumps(message, JSON_COMPACT), *line;

	json_decref(message);
	if (!text)
		return NULL;
	*len = strlen(text) + 1;
	line = realloc(text, *len);
	if (!line) {
		free(text);
		return NULL;
	}
	line[*len - 1] = '\n';
	return line;
}

const char *protocol_text(const json_t *message, const char *key)
{
	return json_string_value(json_object_get(message, key));
}

long long protocol_number(const json_t *message, const char *key, long long fallback)
{
	const json_t *value = json_object_get(message, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}
