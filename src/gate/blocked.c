/* blocked.c - see blocked.h.
 *
 * What goes is first added, then deleted: an element that has expired meanwhile would fail the whole transaction
 * otherwise, and one that lives does not mind. To renew an element it has to go and to come again: what is added where
 * it is already keeps the time it had.
 *
 * A range is two elements, its first address and an end marker behind its last one; only the first has a time to live,
 * and the kernel takes both away. One that reaches the end of the address space has no marker.
 *
 * What is limited has an expression in its element: a lookup that finds it takes a token, and a rule goes on only where
 * there is none left ("limit rate over"). So each source has a bucket of its own, a range one for all of its addresses, and
 * the bucket goes with the element. Kernels can do this since 5.7; nft prints it where the set has such an expression, too.
 *
 * Rejected: a set of sources and a dynamic set of buckets beside it, by address (a source that is a prefix would get a bucket
 * for each of its addresses, and the second set can fill up).
 *
 * Limits. What has expired keeps its place until the kernel sweeps, which it does now and then: so the sets have more
 * places than there can be blocks. The text of a note is shown by nft and is not trusted when it is read.
 *
 * Sources: net/netfilter/nf_tables_api.c (nft_add_set_elem()), nft_set_rbtree.c, nft_set_hash.c, nft_lookup.c, nft_limit.c.
 */
#include "gate/blocked.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "gate/batch.h"
#include "gate/found.h"

enum { ELEMENTS_PER_MESSAGE = 200 /* 300 bytes each */, ELEMENTS_PER_QUESTION = 200 /* 40 bytes each */ };
enum { V4_OFFSET = 12 };

const struct blocked_set_info blocked_sets[BLOCKED_SETS] = {
	[BLOCKED_HOSTS_V4] = { "blocked_v4", KEY_HOST_V4, FAMILY_V4, false },
	[BLOCKED_HOSTS_V6] = { "blocked_v6", KEY_HOST_V6, FAMILY_V6, false },
	[BLOCKED_NETS_V4] = { "blocked_nets_v4", KEY_IPV4, FAMILY_V4, false },
	[BLOCKED_NETS_V6] = { "blocked_nets_v6", KEY_IPV6, FAMILY_V6, false },
	[LIMITED_HOSTS_V4] = { "limited_v4", KEY_HOST_V4, FAMILY_V4, true },
	[LIMITED_HOSTS_V6] = { "limited_v6", KEY_HOST_V6, FAMILY_V6, true },
	[LIMITED_NETS_V4] = { "limited_nets_v4", KEY_IPV4, FAMILY_V4, true },
	[LIMITED_NETS_V6] = { "limited_nets_v6", KEY_IPV6, FAMILY_V6, true },
};

static bool is_of_nets(enum blocked_set set)
{
	return model_keys[blocked_sets[set].key].interval;
}

/* So many prefixes, one in the other, are twice as many ranges, each of two elements. */
uint32_t blocked_places(enum blocked_set set, uint32_t blocks)
{
	return (is_of_nets(set) ? 4 : 1) * (blocks + blocks / 4 + 64);
}

static enum blocked_set set_of(const struct gate_block *b)
{
	const enum blocked_set first = b->rate_per_min ? LIMITED_HOSTS_V4 : BLOCKED_HOSTS_V4;

	static_assert(LIMITED_NETS_V6 - LIMITED_HOSTS_V4 == BLOCKED_NETS_V6 - BLOCKED_HOSTS_V4, "both alike");
	return first + (b->net ? BLOCKED_NETS_V4 : BLOCKED_HOSTS_V4) + !addr_is_v4(&b->first);
}

/* ---- elements to the kernel --------------------------------------------------------------------- */

static void put_key(struct nlmsghdr *h, enum blocked_set set, const struct addr *a)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	size_t skip = blocked_sets[set].family == FAMILY_V4 ? V4_OFFSET : 0;

	mnl_attr_put(h, NFTA_DATA_VALUE, sizeof(a->b) - skip, a->b + skip);
	mnl_attr_nest_end(h, nest);
}

/* As nft keeps a comment: type, length, text with its end. */
static void put_note(struct nlmsghdr *h, const char *note)
{
	uint8_t data[2 + GATE_NOTE_MAX + 1] = { NFTNL_UDATA_SET_ELEM_COMMENT };
	size_t len = strnlen(note, GATE_NOTE_MAX);

	data[1] = (uint8_t)(len + 1);
	memcpy(data + 2, note, len);
	mnl_attr_put(h, NFTA_SET_ELEM_USERDATA, 2 + len + 1, data);
}

