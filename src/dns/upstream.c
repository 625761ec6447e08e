/* upstream.c - see upstream.h.
 *
 * Each name (root) of an upstream has its own addresses, due time and state. New addresses count at once;
 * an address leaves only when every question behind its root was answered and it was in no answer, and
 * then its grace begins. So no failure of the DNS takes anything away, and an empty answer is one: whoever
 * has no addresses at all is moving, or broken.
 *
 * After its grace an address lets no new connection in, but those that are open go on: FORMER, for a day.
 *
 * A root is asked again when its TTL ends, not sooner than refresh_s and not later than a day, and up to a
 * tenth later than it could be, by name: so that gateways which were started together do not ask together. After
 * a failure it is asked after refresh_s, twice that, and so on up to BACKOFF_MAX times.
 *
 * Limits: UPSTREAM_ENTRIES_MAX entries, beyond which what comes is left out, said, and nothing goes. A wall clock that
 * jumps back makes everything due; what it jumps is no part of a grace (upstream_set_clock()).
 */
#include "dns/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { FORMER_S = 86400, TTL_MOST_S = 86400, BACKOFF_MAX = 16 };

/* ---- parts ----------------------------------------------------------------------------------- */

int upstream_add_root(struct upstream *u, enum dns_source source, const char *name)
{
	struct upstream_root *more = realloc(u->roots, (u->root_count + 1) * sizeof(*more));
	struct upstream_root *r;

	if (!more)
		return -ENOMEM;
	u->roots = more;
	r = &u->roots[u->root_count++];
	*r = (struct upstream_root) { .source = source };
	strncpy(r->name, name, sizeof(r->name) - 1);
	return 0;
}

void upstream_fini(struct upstream *u)
{
	free(u->roots);
	free(u->entries);
	u->roots = NULL;
	u->entries = NULL;
	u->root_count = u->entry_count = u->entry_room = 0;
}

int upstream_put(struct upstream *u, const struct upstream_entry *e)
{
	size_t room = u->entry_room ? 2 * u->entry_room : 16;
	struct upstream_entry *more;

	if (u->entry_count == u->entry_room) {
		more = u->entry_count < UPSTREAM_ENTRIES_MAX ? realloc(u->entries, room * sizeof(*more))
		                                             : NULL;
		if (!more)
			return -ENOMEM;
		u->entries = more;
		u->entry_room = room;
	}
	u->entries[u->entry_count++] = *e;
	return 0;
}

enum upstream_standing upstream_standing(
        const struct upstream *u, const struct upstream_entry *e, uint64_t now_s)
{
	if (e->left_s == 0 || now_s < e->left_s + u->grace_s)
		return UPSTREAM_NOW;
	return now_s < e->left_s + u->grace_s + FORMER_S ? UPSTREAM_FORMER : UPSTREAM_GONE;
}

bool upstream_is_resolved(const struct upstream *u)
{
	for (size_t i = 0; i < u->root_count; i++)
		if (u->roots[i].resolved_s == 0)
			return false;
	return true;
}

unsigned upstream_count(const struct upstream *u)
{
	unsigned n = 0;

	for (size_t i = 0; i < u->entry_count; i++)
		n += u->entries[i].left_s == 0;
	return n;
}

/* ---- when ------------------------------------------------------------------------------------ */

bool upstream_is_due(const struct upstream *u, unsigned root, uint64_t now_s)
{
	const struct upstream_root *r = &u->roots[root];

	return now_s >= r->due_s || r->due_s - now_s > 2 * (uint64_t)TTL_MOST_S;
}

static uint64_t due_after(const struct upstream_root *r, uint64_t wait_s, uint64_t now_s)
{
	static const uint8_t key[HASH_KEY_BYTES];

	return now_s + wait_s + hash_bytes(key, r->name, strlen(r->name)) % (wait_s / 10 + 1);
}

static uint64_t wait_of(const struct upstream *u, const struct upstream_root *r, uint32_t ttl_s)
{
	uint64_t wait_s = u->refresh_s;

	if (r->failures == 0 && ttl_s > wait_s)
		wait_s = ttl_s;
	for (unsigned i = 1; i < r->failures && wait_s < BACKOFF_MAX * u->refresh_s; i++)
		wait_s *= 2;
	return wait_s < TTL_MOST_S ? wait_s : TTL_MOST_S;
}

/* ---- an answer ------------------------------------------------------------------------------- */

static struct upstream_entry *find(struct upstream *u, unsigned root, const struct prefix *prefix)
{
	for (size_t i = 0; i < u->entry_count; i++)
		if (u->entries[i].root == root && prefix_is_same(&u->entries[i].prefix, prefix))
			return &u->entries[i];
	return NULL;
}

