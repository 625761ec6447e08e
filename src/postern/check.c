/* check.c - `postern check`: what a configuration that has no errors means, in a few lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "conf/places.h"
#include "conf/settings.h"
#include "gate/bridged.h"
#include "policy/suppress.h"
#include "policy/watching.h"
#include "postern/commands.h"
#include "postern/kind.h"
#include "report/sender.h"
#include "report/store_file.h"
#include "report/volume_text.h"

static const char *const mode_names[] = { POLICY_MODE_NAMES };
static const char *const do_names[] = { POLICY_DO_NAMES };
static const char *const action_names[] = { ACTION_NAMES };
static const char *const fail_names[] = { CONF_FAIL_NAMES };
static const char *const hook_names[] = { CONF_HOOK_NAMES };
/* NULL = not shown here: they are there in every configuration, or show in the rules. */
static const char *const kind_names[GROUP_KIND_COUNT] = {
	[GROUP_ANY] = NULL,
	[GROUP_HOME] = NULL,
	[GROUP_SERVERS] = NULL,
	[GROUP_UPSTREAM] = "upstream",
	[GROUP_SERVER] = "servers",
	[GROUP_NETWORK] = "network",
	[GROUP_LITERAL] = NULL,
};

/* The values of a key as they are written, in one line; false, and nothing, if there are none. */
static bool print_written(
        const struct conf *c, const char *block, const char *title, const char *label, const char *key)
{
	if (places_count(c, block, title, key) == 0)
		return false;
	fputs(label, stdout);
	settings_print_values(c, block, title, key, stdout);
	putchar('\n');
	return true;
}

