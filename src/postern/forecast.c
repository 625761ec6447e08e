/* forecast.c - see forecast.h.
 *
 * One row for each source and thing that is done to it; the time of a measure is prolonged by each further order. A measure
 * of the watch lies on a prefix; which lengths are in use is kept beside the table, so a source costs one look-up for each.
 *
 * Orders are followed as the daemon follows them (posternd/blocks_acts.c): of several on one prefix the hardest holds, and ends the
 * others.
 *
 *   block            nothing of the source's connections happens any more
 *   refuse-session   no connection that begins now
 *   limit            connections that begin now, beyond ladder.rate in a minute
 *   slow             everything happens, later
 *
 * A mail is lost with its connection, or when each of its recipients is refused.
 *
 * Connections under TLS are counted as such: what they have delivered is in no record.
 *
 * What a source does instead (it tries again, it sends elsewhere) nobody knows; a delivery counts as lost although a deferred
 * mail may come later.
 */
#include "postern/forecast.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "policy/blockbook.h"
#include "policy/watching.h"
#include "postern/kind.h"
#include "postern/plural.h"
#include "report/field.h"

enum {
	ROWS = 65536,
	FLOWS = 65536,
	ROWS_SHOWN = 40,
	HOST_BITS = 128,
	MINUTE_US = 60000000,
	STAMP_SHOWN = 19
};

struct row_key {
	struct addr source;
	uint8_t bits, action;
};

struct row {
	struct row_key key;
	uint8_t lasts;    /* until until_us; else it is about single connections or recipients */
	uint8_t by_rule;  /* of the gate: the connection may not be */
	uint32_t finding; /* 0 = a rule of the gate, or what is said of recipients */
	uint64_t first_us, last_us, until_us;
	uint64_t connections, mails, recipients; /* that it concerned; that were delivered */
	uint64_t minute_us, in_minute;           /* of a limit */
};

/* What became of a connection. */
struct fate {
	struct table_ref row; /* because of which no more of it happens; of no generation: it goes on */
	struct table_ref refuses;
	uint32_t
	        refused; /* recipients of the running transaction that were accepted then; because of `refuses` */
};

/* The hardest first. */
static const enum action measures[] = { ACTION_BLOCK, ACTION_REFUSE_SESSION, ACTION_LIMIT, ACTION_SLOW };
enum { MEASURES = sizeof(measures) / sizeof(measures[0]) };

struct forecast {
	const struct policy *policy;
	bool enforce;
	struct table *rows, *flows;
	uint32_t lengths[HOST_BITS + 1]; /* rows that last, by their bits */
	uint64_t mails, recipients, rows_lost;
	uint64_t tls, tls_stopped; /* connections whose mails nobody has seen */
};

struct forecast *forecast_new(const struct policy *policy)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 0 };
	struct forecast *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->policy = policy;
	f->enforce = policy_settings(policy)->mode == MODE_ENFORCE;
	f->rows = table_new(ROWS, sizeof(struct row_key), sizeof(struct row), key);
	f->flows = table_new(FLOWS, sizeof(uint64_t), sizeof(struct fate), key);
	if (f->rows && f->flows)
		return f;
	forecast_free(f);
	return NULL;
}

void forecast_free(struct forecast *f)
{
	if (!f)
		return;
	table_free(f->rows);
	table_free(f->flows);
	free(f);
}

static struct row_key key_of(const struct addr *source, unsigned bits, enum action action)
{
	struct row_key key;

	memset(&key, 0, sizeof(key));
	key.source = addr_mask(source, bits);
	key.bits = (uint8_t)bits;
	key.action = (uint8_t)action;
	return key;
}

static struct row *row_of(struct forecast *f, const struct row_key *key, uint64_t now_us)
{
	bool evicted;
	struct row *row = table_take(f->rows, key, now_us, &evicted);

	f->rows_lost += evicted;
	if (row->first_us == 0) {
		row->key = *key;
		row->first_us = now_us;
	}
	row->last_us = now_us;
	return row;
}

