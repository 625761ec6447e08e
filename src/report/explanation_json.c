/* explanation_json.c - an explanation as one JSON object: see explanation.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/explanation_inner.h"
#include "report/field.h"
#include "report/volume_text.h"
#include "report/words.h"

static void set_place(json_t *object, const char *key, const struct explained_place *p)
{
	char *text;

	if (!p->file || asprintf(&text, "%s:%u", p->file, p->line) < 0)
		return;
	field_set(object, key, field_bytes(text, (unsigned)strnlen(text, EXPLANATION_PATH_MAX)));
	free(text);
}

static json_t *text_of(const char *bytes)
{
	return field_bytes(bytes, (unsigned)strnlen(bytes, EXPLANATION_PATH_MAX));
}

static json_t *json_end(const struct explanation *x, const struct explained_end *end)
{
	json_t *object = json_object(), *groups = json_array();

	if (end->address[0])
		field_set_text(object, "address", end->address);
	field_set_true(object, "self", end->self);
	for (unsigned id = 0; id < policy_group_count(x->policy); id++)
		if (id != GROUP_ID_ANY && policy_groups_have(&end->groups, id))
			json_array_append_new(groups, json_string(policy_group(x->policy, id).name));
	field_set(object, "groups", groups);
	return object;
}

static json_t *json_recipient(const struct explanation *x, const struct explained_recipient *r)
{
	json_t *object = json_object(), *hops = json_array();

	field_set(object, "path", text_of(r->path));
	field_set(object, "said", json_boolean(explanation_is_said(x)));
	field_set_text(object, "form", words_get(WORDS_FORM, r->address.form));
	for (unsigned i = 0; i < r->address.hop_count; i++) {
		json_t *hop = json_object();

		field_set(hop, "domain", text_of(r->address.hops[i].domain));
		if (explanation_is_judged(x))
			field_set_text(hop, "judged", explanation_hops[r->hops[i].why].word);
		if (r->hops[i].place.file)
			field_set(hop, "entry", text_of(r->hops[i].place.text));
		set_place(hop, "place", &r->hops[i].place);
		json_array_append_new(hops, hop);
	}
	field_set(object, "hops", hops);
	if (!explanation_is_judged(x))
		return object;
	field_set(object, "ours", json_boolean(r->judged.ours));
	if (r->judged.hop < r->address.hop_count)
		field_set(object, "final_domain", text_of(r->address.hops[r->judged.hop].domain));
	if (r->judged.ours || x->connection.client_ours)
		return object;
	field_set_text(object, "key", r->judged.trick ? "relay.tricks" : "relay.action");
	set_place(object, "place", &r->action);
	field_set_text(object, "action", words_get(WORDS_ACTION, r->now));
	field_set_text(
	        object, "enforce", words_get(WORDS_ACTION, r->spared ? ACTION_ALERT : r->judged.action));
	field_set_text(object, "written", words_get(WORDS_ACTION, r->written));
	if (r->unblocked)
		field_set_text(object, "suppressed_by", x->attempt_by->name);
	return object;
}

static json_t *json_rule(const struct explanation *x)
{
	json_t *rule = json_object(), *unresolved = json_array();
	unsigned id = 0;
	const char *name;

	if (x->connection.rule != POLICY_OTHERWISE)
		field_set_text(rule, "title", policy_rule(x->policy, (unsigned)x->connection.rule).title);
	field_set_text(rule, "do", explanation_do_names[x->connection.what]);
	set_place(rule, "place", &x->rule);
	while ((name = explanation_next_unresolved(x, &id)))
		json_array_append_new(unresolved, json_string(name));
	field_set(rule, "unresolved", unresolved);
	return rule;
}

static json_t *json_relaying(const struct explanation *x)
{
	json_t *relaying = json_object();

	field_set(relaying, "judged", json_boolean(explanation_is_judged(x)));
	if (!explanation_is_judged(x))
		return relaying;
	field_set_text(relaying, "servers", policy_group(x->policy, (unsigned)x->connection.server).name);
	set_place(relaying, "place", &x->servers);
	field_set(relaying, "client_ours", json_boolean(x->connection.client_ours));
	field_set_text(relaying, "client", explanation_clients[x->client_kind].word);
	set_place(relaying, "client_place", &x->client_place);
	return relaying;
}

static json_t *json_lists(const struct explanation *x)
{
	const struct policy_settings *s = policy_settings(x->policy);
	json_t *lists = json_object(), *zones = json_array();

	for (unsigned i = 0; i < POLICY_LISTS_MAX; i++)
		if (s->lists[i][0])
			(void)json_array_append_new(zones, json_string(s->lists[i]));
	field_set(lists, "zones", zones);
	field_set_text(lists, "action", words_get(WORDS_ACTION, x->list_action));
	set_place(lists, "place", &x->list_place);
	return lists;
}

static json_t *json_kernel(const struct explanation *x)
{
	json_t *kernel = json_object();

	field_set(kernel, "guarded", json_boolean(x->unguarded == EXPLAINED_GUARDED));
	if (x->unguarded != EXPLAINED_GUARDED) {
		field_set_text(kernel, "unguarded", explanation_unguarded[x->unguarded].word);
		set_place(kernel, "place", &x->unguarded_place);
		return kernel;
	}
	field_set_text(kernel, "hook", x->hook);
	field_set_text(kernel, "direction", words_get(WORDS_DIRECTION, x->connection.direction));
	field_set_text(kernel, "action", explanation_do_names[x->kernel_now]);
	field_set_text(kernel, "enforce", explanation_do_names[x->connection.what]);
	return kernel;
}

static json_t *json_volumes(const struct explanation *x)
{
	const struct watching *w = policy_watching(x->policy);
	json_t *list = json_array(), *o;

	for (unsigned key = 0; key < VOLUME_KEY_COUNT; key++) {
		if (x->volumes[key] < 0)
			continue;
		o = volume_text_json(&w->volumes[x->volumes[key]]);
		set_place(o, "place", &x->volume_places[key]);
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_suppressed(const struct explanation *x)
{
	const struct suppressions *all = policy_suppressions(x->policy);
	json_t *list = json_array();

	for (unsigned i = 0; i < all->count; i++)
		if (x->suppressed[i])
			(void)json_array_append_new(list, json_string(all->list[i].name));
	return list;
}

int explanation_print_json(const struct explanation *x, FILE *to)
{
	json_t *root = json_object(), *recipients = json_array();
	int rc;

	if (!root)
		return -ENOMEM;
	field_set_text(root, "mode", explanation_mode_names[explanation_mode(x)]);
	field_set(root, "client", json_end(x, &x->client));
	field_set(root, "server", json_end(x, &x->server));
	field_set_uint(root, "port", x->port);
	field_set(root, "kernel", json_kernel(x));
	if (x->unguarded == EXPLAINED_GUARDED)
		field_set(root, "rule", json_rule(x));
	field_set(root, "relaying", json_relaying(x));
	if (x->listable)
		field_set(root, "dnsbl", json_lists(x));
	if (explanation_is_counted(x))
		field_set(root, "volume", json_volumes(x));
	if (x->spared != EXPLAINED_LIKE_OTHERS)
		field_set_text(root, "spared", explanation_spared[x->spared].word);
	field_set(root, "suppressed", json_suppressed(x));
	if (x->sender)
		field_set(root, "sender", text_of(x->sender));
	for (unsigned i = 0; i < x->recipient_count; i++)
		json_array_append_new(recipients, json_recipient(x, &x->recipients[i]));
	field_set(root, "recipients", recipients);
	field_set(root, "refused", json_boolean(x->refused));
	field_set(root, "enforce_refuses", json_boolean(x->enforce_refuses));
	rc = json_dumpf(root, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF ? 0 : -EIO;
	json_decref(root);
	return rc;
}
