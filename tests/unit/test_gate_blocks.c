/* test_gate_blocks.c - the sets of blocked clients in a real kernel: what was sent is what is read, renewed, taken away,
 * and ends by itself. */
#include <errno.h>
#include <time.h>

#include "gate/blocked.h"
#include "gate_policies.h"
#include "netns.h"
#include "suite.h"

enum { MANY = 50000, HOUR_MS = 3600000, SLACK_MS = 60000 /* a slow machine */ };

static char err[1024];

/* What was read, by hand and eye. */
struct seen {
	struct gate_block blocks[16];
	char notes[16][GATE_NOTE_MAX + 1];
	size_t count;
};

static void keep(void *arg, const struct gate_block *b)
{
	struct seen *s = arg;

	if (s->count < 16) {
		s->blocks[s->count] = *b;
		snprintf(s->notes[s->count], sizeof(s->notes[0]), "%s", b->note ? b->note : "");
	}
	s->count++;
}

static struct seen look(struct gate *g)
{
	struct seen s = { .count = 0 };

	CU_ASSERT_EQUAL(gate_read_blocks(g, "postern", keep, &s), 0);
	return s;
}

static struct gate_block block(const char *prefix, bool net, uint64_t left_ms, const char *note)
{
	struct prefix p = { 0 };

	CU_ASSERT_EQUAL(prefix_parse(prefix, &p), 0);
	return (struct gate_block) { .first = prefix_first(&p),
		.last = prefix_last(&p),
		.net = net,
		.left_ms = left_ms,
		.note = note };
}

/* The one that was read of this place; NULL: none. */
static const struct gate_block *find(const struct seen *s, const struct gate_block *wanted)
{
	for (size_t i = 0; i < s->count && i < 16; i++)
		if (addr_compare(&s->blocks[i].first, &wanted->first) == 0 &&
		        addr_compare(&s->blocks[i].last, &wanted->last) == 0 &&
		        s->blocks[i].net == wanted->net && s->blocks[i].rate_per_min == wanted->rate_per_min)
			return &s->blocks[i];
	return NULL;
}

static struct gate_block limit(
        const char *prefix, bool net, uint64_t left_ms, uint32_t rate_per_min, const char *note)
{
	struct gate_block b = block(prefix, net, left_ms, note);

	b.rate_per_min = rate_per_min;
	return b;
}

static bool lives_for(const struct gate_block *b, uint64_t ms)
{
	return b && b->left_ms <= ms && b->left_ms + SLACK_MS > ms;
}

static struct gate *open_fresh(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	struct gate *g;

	close(netns_new());
	g = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	CU_ASSERT_EQUAL_FATAL(gate_install(g, r, err, sizeof(err)), 0);
	ruleset_free(r);
	policy_free(p);
	return g;
}

static int put(struct gate *g, const struct gate_block *gone, size_t gone_count,
        const struct gate_block *more, size_t more_count)
{
	return gate_block(g, "postern",
	        &(const struct gate_blocks_change) { gone, gone_count, more, more_count, false });
}

static void reads_what_was_sent(void)
{
	struct gate *g = open_fresh();
	const struct gate_block list[] = {
		block("192.0.2.1", false, HOUR_MS, "uid 0: spam"),
		block("2001:db8::1", false, 0, NULL),
		block("198.18.0.0/15", true, HOUR_MS, "uid 7: \"quoted\""),
		block("198.20.0.0/16", true, 2 * HOUR_MS, NULL), /* right behind it */
		block("224.0.0.0/3", true, HOUR_MS, NULL),       /* up to the end of the addresses */
		block("203.0.113.7", true, HOUR_MS, NULL),       /* a piece of one address */
		block("2001:db8:1::/48", true, HOUR_MS, NULL),
		block("ff00::/8", true, 0, NULL),
		limit("192.0.2.1", false, HOUR_MS, 7, "volume.limit"), /* beside its block */
		limit("2001:db8::2", false, HOUR_MS, 1, NULL),
		limit("198.18.7.0/24", true, HOUR_MS, 100000, NULL), /* within a blocked range */
		limit("2001:db8:2::/64", true, 0, 20, NULL),
	};
	enum { COUNT = sizeof(list) / sizeof(list[0]) };
	struct seen s;

	s = look(g);
	CU_ASSERT_EQUAL(s.count, 0);
	CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, COUNT), -ESTALE);
	CU_ASSERT_EQUAL(put(g, NULL, 0, list, COUNT), 0);
	s = look(g);
	CU_ASSERT_EQUAL(s.count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		const struct gate_block *b = find(&s, &list[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		CU_ASSERT(list[i].left_ms ? lives_for(b, list[i].left_ms) : b->left_ms == 0);
	}
	CU_ASSERT_STRING_EQUAL(s.notes[find(&s, &list[0]) - s.blocks], "uid 0: spam");
	CU_ASSERT_STRING_EQUAL(s.notes[find(&s, &list[2]) - s.blocks], "uid 7: \"quoted\"");
	CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, COUNT), 0);
	CU_ASSERT(netns_nft("get element inet postern limited_v4 { 192.0.2.1 }"));
	CU_ASSERT(!netns_nft(
	        "add element inet postern blocked_nets_v4 { 198.18.7.0/24 }")); /* they are disjoint */
	for (size_t i = 0; i < COUNT; i++) { /* whichever is missing is missed */
		CU_ASSERT_EQUAL(put(g, &list[i], 1, NULL, 0), 0);
		CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, COUNT), -ESTALE);
		CU_ASSERT_EQUAL(put(g, NULL, 0, &list[i], 1), 0);
		CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, COUNT), 0);
	}
	gate_close(g);
}

