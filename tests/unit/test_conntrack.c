/* test_conntrack.c - what a connection looks like outside, asked of a real kernel whose entries are made here, and
 * remembered for the records. */
#include <errno.h>

#include "conntrack_entries.h"
#include "netns.h"
#include "posternd/nat.h"
#include "suite.h"
#include "tap/conntrack.h"
#include "tap/netlink.h"

#define CLIENT "192.168.10.10"
#define GATE "198.51.100.1"
#define SERVER "198.51.100.10"
#define OURS "192.168.10.25"

static void make_entry(const struct entry *e)
{
	uint8_t buffer[512] __attribute__((aligned(8)));
	struct mnl_socket *s = netlink_open(65536, 65536);
	struct nlmsghdr *h = entry_message(buffer, e);
	struct nlattr *info, *tcp;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, 3); /* established */
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
	CU_ASSERT_EQUAL(netlink_ask(s, h), 0);
	mnl_socket_close(s);
}

static void must_be(const struct event_nat *got, const struct entry_tuple *want)
{
	struct addr src = entry_addr(want->src), dst = entry_addr(want->dst);

	CU_ASSERT_EQUAL(addr_compare(&got->src, &src), 0);
	CU_ASSERT_EQUAL(addr_compare(&got->dst, &dst), 0);
	CU_ASSERT_EQUAL(got->sport, want->sport);
	CU_ASSERT_EQUAL(got->dport, want->dport);
}

/* What we see of it, and what it is outside. */
static const struct {
	struct entry entry;
	struct entry_tuple seen, outside;
} cases[] = {
	/* as it is */
	{ { { CLIENT, 1001, SERVER, 25 }, { SERVER, 25, CLIENT, 1001 } }, { CLIENT, 1001, SERVER, 25 },
	        { CLIENT, 1001, SERVER, 25 } },
	{ { { "fd00::1", 1001, "2001:db8::25", 25 }, { "2001:db8::25", 25, "fd00::1", 1001 } },
	        { "fd00::1", 1001, "2001:db8::25", 25 }, { "fd00::1", 1001, "2001:db8::25", 25 } },
	/* the client is translated, port and all */
	{ { { CLIENT, 1002, SERVER, 25 }, { SERVER, 25, GATE, 61002 } }, { CLIENT, 1002, SERVER, 25 },
	        { GATE, 61002, SERVER, 25 } },
	{ { { "fd00::1", 1002, "2001:db8::25", 25 }, { "2001:db8::25", 25, "2001:db8::1", 61002 } },
	        { "fd00::1", 1002, "2001:db8::25", 25 }, { "2001:db8::1", 61002, "2001:db8::25", 25 } },
	/* the server is */
	{ { { SERVER, 1003, GATE, 25 }, { OURS, 2525, SERVER, 1003 } }, { SERVER, 1003, OURS, 2525 },
	        { SERVER, 1003, GATE, 25 } },
	/* tracking was lost and has begun again with a packet of the server */
	{ { { SERVER, 25, CLIENT, 1004 }, { CLIENT, 1004, SERVER, 25 } }, { CLIENT, 1004, SERVER, 25 },
	        { CLIENT, 1004, SERVER, 25 } },
};

static void finds_what_the_outside_sees(void)
{
	struct conntrack *c = conntrack_open();

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_connection conn = entry_connection(&cases[i].seen);
		struct event_nat nat;
		uint32_t left_s;

		CU_ASSERT_EQUAL(conntrack_find(c, &conn, &nat), -ENOENT);
		CU_ASSERT_EQUAL(conntrack_left_s(c, &conn, &left_s), -ENOENT);
		CU_ASSERT_EQUAL(conntrack_closes(c, &conn), -ENOENT);
		make_entry(&cases[i].entry);
		CU_ASSERT_EQUAL_FATAL(conntrack_find(c, &conn, &nat), 0);
		must_be(&nat, &cases[i].outside);
		CU_ASSERT_EQUAL(conntrack_left_s(c, &conn, &left_s), 0);
		CU_ASSERT(left_s > 0 && left_s <= ENTRY_LEFT_S);
		CU_ASSERT(left_s > ENTRY_LEFT_S / 2);
		CU_ASSERT_EQUAL(conntrack_closes(c, &conn), 0);
	}
	conntrack_close(c);
}

/* The limit that conntrack.c names: nothing wrong is said then. */
static void both_translated_is_not_found(void)
{
	const struct entry both = { { CLIENT, 1005, GATE, 25 }, { OURS, 25, GATE, 61005 } };
	const struct entry_tuple seen = { CLIENT, 1005, OURS, 25 };
	struct event_connection conn = entry_connection(&seen);
	struct conntrack *c = conntrack_open();
	struct event_nat nat;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	make_entry(&both);
	CU_ASSERT_EQUAL(conntrack_find(c, &conn, &nat), -ENOENT);
	conntrack_close(c);
}

