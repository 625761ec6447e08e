/* tls.c - how well a connection is kept from readers: starttls.missing (1025411), auth.clear (1025412),
 * tls.old (1025413), starttls.unused (1025415).
 *
 * A server that offers STARTTLS is remembered by address and port. When a later offer lacks it, that is
 * told, and again only a day later if it was offered in between: some servers hide it from some clients, and
 * behind some addresses there are several. So is an offer whose keyword was overwritten on the way by X,
 * which is what SMTP inspection of some routers does (STARTTLS becomes XXXXXXXA).
 *
 * An AUTH shows the password to every reader when its mechanism sends it as it is (RFC 4616, LOGIN; the
 * bearer tokens of RFC 7628 are worth as much); challenges and hashes do not. It is told only if the
 * exchange went so far that a secret was sent.
 */
#include "watch/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"
#include "watch/judge.h"

enum { TLS_1_2 = 0x0303 };
static const uint64_t told_again_us = 86400 * UINT64_C(1000000);

struct server_key {
	struct addr addr;
	uint8_t port[2];
};
struct server {
	uint64_t offered_us; /* last time, 0 = never */
	uint64_t told_us;    /* that it is missing; last time, 0 = never */
	bool told;           /* and it was not offered since */
};
struct tls_book {
	struct table *servers;
};

struct tls_book *tls_book_new(uint32_t servers, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct tls_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->servers = table_new(servers, sizeof(struct server_key), sizeof(struct server), hash_key);
	if (b->servers)
		return b;
	free(b);
	errno = ENOMEM;
	return NULL;
}

void tls_book_free(struct tls_book *b)
{
	if (!b)
		return;
	table_free(b->servers);
	free(b);
}

static struct server *server_of(struct tls_book *b, const struct event *e)
{
	struct server_key key = { e->conn.dst, { (uint8_t)(e->conn.dport >> 8), (uint8_t)e->conn.dport } };

	return table_take(b->servers, &key, e->time_us, NULL);
}

static struct event_text *begin(
        struct finding *f, enum finding_id id, const struct watch_view *view, const struct event *e)
{
	finding_init(f, id, e);
	f->action = f->would = ACTION_ALERT;
	f->verified = 1;
	if (view->memory)
		f->helo = view->memory->helo;
	return evidence_line(f);
}

static void print_server(struct event_text *line, const struct event *e)
{
	char text[ADDR_TEXT_MAX];

	evidence_print(line, "%s port %u", addr_print(&e->conn.dst, text), e->conn.dport);
}

/* 0 where packets are out of order, or of another capture. */
static uint64_t since(uint64_t then_us, uint64_t now_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

static bool is_told(const struct server *s, uint64_t now_us)
{
	return s->told || (s->told_us > 0 && since(s->told_us, now_us) < told_again_us);
}

bool tls_judge_helo(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_helo *helo = &e->u.helo;
	struct event_text *line;
	struct server *s;

	if (helo->esmtp != 1 || helo->reply.code / 100 != 2)
		return false;
	s = server_of(view->tls, e);
	if (helo->offers_starttls) {
		s->offered_us = e->time_us;
		s->told = false;
		return false;
	}
	if (is_told(s, e->time_us) || (s->offered_us == 0 && !helo->masks_starttls))
		return false;
	s->told = true;
	s->told_us = e->time_us;
	line = begin(f, FINDING_STARTTLS_MISSING, view, e);
	print_server(line, e);
	if (helo->masks_starttls)
		evidence_print(line, ": the offer is overwritten by X on the way");
	else
		evidence_print(line, " offered STARTTLS %" PRIu64 " s ago and does not now",
		        since(s->offered_us, e->time_us) / 1000000);
	return true;
}

static bool shows_secret(const char *mechanism)
{
	static const char *const plain[] = { "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER" };
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(mechanism, plain[i]) == 0)
			return true;
	return false;
}

bool tls_judge_auth(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_auth *auth = &e->u.auth;
	struct event_text *line;

	/* RFC 4954 4: 235 it is right, 535 it is wrong; other replies come before any secret */
	if (!auth->in_clear || (auth->reply.code != 235 && auth->reply.code != 535) ||
	        !shows_secret(auth->mech))
		return false;
	line = begin(f, FINDING_AUTH_CLEAR, view, e);
	f->outcome = auth->reply.code == 235 ? OUTCOME_ACCEPTED : OUTCOME_REFUSED_BY_SERVER;
	evidence_print(line, "AUTH %s to ", auth->mech);
	print_server(line, e);
	evidence_reply(line, &auth->reply);
	return true;
}

bool tls_judge_handshake(const struct watch_view *view, const struct event *e, struct finding *f)
{
	static const char *const names[] = { "SSL 3.0", "TLS 1.0", "TLS 1.1" };
	uint16_t version = e->u.tls.version;
	struct event_text *line;

	if (version == 0 || version >= TLS_1_2)
		return false;
	line = begin(f, FINDING_TLS_OLD, view, e);
	f->value = version;
	f->limit = TLS_1_2;
	evidence_print(line, "%s with ", version >= 0x0300 ? names[version - 0x0300] : "SSL 2.0");
	print_server(line, e);
	return true;
}

bool tls_judge_close(const struct watch_view *view, const struct event *e, struct finding *f)
{
	struct event_text *line;

	if (!view->memory || !view->memory->starttls_offered || e->u.close.tls ||
	        e->u.close.transactions == 0)
		return false;
	line = begin(f, FINDING_STARTTLS_UNUSED, view, e);
	f->value = e->u.close.transactions;
	evidence_print(line, "%u transactions in clear to ", e->u.close.transactions);
	print_server(line, e);
	return true;
}
