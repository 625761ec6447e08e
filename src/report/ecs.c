/* ecs.c - see ecs.h. Field sets of ECS 8.11 (elastic.co/guide/en/ecs/8.11); all else lies in `smtp` and `postern`, which
 * ECS leaves to us.
 *
 * How: tables say which field of the record becomes which field here, and what is changed on the way.
 *
 * `email` is the envelope: ECS means the header by it, which is never read but for its Message-ID. `event.category` has no
 * word for mail in every 8.x, so mail is `network`. Severities stay as they are (1 is worst), as Suricata's do in ECS.
 * `smtp` is the object of the record but for `rcpt_to`, which `email.to.address` has: so no line gets longer than 60 KiB.
 */
#include "report/ecs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "report/field.h"
#include "report/pick.h"
#include "report/text.h"

enum {
	NAME_MAX_BYTES = 64,
	ID_MAX = 128,
	MESSAGE_MAX = 2048,
	STAMP_MAX = 64,
	STAMP_LEN = 26,      /* of "2026-11-21T18:36:07.148588+0000", without its zone */
	MESSAGE_BEGINS = 24, /* in the line for people, behind its time */
	DOMAINS_MAX = 5,
	REAL_DIGITS = 6
};

/* ---- building ------------------------------------------------------------------------------------ */

/* Takes over value; NULL is left out. */
static void set(json_t *object, const char *path, json_t *value)
{
	char name[NAME_MAX_BYTES];
	const char *dot;
	json_t *child;

	if (!value)
		return;
	for (; (dot = strchr(path, '.')) != NULL; path = dot + 1, object = child) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		child = json_object_get(object, name);
		if (!child) {
			child = json_object();
			field_set(object, name, child);
		}
	}
	field_set(object, path, value);
}

static void set_text(json_t *object, const char *path, const char *text)
{
	if (*text)
		set(object, path, field_text(text));
}

/* Texts once each; empty ones are left out. */
static void add_once(json_t *list, const char *text)
{
	json_t *other;
	size_t i;

	json_array_foreach (list, i, other)
		if (strcmp(json_string_value(other), text) == 0)
			return;
	if (*text)
		(void)json_array_append_new(list, field_text(text));
}

static void set_list(json_t *object, const char *path, json_t *list)
{
	if (json_array_size(list) > 0)
		set(object, path, list);
	else
		json_decref(list);
}

/* ---- what becomes of a field --------------------------------------------------------------------- */

static json_t *same(json_t *value)
{
	return json_incref(value);
}

static json_t *text_of_number(json_t *value)
{
	char text[NAME_MAX_BYTES];

	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	return json_string(text);
}

static json_t *stamp(json_t *value)
{
	char text[STAMP_MAX];

	snprintf(text, sizeof(text), "%.*sZ", STAMP_LEN, json_string_value(value));
	return json_string(text);
}

