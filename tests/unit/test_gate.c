/* test_gate.c - installing rulesets into a real kernel, in namespaces of its own. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "gate/batch.h"
#include "gate/encode.h"
#include "gate/gate.h"
#include "gate/model.h"
#include "gate_policies.h"
#include "netns.h"
#include "suite.h"

static char err[1024];

static struct gate *open_fresh(void)
{
	struct gate *g;

	close(netns_new());
	g = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	return g;
}

static void install(struct gate *g, struct policy *p, const struct ruleset_settings *s)
{
	struct ruleset *r = ruleset_build(p, s);
	int error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	error = gate_install(g, r, err, sizeof(err));
	CU_ASSERT_EQUAL(error, 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	if (error)
		printf("%s\n", err);
	ruleset_free(r);
}

static void install_example(struct gate *g, enum policy_mode mode)
{
	struct policy *p = gate_example_policy(mode);

	install(g, p, &gate_example_settings);
	policy_free(p);
}

/* The table as bytecode and as text, without numbers that differ from one load to the next, and without
 * the queue statement, which nft of today cannot load here. The order of elements and of chains means
 * nothing: hash sets have none, and a chain that was made later is listed later. */
static char *dump(const char *table)
{
	return netns_shell(NULL,
	        "nft --debug=netlink list table inet %s 2>/dev/null | sed -E -e '/^# Warning/d' "
	        "-e '/^  \\[ (target name NFQUEUE|queue|immediate reg 0 continue)/d' -e 's/^(inet [^ ]+ [^ "
	        "]+) [0-9 ]+$/\\1/' "
	        "-e 's/ queue flags bypass to [0-9]+//; s/ xt target \"NFQUEUE\"//' -e "
	        "'s/^\t\t(queue flags bypass to [0-9]+|continue)$//' -e 's/[ \t]+$//' -e "
	        "'/^}?$/d' | awk '"
	        "/^[^\\t }]/ { part = $1 \" \" $3 } /^\\t(set|chain) / { part = $1 \" \" $2 } "
	        "/^\\t\\telements = / { skip = 1 } "
	        "/^\\telement / { print part, $0; next } !skip { print part, ++line[part], $0 } "
	        "/}$/ { skip = 0 }' | sort",
	        table);
}