/* The measure that is in force on this prefix, the hardest of them; NULL: none. */
static struct row *find_measure(struct forecast *f, const struct addr *source, unsigned bits, uint64_t now_us)
{
	for (unsigned i = 0; f->lengths[bits] > 0 && i < MEASURES; i++) {
		struct row_key key = key_of(source, bits, measures[i]);
		struct row *row = table_find(f->rows, &key);

		if (row && row->lasts && now_us < row->until_us)
			return row;
	}
	return NULL;
}

/* From now on, for so long, unless something harder is done already. */
static void lay(struct forecast *f, const struct prefix *source, const struct order *o, uint32_t for_s)
{
	struct row_key key = key_of(&source->addr, source->bits, (enum action)o->action);
	struct row *row = find_measure(f, &source->addr, source->bits, o->time_us);
	uint64_t until_us = o->time_us + for_s * UINT64_C(1000000);

	if (row && block_is_harder((enum action)row->key.action, (enum action)o->action))
		return;
	if (row && row->key.action != o->action)
		row->until_us = o->time_us;
	row = row_of(f, &key, o->time_us);
	f->lengths[source->bits] += !row->lasts;
	row->lasts = 1;
	if (row->finding == 0)
		row->finding = o->finding;
	if (until_us > row->until_us)
		row->until_us = until_us;
}

void forecast_order(struct forecast *f, const struct order *o)
{
	unsigned bits = o->bits ? o->bits : HOST_BITS;
	struct prefix source = { addr_mask(&o->source, bits), (uint8_t)bits };
	struct policy_shield shield;

	if (!o->verified)
		return;
	if (bits < HOST_BITS && policy_find_shield(f->policy, &source, &shield))
		source = (struct prefix) { o->source, HOST_BITS };
	if (!policy_find_shield(f->policy, &source, &shield))
		lay(f, &source, o, o->for_s ? o->for_s : policy_settings(f->policy)->block_for_s);
}

/* More connections begin in this minute than a limited source may open. */
static bool is_beyond(struct forecast *f, struct row *row, uint64_t now_us)
{
	if (now_us - row->minute_us >= MINUTE_US) {
		row->minute_us = now_us;
		row->in_minute = 0;
	}
	return ++row->in_minute > policy_watching(f->policy)->ladder.rate_per_min;
}

/* What lies on the source and stops this event, if anything. */
static struct row *stopped_by(struct forecast *f, const struct event *e)
{
	bool begins = e->kind == EVENT_OPEN;

	for (unsigned bits = 0; bits <= HOST_BITS; bits++) {
		struct row *row = find_measure(f, &e->conn.src, bits, e->time_us);
		enum action action = row ? (enum action)row->key.action : ACTION_ALERT;

		if (action == ACTION_BLOCK || (begins && action == ACTION_REFUSE_SESSION) ||
		        (begins && action == ACTION_LIMIT && is_beyond(f, row, e->time_us)))
			return row;
		if (begins && action == ACTION_SLOW)
			row->connections++;
	}
	return NULL;
}

static enum action action_of(enum policy_do what)
{
	return what == DO_DROP ? ACTION_DROP : what == DO_REFUSE ? ACTION_REFUSE : ACTION_REFUSE_SESSION;
}

/* The recipient that e is about ends his connection. */
static bool cuts_off(const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;

	return e->kind == EVENT_RCPT && !rcpt->uncertain && action_refuses((enum action)rcpt->would) &&
	       rcpt->would != ACTION_REFUSE_RECIPIENT && rcpt->would != ACTION_DEFER_RECIPIENT;
}

/* The measure because of which nothing more of e's connection happens, e included unless it cuts itself off; NULL: it goes on. */
static struct row *ends_here(
        struct forecast *f, const struct event *e, const struct policy_connection *decision)
{
	bool by_rule = e->kind == EVENT_OPEN && decision->what != DO_INSPECT;
	struct row *row = by_rule ? NULL : stopped_by(f, e);
	struct row_key key;

	if (row || (!by_rule && !cuts_off(e)))
		return row;
	key = key_of(
	        &e->conn.src, HOST_BITS, by_rule ? action_of(decision->what) : (enum action)e->u.rcpt.would);
	row = row_of(f, &key, e->time_us);
	row->by_rule = by_rule;
	return row;
}

