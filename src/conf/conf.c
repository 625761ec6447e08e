/* conf.c - from a file, or from a few options, to settings and a sealed policy.
 *
 * Parse everything, handle every value, fill in defaults through the same handlers, then check what
 * blocks mean together; stop only where going on would give follow-up errors that say nothing new.
 */
#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "conf/build.h"

void build_error(struct build *b, const struct place *at, const char *format, ...)
{
	char *message;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (message)
		problems_add(b->problems, PROBLEM_ERROR, at, "%s", message);
	else
		b->no_memory = true;
	free(message);
}

/* ---- values ------------------------------------------------------------------------------------ */

static void set_entry(struct build *b, const struct entry *e)
{
	if (e->key->set)
		e->key->set(b, &b->parsed->blocks[e->block], e);
}

/* Every key of the block that the file does not set, from its default. */
static void set_fallbacks(struct build *b, size_t block, const bool *is_set)
{
	struct block *bl = &b->parsed->blocks[block];
	const struct key *key = NULL;
	struct entry e = { .block = block, .at = bl->at };
	char text[64], *rest;

	while ((key = key_next(bl->kind, key))) {
		if (!key->fallback || is_set[key - keys])
			continue;
		if (key->type == KEY_NAME || key->type == KEY_LOGFILE || key->type == KEY_SOCKET ||
		        key->type == KEY_FILE) {
			/* texts are borrowed: the table's own lives long enough */
			memcpy((char *)&b->draft + key->offset, &key->fallback, sizeof(key->fallback));
			continue;
		}
		snprintf(text, sizeof(text), "%s", key->fallback);
		e.key = key;
		for (rest = text; (e.text = strsep(&rest, ", ")) != NULL;)
			if (e.text[0]) /* the parts of a list */
				set_entry(b, &e);
	}
}

static void set_all(struct build *b)
{
	struct parsed *p = b->parsed;
	bool *is_set = calloc(p->block_count * key_count, sizeof(bool));
	size_t i;

	if (!is_set) {
		b->no_memory = true;
		return;
	}
	for (i = 0; i < p->entry_count; i++) {
		is_set[p->entries[i].block * key_count + (size_t)(p->entries[i].key - keys)] = true;
		set_entry(b, &p->entries[i]);
	}
	for (i = 0; i < p->block_count; i++)
		set_fallbacks(b, i, is_set + i * key_count);
	free(is_set);
}

/* ---- results ----------------------------------------------------------------------------------- */

static void set_policy(struct build *b)
{
	const struct draft *d = &b->draft;
	struct policy_settings s = {
		.mode = (enum policy_mode)d->mode,
		.otherwise = (enum policy_do)d->otherwise,
		.relay_action = (enum action)d->relay_action,
		.tricks_action = (enum action)d->relay_tricks,
		.smuggling_action = d->smuggling_reset ? ACTION_RESET : ACTION_ALERT,
		.max_refusals = (unsigned)d->max_refusals,
		.slow_hold_ms = (uint32_t)d->slow_hold * 1000,
		.slow_session_ms = (uint32_t)d->slow_session * 1000,
		.slow_packets = (uint32_t)d->slow_packets,
		.block_for_s = (uint32_t)d->relay_block_for,
		.never_block = b->never_block,
		.port_count = b->port_count,
		.watch = (enum policy_watch)d->data_watch,
		.trusted = b->trusted,
	};
	unsigned i;

	for (i = 0; i < b->list_count; i++) /* those that are too long go without a name */
		if (strlen(b->lists[i].zone) < sizeof(s.lists[i]))
			memcpy(s.lists[i], b->lists[i].zone, strlen(b->lists[i].zone));
	memcpy(s.ports, b->ports, sizeof(s.ports));
	policy_set(b->policy, &s);
}

/* Of each file in the order of reading, chained; "" without a file. A fixed key: this tells versions of a file apart,
 * it keeps nothing secret and no table is built on it. */