static json_t *lower(json_t *value)
{
	char text[NAME_MAX_BYTES];
	size_t i;

	snprintf(text, sizeof(text), "%s", json_string_value(value));
	for (i = 0; text[i]; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	return json_string(text);
}

static json_t *family(json_t *value)
{
	return json_string(strchr(json_string_value(value), ':') ? "ipv6" : "ipv4");
}

static json_t *direction(json_t *value)
{
	return json_string(
	        strcmp(json_string_value(value), "transit") == 0 ? "external" : json_string_value(value));
}

static json_t *address(json_t *value)
{
	char text[PICK_ADDRESS_MAX];

	return field_text(pick_address(json_string_value(value), text));
}

/* The null sender is nobody. */
static json_t *sender(json_t *value)
{
	json_t *list;

	if (strcmp(json_string_value(value), "<>") == 0)
		return NULL;
	list = json_array();
	(void)json_array_append_new(list, address(value));
	return list;
}

static json_t *recipients(json_t *value)
{
	json_t *list = json_array(), *path;
	size_t i;

	json_array_foreach (value, i, path)
		(void)json_array_append_new(list, address(path));
	return list;
}

static json_t *smtp_object(json_t *value)
{
	json_t *smtp = json_copy(value);

	(void)json_object_del(smtp, "rcpt_to");
	return smtp;
}

/* "TLS 1.2" */
static json_t *tls_version(json_t *value)
{
	const char *space = strchr(json_string_value(value), ' ');

	return space ? json_string(space + 1) : NULL;
}

static json_t *tls_seen(json_t *value)
{
	(void)value;
	return json_true();
}

struct move {
	const char *from, *to;
	json_t *(*make)(json_t *value);
};

static const struct move moves[] = {
	{ "timestamp", "@timestamp", stamp },
	{ "src_ip", "source.ip", same },
	{ "src_port", "source.port", same },
	{ "nat.src_ip", "source.nat.ip", same },
	{ "nat.src_port", "source.nat.port", same },
	{ "dest_ip", "destination.ip", same },
	{ "dest_port", "destination.port", same },
	{ "nat.dest_ip", "destination.nat.ip", same },
	{ "nat.dest_port", "destination.nat.port", same },
	{ "src_ip", "network.type", family },
	{ "proto", "network.transport", lower },
	{ "app_proto", "network.protocol", same },
	{ "app_proto", "network.application", same },
	{ "community_id", "network.community_id", same },
	{ "postern.direction", "network.direction", direction },
	{ "host", "observer.name", same },
	{ "host", "observer.hostname", same },
	{ "postern.version", "observer.version", same },
	{ "in_iface", "observer.ingress.interface.name", same },

	{ "alert.severity", "event.severity", same },
	{ "alert.signature_id", "event.code", text_of_number },
	{ "alert.signature_id", "rule.id", text_of_number },
	{ "alert.rule", "rule.name", same },
	{ "alert.category", "rule.category", same },
	{ "alert.signature", "rule.description", same },
	{ "alert.rev", "rule.version", text_of_number },
	{ "finding.user", "user.name", same },
	{ "incident.first_seen", "event.start", stamp },
	{ "incident.last_seen", "event.end", stamp },

	{ "flow.start", "event.start", stamp },
	{ "flow.end", "event.end", stamp },
	{ "flow.bytes_toserver", "source.bytes", same },
	{ "flow.pkts_toserver", "source.packets", same },
	{ "flow.bytes_toclient", "destination.bytes", same },
	{ "flow.pkts_toclient", "destination.packets", same },
	{ "flow.tls", "tls.established", tls_seen },
	{ "flow.tls.version", "tls.version", tls_version },
	{ "flow.tls.sni", "tls.client.server_name", same },

	{ "smtp.mail_from", "email.from.address", sender },
	{ "smtp.rcpt_to", "email.to.address", recipients },
	{ "smtp.message_id", "email.message_id", address },
	{ "smtp.queue_id", "email.local_id", same },

	{ "smtp", "smtp", smtp_object },
};

/* Objects of ours that ECS has no word for. */
static const char *const own[] = { "flow_id", "tx_id", "finding", "incident", "flow", "stats", "budget" };

/* ---- what kind of event it is -------------------------------------------------------------------- */

struct type {
	const char *name, *kind;
	const char *categories[2], *types[2];
};

static const struct type types[] = {
	{ "smtp", "event", { "network" }, { "protocol", "info" } },
	{ "flow", "event", { "network" }, { "connection", "end" } },
	{ "alert", "alert", { "network", "intrusion_detection" }, { "info" } },
	{ "stats", "metric", { "network" }, { "info" } },
	{ "budget", "event", { "network" }, { "info" } },
};
static const struct type about_the_gate = { "alert", "alert", { "configuration" }, { "info" } };

static const struct type *type_of(const json_t *record)
{
	const char *name = pick_text(record, "event_type");
	size_t i = 0;

	if (strcmp(name, "alert") == 0 && !pick(record, "src_ip"))
		return &about_the_gate;
	while (i < sizeof(types) / sizeof(types[0]) - 1 && strcmp(types[i].name, name) != 0)
		i++;
	return &types[i];
}

static const char *action_of(const json_t *record, const struct type *type)
{
	if (strcmp(type->name, "alert") == 0)
		return pick_text(record, "finding.action");
	if (strcmp(type->name, "smtp") == 0)
		return pick(record, "tx_id") ? "smtp-transaction" : "smtp-session";
	if (strcmp(type->name, "flow") == 0)
		return "connection-end";
	return strcmp(type->name, "budget") == 0 ? "records-left-out" : "counters";
}

/* Of the mail, the connection, or what an alert is about; "" where success or failure mean nothing. */
static const char *outcome_of(const json_t *record)
{
	static const struct {
		const char *path, *word, *outcome;
	} known[] = {
		{ "smtp.end", "completed", "success" },
		{ "smtp.end", "refused", "failure" },
		{ "flow.state", "closed", "success" },
		{ "finding.outcome", "accepted", "success" },
		{ "finding.outcome", "accepted-at-end-of-data", "success" },
		{ "finding.outcome", "confirmed", "success" },
		{ "finding.outcome", "refused-by-server", "failure" },
		{ "finding.outcome", "refused-by-postern", "failure" },
		{ "finding.outcome", "bounced", "failure" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(pick_text(record, known[i].path), known[i].word) == 0)
			return known[i].outcome;
	return pick(record, "stats") || pick(record, "budget") ||
	                       (pick(record, "alert") && !pick(record, "finding.outcome"))
	               ? ""
	               : "unknown";
}

static json_t *words(const char *const list[2], const char *more)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < 2; i++)
		if (list[i])
			(void)json_array_append_new(out, json_string(list[i]));
	if (more)
		(void)json_array_append_new(out, json_string(more));
	return out;
}