static void put_rate(struct nlmsghdr *h, uint32_t rate_per_min)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "limit");
	data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	mnl_attr_put_u64(h, NFTA_LIMIT_RATE, htobe64(rate_per_min));
	mnl_attr_put_u64(h, NFTA_LIMIT_UNIT, htobe64(60));
	mnl_attr_put_u32(h, NFTA_LIMIT_BURST, htonl(GATE_BURST(rate_per_min)));
	mnl_attr_put_u32(h, NFTA_LIMIT_TYPE, htonl(NFT_LIMIT_PKTS));
	mnl_attr_put_u32(h, NFTA_LIMIT_FLAGS, htonl(NFT_LIMIT_F_INV));
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, nest);
}

static void put_end(struct nlmsghdr *h, enum blocked_set set, const struct gate_block *b)
{
	struct addr end = b->last;
	struct nlattr *nest;

	if (!addr_increment(&end) || (blocked_sets[set].family == FAMILY_V4 && !addr_is_v4(&end)))
		return;
	nest = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	put_key(h, set, &end);
	mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	mnl_attr_nest_end(h, nest);
}

/* whole: with its time, its note and its rate. */
static void put_block(struct nlmsghdr *h, enum blocked_set set, const struct gate_block *b, bool whole)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

	put_key(h, set, &b->first);
	if (whole && b->left_ms)
		mnl_attr_put_u64(h, NFTA_SET_ELEM_TIMEOUT, htobe64(b->left_ms));
	if (whole && b->note && *b->note)
		put_note(h, b->note);
	if (whole && b->rate_per_min)
		put_rate(h, b->rate_per_min);
	mnl_attr_nest_end(h, nest);
	if (is_of_nets(set))
		put_end(h, set, b);
}

static struct nlmsghdr *begin_message(
        struct batch *b, const char *table, enum blocked_set set, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = batch_message(b, type, flags,
	        &(const struct batch_note) { .what = "elements of set", .name = blocked_sets[set].name });

	if (!h)
		return NULL;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, blocked_sets[set].name);
	return h;
}

/* The next one of that set from *at on, or NULL. */
static const struct gate_block *next_of(
        const struct gate_block *list, size_t count, enum blocked_set set, size_t *at)
{
	while (*at < count) {
		const struct gate_block *b = &list[(*at)++];

		if (set_of(b) == set)
			return b;
	}
	return NULL;
}

static void encode_list(struct batch *b, const char *table, enum blocked_set set, uint16_t type, bool whole,
        const struct gate_block *list, size_t count)
{
	size_t at = 0;
	const struct gate_block *block = next_of(list, count, set, &at);

	while (block) {
		struct nlmsghdr *h =
		        begin_message(b, table, set, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
		struct nlattr *nest;

		if (!h)
			return;
		nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (unsigned n = 0; n < ELEMENTS_PER_MESSAGE && block; n++) {
			put_block(h, set, block, whole);
			block = next_of(list, count, set, &at);
		}
		mnl_attr_nest_end(h, nest);
		batch_add(b, h);
	}
}

/* A message that deletes no element deletes all. */
static void encode_flush(struct batch *b, const char *table, enum blocked_set set)
{
	struct nlmsghdr *h = begin_message(b, table, set, NFT_MSG_DELSETELEM, 0);

	if (h)
		batch_add(b, h);
}

void blocked_encode(struct batch *b, const char *table, const struct gate_blocks_change *c)
{
	for (enum blocked_set set = 0; set < BLOCKED_SETS; set++) {
		if (c->anew) {
			encode_flush(b, table, set);
		} else {
			encode_list(b, table, set, NFT_MSG_NEWSETELEM, false, c->gone, c->gone_count);
			encode_list(b, table, set, NFT_MSG_DELSETELEM, false, c->gone, c->gone_count);
		}
		encode_list(b, table, set, NFT_MSG_NEWSETELEM, true, c->more, c->more_count);
	}
}

/* ---- elements from the kernel ------------------------------------------------------------------- */

/* One element as it was told. */
struct told {
	struct addr key;
	uint8_t is_first;      /* behind an end of the same key; 0 = an end marker */
	uint32_t rate_per_min; /* of one that is limited */
	uint64_t left_ms;
	char note[GATE_NOTE_MAX + 1];
};

struct reading {
	enum blocked_set set;
	struct told *list;
	size_t count, room;
	int error;
};

static struct told *add_told(struct reading *r)
{
	size_t room = r->room ? 2 * r->room : 1024;
	struct told *bigger;

	if (r->count == r->room) {
		bigger = reallocarray(r->list, room, sizeof(*r->list));
		if (!bigger) {
			r->error = -ENOMEM;
			return NULL;
		}
		r->list = bigger;
		r->room = room;
	}
	r->list[r->count] = (struct told) { .is_first = 1 };
	return &r->list[r->count++];
}

static void read_key(enum blocked_set set, const struct nlattr *key, struct addr *out)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, key)
	{
		const void *bytes = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) != NFTA_DATA_VALUE)
			continue;
		if (blocked_sets[set].family == FAMILY_V4 && mnl_attr_get_payload_len(a) >= 4)
			*out = addr_from_v4(bytes);
		else if (mnl_attr_get_payload_len(a) >= sizeof(out->b))
			*out = addr_from_v6(bytes);
	}
}

