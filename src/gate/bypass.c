/* bypass.c - see bypass.h.
 *
 * The rules have an exception for the ports in a set that is empty (ruleset.c). To let everything pass for a time, the
 * guarded ports are put there with a time to live: the rules stay as they are, and it is the kernel that ends it, even
 * if nobody is left who would.
 *
 * The note is a comment as nft keeps it: a type and a length of a byte each, then text with its end.
 *
 * Rejected: another ruleset for the time (nobody would undo it if the daemon is gone), and a file that remembers when
 * it ends (the same, and one that may be about another table).
 */
#include "gate/bypass.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/bytes.h"
#include "gate/batch.h"
#include "gate/found.h"

enum { NOTE_MAX = 100 };

static struct nftnl_set *new_list(struct batch *b, const char *table)
{
	struct nftnl_set *list = nftnl_set_alloc();

	if (!list) {
		b->error = -ENOMEM;
		return NULL;
	}
	nftnl_set_set_str(list, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(list, NFTNL_SET_NAME, BYPASS_SET);
	return list;
}

static void put_note(struct nftnl_set_elem *e, const char *note)
{
	uint8_t data[2 + NOTE_MAX + 1] = { NFTNL_UDATA_SET_ELEM_COMMENT };
	size_t len = strnlen(note, NOTE_MAX);

	data[1] = (uint8_t)(len + 1);
	memcpy(data + 2, note, len);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, data, (uint32_t)(2 + len + 1));
}

static void put_port(
        struct batch *b, struct nftnl_set *list, uint16_t port, uint32_t seconds, const char *note)
{
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();
	uint8_t key[2];

	if (!e) {
		b->error = -ENOMEM;
		return;
	}
	bytes_put16(key, port);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, sizeof(key));
	nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, (uint64_t)seconds * 1000);
	if (note && *note)
		put_note(e, note);
	nftnl_set_elem_add(list, e);
}

/* Elements come and go in one message each; none at all in one that deletes means all. */
static void put_message(struct batch *b, struct nftnl_set *list, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = batch_message(
	        b, type, flags, &(const struct batch_note) { .what = "elements of set", .name = BYPASS_SET });

	if (!h)
		return;
	nftnl_set_elems_nlmsg_build_payload(h, list);
	batch_add(b, h);
}

void bypass_encode(struct batch *b, const char *table, const uint16_t *ports, unsigned count,
        uint32_t seconds, const char *note)
{
	struct nftnl_set *list = new_list(b, table);

	if (!list)
		return;
	put_message(b, list, NFT_MSG_DELSETELEM, 0);
	for (unsigned i = 0; i < count; i++)
		put_port(b, list, ports[i], seconds, note);
	if (count > 0)
		put_message(b, list, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	nftnl_set_free(list);
}

/* ---- reading back -------------------------------------------------------------------------------- */

static int see_attribute(const struct nlattr *a, void *arg)
{
	uint64_t be, *expiration_ms = arg;

	if (mnl_attr_get_type(a) == NFTA_SET_ELEM_EXPIRATION && mnl_attr_validate(a, MNL_TYPE_U64) == 0) {
		memcpy(&be, mnl_attr_get_payload(a), sizeof(be));
		*expiration_ms = be64toh(be);
	}
	return MNL_CB_OK;
}

static int see_elements(const struct nlmsghdr *h, void *arg)
{
	uint64_t *left_ms = arg;
	const struct nlattr *a, *e;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(e, a)
		{
			uint64_t ms = BYPASS_FOREVER_MS; /* without an end of its own */

			(void)mnl_attr_parse_nested(e, see_attribute, &ms);
			if (ms > *left_ms)
				*left_ms = ms;
		}
	}
	return MNL_CB_OK;
}

int bypass_read(struct mnl_socket *nl, uint32_t *seq, const char *table, uint64_t *left_ms)
{
	const struct found_question question = { NFT_MSG_GETSETELEM, NLM_F_DUMP,
		{ { NFTA_SET_ELEM_LIST_TABLE, table }, { NFTA_SET_ELEM_LIST_SET, BYPASS_SET } }, see_elements,
		left_ms };
	int error;

	*left_ms = 0;
	error = found_ask(nl, seq, &question);
	return error == -ENOENT ? 0 : error; /* no such table or set: nothing passes by it */
}
