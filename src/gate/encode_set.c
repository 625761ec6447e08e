/* encode_set.c - sets and their elements as nf_tables messages.
 *
 * Elements go in chunks, since a netlink attribute holds 64 KB at most. Keys, end markers and user data
 * are those that nft itself sends, so that `nft list` shows the set as the text has it.
 *
 * Sources: include/uapi/linux/netfilter/nf_tables.h; the user data as nftables 1.0.6 writes it.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/bytes.h"
#include "gate/encode.h"
#include "gate/interval.h"

enum { ELEMENTS_PER_MESSAGE = 500 }; /* two netlink elements each, 48 bytes at most */

/* User data as nft keeps it, type and length of a byte each; without it nft cannot print the set. */
struct userdata {
	uint8_t bytes[128];
	uint8_t len;
};

static void put_data(struct userdata *u, uint8_t type, uint32_t value)
{
	u->bytes[u->len] = type;
	u->bytes[u->len + 1] = sizeof(value);
	memcpy(u->bytes + u->len + 2, &value, sizeof(value));
	u->len = (uint8_t)(u->len + 2 + sizeof(value));
}

static uint8_t open_data(struct userdata *u, uint8_t type)
{
	u->bytes[u->len] = type;
	u->len = (uint8_t)(u->len + 2);
	return u->len;
}

static void close_data(struct userdata *u, uint8_t opened)
{
	u->bytes[opened - 1] = (uint8_t)(u->len - opened);
}

/* What a key's fields are (`typeof`): nft's numbers for expression, header, field and bits. */
static void describe_fields(struct userdata *u, const struct model_key_info *key)
{
	enum { EXPRESSION_PAYLOAD = 7, EXPRESSION_CONCAT = 13 };
	enum { CONCAT_EXPRESSION, CONCAT_DATA };
	enum { PAYLOAD_DESC, PAYLOAD_TYPE, PAYLOAD_LEN = 4 };
	uint8_t whole = open_data(u, NFTNL_UDATA_SET_KEY_TYPEOF), parts;

	put_data(u, NFTNL_UDATA_SET_TYPEOF_EXPR, EXPRESSION_CONCAT);
	parts = open_data(u, NFTNL_UDATA_SET_TYPEOF_DATA);
	for (uint8_t i = 0; i < key->field_count; i++) {
		const struct model_field_info *f = &model_fields[key->fields[i]];
		uint8_t part = open_data(u, i), data;

		put_data(u, CONCAT_EXPRESSION, EXPRESSION_PAYLOAD);
		data = open_data(u, CONCAT_DATA);
		put_data(u, PAYLOAD_DESC, f->desc_id);
		put_data(u, PAYLOAD_TYPE, f->desc_type);
		put_data(u, PAYLOAD_LEN, f->bits);
		close_data(u, data);
		close_data(u, part);
	}
	close_data(u, parts);
	close_data(u, whole);
}

static void describe_set(struct nftnl_set *out, const struct model_key_info *key)
{
	enum { BYTEORDER_MIXED = 0, BYTEORDER_NETWORK = 2 };
	struct userdata u = { .len = 0 };

	put_data(
	        &u, NFTNL_UDATA_SET_KEYBYTEORDER, key->field_count > 1 ? BYTEORDER_MIXED : BYTEORDER_NETWORK);
	if (key->field_count > 1)
		describe_fields(&u, key);
	nftnl_set_set_data(out, NFTNL_SET_USERDATA, u.bytes, u.len);
}

static struct nftnl_set_elem *put_element(
        struct batch *b, struct nftnl_set *set, const void *key, uint32_t len, uint32_t flags)
{
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();

	if (!e || nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, len) < 0) {
		b->error = -ENOMEM;
		if (e)
			nftnl_set_elem_free(e);
		return NULL;
	}
	if (flags)
		nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_FLAGS, flags);
	nftnl_set_elem_add(set, e);
	return e;
}

/* nft marks a range that reaches the end of the address space as open, to print it as a prefix again. */
static void put_interval(
        struct batch *b, struct nftnl_set *set, const struct intervals *of, const struct interval *i)
{
	const uint32_t len = of->key_bytes;
	struct nftnl_set_elem *e = i->has_first ? put_element(b, set, i->first, len, 0) : NULL;
	struct userdata u = { .len = 0 };

	if (i->has_end) {
		put_element(b, set, i->end, len, NFT_SET_ELEM_INTERVAL_END);
	} else if (e && !of->single) {
		put_data(&u, NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN);
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, u.bytes, u.len);
	}
}

/* A message about elements; batch_add() and nftnl_set_free(*out) are to follow. NULL: b->error is set. */
static struct nlmsghdr *begin_elements(
        struct batch *b, uint16_t type, const char *table, const char *set, struct nftnl_set **out)
{
	struct nlmsghdr *h = batch_message(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
	        &(const struct batch_note) { .what = "elements of set", .name = set });

	if (!h)
		return NULL;
	*out = nftnl_set_alloc();
	if (!*out) {
		b->error = -ENOMEM;
		return NULL;
	}
	nftnl_set_set_str(*out, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(*out, NFTNL_SET_NAME, set);
	return h;
}

static void end_elements(struct batch *b, struct nlmsghdr *h, struct nftnl_set *out)
{
	nftnl_set_elems_nlmsg_build_payload(h, out);
	batch_add(b, h);
	nftnl_set_free(out);
}

static void encode_intervals(
        struct batch *b, uint16_t type, const char *table, const char *set, const struct intervals *list)
{
	struct nftnl_set *out;