static void print_groups(const struct conf *c)
{
	static const struct {
		enum policy_group_kind kind;
		const char *label, *key;
	} lists[] = {
		{ GROUP_SERVER, "            public ", "public" },
		{ GROUP_SERVER, "            names ", "names" },
		{ GROUP_SERVER, "            domains ", "domains" },
		{ GROUP_SERVER, "            may relay: ", "may-relay" },
		{ GROUP_UPSTREAM, "            looks up the MX of ", "mx-of" },
		{ GROUP_UPSTREAM, "            looks up the SPF record of ", "spf-of" },
		{ GROUP_UPSTREAM, "            looks up ", "hosts" },
	};
	char label[POLICY_NAME_MAX + 32];
	unsigned id, i;

	print_written(c, "", NULL, "home      ", "home");
	print_written(c, "", NULL, "not-home  ", "not-home");
	for (id = 0; id < policy_group_count(c->policy); id++) {
		struct policy_group_view g = policy_group(c->policy, id);

		if (!kind_names[g.kind])
			continue;
		snprintf(label, sizeof(label), "%-10s%s: ", kind_names[g.kind], g.name);
		if (!print_written(c, kind_names[g.kind], g.name, label, "addresses"))
			printf("%-10s%s:\n", kind_names[g.kind], g.name);
		for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			if (lists[i].kind == g.kind)
				print_written(c, kind_names[g.kind], g.name, lists[i].label, lists[i].key);
		if (g.followed)
			printf("            %s\n",
			        g.resolved ? "resolved"
			                   : "NEVER RESOLVED: until it is, its rules inspect what "
			                     "otherwise would be refused");
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

static void print_rules(const struct conf *c)
{
	const struct policy *policy = c->policy;
	struct conf_place p;
	unsigned i;

	for (i = 0; i < policy_rule_count(policy); i++) {
		struct policy_rule_view r = policy_rule(policy, i);

		if (r.stand_in)
			continue;
		printf("rule      %s", r.title);
		if (places_find_block(c, "rule", r.title, &p))
			printf(" (%s:%u)", p.file, p.line);
		fputs(": ", stdout);
		print_members(policy, &r.from);
		fputs(" -> ", stdout);
		print_members(policy, &r.to);
		printf(": %s\n", do_names[r.what]);
	}
	printf("otherwise %s\n", do_names[policy_settings(policy)->otherwise]);
}

static void print_bodies(const struct policy *policy)
{
	static const char *const amounts[WATCH_COUNT] = {
		[WATCH_ALL] = "all are read",
		[WATCH_64K] = "all are read, but only 64 KiB of each of ",
		[WATCH_NONE] = "all are read, but none of ",
	};
	const struct policy_settings *s = policy_settings(policy);

	printf("bodies    %s", amounts[s->watch]);
	if (s->watch != WATCH_ALL)
		print_members(policy, &s->trusted);
	putchar('\n');
}

static void print_kernel(const struct conf *c)
{
	const char *between = "";
	char err[256];
	unsigned i;

	printf("queue     %u, %u worker%s, %" PRIu32 " packets each, fail %s\n", c->queue.number,
	        c->queue.workers, c->queue.workers == 1 ? "" : "s", c->queue.length,
	        fail_names[c->queue.fail]);
	printf("table     inet %s, priority %d, hooks ", c->nft.table, c->nft.priority);
	for (i = 0; i < CONF_HOOK_COUNT; i++)
		if (c->nft.hooks >> i & 1) {
			printf("%s%s", between, hook_names[i]);
			between = ", ";
		}
	putchar('\n');
	if (c->nft.bridge)
		printf("bridge    %s\n",
		        bridged_are_seen(err, sizeof(err)) ? "what bridges forward passes the rules" : err);
}

static void print_code(const char *before, uint32_t code)
{
	printf("%s%u.%u.%u.%u", before, code >> 24, code >> 16 & 0xff, code >> 8 & 0xff, code & 0xff);
}

static void print_range(const struct codes_range *r)
{
	print_code(" ", r->first);
	if (r->last > r->first)
		print_code("-", r->last);
}

static void print_lists(const struct conf *c)
{
	for (unsigned i = 0; i < c->dnsbl.count; i++) {
		const struct conf_dnsbl_list *list = &c->dnsbl.lists[i];

		printf("DNS list  %s: %s for", list->zone, action_names[c->dnsbl.action]);
		for (unsigned k = 0; k < list->codes.count; k++)
			print_range(&list->codes.ranges[k]);
		if (list->codes.count == 0)
			print_range(&(const struct codes_range) { CODES_FIRST, CODES_LAST });
		putchar('\n');
	}
}

static void print_volumes(const struct conf *c)
{
	const struct watching *w = policy_watching(c->policy);
	static const struct policy_groups none = { 0 };
	struct conf_place p;

	for (unsigned i = 0; i < w->volume_count; i++) {
		const struct volume_block *v = &w->volumes[i];

		printf("volume    %s", v->name);
		if (places_find_block(c, "volume", v->name, &p))
			printf(" (%s:%u)", p.file, p.line);
		fputs(": ", stdout);
		print_members(c->policy, &v->match);
		if (memcmp(&v->except, &none, sizeof(none)) != 0) {
			fputs(" except ", stdout);
			print_members(c->policy, &v->except);
		}
		if (v->bits_v4 != 32 || v->bits_v6 != 64)
			printf(", each /%u (IPv4) or /%u (IPv6)", v->bits_v4, v->bits_v6);
		fputs(": ", stdout);
		volume_text_print(v, stdout);
		putchar('\n');
	}
}

/* ---- blocks that are settings alone -------------------------------------------------------------- */

static bool is_slowed(const struct conf *c)
{
	const struct policy_settings *s = policy_settings(c->policy);
	const struct watching *w = policy_watching(c->policy);

	return s->relay_action == ACTION_SLOW || s->tricks_action == ACTION_SLOW ||
	       (c->dnsbl.count > 0 && c->dnsbl.action == ACTION_SLOW) || watching_asks_for(w, ACTION_SLOW) ||
	       watching_asks_for(w, ACTION_CLIMB);
}

/* A block of a shared address is a limit. */
static bool is_laddered(const struct conf *c)
{
	const struct watching *w = policy_watching(c->policy);

	return watching_asks_for(w, ACTION_SLOW) || watching_asks_for(w, ACTION_LIMIT) ||
	       watching_asks_for(w, ACTION_CLIMB) ||
	       (watching_asks_for(w, ACTION_BLOCK) && places_count(c, "", NULL, "shared") > 0);
}

static bool is_kept(const struct conf *c)
{
	return c->store.path[0] != '\0';
}

static bool is_asked(const struct conf *c)
{
	return c->control.path[0] != '\0';
}

static void print_keys(const struct conf *c, const char *block, const char *const *without)
{
	printf("%-10s", block);
	settings_print(c, block, without, stdout);
	putchar('\n');
}

static const char *const all_keys[] = { NULL };

static void print_relay(const struct conf *c)
{
	static const char *const no_block[] = { "block-for", NULL };
	const struct policy_settings *s = policy_settings(c->policy);
	bool blocks = s->relay_action == ACTION_BLOCK || s->tricks_action == ACTION_BLOCK;

	print_keys(c, "relay", blocks ? all_keys : no_block);
	print_keys(c, "smuggling", all_keys);
}

/* Those that have no effect here are left out. */
static void print_settings(const struct conf *c)
{
	static const struct {
		const char *block;
		bool (*has_effect)(const struct conf *c); /* NULL = it always has */
		const char *otherwise;                    /* NULL = nothing is said */
	} blocks[] = {
		{ "slow", is_slowed, NULL },
		{ "ladder", is_laddered, NULL },
		{ "block", NULL, NULL },
		{ "watch", NULL, NULL },
		{ "privacy", NULL, NULL },
		{ "store", is_kept, "none: nothing outlives posternd" },
		{ "control", is_asked, "none: postern cannot ask posternd" },
	};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		bool has_effect = !blocks[i].has_effect || blocks[i].has_effect(c);

		if (has_effect)
			print_keys(c, blocks[i].block, all_keys);
		else if (blocks[i].otherwise)
			printf("%-10s%s\n", blocks[i].block, blocks[i].otherwise);
	}
}

static void print_behaviours(const struct conf *c)
{
	static const char *const names[BEHAVIOUR_COUNT] = { BEHAVIOUR_NAMES };
	static const char *const passing[] = { "enabled", "block-for", NULL };
	static const char *const keeping_off[] = { "enabled", NULL };

	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++) {
		const struct behaviour_rule *b = &policy_watching(c->policy)->behaviours[i];
		bool keeps_off = b->action == ACTION_BLOCK || b->action == ACTION_REFUSE_SESSION;

		printf("behaviour %s: ", names[i]);
		if (b->on)
			settings_print(c, names[i], keeps_off ? keeping_off : passing, stdout);
		else
			fputs("off", stdout);
		putchar('\n');
	}
}

