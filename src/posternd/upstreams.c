/* upstreams.c - see upstreams.h.
 *
 * The last good addresses are kept in the file "upstreams" of the folder that the service manager names in
 * STATE_DIRECTORY; who runs without it, as people at a terminal do, looks where the service keeps it.
 * It is written when something changes about who is let through, and at the end.
 */
#include "posternd/upstreams.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/kept.h"
#include "base/log.h"
#include "dns/follow.h"
#include "policy/policy.h"
#include "posternd/desk.h"
#include "posternd/resolv.h"
#include "posternd/wanted.h"

static_assert((int)CONF_MX_OF == (int)DNS_MX_OF && (int)CONF_SPF_OF == (int)DNS_SPF_OF &&
                      (int)CONF_HOSTS == (int)DNS_HOSTS && (int)CONF_SOURCE_COUNT == (int)DNS_SOURCE_COUNT,
        "sources go from the configuration to the DNS as they are");

enum {
	PATH_BYTES = 4096,
	ERR_BYTES = 512,
	STATE_BYTES_MAX = 64 << 20,
	REMIND_S = 300,
	OPEN_AGAIN_S = 30,
	FAULT_BYTES = 1024
};

struct upstreams {
	struct follow *follow;
	const struct conf *conf;
	struct resolv resolv;
	struct desk *desk;
	int *groups; /* in the policy, by upstream */
	bool keeps;  /* writes the file */
	bool deaf;   /* the DNS cannot be asked */
	unsigned seconds;
};

static struct follow_now now(void)
{
	return (struct follow_now) { (uint64_t)clock_now_us() / 1000000, clock_monotonic_ns() / 1000000000 };
}

/* ---- from the configuration ------------------------------------------------------------------ */

/* Calls with the configuration in the words of dns/; they live as long as the call. NULL without memory. */
static struct follow_settings *make_settings(const struct conf *conf)
{
	struct follow_settings *s = calloc(1, sizeof(*s));
	struct follow_upstream *list = calloc(conf->upstream_count + 1, sizeof(*list));
	struct follow_name *names;
	size_t count = 0;

	for (size_t i = 0; i < conf->upstream_count; i++)
		count += conf->upstreams[i].name_count;
	names = calloc(count + 1, sizeof(*names));
	if (!s || !list || !names) {
		free(s);
		free(list);
		free(names);
		return NULL;
	}
	*s = (struct follow_settings) {
		.upstreams = list,
		.upstream_count = conf->upstream_count,
		.own = conf->own,
		.own_count = conf->own_count,
		.refresh_s = conf->dns.refresh_s,
		.servers = (const char *const *)conf->dns.servers,
		.server_count = conf->dns.server_count,
		.trust_anchor = conf->dns.trust_anchor,
		.require_dnssec = conf->dns.require_dnssec,
	};
	list[0].names = names; /* there is room for it without any upstream, too: free_settings() */
	for (size_t i = 0; i < conf->upstream_count; i++) {
		const struct conf_upstream *u = &conf->upstreams[i];

		list[i] = (struct follow_upstream) {
			.title = u->title,
			.names = names,
			.name_count = u->name_count,
			.grace_s = u->grace_s,
			.allow_private = u->allow_private,
			.resolvers = (const char *const *)u->resolvers,
			.resolver_count = u->resolver_count,
		};
		for (size_t k = 0; k < u->name_count; k++)
			*names++ = (struct follow_name) { (enum dns_source)u->names[k].source,
				u->names[k].name };
	}
	return s;
}

