/* dnsbl.c - see dnsbl.h.
 *
 *   event: a server of ours has greeted a stranger -> dns/blocklists -> dns/resolver
 *   answer: listed -> a sentence for the workers at once; a finding, once the list's reason is there or will not come
 *
 * A greeting is the first thing that proves a source: the server has heard from it. So no forged SYN ever makes a question.
 * It is also too late to hold anything back, and nothing is: who is found listed is refused from then on.
 *
 * The sentence lasts as long as the answer is remembered, of several lists the longest.
 *
 * The lists have a resolver of their own: what strangers cause must not take the places of questions about upstreams.
 * Its memory of "not listed" is as long as cache-most says.
 *
 * Rejected: to ask at the SYN (spoofed ones would have us ask about anybody), to hold the greeting until the
 * answer is there (a slow list would be a slow mail server).
 */
#include "posternd/dnsbl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/resolver.h"
#include "dns/special.h"
#include "policy/policy.h"
#include "policy/sentence.h"
#include "posternd/desk.h"
#include "posternd/resolv.h"

static_assert(
        (int)BLOCKLISTS_QUESTIONS_MAX < (int)RESOLVER_OPEN_MAX, "the resolver has a place for each question");
static_assert((int)BLOCKLISTS_MAX == (int)CONF_LISTS_MAX, "room for all lists");
static_assert((int)CONF_ZONE_MAX == (int)LISTING_ZONE_MAX && (int)CONF_ZONE_MAX < (int)EVENT_ZONE_MAX,
        "zones go from the configuration to the DNS and the records as they are");
static_assert((int)LISTING_CODES_MAX <= (int)EVENT_CODES_MAX && (int)LISTING_TEXT_MAX <= (int)EVENT_TEXT_MAX,
        "events hold what is remembered of answers");

enum { ANSWERS = 65536, ERR_BYTES = 512, FAULT_BYTES = 1024, HOST_BITS = 128, US = 1000000 };

struct dnsbl {
	struct dnsbl_settings s;
	struct blocklists *lists;  /* NULL = there are none */
	struct resolver *resolver; /* NULL = it cannot be asked */
	int fd;                    /* epoll of the resolver's */
	struct resolv resolv;
	struct walk_question next;
	unsigned next_id;
	bool has_next; /* a question that found no room */
};

static uint64_t now_s(void)
{
	return clock_monotonic_ns() / 1000000000;
}

/* ---- what is done -------------------------------------------------------------------------------- */

/* Of all lists but `without`, until when the source is on one; which, counted from 1, in *list. */
static uint64_t longest(const struct dnsbl *d, const struct addr *source, unsigned without, unsigned *list)
{
	uint64_t until_s, longest_s = 0;

	for (unsigned i = 0; i < blocklists_count(d->lists); i++) {
		until_s = i == without ? 0 : blocklists_find(d->lists, i, source, now_s(), NULL);
		if (until_s > longest_s) {
			longest_s = until_s;
			*list = i + 1;
		}
	}
	return longest_s;
}

static void pass_sentence(struct dnsbl *d, const struct addr *source, unsigned without)
{
	const struct prefix host = { .addr = *source, .bits = HOST_BITS };
	unsigned list = 0;
	uint64_t until_s;

	if (d->s.conf->dnsbl.action == ACTION_ALERT)
		return;
	until_s = longest(d, source, without, &list);
	if (until_s == 0)
		(void)sentences_lift(d->s.sentences, &host);
	else /* where there is no room, those stay that last longer: sentences_evicted() counts it */
		(void)sentences_set_listed(d->s.sentences, &host, d->s.conf->dnsbl.action, (uint8_t)list,
		        clock_now_us() + (until_s - now_s()) * US);
}

/* ---- what is told -------------------------------------------------------------------------------- */

static void tell_listed(struct dnsbl *d, const struct blocklists_news *n)
{
	struct event e = { .kind = EVENT_LISTED, .time_us = clock_now_us(), .conn = *n->conn };
	struct event_listed *l = &e.u.listed;

	l->list = (uint8_t)(n->list + 1);
	l->would = (uint8_t)d->s.conf->dnsbl.action;
	l->action = policy_settings(d->s.conf->policy)->mode == MODE_ENFORCE ? l->would : ACTION_ALERT;
	l->left_s = (uint32_t)(n->until_s - now_s());
	l->code_count = (uint8_t)n->listing->count;
	memcpy(l->codes, n->listing->codes, sizeof(n->listing->codes));
	snprintf(l->zone, sizeof(l->zone), "%s", blocklists_view(d->lists, n->list).zone);
	l->reason.len = (uint16_t)n->reason_len;
	memcpy(l->reason.bytes, n->reason, n->reason_len);
	desk_event(d->s.desk, &e);
}

