/* encode.c - tables, chains and rules as nf_tables messages, one function per kind of statement.
 *
 * The expressions and registers are those that nft makes from the printed text, so that `nft list`
 * shows the installed table as the text has it. A key of several fields lies in consecutive 32-bit
 * registers from the first on.
 *
 * The xt target: where the kernel has no queue expression, `target` with NFQUEUE revision 3 does the
 * same. Both hand the packet to the next base chain when nobody listens and bypass is set.
 *
 * MPTCP: `exthdr` without a register takes an option out of the packet, since Linux 5.18. In the other form the
 * same rule drops the packet that has one.
 *
 * Sources: include/uapi/linux/netfilter/nf_tables.h, xt_NFQUEUE.h; net/netfilter/nft_compat.c, nft_exthdr.c
 * (nft_exthdr_select_ops()); RFC 8684 9.1 (the option's number).
 */
#include "gate/encode.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules -------------------------------------------------------------------------------- */

struct encoder {
	struct batch *batch;
	const struct ruleset *r;
	struct nftnl_rule *rule;
	unsigned form; /* enum encode_form */
};

struct attribute {
	uint16_t type;
	uint16_t len;
	const void *data;
};

#define U8(t, v)                                                                                             \
	{                                                                                                    \
		(t), 1, &(const uint8_t)                                                                     \
		{                                                                                            \
			(uint8_t)(v)                                                                         \
		}                                                                                            \
	}
#define U16(t, v)                                                                                            \
	{                                                                                                    \
		(t), 2, &(const uint16_t)                                                                    \
		{                                                                                            \
			(uint16_t)(v)                                                                        \
		}                                                                                            \
	}
#define U32(t, v)                                                                                            \
	{                                                                                                    \
		(t), 4, &(const uint32_t)                                                                    \
		{                                                                                            \
			(uint32_t)(v)                                                                        \
		}                                                                                            \
	}
#define U64(t, v)                                                                                            \
	{                                                                                                    \
		(t), 8, &(const uint64_t)                                                                    \
		{                                                                                            \
			(uint64_t)(v)                                                                        \
		}                                                                                            \
	}
#define TEXT(t, s)                                                                                           \
	{                                                                                                    \
		(t), (uint16_t)(strlen(s) + 1), (s)                                                          \
	}

/* Adds an expression to the rule. EXPRESSION(e, "name", attributes...) */
#define EXPRESSION(e, name, ...)                                                                             \
	put_expression(e, name, (const struct attribute[]) { __VA_ARGS__ },                                  \
	        sizeof((const struct attribute[]) { __VA_ARGS__ }) / sizeof(struct attribute))

static void put_expression(
        struct encoder *e, const char *name, const struct attribute *attributes, size_t count)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr) {
		e->batch->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (nftnl_expr_set(expr, attributes[i].type, attributes[i].data, attributes[i].len) < 0)
			e->batch->error = -ENOMEM;
	nftnl_rule_add_expr(e->rule, expr);
}

static void compare(struct encoder *e, uint32_t op, const void *data, uint16_t len)
{
	EXPRESSION(e, "cmp", U32(NFTNL_EXPR_CMP_SREG, NFT_REG_1), U32(NFTNL_EXPR_CMP_OP, op),
	        { NFTNL_EXPR_CMP_DATA, len, data });
}

/* reg = reg & mask ^ flip */
static void mask_register(struct encoder *e, uint32_t reg, const void *mask, const void *flip, uint16_t len)
{
	EXPRESSION(e, "bitwise", U32(NFTNL_EXPR_BITWISE_SREG, reg), U32(NFTNL_EXPR_BITWISE_DREG, reg),
	        U32(NFTNL_EXPR_BITWISE_LEN, len), { NFTNL_EXPR_BITWISE_MASK, len, mask },
	        { NFTNL_EXPR_BITWISE_XOR, len, flip });
}

