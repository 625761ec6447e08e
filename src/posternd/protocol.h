/* protocol.h - what posternd and postern say to each other through the control socket.
 *
 *   postern   {"postern":1,"command":"seen", ...}\n
 *   posternd  {"postern":1,"command":"seen", ... ,"more":true}\n
 *             {"postern":1,"command":"seen", ...}\n            and closes
 *
 * One request, its answer of one line or several, and the end: nothing has to be matched, and nobody keeps a
 * place. A request too long for a line (`block` with a list) is several, all but the last one with "more":true; nothing
 * is done before the last one is there. What went wrong is `error`, with `exit`, the status that the command ends with. The number is the version:
 * it grows when a field changes its meaning; new fields do not count, and unknown ones are skipped.
 */
#ifndef POSTERND_PROTOCOL_H
#define POSTERND_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { PROTOCOL_VERSION = 1, PROTOCOL_REQUEST_MAX = 64 * 1024, PROTOCOL_WHY_MAX = 160 };

/* A line without its end. The object, which the caller owns, or NULL with what is wrong with it. */
json_t *protocol_read(const char *line, size_t len, char why[PROTOCOL_WHY_MAX]);
/* Of what protocol_read() has taken. */
const char *protocol_command(const json_t *message);
/* The beginning of a message; command NULL = unknown. NULL without memory. */
json_t *protocol_new(const char *command);
/* Turns it into a refusal. */
void protocol_set_error(json_t *message, int exit_status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The message as a line with its end; frees the message. The caller frees the text; NULL without memory. */
char *protocol_print(json_t *message, size_t *len);

/* Fields of a request. NULL, or `fallback`: it is not there, or of another type. */
const char *protocol_text(const json_t *message, const char *key);
long long protocol_number(const json_t *message, const char *key, long long fallback);

#endif