static void hash_sources(const struct parsed *p, bool with_lists, char out[17])
{
	static const uint8_t key[HASH_KEY_BYTES] = { 0 };
	uint64_t chain[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < p->source_count; i++) {
		if (p->sources[i]->is_list && !with_lists)
			continue;
		chain[1] = hash_bytes(key, p->sources[i]->bytes, p->sources[i]->len);
		chain[0] = hash_bytes(key, chain, sizeof(chain));
	}
	out[0] = '\0';
	if (p->source_count > 0)
		snprintf(out, 17, "%016" PRIx64, chain[0]);
}

/* Those that this process may use. */
static int count_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < CONF_WORKERS_MAX ? n : CONF_WORKERS_MAX;
}

static int keep_lists(struct conf *c, const struct parsed *p)
{
	for (size_t i = 0; i < p->source_count; i++) {
		const struct source *s = p->sources[i];
		char *path;

		if (!s->is_list)
			continue;
		path = strdup(s->path);
		if (!path || array_grow(&c->lists, c->list_count, sizeof(struct conf_list)) < 0) {
			free(path);
			return -ENOMEM;
		}
		c->lists[c->list_count++] = (struct conf_list) { path, s->stamp };
	}
	return 0;
}

static void make_dnsbl(const struct build *b, struct conf *c)
{
	memcpy(c->dnsbl.lists, b->lists, sizeof(c->dnsbl.lists));
	c->dnsbl.count = b->list_count;
	c->dnsbl.action = (enum action)b->draft.dnsbl_action;
	c->dnsbl.least_s = (uint32_t)b->draft.dnsbl_least;
	c->dnsbl.most_s = (uint32_t)b->draft.dnsbl_most;
	c->dnsbl.test_s = (uint32_t)b->draft.dnsbl_test;
	c->dnsbl.timeout_s = (uint32_t)b->draft.dnsbl_timeout;
}

static struct conf_budget make_budget(const struct draft_budget *d)
{
	return (struct conf_budget) { (uint64_t)d->most, (uint32_t)d->window_s };
}

static void make_log(const struct draft *d, struct conf *c)
{
	c->log.eve = strdup(d->log_eve);
	c->log.ecs = strdup(d->log_ecs ? d->log_ecs : "");
	c->log.cef = strdup(d->log_cef ? d->log_cef : "");
	c->log.alerts_only = d->log_alerts_only != 0;
	c->log.stats_s = (uint32_t)d->log_stats;
	c->log.syslog = d->log_syslog;
	c->log.syslog_format = (enum conf_syslog)d->log_syslog_format;
	c->log.syslog_facility = output_facility(d->log_syslog_facility);
	c->log.per_source = make_budget(&d->log_per_source);
	c->log.total = make_budget(&d->log_total);
	c->log.keep_free = (uint64_t)d->log_keep_free;
}

static struct conf *make_conf(struct build *b, const char *path)
{
	const struct draft *d = &b->draft;
	struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->path = strdup(path);
	c->queue.number = (uint16_t)d->queue_number;
	c->queue.workers = (uint16_t)(d->queue_workers ? d->queue_workers : count_cpus());
	c->queue.length = (uint32_t)d->queue_length;
	c->queue.fail = (enum conf_fail)d->queue_fail;
	c->nft.table = strdup(d->nft_table);
	c->nft.priority = (int)d->nft_priority;
	c->nft.mark_mask = (uint32_t)d->nft_mark_mask;
	c->nft.bridge = d->nft_bridge != 0;
	c->nft.drop_invalid = d->nft_drop_invalid != 0;
	c->nft.own = d->nft_own != 0;
	c->nft.hooks = (unsigned)d->nft_hooks;
	make_dnsbl(b, c);
	make_log(d, c);
	c->dns.trust_anchor = strdup(d->dns_trust_anchor);
	c->dns.require_dnssec = d->dns_require_dnssec != 0;
	c->dns.refresh_s = (uint32_t)d->dns_refresh;
	c->privacy.records = d->privacy_local_parts != 0;
	c->privacy.alerts = d->privacy_alerts != 0;
	c->store.path = strdup(d->store_path);
	c->store.keep_s = (uint32_t)d->store_keep;
	c->store.envelope_s = (uint32_t)d->store_keep_envelopes;
	c->block_size = (uint32_t)d->block_size;
	c->control.path = strdup(d->control_path);
	c->control.group = strdup(d->control_group);
	hash_sources(b->parsed, true, c->hash);
	hash_sources(b->parsed, false, c->own_hash);
	if (!c->path || !c->nft.table || !c->log.eve || !c->log.ecs || !c->log.cef || !c->dns.trust_anchor ||
	        !c->control.path || !c->control.group || !c->store.path || keep_lists(c, b->parsed) < 0 ||
	        lookups_make(b, c) < 0) {
		conf_free(c);
		return NULL;
	}
	c->policy = b->policy;
	b->policy = NULL;
	c->places = b->places;
	b->places = NULL;
	if (c->places) { /* what was parsed goes with them */
		c->places->parsed = *b->parsed;
		*b->parsed = (struct parsed) { 0 };
	}
	return c;
}