static void load_field(struct encoder *e, enum model_field field, uint32_t reg)
{
	const struct model_field_info *f = &model_fields[field];

	EXPRESSION(e, "payload", U32(NFTNL_EXPR_PAYLOAD_DREG, reg),
	        U32(NFTNL_EXPR_PAYLOAD_BASE,
	                f->transport ? NFT_PAYLOAD_TRANSPORT_HEADER : NFT_PAYLOAD_NETWORK_HEADER),
	        U32(NFTNL_EXPR_PAYLOAD_OFFSET, f->offset), U32(NFTNL_EXPR_PAYLOAD_LEN, f->len));
	if (f->mask)
		mask_register(e, reg, &f->mask, &(const uint8_t) { 0 }, 1);
	if (f->shift)
		EXPRESSION(e, "bitwise", U32(NFTNL_EXPR_BITWISE_SREG, reg), U32(NFTNL_EXPR_BITWISE_DREG, reg),
		        U32(NFTNL_EXPR_BITWISE_LEN, 1), U32(NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_RSHIFT),
		        U32(NFTNL_EXPR_BITWISE_DATA, f->shift));
}

static void load_meta(struct encoder *e, uint32_t key)
{
	EXPRESSION(e, "meta", U32(NFTNL_EXPR_META_KEY, key), U32(NFTNL_EXPR_META_DREG, NFT_REG_1));
}

static void load_mark(struct encoder *e, enum model_mark of)
{
	if (of == MARK_OF_PACKET)
		load_meta(e, NFT_META_MARK);
	else
		EXPRESSION(e, "ct", U32(NFTNL_EXPR_CT_KEY, NFT_CT_MARK), U32(NFTNL_EXPR_CT_DREG, NFT_REG_1));
}

static void verdict(struct encoder *e, int code)
{
	EXPRESSION(
	        e, "immediate", U32(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT), U32(NFTNL_EXPR_IMM_VERDICT, code));
}

static void encode_tcp(struct encoder *e, const struct model_statement *s)
{
	(void)s;
	load_meta(e, NFT_META_L4PROTO);
	compare(e, NFT_CMP_EQ, &(const uint8_t) { IPPROTO_TCP }, 1);
}

static void encode_family(struct encoder *e, const struct model_statement *s)
{
	load_meta(e, NFT_META_NFPROTO);
	compare(e, NFT_CMP_EQ, &(const uint8_t) { s->u.family == FAMILY_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6 },
	        1);
}

static void encode_interface(struct encoder *e, const struct model_statement *s)
{
	load_meta(e, s->u.interface.out ? NFT_META_OIF : NFT_META_IIF);
	compare(e, NFT_CMP_EQ, &s->u.interface.index, sizeof(s->u.interface.index));
}

static void encode_in_set(struct encoder *e, const struct model_statement *s)
{
	load_field(e, s->u.in_set.fields[0], NFT_REG_1);
	for (unsigned i = 1; i < s->u.in_set.field_count; i++)
		load_field(e, s->u.in_set.fields[i], NFT_REG32_00 + i);
	EXPRESSION(e, "lookup", U32(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1),
	        TEXT(NFTNL_EXPR_LOOKUP_SET, e->r->sets[s->u.in_set.set].name));
}

static void encode_tcp_flags(struct encoder *e, const struct model_statement *s)
{
	load_field(e, FIELD_TCP_FLAGS, NFT_REG_1);
	mask_register(e, NFT_REG_1, &s->u.flags.mask, &(const uint8_t) { 0 }, 1);
	compare(e, NFT_CMP_EQ, &s->u.flags.value, 1);
}

