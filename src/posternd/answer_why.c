/* answer_why.c - `why ADDR`: the last decisions about an address, each with its ground, the youngest first. */
#include "posternd/answer_block.h"
#include "posternd/answers.h"
#include "posternd/blocks.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "posternd/witness.h"
#include "report/field.h"
#include "report/words.h"

enum { EXIT_USAGE = 2 };

static const char *const what_names[WHY_COUNT] = { WHY_NAMES };

static void set_recipient(json_t *row, const struct why_decision *d)
{
	uint64_t cuts = 0;

	field_set_text(row, "outcome", words_get(WORDS_OUTCOME, d->outcome));
	field_set_nonzero(row, "code", d->code);
	if (d->because != BECAUSE_FOREIGN)
		return;
	field_set_text(row, "form", words_get(WORDS_FORM, d->form));
	field_set_cut(row, "path", field_bytes(d->path, d->path_len), d->path_cut, &cuts);
}

static json_t *make_row(const struct why_decision *d)
{
	char text[ADDR_TEXT_MAX];
	json_t *row = json_object();

	field_set_time(row, "first_seen", d->first_us);
	field_set_time(row, "last_seen", d->last_us);
	field_set_uint(row, "count", d->count);
	field_set_text(row, "what", what_names[d->what]);
	field_set_text(row, "client", addr_print(&d->source, text));
	field_set_text(row, "server", addr_print(&d->server, text));
	field_set_uint(row, "port", d->port);
	field_set_text(row, "action", words_get(WORDS_ACTION, d->action));
	if (d->would != d->action)
		field_set_text(row, "would", words_get(WORDS_ACTION, d->would));
	field_set_text(row, "reason", d->reason);
	if (d->what == WHY_RECIPIENT)
		set_recipient(row, d);
	return row;
}

enum answer_state answer_why(struct ask *ask, json_t *line)
{
	const struct why *why = witness_why(desk_witness(ask->daemon->desk));
	const char *text = protocol_text(ask->request, "address");
	struct why_decision d;
	struct addr address;
	const struct block *block;
	json_t *rows;

	if (!text || addr_parse(text, &address) < 0) {
		protocol_set_error(line, EXIT_USAGE, "\"%.64s\" is no address", text ? text : "");
		return ANSWER_DONE;
	}
	rows = json_array();
	for (unsigned i = 0; i < WHY_DECISIONS && why_find(why, &address, i, &d); i++)
		(void)json_array_append_new(rows, make_row(&d));
	field_set_text(line, "address", text);
	block = blockbook_holding(blocks_book(ask->daemon->blocks), &address, blocks_now_us());
	if (block)
		field_set(line, block->action == ACTION_BLOCK ? "blocked" : "ordered",
		        answer_block_row(block, blocks_rate(ask->daemon->blocks)));
	field_set(line, "rows", rows);
	field_set_time(line, "since", ask->daemon->started_us);
	return ANSWER_DONE;
}
