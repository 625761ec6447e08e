/* behaving.h - one part of the watch under its test: a small house, events of many clients in, findings out.
 *
 *   home 192.168.0.0/16 and fd00::/16, servers "mail" 192.168.0.10 for ours.example and "other" 192.168.0.11, upstream "isp" 198.51.100.0/24
 */
#ifndef UNIT_BEHAVING_H
#define UNIT_BEHAVING_H

#include <stdio.h>

#include "events.h"
#include "policy/watching.h"
#include "suite.h"
#include "watch/part.h"

enum { BEHAVING_FOUND = 512, BEHAVING_SOURCES = 4096 };

static struct watching rules;
static struct policy *house;
static const struct part *part;
static void *memory;
static struct finding found[BEHAVING_FOUND]; /* the first ones */
static unsigned found_count;
static struct sources *ledger;
static struct event_path mail_from, auth_user;
static bool ledger_is_full;
static bool pipelined;      /* all on one connection, and answered at once */
static uint64_t behaving_s; /* the clock: seconds since EVENTS_START_US */

static inline void behaving_raise(void *watch, struct finding *f)
{
	(void)watch;
	if (found_count < BEHAVING_FOUND)
		found[found_count] = *f;
	found_count++;
}

static inline struct addr behaving_addr(const char *text)
{
	struct addr a;

	CU_ASSERT_EQUAL_FATAL(addr_parse(text, &a), 0);
	return a;
}

static inline void behaving_prefix(int group, const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(text, &p), 0);
	CU_ASSERT_EQUAL_FATAL(policy_add_prefix(house, group, &p), 0);
}

static int group_mail, group_other, group_isp, group_friends; /* friends: 203.0.113.128/25 */

static inline void begin(const struct part *p)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };

	watching_default(&rules);
	house = policy_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(house);
	behaving_prefix(GROUP_ID_HOME, "192.168.0.0/16");
	behaving_prefix(GROUP_ID_HOME, "fd00::/16");
	group_mail = policy_add_group(house, GROUP_SERVER, "mail");
	behaving_prefix(group_mail, "192.168.0.10");
	CU_ASSERT_EQUAL(policy_server_add_domain(house, group_mail, "ours.example"), 0);
	group_other = policy_add_group(house, GROUP_SERVER, "other");
	behaving_prefix(group_other, "192.168.0.11");
	group_isp = policy_add_group(house, GROUP_UPSTREAM, "isp");
	behaving_prefix(group_isp, "198.51.100.0/24");
	group_friends = policy_add_group(house, GROUP_NETWORK, "friends");
	behaving_prefix(group_friends, "203.0.113.128/25");
	CU_ASSERT_EQUAL_FATAL(policy_seal(house), 0);
	part = p;
	memory = p->make(BEHAVING_SOURCES, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	ledger = sources_new(BEHAVING_SOURCES, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
	found_count = 0;
	behaving_s = 0;
	pipelined = ledger_is_full = false;
	mail_from.len = auth_user.len = 0;
}

static inline void end(void)
{
	part->end(memory);
	part->end(NULL);
	policy_free(house);
	sources_free(ledger);
}

/* e's connection is from one to the other; what the policy says of them is filled in. */
static inline struct event between(struct event e, const char *src, const char *dst)
{
	struct policy_connection c;
	struct addr from = behaving_addr(src), to = behaving_addr(dst);

	c = policy_judge_connection(house, &from, &to, SELF_NEITHER);
	e.conn.src = from;
	e.conn.dst = to;
	e.conn.server = c.server;
	e.conn.direction = c.direction;
	e.conn.from_upstream = c.client_upstream;
	e.conn.from_home = c.client_home;
	e.conn.from_server = c.client_server;
	if (e.kind == EVENT_RCPT) {
		e.u.rcpt.judged = c.server >= 0;
		e.u.rcpt.client_ours = c.client_ours;
	}
	return e;
}

/* Now, on the clock above. */
static inline void push(struct event e)
{
	struct part_view view = {
		.rules = &rules,
		.policy = house,
		.groups = policy_lookup(house, &e.conn.src),
		.mail_from = &mail_from,
		.auth_user = &auth_user,
		.raise = behaving_raise,
	};
	static uint64_t count;
	uint32_t place = 0;

	count += !pipelined;
	e.time_us = EVENTS_START_US + behaving_s * 1000000 + count % 1000;
	e.conn.flow_id = count;
	e.u.reply.sent_us = e.kind == EVENT_CLOSE ? e.u.reply.sent_us : e.time_us - 1;
	if (!ledger_is_full) {
		view.source = sources_event(ledger, &e, 32, 64, &place);
		view.before_us = sources_before_us(ledger);
	}
	part->event(memory, &view, &e);
}

static inline void sender(const char *path)
{
	mail_from.len = (uint16_t)strlen(path);
	memcpy(mail_from.bytes, path, mail_from.len);
}

/* A recipient "<uNUMBER@ours.example>", ours; text is the reply behind the code. */
static inline void rcpt(const char *src, const char *dst, unsigned number, uint16_t code, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "<u%u@ours.example>", number);
	push(between(events_rcpt(0, 1, path, 1, code, text), src, dst));
}

static inline bool says(const struct finding *f, const char *words)
{
	unsigned i;

	for (i = 0; i < f->evidence_count; i++)
		if (memmem(f->evidence[i].bytes, f->evidence[i].len, words, strlen(words)))
			return true;
	return false;
}

#endif
