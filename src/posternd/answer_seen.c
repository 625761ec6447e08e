/* answer_seen.c - `seen`: who delivers to each server of ours, and whether the rules in force let them in. */
#include "policy/policy.h"
#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "posternd/witness.h"
#include "report/field.h"

static const char *const do_names[] = { POLICY_DO_NAMES };

static const char *name_of_server(const struct policy *policy, int server)
{
	return server >= 0 ? policy_group(policy, (unsigned)server).name : "";
}

static json_t *make_row(const struct policy *policy, const struct seen_row *r)
{
	struct policy_connection c =
	        policy_judge_connection(policy, &r->client, &r->server, (enum policy_self)r->self);
	char text[ADDR_TEXT_MAX];
	json_t *row = json_object();

	field_set_text(row, "client", addr_print(&r->client, text));
	field_set_text(row, "server", addr_print(&r->server, text));
	field_set_text(row, "servers", name_of_server(policy, c.server));
	field_set(row, "in", json_boolean(c.what == DO_INSPECT));
	field_set_text(row, "does", do_names[c.what]);
	field_set_text(row, "rule", c.rule >= 0 ? policy_rule(policy, (unsigned)c.rule).title : "otherwise");
	field_set_true(row, "upstream", c.client_upstream);
	field_set_true(row, "home", c.client_home);
	field_set(row, "verified", json_boolean(r->is_there));
	field_set_time(row, "first_seen", r->first_us);
	field_set_time(row, "last_seen", r->last_us);
	field_set_uint(row, "connections", r->connections);
	field_set_uint(row, "mails", r->mails);
	field_set_uint(row, "recipients", r->recipients);
	field_set_uint(row, "tls", r->tls);
	field_set_uint(row, "refused", r->refused);
	return row;
}

enum answer_state answer_seen(struct ask *ask, json_t *line)
{
	const struct daemon *d = ask->daemon;
	const struct seen *seen = witness_seen(desk_witness(d->desk));
	json_t *rows = json_array();
	struct seen_row row;
	unsigned n = 0;
	bool more = false;

	while (n < ANSWER_ROWS && (more = seen_next(seen, &ask->cursor, &row))) {
		(void)json_array_append_new(rows, make_row(d->conf->policy, &row));
		n++;
	}
	field_set(line, "rows", rows);
	if (more)
		return ANSWER_MORE;
	field_set_time(line, "since", d->seen_since_us);
	field_set_uint(line, "forgotten", seen_evicted(seen));
	return ANSWER_DONE;
}
