/* saved.c - a ruleset in a file, as the messages that make it: for the next boot.
 *
 *   header | messages of a batch without its begin and end, each padded to 4 bytes
 *
 * These messages need no configuration, no list of domains and no DNS to become rules again, and they have the
 * form that this kernel took. They are read by the machine that has written them.
 *
 * Rejected: nft text (what has the xt target cannot be loaded from it); a copy of the configuration (it is
 * several files, and a newer version of ours may read it otherwise).
 */
#include "gate/saved.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/kept.h"
#include "gate/encode.h"

enum { BYTES_MAX = 256 << 20 };
#define MAGIC "postern rules 1"

struct header {
	char magic[16];
	char table[SAVED_TABLE_MAX];
	uint64_t bytes;
	uint64_t sum; /* of what follows: a disk's fault must not become a rule */
};

static uint64_t sum_of(const void *bytes, size_t len)
{
	static const uint8_t key[HASH_KEY_BYTES];

	return hash_bytes(key, bytes, len);
}

/* ---- writing --------------------------------------------------------------------------------- */

int saved_write(const char *path, const char *table, const struct batch *batch)
{
	struct header head = { .magic = MAGIC };
	const uint8_t *from;

	if (batch->error || batch->note_count < 2)
		return batch->error ? batch->error : -EINVAL;
	from = batch->bytes + batch->notes[1].offset;
	head.bytes = batch->notes[batch->note_count - 1].offset - batch->notes[1].offset;
	head.sum = sum_of(from, head.bytes);
	snprintf(head.table, sizeof(head.table), "%s", table);
	return kept_write(
	        path, (const struct kept_part[]) { { &head, sizeof(head) }, { from, head.bytes } }, 2);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool makes_something(const struct nlmsghdr *h)
{
	static const uint16_t makes[] = { NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_NEWSET,
		NFT_MSG_NEWSETELEM, NFT_MSG_NEWOBJ };
	bool known = false;

	for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
		known |= NFNL_MSG_TYPE(h->nlmsg_type) == makes[i];
	return known && NFNL_SUBSYS_ID(h->nlmsg_type) == NFNL_SUBSYS_NFTABLES &&
	       h->nlmsg_len <= BATCH_MESSAGE_MAX && h->nlmsg_len >= sizeof(*h) + sizeof(struct nfgenmsg);
}

/* In all these messages the table is attribute 1. */
static bool is_of(const struct nlmsghdr *h, const char *table)
{
	static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
	                      NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1,
	        "one place");
	const struct nlattr *a;

	if (!makes_something(h))
		return false;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) ==
	                                                     NFTA_TABLE_NAME) return mnl_attr_validate(a,
	        MNL_TYPE_NUL_STRING) >= 0 &&
	        strcmp(mnl_attr_get_str(a), table) == 0;
	return false;
}

static int add_messages(
        struct batch *batch, const char *table, uint32_t table_flags, const uint8_t *bytes, size_t len)
{
	const struct nlmsghdr *h = (const void *)bytes;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		struct nlmsghdr *to;

		if (!is_of(h, table))
			return -EBADMSG;
		if (NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWTABLE) { /* whose it is belongs to no file */
			encode_table(batch, table, table_flags);
			continue;
		}
		to = batch_message(batch, NFNL_MSG_TYPE(h->nlmsg_type), h->nlmsg_flags,
		        &(const struct batch_note) { .what = "saved rules of table", .name = table });
		if (!to)
			return batch->error;
		memcpy((char *)to + sizeof(*h), (const char *)h + sizeof(*h), h->nlmsg_len - sizeof(*h));
		to->nlmsg_len = h->nlmsg_len;
		batch_add(batch, to);
	}
	return left == 0 ? batch->error : -EBADMSG;
}

static int read_messages(
        const char *bytes, size_t len, char table[SAVED_TABLE_MAX], uint32_t table_flags, struct batch *batch)
{
	struct header head;

	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	bytes += sizeof(head);
	if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 || head.bytes != len - sizeof(head) ||
	        head.bytes == 0 || head.bytes % MNL_ALIGNTO != 0 || head.table[SAVED_TABLE_MAX - 1] != '\0' ||
	        sum_of(bytes, head.bytes) != head.sum)
		return -EBADMSG;
	memcpy(table, head.table, SAVED_TABLE_MAX);
	return add_messages(batch, table, table_flags, (const uint8_t *)bytes, head.bytes);
}

int saved_read(const char *path, char table[SAVED_TABLE_MAX], uint32_t table_flags, struct batch *batch)
{
	char *bytes;
	size_t len;
	int r = kept_read(path, BYTES_MAX, &bytes, &len);

	if (r)
		return r == -EFBIG ? -EBADMSG : r;
	r = read_messages(bytes, len, table, table_flags, batch);
	free(bytes);
	return r;
}
