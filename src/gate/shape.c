/* shape.c - what a table does, in a form that can be compared.
 *
 * The same code reads our own messages, as a batch has them before it is sent, and the messages by which
 * the kernel tells what it has. Each object becomes a line of what libnftnl sees in it; rules carry their
 * place in the chain. Values of counters, handles and numbers of sets do not count.
 *
 * Anonymous sets and maps have no name of their own until the kernel gives them one; here all are called
 * the same.
 *
 * A set of elements with a time to live is its type and its size: what comes and goes belongs to those who fill it.
 *
 * Limits: user data of sets (nft's notes on how to print them) is not compared.
 * Rejected: comparing the text of `nft list` (another program, whose wording changes); comparing bytes
 * (the kernel tells registers, flags and defaults in a form of its own).
 */
#include "gate/shape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/batch.h"
#include "gate/encode.h"
#include "gate/found.h"

/* How lines begin. */
#define SET "set "
#define CHAIN "chain "
#define POLICY " policy %u "
#define ELEMENT "element of "

enum { EXPRESSION_MAX = 1024, CHAINS_MAX = 64, SETS_MAX = 4096 };

struct reading {
	struct shape *shape;
	const char *table; /* NULL = any */
	struct {
		char name[FOUND_NAME_MAX];
		unsigned rules;
	} chains[CHAINS_MAX]; /* how many rules were seen of each */
	char **sets;          /* names, SETS_MAX at most; NULL: not wanted */
	size_t set_count;
	FILE *line;
	char *text;
	size_t text_bytes;
};

/* ---- lines ----------------------------------------------------------------------------------- */

static bool begin_line(struct reading *r)
{
	r->text = NULL;
	r->line = open_memstream(&r->text, &r->text_bytes);
	if (!r->line)
		r->shape->error = -ENOMEM;
	return r->line != NULL;
}

static void end_line(struct reading *r)
{
	struct shape *s = r->shape;
	size_t room = s->room ? 2 * s->room : 256;
	char **bigger;

	if (fclose(r->line))
		s->error = -ENOMEM;
	if (!s->error && s->count == s->room) {
		bigger = reallocarray(s->lines, room, sizeof(*s->lines));
		if (bigger) {
			s->lines = bigger;
			s->room = room;
		} else {
			s->error = -ENOMEM;
		}
	}
	if (s->error)
		free(r->text);
	else
		s->lines[s->count++] = r->text;
}

static const char *name_of_set(const char *name)
{
	return strncmp(name, "__", 2) == 0 ? "(anonymous)" : name;
}

static void print_bytes(FILE *to, const void *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		fprintf(to, "%02x", ((const uint8_t *)bytes)[i]);
}

/* As nft stores it (type, length, text with its end) in words; anything else as it is. */
static void print_comment(FILE *to, const uint8_t *bytes, uint32_t len)
{
	bool is_text = len > 3 && bytes[0] == NFTNL_UDATA_RULE_COMMENT && bytes[1] == len - 2 &&
	               bytes[len - 1] == '\0';

	for (uint32_t i = 2; is_text && i < len - 1; i++)
		is_text = bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"';
	if (is_text)
		fprintf(to, " comment \"%s\"", (const char *)bytes + 2);
	else
		print_bytes(to, bytes, len);
}

static bool is_wanted(const struct reading *r, uint32_t family, const char *table)
{
	return family == NFPROTO_INET && table && (!r->table || strcmp(table, r->table) == 0);
}

/* ---- one object each ------------------------------------------------------------------------- */

static void see_table(struct reading *r, const struct nlmsghdr *h)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	const char *name = NULL;
	const struct nlattr *a;
	uint32_t flags = 0;

	mnl_attr_for_each(a, h, sizeof(*family))
	{
		if (mnl_attr_get_type(a) == NFTA_TABLE_NAME)
			name = mnl_attr_get_str(a);
		if (mnl_attr_get_type(a) == NFTA_TABLE_FLAGS)
			flags = ntohl(mnl_attr_get_u32(a));
	}
	if (!is_wanted(r, family->nfgen_family, name) || !begin_line(r))
		return;
	fprintf(r->line, "table flags %u",
	        flags & TABLE_DORMANT); /* whose it is, is no part of what it does */
	end_line(r);
}

static void see_chain(struct reading *r, const struct nlmsghdr *h)
{
	struct nftnl_chain *c = nftnl_chain_alloc();

	if (c && nftnl_chain_nlmsg_parse(h, c) == 0 &&
	        is_wanted(r, nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY),
	                nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE)) &&
	        begin_line(r)) {
		fprintf(r->line, CHAIN "%s", nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
		if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
			fprintf(r->line, " hook %u priority %d" POLICY "type %s",
			        nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM),
			        nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO),
			        nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY),
			        nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE));
		end_line(r);
	}
	if (c)
		nftnl_chain_free(c);
}

