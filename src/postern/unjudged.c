/* unjudged.c - see unjudged.h. What is never in records is in postern(8); here is said what this configuration wants of it. */
#include "postern/unjudged.h"

#include <stdbool.h>

#include "policy/watching.h"
#include "postern/action.h"
#include "report/field.h"

static bool breaks_off_smuggling(const struct policy *p)
{
	return policy_settings(p)->smuggling_action != ACTION_ALERT;
}

static bool asks_lists(const struct policy *p)
{
	return policy_settings(p)->lists[0][0] != '\0';
}

static bool refuses_recipients(enum action action)
{
	return action == ACTION_REFUSE_RECIPIENT || action == ACTION_DEFER_RECIPIENT;
}

static bool counts_refusals(const struct policy *p)
{
	return refuses_recipients(policy_settings(p)->relay_action) ||
	       refuses_recipients(policy_settings(p)->tricks_action);
}

static bool learns(const struct policy *p)
{
	const struct watching *w = policy_watching(p);

	for (unsigned i = 0; i < w->volume_count; i++)
		if (w->volumes[i].spike_tenths > 0)
			return true;
	return false;
}

static const struct {
	bool (*is_asked)(const struct policy *p);
	const char *key, *text;
} questions[] = {
	{ breaks_off_smuggling, "smuggling.action",
	        "records hold no bytes, so no smuggling is seen in them" },
	{ asks_lists, "dnsbl", "lists are not asked, so nobody is refused because of them" },
	{ counts_refusals, "relay.max-refusals",
	        "what a refusal leads to later in its connection is not followed" },
	{ learns, "volume.spike",
	        "what is usual is learned from these records alone, and nothing is one in their first three "
	        "days" },
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

/* The next upstream whom nobody has told the addresses of, from *id on; NULL = there is none. */
static const char *next_unresolved(const struct policy *p, unsigned *id)
{
	while (*id < policy_group_count(p)) {
		struct policy_group_view g = policy_group(p, (*id)++);

		if (g.followed && !g.resolved)
			return g.name;
	}
	return NULL;
}

void unjudged_say(const struct policy *policy, FILE *to)
{
	unsigned id = 0;
	const char *name;

	while ((name = next_unresolved(policy, &id)))
		fprintf(to,
		        "postern replay: upstream \"%s\" is known by its DNS names, which are not asked "
		        "here: only written addresses are in it\n",
		        name);
	for (unsigned i = 0; i < QUESTIONS; i++)
		if (questions[i].is_asked(policy))
			fprintf(to, "postern replay: %s: %s\n", questions[i].key, questions[i].text);
}

void unjudged_set_json(const struct policy *policy, json_t *summary)
{
	json_t *keys = json_array(), *upstreams = json_array();
	unsigned id = 0;
	const char *name;

	for (unsigned i = 0; i < QUESTIONS; i++)
		if (questions[i].is_asked(policy))
			(void)json_array_append_new(keys, json_string(questions[i].key));
	while ((name = next_unresolved(policy, &id)))
		(void)json_array_append_new(upstreams, json_string(name));
	field_set(summary, "unjudged", keys);
	field_set(summary, "unresolved", upstreams);
}
