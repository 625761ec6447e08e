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
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

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

static int write_all(int fd, const void *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes = (const char *)bytes + n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r = fd >= 0 && fsync(fd) == 0 ? 0 : -errno;

	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

int saved_write(const char *path, const char *table, const struct batch *batch)
{
	struct header head = { .magic = MAGIC };
	const uint8_t *from;
	char *fresh;
	int fd, r;

	if (batch->error || batch->note_count < 2)
		return batch->error ? batch->error : -EINVAL;
	from = batch->bytes + batch->notes[1].offset;
	head.bytes = batch->notes[batch->note_count - 1].offset - batch->notes[1].offset;
	head.sum = sum_of(from, head.bytes);
	snprintf(head.table, sizeof(head.table), "%s", table);
	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, &head, sizeof(head));
	if (r == 0)
		r = write_all(fd, from, head.bytes);
	if (r == 0 && (fsync(fd) < 0 || rename(fresh, path) < 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == 0)
		r = sync_folder(path);
	else if (fd >= 0)
		(void)unlink(fresh);
	free(fresh);
	return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_all(int fd, void *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		if (n == 0)
			return -EBADMSG;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes = (char *)bytes + n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Whoever can write the file makes our rules. */
static int check_owner(int fd)
{
	struct stat s;

	if (fstat(fd, &s) < 0)
		return -errno;
	return S_ISREG(s.st_mode) && (s.st_uid == 0 || s.st_uid == geteuid()) &&
	                       !(s.st_mode & (S_IWGRP | S_IWOTH))
	               ? 0
	               : -EPERM;
}

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

static int add_messages(struct batch *batch, const char *table, const uint8_t *bytes, size_t len)
{
	const struct nlmsghdr *h = (const void *)bytes;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		struct nlmsghdr *to;

		if (!is_of(h, table))
			return -EBADMSG;
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

static int read_messages(int fd, struct header *head, char table[SAVED_TABLE_MAX], struct batch *batch)
{
	uint8_t *bytes;
	int r = read_all(fd, head, sizeof(*head));

	if (r)
		return r;
	if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0 || head->bytes == 0 ||
	        head->bytes > BYTES_MAX || head->bytes % MNL_ALIGNTO != 0 ||
	        head->table[SAVED_TABLE_MAX - 1] != '\0')
		return -EBADMSG;
	memcpy(table, head->table, SAVED_TABLE_MAX);
	bytes = malloc(head->bytes);
	r = bytes ? read_all(fd, bytes, head->bytes) : -ENOMEM;
	if (r == 0 && sum_of(bytes, head->bytes) != head->sum)
		r = -EBADMSG;
	if (r == 0)
		r = add_messages(batch, table, bytes, head->bytes);
	free(bytes);
	return r;
}

int saved_read(const char *path, char table[SAVED_TABLE_MAX], struct batch *batch)
{
	int fd = open(
	        path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* a FIFO would hold up the boot */
	struct header head;
	int r = fd < 0 ? -errno : check_owner(fd);

	if (r == 0)
		r = read_messages(fd, &head, table, batch);
	if (fd >= 0)
		close(fd);
	return r;
}
