/* store_state.c - see store_state.h. Trouble is said when it begins, when it becomes another one, and when it ends. Between
 * two tries lie RETRY_MIN_MS, then twice as long each time. */
#include "report/store_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30000 };

void store_state_init(struct store_state *s, struct ring *notices)
{
	memset(s, 0, sizeof(*s));
	s->notices = notices;
	pthread_mutex_init(&s->lock, NULL);
}

void store_state_fini(struct store_state *s)
{
	pthread_mutex_destroy(&s->lock);
}

void store_state_notice(struct store_state *s, const char *text)
{
	char *slot = ring_reserve(s->notices);

	if (!slot)
		return;
	snprintf(slot, STORE_NOTICE_MAX, "%s", text);
	ring_commit(s->notices);
}

static void say_trouble(struct store_state *s, const char *words)
{
	char text[STORE_NOTICE_MAX];

	log_error(
	        "the store does not work: %s. It is tried again and again; mail and blocks go on without it",
	        words);
	snprintf(text, sizeof(text), "the store does not work: %s", words);
	store_state_notice(s, text);
}

static void say_recovery(struct store_state *s, const char *path, uint64_t lost)
{
	char text[STORE_NOTICE_MAX];

	snprintf(text, sizeof(text), "the store works again: %" PRIu64 " records were lost meanwhile",
	        lost - s->lost_before);
	log_info("%s (%s)", text, path);
	store_state_notice(s, text);
}

static unsigned next_retry_ms(unsigned retry_ms)
{
	if (retry_ms == 0)
		return RETRY_MIN_MS;
	return retry_ms * 2 <= RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
}

static void print_trouble(const struct store_file *file, enum store_trouble t, char words[STORE_WORDS_MAX])
{
	words[0] = '\0';
	if (t != STORE_TROUBLE_NONE)
		store_file_print(file, t, words, STORE_WORDS_MAX);
}

static void show(struct store_state *s, const struct store_file *file, enum store_trouble t,
        const char *words, bool changed)
{
	s->retry_ms = t == STORE_TROUBLE_NONE ? 0 : next_retry_ms(s->retry_ms);
	s->again_ms = clock_monotonic_ns() / 1000000 + s->retry_ms;
	pthread_mutex_lock(&s->lock);
	s->status.works = t == STORE_TROUBLE_NONE;
	s->status.wal = file->wal;
	snprintf(s->status.word, sizeof(s->status.word), "%s", store_trouble_word(t));
	snprintf(s->status.words, sizeof(s->status.words), "%s", words);
	if (changed)
		s->status.since_us = clock_now_us();
	pthread_mutex_unlock(&s->lock);
}

void store_state_settle(
        struct store_state *s, const struct store_file *file, enum store_trouble t, uint64_t lost)
{
	bool changed = t != s->trouble;
	char words[STORE_WORDS_MAX];

	print_trouble(file, t, words);
	if (changed && t != STORE_TROUBLE_NONE)
		say_trouble(s, words);
	else if (changed)
		say_recovery(s, file->path, lost);
	if (changed && s->trouble == STORE_TROUBLE_NONE)
		s->lost_before = lost;
	s->trouble = t;
	show(s, file, t, words, changed);
}

void store_state_settle_first(struct store_state *s, const struct store_file *file, enum store_trouble t)
{
	char words[STORE_WORDS_MAX];

	if (t != STORE_TROUBLE_TAKEN) {
		store_state_settle(s, file, t, 0);
	} else {
		print_trouble(file, t, words);
		show(s, file, t, words, false);
	}
	s->again_ms = 0; /* the thread may try at once */
}

void store_state_read(struct store_state *s, struct store_status *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->status;
	pthread_mutex_unlock(&s->lock);
}