static void print_suppressions(const struct policy *policy)
{
	const struct suppressions *s = policy_suppressions(policy);
	char until[CLOCK_TEXT_MAX];

	for (unsigned i = 0; i < s->count; i++) {
		printf("suppress  %s: ", s->list[i].name);
		for (unsigned n = 0; n < s->list[i].rule_count; n++)
			printf("%s%s", n > 0 ? ", " : "", finding_rule(s->list[i].rules[n]));
		fputs(s->list[i].rule_count > 0 ? " of " : "all of ", stdout);
		print_members(policy, &s->list[i].source);
		if (s->list[i].until_us != UINT64_MAX)
			printf(" until %s", clock_print(s->list[i].until_us, until));
		printf(": %s\n", s->list[i].reason);
	}
}

/* Beyond that there are sums alone. */
static void print_budget(const struct conf *conf)
{
	const struct volume_limit source = { conf->log.per_source.most, conf->log.per_source.window_s },
	                          total = { conf->log.total.most, conf->log.total.window_s };
	char text[VOLUME_TEXT_LIMIT_MAX];

	if (source.most > 0)
		printf("            %s records of a source\n",
		        volume_text_limit(&source, VOLUME_MESSAGES, text));
	if (total.most > 0)
		printf("            %s bytes of all together\n",
		        volume_text_limit(&total, VOLUME_BYTES, text));
	if (conf->log.keep_free > 0)
		printf("            none while the disk has less than %" PRIu64 " MiB free\n",
		        conf->log.keep_free >> 20);
}

