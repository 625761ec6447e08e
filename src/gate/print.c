/* print.c - the ruleset model as nft text, one function per kind of statement.
 *
 * The text loads with `nft -f` from nftables 1.0.6 on, on kernels with the native queue expression.
 * Statements that nft adds by itself (family, layer-4 protocol) are not printed.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "gate/model.h"

typedef void (*statement_printer)(FILE *to, const struct ruleset *r, const struct model_statement *s);

enum { ELEMENTS_PER_LINE = 6 };

static const char *const mark_names[] = { [MARK_OF_PACKET] = "meta mark", [MARK_OF_CONNECTION] = "ct mark" };

static void print_interface(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "%s %s", s->u.interface.out ? "oif" : "iif",
	        s->u.interface.index == MODEL_LOOPBACK ? "\"lo\"" : "0");
}

static void print_in_set(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	for (unsigned i = 0; i < s->u.in_set.field_count; i++)
		fprintf(to, "%s%s", i ? " . " : "", model_fields[s->u.in_set.fields[i]].text);
	fprintf(to, " @%s", r->sets[s->u.in_set.set].name);
}

static void print_flag_names(FILE *to, uint8_t flags)
{
	static const char *const names[8] = { "fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr" };
	const char *between = "";

	if (flags == 0)
		fputs("0x0", to);
	for (unsigned i = 0; i < 8; i++) {
		if (!(flags >> i & 1))
			continue;
		fprintf(to, "%s%s", between, names[i]);
		between = " | ";
	}
}

static void print_tcp_flags(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "%s & (", model_fields[FIELD_TCP_FLAGS].text);
	print_flag_names(to, s->u.flags.mask);
	fputs(") == ", to);
	print_flag_names(to, s->u.flags.value);
}

static void print_state(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	static const char *const names[] = { [MODEL_RELATED] = "related", [MODEL_INVALID] = "invalid" };

	(void)r;
	fprintf(to, "ct state %s", names[s->u.state]);
}

static void print_mark_test(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "%s & 0x%08x != 0x0", mark_names[s->u.mark_test.of], s->u.mark_test.bits);
}

static void print_mark_set(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	const char *name = mark_names[s->u.mark_set.of];

	(void)r;
	fprintf(to, "%s set %s & 0x%08x", name, name, s->u.mark_set.keep);
	if (s->u.mark_set.set)
		fprintf(to, " | 0x%08x", s->u.mark_set.set);
}

static void print_counter(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "counter name %s", model_counter_names[s->u.counter]);
}

static void print_limit(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "limit rate %u/second burst %u packets", s->u.limit.per_s, s->u.limit.burst);
}

static void print_log(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "log prefix \"%s\" group %u snaplen %u", s->u.log.prefix, s->u.log.group,
	        s->u.log.snaplen);
}

static void print_queue(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r;
	fprintf(to, "queue%s to %u", s->u.queue.bypass ? " flags bypass" : "", s->u.queue.number);
}

static void print_reject(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r, (void)s;
	fputs("reject with tcp reset", to);
}

static void print_drop(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r, (void)s;
	fputs("drop", to);
}

static void print_accept(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r, (void)s;
	fputs("accept", to);
}

static void print_goto(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	fprintf(to, "goto %s", r->chains[s->u.chain].name);
}

static void print_jump(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	fprintf(to, "jump %s", r->chains[s->u.chain].name);
}

static void print_reply(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r, (void)s;
	fputs("ct direction reply", to);
}

static void print_strip_mptcp(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	(void)r, (void)s;
	fputs("reset tcp option mptcp", to);
}

static void print_spread(FILE *to, const struct ruleset *r, const struct model_statement *s)
{
	fprintf(to, "symhash mod %u vmap { ", s->u.spread.count);
	for (unsigned i = 0; i < s->u.spread.count; i++)
		fprintf(to, "%s%u : goto %s", i ? ", " : "", i, r->chains[s->u.spread.first + i].name);
	fputs(" }", to);
}

/* NULL: nft adds it by itself. */
static const statement_printer printers[] = {
	[STATEMENT_TCP] = NULL,
	[STATEMENT_FAMILY] = NULL,
	[STATEMENT_INTERFACE] = print_interface,
	[STATEMENT_IN_SET] = print_in_set,
	[STATEMENT_TCP_FLAGS] = print_tcp_flags,
	[STATEMENT_STATE] = print_state,
	[STATEMENT_MARK_TEST] = print_mark_test,
	[STATEMENT_MARK_SET] = print_mark_set,
	[STATEMENT_COUNTER] = print_counter,
	[STATEMENT_LIMIT] = print_limit,
	[STATEMENT_LOG] = print_log,
	[STATEMENT_QUEUE] = print_queue,
	[STATEMENT_REJECT] = print_reject,
	[STATEMENT_DROP] = print_drop,
	[STATEMENT_ACCEPT] = print_accept,
	[STATEMENT_GOTO] = print_goto,
	[STATEMENT_JUMP] = print_jump,
	[STATEMENT_REPLY] = print_reply,
	[STATEMENT_STRIP_MPTCP] = print_strip_mptcp,
	[STATEMENT_SPREAD] = print_spread,
};
static_assert(sizeof(printers) / sizeof(printers[0]) == STATEMENT_COUNT, "one printer per statement");