/* Loads a ruleset's text with nft, less its queue statement. */
static void load_text(struct policy *p, const struct ruleset_settings *s)
{
	struct ruleset *r = ruleset_build(p, s);
	FILE *to = popen("sed -e 's/ queue flags bypass to [0-9]*//' -e 's/^\t\tqueue flags "
	                 ".*/\t\tcontinue/' | nft -f -",
	        "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	CU_ASSERT_EQUAL(ruleset_print(r, to), 0);
	CU_ASSERT_EQUAL(pclose(to), 0);
	ruleset_free(r);
}

static void show_difference(const char *mine, const char *theirs)
{
	char path[2][64];

	for (unsigned i = 0; i < 2; i++) {
		FILE *to;

		snprintf(path[i], sizeof(path[i]), "/tmp/postern-test-gate.%d.%u", (int)getpid(), i);
		to = fopen(path[i], "we");
		assert(to);
		fputs(i ? theirs : mine, to);
		fclose(to);
	}
	free(netns_shell(NULL, "diff -u %s %s >&2", path[0], path[1]));
	unlink(path[0]);
	unlink(path[1]);
}

static void must_equal(const char *a, const char *b)
{
	CU_ASSERT_STRING_EQUAL(a, b);
	if (strcmp(a, b) != 0)
		show_difference(a, b);
}

/* What nft makes from the text and what we send are the same, down to the bytecode. */
static void text_and_messages_agree(struct policy *p, const struct ruleset_settings *s)
{
	struct gate *g = open_fresh();
	char *mine, *theirs;

	install(g, p, s);
	mine = dump("postern");
	CU_ASSERT_EQUAL(gate_remove(g, "postern"), 0);
	load_text(p, s);
	theirs = dump("postern");
	CU_ASSERT(strlen(mine) > 4000);
	must_equal(mine, theirs);
	free(mine);
	free(theirs);
	gate_close(g);
	policy_free(p);
}

static void agrees_for_the_example(void)
{
	text_and_messages_agree(gate_example_policy(MODE_ENFORCE), &gate_example_settings);
	text_and_messages_agree(gate_example_policy(MODE_MONITOR), &gate_example_settings);
}

static void agrees_for_workers_and_self(void)
{
	struct ruleset_settings s = gate_example_settings;
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int isp = gate_group(p, GROUP_UPSTREAM, "isp", "198.51.100.10", "2001:db8:25::/64", NULL);

	gate_rule(p, "out", GROUP_ID_SELF, isp, DO_INSPECT);
	gate_rule(p, "in", GROUP_ID_ANY, GROUP_ID_SELF, DO_INSPECT);
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	s.queues = RULESET_QUEUES_MAX;
	s.drop_invalid = true;
	text_and_messages_agree(p, &s);
}

/* Ends of the address space, neighbours, hosts, one odd name. */
static void agrees_at_the_edges(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_DROP);
	int edges = gate_group(p, GROUP_NETWORK, "edges", "0.0.0.0/8", "192.0.2.0/24", "192.0.3.0/25",
	        "192.0.3.128/26", "240.0.0.0/4", "::/16", "2001:db8::/33", "2001:db8:8000::/34", "ff00::/8",
	        NULL);
	int middle = gate_group(p, GROUP_NETWORK, "in the middle!", "10.0.0.1", "2001:db8::1",
	        "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL);
	int whole = gate_group(p, GROUP_NETWORK, "whole", "0.0.0.0/0", "::/0", NULL);

	gate_rule(p, "a", edges, middle, DO_INSPECT);
	gate_rule(p, "b", whole, GROUP_ID_ANY, DO_REFUSE);
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	text_and_messages_agree(p, &gate_example_settings);
}

static void reinstalls(void)
{
	struct gate *g = open_fresh();
	char *first, *again;

	install_example(g, MODE_ENFORCE);
	first = dump("postern");
	install_example(g, MODE_ENFORCE);
	again = dump("postern");
	must_equal(first, again);
	free(again);
	install_example(g, MODE_MONITOR);
	again = dump("postern");
	CU_ASSERT_STRING_NOT_EQUAL(first, again);
	CU_ASSERT_PTR_NULL(strstr(again, "chain refuse"));
	free(again);
	install_example(g, MODE_ENFORCE);
	again = dump("postern");
	must_equal(first, again);
	free(again);
	free(first);
	gate_close(g);
}

/* What is there already is not sent again; anything else is. */
static void sends_only_what_differs(void)
{
	struct gate *g = open_fresh(), *fresh;
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	static const char *const spoil[] = {
		"nft add rule inet postern forward accept",
		"nft flush chain inet postern forward_mark",
		"nft add chain inet postern more",
		"nft add counter inet postern more",
		"nft add set inet postern more '{ type ipv4_addr; }'",
		"s=$(nft -j list sets inet | grep -o '\"name\": \"[^\"]*' | head -1 | cut -d'\"' -f4); "
		"nft flush set inet postern $s",
	};
	char *before, *after;
	int status;

	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), -ESTALE);
	install_example(g, MODE_ENFORCE);
	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
	before = netns_shell(NULL, "nft -a list table inet postern");
	fresh = gate_open(err, sizeof(err)); /* does not know in which form queues are */
	CU_ASSERT_EQUAL(gate_install(fresh, r, err, sizeof(err)), 0);
	after = netns_shell(NULL, "nft -a list table inet postern");
	CU_ASSERT_STRING_EQUAL(before, after); /* the handles too */
	CU_ASSERT_EQUAL(gate_uses_target(fresh), gate_uses_target(g));
	free(after);
	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		free(netns_shell(&status, "%s", spoil[i]));
		CU_ASSERT_EQUAL(status, 0);
		CU_ASSERT_EQUAL(gate_compare(fresh, r, err, sizeof(err)), -ESTALE);
		CU_ASSERT_EQUAL(gate_install(fresh, r, err, sizeof(err)), 0);
		CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
	}
	free(before);
	ruleset_free(r);
	policy_free(p);
	gate_close(fresh);
	gate_close(g);
}

static void note_table(void *arg, const char *table)
{
	snprintf(arg, 64, "%s", table);
}

static void finds_its_tables(void)
{
	struct gate *g = open_fresh();
	char name[64] = "";

	CU_ASSERT_EQUAL(gate_find_tables(g, note_table, name), 0);
	install_example(g, MODE_MONITOR);
	free(netns_shell(NULL, "nft 'add table inet other; add counter inet other queued'"));
	CU_ASSERT_EQUAL(gate_find_tables(g, note_table, name), 1);
	CU_ASSERT_STRING_EQUAL(name, "postern");
	gate_close(g);
}