	if (list->error)
		b->error = list->error;
	for (size_t at = 0; at < list->count;) {
		struct nlmsghdr *h = begin_elements(b, type, table, set, &out);

		if (!h)
			return;
		for (unsigned n = 0; n < ELEMENTS_PER_MESSAGE && at < list->count; n++)
			put_interval(b, out, list, &list->items[at++]);
		end_elements(b, h, out);
	}
}

void encode_set_changes(struct batch *b, const char *table, const char *set, const struct intervals *gone,
        const struct intervals *more)
{
	encode_intervals(b, NFT_MSG_DELSETELEM, table, set, gone);
	encode_intervals(b, NFT_MSG_NEWSETELEM, table, set, more);
}

/* What an element has that brings no bucket of its own, and what tells nft to print those that do. */
static void put_limit(struct batch *b, struct nftnl_set *set)
{
	struct nftnl_expr *e = nftnl_expr_alloc("limit");

	if (!e) {
		b->error = -ENOMEM;
		return;
	}
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, MODEL_LIMITED_PER_MIN);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 60);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, MODEL_LIMITED_BURST);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	nftnl_set_add_expr(set, e);
}

void encode_set(struct batch *b, const char *table, const struct model_set *set, uint32_t id)
{
	const struct model_key_info *key = &model_keys[set->key];
	struct nlmsghdr *h = batch_message(b, NFT_MSG_NEWSET, NLM_F_CREATE,
	        &(const struct batch_note) { .what = "set", .name = set->name });
	struct intervals all;
	struct nftnl_set *out;

	if (!h)
		return;
	out = nftnl_set_alloc();
	if (!out) {
		b->error = -ENOMEM;
		return;
	}
	nftnl_set_set_str(out, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(out, NFTNL_SET_NAME, set->name);
	nftnl_set_set_u32(out, NFTNL_SET_ID, id);
	nftnl_set_set_u32(out, NFTNL_SET_FLAGS,
	        (key->interval ? NFT_SET_INTERVAL : 0) | (set->timed ? NFT_SET_TIMEOUT : 0));
	nftnl_set_set_u32(out, NFTNL_SET_KEY_TYPE, key->type_id);
	nftnl_set_set_u32(out, NFTNL_SET_KEY_LEN, intervals_key_bytes(key));
	if (!key->interval || set->timed)
		nftnl_set_set_u32(out, NFTNL_SET_DESC_SIZE, model_set_places(set));
	describe_set(out, key);
	if (set->limits)
		put_limit(b, out);
	nftnl_set_nlmsg_build_payload(h, out);
	batch_add(b, h);
	nftnl_set_free(out);
	intervals_of_set(&all, set);
	encode_intervals(b, NFT_MSG_NEWSETELEM, table, set->name, &all);
	intervals_fini(&all);
}

/* ---- maps from a worker's number to its chain ----------------------------------------------- */

static struct nftnl_set *new_map(struct batch *b, const struct ruleset *r)
{
	enum { TYPE_INTEGER = 4, BYTEORDER_HOST = 1 };
	struct nftnl_set *map = nftnl_set_alloc();
	struct userdata u = { .len = 0 };

	if (!map) {
		b->error = -ENOMEM;
		return NULL;
	}
	put_data(&u, NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_HOST);
	nftnl_set_set_str(map, NFTNL_SET_TABLE, r->table);
	nftnl_set_set_str(map, NFTNL_SET_NAME, ENCODE_MAP_NAME);
	nftnl_set_set_u32(map, NFTNL_SET_ID, ENCODE_MAP_ID);
	nftnl_set_set_u32(map, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP);
	nftnl_set_set_u32(map, NFTNL_SET_KEY_TYPE, TYPE_INTEGER);
	nftnl_set_set_u32(map, NFTNL_SET_KEY_LEN, sizeof(uint32_t));
	nftnl_set_set_u32(map, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
	nftnl_set_set_u32(map, NFTNL_SET_DATA_LEN, 0);
	nftnl_set_set_data(map, NFTNL_SET_USERDATA, u.bytes, u.len);
	return map;
}

static void put_worker(struct batch *b, struct nftnl_set *map, const struct ruleset *r,
        const struct model_statement *spread, uint32_t number)
{
	const char *chain = r->chains[spread->u.spread.first + number].name;
	struct nftnl_set_elem *e = put_element(b, map, &number, sizeof(number), 0);

	if (!e)
		return;
	nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_VERDICT, (uint32_t)NFT_GOTO);
	nftnl_set_elem_set_str(e, NFTNL_SET_ELEM_CHAIN, chain);
}

void encode_map(struct batch *b, const struct ruleset *r, const struct model_statement *spread)
{
	const struct batch_note note = { .what = "map", .name = "of workers" };
	struct nftnl_set *map = new_map(b, r);
	struct nlmsghdr *h = map ? batch_message(b, NFT_MSG_NEWSET, NLM_F_CREATE, &note) : NULL;

	if (h) {
		nftnl_set_set_u32(map, NFTNL_SET_DESC_SIZE, spread->u.spread.count);
		nftnl_set_nlmsg_build_payload(h, map);
		batch_add(b, h);
		h = batch_message(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &note);
	}
	if (h) {
		for (uint32_t i = 0; i < spread->u.spread.count; i++)
			put_worker(b, map, r, spread, i);
		nftnl_set_elems_nlmsg_build_payload(h, map);
		batch_add(b, h);
	}
	if (map)
		nftnl_set_free(map);
}
