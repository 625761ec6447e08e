/* explain.c - `postern explain`: what would happen to a connection and an envelope, and which line of the
 * configuration says so.
 *
 * Every decision is the policy's own, made by the functions that the daemon calls; what is added here is
 * what only the kernel's rules know (ports, hooks, loopback) and where each answer is written.
 *
 * The gateway is written `self`, or self@ADDRESS where it matters which of its addresses is used: a
 * servers block is found by the address. An address alone always means a host beside the gateway, also
 * when it is one of this machine: this is said, but not guessed, because the configuration may be that of
 * another machine.
 *
 * Limits: a recipient is judged as in a connection that was seen from its beginning and has not
 * authenticated.
 */
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "conf/places.h"
#include "postern/commands.h"
#include "posternd/dnsbl.h"
#include "posternd/upstreams.h"
#include "report/explanation.h"

enum { HOST_BITS = 128 };
enum { RECIPIENTS_MAX = 100, LONG_FROM = 256, LONG_RCPT, LONG_PORT, LONG_JSON };

struct question {
	const char *conf;
	const char *ends[2]; /* as typed */
	const char *sender;
	const char *paths[RECIPIENTS_MAX];
	unsigned path_count;
	uint16_t port; /* 0 = the first guarded one */
	bool json;
};

struct side {
	struct addr addr;
	bool self, has_address;
	char text[ADDR_TEXT_MAX];
};

struct answer {
	const struct conf *conf;
	struct side sides[2];
	struct explanation x;
	struct explained_recipient recipients[RECIPIENTS_MAX];
};

/* ---- the question ---------------------------------------------------------------------------- */

static bool parse_port(struct question *q, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (end == text || *end || port == 0 || port > UINT16_MAX) {
		fprintf(stderr, "postern explain: --port \"%s\" is no port; write a number from 1 to 65535\n",
		        text);
		return false;
	}
	q->port = (uint16_t)port;
	return true;
}

static bool add_path(struct question *q, const char *path)
{
	if (q->path_count == RECIPIENTS_MAX) {
		fprintf(stderr, "postern explain: more than %d recipients; ask in parts\n", RECIPIENTS_MAX);
		return false;
	}
	q->paths[q->path_count++] = path;
	return true;
}

static bool parse_option(struct question *q, int opt)
{
	switch (opt) {
	case 'c':
		q->conf = optarg;
		return true;
	case LONG_FROM:
		q->sender = optarg;
		return true;
	case LONG_RCPT:
		return add_path(q, optarg);
	case LONG_PORT:
		return parse_port(q, optarg);
	case LONG_JSON:
		q->json = true;
		return true;
	default:
		return false;
	}
}

static bool parse_question(struct question *q, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, LONG_FROM },
		{ "rcpt", required_argument, NULL, LONG_RCPT },
		{ "port", required_argument, NULL, LONG_PORT },
		{ "json", no_argument, NULL, LONG_JSON },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1)
		if (!parse_option(q, opt))
			return false;
	if (argc - optind != 2) {
		fputs("postern explain: takes two addresses, the client's and the server's\n", stderr);
		return false;
	}
	q->ends[0] = argv[optind];
	q->ends[1] = argv[optind + 1];
	return true;
}

/* ADDRESS, self or self@ADDRESS. */
static bool read_side(struct side *s, const char *text)
{
	const char *address = text;

	if (strncmp(text, "self", 4) == 0 && (text[4] == '\0' || text[4] == '@')) {
		s->self = true;
		address = text[4] ? text + 5 : NULL;
	}
	if (!address)
		return true;
	if (addr_parse(address, &s->addr) < 0) {
		fprintf(stderr,
		        "postern explain: \"%s\" is no address; write one like 192.0.2.1 or 2001:db8::1, "
		        "self for "
		        "the gateway, or self@ADDRESS\n",
		        text);
		return false;
	}
	s->has_address = true;
	addr_print(&s->addr, s->text);
	return true;
}

