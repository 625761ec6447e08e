/* rules.c - `postern rules`: the ruleset that the daemon would install, in nft syntax. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "gate/ruleset.h"
#include "postern/commands.h"

int rules_run(const struct conf *conf, unsigned warnings)
{
	const struct ruleset_settings settings = {
		.table = conf->nft.table,
		.priority = conf->nft.priority,
		.mark_mask = conf->nft.mark_mask,
		.queue = conf->queue.number,
		.queues = conf->queue.workers,
		.hooks = conf->nft.hooks,
		.log_group = conf->queue.number,
		.bypass = conf->queue.fail == CONF_FAIL_OPEN,
	};
	struct ruleset *ruleset = ruleset_build(conf->policy, &settings);
	int rc;

	(void)warnings;
	if (!ruleset) {
		fprintf(stderr, "postern rules: %s\n", strerror(errno));
		return COMMAND_INVALID;
	}
	rc = ruleset_print(ruleset, stdout);
	ruleset_free(ruleset);
	return rc < 0 ? COMMAND_INVALID : COMMAND_FINE;
}
