/* walk.c - a name to its addresses, question by question.
 *
 *   mx-of   MX -> A and AAAA of each host
 *   hosts   A and AAAA
 *   spf-of  TXT -> ip4, ip6 as they stand; a -> A, AAAA; mx -> MX -> A, AAAA; include, redirect -> TXT ...
 *
 * An answer that there is nothing (no such host, no such type) is an answer. No answer (server failure,
 * timeout, a wrong signature) leaves the walk PARTIAL: what was found counts, what was not may be there.
 * Where nothing was found at all, or the SPF record is invalid, it has FAILED, and whoever holds an older
 * result keeps it.
 *
 * A domain without an MX is not walked to its own addresses, as RFC 5321 section 5.1 would have a sender do: an
 * upstream whose MX is gone for a moment would become its web server. `hosts` says the same on purpose.
 *
 * What is found is looked at before it counts. Addresses that the world cannot reach are refused unless allowed (RFC
 * 6890), and so are our own servers: a domain whose MX is our server is not the pattern that an upstream is for, or
 * we have the wrong view of the DNS. A prefix as wide as a part of the Internet is a mistake or an attack.
 *
 * Limits: WALK_QUESTIONS_MAX, WALK_FOUND_MAX, and those of RFC 7208 section 4.6.4 for SPF; beyond ours the walk
 * is PARTIAL, beyond those of the RFC it has FAILED, as receivers treat such a record.
 */
#include "dns/walk.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rdata.h"
#include "dns/special.h"
#include "dns/spf.h"

enum { TTL_MAX_S = 86400, NO_PARTNER = UINT16_MAX };
/* No sender has so many addresses. */
enum { WIDEST_V4 = 96 + 8, WIDEST_V6 = 16 };

static const uint8_t one_host[2] = { 128, 128 };

enum state { STATE_WAITS, STATE_ASKED, STATE_EMPTY, STATE_DONE };

struct question {
	struct walk_question q;
	uint8_t state;
	bool spf;         /* a term of SPF: counts towards its limits */
	bool from_mx;     /* a host of an MX */
	uint8_t bits[2];  /* of the prefixes that its addresses become: IPv4, IPv6 */
	uint16_t partner; /* A and AAAA of one host */
};

