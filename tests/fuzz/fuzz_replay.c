/* fuzz_replay.c - lines of records that anybody may have written, to events, in order, judged, to the watch and to records
 * again: time never goes back, all texts fit, what is written is read again and gives as many events of each transaction.
 *
 * First byte of the input: 1 = room for two records only, 2 = enforce mode, 4 = no watch, which takes most of the time. The
 * rest are lines.
 */
#include <jansson.h>

#include "../unit/inspect_policy.h"
#include "base/ring.h"
#include "fuzz.h"
#include "inspect_again.h"
#include "postern/finding.h"
#include "report/frame.h"
#include "report/record.h"
#include "report/recorded.h"
#include "report/recorded_order.h"
#include "watch/watch.h"

static struct {
	const struct policy *policy[2];
	struct ring *findings;
	struct frame *frame;
	struct watch *watch;
	struct record_book *records;
	struct recorded_book *again; /* reads what was written */
	uint64_t now_us, written;
	bool enforce, watched;
} it;

static const uint8_t key[HASH_KEY_BYTES] = { 0 };

static void on_record(void *context, json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);
	struct recorded *back;
	struct event e;
	const char *why;

	(void)context;
	FUZZ_CHECK(line && strlen(line) <= 60 * 1024);
	FUZZ_CHECK(recorded_read(it.again, line, strlen(line), &back, &why) == RECORDED_OK);
	while (recorded_next(back, &e))
		;
	recorded_free(back);
	free(line);
	json_decref(record);
	it.written++;
}

static void check_event(const struct event *e)
{
	FUZZ_CHECK(e->time_us >= it.now_us && e->kind < EVENT_KIND_COUNT);
	it.now_us = e->time_us;
	if (e->kind == EVENT_RCPT)
		FUZZ_CHECK(
		        e->u.rcpt.path.len <= EVENT_PATH_MAX && e->u.rcpt.reply.text.len <= EVENT_TEXT_MAX);
	if (e->kind == EVENT_MAIL)
		FUZZ_CHECK(e->u.mail.path.len <= EVENT_PATH_MAX);
	if (e->kind == EVENT_AUTH)
		FUZZ_CHECK(memchr(e->u.auth.mech, '\0', EVENT_NAME_MAX));
	if (e->kind == EVENT_COMMAND)
		FUZZ_CHECK(memchr(e->u.command.verb, '\0', EVENT_NAME_MAX));
}

static void take_findings(void)
{
	for (; ring_front(it.findings); ring_pop(it.findings))
		;
}

static void take(struct recorded_order *order, bool all)
{
	struct recorded_notes *notes;
	struct event e;

	while (recorded_order_next(order, all, &e, &notes)) {
		struct inspect_again again = { .policy = it.policy[it.enforce],
			.enforce = it.enforce,
			.authenticated = notes->authenticated,
			.foreign_accepted = &notes->foreign_accepted };

		check_event(&e);
		again.decision = inspect_again_connection(again.policy, &e.conn);
		inspect_again(&again, &e);
		if (it.watched) {
			watch_event(it.watch, &e);
			watch_tick(it.watch, e.time_us);
			take_findings();
		}
		record_event(it.records, it.frame, &e);
	}
}

static void begin(void)
{
	struct watch_settings w;

	if (!it.findings) {
		it.findings = ring_new(64, sizeof(struct finding));
		it.policy[0] = policy_make(MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
		it.policy[1] = policy_make(MODE_ENFORCE, ACTION_REFUSE_SESSION);
		it.frame = frame_new("fuzz", "replay", "", NULL);
	}
	watch_settings_default(&w);
	w.connections = w.incidents = w.refused_sources = w.relays = w.tls_servers = w.habits = w.sources =
	        16;
	if (it.watched) {
		it.watch = watch_new(&w, it.findings);
		FUZZ_CHECK(it.watch);
		watch_set_policy(it.watch, it.policy[it.enforce]);
		watch_set_forecast(it.watch, true);
	}
	it.records = record_new(16, key, on_record, NULL);
	it.again = recorded_book_new(16, key);
	FUZZ_CHECK(it.records && it.again && it.frame);
	it.now_us = 0;
}

static void end(void)
{
	record_finish(it.records, it.frame);
	while (it.watched && watch_finish(it.watch, it.now_us) > 0)
		take_findings();
	take_findings();
	record_free(it.records);
	recorded_book_free(it.again);
	watch_free(it.watch);
	it.watch = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t options = input_byte(&in);
	struct recorded_book *book = recorded_book_new(16, key);
	struct recorded_order *order = recorded_order_new(options & 1 ? 2 : 64, 900 * UINT64_C(1000000));

	it.enforce = options & 2;
	it.watched = !(options & 4);
	begin();
	while (in.left > 0) {
		const uint8_t *newline = memchr(in.at, '\n', in.left);
		size_t len = newline ? (size_t)(newline - in.at) : in.left;
		struct recorded *record;
		const char *why = NULL;

		if (recorded_read(book, (const char *)in.at, len, &record, &why) == RECORDED_OK) {
			recorded_order_add(order, record);
			take(order, false);
		} else {
			FUZZ_CHECK(!record);
		}
		in.at += len + (newline != NULL);
		in.left -= len + (newline != NULL);
	}
	take(order, true);
	end();
	recorded_order_free(order);
	recorded_book_free(book);
	return 0;
}
