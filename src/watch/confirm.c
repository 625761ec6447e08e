/* confirm.c - a relay is proven when the mail is seen leaving: relay.confirmed (1025102); and shown not to
 * be one when the server sends it back: relay.attempt (1025100) with the outcome "bounced".
 *
 * A foreign recipient that a server of ours accepted opens an entry in the book; the accepted end of data
 * makes it count. From then on connections that servers of ours open towards others are held against it:
 *
 *   Message-ID   the same one leaves, from whichever server of ours            content
 *   envelope     same sender, same final domain (and for a plain path the
 *                same recipient), from the server that took it                 content
 *   host         the mail is hidden by TLS; the host it goes to calls itself
 *                by the final domain (greeting, EHLO reply or SNI), soon after destination and time
 *   bounce       null sender, back to the one who sent it                      bounced
 *
 * What leaves may be seen before the server's reply to the end of data is: that sighting waits for it.
 *
 * The first three are told once for each relayed transaction, with the connection that relayed as theirs, so
 * that all grades are one story. Only what the next server accepted has left. A host whose name has nothing
 * to do with the domain it serves is not recognised: that would need DNS, and guessing would accuse.
 *
 * Rejected: comparing bodies (nothing of them is kept), and the destination of the SYN alone (a busy server
 * opens connections all the time).
 */
#include "watch/confirm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "postern/action.h"
#include "postern/form.h"
#include "watch/evidence.h"
#include "watch/finding.h"
#include "watch/judge.h"

enum {
	SEVERITY_BY_HOST = 2, /* a guess, if a good one */
	SEVERITY_BOUNCED = 3,
	KEYS_PER_RELAY = 8,
	TEXT_MAX = 2 * EVENT_PATH_MAX + EVENT_DOMAIN_MAX + 8,
};
static const uint64_t host_window_us = 600 * UINT64_C(1000000);
static const uint64_t content_window_us =
        5 * 86400 * UINT64_C(1000000); /* servers give up then: RFC 5321 4.5.4.1 */

enum key_kind { KEY_MESSAGE_ID, KEY_ENVELOPE, KEY_DOMAIN, KEY_SENDER };

struct key {
	uint64_t hash;
	uint64_t kind;
};

/* How and where a relayed mail was seen leaving. */
struct sighting {
	enum { BY_NOTHING, BY_MESSAGE_ID, BY_ENVELOPE, BY_HOST } how;
	uint64_t time_us;
	struct addr src, dst;
	uint16_t port;
	struct event_domain host; /* BY_HOST */
};

struct relay {
	uint32_t serial;
	uint32_t tx_id;
	struct event_connection conn;
	uint64_t rcpt_us, taken_us; /* 0 = the end of data was not accepted (yet) */
	uint8_t form;
	bool confirmed, bounced;
	struct event_path helo, mail_from, rcpt_to;
	struct sighting sighting;
};

struct confirm {
	struct relay *relays;
	uint32_t count, next, serial;
	struct table *keys; /* struct key -> struct confirm_ref */
	uint8_t hash_key[HASH_KEY_BYTES];
};

struct confirm *confirm_new(uint32_t relays, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct confirm *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	memcpy(c->hash_key, hash_key, HASH_KEY_BYTES);
	c->count = relays;
	c->relays = calloc(relays, sizeof(*c->relays));
	c->keys =
	        table_new(relays * KEYS_PER_RELAY, sizeof(struct key), sizeof(struct confirm_ref), hash_key);
	if (c->relays && c->keys)
		return c;
	confirm_free(c);
	errno = ENOMEM;
	return NULL;
}

void confirm_free(struct confirm *c)
{
	if (!c)
		return;
	free(c->relays);
	table_free(c->keys);
	free(c);
}

/* ---- the book ---------------------------------------------------------------------------------- */

static struct relay *relay_get(struct confirm *c, struct confirm_ref ref)
{
	struct relay *r = &c->relays[ref.slot];