static void print_element(FILE *to, const struct model_set *set, const union model_element *e)
{
	const struct model_key_info *key = &model_keys[set->key];
	char text[PREFIX_TEXT_MAX];

	if (key->interval) {
		fputs(prefix_print(&e->range, text), to);
		return;
	}
	for (unsigned i = 0; i < key->field_count; i++)
		fprintf(to, "%s%u", i ? " . " : "", e->parts[i]);
}

static void print_set(FILE *to, const struct model_set *set)
{
	static const char *const flags[2][2] = { { "", "timeout" }, { "interval", "interval,timeout" } };
	const struct model_key_info *key = &model_keys[set->key];

	fprintf(to, "\n\tset %s {\n\t\t%s\n", set->name, key->text);
	if (!key->interval || set->timed)
		fprintf(to, "\t\tsize %" PRIu32 "\n", model_set_places(set));
	if (key->interval || set->timed)
		fprintf(to, "\t\tflags %s\n", flags[key->interval][set->timed > 0]);
	if (set->limits)
		fprintf(to, "\t\tlimit rate over %d/minute burst %d packets\n", MODEL_LIMITED_PER_MIN,
		        MODEL_LIMITED_BURST);
	if (set->count == 0) {
		fputs("\t}\n", to);
		return;
	}
	fputs("\t\telements = {", to);
	for (size_t i = 0; i < set->count; i++) {
		fputs(i % ELEMENTS_PER_LINE ? " " : "\n\t\t\t", to);
		print_element(to, set, &set->elements[i]);
		fputs(i + 1 < set->count ? "," : "\n\t\t}\n\t}\n", to);
	}
}

void ruleset_print_rule(const struct ruleset *r, const struct model_rule *rule, FILE *to)
{
	const char *between = "";

	for (unsigned i = 0; i < rule->statement_count; i++) {
		statement_printer print = printers[rule->statements[i].kind];

		if (!print)
			continue;
		fputs(between, to);
		print(to, r, &rule->statements[i]);
		between = " ";
	}
}

static void print_chain(FILE *to, const struct ruleset *r, unsigned chain)
{
	const struct model_chain *c = &r->chains[chain];

	if (!c->used)
		return;
	fprintf(to, "\n\tchain %s {\n", c->name);
	if (c->hook)
		fprintf(to, "\t\ttype filter hook %s priority %d; policy accept;\n", c->hook, c->priority);
	for (size_t i = 0; i < r->rule_count; i++) {
		const struct model_rule *rule = &r->rules[i];

		if (rule->chain != chain)
			continue;
		if (rule->statement_count == 0) {
			fprintf(to, "\t\t# %s\n", rule->comment);
			continue;
		}
		fputs("\t\t", to);
		ruleset_print_rule(r, rule, to);
		if (rule->comment)
			fprintf(to, " comment \"%s\"", rule->comment);
		fputc('\n', to);
	}
	fputs("\t}\n", to);
}

int ruleset_print(const struct ruleset *r, FILE *to)
{
	fprintf(to,
	        "# Postern's table, made from its configuration: change that, not this.\n"
	        "table inet %s {\n",
	        r->table);
	for (unsigned i = 0; i < MODEL_COUNTER_COUNT; i++)
		fprintf(to, "\tcounter %s {\n\t}\n", model_counter_names[i]);
	for (size_t i = 0; i < r->set_count; i++)
		print_set(to, &r->sets[i]);
	for (unsigned i = 0; i < CHAIN_COUNT; i++)
		print_chain(to, r, i);
	fputs("}\n", to);
	return ferror(to) || fflush(to) == EOF ? -EIO : 0;
}
