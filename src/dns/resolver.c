/* resolver.c - see resolver.h.
 *
 * libunbound works in a thread of its own; here questions go in and, when its descriptor says so, answers come
 * out. There are two contexts: one validates, the other does not. Questions go to the first. When an answer of
 * it is bogus, the second is asked for the trust anchor's key once: comes that back without its signature, then the
 * servers strip DNSSEC (old forwarders, some home routers), and everything would be bogus. Then the second is
 * used for an hour, and the first tried again. What is bogus although signatures come through is bogus.
 *
 * Whoever can strip signatures on the way can do so to turn validation off; `require-dnssec` is for those to
 * whom that matters more than an ISP's move noticed late.
 *
 * A question is given up after TIMEOUT_S, or what the settings say; libunbound itself would try for minutes. Its memory of servers that
 * do not answer is made short, so that the end of an outage is noticed.
 *
 * Limits: RESOLVER_OPEN_MAX questions at once. resolv.conf is read when the resolver is opened; whoever opens it looks whether it has changed.
 *
 * Rejected: ub_ctx_create_event() (wants libevent's loop); the C library's resolver (blocks, validates nothing); trusting
 * the AD bit of the servers (whoever is on the way sets it).
 */
#include "dns/resolver.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <unbound.h>

#include "base/log.h"

enum {
	DATA_MAX = 4096 /* a message of 64 KiB has no more records */,
	TIMEOUT_S = 10,
	NEGATIVE_TTL_S = 15,
	STRIPPED_S = 3600,
	HEALTHY_S = 300
};
enum { CLASS_IN = 1, RCODE_OK = 0, RCODE_NO_NAME = 3 };

enum view { VIEW_VALIDATES, VIEW_PLAIN, VIEW_COUNT };

enum { STATE_FREE, STATE_OPEN, STATE_WAITS /* for the probe */ };

struct question {
	struct resolver *of;
	uint8_t state;
	uint8_t view;
	bool is_probe;
	int id; /* libunbound's */
	enum dns_type type;
	uint64_t cookie, until_s;
	char name[DNS_NAME_MAX];
};

struct resolver {
	struct ub_ctx *views[VIEW_COUNT];
	int fd; /* epoll of both */
	resolver_answered *answered;
	void *arg;
	bool require_dnssec;
	unsigned timeout_s;
	enum resolver_dnssec dnssec;
	uint64_t now_s;
	uint64_t known_until_s; /* that signatures come, or do not */
	bool probing;
	char anchor[DNS_NAME_MAX]; /* its owner */
	struct question questions[RESOLVER_OPEN_MAX];
};

static void on_answer(void *arg, int error, struct ub_result *result);

/* ---- opening --------------------------------------------------------------------------------- */

static const struct {
	const char *option, *value;
} options[] = {
	{ "infra-host-ttl:", "15" },
	{ "infra-keep-probing:", "yes" },
	{ "val-bogus-ttl:", "15" },
	{ "minimal-responses:", "yes" },
};

/* The owner of the first record of the trust anchor. False: it cannot be read, or has none. */
static bool read_anchor(const char *path, char owner[DNS_NAME_MAX])
{
	FILE *f = fopen(path, "re");
	char line[2048];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strchr(";$#\n ", line[0]) == NULL && sscanf(line, "%255s", owner) == 1;
	fclose(f);
	return found;
}

/* 0, or an error of libunbound. */
static int set_up(struct ub_ctx *ctx, enum view view, const struct resolver_settings *s, bool validate)
{
	unsigned negative_ttl_s = s->negative_ttl_s ? s->negative_ttl_s : NEGATIVE_TTL_S;
	char number[16];
	int e = 0;

	snprintf(number, sizeof(number), "%u", negative_ttl_s);
	(void)ub_ctx_set_option(ctx, "cache-max-negative-ttl:", number);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)ub_ctx_set_option(ctx, options[i].option, options[i].value); /* older ones lack some */
	if (view == VIEW_PLAIN || !validate)
		e = ub_ctx_set_option(ctx, "module-config:", "iterator");
	else
		e = ub_ctx_add_ta_file(ctx, s->trust_anchor);
	for (unsigned i = 0; i < s->server_count && !e; i++)
		e = ub_ctx_set_fwd(ctx, s->servers[i]);
	if (!e && s->server_count == 0)
		e = ub_ctx_resolvconf(ctx, NULL);
	return e ? e : ub_ctx_async(ctx, 1);
}