void conf_forget_places(struct conf *c)
{
	places_free(c->places);
	c->places = NULL;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	policy_free(c->policy);
	places_free(c->places);
	while (c->list_count > 0)
		free(c->lists[--c->list_count].path);
	free(c->lists);
	free(c->path);
	free(c->nft.table);
	free(c->log.eve);
	free(c->log.ecs);
	free(c->log.cef);
	free(c->store.path);
	free(c->control.path);
	free(c->control.group);
	free(c->dns.trust_anchor);
	lookups_free(c);
	free(c);
}

/* ---- building ---------------------------------------------------------------------------------- */

static bool has_errors(const struct build *b)
{
	return b->problems->of_kind[PROBLEM_ERROR] > 0;
}

/* Values and checks. `override` changes settings between the two. */
static int build_policy(
        struct build *b, void (*override)(struct build *b, const void *options), const void *options)
{
	b->policy = policy_new();
	if (!b->policy)
		return -ENOMEM;
	watching_default(&b->watching);
	group_open_all(b);
	set_all(b);
	if (b->incomplete)
		return b->no_memory ? -ENOMEM : 0;
	override(b, options);
	check_blocks(b);
	set_policy(b);
	watching_make(b);
	suppress_make(b);
	if (b->no_memory || policy_seal(b->policy) < 0)
		return -ENOMEM;
	check_between(b);
	check_outputs(b);
	check_dnsbl(b);
	check_idle(b);
	return b->no_memory || b->problems->no_memory ? -ENOMEM : 0;
}

static void override_by_options(struct build *b, const void *options)
{
	const struct conf_options *o = options;

	if (!o || !o->force_monitor)
		return;
	b->draft.mode = MODE_MONITOR;
	b->mode_forced = true;
}

static void build_fini(struct build *b)
{
	policy_free(b->policy);
	places_free(b->places);
	free(b->claims);
	lookups_build_fini(b);
}

/* Tells a failure that no message explains, and the others. */
static int tell(
        struct problems *problems, int rc, const char *path, conf_report error, conf_report warn, void *arg)
{
	if (rc < 0 && problems->of_kind[PROBLEM_ERROR] == 0)
		problems_add(problems, PROBLEM_ERROR, &(struct place) { path, 0, 0 },
		        "%s; nothing was changed", strerror(-rc));
	if (rc == 0 && problems->of_kind[PROBLEM_ERROR] > 0)
		rc = -EINVAL;
	problems_tell(problems, error, warn, arg);
	return rc;
}

int conf_load(const char *path, const struct conf_options *options, struct conf **out, conf_report error,
        conf_report warn, void *arg)
{
	struct problems problems = { 0 };
	struct parsed parsed;
	struct build b = { .parsed = &parsed, .problems = &problems };
	struct conf *c = NULL;
	int rc = parse_file(path, &parsed, &problems);

	if (options && options->keep_places) {
		b.places = calloc(1, sizeof(*b.places));
		b.no_memory = !b.places;
	}
	/* also behind a syntax error: what stands before it is checked, as far as that makes sense */
	b.incomplete = rc != 0;
	if (rc == 0)
		rc = build_policy(&b, override_by_options, options);
	else if (rc == -EINVAL && build_policy(&b, override_by_options, options) == -ENOMEM)
		rc = -ENOMEM;
	if (rc == 0 && !has_errors(&b)) {
		c = make_conf(&b, path);
		rc = c ? 0 : -ENOMEM;
	}
	build_fini(&b);
	parse_free(&parsed);
	rc = tell(&problems, rc, path, error, warn, arg);
	if (rc == 0)
		*out = c;
	else
		conf_free(c);
	return rc;
}