static void see_counter(struct reading *r, const struct nlmsghdr *h)
{
	struct nftnl_obj *o = nftnl_obj_alloc();

	if (o && nftnl_obj_nlmsg_parse(h, o) == 0 &&
	        is_wanted(r, nftnl_obj_get_u32(o, NFTNL_OBJ_FAMILY), nftnl_obj_get_str(o, NFTNL_OBJ_TABLE)) &&
	        begin_line(r)) {
		fprintf(r->line, "object %s type %u", nftnl_obj_get_str(o, NFTNL_OBJ_NAME),
		        nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE));
		end_line(r);
	}
	if (o)
		nftnl_obj_free(o);
}

static void keep_name(struct reading *r, const char *name)
{
	if (!r->sets)
		return;
	if (r->set_count == SETS_MAX || !(r->sets[r->set_count] = strdup(name)))
		r->shape->error = -ENOMEM;
	else
		r->set_count++;
}

static void see_set(struct reading *r, const struct nlmsghdr *h)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && nftnl_set_nlmsg_parse(h, s) == 0 &&
	        is_wanted(r, nftnl_set_get_u32(s, NFTNL_SET_FAMILY), nftnl_set_get_str(s, NFTNL_SET_TABLE)) &&
	        begin_line(r)) {
		const char *name = nftnl_set_get_str(s, NFTNL_SET_NAME);
		bool timed = nftnl_set_get_u32(s, NFTNL_SET_FLAGS) & NFT_SET_TIMEOUT;

		if (!timed)
			keep_name(r, name);
		fprintf(r->line, SET "%s key %u of %u bytes flags %u size %u", name_of_set(name),
		        nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE), nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN),
		        nftnl_set_get_u32(s, NFTNL_SET_FLAGS), nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE));
		end_line(r);
	}
	if (s)
		nftnl_set_free(s);
}

/* The attribute of this type in what `in` holds, or NULL. */
static const struct nlattr *find_in(const struct nlattr *in, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, in) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static void see_element(struct reading *r, const char *set, const struct nlattr *element)
{
	const struct nlattr *key = find_in(element, NFTA_SET_ELEM_KEY);
	const struct nlattr *value = key ? find_in(key, NFTA_DATA_VALUE) : NULL;
	const struct nlattr *flags = find_in(element, NFTA_SET_ELEM_FLAGS);
	const struct nlattr *data = find_in(element, NFTA_SET_ELEM_DATA);
	const struct nlattr *verdict = data ? find_in(data, NFTA_DATA_VERDICT) : NULL;
	const struct nlattr *chain = verdict ? find_in(verdict, NFTA_VERDICT_CHAIN) : NULL;

	if (!begin_line(r))
		return;
	fprintf(r->line, ELEMENT "%s ", name_of_set(set));
	if (value)
		print_bytes(r->line, mnl_attr_get_payload(value), mnl_attr_get_payload_len(value));
	fprintf(r->line, " flags %u", flags ? ntohl(mnl_attr_get_u32(flags)) : 0);
	if (chain)
		fprintf(r->line, " : %s", mnl_attr_get_str(chain));
	end_line(r);
}

/* Not through libnftnl, which cannot read the list of elements that it makes itself. */
static void see_elements(struct reading *r, const struct nlmsghdr *h)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *of[NFTA_SET_ELEM_LIST_MAX + 1] = { NULL };

	mnl_attr_for_each(a, h, sizeof(*family)) if (mnl_attr_get_type(a) <= NFTA_SET_ELEM_LIST_MAX)
	        of[mnl_attr_get_type(a)] = a;
	if (!of[NFTA_SET_ELEM_LIST_TABLE] || !of[NFTA_SET_ELEM_LIST_SET] ||
	        !of[NFTA_SET_ELEM_LIST_ELEMENTS] ||
	        !is_wanted(r, family->nfgen_family, mnl_attr_get_str(of[NFTA_SET_ELEM_LIST_TABLE])))
		return;
	mnl_attr_for_each_nested(a, of[NFTA_SET_ELEM_LIST_ELEMENTS])
	        see_element(r, mnl_attr_get_str(of[NFTA_SET_ELEM_LIST_SET]), a);
}

/* Place of the next rule in this chain, from 0. */
static unsigned next_place(struct reading *r, const char *chain)
{
	for (unsigned i = 0; i < CHAINS_MAX; i++) {
		if (!*r->chains[i].name)
			strncpy(r->chains[i].name, chain, FOUND_NAME_MAX - 1);
		if (strcmp(r->chains[i].name, chain) == 0)
			return r->chains[i].rules++;
	}
	r->shape->error = -ENOSPC; /* nothing of ours has so many chains */
	return 0;
}

