/* follow.c - see follow.h: asks for each name when it is due, walks the answers, and keeps the books.
 *
 * One walk for each name at most. Upstreams with servers of their own (split horizon) have a resolver of their own.
 */
#include "dns/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/resolver.h"
#include "dns/state.h"

struct run {               /* of a name */
	struct walk *walk; /* NULL = not now */
	struct walk_question next;
	unsigned next_id;
	bool has_next; /* a question that found no room */
};

struct member {
	struct upstream upstream;
	struct run *runs;
	struct resolver *resolver;
	bool own_resolver;
};

struct follow {
	struct member *members;
	size_t count;
	struct prefix *own;
	size_t own_count;
	struct resolver *resolver;
	int fd;
	follow_told *told;
	void *arg;
	struct follow_now now;
	bool changed, dirty;
};

/* ---- making ---------------------------------------------------------------------------------- */

static int fill_member(struct member *m, const struct follow_upstream *s, uint64_t refresh_s)
{
	int r = 0;

	strncpy(m->upstream.title, s->title, sizeof(m->upstream.title) - 1);
	m->upstream.grace_s = s->grace_s;
	m->upstream.refresh_s = refresh_s;
	m->upstream.allow_private = s->allow_private;
	for (size_t i = 0; i < s->name_count && r == 0; i++)
		r = upstream_add_root(&m->upstream, s->names[i].source, s->names[i].name);
	m->runs = calloc(s->name_count + 1, sizeof(*m->runs));
	return m->runs ? r : -ENOMEM;
}

struct follow *follow_new(const struct follow_settings *s)
{
	struct follow *f = calloc(1, sizeof(*f));
	int r = 0;

	if (!f)
		return NULL;
	f->fd = -1;
	f->members = calloc(s->upstream_count + 1, sizeof(*f->members));
	f->own = calloc(s->own_count + 1, sizeof(*f->own));
	if (!f->members || !f->own)
		r = -ENOMEM;
	for (size_t i = 0; i < s->upstream_count && r == 0; i++) {
		f->count++;
		r = fill_member(&f->members[i], &s->upstreams[i], s->refresh_s);
	}
	if (r) {
		follow_free(f);
		return NULL;
	}
	if (s->own_count > 0)
		memcpy(f->own, s->own, s->own_count * sizeof(*f->own));
	f->own_count = s->own_count;
	return f;
}

static void free_member(struct member *m)
{
	if (m->own_resolver)
		resolver_close(m->resolver);
	for (size_t i = 0; m->runs && i < m->upstream.root_count; i++)
		walk_free(m->runs[i].walk);
	free(m->runs);
	upstream_fini(&m->upstream);
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free_member(&f->members[i]);
	resolver_close(f->resolver);
	if (f->fd >= 0)
		close(f->fd);
	free(f->members);
	free(f->own);
	free(f);
}

/* ---- what is known --------------------------------------------------------------------------- */

/* state.h has it by upstream. NULL without memory. */
static struct upstream *list_of(const struct follow *f)
{
	struct upstream *list = calloc(f->count + 1, sizeof(*list));

	for (size_t i = 0; list && i < f->count; i++)
		list[i] = f->members[i].upstream;
	return list;
}

int follow_read(struct follow *f, char *text)
{
	struct upstream *list = list_of(f);
	int r = list ? state_read(list, f->count, text) : -ENOMEM;

	for (size_t i = 0; list && i < f->count; i++)
		f->members[i].upstream = list[i];
	free(list);
	return r;
}

int follow_print(const struct follow *f, FILE *to)
{
	struct upstream *list = list_of(f);
	int r = list ? state_print(list, f->count, to) : -ENOMEM;

	free(list);
	return r;
}

size_t follow_count(const struct follow *f)
{
	return f->count;
}

const struct upstream *follow_upstream(const struct follow *f, size_t index)
{
	return &f->members[index].upstream;
}