/* Register 1 has one of these bits. */
static void test_bits(struct encoder *e, const uint32_t *bits)
{
	static const uint32_t zero;

	mask_register(e, NFT_REG_1, bits, &zero, sizeof(zero));
	compare(e, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void encode_state(struct encoder *e, const struct model_statement *s)
{
	static const uint32_t bits[] = {
		[MODEL_RELATED] = NF_CT_STATE_BIT(IP_CT_RELATED), [MODEL_INVALID] = NF_CT_STATE_INVALID_BIT
	};

	EXPRESSION(e, "ct", U32(NFTNL_EXPR_CT_KEY, NFT_CT_STATE), U32(NFTNL_EXPR_CT_DREG, NFT_REG_1));
	test_bits(e, &bits[s->u.state]);
}

static void encode_mark_test(struct encoder *e, const struct model_statement *s)
{
	load_mark(e, s->u.mark_test.of);
	test_bits(e, &s->u.mark_test.bits);
}

static void encode_mark_set(struct encoder *e, const struct model_statement *s)
{
	load_mark(e, s->u.mark_set.of);
	mask_register(e, NFT_REG_1, &s->u.mark_set.keep, &s->u.mark_set.set, sizeof(s->u.mark_set.keep));
	if (s->u.mark_set.of == MARK_OF_PACKET)
		EXPRESSION(e, "meta", U32(NFTNL_EXPR_META_KEY, NFT_META_MARK),
		        U32(NFTNL_EXPR_META_SREG, NFT_REG_1));
	else
		EXPRESSION(e, "ct", U32(NFTNL_EXPR_CT_KEY, NFT_CT_MARK), U32(NFTNL_EXPR_CT_SREG, NFT_REG_1));
}

static void encode_count(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "objref", U32(NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER),
	        TEXT(NFTNL_EXPR_OBJREF_IMM_NAME, model_counter_names[s->u.counter]));
}

static void encode_limit(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "limit", U64(NFTNL_EXPR_LIMIT_RATE, s->u.limit.per_s), U64(NFTNL_EXPR_LIMIT_UNIT, 1),
	        U32(NFTNL_EXPR_LIMIT_BURST, s->u.limit.burst), U32(NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS),
	        U32(NFTNL_EXPR_LIMIT_FLAGS, 0));
}

static void encode_log(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "log", TEXT(NFTNL_EXPR_LOG_PREFIX, s->u.log.prefix),
	        U16(NFTNL_EXPR_LOG_GROUP, s->u.log.group), U32(NFTNL_EXPR_LOG_SNAPLEN, s->u.log.snaplen));
}

static void encode_queue_target(struct encoder *e, const struct model_statement *s)
{
	struct xt_NFQ_info_v3 *info = calloc(1, XT_ALIGN(sizeof(*info)));

	if (!info) {
		e->batch->error = -ENOMEM;
		return;
	}
	info->queuenum = s->u.queue.number;
	info->queues_total = 1;
	info->flags = s->u.queue.bypass ? NFQ_FLAG_BYPASS : 0;
	/* The expression takes info over and frees it. */
	EXPRESSION(e, "target", TEXT(NFTNL_EXPR_TG_NAME, "NFQUEUE"), U32(NFTNL_EXPR_TG_REV, 3),
	        { NFTNL_EXPR_TG_INFO, XT_ALIGN(sizeof(*info)), info });
} /* NOLINT(clang-analyzer-unix.Malloc): not a leak, see above */

static void encode_queue(struct encoder *e, const struct model_statement *s)
{
	if (e->form & ENCODE_TARGET) {
		encode_queue_target(e, s);
		return;
	}
	EXPRESSION(e, "queue", U16(NFTNL_EXPR_QUEUE_NUM, s->u.queue.number), U16(NFTNL_EXPR_QUEUE_TOTAL, 1),
	        U16(NFTNL_EXPR_QUEUE_FLAGS, s->u.queue.bypass ? NFT_QUEUE_FLAG_BYPASS : 0));
}

static void encode_reject(struct encoder *e, const struct model_statement *s)
{
	(void)s;
	EXPRESSION(
	        e, "reject", U32(NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST), U8(NFTNL_EXPR_REJECT_CODE, 0));
}

static void encode_drop(struct encoder *e, const struct model_statement *s)
{
	(void)s;
	verdict(e, NF_DROP);
}

static void encode_accept(struct encoder *e, const struct model_statement *s)
{
	(void)s;
	verdict(e, NF_ACCEPT);
}

static void encode_goto(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "immediate", U32(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT),
	        U32(NFTNL_EXPR_IMM_VERDICT, NFT_GOTO),
	        TEXT(NFTNL_EXPR_IMM_CHAIN, e->r->chains[s->u.chain].name));
}

static void encode_jump(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "immediate", U32(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT),
	        U32(NFTNL_EXPR_IMM_VERDICT, NFT_JUMP),
	        TEXT(NFTNL_EXPR_IMM_CHAIN, e->r->chains[s->u.chain].name));
}

static void encode_reply(struct encoder *e, const struct model_statement *s)
{
	(void)s;
	EXPRESSION(e, "ct", U32(NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION), U32(NFTNL_EXPR_CT_DREG, NFT_REG_1));
	compare(e, NFT_CMP_EQ, &(const uint8_t) { IP_CT_DIR_REPLY }, 1);
}