/* The gateway without an address is one that no group can hold, of the other side's family. */
static void fill_family(struct side *s, const struct side *other)
{
	static const uint8_t nowhere[4] = { 0 };

	if (!s->has_address && (!other->has_address || addr_is_v4(&other->addr)))
		s->addr = addr_from_v4(nowhere);
}

static bool read_sides(struct side sides[2], const struct question *q)
{
	if (!read_side(&sides[0], q->ends[0]) || !read_side(&sides[1], q->ends[1]))
		return false;
	fill_family(&sides[0], &sides[1]);
	fill_family(&sides[1], &sides[0]);
	if (addr_is_v4(&sides[0].addr) != addr_is_v4(&sides[1].addr)) {
		fprintf(stderr, "postern explain: %s and %s cannot talk: one is IPv4, one IPv6\n", q->ends[0],
		        q->ends[1]);
		return false;
	}
	if (sides[1].self && !sides[1].has_address && q->path_count > 0) {
		fputs("postern explain: what becomes of recipients depends on the address of the gateway "
		      "that the "
		      "client connects to; write self@ADDRESS\n",
		        stderr);
		return false;
	}
	return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct explained_place shown(bool found, const struct conf_place *p)
{
	return found ? (struct explained_place) { p->file, p->line, p->text }
	             : (struct explained_place) { 0 };
}

static struct explained_place key_place(const struct conf *c, const char *block, const char *key)
{
	struct conf_place p;

	return shown(places_find(c, block, NULL, key, 0, &p), &p);
}

static struct explained_place block_place(const struct conf *c, const char *block, const char *title)
{
	struct conf_place p;

	return shown(places_find_block(c, block, title, &p), &p);
}

static struct explained_place address_place(
        const struct conf *c, const char *block, const char *title, const char *key, const struct addr *a)
{
	struct conf_place p;

	return shown(places_find_address(c, block, title, key, a, &p), &p);
}

/* ---- the connection -------------------------------------------------------------------------- */

static struct prefix host_of(const struct addr *a)
{
	return (struct prefix) { *a, HOST_BITS };
}

static bool is_loopback(const struct addr *a)
{
	struct prefix v4, v6;

	(void)prefix_parse("127.0.0.0/8", &v4);
	(void)prefix_parse("::1", &v6);
	return prefix_contains(&v4, a) || prefix_contains(&v6, a);
}

static void explain_end(struct answer *a, const struct side *s, struct explained_end *end)
{
	*end = (struct explained_end) { s->text, s->self, policy_lookup(a->conf->policy, &s->addr) };
	if (s->self)
		policy_groups_add(&end->groups, GROUP_ID_SELF);
}

static void explain_place_in_kernel(struct answer *a)
{
	static const char *const names[] = { CONF_HOOK_NAMES };
	const struct side *client = &a->sides[0], *server = &a->sides[1];
	struct explanation *x = &a->x;
	enum conf_hook hook = client->self   ? CONF_HOOK_OUTPUT
	                      : server->self ? CONF_HOOK_INPUT
	                                     : CONF_HOOK_FORWARD;

	x->hook = names[hook];
	if ((client->self && server->self) || is_loopback(&client->addr) || is_loopback(&server->addr)) {
		x->unguarded = EXPLAINED_LOOPBACK;
	} else if (!policy_has_port(a->conf->policy, x->port)) {
		x->unguarded = EXPLAINED_PORT;
		x->unguarded_place = key_place(a->conf, "", "ports");
	} else if (!(a->conf->nft.hooks >> hook & 1)) {
		x->unguarded = EXPLAINED_HOOK;
		x->unguarded_place = key_place(a->conf, "nft", "hooks");
	}
	x->unguarded_place.text = NULL; /* a list: its first value says nothing */
}

static void explain_client(struct answer *a)
{
	const struct policy_connection *c = &a->x.connection;
	const struct addr *addr = &a->sides[0].addr;
	struct explanation *x = &a->x;
	const char *servers;

	if (c->server < 0)
		return;
	servers = policy_group(a->conf->policy, (unsigned)c->server).name;
	x->servers = block_place(a->conf, "servers", servers);
	if (c->client_home) {
		x->client_kind = EXPLAINED_HOME;
		x->client_place = address_place(a->conf, "", NULL, "home", addr);
	} else if (c->client_ours) {
		x->client_kind = EXPLAINED_MAY_RELAY;
		x->client_place = address_place(a->conf, "servers", servers, "may-relay", addr);
	} else {
		x->client_place = address_place(a->conf, "", NULL, "not-home", addr);
		if (x->client_place.file && address_place(a->conf, "", NULL, "home", addr).file)
			x->client_kind = EXPLAINED_NOT_HOME;
		else
			x->client_place = (struct explained_place) { 0 };
	}
}

static void explain_volumes(struct answer *a)
{
	struct explanation *x = &a->x;
	const struct watching *w = policy_watching(a->conf->policy);

	for (unsigned key = 0; key < VOLUME_KEY_COUNT; key++) {
		x->volumes[key] = x->connection.client_upstream
		                          ? -1
		                          : watching_find_volume(w, &x->client.groups, (enum volume_key)key);
		if (x->volumes[key] >= 0)
			x->volume_places[key] =
			        block_place(a->conf, "volume", w->volumes[x->volumes[key]].name);
	}
}

/* Who keeps the client from being blocked, as the daemon asks; who of them is in `shared`. */
static enum explained_spared spared_as(const struct answer *a, const struct prefix *client)
{
	const struct policy_connection *c = &a->x.connection;

	if (a->sides[0].self)
		return EXPLAINED_GATEWAY;
	if (c->client_upstream)
		return EXPLAINED_UPSTREAM;
	if (c->client_server)
		return EXPLAINED_SERVER;
	if (c->client_shielded)
		return EXPLAINED_NEVER_BLOCK;
	return policy_is_shared(a->conf->policy, client) ? EXPLAINED_SHARED : EXPLAINED_LIKE_OTHERS;
}

static void explain_spared(struct answer *a)
{
	static const char *const keys[EXPLAINED_SPARED_COUNT] = {
		[EXPLAINED_NEVER_BLOCK] = "never-block",
		[EXPLAINED_SHARED] = "shared",
	};
	struct prefix client = host_of(&a->sides[0].addr);
	struct explanation *x = &a->x;

	if (x->unguarded != EXPLAINED_GUARDED)
		return;
	x->spared = spared_as(a, &client);
	if (keys[x->spared])
		x->spared_place = key_place(a->conf, "", keys[x->spared]);
	x->spared_place.text = NULL; /* a list */
}

/* The block that covers a finding about the client, as the watch asks. */
static const struct suppression *suppressed_by(const struct answer *a, uint32_t id, uint64_t now_us)
{
	const struct policy *policy = a->conf->policy;
	struct finding f = { .id = id, .time_us = now_us };
	int index;

	f.conn.src = a->sides[0].addr;
	f.conn.dst = a->sides[1].addr;
	f.conn.self = a->sides[0].self ? SELF_CLIENT : SELF_NEITHER;
	index = suppress_find(policy, &f);
	return index < 0 ? NULL : &policy_suppressions(policy)->list[index];
}

static void explain_suppressions(struct answer *a)
{
	const struct suppressions *s = policy_suppressions(a->conf->policy);
	uint64_t now_us = clock_now_us();

	if (a->x.unguarded != EXPLAINED_GUARDED)
		return;
	a->x.attempt_by = suppressed_by(a, FINDING_RELAY_ATTEMPT, now_us);
	a->x.accepted_by = suppressed_by(a, FINDING_RELAY_ACCEPTED, now_us);

	for (unsigned i = 0; i < s->count; i++) {
		a->x.suppressed[i] = suppress_means(&s->list[i], &a->x.client.groups, now_us);
		a->x.suppress_places[i] = block_place(a->conf, "suppress", s->list[i].name);
		a->x.suppress_places[i].text = NULL;
	}
}

static void explain_connection(struct answer *a)
{
	enum policy_self self = a->sides[0].self   ? SELF_CLIENT
	                        : a->sides[1].self ? SELF_SERVER
	                                           : SELF_NEITHER;
	enum policy_mode mode = policy_settings(a->conf->policy)->mode;
	struct explanation *x = &a->x;

	x->policy = a->conf->policy;
	x->mode = key_place(a->conf, "", "mode");
	explain_end(a, &a->sides[0], &x->client);
	explain_end(a, &a->sides[1], &x->server);
	explain_place_in_kernel(a);
	x->connection = policy_judge_connection(a->conf->policy, &a->sides[0].addr, &a->sides[1].addr, self);
	x->kernel_now = mode == MODE_ENFORCE ? x->connection.what : DO_INSPECT;
	if (x->connection.rule == POLICY_OTHERWISE)
		x->rule = key_place(a->conf, "", "otherwise");
	else
		x->rule = block_place(
		        a->conf, "rule", policy_rule(a->conf->policy, (unsigned)x->connection.rule).title);
	explain_client(a);
	explain_volumes(a);
	explain_spared(a);
	explain_suppressions(a);
	x->listable = x->unguarded == EXPLAINED_GUARDED &&
	              dnsbl_may_ask(a->conf, a->conf->policy, &a->sides[0].addr, &a->sides[1].addr, self);
	x->list_action = a->conf->dnsbl.action;
	x->list_place = key_place(a->conf, "dnsbl", "action");
	x->refused = x->unguarded == EXPLAINED_GUARDED && x->kernel_now != DO_INSPECT;
	x->enforce_refuses = x->unguarded == EXPLAINED_GUARDED && x->connection.what != DO_INSPECT;
}

/* ---- the envelope ---------------------------------------------------------------------------- */

static void explain_hop(const struct answer *a, const struct smtp_hop *hop, struct explained_hop *out)
{
	static const struct {
		const char *key;
		bool is_address;
	} keys[POLICY_HOP_COUNT] = {
		[POLICY_HOP_DOMAIN] = { "domains", false },
		[POLICY_HOP_NAME] = { "names", false },
		[POLICY_HOP_ADDRESS] = { "addresses", true },
		[POLICY_HOP_PUBLIC] = { "public", true },
	};
	int server = a->x.connection.server;
	const char *title = policy_group(a->conf->policy, (unsigned)server).name, *key;
	char name[SMTP_DOMAIN_MAX];
	struct conf_place p;

	out->why = policy_judge_hop(a->conf->policy, server, hop);
	key = keys[out->why].key;
	if (!key)
		return;
	if (keys[out->why].is_address) {
		out->place = address_place(a->conf, "servers", title, key, &hop->addr);
		return;
	}
	/* a name may stand in brackets */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(hop->domain + (hop->domain[0] == '['), "]"),
	        hop->domain + (hop->domain[0] == '['));
	out->place = shown(places_find_name(a->conf, "servers", title, key, name, &p), &p);
}