static void set_id(const json_t *record, json_t *ecs)
{
	long long flow = pick_number(record, "flow_id"), incident = pick_number(record, "incident.id");
	char id[ID_MAX];

	snprintf(id, sizeof(id), "%s-%lld-%lld-%lld-%llu", pick_text(record, "event_type"),
	        incident ? incident : flow, pick_number(record, "tx_id"),
	        pick_number(record, "incident.count"), (unsigned long long)pick_time_us(record, "timestamp"));
	set_text(ecs, "event.id", id);
}

static void set_event(const json_t *record, json_t *ecs)
{
	const struct type *type = type_of(record);
	const char *verdict = pick_text(record, "alert.action");
	char dataset[NAME_MAX_BYTES];
	uint64_t start_us = pick_time_us(record, "flow.start"), end_us = pick_time_us(record, "flow.end"),
	         duration_ns;

	set_text(ecs, "event.kind", type->kind);
	set(ecs, "event.category", words(type->categories, NULL));
	set(ecs, "event.type",
	        words(type->types, type == &about_the_gate || !*verdict ? NULL
	                           : strcmp(verdict, "blocked") == 0    ? "denied"
	                                                                : "allowed"));
	set_text(ecs, "event.action", action_of(record, type));
	set_text(ecs, "event.outcome", outcome_of(record));
	snprintf(dataset, sizeof(dataset), "postern.%s", type->name);
	set_text(ecs, "event.dataset", dataset);
	set_text(ecs, "event.module", "postern");
	set_text(ecs, "event.provider", "posternd");
	set_id(record, ecs);
	duration_ns = (end_us - start_us) * 1000;
	if (start_us && end_us >= start_us)
		set(ecs, "event.duration", json_integer((json_int_t)duration_ns));
}

/* ---- the rest ------------------------------------------------------------------------------------ */

/* In the words for people, without the time. */
static void set_message(const json_t *record, json_t *ecs)
{
	char text[MESSAGE_MAX];
	size_t len = text_print(record, text, sizeof(text));

	if (len > MESSAGE_BEGINS)
		set_text(ecs, "message", text + MESSAGE_BEGINS);
}