static void encode_strip_mptcp(struct encoder *e, const struct model_statement *s)
{
	enum { OPTION_MPTCP = 30 };

	(void)s;
	if (!(e->form & ENCODE_NO_STRIP)) {
		EXPRESSION(e, "exthdr", U8(NFTNL_EXPR_EXTHDR_TYPE, OPTION_MPTCP),
		        U32(NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT));
		return;
	}
	EXPRESSION(e, "exthdr", U32(NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1),
	        U8(NFTNL_EXPR_EXTHDR_TYPE, OPTION_MPTCP), U32(NFTNL_EXPR_EXTHDR_OFFSET, 0),
	        U32(NFTNL_EXPR_EXTHDR_LEN, 1), U32(NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT),
	        U32(NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT));
	compare(e, NFT_CMP_EQ, &(const uint8_t) { 1 }, 1);
	verdict(e, NF_DROP);
}

/* Its map has gone ahead in a message of its own. */
static void encode_spread(struct encoder *e, const struct model_statement *s)
{
	EXPRESSION(e, "hash", U32(NFTNL_EXPR_HASH_DREG, NFT_REG_1),
	        U32(NFTNL_EXPR_HASH_MODULUS, s->u.spread.count), U32(NFTNL_EXPR_HASH_TYPE, NFT_HASH_SYM));
	EXPRESSION(e, "lookup", U32(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1),
	        U32(NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT), TEXT(NFTNL_EXPR_LOOKUP_SET, ENCODE_MAP_NAME),
	        U32(NFTNL_EXPR_LOOKUP_SET_ID, ENCODE_MAP_ID));
}

static void (*const encoders[])(struct encoder *e, const struct model_statement *s) = {
	[STATEMENT_TCP] = encode_tcp,
	[STATEMENT_FAMILY] = encode_family,
	[STATEMENT_INTERFACE] = encode_interface,
	[STATEMENT_IN_SET] = encode_in_set,
	[STATEMENT_TCP_FLAGS] = encode_tcp_flags,
	[STATEMENT_STATE] = encode_state,
	[STATEMENT_MARK_TEST] = encode_mark_test,
	[STATEMENT_MARK_SET] = encode_mark_set,
	[STATEMENT_COUNTER] = encode_count,
	[STATEMENT_LIMIT] = encode_limit,
	[STATEMENT_LOG] = encode_log,
	[STATEMENT_QUEUE] = encode_queue,
	[STATEMENT_REJECT] = encode_reject,
	[STATEMENT_DROP] = encode_drop,
	[STATEMENT_ACCEPT] = encode_accept,
	[STATEMENT_GOTO] = encode_goto,
	[STATEMENT_JUMP] = encode_jump,
	[STATEMENT_REPLY] = encode_reply,
	[STATEMENT_STRIP_MPTCP] = encode_strip_mptcp,
	[STATEMENT_SPREAD] = encode_spread,
};
static_assert(sizeof(encoders) / sizeof(encoders[0]) == STATEMENT_COUNT, "one encoder per statement");

/* A comment as nft stores it: type, length, text with its end. */
static void put_comment(struct nftnl_rule *rule, const char *comment)
{
	uint8_t bytes[2 + MODEL_COMMENT_MAX + 1] = { NFTNL_UDATA_RULE_COMMENT };
	size_t len = strlen(comment) + 1;

	bytes[1] = (uint8_t)len;
	memcpy(bytes + 2, comment, len);
	nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, bytes, (uint32_t)(2 + len));
}

static void encode_maps(struct batch *b, const struct ruleset *r, const struct model_rule *rule)
{
	for (unsigned i = 0; i < rule->statement_count; i++)
		if (rule->statements[i].kind == STATEMENT_SPREAD)
			encode_map(b, r, &rule->statements[i]);
}

