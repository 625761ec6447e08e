/* special.c - see special.h. RFC 6890 and the registry that it has made. */
#include "dns/special.h"

#include <assert.h>

static const struct {
	const char *text;
	enum special_use use;
} prefixes[] = {
	{ "0.0.0.0/8", SPECIAL_NO_HOST },
	{ "10.0.0.0/8", SPECIAL_PRIVATE },
	{ "100.64.0.0/10", SPECIAL_SHARED },
	{ "127.0.0.0/8", SPECIAL_LOOPBACK },
	{ "169.254.0.0/16", SPECIAL_LINK_LOCAL },
	{ "172.16.0.0/12", SPECIAL_PRIVATE },
	{ "192.168.0.0/16", SPECIAL_PRIVATE },
	{ "224.0.0.0/3", SPECIAL_NO_HOST },
	{ "::/128", SPECIAL_NO_HOST },
	{ "::1/128", SPECIAL_LOOPBACK },
	{ "fc00::/7", SPECIAL_PRIVATE },
	{ "fe80::/10", SPECIAL_LINK_LOCAL },
	{ "ff00::/8", SPECIAL_NO_HOST },
};

enum special_use special_use(const struct prefix *p)
{
	enum special_use worst = SPECIAL_NONE;
	struct prefix with;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		int r = prefix_parse(prefixes[i].text, &with);

		assert(r == 0);
		if (prefix_overlaps(p, &with) && prefixes[i].use > worst)
			worst = prefixes[i].use;
	}
	return worst;
}

const char *special_name(enum special_use use)
{
	static const char *const names[SPECIAL_COUNT] = {
		[SPECIAL_PRIVATE] = "a private address",
		[SPECIAL_SHARED] = "an address behind a provider's translation",
		[SPECIAL_LOOPBACK] = "a loopback address",
		[SPECIAL_LINK_LOCAL] = "a link-local address",
		[SPECIAL_NO_HOST] = "no address of a host",
	};

	return names[use];
}