/* Handles tell whether something was made anew. */
static char *base_chain_handles(void)
{
	return netns_shell(NULL, "nft -a list table inet postern 2>/dev/null | grep 'chain forward'");
}

static void base_chains_stay(void)
{
	struct gate *g = open_fresh();
	struct ruleset_settings moved = gate_example_settings;
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r;
	char *before, *after;

	install_example(g, MODE_ENFORCE);
	before = base_chain_handles();
	CU_ASSERT_PTR_NOT_NULL(strstr(before, "forward_mark { # handle"));
	install_example(g, MODE_MONITOR);
	after = base_chain_handles();
	must_equal(before, after);
	free(after);
	moved.priority = -10;
	r = ruleset_build(p, &moved);
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "remove the table first: postern down"));
	after = base_chain_handles();
	must_equal(before, after);
	free(after);
	free(before);
	CU_ASSERT_EQUAL(gate_repair(g, r, NULL, 0, err, sizeof(err)), 0); /* but if that is what is wanted */
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
	ruleset_free(r);
	policy_free(p);
	gate_close(g);
}

/* What others, or an older configuration, left in our table goes; their base chains are emptied only. */
static void sweeps_the_table(void)
{
	struct gate *g = open_fresh();
	char *clean, *swept;
	int status;

	install_example(g, MODE_ENFORCE);
	clean = dump("postern");
	free(netns_shell(&status,
	        "nft 'add chain inet postern stray; add rule inet postern stray tcp dport { 1, 2 } accept; "
	        "add set inet postern strays { type ipv6_addr; flags interval; elements = { ff00::/8 }; }; "
	        "add rule inet postern forward ip6 saddr @strays goto stray; delete set inet postern ports' "
	        "2>&1 | grep -q 'in use\\|busy'"));
	free(netns_shell(&status,
	        "nft 'add chain inet postern stray; add rule inet postern stray tcp dport { 1, 2 } accept; "
	        "add set inet postern strays { type ipv6_addr; flags interval; elements = { ff00::/8 }; }; "
	        "add rule inet postern forward ip6 saddr @strays goto stray; "
	        "add map inet postern m { type ipv4_addr : verdict; elements = { 192.0.2.1 : goto stray }; "
	        "}; "
	        "flush set inet postern isp_v4; add chain inet postern forward { policy drop; }'"));
	CU_ASSERT_EQUAL(status, 0);
	swept = dump("postern");
	CU_ASSERT_STRING_NOT_EQUAL(clean, swept);
	free(swept);
	install_example(g, MODE_ENFORCE);
	swept = dump("postern");
	must_equal(clean, swept);
	free(swept);
	free(netns_shell(&status, "nft 'add chain inet postern old { type filter hook input priority -5; }; "
	                          "add rule inet postern old tcp dport 1 drop'"));
	CU_ASSERT_EQUAL(status, 0);
	install_example(g, MODE_ENFORCE);
	swept = netns_shell(NULL, "nft list chain inet postern old 2>&1");
	CU_ASSERT_PTR_NOT_NULL(strstr(swept, "hook input"));
	CU_ASSERT_PTR_NULL(strstr(swept, "dport"));
	free(swept);
	free(clean);
	gate_close(g);
}

static void other_tables_stay(void)
{
	struct gate *g = open_fresh();
	char *before, *after;
	int status;

	free(netns_shell(&status,
	        "nft 'table inet other { set isp_v4 { type ipv4_addr; elements = { 192.0.2.1 } ; }; "
	        "counter queued { packets 7 bytes 7 }; chain forward { type filter hook forward priority 0; "
	        "tcp dport 25 accept; }; }; table ip postern { chain toserver { drop; }; }'"));
	CU_ASSERT_EQUAL(status, 0);
	before = netns_shell(NULL, "nft list ruleset");
	install_example(g, MODE_ENFORCE);
	install_example(g, MODE_MONITOR);
	CU_ASSERT_EQUAL(gate_remove(g, "postern"), 0);
	after = netns_shell(NULL, "nft list ruleset");
	CU_ASSERT(strlen(before) > 100);
	must_equal(before, after);
	free(before);
	free(after);
	gate_close(g);
}