char *conf_find_socket(const char *path)
{
	const struct key *key = key_find(BLOCK_CONTROL, "path");
	struct problems problems = { 0 };
	struct parsed parsed;
	int rc = parse_file(path, &parsed, &problems);
	const char *found = rc == 0 ? CONF_DEFAULT_SOCKET : NULL;
	char *copy;

	for (size_t i = 0; i < parsed.entry_count; i++)
		if (parsed.entries[i].key == key)
			found = parsed.entries[i].text;
	copy = found ? strdup(found) : NULL;
	parse_free(&parsed);
	problems_tell(&problems, NULL, NULL, NULL);
	return copy;
}

/* ---- without a file ---------------------------------------------------------------------------- */

static const struct place home_option = { "--home", 0, 0 };
static const struct place domain_option = { "--domain", 1, 0 };
static const struct place ports_option = { "--ports", 2, 0 };

static int offline_entries(struct parsed *p, const struct key *key, size_t block, const char *const *texts,
        unsigned count, const struct place *at)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = parse_add_entry(p, key, block, texts[i], at);
	return rc;
}

static int offline_parsed(struct parsed *p, const char *const *home, unsigned home_count,
        const char *const *domains, unsigned domain_count)
{
	size_t root, local;
	int rc = parse_add_plain_blocks(p, &home_option);

	if (rc < 0)
		return rc;
	root = (size_t)(parse_block(p, BLOCK_ROOT) - p->blocks);
	rc = offline_entries(p, key_find(BLOCK_ROOT, "home"), root, home, home_count, &home_option);
	if (rc < 0 || domain_count == 0)
		return rc;
	local = p->block_count;
	rc = parse_add_block(p, BLOCK_SERVERS, "local", &domain_option);
	if (rc == 0)
		rc = offline_entries(
		        p, key_find(BLOCK_SERVERS, "addresses"), local, home, home_count, &home_option);
	if (rc == 0)
		rc = offline_entries(
		        p, key_find(BLOCK_SERVERS, "domains"), local, domains, domain_count, &domain_option);
	return rc;
}

struct offline_ports {
	const uint16_t *list;
	unsigned count;
};

static void override_offline(struct build *b, const void *options)
{
	const struct offline_ports *ports = options;

	b->draft.mode = MODE_MONITOR;
	b->draft.otherwise = DO_INSPECT;
	b->port_count = ports->count;
	if (ports->count > 0)
		memcpy(b->ports, ports->list, ports->count * sizeof(b->ports[0]));
}

int conf_offline(const char *const *home, unsigned home_count, const char *const *domains,
        unsigned domain_count, const uint16_t *ports, unsigned port_count, struct conf **out,
        conf_report error, void *arg)
{
	struct problems problems = { 0 };
	struct parsed parsed = { 0 };
	struct build b = { .parsed = &parsed, .problems = &problems };
	struct offline_ports offline_ports = { ports, port_count };
	struct conf *c = NULL;
	int rc;

	if (port_count > POLICY_PORTS_MAX)
		problems_add(&problems, PROBLEM_ERROR, &ports_option, "more than %d ports; leave some out",
		        POLICY_PORTS_MAX);
	if (domain_count > 0 && home_count == 0)
		problems_add(&problems, PROBLEM_ERROR, &domain_option,
		        "no server is ours without --home; add --home with the addresses of the servers");
	rc = has_errors(&b) ? 0 : offline_parsed(&parsed, home, home_count, domains, domain_count);
	if (rc == 0 && !has_errors(&b))
		rc = build_policy(&b, override_offline, &offline_ports);
	if (rc == 0 && !has_errors(&b)) {
		c = make_conf(&b, "");
		rc = c ? 0 : -ENOMEM;
	}
	build_fini(&b);
	parse_free(&parsed);
	rc = tell(&problems, rc, "postern", error, NULL, arg);
	if (rc == 0)
		*out = c;
	else
		conf_free(c);
	return rc;
}
