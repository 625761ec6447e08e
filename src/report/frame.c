/* frame.c - see frame.h.
 *
 * Names of interfaces are asked from the kernel once and cached by index; only for live packets, because
 * an index in a capture belongs to another machine.
 */
#include "report/frame.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "report/community_id.h"
#include "report/field.h"
#include "report/words.h"

enum { INTERFACES_CACHED = 64, RULE_TITLE_MAX = 256 };

struct interface {
	uint32_t index; /* 0 = free slot */
	char name[IF_NAMESIZE];
};

struct frame {
	char *host, *mode, *config_hash;
	char **rules; /* titles, by index; NULL without a policy */
	unsigned rule_count;
	frame_nat *nat;
	const void *nat_arg;
	struct interface interfaces[INTERFACES_CACHED];
};

static char **copy_titles(const struct policy *policy, unsigned *count)
{
	unsigned i;
	char **titles;

	*count = policy_rule_count(policy);
	titles = calloc(*count + 1, sizeof(*titles)); /* never of size 0: NULL means no policy */
	for (i = 0; titles && i < *count; i++)
		titles[i] = strndup(policy_rule(policy, i).title, RULE_TITLE_MAX);
	return titles;
}

struct frame *frame_new(
        const char *host, const char *mode, const char *config_hash, const struct policy *policy)
{
	struct frame *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->host = strdup(host);
	f->mode = strdup(mode);
	f->config_hash = strdup(config_hash);
	if (policy)
		f->rules = copy_titles(policy, &f->rule_count);
	if (f->host && f->mode && f->config_hash && (f->rules || !policy))
		return f;
	frame_free(f);
	return NULL;
}

void frame_free(struct frame *f)
{
	unsigned i;

	if (!f)
		return;
	for (i = 0; f->rules && i < f->rule_count; i++)
		free(f->rules[i]);
	free(f->rules);
	free(f->host);
	free(f->mode);
	free(f->config_hash);
	free(f);
}

void frame_set_nat(struct frame *f, frame_nat *nat, const void *arg)
{
	f->nat = nat;
	f->nat_arg = arg;
}

void frame_forget_interfaces(struct frame *f)
{
	memset(f->interfaces, 0, sizeof(f->interfaces));
}

/* "" when the kernel knows none. */
static const char *interface_name(struct frame *f, uint32_t index)
{
	struct interface *slot = &f->interfaces[index % INTERFACES_CACHED];

	if (slot->index != index) {
		slot->index = index;
		if (!if_indextoname(index, slot->name))
			slot->name[0] = '\0';
	}
	return slot->name;
}

static void set_interface(struct frame *f, json_t *record, const struct event_connection *conn)
{
	const char *name;

	if (conn->in_if == 0 || conn->source != SOURCE_WIRE)
		return;
	name = interface_name(f, conn->in_if);
	if (*name)
		field_set(record, "in_iface", field_bytes(name, (unsigned)strlen(name)));
}

static void set_nat(const struct frame *f, json_t *record, const struct event_connection *conn)
{
	const struct event_nat *n = f->nat ? f->nat(f->nat_arg, conn->flow_id) : NULL;
	char text[ADDR_TEXT_MAX];
	json_t *nat;

	if (!n)
		return;
	nat = json_object();
	field_set_text(nat, "src_ip", addr_print(&n->src, text));
	field_set_uint(nat, "src_port", n->sport);
	field_set_text(nat, "dest_ip", addr_print(&n->dst, text));
	field_set_uint(nat, "dest_port", n->dport);
	field_set(record, "nat", nat);
}

static void set_vlan(json_t *record, const struct event_connection *conn)
{
	json_t *list;
	size_t i;

	if (conn->vlan[0] == 0 && conn->vlan[1] == 0)
		return;
	list = json_array();
	for (i = 0; i < sizeof(conn->vlan) / sizeof(conn->vlan[0]); i++)
		if (conn->vlan[i] != 0)
			(void)json_array_append_new(list, json_integer(conn->vlan[i]));
	field_set(record, "vlan", list);
}

static void set_ends(json_t *record, const struct event_connection *conn)
{
	char text[ADDR_TEXT_MAX], id[COMMUNITY_ID_MAX];

	field_set_text(record, "src_ip", addr_print(&conn->src, text));
	field_set_uint(record, "src_port", conn->sport);
	field_set_text(record, "dest_ip", addr_print(&conn->dst, text));
	field_set_uint(record, "dest_port", conn->dport);
	field_set_text(record, "proto", "TCP");
	field_set_text(record, "app_proto", "smtp");
	field_set_text(record, "community_id",
	        community_id_print(id, &conn->src, conn->sport, &conn->dst, conn->dport));
}

/* Without a policy no rule has decided, and none is named. */
static void set_rule(const struct frame *f, json_t *postern, const struct event_connection *conn)
{
	if (!f->rules)
		return;
	if (conn->rule < 0)
		field_set_text(postern, "rule", "otherwise");
	else if ((unsigned)conn->rule < f->rule_count && f->rules[conn->rule])
		field_set(postern, "rule",
		        field_bytes(f->rules[conn->rule], (unsigned)strlen(f->rules[conn->rule])));
}

static json_t *postern_object(const struct frame *f, const struct event_connection *conn)
{
	json_t *postern = json_object();

	field_set_text(postern, "version", POSTERN_VERSION);
	field_set_uint(postern, "schema", FRAME_SCHEMA);
	field_set_text(postern, "mode", f->mode);
	if (*f->config_hash)
		field_set_text(postern, "config", f->config_hash);
	if (!conn)
		return postern;
	set_rule(f, postern, conn);
	field_set_text(postern, "direction", words_get(WORDS_DIRECTION, conn->direction));
	if (conn->self != SELF_NEITHER)
		field_set_text(postern, "self", conn->self == SELF_CLIENT ? "client" : "server");
	return postern;
}

json_t *frame_record(struct frame *f, const char *type, uint64_t time_us, const struct event_connection *conn)
{
	json_t *record = json_object();

	if (!record)
		return NULL;
	field_set_time(record, "timestamp", time_us);
	if (conn) {
		field_set_uint(record, "flow_id", conn->flow_id);
		set_interface(f, record, conn);
	}
	field_set_text(record, "event_type", type);
	if (conn) {
		set_vlan(record, conn);
		set_ends(record, conn);
		set_nat(f, record, conn);
	}
	field_set(record, "host", field_bytes(f->host, (unsigned)strlen(f->host)));
	field_set(record, "postern", postern_object(f, conn));
	return record;
}