	return ref.serial != 0 && r->serial == ref.serial ? r : NULL;
}

static struct confirm_ref relay_open(struct confirm *c, const struct event *e, const struct watch_memory *m)
{
	struct confirm_ref ref = { .slot = c->next };
	struct relay *r = &c->relays[c->next];

	c->next = (c->next + 1) % c->count;
	c->serial += c->serial == UINT32_MAX ? 2 : 1;
	ref.serial = c->serial;
	*r = (struct relay) {
		.serial = ref.serial,
		.tx_id = e->u.rcpt.tx_id,
		.conn = e->conn,
		.rcpt_us = e->time_us,
		.form = e->u.rcpt.form,
		.helo = m->helo,
		.mail_from = m->mail_from,
		.rcpt_to = e->u.rcpt.path,
	};
	return ref;
}

/* Keys are texts in lower case; a part that is missing is an empty line. */
struct text {
	char bytes[TEXT_MAX];
	size_t len;
};

static void text_add(struct text *t, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len && t->len < TEXT_MAX - 1; i++)
		t->bytes[t->len++] =
		        (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 'a' - 'A' : bytes[i]);
	if (t->len < TEXT_MAX)
		t->bytes[t->len++] = '\n';
}

static struct key key_of(const struct confirm *c, enum key_kind kind, const struct text *t)
{
	return (struct key) { .hash = hash_bytes(c->hash_key, t->bytes, t->len), .kind = kind };
}

static void book_add(
        struct confirm *c, enum key_kind kind, const struct text *t, struct confirm_ref ref, uint64_t now_us)
{
	struct key key = key_of(c, kind, t);

	*(struct confirm_ref *)table_take(c->keys, &key, now_us, NULL) = ref;
}

/* The relayed mail of at most window_us ago; its reference in *ref. */
static struct relay *book_find(struct confirm *c, enum key_kind kind, const struct text *t, uint64_t now_us,
        uint64_t window_us, struct confirm_ref *ref)
{
	struct key key = key_of(c, kind, t);
	const struct confirm_ref *found = table_find(c->keys, &key);
	struct relay *r = found ? relay_get(c, *found) : NULL;

	if (!r || now_us > r->rcpt_us + window_us)
		return NULL;
	*ref = *found;
	return r;
}

/* path may be NULL: then any recipient of that domain is meant. */
static struct text envelope(
        const struct event_path *from, const struct event_domain *domain, const struct event_path *path)
{
	struct text t = { .len = 0 };

	text_add(&t, from->bytes, from->len);
	text_add(&t, domain->bytes, domain->len);
	text_add(&t, path ? path->bytes : "", path ? path->len : 0);
	return t;
}

static struct text single(const char *bytes, size_t len)
{
	struct text t = { .len = 0 };

	text_add(&t, bytes, len);
	return t;
}

static bool is_null(const struct event_path *path)
{
	return path->len <= 2;
}

/* From one server of ours to another (a filter, a mailbox store) nothing has left. */
static bool goes_out(const struct event_connection *c)
{
	return c->from_server && c->server < 0;
}

static bool is_same_host(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

static bool is_named(const struct relay *r, const struct mention *who)
{
	if (mention_is_addr(who, &r->conn.src) || mention_is_addr(who, &r->sighting.dst))
		return true;
	return mention_is_path(who, r->mail_from.bytes, r->mail_from.len) ||
	       mention_is_path(who, r->rcpt_to.bytes, r->rcpt_to.len);
}

void confirm_forget(struct confirm *c, const struct mention *who, struct forgotten *out)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->relays[i].serial == 0 || !is_named(&c->relays[i], who))
			continue;
		out->n[FORGOTTEN_MAILS]++;
		if (!out->look)
			memset(&c->relays[i], 0, sizeof(c->relays[i])); /* its keys lead nowhere */
	}
}

/* ---- findings ---------------------------------------------------------------------------------- */