static void print_records(const struct conf *conf)
{
	static const char *const formats[] = { CONF_SYSLOG_NAMES };
	char to[RECEIVER_TEXT_MAX];

	printf("records   %s%s", conf->log.eve[0] ? conf->log.eve : "none",
	        conf->log.alerts_only ? ", alerts only" : "");
	if (conf->log.stats_s > 0)
		printf(", stats every %" PRIu32 " s\n", conf->log.stats_s);
	else
		puts(", no stats");
	if (conf->log.ecs[0])
		printf("            ecs %s\n", conf->log.ecs);
	if (conf->log.cef[0])
		printf("            cef %s, alerts only\n", conf->log.cef);
	if (conf->log.syslog.kind != RECEIVER_NONE)
		printf("            syslog %s, alerts only, %s\n", receiver_print(&conf->log.syslog, to),
		        formats[conf->log.syslog_format]);
	print_budget(conf);
}

/* What lies at store.path and is no store: posternd would leave it alone and keep nothing. Other trouble with it is the
 * moment's, or depends on who asks. Returns how many warnings. */
static unsigned warn_of_store(const struct conf *conf)
{
	static const bool told[STORE_TROUBLE_COUNT] = {
		[STORE_TROUBLE_STRANGE] = true,
		[STORE_TROUBLE_FOLDER] = true,
		[STORE_TROUBLE_LINK] = true,
		[STORE_TROUBLE_NO_FILE] = true,
	};
	struct conf_place at = { .file = conf->path };
	char words[STORE_PATH_MAX + STORE_DETAIL_MAX];
	struct store_file file;
	enum store_trouble t;

	if (!is_kept(conf))
		return 0;
	store_file_init(&file, conf->store.path);
	t = store_file_look(&file);
	if (!told[t])
		return 0;
	(void)places_find(conf, "store", NULL, "path", 0, &at);
	store_file_print(&file, t, words, sizeof(words));
	fprintf(stderr, "%s:", at.file);
	if (at.line > 0)
		fprintf(stderr, "%u:", at.line);
	fprintf(stderr, " " CONF_WARNING "%s; until then nothing is kept\n", words);
	return 1;
}

int check_run(const struct conf *conf, unsigned warnings)
{
	const struct policy_settings *s = policy_settings(conf->policy);
	unsigned i;

	warnings += warn_of_store(conf);
	printf("%s: fine (hash of its text and lists: %s)\n", conf->path, conf->hash);
	printf("mode      %s%s\n", mode_names[s->mode],
	        s->mode == MODE_MONITOR ? ": nothing is refused, only told" : "");
	fputs("ports    ", stdout);
	for (i = 0; i < s->port_count; i++)
		printf(" %u", s->ports[i]);
	putchar('\n');
	print_groups(conf);
	print_rules(conf);
	print_relay(conf);
	print_bodies(conf->policy);
	print_volumes(conf);
	print_behaviours(conf);
	print_lists(conf);
	print_suppressions(conf->policy);
	print_written(conf, "", NULL, "shared    ", "shared");
	print_written(conf, "", NULL, "never-block ", "never-block");
	print_settings(conf);
	print_kernel(conf);
	print_records(conf);
	if (warnings > 0)
		printf("warnings  %u (above)\n", warnings);
	return COMMAND_FINE;
}