static void take_one(struct upstream *u, unsigned root, const struct walk_found *f, uint32_t ttl_s,
        uint64_t now_s, struct upstream_change *change)
{
	struct upstream_entry *old = find(u, root, &f->prefix);
	struct upstream_entry e = { .prefix = f->prefix,
		.since_s = now_s,
		.ttl_end_s = now_s + ttl_s,
		.root = (uint16_t)root,
		.validation = f->validation };

	memcpy(e.host, f->host, sizeof(e.host));
	if (!old) {
		if (upstream_put(u, &e) < 0)
			change->no_memory = true;
		else
			change->added++;
		return;
	}
	change->weaker |= old->validation == DNS_SECURE && f->validation != DNS_SECURE;
	if (upstream_standing(u, old, now_s) == UPSTREAM_NOW) {
		e.since_s = old->since_s;
		change->back += old->left_s != 0;
	} else {
		change->added++;
	}
	*old = e;
}

static bool has_found(const struct walk_found *found, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_is_same(&found[i].prefix, prefix))
			return true;
	return false;
}

static void let_leave(struct upstream *u, unsigned root, const struct walk_found *found, size_t count,
        uint64_t now_s, struct upstream_change *change)
{
	for (size_t i = 0; i < u->entry_count; i++) {
		struct upstream_entry *e = &u->entries[i];

		if (e->root != root || e->left_s || has_found(found, count, &e->prefix))
			continue;
		e->left_s = now_s;
		change->left++;
	}
}

static void note_state(struct upstream_root *r, const struct walk *w, bool whole, uint64_t now_s,
        struct upstream_change *change)
{
	r->status = walk_status(w);
	memcpy(r->trouble, walk_trouble(w), strlen(walk_trouble(w)) + 1);
	memcpy(r->note, walk_note(w), strlen(walk_note(w)) + 1);
	if (!whole) {
		r->failures++;
		if (r->held_s || !r->resolved_s)
			return;
		r->held_s = now_s;
		change->held = true;
		return;
	}
	change->released = r->held_s != 0;
	r->failures = 0;
	r->held_s = 0;
	r->good_s = now_s;
}

void upstream_take(struct upstream *u, unsigned root, const struct walk *w, uint64_t now_s,
        struct upstream_change *change)
{
	struct upstream_root *r = &u->roots[root];
	enum walk_outcome outcome = walk_outcome(w);
	bool was_resolved = upstream_is_resolved(u), whole;
	unsigned before = upstream_count(u);
	const struct walk_found *found;
	size_t count;

	*change = (struct upstream_change) { 0 };
	found = walk_found(w, &count);
	for (size_t i = 0; i < count; i++)
		take_one(u, root, &found[i], walk_ttl(w), now_s, change);
	whole = outcome == WALK_COMPLETE && !change->no_memory;
	note_state(r, w, whole, now_s, change);
	if (change->no_memory)
		snprintf(r->trouble, sizeof(r->trouble),
		        "there is no room for all of its addresses (%d are kept): SOME ARE NOT LET THROUGH",
		        UPSTREAM_ENTRIES_MAX);
	if (outcome != WALK_FAILED && r->resolved_s == 0)
		r->resolved_s = now_s;
	if (whole)
		let_leave(u, root, found, count, now_s, change);
	r->due_s = due_after(r, change->no_memory ? u->refresh_s : wait_of(u, r, walk_ttl(w)), now_s);
	change->shrank = upstream_count(u) < before;
	change->resolved = !was_resolved && upstream_is_resolved(u);
}

void upstream_set_clock(struct upstream *u, int64_t jump_s)
{
	for (size_t i = 0; i < u->entry_count; i++) {
		uint64_t *left_s = &u->entries[i].left_s;

		if (*left_s && (jump_s > 0 || *left_s > (uint64_t)-jump_s))
			*left_s += (uint64_t)jump_s;
	}
}

void upstream_tick(struct upstream *u, uint64_t now_s, struct upstream_change *change)
{
	size_t kept = 0;

	*change = (struct upstream_change) { 0 };
	for (size_t i = 0; i < u->entry_count; i++) {
		struct upstream_entry *e = &u->entries[i];
		enum upstream_standing is = upstream_standing(u, e, now_s);

		change->expired += is != e->standing;
		e->standing = (uint8_t)is;
		if (is != UPSTREAM_GONE)
			u->entries[kept++] = *e;
	}
	u->entry_count = kept;
}