static void explain_recipient(struct answer *a, const char *path, struct explained_recipient *r)
{
	const struct policy_settings *s = policy_settings(a->conf->policy);
	struct prefix client = host_of(&a->sides[0].addr);
	struct explanation *x = &a->x;

	*r = (struct explained_recipient) { .path = path };
	smtp_address_parse(path, strnlen(path, 4096), &r->address);
	if (x->unguarded != EXPLAINED_GUARDED || x->connection.server < 0)
		return;
	r->judged = policy_judge_recipient(a->conf->policy, x->connection.server, &r->address);
	r->written = r->judged.action;
	r->judged.action =
	        policy_action_about(a->conf->policy, &client, policy_action_for(&x->connection, &r->judged));
	/* the session is refused all the same; that the client is kept off would follow from the finding */
	r->unblocked = r->judged.action == ACTION_BLOCK && x->attempt_by;
	if (r->unblocked)
		r->judged.action = ACTION_REFUSE_SESSION;
	for (unsigned i = 0; i < r->address.hop_count; i++)
		explain_hop(a, &r->address.hops[i], &r->hops[i]);
	r->action = key_place(a->conf, "relay", r->judged.trick ? "tricks" : "action");
	if (r->judged.ours || x->connection.client_ours)
		return;
	r->spared = r->judged.action == ACTION_SLOW &&
	            (x->connection.client_upstream || x->connection.client_server);
	r->now = s->mode == MODE_ENFORCE && !r->spared ? r->judged.action : ACTION_ALERT;
	x->enforce_refuses |= action_refuses(r->judged.action);
	if (!action_refuses(r->now))
		return;
	x->foreign_count++;
	x->refused = true;
}