static void set_network(const json_t *record, json_t *ecs)
{
	const json_t *vlan = pick(record, "vlan");
	json_t *id;

	if (pick(record, "flow"))
		set(ecs, "network.bytes",
		        json_integer(pick_number(record, "flow.bytes_toserver") +
		                     pick_number(record, "flow.bytes_toclient")));
	if (pick(record, "flow"))
		set(ecs, "network.packets",
		        json_integer(pick_number(record, "flow.pkts_toserver") +
		                     pick_number(record, "flow.pkts_toclient")));
	if ((id = json_array_get(vlan, 0)) != NULL)
		set(ecs, "network.vlan.id", text_of_number(id));
	if ((id = json_array_get(vlan, 1)) != NULL)
		set(ecs, "network.inner.vlan.id", text_of_number(id));
	if (*pick_text(record, "flow.tls.version"))
		set_text(ecs, "tls.version_protocol",
		        strncmp(pick_text(record, "flow.tls.version"), "SSL", 3) == 0 ? "ssl" : "tls");
}

/* T1071.003 is the third of the ways of T1071. */
static void set_technique(const json_t *record, json_t *ecs)
{
	const json_t *list = pick(record, "alert.metadata.mitre_technique_id");
	json_t *techniques = json_array(), *ways = json_array(), *entry;
	char id[NAME_MAX_BYTES];
	size_t i;

	json_array_foreach (list, i, entry) {
		snprintf(id, sizeof(id), "%s", json_string_value(entry));
		if (strchr(id, '.'))
			add_once(ways, id);
		*strchrnul(id, '.') = '\0';
		add_once(techniques, id);
	}
	if (json_array_size(techniques) > 0)
		set_text(ecs, "threat.framework", "MITRE ATT&CK");
	set_list(ecs, "threat.technique.id", techniques);
	set_list(ecs, "threat.technique.subtechnique.id", ways);
}

static void set_related(const json_t *record, json_t *ecs)
{
	static const char *const ip_paths[] = { "src_ip", "dest_ip", "nat.src_ip", "nat.dest_ip" };
	static const char *const host_paths[] = { "host", "smtp.helo", "flow.tls.sni" };
	json_t *ips = json_array(), *hosts = json_array(), *users = json_array(), *entry;
	size_t i;

	for (i = 0; i < sizeof(ip_paths) / sizeof(ip_paths[0]); i++)
		add_once(ips, pick_text(record, ip_paths[i]));
	for (i = 0; i < sizeof(host_paths) / sizeof(host_paths[0]); i++)
		add_once(hosts, pick_text(record, host_paths[i]));
	json_array_foreach (pick(record, "smtp.rcpt"), i, entry)
		if (json_array_size(hosts) < DOMAINS_MAX)
			add_once(hosts, pick_text(entry, "final_domain"));
	set_list(ecs, "related.ip", ips);
	set_list(ecs, "related.hosts", hosts);
	add_once(users, pick_text(record, "finding.user"));
	set_list(ecs, "related.user", users);
}

static void set_moved(const json_t *record, json_t *ecs)
{
	json_t *value;

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		value = pick(record, moves[i].from);
		if (value)
			set(ecs, moves[i].to, moves[i].make(value));
	}
}

/* Everything of ours is in one object, a copy: the record goes to others, too. */
static void set_own(const json_t *record, json_t *ecs)
{
	json_t *postern = json_copy(pick(record, "postern")), *value;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if ((value = json_object_get(record, own[i])) != NULL)
			field_set(postern, own[i], json_incref(value));
	set(ecs, "postern", postern);
}

static json_t *ecs_record(const json_t *record)
{
	json_t *ecs = json_object();

	set_moved(record, ecs);
	set_text(ecs, "ecs.version", ECS_VERSION);
	set_message(record, ecs);
	set_event(record, ecs);
	set_text(ecs, "observer.vendor", "Postern");
	set_text(ecs, "observer.product", "posternd");
	set_text(ecs, "observer.type", "firewall");
	if (pick(record, "alert"))
		set_text(ecs, "rule.ruleset", "postern");
	set_network(record, ecs);
	set_technique(record, ecs);
	set_related(record, ecs);
	set_own(record, ecs);
	return ecs;
}

size_t ecs_print(const json_t *record, char *out, size_t room)
{
	json_t *ecs = ecs_record(record);
	size_t len = ecs ? json_dumpb(ecs, out, room, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : 0;

	json_decref(ecs);
	return len <= room ? len : 0;
}
