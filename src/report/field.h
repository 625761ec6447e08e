/* field.h - fields of a record: foreign bytes, times and numbers into jansson objects.
 *
 * Keys are written in the order of the calls. A field whose memory cannot be had is left out.
 */
#ifndef REPORT_FIELD_H
#define REPORT_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* bytes: as on the wire, up to 4096 of them; escaped by escape_bytes(). NULL without memory. */
json_t *field_bytes(const char *bytes, unsigned len);
/* Words of ours, as they are; what was cut within a letter, or quotes other bytes, is escaped. NULL without memory. */
json_t *field_text(const char *text);
/* From any of the event_path, event_domain, event_text fields (their lengths are not trusted). */
#define FIELD_OF(text)                                                                                       \
	field_bytes((text).bytes, (text).len < sizeof((text).bytes) ? (text).len : sizeof((text).bytes))

/* Each takes over value. */
void field_set(json_t *object, const char *key, json_t *value);
/* Left out when it is 0. */
void field_set_nonzero(json_t *object, const char *key, uint64_t value);
void field_set_true(json_t *object, const char *key, bool value); /* left out when false */
void field_set_uint(json_t *object, const char *key, uint64_t value);
/* Sets key, and if cut also KEY_cut to true, which *cuts counts. */
void field_set_cut(json_t *object, const char *key, json_t *value, bool cut, uint64_t *cuts);
void field_set_text(json_t *object, const char *key, const char *text);
void field_set_time(json_t *object, const char *key, uint64_t time_us);

#endif
