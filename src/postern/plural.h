/* plural.h - numbers before nouns. */
#ifndef POSTERN_PLURAL_H
#define POSTERN_PLURAL_H

#include <stdint.h>

/* What stands behind a noun of so many: 1 mail, 2 mails, 0 mails. */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