void encode_rule(struct batch *b, const struct ruleset *r, const struct model_rule *rule, unsigned form)
{
	const char *chain = r->chains[rule->chain].name;
	struct encoder e = { .batch = b, .r = r, .form = form };
	struct nlmsghdr *h;

	encode_maps(b, r, rule);
	h = batch_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	        &(const struct batch_note) { .what = "rule", .name = chain, .rule = rule });

	if (!h)
		return;
	e.rule = nftnl_rule_alloc();
	if (!e.rule) {
		b->error = -ENOMEM;
		return;
	}
	nftnl_rule_set_u32(e.rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(e.rule, NFTNL_RULE_TABLE, r->table);
	nftnl_rule_set_str(e.rule, NFTNL_RULE_CHAIN, chain);
	for (unsigned i = 0; i < rule->statement_count; i++)
		encoders[rule->statements[i].kind](&e, &rule->statements[i]);
	if (rule->comment)
		put_comment(e.rule, rule->comment);
	nftnl_rule_nlmsg_build_payload(h, e.rule);
	batch_add(b, h);
	nftnl_rule_free(e.rule);
}

/* ---- table, chains, counters -------------------------------------------------------------- */

/* A message of two attributes, table and name, is enough to delete most things. */
static void put_names(struct batch *b, uint16_t type, const char *what, uint16_t table_attribute,
        const char *table, uint16_t name_attribute, const char *name)
{
	struct nlmsghdr *h = batch_message(
	        b, type, 0, &(const struct batch_note) { .what = what, .name = name ? name : table });

	if (!h)
		return;
	mnl_attr_put_strz(h, table_attribute, table);
	if (name)
		mnl_attr_put_strz(h, name_attribute, name);
	batch_add(b, h);
}

void encode_delete_table(struct batch *b, const char *table)
{
	put_names(b, NFT_MSG_DELTABLE, "table", NFTA_TABLE_NAME, table, 0, NULL);
}

void encode_flush_chain(struct batch *b, const char *table, const char *chain)
{
	put_names(b, NFT_MSG_DELRULE, "rules of chain", NFTA_RULE_TABLE, table, NFTA_RULE_CHAIN, chain);
}

void encode_delete_set(struct batch *b, const char *table, const char *name)
{
	put_names(b, NFT_MSG_DELSET, "old set", NFTA_SET_TABLE, table, NFTA_SET_NAME, name);
}

void encode_delete_chain(struct batch *b, const char *table, const char *name)
{
	put_names(b, NFT_MSG_DELCHAIN, "old chain", NFTA_CHAIN_TABLE, table, NFTA_CHAIN_NAME, name);
}

void encode_table(struct batch *b, const char *table, uint32_t flags)
{
	struct nlmsghdr *h = batch_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE,
	        &(const struct batch_note) { .what = "table", .name = table });

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(flags));
	batch_add(b, h);
}

void encode_delete_object(struct batch *b, const char *table, const char *name, uint32_t type)
{
	struct nlmsghdr *h = batch_message(
	        b, NFT_MSG_DELOBJ, 0, &(const struct batch_note) { .what = "old object", .name = name });

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(type));
	batch_add(b, h);
}

void encode_counter(struct batch *b, const char *table, const char *name, uint64_t packets)
{
	struct nlmsghdr *h = batch_message(b, NFT_MSG_NEWOBJ, NLM_F_CREATE,
	        &(const struct batch_note) { .what = "counter", .name = name });
	struct nlattr *nest;

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	nest = mnl_attr_nest_start(h, NFTA_OBJ_DATA);
	if (packets > 0)
		mnl_attr_put_u64(h, NFTA_COUNTER_PACKETS, htobe64(packets));
	mnl_attr_nest_end(h, nest);
	batch_add(b, h);
}

void encode_policy_accept(struct batch *b, const char *table, const char *chain)
{
	struct nlmsghdr *h = batch_message(
	        b, NFT_MSG_NEWCHAIN, 0, &(const struct batch_note) { .what = "policy of", .name = chain });

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	batch_add(b, h);
}

void encode_chain(struct batch *b, const char *table, const struct model_chain *chain, bool exists)
{
	struct nlmsghdr *h = batch_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
	        &(const struct batch_note) { .what = "chain", .name = chain->name });
	struct nlattr *nest;

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain->name);
	if (chain->hook) {
		mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		if (!exists) {
			nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
			mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(chain->hook_number));
			mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)chain->priority));
			mnl_attr_nest_end(h, nest);
			mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
		}
	}
	batch_add(b, h);
}
