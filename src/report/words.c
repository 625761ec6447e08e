/* words.c - see words.h. The lists stand beside their enums in the contracts. */
#include "report/words.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "postern/action.h"
#include "postern/event.h"
#include "postern/finding.h"
#include "postern/form.h"
#include "policy/watching.h"

static const char *const direction_names[] = { EVENT_DIRECTION_NAMES };
static const char *const source_names[] = { EVENT_SOURCE_NAMES };
static const char *const end_names[] = { EVENT_END_NAMES };
static const char *const state_names[] = { EVENT_STATE_NAMES };
static const char *const reason_names[] = { "fin", "rst", "policy", "timeout", "forced" };
static const char *const outcome_names[] = { EVENT_OUTCOME_NAMES };
static const char *const action_names[] = { ACTION_NAMES };
static const char *const incident_names[] = { INCIDENT_STATE_NAMES };
static const char *const measure_names[] = { VOLUME_MEASURE_NAMES };
#define X(name, text) text,
static const char *const form_names[] = { SMTP_FORMS(X) };
static const char *const oddity_names[] = { EVENT_ODDITIES(X) };
#undef X

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static_assert(COUNT(direction_names) == DIRECTION_COUNT, "a name for each");
static_assert(COUNT(source_names) == SOURCE_COUNT, "a name for each");
static_assert(COUNT(end_names) == END_COUNT, "a name for each");
static_assert(COUNT(state_names) == STATE_COUNT, "a name for each");
static_assert(COUNT(reason_names) == STATE_COUNT, "a name for each");
static_assert(COUNT(outcome_names) == OUTCOME_COUNT, "a name for each");
static_assert(COUNT(action_names) == ACTION_COUNT, "a name for each");
static_assert(COUNT(incident_names) == INCIDENT_STATE_COUNT, "a name for each");
static_assert(COUNT(measure_names) == VOLUME_MEASURE_COUNT, "a name for each");
static_assert(COUNT(form_names) == SMTP_FORM_COUNT, "a name for each");
static_assert(COUNT(oddity_names) == ODD_COUNT, "a name for each");

#define TABLE(array)                                                                                         \
	{                                                                                                    \
		array, COUNT(array)                                                                          \
	}
static const struct {
	const char *const *names;
	size_t count;
} tables[WORDS_TABLE_COUNT] = {
	[WORDS_DIRECTION] = TABLE(direction_names),
	[WORDS_SOURCE] = TABLE(source_names),
	[WORDS_END] = TABLE(end_names),
	[WORDS_FLOW_STATE] = TABLE(state_names),
	[WORDS_FLOW_REASON] = TABLE(reason_names),
	[WORDS_OUTCOME] = TABLE(outcome_names),
	[WORDS_ACTION] = TABLE(action_names),
	[WORDS_FORM] = TABLE(form_names),
	[WORDS_ODDITY] = TABLE(oddity_names),
	[WORDS_INCIDENT_STATE] = TABLE(incident_names),
	[WORDS_MEASURE] = TABLE(measure_names),
};

const char *words_get(enum words_table table, unsigned value)
{
	return value < tables[table].count ? tables[table].names[value] : "unknown";
}

int words_find(enum words_table table, const char *word)
{
	for (size_t i = 0; i < tables[table].count; i++)
		if (strcmp(tables[table].names[i], word) == 0)
			return (int)i;
	return -1;
}