struct walk {
	struct walk_settings s;
	struct question questions[WALK_QUESTIONS_MAX];
	unsigned count, asked, answered;
	unsigned lookups, voids; /* of SPF */
	struct walk_found *found;
	size_t found_count, found_room;
	enum dns_status status;
	enum dns_validation validation;
	uint32_t ttl_s;
	bool partial, failed;
	char trouble[DNS_WHY_MAX], note[DNS_WHY_MAX];
};

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* The first one stays. */
static void say(char text[DNS_WHY_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(char text[DNS_WHY_MAX], const char *format, ...)
{
	va_list args;

	if (text[0])
		return;
	va_start(args, format);
	vsnprintf(text, DNS_WHY_MAX, format, args);
	va_end(args);
}

static const char *type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_DNSKEY:
		return "DNSKEY";
	}
	return "?";
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool is_question(const struct question *q, const char *name, enum dns_type type, const uint8_t bits[2])
{
	return q->q.type == type && memcmp(q->bits, bits, sizeof(q->bits)) == 0 &&
	       strcmp(q->q.name, name) == 0;
}

/* The one that is there, if there is one. NULL: too many. */
static struct question *add_question(
        struct walk *w, const char *name, enum dns_type type, const uint8_t bits[2], bool spf)
{
	struct question *q = &w->questions[w->count];

	for (unsigned i = 0; i < w->count; i++)
		if (is_question(&w->questions[i], name, type, bits))
			return &w->questions[i];
	if (w->count == WALK_QUESTIONS_MAX) {
		w->partial = true;
		say(w->trouble, "it leads to more than %d questions, the rest is left out",
		        WALK_QUESTIONS_MAX);
		return NULL;
	}
	*q = (struct question) {
		.q = { .type = type },
		.bits = { bits[0], bits[1] },
		.spf = spf,
		.partner = NO_PARTNER,
	};
	snprintf(q->q.name, sizeof(q->q.name), "%s", name);
	w->count++;
	return q;
}

static void add_host(struct walk *w, const char *name, const uint8_t bits[2], bool spf, bool from_mx)
{
	struct question *four = add_question(w, name, DNS_A, bits, spf);
	struct question *six = add_question(w, name, DNS_AAAA, bits, spf);

	if (!four || !six)
		return;
	four->partner = (uint16_t)(six - w->questions);
	six->partner = (uint16_t)(four - w->questions);
	four->from_mx = six->from_mx = from_mx;
}

bool walk_next(struct walk *w, struct walk_question *out, unsigned *id)
{
	if (w->asked == w->count || w->failed)
		return false;
	*id = w->asked++;
	w->questions[*id].state = STATE_ASKED;
	*out = w->questions[*id].q;
	return true;
}

bool walk_is_done(const struct walk *w)
{
	return w->answered == (w->failed ? w->asked : w->count);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool lies_within(const struct prefix *inner, const struct prefix *outer)
{
	return inner->bits >= outer->bits && prefix_contains(outer, &inner->addr);
}

/* Why this prefix must not count; NULL if it may. */
static const char *why_refused(const struct walk *w, const struct prefix *prefix)
{
	enum special_use use = special_use(prefix);
	size_t i;

	if (use == SPECIAL_NO_HOST || (use != SPECIAL_NONE && !w->s.allow_private))
		return special_name(use);
	for (i = 0; i < w->s.own_count; i++)
		if (lies_within(prefix, &w->s.own[i]))
			return "your own server: this is the wrong view of the DNS, or mail does not come "
			       "through "
			       "an upstream";
	if (prefix->bits < (prefix_is_v4(prefix) ? WIDEST_V4 : WIDEST_V6))
		return "wider than any sender is";
	return NULL;
}

static struct walk_found *grow_found(struct walk *w)
{
	size_t room = w->found_room ? 2 * w->found_room : 16;
	struct walk_found *more;

	if (w->found_count < w->found_room)
		return &w->found[w->found_count++];
	if (w->found_count == WALK_FOUND_MAX) {
		say(w->trouble, "it leads to more than %d addresses, the rest is left out", WALK_FOUND_MAX);
		w->partial = true;
		return NULL;
	}
	more = realloc(w->found, room * sizeof(*more));
	if (!more) {
		say(w->trouble, "not enough memory");
		w->partial = true;
		return NULL;
	}
	w->found = more;
	w->found_room = room;
	return &w->found[w->found_count++];
}

static void add_found(
        struct walk *w, const struct prefix *prefix, const char *host, enum dns_validation validation)
{
	const char *refused = why_refused(w, prefix);
	char text[PREFIX_TEXT_MAX];
	struct walk_found *f;
	size_t i;

	if (refused) {
		say(w->note, "%s of %s is %s; it is left out", prefix_print(prefix, text), host, refused);
		return;
	}
	for (i = 0; i < w->found_count; i++)
		if (prefix_is_same(&w->found[i].prefix, prefix))
			return;
	f = grow_found(w);
	if (!f)
		return;
	f->prefix = *prefix;
	f->validation = (uint8_t)validation;
	snprintf(f->host, sizeof(f->host), "%s", host);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void fail_spf(struct walk *w, const char *name, const char *what, const char *why)
{
	w->failed = true;
	say(w->trouble, "the SPF record of %s is invalid: %s%s%s", name, what, *what ? " " : "", why);
}

static void count_void(struct walk *w, const struct question *q)
{
	if (q->spf && q->partner != NO_PARTNER && w->questions[q->partner].state != STATE_EMPTY)
		return; /* the other family may have an answer */
	if (q->spf && ++w->voids > SPF_VOIDS_MAX)
		fail_spf(w, w->s.name, "", "more than 2 of its look-ups lead to nothing");
}

static void take_addresses(struct walk *w, const struct question *q, const struct dns_answer *a)
{
	struct prefix prefix;

	for (unsigned i = 0; i < a->count; i++) {
		if (!rdata_read_addr(&a->data[i], &prefix.addr))
			continue;
		prefix.bits = q->bits[q->q.type == DNS_AAAA];
		prefix.addr = addr_mask(&prefix.addr, prefix.bits);
		add_found(w, &prefix, q->q.name, a->validation);
	}
}

static void take_mx(struct walk *w, const struct question *q, const struct dns_answer *a)
{
	char host[DNS_NAME_MAX];
	uint16_t preference;
	unsigned hosts = 0;

	for (unsigned i = 0; i < a->count; i++) {
		if (!rdata_read_mx(&a->data[i], &preference, host)) {
			say(w->note, "the MX of %s has a host that cannot be one; it is left out", q->q.name);
			continue;
		}
		if (strcmp(host, ".") == 0) {
			say(w->note, "%s says that it takes no mail (null MX)", q->q.name);
			continue;
		}
		if (q->spf && ++hosts > SPF_HOSTS_MAX) {
			fail_spf(w, q->q.name, "mx", "has more than 10 hosts");
			return;
		}
		add_host(w, host, q->bits, false, true);
	}
}

/* One look-up of the ten. */
static bool spend(struct walk *w)
{
	if (++w->lookups <= SPF_LOOKUPS_MAX)
		return true;
	fail_spf(w, w->s.name, "", "it needs more than 10 look-ups");
	return false;
}

static void take_term(
        struct walk *w, const struct question *q, const struct spf_term *t, enum dns_validation validation)
{
	const char *domain = t->domain[0] ? t->domain : q->q.name;
	switch (t->kind) {
	case SPF_PREFIX:
		add_found(w, &t->prefix, q->q.name, validation);
		break;
	case SPF_A:
		if (spend(w))
			add_host(w, domain, t->bits, true, false);
		break;
	case SPF_MX:
		if (spend(w))
			(void)add_question(w, domain, DNS_MX, t->bits, true);
		break;
	case SPF_INCLUDE:
	case SPF_REDIRECT:
		if (spend(w))
			(void)add_question(w, domain, DNS_TXT, one_host, true);
		break;
	case SPF_IGNORED:
		say(w->note, "in the SPF record of %s, %s is left out: %s", q->q.name, t->text, t->why);
		break;
	case SPF_BAD:
		fail_spf(w, q->q.name, t->text, t->why);
		break;
	case SPF_END:
		break;
	}
}

static void take_spf(struct walk *w, const struct question *q, const struct dns_answer *a)
{
	char text[SPF_TEXT_MAX], record[SPF_TEXT_MAX];
	struct spf_term term;
	unsigned records = 0;
	struct spf spf;

	for (unsigned i = 0; i < a->count; i++)
		if (rdata_read_text(&a->data[i], text, sizeof(text)) && spf_is(text) && records++ == 0)
			memcpy(record, text, sizeof(record));
	if (records != 1) {
		w->failed = true;
		say(w->trouble, "%s has %s", q->q.name,
		        records ? "more than one SPF record" : "no SPF record");
		return;
	}
	spf_begin(&spf, record);
	do {
		spf_next(&spf, &term);
		take_term(w, q, &term, a->validation);
	} while (term.kind != SPF_END && term.kind != SPF_BAD && !w->failed);
}

static void take_nothing(struct walk *w, struct question *q, const struct dns_answer *a)
{
	bool root = q == w->questions && q->q.type != DNS_A;

	q->state = STATE_EMPTY;
	if (q->q.type == DNS_TXT) {
		w->failed = true;
		say(w->trouble, "%s %s", q->q.name,
		        a->status == DNS_NO_NAME ? "does not exist" : "has no SPF record");
	} else if (root || a->status == DNS_NO_NAME) {
		say(root ? w->trouble : w->note, "%s %s%s", q->q.name,
		        a->status == DNS_NO_NAME ? "does not exist" : "has no ",
		        a->status == DNS_NO_NAME ? "" : type_name(q->q.type));
	}
	count_void(w, q);
}

static void take_failure(struct walk *w, const struct question *q, const struct dns_answer *a)
{
	static const char *const names[DNS_STATUS_COUNT] = { DNS_STATUS_NAMES };

	w->partial = true;
	if (a->status > w->status)
		w->status = a->status;
	say(w->trouble, "%s %s: %s%s%s", q->q.name, type_name(q->q.type), names[a->status],
	        a->why ? ", " : "", a->why ? a->why : "");
}

void walk_answer(struct walk *w, unsigned id, const struct dns_answer *a)
{
	struct question *q = &w->questions[id];

	assert(id < w->asked && q->state == STATE_ASKED);
	q->state = STATE_DONE;
	w->answered++;
	if (a->ttl_s < w->ttl_s && a->status <= DNS_NO_NAME)
		w->ttl_s = a->ttl_s;
	if (a->status > DNS_NO_NAME) {
		take_failure(w, q, a);
		return;
	}
	if (a->status != DNS_OK) {
		take_nothing(w, q, a);
		return;
	}
	if (a->validation < w->validation)
		w->validation = a->validation;
	if (a->alias && q->from_mx)
		say(w->note, "%s is an alias of %s (CNAME), which the host of an MX must not be", q->q.name,
		        a->alias);
	if (q->q.type == DNS_MX)
		take_mx(w, q, a);
	else if (q->q.type == DNS_TXT)
		take_spf(w, q, a);
	else
		take_addresses(w, q, a);
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct walk *walk_new(const struct walk_settings *s)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->s = *s;
	w->ttl_s = TTL_MAX_S;
	w->validation = DNS_SECURE;
	if (s->source == DNS_HOSTS)
		add_host(w, s->name, one_host, false, false);
	else
		(void)add_question(w, s->name, s->source == DNS_MX_OF ? DNS_MX : DNS_TXT, one_host, false);
	return w;
}

void walk_free(struct walk *w)
{
	if (w)
		free(w->found);
	free(w);
}

enum walk_outcome walk_outcome(const struct walk *w)
{
	if (w->failed || w->found_count == 0)
		return WALK_FAILED;
	return w->partial ? WALK_PARTIAL : WALK_COMPLETE;
}

const struct walk_found *walk_found(const struct walk *w, size_t *count)
{
	*count = w->failed ? 0 : w->found_count;
	return w->found;
}

enum dns_status walk_status(const struct walk *w)
{
	return w->status;
}

enum dns_validation walk_validation(const struct walk *w)
{
	return w->found_count ? w->validation : DNS_UNCHECKED;
}

uint32_t walk_ttl(const struct walk *w)
{
	return w->ttl_s;
}

const char *walk_trouble(const struct walk *w)
{
	if (w->trouble[0] || walk_outcome(w) != WALK_FAILED)
		return w->trouble;
	return w->note[0] ? w->note : "no address was found";
}

const char *walk_note(const struct walk *w)
{
	return w->note;
}
