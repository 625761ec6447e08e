/* test_conntrack_message.c - the kernel's answers about a connection: cut at every byte, with every byte changed. */
#include <errno.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntrack_entries.h"
#include "guard.h"
#include "suite.h"
#include "tap/conntrack.h"

enum { SEQ = 7, ROOM = 512 };

union buffer {
	struct nlmsghdr header;
	uint8_t bytes[ROOM];
};

static const struct entry masked[] = {
	{ { "192.168.10.10", 1001, "198.51.100.10", 25 }, { "198.51.100.10", 25, "198.51.100.1", 61001 } },
	{ { "fd00::1", 1001, "2001:db8::25", 25 }, { "2001:db8::25", 25, "2001:db8::1", 61001 } },
};

static int read_answer(const void *bytes, size_t len, const struct entry *e, struct conntrack_entry *out)
{
	struct event_connection conn = entry_connection(&e->original);

	return conntrack_read(bytes, len, SEQ, &conn, out);
}

static size_t write_answer(union buffer *b, const struct entry *e)
{
	struct nlmsghdr *h = entry_message(memset(b, 0, sizeof(*b)), e);

	h->nlmsg_seq = SEQ;
	return h->nlmsg_len;
}

static void reads_an_entry(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct addr outside = entry_addr(masked[i].reply.dst);
		struct conntrack_entry entry;
		union buffer b;
		size_t len = write_answer(&b, &masked[i]);

		CU_ASSERT_EQUAL(read_answer(&b, len, &masked[i], &entry), 0);
		CU_ASSERT_EQUAL(addr_compare(&entry.nat.src, &outside), 0);
		CU_ASSERT_EQUAL(entry.nat.sport, 61001);
		CU_ASSERT_EQUAL(entry.nat.dport, 25);
		CU_ASSERT_EQUAL(entry.left_s, ENTRY_LEFT_S);
		CU_ASSERT(!entry.closes);
		b.header.nlmsg_seq++;
		CU_ASSERT_EQUAL(read_answer(&b, len, &masked[i], &entry), -ENOMSG);
	}
}

/* Of the states that nf_conntrack_tcp.h has. */
static void reads_whether_it_ends(void)
{
	static const struct {
		uint8_t state;
		bool closes;
	} cases[] = { { TCP_CONNTRACK_SYN_RECV, false }, { TCP_CONNTRACK_ESTABLISHED, false },
		{ TCP_CONNTRACK_FIN_WAIT, true }, { TCP_CONNTRACK_TIME_WAIT, true },
		{ TCP_CONNTRACK_CLOSE, true }, { TCP_CONNTRACK_SYN_SENT2, false } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conntrack_entry entry;
		struct nlattr *info, *tcp;
		union buffer b;

		(void)write_answer(&b, &masked[0]);
		info = mnl_attr_nest_start(&b.header, CTA_PROTOINFO);
		tcp = mnl_attr_nest_start(&b.header, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(&b.header, CTA_PROTOINFO_TCP_STATE, cases[i].state);
		mnl_attr_nest_end(&b.header, tcp);
		mnl_attr_nest_end(&b.header, info);
		CU_ASSERT_EQUAL(read_answer(&b, b.header.nlmsg_len, &masked[0], &entry), 0);
		CU_ASSERT_EQUAL(entry.closes, cases[i].closes);
	}
}

static void reads_an_error(void)
{
	struct nlmsgerr *e;
	struct conntrack_entry entry;
	union buffer b = { .bytes = { 0 } };
	struct nlmsghdr *h = mnl_nlmsg_put_header(&b);

	h->nlmsg_type = NLMSG_ERROR;
	h->nlmsg_seq = SEQ;
	CU_ASSERT_EQUAL(read_answer(&b, h->nlmsg_len, &masked[0], &entry), -EBADMSG); /* too short for one */
	e = mnl_nlmsg_put_extra_header(h, sizeof(*e));
	e->error = -ENOENT;
	CU_ASSERT_EQUAL(read_answer(&b, h->nlmsg_len, &masked[0], &entry), -ENOENT);
	h->nlmsg_type = NLMSG_DONE;
	CU_ASSERT_EQUAL(read_answer(&b, h->nlmsg_len, &masked[0], &entry), -EBADMSG);
}

/* A copy that ends at an unreadable page, aligned as a socket's buffer is. */
static int read_guarded(const union buffer *b, size_t len, size_t told, const struct entry *e)
{
	uint8_t *copy = guard_copy(b, len);
	struct conntrack_entry entry;
	int r;

	if (len >= sizeof(struct nlmsghdr))
		((struct nlmsghdr *)(void *)copy)->nlmsg_len = (uint32_t)told;
	r = read_answer(copy, len, e, &entry);
	guard_free(copy, len);
	return r;
}

static void takes_nothing_that_is_cut(void)
{
	for (unsigned i = 0; i < 2; i++) {
		union buffer b;
		size_t whole = write_answer(&b, &masked[i]), needed = whole - 8; /* without the time-out */

		for (size_t len = 0; len < whole; len += 4) {
			CU_ASSERT_EQUAL(read_guarded(&b, len, whole, &masked[i]), -ENOMSG);
			CU_ASSERT_EQUAL(read_guarded(&b, len, len, &masked[i]), len < sizeof(struct nlmsghdr)
			                                                                ? -ENOMSG
			                                                        : len < needed ? -EBADMSG
			                                                                       : 0);
		}
	}
}

/* Lengths, types, contents: any answer of these is one, only not beyond the message. */
static void reads_inside_whatever_it_says(void)
{
	static const uint8_t values[] = { 0, 1, 3, 4, 5, 8, 0x10, 0x7f, 0x80, 0xc0, 0xff };

	for (unsigned i = 0; i < 2; i++) {
		union buffer b;
		const size_t len = write_answer(&b, &masked[i]);

		for (size_t at = sizeof(struct nlmsghdr); at < len; at++)
			for (size_t v = 0; v < sizeof(values); v++) {
				const uint8_t was = b.bytes[at];
				int r;

				b.bytes[at] = values[v];
				r = read_guarded(&b, len, len, &masked[i]);
				CU_ASSERT(r == 0 || r == -EBADMSG);
				b.bytes[at] = was;
			}
	}
}

SUITE("conntrack message", { "reads an entry", reads_an_entry },
        { "reads whether it ends", reads_whether_it_ends }, { "reads an error", reads_an_error },
        { "takes nothing that is cut", takes_nothing_that_is_cut },
        { "reads inside of it, whatever it says", reads_inside_whatever_it_says })