static void begin(struct finding *f, enum finding_id id, const struct relay *r, const struct event *e,
        enum event_outcome outcome)
{
	finding_init(f, id, e);
	f->conn = r->conn;
	f->action = f->would = ACTION_ALERT;
	f->outcome = outcome;
	f->verified = 1;
	f->tx_id = r->tx_id;
	f->form = r->form;
	f->helo = r->helo;
	f->mail_from = r->mail_from;
	f->rcpt_to = r->rcpt_to;
}

static struct event_text *print_way(struct finding *f, const struct relay *r, const struct sighting *s)
{
	struct event_text *line = evidence_line(f);
	char text[ADDR_TEXT_MAX];
	uint64_t after_us = s->time_us > r->rcpt_us ? s->time_us - r->rcpt_us : 0;

	evidence_print(line, "from %s", addr_print(&s->src, text));
	evidence_print(line, " to %s port %u, %" PRIu64 " s after it came in: ", addr_print(&s->dst, text),
	        s->port, after_us / 1000000);
	return line;
}

static struct sighting sighting_of(const struct event *e)
{
	return (struct sighting) {
		.time_us = e->time_us,
		.src = e->conn.src,
		.dst = e->conn.dst,
		.port = e->conn.dport,
	};
}

/* Once r was taken and was seen leaving, whichever came last. */
static bool confirm(struct relay *r, const struct event *e, struct finding *f)
{
	const struct sighting *s = &r->sighting;
	struct event_text *line;

	if (r->confirmed || r->taken_us == 0 || s->how == BY_NOTHING)
		return false;
	r->confirmed = true;
	begin(f, FINDING_RELAY_CONFIRMED, r, e, OUTCOME_CONFIRMED);
	line = print_way(f, r, s);
	if (s->how != BY_HOST) {
		evidence_print(
		        line, s->how == BY_MESSAGE_ID ? "same Message-ID" : "same sender and recipient");
		return true;
	}
	f->severity = SEVERITY_BY_HOST;
	evidence_print(line, "encrypted, to the host ");
	evidence_bytes(line, s->host.bytes, s->host.len);
	return true;
}

static bool bounces(struct confirm *c, const struct watch_memory *m, const struct event *e, struct finding *f)
{
	const struct event_path *path = &e->u.rcpt.path;
	struct text t = single(path->bytes, path->len);
	struct sighting s = sighting_of(e);
	struct confirm_ref ref;
	struct relay *r;

	if (!is_null(&m->mail_from))
		return false;
	r = book_find(c, KEY_SENDER, &t, e->time_us, content_window_us, &ref);
	if (!r || r->bounced || !is_same_host(&e->conn.src, &r->conn.dst))
		return false;
	r->bounced = true;
	begin(f, FINDING_RELAY_ATTEMPT, r, e, OUTCOME_BOUNCED);
	f->severity = SEVERITY_BOUNCED;
	evidence_print(print_way(f, r, &s), "the server sends it back, it was not relayed");
	return true;
}

/* ---- judges ------------------------------------------------------------------------------------ */

static void note_relayed(struct confirm *c, struct watch_memory *m, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	struct text t;

	if (!relay_get(c, m->relay))
		m->relay = relay_open(c, e, m);
	t = single(rcpt->final_domain.bytes, rcpt->final_domain.len);
	book_add(c, KEY_DOMAIN, &t, m->relay, e->time_us);
	if (is_null(&m->mail_from) && rcpt->form != SMTP_FORM_PLAIN)
		return;
	t = envelope(&m->mail_from, &rcpt->final_domain, rcpt->form == SMTP_FORM_PLAIN ? &rcpt->path : NULL);
	book_add(c, KEY_ENVELOPE, &t, m->relay, e->time_us);
}

