/* found.c - reads chains, sets and counters of a table from the kernel.
 *
 * Each kind is one dump. Older kernels ignore the table in some dump requests, so everything is
 * compared again here. The generation is read first: a transaction that carries it is refused when
 * anything has changed since, so reading and writing are one step.
 */
#include "gate/found.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "gate/model.h"

enum { QUESTIONS_OF_TABLE = 2, QUESTIONS = 5 };

struct reading {
	struct found *f;
	const char *table;
};

static const size_t count_fields[MODEL_COUNTER_COUNT] = {
	[MODEL_COUNTER_QUEUED] = offsetof(struct gate_counts, queued),
	[MODEL_COUNTER_INSPECTED] = offsetof(struct gate_counts, inspected),
	[MODEL_COUNTER_BLIND] = offsetof(struct gate_counts, blind),
	[MODEL_COUNTER_BLIND_TOLD] = offsetof(struct gate_counts, blind_told),
	[MODEL_COUNTER_RESET] = offsetof(struct gate_counts, reset),
	[MODEL_COUNTER_REFUSED] = offsetof(struct gate_counts, refused),
	[MODEL_COUNTER_BARE_ACKS] = offsetof(struct gate_counts, bare_acks),
	[MODEL_COUNTER_BODIES] = offsetof(struct gate_counts, bodies),
	[MODEL_COUNTER_SEALED] = offsetof(struct gate_counts, sealed),
	[MODEL_COUNTER_BYPASSED] = offsetof(struct gate_counts, bypassed),
	[MODEL_COUNTER_BLOCKED] = offsetof(struct gate_counts, blocked),
	[MODEL_COUNTER_LIMITED] = offsetof(struct gate_counts, limited),
};

static struct found_item *add_item(struct found *f, struct found_list *list, const char *name)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *bigger = reallocarray(list->items, room, sizeof(*list->items));

		if (!bigger) {
			f->error = -ENOMEM;
			return NULL;
		}
		list->items = bigger;
		list->room = room;
	}
	list->items[list->count] = (struct found_item) { 0 };
	strncpy(list->items[list->count].name, name, FOUND_NAME_MAX - 1);
	return &list->items[list->count++];
}

static bool is_ours(const struct reading *reading, const char *table, const char *name)
{
	return table && name && strcmp(table, reading->table) == 0;
}

static int see_generation_attribute(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_GEN_ID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(uint32_t *)data = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int see_generation(const struct nlmsghdr *h, void *data)
{
	struct reading *reading = data;

	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), see_generation_attribute, &reading->f->generation);
	return MNL_CB_STOP;
}

static int see_table_attribute(const struct nlattr *attr, void *data)
{
	struct found *f = data;
	bool number = mnl_attr_validate(attr, MNL_TYPE_U32) >= 0;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS && number)
		f->flags = ntohl(mnl_attr_get_u32(attr));
	if (mnl_attr_get_type(attr) == NFTA_TABLE_OWNER && number)
		f->owner = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int see_table(const struct nlmsghdr *h, void *data)
{
	struct reading *reading = data;

	reading->f->there = true;
	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), see_table_attribute, reading->f);
	return MNL_CB_STOP;
}

static int see_chain(const struct nlmsghdr *h, void *data)
{
	struct reading *reading = data;
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct found_item *item;

	if (chain && nftnl_chain_nlmsg_parse(h, chain) == 0 &&
	        is_ours(reading, nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE),
	                nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME))) {
		item = add_item(
		        reading->f, &reading->f->chains, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
		if (item && nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) {
			item->base = true;
			item->hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
			item->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
			item->policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY);
		}
	}
	if (chain)
		nftnl_chain_free(chain);
	return MNL_CB_OK;
}

static int see_set(const struct nlmsghdr *h, void *data)
{
	struct reading *reading = data;
	struct nftnl_set *set = nftnl_set_alloc();

	if (set && nftnl_set_nlmsg_parse(h, set) == 0 &&
	        is_ours(reading, nftnl_set_get_str(set, NFTNL_SET_TABLE),
	                nftnl_set_get_str(set, NFTNL_SET_NAME))) {
		uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
		struct found_item *item = NULL;

		if (!(flags & NFT_SET_ANONYMOUS)) /* those go with their rule */
			item = add_item(
			        reading->f, &reading->f->sets, nftnl_set_get_str(set, NFTNL_SET_NAME));
		if (item)
			item->map = flags & NFT_SET_MAP;
	}
	if (set)
		nftnl_set_free(set);
	return MNL_CB_OK;
}

static void keep_count(struct gate_counts *counts, const char *name, uint64_t packets)
{
	for (unsigned i = 0; i < MODEL_COUNTER_COUNT; i++)
		if (strcmp(model_counter_names[i], name) == 0)
			memcpy((char *)counts + count_fields[i], &packets, sizeof(packets));
}