bool follow_take_changed(struct follow *f)
{
	bool changed = f->changed;

	f->changed = false;
	return changed;
}

bool follow_take_dirty(struct follow *f)
{
	bool dirty = f->dirty;

	f->dirty = false;
	return dirty;
}

/* ---- walking --------------------------------------------------------------------------------- */

enum { QUESTION_BITS = 16, ROOT_BITS = 16, JUMP_S = 5 };

static void finish(struct follow *f, struct member *m, unsigned root)
{
	struct upstream_root *r = &m->upstream.roots[root];
	struct follow_news news = { .upstream = &m->upstream, .root = r };
	struct walk *walk = m->runs[root].walk;
	char before[DNS_WHY_MAX];

	memcpy(before, r->trouble[0] ? r->trouble : r->note, sizeof(before));
	m->runs[root].walk = NULL;
	upstream_take(&m->upstream, root, walk, f->now.wall_s, &news.change);
	walk_free(walk);
	news.new_trouble = strcmp(before, r->trouble[0] ? r->trouble : r->note) != 0;
	f->changed |= news.change.added > 0 || news.change.resolved;
	f->dirty |= news.change.added + news.change.left + news.change.back > 0 || news.change.held ||
	            news.change.released || news.change.resolved;
	f->told(f->arg, &news);
}

static uint64_t cookie_of(const struct follow *f, const struct member *m, unsigned root, unsigned id)
{
	return (uint64_t)(m - f->members) << (ROOT_BITS + QUESTION_BITS) | (uint64_t)root << QUESTION_BITS |
	       id;
}

/* Asks what the walk wants to know, as long as there is room. */
static void pump(struct follow *f, struct member *m, unsigned root)
{
	static const struct dns_answer failed = { .status = DNS_FAILED,
		.why = "the question could not be asked" };
	struct run *run = &m->runs[root];

	while (run->has_next || walk_next(run->walk, &run->next, &run->next_id)) {
		int r = resolver_ask(m->resolver, run->next.name, run->next.type,
		        cookie_of(f, m, root, run->next_id), f->now.monotonic_s);

		run->has_next = r == -ENOSPC;
		if (run->has_next)
			return;
		if (r)
			walk_answer(run->walk, run->next_id, &failed);
	}
	if (walk_is_done(run->walk))
		finish(f, m, root);
}

static void on_answer(void *arg, uint64_t cookie, const struct dns_answer *a)
{
	struct follow *f = arg;
	struct member *m = &f->members[cookie >> (ROOT_BITS + QUESTION_BITS)];
	unsigned root = cookie >> QUESTION_BITS & ((1U << ROOT_BITS) - 1);

	walk_answer(m->runs[root].walk, cookie & ((1U << QUESTION_BITS) - 1), a);
	pump(f, m, root);
}

static void begin(struct follow *f, struct member *m, unsigned root)
{
	m->runs[root].has_next = false;
	m->runs[root].walk = walk_new(&(const struct walk_settings) {
	        .source = m->upstream.roots[root].source,
	        .name = m->upstream.roots[root].name,
	        .allow_private = m->upstream.allow_private,
	        .own = f->own,
	        .own_count = f->own_count,
	});
}

static void end_graces(struct follow *f, struct member *m)
{
	struct follow_news news = { .upstream = &m->upstream };

	upstream_tick(&m->upstream, f->now.wall_s, &news.change);
	if (news.change.expired == 0)
		return;
	f->changed = f->dirty = true;
	f->told(f->arg, &news);
}

static void take_clock(struct follow *f, const struct follow_now *now)
{
	int64_t jump_s = clock_jump((int64_t)(now->wall_s - f->now.wall_s),
	        (int64_t)(now->monotonic_s - f->now.monotonic_s), JUMP_S);

	if (f->now.wall_s > 0 && jump_s != 0)
		for (size_t i = 0; i < f->count; i++)
			upstream_set_clock(&f->members[i].upstream, jump_s);
	f->now = *now;
}