static void free_settings(struct follow_settings *s)
{
	struct follow_name *names;
	struct follow_upstream *list;

	if (!s)
		return;
	memcpy(&list, &s->upstreams, sizeof(list));
	memcpy(&names, &list[0].names, sizeof(names)); /* the first one's begin where all do */
	free(names);
	free(list);
	free(s);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void read_file(struct upstreams *u)
{
	char path[PATH_BYTES], *text;
	size_t len;
	int r;

	if (!wanted_file("upstreams", path, sizeof(path)))
		snprintf(path, sizeof(path), "/var/lib/postern/upstreams");
	r = kept_read(path, STATE_BYTES_MAX, &text, &len);
	if (r == -ENOENT)
		return;
	if (r == 0) {
		r = follow_read(u->follow, text);
		free(text);
	}
	if (r)
		log_warning("%s cannot be used, the last good addresses of upstreams are not known: %s", path,
		        r == -EPERM     ? "others than root can write it"
		        : r == -EBADMSG ? "it is damaged, or of another version"
		                        : strerror(-r));
}

/* NULL without memory. */
static char *print(const struct follow *f, size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);
	int r = to ? follow_print(f, to) : -ENOMEM;

	if (to && fclose(to) != 0)
		r = -ENOMEM;
	if (r == 0)
		return text;
	free(text);
	return NULL;
}

void upstreams_save(struct upstreams *u)
{
	char path[PATH_BYTES], *text;
	size_t len = 0;
	int r = -ENOMEM;

	if (!u->keeps || !wanted_file("upstreams", path, sizeof(path)))
		return;
	text = print(u->follow, &len);
	if (text)
		r = kept_write(path, &(const struct kept_part) { text, len }, 1);
	free(text);
	if (r)
		log_warning("%s cannot be written, the next start begins with older addresses of upstreams "
		            "or none: "
		            "%s",
		        path, strerror(-r));
}

static int take_old(struct upstreams *u, const struct upstreams *old)
{
	size_t len;
	char *text = print(old->follow, &len);
	int r = text ? follow_read(u->follow, text) : -ENOMEM;

	free(text);
	return r;
}

/* ---- the policy ------------------------------------------------------------------------------ */

/* The addresses of this standing; room for all entries. How many. */
static size_t collect(
        const struct upstream *u, enum upstream_standing standing, uint64_t now_s, struct prefix *to)
{
	size_t count = 0;

	for (size_t i = 0; i < u->entry_count; i++)
		if (upstream_standing(u, &u->entries[i], now_s) == standing)
			to[count++] = u->entries[i].prefix;
	return count;
}

struct policy *upstreams_policy(struct upstreams *u, const struct policy *of)
{
	unsigned count = upstreams_count(u);
	struct policy_followed *list = calloc(count + 1, sizeof(*list));
	struct policy *policy = NULL;
	struct prefix *room, *to;
	size_t entries = 0;

	for (unsigned i = 0; i < count; i++)
		entries += upstreams_get(u, i)->entry_count;
	room = to = calloc(entries + 1, sizeof(*room));
	for (unsigned i = 0; list && room && i < count; i++) {
		const struct upstream *up = upstreams_get(u, i);
		struct policy_followed *f = &list[i];

		f->group = u->groups[i];
		f->resolved = upstream_is_resolved(up);
		f->now = to;
		f->now_count = collect(up, UPSTREAM_NOW, now().wall_s, to);
		to += f->now_count;
		f->former = to;
		f->former_count = collect(up, UPSTREAM_FORMER, now().wall_s, to);
		to += f->former_count;
	}
	if (list && room)
		policy = policy_follow(of, list, count);
	free(list);
	free(room);
	return policy;
}

static int fill_policy(struct upstreams *u, struct conf *conf)
{
	struct policy *policy = upstreams_policy(u, conf->policy);

	if (!policy)
		return -ENOMEM;
	policy_free(conf->policy);
	conf->policy = policy;
	return 0;
}

struct upstreams *upstreams_new(struct conf *conf, const struct upstreams *old)
{
	struct upstreams *u = calloc(1, sizeof(*u));
	struct follow_settings *s = make_settings(conf);
	int r = -ENOMEM;

	if (u && s) {
		u->follow = follow_new(s);
		u->groups = calloc(conf->upstream_count + 1, sizeof(*u->groups));
		r = u->follow && u->groups ? 0 : -ENOMEM;
	}
	free_settings(s);
	for (size_t i = 0; r == 0 && i < conf->upstream_count; i++)
		u->groups[i] = conf->upstreams[i].group;
	if (r == 0 && conf->upstream_count > 0 && old)
		r = take_old(u, old);
	if (r == 0 && conf->upstream_count > 0)
		read_file(u); /* what an earlier configuration has known, too */
	if (r == 0 && conf->upstream_count > 0)
		r = fill_policy(u, conf);
	if (r == 0)
		return u;
	upstreams_free(u);
	return NULL;
}