static int open_view(struct resolver *r, enum view view, const struct resolver_settings *s, bool validate)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = { .u32 = view } };
	int e;

	r->views[view] = ub_ctx_create();
	if (!r->views[view])
		return UB_NOMEM;
	e = set_up(r->views[view], view, s, validate);
	if (!e && epoll_ctl(r->fd, EPOLL_CTL_ADD, ub_fd(r->views[view]), &ev) < 0)
		e = UB_PIPE;
	return e;
}

struct resolver *resolver_open(const struct resolver_settings *s, resolver_answered *answered, void *arg,
        char *err, unsigned err_bytes)
{
	struct resolver *r = calloc(1, sizeof(*r));
	bool validate = s->trust_anchor[0] != '\0';
	int e = UB_NOMEM;

	if (!r) {
		snprintf(err, err_bytes, "not enough memory");
		return NULL;
	}
	r->answered = answered;
	r->arg = arg;
	r->require_dnssec = s->require_dnssec;
	r->timeout_s = s->timeout_s ? s->timeout_s : TIMEOUT_S;
	r->fd = epoll_create1(EPOLL_CLOEXEC);
	if (validate && !read_anchor(s->trust_anchor, r->anchor)) {
		log_warning("%s has no trust anchor for DNSSEC%s (Debian package dns-root-data)",
		        s->trust_anchor,
		        s->require_dnssec ? ": NOTHING can be validated, as require-dnssec wants it"
		                          : ": answers of the DNS are used unvalidated");
		validate = false;
	}
	r->dnssec = validate ? RESOLVER_CHECKS : RESOLVER_OFF;
	if (r->fd >= 0)
		e = open_view(r, VIEW_PLAIN, s, validate);
	if (!e && validate)
		e = open_view(r, VIEW_VALIDATES, s, validate);
	if (!e)
		return r;
	snprintf(err, err_bytes, "the DNS cannot be asked: %s", ub_strerror(e));
	resolver_close(r);
	return NULL;
}

void resolver_close(struct resolver *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < VIEW_COUNT; i++)
		if (r->views[i])
			ub_ctx_delete(r->views[i]);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

int resolver_fd(const struct resolver *r)
{
	return r->fd;
}

enum resolver_dnssec resolver_dnssec(const struct resolver *r)
{
	return r->dnssec;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* The thread that libunbound starts here must not take our signals. */
static int send_question(struct question *q)
{
	sigset_t all, before;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = ub_resolve_async(q->of->views[q->view], q->name, (int)q->type, CLASS_IN, q, on_answer, &q->id);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	q->state = e ? STATE_FREE : STATE_OPEN;
	return e ? -EIO : 0;
}

static enum view best_view(const struct resolver *r)
{
	return r->dnssec == RESOLVER_CHECKS ? VIEW_VALIDATES : VIEW_PLAIN;
}

static int ask(struct resolver *r, const char *name, enum dns_type type, uint64_t cookie, enum view view,
        bool is_probe)
{
	struct question *q = r->questions, *end = q + RESOLVER_OPEN_MAX;

	while (q < end && q->state != STATE_FREE)
		q++;
	if (q == end)
		return -ENOSPC;
	*q = (struct question) { .of = r,
		.view = (uint8_t)view,
		.is_probe = is_probe,
		.type = type,
		.cookie = cookie,
		.until_s = r->now_s + r->timeout_s };
	snprintf(q->name, sizeof(q->name), "%s", name);
	return send_question(q);
}

int resolver_ask(struct resolver *r, const char *name, enum dns_type type, uint64_t cookie, uint64_t now_s)
{
	r->now_s = now_s;
	if (r->dnssec == RESOLVER_STRIPPED && now_s >= r->known_until_s)
		r->dnssec = RESOLVER_CHECKS; /* better servers since? */
	return ask(r, name, type, cookie, best_view(r), false);
}

/* ---- do signatures come through? --------------------------------------------------------------- */

/* There is a signature among the answers of this packet. */
static bool has_signature(const struct ub_result *result)
{
	ns_msg msg;
	ns_rr rr;

	if (!result->answer_packet || ns_initparse(result->answer_packet, result->answer_len, &msg) < 0)
		return false;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++)
		if (ns_parserr(&msg, ns_s_an, i, &rr) == 0 && ns_rr_type(rr) == ns_t_rrsig)
			return true;
	return false;
}

static void reply(struct question *q, const struct dns_answer *a)
{
	struct resolver *r = q->of;
	uint64_t cookie = q->cookie;

	q->state = STATE_FREE;
	r->answered(r->arg, cookie, a);
}

static void reply_status(struct question *q, enum dns_status status, const char *why)
{
	reply(q, &(const struct dns_answer) { .status = status, .why = why });
}

