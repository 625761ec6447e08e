/* unjudged.c - see unjudged.h. What is never in records is in postern(8); here is said what this configuration wants of it. */
#include "postern/unjudged.h"

#include <stdbool.h>

#include "policy/watching.h"
#include "postern/action.h"

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
	const char *text;
} questions[] = {
	{ breaks_off_smuggling, "smuggling.action: records hold no bytes, so no smuggling is seen in them" },
	{ asks_lists, "dnsbl: lists are not asked, so nobody is refused because of them" },
	{ counts_refusals,
	        "relay.max-refusals: what a refusal leads to later in its connection is not followed" },
	{ learns, "volume.spike: what is usual is learned from these records alone, and nothing is one in "
	          "their first three days" },
};

/* Whom nobody has told the addresses of. */
static void say_unresolved(const struct policy *p, FILE *to)
{
	for (unsigned i = 0; i < policy_group_count(p); i++) {
		struct policy_group_view g = policy_group(p, i);

		if (g.followed && !g.resolved)
			fprintf(to,
			        "postern replay: upstream \"%s\" is known by its DNS names, which are not "
			        "asked "
			        "here: only written addresses are in it\n",
			        g.name);
	}
}

void unjudged_say(const struct policy *policy, FILE *to)
{
	say_unresolved(policy, to);
	for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (questions[i].is_asked(policy))
			fprintf(to, "postern replay: %s\n", questions[i].text);
}
