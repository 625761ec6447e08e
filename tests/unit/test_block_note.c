/* test_block_note.c - who blocked, and why, as the kernel keeps it: written, and read again from anybody's hand. */
#include <string.h>

#include "postern/finding.h"
#include "posternd/block_writer.h"
#include "suite.h"

static void comes_back(int64_t uid, uint32_t rule, const char *reason, const char *wanted)
{
	struct block b = { .uid = uid, .rule = rule, .until_us = 5 }, back = { .until_us = 7 };
	char note[GATE_NOTE_MAX + 1];

	snprintf(b.reason, sizeof(b.reason), "%s", reason);
	block_note_print(&b, note);
	CU_ASSERT_STRING_EQUAL(note, wanted);
	block_note_read(note, &back);
	CU_ASSERT(back.uid == uid && back.rule == rule && back.until_us == 7);
	CU_ASSERT_EQUAL(strncmp(back.reason, reason, strlen(back.reason)), 0);
	CU_ASSERT(strlen(back.reason) == strlen(reason) || strlen(back.reason) == 90);
}

static void what_is_written_is_read(void)
{
	char many[BLOCK_REASON_MAX], note[GATE_NOTE_MAX + 1];

	comes_back(0, 0, "spam", "uid 0: spam");
	comes_back(4294967295, 0, "", "uid 4294967295");
	comes_back(1000, 0, "a: b: c", "uid 1000: a: b: c");
	comes_back(BLOCK_BY_RULE, FINDING_RELAY_ATTEMPT, "", "relay.attempt");
	comes_back(BLOCK_BY_RULE, FINDING_RELAY_ACCEPTED, "why", "relay.accepted: why");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	snprintf(note, sizeof(note), "uid 7: %.90s", many);
	comes_back(7, 0, many, note);
}

/* Somebody else's element: his words stay, and no rule can free it. */
static void other_hands(void)
{
	static const char *const notes[] = { "", "spam", "uid", "uid x", "uid -1", "uid -1: x", "uid 5x: y",
		":", ": x", "relay.attempts", "relay", "uid 99999999999999999999: x" };

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct block b = { .uid = -5 };

		block_note_read(notes[i], &b);
		CU_ASSERT(b.uid >= 0 && b.rule == 0);
		CU_ASSERT_STRING_EQUAL(b.reason, *notes[i] ? notes[i] : "found in the kernel");
	}
}

SUITE("block note", { "what is written is read", what_is_written_is_read }, { "other hands", other_hands })
