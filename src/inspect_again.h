/* inspect_again.h - events of before, judged by another policy as if they happened under it.
 *
 * The facts (who said what, and what the server answered) stay; whose a client and a recipient is, what is done about it and
 * what enforce mode would do is said anew. For recorded events, whose packets are gone: no DNS list is asked, no reply is
 * held back, and nothing is judged for which bytes are needed.
 */
#ifndef INSPECT_AGAIN_H
#define INSPECT_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "postern/event.h"

/* What is known of the connection by its records. */
struct inspect_again {
	const struct policy *policy;
	struct policy_connection decision; /* inspect_again_connection() */
	bool enforce;
	bool authenticated;
	uint32_t *foreign_accepted; /* of the running transaction; counted here */
};

/* Fills in what the policy says of c. */
struct policy_connection inspect_again_connection(const struct policy *policy, struct event_connection *c);
/* Fills in what it says of e, whose connection that was called for. */
void inspect_again(const struct inspect_again *a, struct event *e);

/* Whose names e claims, of a client that is ours, or not. */
void inspect_claims_of(const struct policy *policy, bool client_ours, struct event *e);

#endif
