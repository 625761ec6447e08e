/* wanted.c - see wanted.h. Refused tries are logged to the NFLOG group of the queue's number. */
#include "posternd/wanted.h"

struct ruleset *wanted_rules(const struct conf *conf)
{
	const struct ruleset_settings s = {
		.table = conf->nft.table,
		.priority = conf->nft.priority,
		.mark_mask = conf->nft.mark_mask,
		.queue = conf->queue.number,
		.queues = conf->queue.workers,
		.hooks = conf->nft.hooks,
		.log_group = conf->queue.number,
		.bypass = conf->queue.fail == CONF_FAIL_OPEN,
	};

	return ruleset_build(conf->policy, &s);
}
