/* explanation_inner.h - what explanation.c and explanation_json.c share: words, and questions about an explanation. */
#ifndef REPORT_EXPLANATION_INNER_H
#define REPORT_EXPLANATION_INNER_H

#include "report/explanation.h"

enum { EXPLANATION_PATH_MAX = 4096 };

struct explanation_words {
	const char *word, *sentence;
};
struct explanation_spared {
	const char *word, *because, *sentence;
};

extern const char *const explanation_do_names[];               /* enum policy_do */
extern const char *const explanation_mode_names[];             /* enum policy_mode */
extern const struct explanation_words explanation_clients[];   /* enum explained_client */
extern const struct explanation_words explanation_unguarded[]; /* enum explained_unguarded */
extern const struct explanation_words explanation_hops[];      /* enum policy_hop */
extern const struct explanation_spared explanation_spared[];   /* enum explained_spared */

enum policy_mode explanation_mode(const struct explanation *x);
/* Nobody says a recipient in a connection that the kernel, or the greeting, refuses. */
bool explanation_is_said(const struct explanation *x);
bool explanation_is_judged(const struct explanation *x);
/* Its mail is counted, if anybody's is. */
bool explanation_is_counted(const struct explanation *x);
/* The next group, from *id on, whose addresses nobody knows, so that the rule which decides stands in for one that does
 * not know whom it means; NULL: no more. */
const char *explanation_next_unresolved(const struct explanation *x, unsigned *id);

#endif
