/* answer_upstreams.c - `upstreams`: the addresses of each upstream that is followed through the DNS.
 *
 * A row for each address, and one for each name that has none. The cursor counts rows.
 */
#include "base/clock.h"
#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "posternd/upstreams.h"
#include "report/field.h"

static const char *const sources[DNS_SOURCE_COUNT] = { DNS_SOURCE_NAMES };
static const char *const validations[DNS_VALIDATION_COUNT] = { DNS_VALIDATION_NAMES };
static const char *const standings[] = {
	[UPSTREAM_NOW] = "grace", [UPSTREAM_FORMER] = "former", [UPSTREAM_GONE] = "gone"
};

static json_t *root_row(const struct upstream *u, const struct upstream_root *r)
{
	json_t *row = json_object();

	field_set_text(row, "upstream", u->title);
	field_set_text(row, "source", sources[r->source]);
	field_set_text(row, "name", r->name);
	if (r->resolved_s == 0)
		field_set_text(row, "state", "unresolved");
	else if (r->held_s)
		field_set_text(row, "state", "held");
	if (r->held_s)
		field_set_time(row, "held_since", r->held_s * 1000000);
	if (r->trouble[0] || r->note[0])
		field_set_text(row, "words", r->trouble[0] ? r->trouble : r->note);
	return row;
}

static json_t *entry_row(const struct upstream *u, const struct upstream_entry *e, uint64_t now_s)
{
	const struct upstream_root *r = &u->roots[e->root];
	json_t *row = root_row(u, r);
	char text[PREFIX_TEXT_MAX];

	field_set_text(row, "address", prefix_print(&e->prefix, text));
	field_set_text(row, "host", e->host);
	field_set_uint(row, "ttl_s", e->ttl_end_s > now_s ? e->ttl_end_s - now_s : 0);
	field_set_text(row, "validation", validations[e->validation]);
	field_set_time(row, "since", e->since_s * 1000000);
	if (e->left_s) {
		field_set_time(row, "left", e->left_s * 1000000);
		field_set_text(row, "state", standings[upstream_standing(u, e, now_s)]);
	} else if (!r->held_s) {
		field_set_text(row, "state", "in DNS");
	}
	return row;
}

static bool has_entry(const struct upstream *u, size_t root)
{
	for (size_t i = 0; i < u->entry_count; i++)
		if (u->entries[i].root == root)
			return true;
	return false;
}

/* NULL: there are not so many. */
static json_t *find_row(const struct upstreams *all, uint64_t index, uint64_t now_s)
{
	for (unsigned i = 0; i < upstreams_count(all); i++) {
		const struct upstream *u = upstreams_get(all, i);

		for (size_t k = 0; k < u->root_count; k++)
			if (!has_entry(u, k) && index-- == 0)
				return root_row(u, &u->roots[k]);
		if (index < u->entry_count)
			return entry_row(u, &u->entries[index], now_s);
		index -= u->entry_count;
	}
	return NULL;
}

enum answer_state answer_upstreams(struct ask *ask, json_t *line)
{
	uint64_t now_s = clock_now_us() / 1000000;
	json_t *rows = json_array(), *row = NULL;
	unsigned n = 0;

	while (n < ANSWER_ROWS && (row = find_row(ask->daemon->upstreams, ask->cursor, now_s))) {
		(void)json_array_append_new(rows, row);
		ask->cursor++;
		n++;
	}
	field_set(line, "rows", rows);
	return row ? ANSWER_MORE : ANSWER_DONE;
}