static struct fate *fate_of(struct forecast *f, const struct event *e)
{
	return table_take(f->flows, &e->conn.flow_id, e->time_us, NULL);
}

/* One recipient is refused, the connection goes on. */
static void count_recipient(struct forecast *f, const struct event *e, bool was_accepted)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	struct row_key key;
	struct fate *fate;
	struct row *row;

	if (rcpt->uncertain || !was_accepted ||
	        (rcpt->would != ACTION_REFUSE_RECIPIENT && rcpt->would != ACTION_DEFER_RECIPIENT))
		return;
	key = key_of(&e->conn.src, HOST_BITS, (enum action)rcpt->would);
	row = row_of(f, &key, e->time_us);
	row->recipients++;
	fate = fate_of(f, e);
	fate->refuses = table_ref(f->rows, row);
	fate->refused++;
}

static bool is_delivery(const struct event *e)
{
	return e->kind == EVENT_DATA && e->u.data.final && e->u.data.reply.code / 100 == 2;
}

/* What was delivered then. True: it is lost. row: because of which its connection is over, NULL = it goes on. */
static bool count_delivery(
        struct forecast *f, const struct fate *fate, struct row *row, uint32_t rcpt_accepted)
{
	uint32_t refused = fate && fate->refused < rcpt_accepted ? fate->refused : fate ? rcpt_accepted : 0;

	f->mails++;
	f->recipients += rcpt_accepted;
	if (!row && refused > 0 && refused == rcpt_accepted)
		row = table_get(f->rows, fate->refuses);
	if (row) {
		row->mails++;
		row->recipients += rcpt_accepted - refused;
	}
	return row != NULL;
}

bool forecast_event(struct forecast *f, const struct event *e, const struct policy_connection *decision,
        uint32_t rcpt_accepted)
{
	struct fate *fate = table_find(f->flows, &e->conn.flow_id);
	struct row *row = fate ? table_get(f->rows, fate->row) : NULL;
	bool is_over = row != NULL;

	if (!row && (row = ends_here(f, e, decision))) {
		fate = fate_of(f, e);
		fate->row = table_ref(f->rows, row);
		row->connections++;
		is_over = !cuts_off(e); /* what is said to him is said */
	}
	f->tls += e->kind == EVENT_TLS;
	f->tls_stopped += e->kind == EVENT_TLS && row;
	if (fate && e->kind == EVENT_MAIL)
		fate->refused = 0;
	if (!row && e->kind == EVENT_RCPT)
		count_recipient(f, e, rcpt_accepted > 0);
	if (is_delivery(e) && count_delivery(f, fate, row, rcpt_accepted))
		is_over = true;
	if (e->kind == EVENT_CLOSE && fate)
		table_drop(f->flows, fate);
	return !is_over || !f->enforce;
}

/* ---- the summary ------------------------------------------------------------------------------- */

struct cost {
	uint64_t mails, recipients;
};

static const char *const actions[] = { ACTION_NAMES };

/* Those that cost most go first, then the oldest. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	if (x->recipients != y->recipients)
		return x->recipients < y->recipients ? 1 : -1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

static const char *because_of(const struct row *row)
{
	return row->finding ? finding_rule(row->finding) : row->by_rule ? "rule" : "recipients";
}

static void print_row(const struct row *row, FILE *to)
{
	struct prefix prefix = { .addr = row->key.source, .bits = row->key.bits };
	char who[PREFIX_TEXT_MAX], from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX] = "";

	clock_print(row->first_us, from);
	if (row->lasts)
		clock_print(row->until_us, until);
	fprintf(to, "  %-24s %-17s %.*s  %-19.*s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %s\n",
	        prefix_print(&prefix, who), actions[row->key.action], STAMP_SHOWN, from, STAMP_SHOWN, until,
	        row->connections, row->mails, row->recipients, because_of(row));
}

static void print_rows(struct row **rows, unsigned count, FILE *to)
{
	fprintf(to, "  %-24s %-17s %-19s  %-19s %9s %9s %9s  %s\n", "source", "what", "from", "until",
	        "connect.", "mails", "recipients", "because of");
	for (unsigned i = 0; i < count && i < ROWS_SHOWN; i++)
		print_row(rows[i], to);
	if (count > ROWS_SHOWN)
		fprintf(to, "  and %u more\n", count - ROWS_SHOWN);
}

/* Of all rows, those that cost most first; free() them. NULL, and none, without memory; the sum is right all the same. */
static struct row **sort_rows(const struct forecast *f, unsigned *count, struct cost *sum)
{
	struct row **rows = calloc(table_count(f->rows) + 1, sizeof(struct row *)), *row;
	uint32_t cursor = 0;

