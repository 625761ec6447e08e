/* follow.h - the upstreams of a configuration, followed through the DNS. */
#ifndef DNS_FOLLOW_H
#define DNS_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dns/upstream.h"

struct follow_name {
	enum dns_source source;
	const char *name; /* folded */
};
struct follow_upstream {
	const char *title;
	const struct follow_name *names;
	size_t name_count;
	uint64_t grace_s;
	bool allow_private;
	const char *const *resolvers; /* in place of `servers` */
	unsigned resolver_count;
};
struct follow_settings { /* all borrowed, and copied */
	const struct follow_upstream *upstreams;
	size_t upstream_count;
	const struct prefix *own; /* addresses of our servers */
	size_t own_count;
	uint64_t refresh_s;
	/* for follow_open() */
	const char *const *servers;
	unsigned server_count;
	const char *trust_anchor;
	bool require_dnssec;
};

/* Wall clock for what outlives us, the monotonic one for how long a question waits. */
struct follow_now {
	uint64_t wall_s, monotonic_s;
};

/* What became of one name (root), or, without one, of graces. */
struct follow_news {
	const struct upstream *upstream;
	const struct upstream_root *root; /* NULL = graces have ended */
	struct upstream_change change;
	bool new_trouble; /* root->trouble or root->note says something new */
};
typedef void follow_told(void *arg, const struct follow_news *news);

struct follow;

/* Knows nothing and asks nobody yet. NULL without memory. */
struct follow *follow_new(const struct follow_settings *s);
void follow_free(struct follow *f); /* NULL is fine */
/* From what was known before (state.h). */
int follow_read(struct follow *f, char *text);
int follow_print(const struct follow *f, FILE *to);
/* Begins to ask, in follow_tick(). 0; -EIO with a message in err. */
int follow_open(struct follow *f, const struct follow_settings *s, follow_told *told, void *arg, char *err,
        unsigned err_bytes);
/* The servers are others now: everything is asked anew. Errors as above, and tried again by another call. */
int follow_reopen(struct follow *f, const struct follow_settings *s, char *err, unsigned err_bytes);
/* Readable when follow_process() has something to do; -1 before follow_open(). */
int follow_fd(const struct follow *f);
void follow_process(struct follow *f, const struct follow_now *now);
/* About once a second. */
void follow_tick(struct follow *f, const struct follow_now *now);
/* Since the last call, something has changed about who is let through. */
bool follow_take_changed(struct follow *f);
/* ..., or anything that should be kept. */
bool follow_take_dirty(struct follow *f);

size_t follow_count(const struct follow *f);
const struct upstream *follow_upstream(const struct follow *f, size_t index);

#endif