int upstreams_fill(struct conf *conf)
{
	struct upstreams *u = upstreams_new(conf, NULL);

	upstreams_free(u);
	return u ? 0 : -ENOMEM;
}

void upstreams_free(struct upstreams *u)
{
	if (!u)
		return;
	follow_free(u->follow);
	free(u->groups);
	free(u);
}

/* ---- telling --------------------------------------------------------------------------------- */

static const char *const sources[DNS_SOURCE_COUNT] = { DNS_SOURCE_NAMES };

static void tell(struct upstreams *u, bool alarm, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static void tell(struct upstreams *u, bool alarm, const char *format, ...)
{
	char text[FAULT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (alarm)
		log_warning("%s", text);
	else
		log_info("%s", text);
	desk_upstream(u->desk, clock_now_us(), alarm, text);
}

/* Those that came, or went, just now. */
static void print_some(
        const struct upstream *u, unsigned root, bool left, uint64_t now_s, char *to, size_t bytes)
{
	char text[PREFIX_TEXT_MAX];
	unsigned shown = 0;
	size_t used = 0;

	*to = '\0';
	for (size_t i = 0; i < u->entry_count && used < bytes; i++) {
		const struct upstream_entry *e = &u->entries[i];

		if (e->root != root || (left ? e->left_s : e->since_s) != now_s || (!left && e->left_s))
			continue;
		if (shown++ == 4) {
			snprintf(to + used, bytes - used, " ...");
			return;
		}
		used += (size_t)snprintf(to + used, bytes - used, "%s%s", shown > 1 ? " " : "",
		        prefix_print(&e->prefix, text));
	}
}

static void tell_change(struct upstreams *u, const struct follow_news *news)
{
	const struct upstream *up = news->upstream;
	const struct upstream_root *r = news->root;
	const struct upstream_change *c = &news->change;
	unsigned root = (unsigned)(r - up->roots);
	char came[256], left[256];

	print_some(up, root, false, r->good_s, came, sizeof(came));
	print_some(up, root, true, r->good_s, left, sizeof(left));
	if (c->added + c->left + c->back > 0)
		tell(u, c->shrank,
		        "upstream %s, %s %s: %u added%s%s%s, %u came back, %u left DNS%s%s%s (grace %" PRIu64
		        " s), %u addresses in DNS now",
		        up->title, sources[r->source], r->name, c->added, *came ? " (" : "", came,
		        *came ? ")" : "", c->back, c->left, *left ? " (" : "", left, *left ? ")" : "",
		        up->grace_s, upstream_count(up));
	if (c->released)
		tell(u, false, "upstream %s, %s %s: the DNS answers again", up->title, sources[r->source],
		        r->name);
	if (c->weaker)
		tell(u, true,
		        "upstream %s, %s %s: the answers were validated by DNSSEC, and are NOT any more",
		        up->title, sources[r->source], r->name);
	if (c->resolved)
		tell(u, false, "upstream %s is known: %u addresses; its rules are enforced", up->title,
		        upstream_count(up));
}

static void on_news(void *arg, const struct follow_news *news)
{
	struct upstreams *u = arg;
	const struct upstream *up = news->upstream;
	const struct upstream_root *r = news->root;

	if (!r) {
		tell(u, false,
		        "upstream %s: the grace of %u addresses that had left DNS is over; they open no "
		        "connections "
		        "any more",
		        up->title, news->change.expired);
		return;
	}
	tell_change(u, news);
	if (news->change.held || (news->new_trouble && r->trouble[0] && r->held_s))
		tell(u, true, "upstream %s, %s %s: HELD on the last good addresses: %s", up->title,
		        sources[r->source], r->name, r->trouble);
	else if (news->new_trouble && r->trouble[0] && !r->resolved_s)
		tell(u, true, "upstream %s, %s %s: never resolved, its rules are NOT ENFORCED: %s", up->title,
		        sources[r->source], r->name, r->trouble);
	else if (news->new_trouble && r->note[0] && strcmp(r->note, r->trouble) != 0)
		log_warning("upstream %s, %s %s: %s", up->title, sources[r->source], r->name, r->note);
}

/* ---- running --------------------------------------------------------------------------------- */

static void remind(void *arg, const char *text, bool inspecting)
{
	(void)arg;
	if (inspecting)
		log_warning("%s", text);
}

static void note_open(struct upstreams *u, int r, const char *err)
{
	if (r && !u->deaf)
		log_error("%s: upstreams ARE NOT FOLLOWED", err);
	else if (r == 0 && u->deaf)
		log_info("the DNS can be asked now: upstreams are followed");
	u->deaf = r != 0;
}

static void open_again(struct upstreams *u)
{
	char err[ERR_BYTES] = "not enough memory";
	struct follow_settings *s = make_settings(u->conf);

	note_open(u, s ? follow_reopen(u->follow, s, err, sizeof(err)) : -ENOMEM, err);
	free_settings(s);
}

/* Other servers? */
static void look_at_resolv(struct upstreams *u)
{
	bool changed = resolv_has_changed(&u->resolv, u->conf);

	if (changed)
		log_info("/etc/resolv.conf has changed: the DNS servers in it are asked from now on");
	if (changed || (u->deaf && u->seconds % OPEN_AGAIN_S == 0))
		open_again(u);
}

void upstreams_open(struct upstreams *u, const struct conf *conf, struct desk *desk)
{
	char err[ERR_BYTES] = "not enough memory";
	struct follow_settings *s;

	u->desk = desk;
	u->conf = conf;
	u->keeps = conf->upstream_count > 0;
	if (conf->upstream_count == 0)
		return;
	resolv_note(&u->resolv);
	s = make_settings(conf);
	note_open(u, s ? follow_open(u->follow, s, on_news, u, err, sizeof(err)) : -ENOMEM, err);
	free_settings(s);
	upstreams_each_fault(u, remind, NULL);
}

int upstreams_fd(const struct upstreams *u)
{
	return follow_fd(u->follow);
}

void upstreams_process(struct upstreams *u)
{
	struct follow_now at = now();

	follow_process(u->follow, &at);
}

bool upstreams_tick(struct upstreams *u)
{
	struct follow_now at = now();

	if (follow_fd(u->follow) < 0)
		return false;
	follow_tick(u->follow, &at);
	u->seconds++;
	look_at_resolv(u);
	if (u->seconds % REMIND_S == 0)
		upstreams_each_fault(u, remind, NULL);
	if (follow_take_dirty(u->follow))
		upstreams_save(u);
	return follow_take_changed(u->follow);
}

unsigned upstreams_count(const struct upstreams *u)
{
	return (unsigned)follow_count(u->follow);
}

const struct upstream *upstreams_get(const struct upstreams *u, unsigned index)
{
	return follow_upstream(u->follow, index);
}

void upstreams_each_fault(
        const struct upstreams *u, void (*each)(void *arg, const char *text, bool inspecting), void *arg)
{
	char text[FAULT_BYTES];

	if (u->deaf)
		each(arg, "the DNS cannot be asked: upstreams ARE NOT FOLLOWED", false);
	for (unsigned i = 0; i < upstreams_count(u); i++) {
		const struct upstream *up = upstreams_get(u, i);

		for (size_t k = 0; k < up->root_count; k++) {
			const struct upstream_root *r = &up->roots[k];

			if (r->resolved_s && !r->held_s)
				continue;
			snprintf(text, sizeof(text), "upstream %s, %s %s: %s: %s", up->title,
			        sources[r->source], r->name,
			        r->resolved_s ? "HELD on the last good addresses"
			                      : "never resolved, its rules are NOT ENFORCED",
			        r->trouble[0] ? r->trouble : "not asked yet");
			each(arg, text, !r->resolved_s);
		}
	}
}
