/* pick.h - what a record says, by a dotted path such as "alert.signature_id". Nothing of it is ever missing for the asker:
 * a text that is not there is "", a number 0. */
#ifndef REPORT_PICK_H
#define REPORT_PICK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { PICK_ADDRESS_MAX = 1536, PICK_STORY_MAX = 2048 };

json_t *pick(const json_t *record, const char *path); /* borrowed; NULL = not there */
const char *pick_text(const json_t *record, const char *path);
long long pick_number(const json_t *record, const char *path);
/* Microseconds since 1970 of a time stamp as clock_print() writes it; 0 = there is none. */
uint64_t pick_time_us(const json_t *record, const char *path);
/* A path as it was sent, without its angle brackets; "<>" stays. Returns buf. */
const char *pick_address(const char *path, char buf[PICK_ADDRESS_MAX]);
/* What an alert says of its incident beside its own rule, for people: "acked by uid 0: known; also harvest 12, sender.spoof 3";
 * "" where that is nothing. Returns buf. */
const char *pick_story(const json_t *record, char buf[PICK_STORY_MAX]);

#endif
