/* ecs.h - a record as a JSON object of the Elastic Common Schema. */
#ifndef REPORT_ECS_H
#define REPORT_ECS_H

#include <jansson.h>
#include <stddef.h>

#define ECS_VERSION "8.11.0"

/* Length of the line in out, or 0 when it is longer than room bytes or there is no memory. */
size_t ecs_print(const json_t *record, char *out, size_t room);

#endif