static void read_note(const struct nlattr *a, char note[GATE_NOTE_MAX + 1])
{
	const uint8_t *bytes = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	if (len < 3 || bytes[0] != NFTNL_UDATA_SET_ELEM_COMMENT)
		return;
	len = len - 2 > GATE_NOTE_MAX ? GATE_NOTE_MAX : len - 2;
	memcpy(note, bytes + 2, len);
	note[len] = '\0';
}

/* The attribute of this type in what `in` holds, or NULL. */
static const struct nlattr *find_in(const struct nlattr *in, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, in) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static void read_rate(const struct nlattr *expression, uint32_t *rate_per_min)
{
	const struct nlattr *data = find_in(expression, NFTA_EXPR_DATA);
	const struct nlattr *rate = data ? find_in(data, NFTA_LIMIT_RATE) : NULL;
	uint64_t be;

	if (!rate || mnl_attr_get_payload_len(rate) < sizeof(be))
		return;
	memcpy(&be, mnl_attr_get_payload(rate), sizeof(be));
	if (be64toh(be) > 0 && be64toh(be) <= UINT32_MAX)
		*rate_per_min = (uint32_t)be64toh(be);
}

static void read_element(struct reading *r, const struct nlattr *element)
{
	struct told *t = add_told(r);
	const struct nlattr *a;
	uint64_t be;

	if (!t)
		return;
	t->rate_per_min = blocked_sets[r->set].limits;
	mnl_attr_for_each_nested(a, element)
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == NFTA_SET_ELEM_KEY) {
			read_key(r->set, a, &t->key);
		} else if (type == NFTA_SET_ELEM_FLAGS && mnl_attr_validate(a, MNL_TYPE_U32) >= 0) {
			t->is_first = !(ntohl(mnl_attr_get_u32(a)) & NFT_SET_ELEM_INTERVAL_END);
		} else if (type == NFTA_SET_ELEM_EXPIRATION && mnl_attr_validate(a, MNL_TYPE_U64) >= 0) {
			memcpy(&be, mnl_attr_get_payload(a), sizeof(be));
			t->left_ms = be64toh(be) ? be64toh(be) : 1;
		} else if (type == NFTA_SET_ELEM_USERDATA) {
			read_note(a, t->note);
		} else if (type == NFTA_SET_ELEM_EXPR && blocked_sets[r->set].limits) {
			read_rate(a, &t->rate_per_min);
		}
	}
}

static int see_elements(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a, *e;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(e, a) read_element(arg, e);
	}
	return MNL_CB_OK;
}

static int compare_told(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	int order = addr_compare(&x->key, &y->key);

	return order ? order : (int)x->is_first - (int)y->is_first;
}

static struct addr last_address(enum blocked_set set)
{
	struct addr a;

	memset(a.b, 0xff, sizeof(a.b));
	return blocked_sets[set].family == FAMILY_V4 ? addr_from_v4(a.b) : a;
}

static struct addr before(const struct addr *a)
{
	struct addr out = *a;

	(void)addr_decrement(&out);
	return out;
}