static void explain_envelope(struct answer *a, const struct question *q)
{
	a->x.sender = q->sender;
	a->x.recipients = a->recipients;
	a->x.recipient_count = q->path_count;
	a->x.max_refusals = key_place(a->conf, "relay", "max-refusals");
	for (unsigned i = 0; i < q->path_count; i++)
		explain_recipient(a, q->paths[i], &a->recipients[i]);
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool is_own_address(const struct addr *a)
{
	struct ifaddrs *list = NULL, *i;
	bool own = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i && !own; i = i->ifa_next) {
		struct addr mine;

		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
			mine = addr_from_v4(
			        &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr);
		else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
			mine = addr_from_v6(
			        &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr);
		else
			continue;
		own = addr_compare(&mine, a) == 0;
	}
	freeifaddrs(list);
	return own;
}

/* Elsewhere than on the gateway nobody knows its addresses; in a servers block they may be. */
static bool may_be_gateway(const struct policy *policy, const struct addr *a)
{
	struct policy_groups groups = policy_lookup(policy, a);
	unsigned i;

	for (i = 0; i < policy_rule_count(policy); i++) {
		struct policy_rule_view rule = policy_rule(policy, i);

		if (policy_groups_have(&rule.from, GROUP_ID_SELF) ||
		        policy_groups_have(&rule.to, GROUP_ID_SELF))
			return policy_groups_have(&groups, GROUP_ID_SERVERS);
	}
	return false;
}

