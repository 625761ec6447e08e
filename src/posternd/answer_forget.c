/* answer_forget.c - `forget ADDRESS | MAILBOX`: what was kept about somebody goes; what stays is told.
 *
 * `address`, `dry_run`. The answer waits for the store, which writes its file anew.
 */
#include "posternd/answer_block.h"
#include "posternd/answers.h"
#include "posternd/blocks.h"
#include "posternd/daemon.h"
#include "posternd/forget.h"
#include "posternd/protocol.h"
#include "report/field.h"

enum { EXIT_FAILURE_OF_STORE = 1, EXIT_USAGE = 2, BLOCKS_SHOWN = 16 };

/* Those that are in force about him. */
static json_t *block_rows(const struct daemon *d, const struct mention *who)
{
	const struct block *b;
	json_t *rows = json_array();
	uint32_t cursor = 0;

	while (json_array_size(rows) < BLOCKS_SHOWN && (b = blockbook_scan(blocks_book(d->blocks), &cursor)))
		if (forget_is_about(who, b))
			(void)json_array_append_new(rows, answer_block_row(b, blocks_rate(d->blocks)));
	return rows;
}

static void set_outcome(const struct daemon *d, const struct mention *who, json_t *line)
{
	const struct daemon_forget *f = &d->forget;
	const bool in_store = f->has_store && f->store_result == 0;
	json_t *left;

	field_set(line, "memory", forgotten_json(&f->memory));
	if (in_store) {
		field_set(line, "store", forgotten_json(&f->store));
		field_set(line, "store_clean", json_boolean(f->is_clean));
	}
	left = forgotten_left(d->conf, &f->memory, in_store ? f->store.as_server : f->memory.as_server);
	field_set(left, "blocks", block_rows(d, who));
	field_set(line, "left", left);
	if (d->store && !in_store)
		protocol_set_error(line, EXIT_FAILURE_OF_STORE,
		        "NOT forgotten in the store, which does not work (postern status); ask again when it "
		        "does");
}

enum answer_state answer_forget(struct ask *ask, json_t *line)
{
	const char *text = protocol_text(ask->request, "address");
	const bool look = json_is_true(json_object_get(ask->request, "dry_run"));
	char what[PREFIX_TEXT_MAX];
	struct mention who;
	int r = forgotten_whom(ask->daemon->conf, text ? text : "", &who);

	if (r) {
		protocol_set_error(line, EXIT_USAGE, "\"%.64s\" %s", text ? text : "", forgotten_fault(r));
		return ANSWER_DONE;
	}
	if (!ask->begun) {
		ask->cursor = forget_start(ask->daemon, &who, look, ask->uid);
		if (ask->cursor == 0)
			return ANSWER_LATER;
		ask->begun = true;
	}
	if (!forget_is_done(ask->daemon, (uint32_t)ask->cursor) &&
	        ask->daemon->forget.number == (uint32_t)ask->cursor)
		return ANSWER_LATER;
	field_set_text(line, "address", who.is_mailbox ? text : prefix_print(&who.prefix, what));
	field_set_text(line, "kind", who.is_mailbox ? "mailbox" : "address");
	field_set(line, "dry_run", json_boolean(look));
	if (forget_is_done(ask->daemon, (uint32_t)ask->cursor))
		set_outcome(ask->daemon, &who, line);
	else
		protocol_set_error(line, EXIT_FAILURE_OF_STORE,
		        "it is done, but the answer is lost to another one: ask again");
	return ANSWER_DONE;
}
