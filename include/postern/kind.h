/* kind.h - contract: what the table of findings (finding.h) says of each, by number or by name. */
#ifndef POSTERN_KIND_H
#define POSTERN_KIND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "postern/finding.h"

struct finding_kind {
	uint32_t id;
	uint8_t severity;
	const char *rule, *signature, *category, *technique;
};

/* In the order of the table; index < FINDING_KIND_COUNT. */
static inline const struct finding_kind *finding_kind_at(unsigned index)
{
	static const struct finding_kind kinds[FINDING_KIND_COUNT] = {
#define X(name, id, rule, severity, signature, category, technique)                                          \
	{ id, severity, rule, signature, category, technique },
		FINDINGS(X)
#undef X
	};

	return &kinds[index];
}

/* NULL = there is none. */
static inline const struct finding_kind *finding_kind(uint32_t id)
{
	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++)
		if (finding_kind_at(i)->id == id)
			return finding_kind_at(i);
	return NULL;
}

/* "unknown" for a number outside of the table. */
static inline const char *finding_rule(uint32_t id)
{
	const struct finding_kind *kind = finding_kind(id);

	return kind ? kind->rule : "unknown";
}

/* By its rule, the first len bytes of text; NULL = there is none. */
static inline const struct finding_kind *finding_kind_named(const char *text, size_t len)
{
	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++) {
		const char *rule = finding_kind_at(i)->rule;

		if (strlen(rule) == len && memcmp(rule, text, len) == 0)
			return finding_kind_at(i);
	}
	return NULL;
}

/* By its rule or its number as text; NULL = there is none. */
static inline const struct finding_kind *finding_kind_read(const char *text)
{
	uint32_t id = 0;
	size_t i;

	for (i = 0; i < 9 && text[i] >= '0' && text[i] <= '9'; i++)
		id = id * 10 + (uint32_t)(text[i] - '0');
	return i > 0 && text[i] == '\0' ? finding_kind(id) : finding_kind_named(text, strlen(text));
}

#endif