struct expressions {
	FILE *to;
	const struct nlattr *next; /* the same ones, as they are in the message */
};

/* libnftnl sends this name without its end, and so cannot read what it sends itself. */
static void print_object_name(const struct expressions *x)
{
	const struct nlattr *data = find_in(x->next, NFTA_EXPR_DATA);
	const struct nlattr *name = data ? find_in(data, NFTA_OBJREF_IMM_NAME) : NULL;

	if (name)
		fprintf(x->to, "%.*s", (int)mnl_attr_get_payload_len(name), mnl_attr_get_str(name));
}

/* As the kernel tells it, flags and all; not through libnftnl, which prints flags only when they were set
 * and leaks a name that is set anew. */
static void print_lookup(FILE *to, const struct nftnl_expr *lookup)
{
	static const uint16_t numbers[] = { NFTNL_EXPR_LOOKUP_SREG, NFTNL_EXPR_LOOKUP_DREG,
		NFTNL_EXPR_LOOKUP_FLAGS };
	const char *set = nftnl_expr_get_str(lookup, NFTNL_EXPR_LOOKUP_SET);

	fputs(set ? name_of_set(set) : "", to);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		fprintf(to, " %u",
		        nftnl_expr_is_set(lookup, numbers[i]) ? nftnl_expr_get_u32(lookup, numbers[i]) : 0);
}

static int see_expression(struct nftnl_expr *e, void *arg)
{
	struct expressions *x = arg;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	char text[EXPRESSION_MAX] = "";
	uint32_t len = 0;
	const void *info;

	fprintf(x->to, " [%s ", name);
	if (strcmp(name, "objref") == 0) {
		print_object_name(x);
	} else if (strcmp(name, "lookup") == 0) {
		print_lookup(x->to, e);
	} else {
		(void)nftnl_expr_snprintf(text, sizeof(text), e, NFTNL_OUTPUT_DEFAULT, 0);
		fputs(text, x->to);
	}
	if (strcmp(name, "target") == 0) {
		info = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &len);
		print_bytes(x->to, info, info ? len : 0);
	}
	fputc(']', x->to);
	x->next = mnl_attr_next(x->next);
	return 0;
}

static struct expressions begin_expressions(FILE *to, const struct nlmsghdr *h)
{
	struct expressions x = { .to = to };
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) == NFTA_RULE_EXPRESSIONS)
	        x.next = mnl_attr_get_payload(a);
	return x;
}

static void see_rule(struct reading *r, const struct nlmsghdr *h)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct expressions x;
	const void *comment;
	uint32_t len = 0;

	if (rule && nftnl_rule_nlmsg_parse(h, rule) == 0 &&
	        is_wanted(r, nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY),
	                nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)) &&
	        begin_line(r)) {
		const char *chain = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);

		fprintf(r->line, "rule %s %u:", chain, next_place(r, chain));
		x = begin_expressions(r->line, h);
		(void)nftnl_expr_foreach(rule, see_expression, &x);
		comment = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &len);
		print_comment(r->line, comment, comment ? len : 0);
		end_line(r);
	}
	if (rule)
		nftnl_rule_free(rule);
}

/* ---- all ------------------------------------------------------------------------------------- */

static int see(const struct nlmsghdr *h, void *arg)
{
	switch (NFNL_MSG_TYPE(h->nlmsg_type)) {
	case NFT_MSG_NEWTABLE:
		see_table(arg, h);
		break;
	case NFT_MSG_NEWCHAIN:
		see_chain(arg, h);
		break;
	case NFT_MSG_NEWOBJ:
		see_counter(arg, h);
		break;
	case NFT_MSG_NEWSET:
		see_set(arg, h);
		break;
	case NFT_MSG_NEWSETELEM:
		see_elements(arg, h);
		break;
	case NFT_MSG_NEWRULE:
		see_rule(arg, h);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sort(struct shape *s)
{
	if (s->count > 0)
		qsort(s->lines, s->count, sizeof(*s->lines), compare);
	return s->error;
}

int shape_of_batch(struct shape *s, const struct batch *b)
{
	struct reading r = { .shape = s };

	*s = (struct shape) { .error = b->error };
	for (size_t i = 1; i + 1 < b->note_count; i++)
		(void)see((const struct nlmsghdr *)(const void *)(b->bytes + b->notes[i].offset), &r);
	return sort(s);
}

int shape_read(struct shape *s, struct mnl_socket *nl, uint32_t *seq, const char *table)
{
	struct reading r = { .shape = s, .table = table };
	const struct found_question questions[] = {
		{ NFT_MSG_GETTABLE, NLM_F_DUMP, { { 0, NULL } }, see, &r },
		{ NFT_MSG_GETCHAIN, NLM_F_DUMP, { { NFTA_CHAIN_TABLE, table } }, see, &r },
		{ NFT_MSG_GETSET, NLM_F_DUMP, { { NFTA_SET_TABLE, table } }, see, &r },
		{ NFT_MSG_GETOBJ, NLM_F_DUMP, { { NFTA_OBJ_TABLE, table } }, see, &r },
		{ NFT_MSG_GETRULE, NLM_F_DUMP, { { NFTA_RULE_TABLE, table } }, see, &r },
	};
	int error = 0;

	*s = (struct shape) { 0 };
	r.sets = calloc(SETS_MAX, sizeof(*r.sets));
	if (!r.sets)
		return -ENOMEM;
	for (size_t i = 0; !error && i < sizeof(questions) / sizeof(questions[0]); i++)
		error = found_ask(nl, seq, &questions[i]);
	for (size_t i = 0; !error && i < r.set_count; i++)
		error = found_ask(nl, seq,
		        &(const struct found_question) { NFT_MSG_GETSETELEM, NLM_F_DUMP,
		                { { NFTA_SET_ELEM_LIST_TABLE, table },
		                        { NFTA_SET_ELEM_LIST_SET, r.sets[i] } },
		                see, &r });
	while (r.set_count > 0)
		free(r.sets[--r.set_count]);
	free(r.sets);
	if (error == -ENOENT)
		error = 0; /* no such table, say some kernels */
	return error ? error : sort(s);
}

void shape_fini(struct shape *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i]);
	free(s->lines);
	*s = (struct shape) { 0 };
}

