/* frame.h - the fields all records have in common, and the names behind their numbers. */
#ifndef REPORT_FRAME_H
#define REPORT_FRAME_H

#include <jansson.h>
#include <stdint.h>

#include "postern/event.h"

struct frame;
struct policy;

enum { FRAME_SCHEMA = 1 }; /* grows when a field changes its meaning; new fields do not count */

/* All texts are copied. policy: for titles of rules, copied too; may be NULL. NULL = no memory. */
struct frame *frame_new(
        const char *host, const char *mode, const char *config_hash, const struct policy *policy);
void frame_free(struct frame *f); /* NULL is fine */
/* Forgets names of interfaces: they may have changed. */
void frame_forget_interfaces(struct frame *f);

/* Who knows the translated ends of a connection; NULL = nobody. It answers NULL where there are none. */
typedef const struct event_nat *frame_nat(const void *arg, uint64_t flow_id);
void frame_set_nat(struct frame *f, frame_nat *nat, const void *arg);

/* A record with everything but its own part. conn = NULL for records about no connection. type is
 * `event_type`. The caller owns the result; NULL = no memory. */
json_t *frame_record(
        struct frame *f, const char *type, uint64_t time_us, const struct event_connection *conn);

#endif