static void print_state(const struct blocklist_view *v, char text[FAULT_BYTES])
{
	static const char *const states[BLOCKLIST_STATES] = { BLOCKLIST_STATE_NAMES };
	bool both = v->families[0] && v->families[1];

	snprintf(text, FAULT_BYTES, "DNS list %s: %s%s%s%s", v->zone, states[v->state],
	        v->state != BLOCKLIST_USED || both ? ""
	        : v->families[0]                   ? ", for IPv4 alone"
	                                           : ", for IPv6 alone",
	        v->why[0] ? ": " : "", v->why);
}

static void tell_state(const struct dnsbl *d, unsigned list)
{
	struct blocklist_view v = blocklists_view(d->lists, list);
	char text[FAULT_BYTES];

	print_state(&v, text);
	if (v.state == BLOCKLIST_USED)
		log_info("%s", text);
	else
		log_warning("%s", text);
	desk_audit(d->s.desk, clock_now_us(), "%s", text);
}

static void on_news(void *arg, const struct blocklists_news *n)
{
	struct dnsbl *d = arg;

	switch (n->what) {
	case BLOCKLISTS_LISTED:
		pass_sentence(d, &n->source, BLOCKLISTS_MAX);
		break;
	case BLOCKLISTS_KNOWN:
		tell_listed(d, n);
		break;
	case BLOCKLISTS_LIFTED:
		pass_sentence(d, &n->source, n->list);
		break;
	case BLOCKLISTS_STATE:
		tell_state(d, n->list);
		break;
	}
}

/* ---- asking -------------------------------------------------------------------------------------- */

static void pump(struct dnsbl *d)
{
	static const struct dns_answer failed = { .status = DNS_FAILED };
	int r;

	if (!d->lists || !d->resolver)
		return;
	while (d->has_next || blocklists_next(d->lists, &d->next, &d->next_id)) {
		r = resolver_ask(d->resolver, d->next.name, d->next.type, d->next_id, now_s());
		d->has_next = r == -ENOSPC;
		if (d->has_next)
			return;
		if (r)
			blocklists_answer(d->lists, d->next_id, &failed, now_s());
	}
}

static void on_answer(void *arg, uint64_t cookie, const struct dns_answer *a)
{
	struct dnsbl *d = arg;

	blocklists_answer(d->lists, (unsigned)cookie, a, now_s());
	pump(d);
}

static void open_resolver(struct dnsbl *d)
{
	const struct conf *c = d->s.conf;
	const struct resolver_settings s = {
		.servers = (const char *const *)c->dns.servers,
		.server_count = c->dns.server_count,
		.trust_anchor = c->dns.trust_anchor,
		.timeout_s = c->dnsbl.timeout_s,
		.negative_ttl_s = c->dnsbl.most_s,
	};
	struct epoll_event ev = { .events = EPOLLIN };
	char err[ERR_BYTES];

	resolv_note(&d->resolv);
	d->resolver = resolver_open(&s, on_answer, d, err, sizeof(err));
	if (d->resolver && epoll_ctl(d->fd, EPOLL_CTL_ADD, resolver_fd(d->resolver), &ev) == 0)
		return;
	log_error("%s: NO DNS LIST IS ASKED", d->resolver ? strerror(errno) : err);
	resolver_close(d->resolver);
	d->resolver = NULL;
}

static bool was_upstream(const struct policy *p, const struct addr *a)
{
	for (unsigned id = 0; id < policy_group_count(p); id++) {
		struct policy_group_view g = policy_group(p, id);

		for (size_t i = 0; i < g.former_count; i++)
			if (prefix_contains(&g.former[i], a))
				return true;
	}
	return false;
}

static bool is_ours(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->own_count; i++)
		if (prefix_contains(&c->own[i], a))
			return true;
	return false;
}

void dnsbl_forget(struct dnsbl *d, const struct mention *who, struct forgotten *out)
{
	if (d->lists)
		blocklists_forget_source(d->lists, who, now_s(), out);
}

bool dnsbl_may_ask(const struct conf *conf, const struct policy *policy, const struct addr *client,
        const struct addr *server, enum policy_self self)
{
	const struct prefix host = { .addr = *client, .bits = HOST_BITS };
	struct policy_connection judged;

	if (conf->dnsbl.count == 0 || special_use(&host) != SPECIAL_NONE)
		return false;
	judged = policy_judge_connection(policy, client, server, self);
	return policy_is_stranger(&judged) && !was_upstream(policy, client) && !is_ours(conf, client);
}

/* A server has heard from the source. Once a connection; of one that was picked up in the middle, once a mail. */
static bool is_proof(const struct event *e)
{
	if (e->kind == EVENT_GREETING)
		return e->u.reply.code != 0;
	return e->kind == EVENT_MAIL && e->conn.midstream && e->u.mail.reply.code != 0;
}

void dnsbl_event(struct dnsbl *d, const struct policy *policy, const struct event *e)
{
	const struct event_connection *c = &e->conn;

	if (!d->lists || !is_proof(e) || c->source != SOURCE_WIRE || c->server < 0)
		return;
	if (!dnsbl_may_ask(d->s.conf, policy, &c->src, &c->dst, (enum policy_self)c->self))
		return;
	blocklists_see(d->lists, &e->conn, now_s());
	pump(d);
}