/* What waited goes on: to the other context, or it is bogus indeed. */
static void end_probe(struct resolver *r)
{
	r->probing = false;
	for (unsigned i = 0; i < RESOLVER_OPEN_MAX; i++) {
		struct question *q = &r->questions[i];

		if (q->state != STATE_WAITS)
			continue;
		q->view = VIEW_PLAIN;
		if (r->dnssec != RESOLVER_STRIPPED)
			reply_status(q, DNS_BOGUS, "its signatures are missing or wrong");
		else if (send_question(q) < 0)
			reply_status(q, DNS_FAILED, NULL);
	}
}

static void take_probe(struct question *q, const struct ub_result *result)
{
	struct resolver *r = q->of;

	q->state = STATE_FREE;
	if (result && result->rcode == RCODE_OK) {
		bool stripped = !has_signature(result);

		r->known_until_s = r->now_s + (stripped ? STRIPPED_S : HEALTHY_S);
		if (stripped && r->dnssec == RESOLVER_CHECKS)
			log_warning(
			        "the DNS servers strip DNSSEC: the key of %s comes without its signature; %s",
			        r->anchor,
			        r->require_dnssec ? "require-dnssec: NOTHING they say is taken"
			                          : "their answers are used unvalidated. Name better ones in "
			                            "dns.server, or set dns.trust-anchor = \"\"");
		r->dnssec = stripped ? RESOLVER_STRIPPED : RESOLVER_CHECKS;
	}
	end_probe(r);
}

static void suspect(struct question *q)
{
	struct resolver *r = q->of;

	q->state = STATE_WAITS;
	if (r->probing)
		return;
	r->probing = r->now_s >= r->known_until_s && ask(r, r->anchor, DNS_DNSKEY, 0, VIEW_PLAIN, true) == 0;
	if (!r->probing) /* known, or cannot be known: then what is bogus is bogus */
		end_probe(r);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum dns_status status_of(const struct ub_result *result)
{
	if (result->havedata)
		return DNS_OK;
	if (result->nxdomain || result->rcode == RCODE_NO_NAME)
		return DNS_NO_NAME;
	return result->rcode == RCODE_OK ? DNS_EMPTY : DNS_FAILED;
}

static void take(struct question *q, const struct ub_result *result)
{
	struct dns_rdata data[DATA_MAX];
	struct dns_answer a = { .status = status_of(result), .data = data };
	struct resolver *r = q->of;

	a.validation = q->view == VIEW_PLAIN ? DNS_UNCHECKED : result->secure ? DNS_SECURE : DNS_INSECURE;
	a.ttl_s = result->ttl > 0 ? (uint32_t)result->ttl : 0;
	for (; result->havedata && a.count < (unsigned)DATA_MAX && result->data[a.count]; a.count++)
		data[a.count] = (struct dns_rdata) { (const uint8_t *)result->data[a.count],
			(unsigned)result->len[a.count] };
	if (result->canonname && strcasecmp(result->canonname, result->qname) != 0)
		a.alias = result->canonname;
	if (r->require_dnssec && a.status <= DNS_NO_NAME && a.validation != DNS_SECURE) {
		a.status = DNS_UNVALIDATED;
		a.why = r->dnssec == RESOLVER_STRIPPED ? "the DNS servers strip DNSSEC"
		        : r->dnssec == RESOLVER_OFF    ? "there is no trust anchor"
		                                       : "the domain is not signed";
	}
	if (a.status == DNS_FAILED)
		a.why = "the servers could not answer";
	reply(q, &a);
}

static void on_answer(void *arg, int error, struct ub_result *result)
{
	struct question *q = arg;

	if (q->is_probe)
		take_probe(q, error ? NULL : result);
	else if (error || !result)
		reply_status(q, DNS_FAILED, error ? ub_strerror(error) : NULL);
	else if (result->bogus)
		suspect(q);
	else
		take(q, result);
	if (result)
		ub_resolve_free(result);
}

void resolver_process(struct resolver *r, uint64_t now_s)
{
	r->now_s = now_s;
	for (unsigned i = 0; i < VIEW_COUNT; i++)
		if (r->views[i])
			(void)ub_process(r->views[i]);
}

void resolver_tick(struct resolver *r, uint64_t now_s)
{
	r->now_s = now_s;
	for (unsigned i = 0; i < RESOLVER_OPEN_MAX; i++) {
		struct question *q = &r->questions[i];

		if (q->state == STATE_FREE || now_s < q->until_s)
			continue;
		if (q->state == STATE_OPEN)
			(void)ub_cancel(r->views[q->view], q->id);
		if (q->is_probe)
			take_probe(q, NULL);
		else
			reply_status(q, DNS_TIMEOUT, "nobody has answered");
	}
}
