/* walk.h - one name that an upstream is followed by, walked to its addresses: MX to hosts, SPF to includes,
 * hosts to addresses. Pure: somebody else asks, and brings the answers in any order. */
#ifndef DNS_WALK_H
#define DNS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/answer.h"

enum dns_source { DNS_MX_OF, DNS_SPF_OF, DNS_HOSTS, DNS_SOURCE_COUNT };
#define DNS_SOURCE_NAMES "mx-of", "spf-of", "hosts"

enum { WALK_QUESTIONS_MAX = 1024, WALK_FOUND_MAX = 4096 };

struct walk_settings {
	enum dns_source source;
	const char *name;         /* borrowed, folded */
	bool allow_private;       /* addresses that the world cannot reach */
	const struct prefix *own; /* of our servers; borrowed */
	size_t own_count;
};

struct walk_found {
	struct prefix prefix;
	char host[DNS_NAME_MAX]; /* or the domain whose SPF record says so */
	uint8_t validation;      /* enum dns_validation, of the address itself */
};

struct walk_question {
	char name[DNS_NAME_MAX];
	enum dns_type type;
};

/* What it came to. */
enum walk_outcome {
	WALK_COMPLETE, /* these addresses and no others */
	WALK_PARTIAL,  /* these, but not every question was answered: there may be more */
	WALK_FAILED    /* none, or none to be trusted */
};

struct walk;

/* NULL without memory. */
struct walk *walk_new(const struct walk_settings *s);
void walk_free(struct walk *w); /* NULL is fine */
/* The next question; its number goes into *id. False: none for now. */
bool walk_next(struct walk *w, struct walk_question *out, unsigned *id);
/* To a question that was handed out, once. */
void walk_answer(struct walk *w, unsigned id, const struct dns_answer *a);
/* All questions are answered. */
bool walk_is_done(const struct walk *w);

/* Of a walk that is done. */
enum walk_outcome walk_outcome(const struct walk *w);
const struct walk_found *walk_found(const struct walk *w, size_t *count);
/* The worst status that an answer had; DNS_OK where all is well in the DNS. */
enum dns_status walk_status(const struct walk *w);
/* The weakest validation of an answer that addresses came from. */
enum dns_validation walk_validation(const struct walk *w);
/* How long the answers hold: the least of all. */
uint32_t walk_ttl(const struct walk *w);
/* What a person should know: the first trouble, and what was left out. "" = nothing. */
const char *walk_trouble(const struct walk *w);
const char *walk_note(const struct walk *w);

#endif