const char *shape_difference(const struct shape *a, const struct shape *b, bool *in_a)
{
	for (size_t i = 0; i < a->count || i < b->count; i++) {
		int order = i >= a->count ? 1 : i >= b->count ? -1 : strcmp(a->lines[i], b->lines[i]);

		if (order != 0) {
			*in_a = order < 0;
			return order < 0 ? a->lines[i] : b->lines[i];
		}
	}
	return NULL;
}

/* The name behind the first word. */
static size_t name_len(const char *line)
{
	return strcspn(line + strlen(CHAIN), " ");
}

static bool has_chain(const struct shape *s, const char *line)
{
	const size_t len = strlen(CHAIN) + name_len(line);

	for (size_t i = 0; i < s->count; i++)
		if (strncmp(s->lines[i], line, len) == 0 &&
		        (s->lines[i][len] == ' ' || s->lines[i][len] == '\0'))
			return true;
	return false;
}

void shape_forget_empty(struct shape *kernel, const struct shape *wanted)
{
	char accepts[32];
	size_t kept = 0;

	snprintf(accepts, sizeof(accepts), POLICY, (unsigned)NF_ACCEPT);
	for (size_t i = 0; i < kernel->count; i++) {
		char *line = kernel->lines[i];

		if (strncmp(line, CHAIN, strlen(CHAIN)) == 0 && strstr(line, accepts) &&
		        !has_chain(wanted, line))
			free(line);
		else
			kernel->lines[kept++] = line;
	}
	kernel->count = kept;
}

bool shape_same(const struct shape *a, const struct shape *b)
{
	bool in_a;

	return shape_difference(a, b, &in_a) == NULL;
}

/* The next line from *at on that begins with one of two words and then has this name, or NULL. */
static const char *next_of(
        const struct shape *s, size_t *at, const char *word, const char *other, const char *name)
{
	const size_t len = strlen(name);

	for (; *at < s->count; (*at)++) {
		const char *line = s->lines[*at];

		if (strncmp(line, word, strlen(word)) == 0)
			line += strlen(word);
		else if (strncmp(line, other, strlen(other)) == 0)
			line += strlen(other);
		else
			continue;
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return s->lines[(*at)++];
	}
	return NULL;
}

static bool has_same(
        const struct shape *a, const struct shape *b, const char *word, const char *other, const char *name)
{
	size_t at_a = 0, at_b = 0;
	const char *x, *y;
	bool any = false;

	do {
		x = next_of(a, &at_a, word, other, name);
		y = next_of(b, &at_b, word, other, name);
		if (!x != !y || (x && strcmp(x, y) != 0))
			return false;
		any |= x != NULL;
	} while (x);
	return any;
}

bool shape_has_same_set(const struct shape *a, const struct shape *b, const char *name)
{
	return has_same(a, b, SET, ELEMENT, name);
}

bool shape_has_same_type(const struct shape *a, const struct shape *b, const char *set)
{
	return has_same(a, b, SET, SET, set);
}

const char *shape_next_element(const struct shape *s, size_t *at, const char *set)
{
	const char *line = next_of(s, at, ELEMENT, ELEMENT, set);

	return line ? line + strlen(ELEMENT) + strlen(set) + 1 : NULL;
}

bool shape_has_same_rules(const struct shape *a, const struct shape *b, const char *chain)
{
	return has_same(a, b, "rule ", "rule ", chain);
}