/* Of the transaction that leaves: does it look like one that was relayed? */
static void note_leaving(struct confirm *c, struct watch_memory *m, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	const struct event_path *paths[] = { &rcpt->path, NULL };
	struct confirm_ref ref;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct text t = envelope(&m->mail_from, &rcpt->final_domain, paths[i]);
		const struct relay *r = book_find(c, KEY_ENVELOPE, &t, e->time_us, content_window_us, &ref);

		if (r && is_same_host(&e->conn.src, &r->conn.dst))
			m->leaves = ref;
	}
}

bool confirm_judge_rcpt(const struct watch_view *view, const struct event *e, struct finding *f)
{
	struct watch_memory *m = view->memory;

	if (!m || e->u.rcpt.outcome != OUTCOME_ACCEPTED)
		return false;
	if (event_rcpt_is_relayed(&e->u.rcpt)) {
		note_relayed(view->confirm, m, e);
		return false;
	}
	if (!e->conn.from_server)
		return false;
	if (goes_out(&e->conn))
		note_leaving(view->confirm, m, e);
	return bounces(view->confirm, m, e, f);
}

static void note_taken(
        struct confirm *c, struct relay *r, const struct watch_memory *m, const struct event *e)
{
	const struct event_path *id = &e->u.data.message_id;
	struct text t = single(id->bytes, id->len);

	r->taken_us = e->time_us;
	if (id->len > 0)
		book_add(c, KEY_MESSAGE_ID, &t, m->relay, e->time_us);
	t = single(r->mail_from.bytes, r->mail_from.len);
	if (!is_null(&r->mail_from))
		book_add(c, KEY_SENDER, &t, m->relay, e->time_us);
}

static bool leaves(struct confirm *c, const struct watch_memory *m, const struct event *e, struct finding *f)
{
	const struct event_path *id = &e->u.data.message_id;
	struct text t = single(id->bytes, id->len);
	struct sighting s = sighting_of(e);
	struct confirm_ref ref;
	struct relay *r;

	r = id->len > 0 ? book_find(c, KEY_MESSAGE_ID, &t, e->time_us, content_window_us, &ref) : NULL;
	s.how = r ? BY_MESSAGE_ID : BY_ENVELOPE;
	r = r ? r : relay_get(c, m->leaves);
	if (!r)
		return false;
	r->sighting = s;
	return confirm(r, e, f);
}

bool confirm_judge_data(const struct watch_view *view, const struct event *e, struct finding *f)
{
	struct relay *r = view->memory ? relay_get(view->confirm, view->memory->relay) : NULL;

	if (!view->memory || !e->u.data.final || e->u.data.reply.code / 100 != 2)
		return false;
	if (!r)
		return goes_out(&e->conn) && leaves(view->confirm, view->memory, e, f);
	note_taken(view->confirm, r, view->memory, e);
	return confirm(r, e, f);
}

/* A relayed mail for the domain of this host, or of one of the domains it is below. */
static struct relay *find_for_host(struct confirm *c, const struct event_domain *host, uint64_t now_us)
{
	const char *name = host->bytes, *dot;
	size_t left = host->len;
	struct confirm_ref ref;

	while (left > 0) {
		struct text t = single(name, left);
		struct relay *r = book_find(c, KEY_DOMAIN, &t, now_us, host_window_us, &ref);

		if (r)
			return r;
		dot = memchr(name, '.', left);
		if (!dot)
			break;
		left -= (size_t)(dot + 1 - name);
		name = dot + 1;
	}
	return NULL;
}

bool confirm_judge_handshake(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_domain *names[] = { &e->u.tls.sni, view->memory ? &view->memory->host : NULL };
	struct sighting s = sighting_of(e);
	unsigned i;

	if (!goes_out(&e->conn))
		return false;
	s.how = BY_HOST;
	for (i = 0; i < 2; i++) {
		struct relay *r = names[i] ? find_for_host(view->confirm, names[i], e->time_us) : NULL;

		if (!r || r->sighting.how != BY_NOTHING || !is_same_host(&e->conn.src, &r->conn.dst))
			continue;
		s.host = *names[i];
		r->sighting = s;
		return confirm(r, e, f);
	}
	return false;
}