static int see_object(const struct nlmsghdr *h, void *data)
{
	struct reading *reading = data;
	struct nftnl_obj *obj = nftnl_obj_alloc();

	if (obj && nftnl_obj_nlmsg_parse(h, obj) == 0 &&
	        is_ours(reading, nftnl_obj_get_str(obj, NFTNL_OBJ_TABLE),
	                nftnl_obj_get_str(obj, NFTNL_OBJ_NAME))) {
		const char *name = nftnl_obj_get_str(obj, NFTNL_OBJ_NAME);
		uint32_t type = nftnl_obj_get_u32(obj, NFTNL_OBJ_TYPE);
		bool counts = type == NFT_OBJECT_COUNTER;
		struct found_item *item =
		        add_item(reading->f, counts ? &reading->f->counters : &reading->f->others, name);

		if (item)
			item->type = type;
		if (counts)
			keep_count(&reading->f->counts, name, nftnl_obj_get_u64(obj, NFTNL_OBJ_CTR_PKTS));
	}
	if (obj)
		nftnl_obj_free(obj);
	return MNL_CB_OK;
}

int found_ask(struct mnl_socket *nl, uint32_t *seq, const struct found_question *question)
{
	char bytes[32768] __attribute__((aligned(NLMSG_ALIGNTO))); /* a dump's messages fit in */
	struct nlmsghdr *h =
	        nftnl_nlmsg_build_hdr(bytes, question->type, NFPROTO_INET, question->flags, ++*seq);
	ssize_t got;
	int more;

	for (size_t i = 0; i < sizeof(question->attributes) / sizeof(question->attributes[0]); i++)
		if (question->attributes[i].text)
			mnl_attr_put_strz(h, question->attributes[i].type, question->attributes[i].text);
	if (question->put)
		question->put(h, question->arg);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		got = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));
		if (got < 0)
			return -errno;
		more = mnl_cb_run(
		        bytes, (size_t)got, *seq, mnl_socket_get_portid(nl), question->see, question->arg);
	} while (more > 0 || (more < 0 && errno == ESRCH)); /* ESRCH: an answer to something older */
	return more < 0 ? -errno : 0;
}

/* The first `count` of these questions. */
static int ask_for(struct found *f, struct mnl_socket *nl, uint32_t *seq, const char *table, size_t count)
{
	struct reading reading = { .f = f, .table = table };
	const struct found_question questions[QUESTIONS] = {
		/* in this order */
		{ NFT_MSG_GETGEN, 0, { { 0, NULL } }, see_generation, &reading },
		{ NFT_MSG_GETTABLE, 0, { { NFTA_TABLE_NAME, table } }, see_table, &reading },
		{ NFT_MSG_GETCHAIN, NLM_F_DUMP, { { NFTA_CHAIN_TABLE, table } }, see_chain, &reading },
		{ NFT_MSG_GETSET, NLM_F_DUMP, { { NFTA_SET_TABLE, table } }, see_set, &reading },
		{ NFT_MSG_GETOBJ, NLM_F_DUMP, { { NFTA_OBJ_TABLE, table } }, see_object, &reading },
	};

	*f = (struct found) { 0 };
	for (size_t i = 0; i < count; i++) {
		int error = found_ask(nl, seq, &questions[i]);

		if (error == -ENOENT)
			continue; /* no such table, say some kernels */
		if (error)
			return error;
	}
	return f->error;
}

int found_read(struct found *f, struct mnl_socket *nl, uint32_t *seq, const char *table)
{
	return ask_for(f, nl, seq, table, QUESTIONS);
}

int found_read_table(struct found *f, struct mnl_socket *nl, uint32_t *seq, const char *table)
{
	return ask_for(f, nl, seq, table, QUESTIONS_OF_TABLE);
}

/* ---- tables of ours -------------------------------------------------------------------------- */

static int see_any_counter(const struct nlmsghdr *h, void *data)
{
	struct found *f = data;
	struct nftnl_obj *obj = nftnl_obj_alloc();
	const char *table = NULL, *name = NULL;
	struct found_item *item = NULL;

	if (obj && nftnl_obj_nlmsg_parse(h, obj) == 0 &&
	        nftnl_obj_get_u32(obj, NFTNL_OBJ_FAMILY) == NFPROTO_INET &&
	        nftnl_obj_get_u32(obj, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER) {
		table = nftnl_obj_get_str(obj, NFTNL_OBJ_TABLE);
		name = nftnl_obj_get_str(obj, NFTNL_OBJ_NAME);
	}
	for (size_t i = 0; table && i < f->chains.count; i++)
		if (strcmp(f->chains.items[i].name, table) == 0)
			item = &f->chains.items[i];
	if (table && !item)
		item = add_item(f, &f->chains, table);
	for (unsigned i = 0; item && i < MODEL_COUNTER_COUNT; i++)
		item->hook += strcmp(name, model_counter_names[i]) == 0; /* here: how many of ours */
	if (obj)
		nftnl_obj_free(obj);
	return MNL_CB_OK;
}

int found_tables(struct found_list *out, struct mnl_socket *nl, uint32_t *seq)
{
	struct found f = { 0 };
	const struct found_question question = { NFT_MSG_GETOBJ, NLM_F_DUMP, { { 0, NULL } }, see_any_counter,
		&f };
	int error = found_ask(nl, seq, &question);
	size_t kept = 0;

	for (size_t i = 0; i < f.chains.count; i++)
		if (f.chains.items[i].hook >= MODEL_COUNTER_COUNT)
			f.chains.items[kept++] = f.chains.items[i];
	f.chains.count = kept;
	*out = f.chains;
	return error ? error : f.error;
}

void found_fini(struct found *f)
{
	free(f->chains.items);
	free(f->sets.items);
	free(f->counters.items);
	free(f->others.items);
	*f = (struct found) { 0 };
}

struct found_item *found_find(const struct found_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}