static void tell_ranges(struct reading *r, gate_each_block *each, void *arg)
{
	if (r->count > 0)
		qsort(r->list, r->count, sizeof(*r->list), compare_told);
	for (size_t i = 0; i < r->count; i++) {
		const struct told *t = &r->list[i], *next = i + 1 < r->count ? t + 1 : NULL;

		if (!t->is_first)
			continue;
		each(arg, &(const struct gate_block) { .first = t->key,
		                  .last = next ? before(&next->key) : last_address(r->set),
		                  .net = true,
		                  .rate_per_min = t->rate_per_min,
		                  .left_ms = t->left_ms,
		                  .note = t->note });
	}
}

static void tell_hosts(struct reading *r, gate_each_block *each, void *arg)
{
	for (size_t i = 0; i < r->count; i++)
		each(arg, &(const struct gate_block) { .first = r->list[i].key,
		                  .last = r->list[i].key,
		                  .rate_per_min = r->list[i].rate_per_min,
		                  .left_ms = r->list[i].left_ms,
		                  .note = r->list[i].note });
}

int blocked_read(struct mnl_socket *nl, uint32_t *seq, const char *table, gate_each_block *each, void *arg)
{
	struct reading readings[BLOCKED_SETS] = { 0 };
	int error = 0;

	for (enum blocked_set set = 0; set < BLOCKED_SETS && !error; set++) {
		const struct found_question question = { NFT_MSG_GETSETELEM, NLM_F_DUMP,
			{ { NFTA_SET_ELEM_LIST_TABLE, table },
			        { NFTA_SET_ELEM_LIST_SET, blocked_sets[set].name } },
			see_elements, &readings[set], NULL };

		readings[set].set = set;
		error = found_ask(nl, seq, &question);
		if (!error)
			error = readings[set].error;
	}
	for (enum blocked_set set = 0; set < BLOCKED_SETS; set++) { /* told once all is known */
		if (!error && is_of_nets(set))
			tell_ranges(&readings[set], each, arg);
		else if (!error)
			tell_hosts(&readings[set], each, arg);
		free(readings[set].list);
	}
	return error;
}

/* ---- is it there? ------------------------------------------------------------------------------- */

struct checking {
	enum blocked_set set;
	const struct gate_block *list;
	size_t count, at;     /* in the list */
	size_t asked, found;  /* of this question */
	struct reading reply; /* the last one */
};

static void put_keys(struct nlmsghdr *h, void *arg)
{
	struct checking *c = arg;
	struct nlattr *all = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS), *nest;
	const struct gate_block *b;

	for (c->asked = 0;
	        c->asked < ELEMENTS_PER_QUESTION && (b = next_of(c->list, c->count, c->set, &c->at));
	        c->asked++) {
		nest = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		put_key(h, c->set, &b->first);
		mnl_attr_nest_end(h, nest);
	}
	mnl_attr_nest_end(h, all);
}

static int see_reply(const struct nlmsghdr *h, void *arg)
{
	struct checking *c = arg;

	c->reply.count = 0;
	(void)see_elements(h, &c->reply);
	c->found += c->reply.count;
	return MNL_CB_OK;
}

/* The next so many of them. 1: none is left. */
static int check_some(struct mnl_socket *nl, uint32_t *seq, const char *table, struct checking *c)
{
	const struct found_question question = { NFT_MSG_GETSETELEM, NLM_F_ACK,
		{ { NFTA_SET_ELEM_LIST_TABLE, table },
		        { NFTA_SET_ELEM_LIST_SET, blocked_sets[c->set].name } },
		see_reply, c, put_keys };
	size_t at = c->at;
	int error;

	if (!next_of(c->list, c->count, c->set, &at))
		return 1;
	c->found = 0;
	error = found_ask(nl, seq, &question);
	if (error == -ENOENT || (!error && c->found < c->asked))
		return -ESTALE;
	return error;
}

int blocked_check(
        struct mnl_socket *nl, uint32_t *seq, const char *table, const struct gate_block *list, size_t count)
{
	int r = 0;

	for (enum blocked_set set = 0; set < BLOCKED_SETS && r >= 0; set++) {
		struct checking c = { .set = set, .list = list, .count = count, .reply = { .set = set } };

		do {
			r = check_some(nl, seq, table, &c);
		} while (r == 0);
		free(c.reply.list);
	}
	return r < 0 ? r : 0;
}