void dnsbl_process(struct dnsbl *d)
{
	if (d->resolver)
		resolver_process(d->resolver, now_s());
}

static void look_at_resolv(struct dnsbl *d)
{
	if (!resolv_has_changed(&d->resolv, d->s.conf))
		return;
	resolver_close(d->resolver);
	d->has_next = false;
	blocklists_ask_again(d->lists);
	open_resolver(d);
}

void dnsbl_tick(struct dnsbl *d)
{
	if (!d->lists)
		return;
	look_at_resolv(d);
	blocklists_tick(d->lists, now_s());
	if (d->resolver)
		resolver_tick(d->resolver, now_s());
	pump(d);
}

int dnsbl_fd(const struct dnsbl *d)
{
	return d->fd;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static struct blocklists *make_lists(struct dnsbl *d)
{
	const struct conf *c = d->s.conf;
	struct blocklists_settings s = {
		.count = c->dnsbl.count,
		.answers = ANSWERS,
		.ttl_least_s = c->dnsbl.least_s,
		.ttl_most_s = c->dnsbl.most_s,
		.test_s = c->dnsbl.test_s,
	};

	for (unsigned i = 0; i < c->dnsbl.count; i++) {
		s.lists[i].zone = c->dnsbl.lists[i].zone;
		s.lists[i].codes = c->dnsbl.lists[i].codes;
	}
	memcpy(s.hash_key, d->s.hash_key, sizeof(s.hash_key));
	return blocklists_new(&s, on_news, d);
}

struct dnsbl *dnsbl_new(const struct dnsbl_settings *s)
{
	struct dnsbl *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->s = *s;
	d->fd = -1;
	if (s->conf->dnsbl.count == 0)
		return d;
	d->fd = epoll_create1(EPOLL_CLOEXEC);
	d->lists = make_lists(d);
	if (d->fd < 0 || !d->lists) {
		dnsbl_free(d);
		return NULL;
	}
	open_resolver(d);
	return d;
}

void dnsbl_free(struct dnsbl *d)
{
	if (!d)
		return;
	resolver_close(d->resolver);
	if (d->lists)
		blocklists_forget(d->lists);
	blocklists_free(d->lists);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static bool same_servers(const struct conf *a, const struct conf *b)
{
	if (a->dns.server_count != b->dns.server_count ||
	        strcmp(a->dns.trust_anchor, b->dns.trust_anchor) != 0)
		return false;
	for (unsigned i = 0; i < a->dns.server_count; i++)
		if (strcmp(a->dns.servers[i], b->dns.servers[i]) != 0)
			return false;
	return true;
}

static bool same_list(const struct conf_dnsbl_list *a, const struct conf_dnsbl_list *b)
{
	return strcmp(a->zone, b->zone) == 0 && a->codes.count == b->codes.count &&
	       memcmp(a->codes.ranges, b->codes.ranges, a->codes.count * sizeof(a->codes.ranges[0])) == 0;
}

static bool same_lists(const struct conf *a, const struct conf *b)
{
	for (unsigned i = 0; i < a->dnsbl.count && i < b->dnsbl.count; i++)
		if (!same_list(&a->dnsbl.lists[i], &b->dnsbl.lists[i]))
			return false;
	return a->dnsbl.count == b->dnsbl.count && a->dnsbl.action == b->dnsbl.action &&
	       a->dnsbl.least_s == b->dnsbl.least_s && a->dnsbl.most_s == b->dnsbl.most_s &&
	       a->dnsbl.test_s == b->dnsbl.test_s && a->dnsbl.timeout_s == b->dnsbl.timeout_s;
}

bool dnsbl_fits(const struct dnsbl *d, const struct conf *conf)
{
	return same_lists(d->s.conf, conf) && same_servers(d->s.conf, conf);
}

void dnsbl_set_conf(struct dnsbl *d, const struct conf *conf)
{
	d->s.conf = conf;
}

/* ---- looking ------------------------------------------------------------------------------------- */

unsigned dnsbl_count(const struct dnsbl *d)
{
	return d->lists ? blocklists_count(d->lists) : 0;
}

struct blocklist_view dnsbl_view(const struct dnsbl *d, unsigned list)
{
	return blocklists_view(d->lists, list);
}

uint64_t dnsbl_counted(const struct dnsbl *d, enum blocklist_count what)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < dnsbl_count(d); i++)
		sum += dnsbl_view(d, i).counts[what];
	return sum;
}

void dnsbl_each_fault(
        const struct dnsbl *d, void (*each)(void *arg, const char *text, bool inspecting), void *arg)
{
	char text[FAULT_BYTES];

	if (d->lists && !d->resolver)
		each(arg, "the DNS cannot be asked: NO DNS LIST IS ASKED", false);
	for (unsigned i = 0; i < dnsbl_count(d); i++) {
		struct blocklist_view v = dnsbl_view(d, i);

		if (!v.why[0])
			continue;
		print_state(&v, text);
		each(arg, text, false);
	}
}
