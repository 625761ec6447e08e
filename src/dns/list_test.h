/* list_test.h - whether a DNS list may be believed: by its test entries (RFC 5782 section 5), and by how it answers. Pure. */
#ifndef DNS_LIST_TEST_H
#define DNS_LIST_TEST_H

#include "dns/blocklists.h"

struct list_test { /* zeroed memory is one that was never tested */
	enum blocklist_state state;
	bool families[2]; /* [0] IPv4, [1] IPv6: may be asked about */
	uint64_t due_s, tested_s;
	unsigned failures;   /* tests in a row that did not end well */
	unsigned unanswered; /* questions in a row */
	unsigned open;       /* test entries whose answers are out */
	struct listing entries[BLOCKLISTS_TESTS];
	uint8_t status[BLOCKLISTS_TESTS]; /* enum dns_status, of their answers */
	char why[DNS_WHY_MAX];
};

/* True: it is time, and from now on the answers for all test entries are waited for. */
bool list_test_begin(struct list_test *t, uint64_t now_s);
/* What is asked for entry 0..BLOCKLISTS_TESTS - 1. */
void list_test_name(unsigned entry, const char *zone, char out[DNS_NAME_MAX]);
/* Its answer. With the last one the test is over; every_s: until the next one, if the list is in order. True:
 * state, families or what is wrong has changed. */
bool list_test_answer(
        struct list_test *t, unsigned entry, const struct dns_answer *a, uint32_t every_s, uint64_t now_s);
/* What a question about a source has shown. True as above. */
bool list_test_note(struct list_test *t, const struct listing *l, const struct dns_answer *a, uint64_t now_s);

#endif