/* What could have been meant otherwise. */
static void note_sides(const struct policy *policy, const struct side sides[2])
{
	for (unsigned i = 0; i < 2; i++) {
		const struct side *s = &sides[i];

		if (s->self && !s->has_address)
			fputs("note: self without an address is in no group of addresses; self@ADDRESS names "
			      "one\n",
			        stderr);
		else if (!s->self && is_own_address(&s->addr) && !is_loopback(&s->addr))
			fprintf(stderr,
			        "note: %s is an address of this machine; if this is the gateway, write "
			        "self@%s\n",
			        s->text, s->text);
		else if (!s->self && may_be_gateway(policy, &s->addr))
			fprintf(stderr, "note: if %s is the gateway itself, write self@%s\n", s->text,
			        s->text);
	}
}

static void on_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

int explain_run(int argc, char **argv)
{
	const struct conf_options options = { .keep_places = true };
	struct question q = { .conf = CONF_DEFAULT_PATH };
	struct conf *conf = NULL;
	struct answer *a;
	int status = COMMAND_USAGE;

	if (!parse_question(&q, argc, argv))
		return COMMAND_USAGE;
	a = calloc(1, sizeof(*a));
	if (!a || !read_sides(a->sides, &q))
		goto out;
	if (conf_load(q.conf, &options, &conf, on_error, NULL, NULL) < 0) {
		status = COMMAND_INVALID;
		goto out;
	}
	if (upstreams_fill(conf) < 0)
		goto out;
	a->conf = conf;
	a->x.port = q.port ? q.port : policy_settings(conf->policy)->ports[0];
	explain_connection(a);
	explain_envelope(a, &q);
	note_sides(conf->policy, a->sides);
	status = a->x.refused ? COMMAND_INVALID : COMMAND_FINE;
	if (!q.json) {
		explanation_print(&a->x, stdout);
		puts("          by the configuration alone: what is blocked, limited, slowed or bypassed "
		     "now, postern why "
		     "ADDRESS, blocks and status say");
	} else if (explanation_print_json(&a->x, stdout) < 0)
		status = COMMAND_INVALID;
out:
	free(a);
	conf_free(conf);
	return status;
}