/* To add again is not to renew; and what is not there any more can go. */
static void renews_and_takes_away(void)
{
	struct gate *g = open_fresh();
	struct gate_block list[] = { block("192.0.2.1", false, HOUR_MS, "a"),
		block("198.18.0.0/15", true, HOUR_MS, NULL), block("2001:db8::1", false, HOUR_MS, NULL),
		block("2001:db8:1::/48", true, HOUR_MS, NULL) };
	const struct gate_block parts[] = { block("198.18.0.0/16", true, HOUR_MS, NULL),
		block("198.19.0.0/16", true, 2 * HOUR_MS, NULL) };
	const struct gate_block limited = limit("192.0.2.1", false, HOUR_MS, 5, "c"),
	                        slower = limit("192.0.2.1", false, HOUR_MS, 1, "c");
	struct seen s;

	CU_ASSERT_EQUAL(put(g, list, 4, NULL, 0), 0); /* none of them was there */
	CU_ASSERT_EQUAL(put(g, NULL, 0, list, 4), 0);
	for (size_t i = 0; i < 4; i++)
		list[i].left_ms = 5 * (uint64_t)HOUR_MS, list[i].note = "b";
	CU_ASSERT_EQUAL(put(g, list, 4, list, 4), 0);
	s = look(g);
	CU_ASSERT_EQUAL(s.count, 4);
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT(lives_for(find(&s, &list[i]), list[i].left_ms));
		CU_ASSERT_STRING_EQUAL(s.notes[find(&s, &list[i]) - s.blocks], "b");
	}
	CU_ASSERT_EQUAL(put(g, &list[1], 1, parts, 2), 0); /* a range makes room for its parts */
	s = look(g);
	CU_ASSERT(s.count == 5 && !find(&s, &list[1]) && find(&s, &parts[0]));
	CU_ASSERT(lives_for(find(&s, &parts[1]), 2 * (uint64_t)HOUR_MS));
	CU_ASSERT_EQUAL(gate_block(g, "postern",
	                        &(const struct gate_blocks_change) {
	                                .more = &list[2], .more_count = 1, .anew = true }),
	        0);
	s = look(g);
	CU_ASSERT(s.count == 1 && find(&s, &list[2]));
	CU_ASSERT_EQUAL(put(g, NULL, 0, &limited, 1), 0);
	CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, 1), -ESTALE); /* who is limited is not blocked */
	CU_ASSERT_EQUAL(put(g, &limited, 1, &slower, 1), 0);
	s = look(g);
	CU_ASSERT(s.count == 2 && find(&s, &slower));
	CU_ASSERT_EQUAL(gate_block(g, "postern", &(const struct gate_blocks_change) { .anew = true }), 0);
	CU_ASSERT_EQUAL(look(g).count, 0);
	gate_close(g);
}

static void all_or_nothing(void)
{
	struct gate *g = open_fresh();
	const struct gate_block list[] = { block("192.0.2.1", false, HOUR_MS, NULL),
		block("198.18.0.0/15", true, HOUR_MS, NULL), block("198.18.5.0/24", true, HOUR_MS, NULL) };

	CU_ASSERT(put(g, NULL, 0, list, 3) < 0);
	CU_ASSERT_EQUAL(look(g).count, 0);
	CU_ASSERT_EQUAL(gate_remove(g, "postern"), 0);
	CU_ASSERT_EQUAL(put(g, NULL, 0, list, 1), -ENOENT);
	CU_ASSERT(gate_has_blocks(g, "postern", list, 1) != 0);
	gate_close(g);
}

