/* names.h - sets of host and domain names, ASCII case and one trailing dot making no difference. */
#ifndef POLICY_NAMES_H
#define POLICY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { NAMES_TEXT_MAX = 255 }; /* bytes of one name, RFC 5321 4.5.3.1.2 */

struct names {
	char **at;
	size_t count, room;
};

/* Zeroed memory is an empty set. */
void names_fini(struct names *set);
/* 0, -EINVAL (empty or longer than NAMES_TEXT_MAX), -ENOMEM. */
int names_add(struct names *set, const char *name);
/* Sorts and drops doubles; before the first question. */
void names_seal(struct names *set);
/* Exactly this name. name: len bytes, not terminated. */
bool names_have(const struct names *set, const char *name, size_t len);
/* This name, or ".d" for one of the domains d above it. */
bool names_cover(const struct names *set, const char *name, size_t len);

#endif