static void removes(void)
{
	struct gate *g = open_fresh();
	struct gate_counts counts;

	CU_ASSERT_EQUAL(gate_remove(g, "postern"), -ENOENT);
	CU_ASSERT_EQUAL(gate_read_counts(g, "postern", &counts), -ENOENT);
	install_example(g, MODE_ENFORCE);
	counts.queued = counts.blind = 99;
	CU_ASSERT_EQUAL(gate_read_counts(g, "postern", &counts), 0);
	CU_ASSERT(counts.queued == 0 && counts.blind == 0);
	CU_ASSERT_EQUAL(gate_remove(g, "postern"), 0);
	CU_ASSERT_EQUAL(gate_remove(g, "postern"), -ENOENT);
	gate_close(g);
}

static void holds_many_prefixes(void)
{
	struct gate *g = open_fresh();
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int many = gate_group(p, GROUP_UPSTREAM, "many", NULL);
	struct ruleset_settings s = gate_example_settings;
	char text[64], *got;

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/25", i / 256, i % 256);
		gate_add(p, many, text);
		snprintf(text, sizeof(text), "2001:db8:%x::/64", i);
		gate_add(p, many, text);
	}
	gate_rule(p, "in", many, GROUP_ID_ANY, DO_INSPECT);
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	install(g, p, &s);
	install(g, p, &s);
	got = netns_shell(NULL, "nft list set inet postern many_v4 | grep -o '[0-9.]*/25' | sort -u | wc -l");
	CU_ASSERT_EQUAL(atoi(got), 5000);
	free(got);
	got = netns_shell(
	        NULL, "nft list set inet postern many_v6 | grep -o '[0-9a-f:]*/64' | sort -u | wc -l");
	CU_ASSERT_EQUAL(atoi(got), 5000);
	free(got);
	policy_free(p);
	gate_close(g);
}

/* A batch that fails at its end leaves everything as it was. */
static void a_failed_batch_changes_nothing(void)
{
	struct gate *g = open_fresh();
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	char *before, *after;

	install_example(g, MODE_MONITOR);
	before = dump("postern");
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	MODEL_RULE(r, CHAIN_CUT, NULL, model_goto(CHAIN_WOULD)); /* which this ruleset does not have */
	CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "kernel refused in chain cut the rule `goto would`"));
	after = dump("postern");
	must_equal(before, after);
	free(after);
	free(before);
	install_example(g, MODE_ENFORCE); /* and the gate can go on */
	ruleset_free(r);
	policy_free(p);
	gate_close(g);
}

/* A batch made for an older state of nf_tables is refused as a whole. */
static void an_outdated_batch_is_refused(void)
{
	struct gate *g = open_fresh(); /* nf_tables has no generation 1000000 here yet */
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	struct batch_refusal refusal;
	struct batch b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(nl);
	CU_ASSERT_EQUAL(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	for (unsigned outdated = 0; outdated < 2; outdated++) {
		batch_init(&b, 1);
		batch_begin(&b, outdated ? 1000000 : 0);
		encode_table(&b, "x", 0);
		batch_end(&b);
		refusal = batch_send(&b, nl);
		CU_ASSERT_EQUAL(refusal.error, outdated ? -ERESTART : 0);
		CU_ASSERT_PTR_NULL(refusal.note);
		batch_fini(&b);
	}
	mnl_socket_close(nl);
	gate_close(g);
}

/* Runs last: the program cannot get the capability back. */
static void says_how_to_get_the_right(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	CU_ASSERT_EQUAL_FATAL(syscall(SYS_capset, &header, data), 0);
	errno = 0;
	CU_ASSERT_PTR_NULL(gate_open(err, sizeof(err)));
	CU_ASSERT_EQUAL(errno, EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "CAP_NET_ADMIN"));
}

SUITE("gate", { "text and messages agree", agrees_for_the_example },
        { "they agree for workers and self", agrees_for_workers_and_self },
        { "they agree at the edges of the address space", agrees_at_the_edges },
        { "installs again, and another ruleset", reinstalls },
        { "sends only what differs", sends_only_what_differs }, { "finds its tables", finds_its_tables },
        { "base chains stay", base_chains_stay }, { "sweeps its own table", sweeps_the_table },
        { "leaves other tables alone", other_tables_stay },
        { "removes, and says when there is nothing", removes },
        { "5,000 prefixes of each family", holds_many_prefixes },
        { "a failed batch changes nothing", a_failed_batch_changes_nothing },
        { "an outdated batch is refused", an_outdated_batch_is_refused },
        { "no right: says how to get it", says_how_to_get_the_right })
