/* check.c - `postern check`: what a configuration that has no errors means, in a few lines. */
#include <inttypes.h>
#include <stdio.h>

#include "conf/conf.h"
#include "postern/commands.h"

static const char *const mode_names[] = { POLICY_MODE_NAMES };
static const char *const do_names[] = { POLICY_DO_NAMES };
static const char *const action_names[] = { ACTION_NAMES };
static const char *const fail_names[] = { CONF_FAIL_NAMES };
/* NULL = not shown: they are there in every configuration, or show in the rules. */
static const char *const kind_names[GROUP_KIND_COUNT] = {
	[GROUP_ANY] = NULL,
	[GROUP_HOME] = "home",
	[GROUP_SERVERS] = NULL,
	[GROUP_UPSTREAM] = "upstream",
	[GROUP_SERVER] = "servers",
	[GROUP_NETWORK] = "network",
	[GROUP_LITERAL] = NULL,
};

static void print_count(size_t count, const char *one, const char *many)
{
	printf("%zu %s", count, count == 1 ? one : many);
}

static void print_groups(const struct policy *policy)
{
	unsigned id;

	for (id = 0; id < policy_group_count(policy); id++) {
		struct policy_group_view g = policy_group(policy, id);

		if (!kind_names[g.kind])
			continue;
		printf("%-10s", kind_names[g.kind]);
		if (g.kind != GROUP_HOME)
			printf("%s: ", g.name);
		print_count(g.prefix_count, "range of addresses", "ranges of addresses");
		if (g.kind == GROUP_SERVER) {
			fputs(", ", stdout);
			print_count(g.domain_count, "domain", "domains");
		}
		putchar('\n');
	}
}

static void print_members(const struct policy *policy, const struct policy_groups *set)
{
	const char *comma = "";
	unsigned id;

	for (id = 0; id < policy_group_count(policy); id++)
		if (policy_groups_have(set, id)) {
			printf("%s%s", comma, policy_group(policy, id).name);
			comma = ", ";
		}
}

static void print_rules(const struct policy *policy)
{
	unsigned i;

	for (i = 0; i < policy_rule_count(policy); i++) {
		struct policy_rule_view r = policy_rule(policy, i);

		printf("rule      %s (line %u): ", r.title, r.line);
		print_members(policy, &r.from);
		fputs(" -> ", stdout);
		print_members(policy, &r.to);
		printf(": %s\n", do_names[r.what]);
	}
	printf("otherwise %s\n", do_names[policy_settings(policy)->otherwise]);
}

int check_run(const struct conf *conf, unsigned warnings)
{
	const struct policy_settings *s = policy_settings(conf->policy);
	unsigned i;

	printf("%s: fine (%s)\n", conf->path, conf->hash);
	printf("mode      %s%s\n", mode_names[s->mode],
	        s->mode == MODE_MONITOR ? ": nothing is refused, only told" : "");
	fputs("ports    ", stdout);
	for (i = 0; i < s->port_count; i++)
		printf(" %u", s->ports[i]);
	putchar('\n');
	print_groups(conf->policy);
	print_rules(conf->policy);
	printf("relay     %s, tricks %s, %u refusals at most\n", action_names[s->relay_action],
	        action_names[s->tricks_action], s->max_refusals);
	printf("queue     %u, %" PRIu32 " packets, fail %s\n", conf->queue.number, conf->queue.length,
	        fail_names[conf->queue.fail]);
	if (warnings > 0)
		printf("warnings  %u (above)\n", warnings);
	return COMMAND_FINE;
}
