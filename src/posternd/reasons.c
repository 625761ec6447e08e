/* reasons.c - see reasons.h.
 *
 * Made once for each configuration, while its lines are still known: to keep all of its text for them would double
 * the memory of long lists.
 *
 * Which of relay.action and relay.tricks was applied is not in an event. Where they differ, what was to be done tells;
 * where they do not, a path in a plain form is no trick.
 *
 * Limits: while a new configuration is being taken over, its first decisions may get the words of the one before.
 */
#include "posternd/reasons.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/places.h"
#include "policy/policy.h"
#include "postern/action.h"
#include "postern/form.h"

enum setting {
	SETTING_OTHERWISE,
	SETTING_RELAY,
	SETTING_TRICKS,
	SETTING_MAX_REFUSALS,
	SETTING_SMUGGLING,
	SETTING_DNSBL,
	SETTINGS
};

static const struct {
	const char *block, *key, *label;
} settings[SETTINGS] = {
	[SETTING_OTHERWISE] = { "", "otherwise", "otherwise" },
	[SETTING_RELAY] = { "relay", "action", "relay.action" },
	[SETTING_TRICKS] = { "relay", "tricks", "relay.tricks" },
	[SETTING_MAX_REFUSALS] = { "relay", "max-refusals", "relay.max-refusals" },
	[SETTING_SMUGGLING] = { "smuggling", "action", "smuggling.action" },
	[SETTING_DNSBL] = { "dnsbl", "action", "dnsbl.action" },
};

struct reasons {
	char settings[SETTINGS][WHY_TEXT_MAX];
	uint8_t actions[SETTINGS]; /* enum action, of those that have one */
	char lists[POLICY_LISTS_MAX][POLICY_NAME_MAX];
	unsigned rule_count;
	char rules[][WHY_TEXT_MAX];
};

/* "LABEL (postern.conf:19)" */
static void write_line(char out[WHY_TEXT_MAX], const char *label, bool found, const struct conf_place *place)
{
	char file[WHY_TEXT_MAX];

	if (found) {
		snprintf(file, sizeof(file), "%s", place->file);
		snprintf(out, WHY_TEXT_MAX, "%.70s (%.40s:%u)", label, basename(file), place->line);
	} else {
		snprintf(out, WHY_TEXT_MAX, "%s", label);
	}
}

static void write_setting(struct reasons *r, const struct conf *conf, enum setting s, const char *value)
{
	char label[WHY_TEXT_MAX];
	struct conf_place place;
	bool found = places_find(conf, settings[s].block, NULL, settings[s].key, 0, &place);

	snprintf(label, sizeof(label), "%s = %s%s", settings[s].label, value,
	        found || !conf->places ? "" : " (the default)");
	write_line(r->settings[s], label, found, &place);
}

static void write_rules(struct reasons *r, const struct conf *conf)
{
	char label[WHY_TEXT_MAX];
	struct conf_place place;

	for (unsigned i = 0; i < r->rule_count; i++) {
		struct policy_rule_view rule = policy_rule(conf->policy, i);
		bool found = places_find_block(conf, "rule", rule.title, &place);

		snprintf(label, sizeof(label), "rule \"%s\"", rule.title);
		write_line(r->rules[i], label, found, &place);
	}
}

struct reasons *reasons_new(const struct conf *conf)
{
	static const char *const do_names[] = { POLICY_DO_NAMES };
	static const char *const action_names[] = { ACTION_NAMES };
	const struct policy_settings *s = policy_settings(conf->policy);
	unsigned rules = policy_rule_count(conf->policy);
	struct reasons *r = calloc(1, sizeof(*r) + rules * sizeof(r->rules[0]));
	char number[16];

	if (!r)
		return NULL;
	r->rule_count = rules;
	r->actions[SETTING_RELAY] = (uint8_t)s->relay_action;
	r->actions[SETTING_TRICKS] = (uint8_t)s->tricks_action;
	snprintf(number, sizeof(number), "%u", s->max_refusals);
	write_rules(r, conf);
	write_setting(r, conf, SETTING_OTHERWISE, do_names[s->otherwise]);
	write_setting(r, conf, SETTING_RELAY, action_names[s->relay_action]);
	write_setting(r, conf, SETTING_TRICKS, action_names[s->tricks_action]);
	write_setting(r, conf, SETTING_MAX_REFUSALS, number);
	memcpy(r->lists, s->lists, sizeof(r->lists));
	write_setting(r, conf, SETTING_DNSBL, action_names[conf->dnsbl.action]);
	write_setting(r, conf, SETTING_SMUGGLING, action_names[s->smuggling_action]);
	return r;
}

void reasons_free(struct reasons *r)
{
	free(r);
}

static const char *rule_of(const struct reasons *r, int rule)
{
	if (rule < 0)
		return r->settings[SETTING_OTHERWISE];
	return (unsigned)rule < r->rule_count ? r->rules[rule] : "a rule of another configuration";
}

static bool is_plain(uint8_t form)
{
	return form == SMTP_FORM_PLAIN || form == SMTP_FORM_ROUTE || form == SMTP_FORM_LITERAL;
}

/* What the configuration says about a foreign recipient, and whether it is that what was done. */
static enum setting setting_of(const struct reasons *r, const struct why_decision *d)
{
	bool relay = r->actions[SETTING_RELAY] == d->would, tricks = r->actions[SETTING_TRICKS] == d->would;

	if (d->action == ACTION_DEFER_RECIPIENT && d->would != d->action)
		return SETTING_MAX_REFUSALS;
	if (relay != tricks)
		return relay ? SETTING_RELAY : SETTING_TRICKS;
	return is_plain(d->form) ? SETTING_RELAY : SETTING_TRICKS;
}

/* No setting says so of the recipient: it was said of the source. */
static bool is_sentenced(const struct reasons *r, const struct why_decision *d)
{
	return d->action == ACTION_SLOW &&
	       (d->because != BECAUSE_FOREIGN || (r->actions[SETTING_RELAY] != ACTION_SLOW &&
	                                                 r->actions[SETTING_TRICKS] != ACTION_SLOW));
}

static void write_listed(const struct reasons *r, struct why_decision *d)
{
	const char *zone = d->list > 0 && d->list <= POLICY_LISTS_MAX ? r->lists[d->list - 1] : "";

	if (d->list == 0) {
		snprintf(d->reason, sizeof(d->reason), "an order of the watch (postern blocks)");
		return;
	}
	snprintf(d->reason, sizeof(d->reason), "%.50s%s%.70s", zone, *zone ? ", " : "",
	        r->settings[SETTING_DNSBL]);
}

void reasons_write(const struct reasons *r, struct why_decision *d)
{
	const char *text = "";

	switch ((enum why_because)d->because) {
	case BECAUSE_RULE:
		text = rule_of(r, d->rule);
		break;
	case BECAUSE_CLIENT:
		text = "the client is ours: home, may-relay, or authenticated";
		break;
	case BECAUSE_OURS:
		text = "the recipient is ours";
		break;
	case BECAUSE_FOREIGN:
		text = r->settings[setting_of(r, d)];
		break;
	case BECAUSE_BLOCKED:
		text = "a block";
		break;
	case BECAUSE_LIMITED:
		text = "a limit";
		break;
	case BECAUSE_SMUGGLING:
		text = r->settings[SETTING_SMUGGLING];
		break;
	case BECAUSE_LISTED:
		write_listed(r, d);
		return;
	case BECAUSE_COUNT:
		break;
	}
	if (is_sentenced(r, d))
		text = "the source is slowed for a while (postern blocks)";
	snprintf(d->reason, sizeof(d->reason), "%s", text);
}