void follow_tick(struct follow *f, const struct follow_now *now)
{
	take_clock(f, now);
	if (!f->resolver)
		return;
	resolver_tick(f->resolver, now->monotonic_s);
	for (size_t i = 0; i < f->count; i++) {
		struct member *m = &f->members[i];

		if (m->own_resolver)
			resolver_tick(m->resolver, now->monotonic_s);
		end_graces(f, m);
		for (unsigned root = 0; root < m->upstream.root_count; root++) {
			if (!m->runs[root].walk && upstream_is_due(&m->upstream, root, now->wall_s))
				begin(f, m, root);
			if (m->runs[root].walk)
				pump(f, m, root);
		}
	}
}

void follow_process(struct follow *f, const struct follow_now *now)
{
	take_clock(f, now);
	if (f->resolver)
		resolver_process(f->resolver, now->monotonic_s);
	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].own_resolver)
			resolver_process(f->members[i].resolver, now->monotonic_s);
}

/* ---- resolvers ------------------------------------------------------------------------------- */

static struct resolver *open_resolver(struct follow *f, const struct follow_settings *s,
        const char *const *servers, unsigned count, char *err, unsigned err_bytes)
{
	const struct resolver_settings settings = {
		.servers = servers,
		.server_count = count,
		.trust_anchor = s->trust_anchor,
		.require_dnssec = s->require_dnssec,
	};
	struct resolver *r = resolver_open(&settings, on_answer, f, err, err_bytes);
	struct epoll_event ev = { .events = EPOLLIN };

	if (r && epoll_ctl(f->fd, EPOLL_CTL_ADD, resolver_fd(r), &ev) == 0)
		return r;
	resolver_close(r);
	return NULL;
}

static int open_own_resolvers(
        struct follow *f, const struct follow_settings *s, char *err, unsigned err_bytes)
{
	for (size_t i = 0; i < f->count; i++) {
		struct member *m = &f->members[i];
		const struct follow_upstream *u = &s->upstreams[i];

		m->resolver = f->resolver;
		if (u->resolver_count == 0)
			continue;
		m->resolver = open_resolver(f, s, u->resolvers, u->resolver_count, err, err_bytes);
		m->own_resolver = m->resolver != NULL;
		if (!m->resolver)
			return -EIO;
	}
	return 0;
}

static int open_resolvers(struct follow *f, const struct follow_settings *s, char *err, unsigned err_bytes)
{
	f->resolver = open_resolver(f, s, s->servers, s->server_count, err, err_bytes);
	return f->resolver ? open_own_resolvers(f, s, err, err_bytes) : -EIO;
}

/* What was asked is asked again later. */
static void close_resolvers(struct follow *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct member *m = &f->members[i];

		for (size_t root = 0; root < m->upstream.root_count; root++) {
			walk_free(m->runs[root].walk);
			m->runs[root].walk = NULL;
			m->upstream.roots[root].due_s = 0;
		}
		if (m->own_resolver)
			resolver_close(m->resolver);
		m->own_resolver = false;
		m->resolver = NULL;
	}
	resolver_close(f->resolver);
	f->resolver = NULL;
}

int follow_open(struct follow *f, const struct follow_settings *s, follow_told *told, void *arg, char *err,
        unsigned err_bytes)
{
	f->told = told;
	f->arg = arg;
	f->fd = epoll_create1(EPOLL_CLOEXEC);
	return follow_reopen(f, s, err, err_bytes);
}

int follow_reopen(struct follow *f, const struct follow_settings *s, char *err, unsigned err_bytes)
{
	close_resolvers(f);
	if (open_resolvers(f, s, err, err_bytes) == 0)
		return 0;
	close_resolvers(f); /* nobody asks */
	return -EIO;
}

int follow_fd(const struct follow *f)
{
	return f->fd;
}