/* ---- remembered ------------------------------------------------------------------------------ */

static const uint8_t hash_key[HASH_KEY_BYTES] = { 1 };
enum { REMEMBERED = 65536, A_SECOND = 2000 };
static const uint64_t START_US = 1700000000000000, SECOND_US = 1000000;

static struct event event_of(enum event_kind kind, const struct entry_tuple *t, uint64_t flow, uint64_t us)
{
	struct event e = { .kind = kind, .time_us = us, .conn = entry_connection(t) };

	e.conn.flow_id = flow;
	return e;
}

static void remembers_translated_ones(void)
{
	const struct entry masked = { { CLIENT, 2001, SERVER, 25 }, { SERVER, 25, GATE, 62001 } };
	const struct entry plain = { { CLIENT, 2002, SERVER, 25 }, { SERVER, 25, CLIENT, 2002 } };
	const struct entry_tuple untracked = { CLIENT, 2003, SERVER, 25 };
	struct nat_book *b = nat_new(hash_key);
	struct event e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	make_entry(&masked);
	make_entry(&plain);
	e = event_of(EVENT_OPEN, &masked.original, 1, START_US);
	nat_see(b, &e); /* its first packet may still wait for its verdict */
	CU_ASSERT_PTR_NULL(nat_find(b, 1));
	e = event_of(EVENT_CLOSE, &masked.original, 1, START_US);
	nat_see(b, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(nat_find(b, 1));
	must_be(nat_find(b, 1), &(const struct entry_tuple) { GATE, 62001, SERVER, 25 });
	nat_forget(b, &e);
	CU_ASSERT_PTR_NULL(nat_find(b, 1));
	e = event_of(EVENT_CLOSE, &plain.original, 2, START_US);
	nat_see(b, &e);
	CU_ASSERT_PTR_NULL(nat_find(b, 2));
	e = event_of(EVENT_CLOSE, &untracked, 3, START_US);
	nat_see(b, &e);
	CU_ASSERT_PTR_NULL(nat_find(b, 3));
	nat_free(b);
}

/* Not more than so many questions in a second; one more in the next. */
static void asks_so_many_in_a_second(void)
{
	const struct entry masked = { { CLIENT, 2004, SERVER, 25 }, { SERVER, 25, GATE, 62004 } };
	struct nat_book *b = nat_new(hash_key);
	struct event e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	make_entry(&masked);
	for (uint64_t flow = 1; flow <= A_SECOND + 1; flow++) {
		e = event_of(EVENT_CLOSE, &masked.original, flow, START_US);
		nat_see(b, &e);
		nat_see(b, &e); /* asked once */
		CU_ASSERT_EQUAL(nat_find(b, flow) != NULL, flow <= A_SECOND);
	}
	e.time_us += SECOND_US;
	nat_see(b, &e);
	CU_ASSERT_PTR_NOT_NULL(nat_find(b, A_SECOND + 1));
	nat_free(b);
}

static void forgets_the_oldest(void)
{
	const struct entry masked = { { CLIENT, 2005, SERVER, 25 }, { SERVER, 25, GATE, 62005 } };
	struct nat_book *b = nat_new(hash_key);
	struct event e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	make_entry(&masked);
	for (uint64_t flow = 1; flow <= REMEMBERED; flow++) {
		e = event_of(EVENT_CLOSE, &masked.original, flow, START_US + flow / 1000 * SECOND_US);
		nat_see(b, &e);
	}
	CU_ASSERT_PTR_NOT_NULL(nat_find(b, 1));
	e = event_of(EVENT_CLOSE, &masked.original, 1, e.time_us + SECOND_US);
	nat_see(b, &e); /* seen again: 2 is the oldest */
	e.conn.flow_id = REMEMBERED + 1;
	nat_see(b, &e);
	CU_ASSERT_PTR_NOT_NULL(nat_find(b, 1));
	CU_ASSERT_PTR_NULL(nat_find(b, 2));
	CU_ASSERT_PTR_NOT_NULL(nat_find(b, 3));
	CU_ASSERT_PTR_NOT_NULL(nat_find(b, REMEMBERED + 1));
	nat_free(b);
}

SUITE("conntrack", { "finds what the outside sees", finds_what_the_outside_sees },
        { "both ends translated: says nothing", both_translated_is_not_found },
        { "remembers translated connections", remembers_translated_ones },
        { "asks so many in a second", asks_so_many_in_a_second },
        { "forgets the oldest", forgets_the_oldest })
