/* rules.c - `postern rules`: the ruleset that the daemon would install, in nft syntax; `postern verify`:
 * whether the kernel has just that. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "gate/gate.h"
#include "gate/ruleset.h"
#include "postern/commands.h"
#include "posternd/wanted.h"

enum { ERR_BYTES = 2048 };

/* NULL, said. */
static struct ruleset *build(const struct conf *conf)
{
	struct ruleset *ruleset = wanted_rules(conf);

	if (!ruleset)
		fprintf(stderr, "postern: the rules cannot be built: %s\n", strerror(errno));
	return ruleset;
}

int rules_run(const struct conf *conf, unsigned warnings)
{
	struct ruleset *ruleset = build(conf);
	int rc;

	(void)warnings;
	if (!ruleset)
		return COMMAND_INVALID;
	rc = ruleset_print(ruleset, stdout);
	ruleset_free(ruleset);
	return rc < 0 ? COMMAND_INVALID : COMMAND_FINE;
}

int verify_run(const struct conf *conf, unsigned warnings)
{
	char err[ERR_BYTES] = "";
	struct ruleset *ruleset = build(conf);
	struct gate *gate = ruleset ? gate_open(err, sizeof(err)) : NULL;
	int r = gate ? gate_compare(gate, ruleset, err, sizeof(err)) : -EIO;

	(void)warnings;
	if (r == 0)
		printf("table inet %s is as it should be\n", conf->nft.table);
	else if (r == -ESTALE)
		printf("table inet %s is not as it should be: %s\n"
		       "a start or reload (SIGHUP) of posternd mends it; posternd -n keeps the rules of mode "
		       "monitor\n",
		        conf->nft.table, err);
	else
		fprintf(stderr, "postern verify: %s\n", *err ? err : strerror(-r));
	gate_close(gate);
	ruleset_free(ruleset);
	return r == 0 ? COMMAND_FINE : COMMAND_INVALID;
}
