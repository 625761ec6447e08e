/* wanted.c - see wanted.h. Refused tries are logged to the NFLOG group of the queue's number. */
#include "posternd/wanted.h"

#include <stdio.h>
#include <stdlib.h>

struct ruleset *wanted_rules(const struct conf *conf)
{
	return wanted_rules_of(conf, conf->policy);
}

struct ruleset *wanted_rules_of(const struct conf *conf, const struct policy *policy)
{
	const struct ruleset_settings s = {
		.table = conf->nft.table,
		.priority = conf->nft.priority,
		.mark_mask = conf->nft.mark_mask,
		.queue = conf->queue.number,
		.queues = conf->queue.workers,
		.hooks = conf->nft.hooks,
		.log_group = conf->queue.number,
		.drop_invalid = conf->nft.drop_invalid,
		.blocks = conf->block_size,
		.bypass = conf->queue.fail == CONF_FAIL_OPEN,
	};

	return ruleset_build(policy, &s);
}

bool wanted_file(const char *name, char *path, unsigned path_bytes)
{
	const char *folder = getenv("STATE_DIRECTORY");

	if (!folder || !*folder)
		return false;
	return (unsigned)snprintf(path, path_bytes, "%s/%s", folder, name) < path_bytes;
}

bool wanted_path(char *path, unsigned path_bytes)
{
	return wanted_file("rules", path, path_bytes);
}