static void the_kernel_ends_them(void)
{
	struct gate *g = open_fresh();
	const struct gate_block list[] = { block("192.0.2.1", false, 50, NULL),
		block("198.18.0.0/15", true, 50, NULL), block("2001:db8::1", false, 50, NULL),
		block("2001:db8:1::/48", true, 50, NULL) };
	const struct gate_block parts[] = { block("198.18.0.0/17", true, HOUR_MS, NULL),
		block("2001:db8::/32", true, HOUR_MS, NULL) };

	CU_ASSERT_EQUAL(put(g, NULL, 0, list, 4), 0);
	while (look(g).count > 0)
		;
	CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, 1), -ESTALE);
	CU_ASSERT_EQUAL(put(g, list, 4, parts, 2), 0); /* the sweeper may not have been there yet */
	CU_ASSERT_EQUAL(look(g).count, 2);
	CU_ASSERT_EQUAL(put(g, parts, 2, list, 4), 0);
	CU_ASSERT(look(g).count <= 4);
	gate_close(g);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct gate_block number(unsigned i, bool v6, bool net)
{
	char text[64];

	if (v6)
		snprintf(text, sizeof(text), "2001:db8:%x::%s", i, net ? "/64" : "1");
	else if (net)
		snprintf(text, sizeof(text), "%u.%u.%u.0/25", 10 + i / 65536, i / 256 % 256, i % 256);
	else
		snprintf(text, sizeof(text), "%u.%u.%u.1", 10 + i / 65536, i / 256 % 256, i % 256);
	return block(text, net, HOUR_MS, "uid 0: a list");
}

static void takes_many(void)
{
	static struct gate_block list[MANY];
	struct gate *g = open_fresh();

	for (unsigned kind = 0; kind < 4; kind++) {
		double begun, put_s, renewed_s, read_s;

		for (unsigned i = 0; i < MANY; i++)
			list[i] = number(i, kind & 1, kind & 2);
		begun = now_s();
		CU_ASSERT_EQUAL(put(g, NULL, 0, list, MANY), 0);
		put_s = now_s() - begun;
		begun = now_s();
		CU_ASSERT_EQUAL(put(g, list, MANY, list, MANY), 0);
		renewed_s = now_s() - begun;
		begun = now_s();
		CU_ASSERT_EQUAL(look(g).count, MANY);
		read_s = now_s() - begun;
		begun = now_s();
		CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, MANY), 0);
		printf("\n  %u %s of IPv%d: put %.2f s, asked for %.2f s, renewed %.2f s, read %.2f s", MANY,
		        kind & 2 ? "prefixes" : "hosts", kind & 1 ? 6 : 4, put_s, now_s() - begun, renewed_s,
		        read_s);
		CU_ASSERT_EQUAL(put(g, list, MANY, NULL, 0), 0);
		CU_ASSERT_EQUAL(look(g).count, 0);
	}
	gate_close(g);
}

/* An installation of the same rules, or of others, leaves them; another size of the sets takes them away. */
static void survive_an_installation(void)
{
	struct gate *g = open_fresh();
	const struct gate_block list[] = { block("192.0.2.1", false, HOUR_MS, NULL),
		block("198.18.0.0/15", true, 0, NULL) };
	struct policy *p = gate_example_policy(MODE_MONITOR);
	struct ruleset_settings s = gate_example_settings;
	struct ruleset *r = ruleset_build(p, &s);

	CU_ASSERT_EQUAL(put(g, NULL, 0, list, 2), 0);
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_has_blocks(g, "postern", list, 2), 0);
	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
	ruleset_free(r);
	s.blocks *= 2;
	r = ruleset_build(p, &s);
	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), -ESTALE);
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(look(g).count, 0);
	ruleset_free(r);
	policy_free(p);
	gate_close(g);
}

SUITE("gate blocks", { "reads what was sent", reads_what_was_sent },
        { "renews and takes away", renews_and_takes_away }, { "all or nothing", all_or_nothing },
        { "the kernel ends them", the_kernel_ends_them }, { "takes many", takes_many },
        { "survive an installation", survive_an_installation })