	*count = 0;
	*sum = (struct cost) { 0 };
	while ((row = table_scan(f->rows, &cursor))) {
		if (rows)
			rows[(*count)++] = row;
		sum->mails += row->mails;
		sum->recipients += row->recipients;
	}
	if (*count > 0)
		qsort(rows, *count, sizeof(struct row *), compare_rows);
	return rows;
}

void forecast_print(struct forecast *f, FILE *to)
{
	struct cost sum;
	unsigned count;
	struct row **rows = sort_rows(f, &count, &sum);

	if (count > 0) {
		fprintf(to, "%s\n",
		        f->enforce ? "refused, slowed, limited or blocked:"
		                   : "mode = monitor: nothing is done; enforce mode would have refused, "
		                     "slowed, limited or blocked:");
		print_rows(rows, count, to);
	}
	fprintf(to,
	        "delivered then: %" PRIu64 " mail%s to %" PRIu64 " recipient%s; that would have cost %" PRIu64
	        " of these mails, and %" PRIu64 " recipient%s\n",
	        f->mails, plural(f->mails), f->recipients, plural(f->recipients), sum.mails, sum.recipients,
	        plural(sum.recipients));
	if (f->tls > 0)
		fprintf(to,
		        "and %" PRIu64
		        " connection%s under TLS, whose mails are in no record; of them that would "
		        "have stopped %" PRIu64 "\n",
		        f->tls, plural(f->tls), f->tls_stopped);
	if (f->rows_lost > 0)
		fprintf(to, "not in the table, for want of room: %" PRIu64 " source%s\n", f->rows_lost,
		        plural(f->rows_lost));
	free(rows);
}

static json_t *mails_json(uint64_t mails, uint64_t recipients)
{
	json_t *o = json_object();

	field_set_uint(o, "mails", mails);
	field_set_uint(o, "recipients", recipients);
	return o;
}

static json_t *row_json(const struct row *row)
{
	struct prefix prefix = { .addr = row->key.source, .bits = row->key.bits };
	json_t *o = json_object();
	char who[PREFIX_TEXT_MAX];

	field_set_text(o, "source", prefix_print(&prefix, who));
	field_set_text(o, "action", actions[row->key.action]);
	field_set_text(o, "because", because_of(row));
	field_set_time(o, "from", row->first_us);
	if (row->lasts)
		field_set_time(o, "until", row->until_us);
	field_set_uint(o, "connections", row->connections);
	field_set_uint(o, "mails", row->mails);
	field_set_uint(o, "recipients", row->recipients);
	return o;
}

void forecast_set_json(struct forecast *f, json_t *summary)
{
	json_t *list = json_array(), *tls = json_object();
	struct cost sum;
	unsigned count;
	struct row **rows = sort_rows(f, &count, &sum);

	field_set(summary, "delivered", mails_json(f->mails, f->recipients));
	field_set(summary, "cost", mails_json(sum.mails, sum.recipients));
	field_set_uint(tls, "connections", f->tls);
	field_set_uint(tls, "stopped", f->tls_stopped);
	field_set(summary, "tls", tls);
	for (unsigned i = 0; i < count; i++)
		(void)json_array_append_new(list, row_json(rows[i]));
	field_set(summary, "measures", list);
	field_set_nonzero(summary, "sources_left_out", f->rows_lost);
	free(rows);
}
