/* test_conf.c - good configurations become the right settings and policies. What is wrong with bad
 * ones is in test_conf_errors.c. */
#include <errno.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/build.h"
#include "conf_files.h"
#include "conf_watching.h"
#include "smtp/address.h"
#include "suite.h"

static struct addr address(const char *text)
{
	struct addr a = { 0 };

	CU_ASSERT_EQUAL(addr_parse(text, &a), 0);
	return a;
}

static struct policy_connection judge(const struct conf *c, const char *from, const char *to)
{
	struct addr src = address(from), dst = address(to);

	return policy_judge_connection(c->policy, &src, &dst, SELF_NEITHER);
}

static bool is_in(const struct conf *c, const char *group, const char *text)
{
	struct addr a = address(text);
	struct policy_groups found = policy_lookup(c->policy, &a);
	int id = policy_group_find(c->policy, group);

	CU_ASSERT_FATAL(id >= 0);
	return policy_groups_have(&found, (unsigned)id);
}

static void check_defaults(const struct conf *c)
{
	const struct policy_settings *s = policy_settings(c->policy);

	CU_ASSERT_EQUAL(s->mode, MODE_MONITOR);
	CU_ASSERT_EQUAL(s->otherwise, DO_REFUSE);
	CU_ASSERT_EQUAL(s->relay_action, ACTION_ALERT);
	CU_ASSERT_EQUAL(s->tricks_action, ACTION_ALERT);
	CU_ASSERT_EQUAL(s->smuggling_action, ACTION_ALERT);
	CU_ASSERT_EQUAL(s->slow_hold_ms, 8000);
	CU_ASSERT_EQUAL(s->slow_session_ms, 60000);
	CU_ASSERT_EQUAL(s->slow_packets, 256);
	CU_ASSERT_EQUAL(s->max_refusals, 3);
	CU_ASSERT_EQUAL(s->port_count, 1);
	CU_ASSERT_EQUAL(s->ports[0], 25);
	CU_ASSERT_EQUAL(c->queue.number, 2500);
	CU_ASSERT(c->queue.workers >= 1 && c->queue.workers <= CONF_WORKERS_MAX);
	CU_ASSERT_EQUAL(c->queue.length, 16384);
	CU_ASSERT_EQUAL(c->queue.fail, CONF_FAIL_OPEN);
	CU_ASSERT_STRING_EQUAL(c->nft.table, "postern");
	CU_ASSERT_EQUAL(c->nft.priority, -5);
	CU_ASSERT_EQUAL(c->nft.mark_mask, 0x0f000000);
	CU_ASSERT_EQUAL(c->nft.hooks, (1 << CONF_HOOK_COUNT) - 1);
	CU_ASSERT(!c->nft.bridge);
	CU_ASSERT(!c->nft.drop_invalid);
	CU_ASSERT(c->nft.own);
	CU_ASSERT_STRING_EQUAL(c->log.eve, "/var/log/postern/eve.json");
	CU_ASSERT_FALSE(c->log.alerts_only);
	CU_ASSERT_FALSE(c->privacy.records);
	CU_ASSERT_FALSE(c->privacy.alerts);
	CU_ASSERT_EQUAL(c->log.stats_s, 60);
	CU_ASSERT_STRING_EQUAL(c->log.ecs, "");
	CU_ASSERT_STRING_EQUAL(c->log.cef, "");
	CU_ASSERT_EQUAL(c->log.syslog.kind, RECEIVER_NONE);
	CU_ASSERT_EQUAL(c->log.syslog_format, CONF_SYSLOG_RFC5424);
	CU_ASSERT_EQUAL(c->log.syslog_facility, 10);
	CU_ASSERT_EQUAL(c->log.per_source.most, 600);
	CU_ASSERT_EQUAL(c->log.per_source.window_s, 60);
	CU_ASSERT_EQUAL(c->log.total.most, 64 << 20);
	CU_ASSERT_EQUAL(c->log.total.window_s, 60);
	CU_ASSERT_EQUAL(c->log.keep_free, 256 << 20);
	CU_ASSERT_EQUAL(policy_rule_count(c->policy), 0);
}

static void empty_file_means_defaults(void)
{
	struct conf *c;

	CU_ASSERT_EQUAL_FATAL(conf_read_text("", &c), 0);
	check_defaults(c);
	CU_ASSERT_STRING_EQUAL(conf_errors, "");
	CU_ASSERT_STRING_EQUAL(conf_warnings, "");
	conf_free(c);
}

/* Each default of the key table, written into a file, is accepted and changes nothing. */
static void defaults_can_be_written(void)
{
	char text[8192] = "";
	const struct key *key;
	struct conf *c;
	unsigned kind;

	for (kind = 0; kind < BLOCK_KINDS; kind++) {
		const struct block_info *info = &block_infos[kind];

		if (info->titled)
			continue;
		if (kind != BLOCK_ROOT)
			sprintf(text + strlen(text), "%s {\n", info->name);
		for (key = NULL; (key = key_next(kind, key));)
			if (key->fallback)
				sprintf(text + strlen(text),
				        key_types[key->type].list ? "%s = { %s }\n" : "%s = %s\n", key->name,
				        key->fallback);
		if (kind != BLOCK_ROOT)
			strcat(text, "}\n");
	}
	CU_ASSERT_EQUAL_FATAL(conf_read_text(text, &c), 0);
	check_defaults(c);
	conf_free(c);
}

static const char every_key[] =
        "mode = enforce\n"
        "home = { 10.0.0.0/8 }\n"
        "not-home = { 10.0.0.1, 10.9.0.0/16 }\n"
        "ports = { 25, 2525 }\n"
        "otherwise = drop\n"
        "upstream isp { addresses = { 198.51.100.10, \"2001:db8:25::/64\" } }\n"
        "upstream followed { mx-of = { example.net, \"b\u00fccher.example\" }\n"
        " spf-of = { spf.example.net } hosts = { Smtp.example.net } grace = 2h allow-private = yes\n"
        " resolver = { \"192.0.2.54@5353\" } }\n"
        "dns { server = { 192.0.2.53, \"2001:db8::53\" } trust-anchor = /etc/anchor require-dnssec = yes "
        "refresh = 1m }\n"
        "servers \"mail\" {\n"
        "  addresses = { 192.0.2.10, 192.0.2.0/27 }  public = { 203.0.113.5 }\n"
        "  names = { MX.Example.org. }\n"
        "  domains = { example.org, .example.org, \"B\xc3\x9c"
        "CHER.example\" }\n"
        "  domains-file = more.domains\n"
        "  may-relay = { 203.0.113.99 }\n"
        "}\n"
        "network customers { addresses = { 100.64.0.0/12 }  file = more.nets }\n"
        "rule \"in\" { from = { isp, 198.51.100.99 }\n"
        "  to = { mail }  do = inspect }\n"
        "rule out { from = { servers }  to = { any }  do = refuse }\n"
        "never-block = { customers, 192.0.2.77 }\n"
        "relay { action = refuse-recipient  tricks = reset  max-refusals = 7  block-for = 2d }\n"
        "block { size = 1000 }\n"
        "smuggling { action = reset }\n"
        "slow { hold = 3s session = 20s packets = 77 }\n"
        "data { watch = 64k  trusted = { isp, 203.0.113.77 } }\n"
        "queue { number = 7  workers = 3  length = 1024  fail = closed }\n"
        "nft { table = gate-1  priority = 400  mark-mask = 0xf0  bridge = yes  drop-invalid = yes  own = no  "
        "hooks = { output, forward } }\n"
        "dnsbl { zones = { \"bl.example.net=127.0.0.2,127.0.0.4-11\", Zen.Example.ORG }  action = "
        "refuse-session  "
        "cache-least = 30s  cache-most = 2h  test = 10m  timeout = 3s }\n"
        "log { eve = -  alerts-only = yes  stats = 2h  ecs = \"/e\" cef = \"/c\" syslog = "
        "\"udp://192.0.2.9:515\"\n"
        "  syslog-format = cef syslog-facility = local7 per-source = \"7/2m\" total = \"1M/1h\" keep-free = "
        "64M }\n"
        "privacy { local-parts = hash  alerts = hash }\n"
        "store { path = /tmp/kept.db  keep = 2h  keep-envelopes = 1h }\n"
        "control { path = /tmp/ask.sock  group = mail-admins }\n" CONF_WATCHING_TEXT
        "suppress \"partner\" { rule = { sender.spoof, 1025415 }  source = { customers, 203.0.113.7 }  "
        "until = \"2030-01-01T12:00:00+02:00\"  reason = \"sends for us\" }\n"
        "suppress printers { source = { home }  rule = { all }  until = 2030-01-31  reason = old }\n"
        "include(more.conf)\n";

static struct conf *load_every_key(void)
{
	struct conf *c = NULL;

	conf_write("more.domains", "# ours, too\nexample.net\n  .example.net   # sub\r\n\n");
	conf_write("more.nets", "192.168.7.0/24\n192.168.8.1");
	conf_write("more.conf", "rule \"last\" { from = { home } to = { 192.0.2.99 } }\n");
	conf_read_text(every_key, &c);
	CU_ASSERT_STRING_EQUAL(conf_errors, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

/* Whoever adds a key has to use it in every_key, and to assert below what it does (of volume blocks and behaviours: in
 * test_conf_watching.c). */
static void every_key_is_in_the_test(void)
{
	char written[80];
	size_t i;

	for (i = 0; i < key_count; i++) {
		snprintf(written, sizeof(written),
		        keys[i].type == KEY_INCLUDE ? "%s(" : "%s = ", keys[i].name);
		if (!strstr(every_key, written))
			fprintf(stderr, "%s is in no test\n", keys[i].name);
		CU_ASSERT_PTR_NOT_NULL(strstr(every_key, written));
	}
}

static bool is_suppressed(
        const struct policy *p, uint32_t id, const char *source, uint64_t time_us, int wanted)
{
	struct finding f = { .id = id, .time_us = time_us };

	CU_ASSERT_EQUAL(addr_parse(source, &f.conn.src), 0);
	return suppress_find(p, &f) == wanted;
}

/* Of a server that many sources are at. */
static bool is_suppressed_target(const struct policy *p, const char *source, const char *server, int wanted)
{
	struct finding f = { .id = FINDING_SENDER_SPOOF, .time_us = 1, .at_target = 1 };

	CU_ASSERT_EQUAL(addr_parse(source, &f.conn.src), 0);
	CU_ASSERT_EQUAL(addr_parse(server, &f.conn.dst), 0);
	return suppress_find(p, &f) == wanted;
}

static void suppressions_arrive(void)
{
	static const uint64_t noon_us = UINT64_C(1893492000) * 1000000; /* 2030-01-01T10:00:00Z */
	static const uint64_t february_us = UINT64_C(1896134400) * 1000000;
	struct conf *c = load_every_key();
	const struct suppressions *s = policy_suppressions(c->policy);

	CU_ASSERT_EQUAL_FATAL(s->count, 2);
	CU_ASSERT_STRING_EQUAL(s->list[0].name, "partner");
	CU_ASSERT_STRING_EQUAL(s->list[0].reason, "sends for us");
	CU_ASSERT_EQUAL(s->list[0].until_us, noon_us);
	CU_ASSERT_EQUAL(s->list[1].until_us, february_us);
	CU_ASSERT(is_suppressed(c->policy, FINDING_SENDER_SPOOF, "203.0.113.7", 1, 0));
	CU_ASSERT(is_suppressed(c->policy, FINDING_STARTTLS_UNUSED, "100.64.1.1", noon_us - 1, 0));
	CU_ASSERT(is_suppressed(c->policy, FINDING_STARTTLS_UNUSED, "100.64.1.1", noon_us, -1));
	CU_ASSERT(is_suppressed(c->policy, FINDING_HELO_FORGED, "203.0.113.7", 1, -1));
	CU_ASSERT(is_suppressed(c->policy, FINDING_SENDER_SPOOF, "203.0.113.8", 1, -1));
	CU_ASSERT(is_suppressed(c->policy, FINDING_TLS_OLD, "10.0.0.9", 1, 1));
	CU_ASSERT(is_suppressed(c->policy, FINDING_TLS_OLD, "10.0.0.9", february_us, -1));
	CU_ASSERT(is_suppressed_target(c->policy, "203.0.113.7", "192.0.2.1", -1)); /* one of many */
	CU_ASSERT(is_suppressed_target(c->policy, "192.0.2.1", "203.0.113.7", 0));
	CU_ASSERT(is_suppressed(c->policy, FINDING_AUDIT, "10.0.0.9", 1, -1)); /* the gate itself */
	conf_free(c);
}

static void lists_arrive(void)
{
	struct conf *c = load_every_key();

	CU_ASSERT_EQUAL_FATAL(c->dnsbl.count, 2);
	CU_ASSERT_STRING_EQUAL(c->dnsbl.lists[0].zone, "bl.example.net");
	CU_ASSERT_EQUAL(c->dnsbl.lists[0].codes.count, 2);
	CU_ASSERT_EQUAL(c->dnsbl.lists[0].codes.ranges[1].last, 0x7f00000b);
	CU_ASSERT_STRING_EQUAL(c->dnsbl.lists[1].zone, "zen.example.org");
	CU_ASSERT_EQUAL(c->dnsbl.lists[1].codes.count, 0);
	CU_ASSERT_EQUAL(c->dnsbl.action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(c->dnsbl.least_s, 30);
	CU_ASSERT_EQUAL(c->dnsbl.most_s, 7200);
	CU_ASSERT_EQUAL(c->dnsbl.test_s, 600);
	CU_ASSERT_EQUAL(c->dnsbl.timeout_s, 3);
	CU_ASSERT_STRING_EQUAL(policy_settings(c->policy)->lists[1], "zen.example.org");
	conf_free(c);
}

static void scalars_arrive(void)
{
	struct conf *c = load_every_key();
	const struct policy_settings *s = policy_settings(c->policy);

	CU_ASSERT_EQUAL(s->mode, MODE_ENFORCE);
	CU_ASSERT_EQUAL(s->otherwise, DO_DROP);
	CU_ASSERT_EQUAL(s->relay_action, ACTION_REFUSE_RECIPIENT);
	CU_ASSERT_EQUAL(s->tricks_action, ACTION_RESET);
	CU_ASSERT_EQUAL(s->smuggling_action, ACTION_RESET);
	CU_ASSERT_EQUAL(s->slow_hold_ms, 3000);
	CU_ASSERT_EQUAL(s->slow_session_ms, 20000);
	CU_ASSERT_EQUAL(s->slow_packets, 77);
	CU_ASSERT_EQUAL(s->max_refusals, 7);
	CU_ASSERT_EQUAL(s->watch, WATCH_64K);
	CU_ASSERT(policy_groups_have(&s->trusted, (unsigned)policy_group_find(c->policy, "isp")));
	CU_ASSERT(policy_groups_have(&s->trusted, (unsigned)policy_group_find(c->policy, "203.0.113.77")));
	CU_ASSERT(!policy_groups_have(&s->trusted, (unsigned)policy_group_find(c->policy, "mail")));
	CU_ASSERT_EQUAL(s->block_for_s, 2 * 86400);
	CU_ASSERT_EQUAL(c->block_size, 1000);
	CU_ASSERT(policy_groups_have(&s->never_block, (unsigned)policy_group_find(c->policy, "customers")));
	CU_ASSERT(policy_groups_have(&s->never_block, (unsigned)policy_group_find(c->policy, "192.0.2.77")));
	CU_ASSERT_EQUAL(s->port_count, 2);
	CU_ASSERT_EQUAL(s->ports[0], 25);
	CU_ASSERT_EQUAL(s->ports[1], 2525);
	CU_ASSERT_EQUAL(c->queue.number, 7);
	CU_ASSERT_EQUAL(c->queue.workers, 3);
	CU_ASSERT_EQUAL(c->queue.length, 1024);
	CU_ASSERT_EQUAL(c->queue.fail, CONF_FAIL_CLOSED);
	CU_ASSERT_STRING_EQUAL(c->nft.table, "gate-1");
	CU_ASSERT_EQUAL(c->nft.priority, 400);
	CU_ASSERT_EQUAL(c->nft.mark_mask, 0xf0);
	CU_ASSERT_EQUAL(c->nft.hooks, 1 << CONF_HOOK_FORWARD | 1 << CONF_HOOK_OUTPUT);
	CU_ASSERT(c->nft.bridge);
	CU_ASSERT(c->nft.drop_invalid);
	CU_ASSERT(!c->nft.own);
	CU_ASSERT_STRING_EQUAL(c->log.eve, "-");
	CU_ASSERT_TRUE(c->log.alerts_only);
	CU_ASSERT_EQUAL(c->log.stats_s, 7200);
	CU_ASSERT_STRING_EQUAL(c->log.ecs, "/e");
	CU_ASSERT_STRING_EQUAL(c->log.cef, "/c");
	CU_ASSERT_EQUAL(c->log.syslog.kind, RECEIVER_UDP);
	CU_ASSERT_EQUAL(c->log.syslog.port, 515);
	CU_ASSERT_EQUAL(c->log.syslog_format, CONF_SYSLOG_CEF);
	CU_ASSERT_EQUAL(c->log.syslog_facility, 23);
	CU_ASSERT_EQUAL(c->log.per_source.most, 7);
	CU_ASSERT_EQUAL(c->log.per_source.window_s, 120);
	CU_ASSERT_EQUAL(c->log.total.most, 1 << 20);
	CU_ASSERT_EQUAL(c->log.total.window_s, 3600);
	CU_ASSERT_EQUAL(c->log.keep_free, 64 << 20);
	CU_ASSERT_EQUAL_FATAL(c->upstream_count, 1);
	CU_ASSERT_EQUAL(c->upstreams[0].group, policy_group_find(c->policy, "followed"));
	CU_ASSERT_EQUAL_FATAL(c->upstreams[0].name_count, 4);
	CU_ASSERT_STRING_EQUAL(c->upstreams[0].names[1].name, "xn--bcher-kva.example");
	CU_ASSERT_EQUAL(c->upstreams[0].names[2].source, CONF_SPF_OF);
	CU_ASSERT_STRING_EQUAL(c->upstreams[0].names[3].name, "smtp.example.net");
	CU_ASSERT_EQUAL(c->upstreams[0].grace_s, 7200);
	CU_ASSERT(c->upstreams[0].allow_private);
	CU_ASSERT_STRING_EQUAL(c->upstreams[0].resolvers[0], "192.0.2.54@5353");
	CU_ASSERT_EQUAL_FATAL(c->dns.server_count, 2);
	CU_ASSERT_STRING_EQUAL(c->dns.servers[1], "2001:db8::53");
	CU_ASSERT(c->dns.require_dnssec && c->dns.refresh_s == 60);
	CU_ASSERT_STRING_EQUAL(c->dns.trust_anchor, "/etc/anchor");
	CU_ASSERT_STRING_EQUAL(c->store.path, "/tmp/kept.db");
	CU_ASSERT_EQUAL(c->store.keep_s, 7200);
	CU_ASSERT_EQUAL(c->store.envelope_s, 3600);
	CU_ASSERT_STRING_EQUAL(c->control.path, "/tmp/ask.sock");
	CU_ASSERT_STRING_EQUAL(c->control.group, "mail-admins");
	CU_ASSERT_TRUE(c->privacy.records);
	CU_ASSERT_TRUE(c->privacy.alerts);
	conf_free(c);
}

static void groups_arrive(void)
{
	struct conf *c = load_every_key();

	CU_ASSERT_TRUE(is_in(c, "home", "10.1.2.3"));
	CU_ASSERT_FALSE(is_in(c, "home", "10.0.0.1"));
	CU_ASSERT_FALSE(is_in(c, "home", "10.9.1.1"));
	CU_ASSERT_TRUE(is_in(c, "isp", "198.51.100.10"));
	CU_ASSERT_TRUE(is_in(c, "isp", "2001:db8:25::77"));
	CU_ASSERT_FALSE(is_in(c, "isp", "198.51.100.11"));
	CU_ASSERT_TRUE(is_in(c, "mail", "192.0.2.10"));
	CU_ASSERT_TRUE(is_in(c, "servers", "192.0.2.10"));
	CU_ASSERT_FALSE(is_in(c, "mail", "203.0.113.5"));
	CU_ASSERT_TRUE(is_in(c, "customers", "100.65.0.1"));
	CU_ASSERT_TRUE(is_in(c, "customers", "192.168.7.200"));
	CU_ASSERT_TRUE(is_in(c, "customers", "192.168.8.1"));
	CU_ASSERT_TRUE(judge(c, "203.0.113.99", "192.0.2.10").client_ours); /* may-relay */
	CU_ASSERT_FALSE(judge(c, "203.0.113.98", "192.0.2.10").client_ours);
	conf_free(c);
}

static void rules_arrive(void)
{
	struct conf *c = load_every_key();

	CU_ASSERT_EQUAL(policy_rule_count(c->policy), 3);
	CU_ASSERT_STRING_EQUAL(policy_rule(c->policy, 2).title, "last");
	CU_ASSERT_EQUAL(judge(c, "198.51.100.10", "192.0.2.10").rule, 0);
	CU_ASSERT_EQUAL(judge(c, "198.51.100.99", "192.0.2.10").rule, 0);
	CU_ASSERT_EQUAL(judge(c, "192.0.2.10", "8.8.8.8").rule, 1);
	CU_ASSERT_EQUAL(judge(c, "192.0.2.10", "8.8.8.8").what, DO_REFUSE);
	CU_ASSERT_EQUAL(judge(c, "10.1.1.1", "192.0.2.99").rule, 2);
	CU_ASSERT_EQUAL(judge(c, "10.1.1.1", "192.0.2.99").what, DO_INSPECT); /* default of do */
	CU_ASSERT_EQUAL(judge(c, "8.8.8.8", "192.0.2.10").rule, POLICY_OTHERWISE);
	conf_free(c);
}

/* domain: as smtp hands it on, lower-case. */
static bool is_ours(const struct conf *c, const char *domain)
{
	struct smtp_address to = { .form = SMTP_FORM_PLAIN, .hop_count = 1 };
	int server = policy_group_find(c->policy, "mail");

	CU_ASSERT_FATAL(server >= 0);
	to.hops[0].len = (uint16_t)snprintf(to.hops[0].domain, sizeof(to.hops[0].domain), "%s", domain);
	if (domain[0] == '[') {
		char text[ADDR_TEXT_MAX];

		snprintf(text, sizeof(text), "%.*s", (int)strcspn(domain + 1, "]"), domain + 1);
		to.hops[0].literal = true;
		to.hops[0].addr = address(text);
	}
	return policy_judge_recipient(c->policy, server, &to).ours;
}

static void names_arrive(void)
{
	struct conf *c = load_every_key();

	CU_ASSERT_TRUE(is_ours(c, "example.org"));
	CU_ASSERT_TRUE(is_ours(c, "a.b.example.org"));
	CU_ASSERT_TRUE(is_ours(c, "xn--bcher-kva.example"));
	CU_ASSERT_TRUE(is_ours(c, "b\xc3\xbc"
	                          "cher.example"));
	CU_ASSERT_TRUE(is_ours(c, "example.net"));
	CU_ASSERT_TRUE(is_ours(c, "sub.example.net"));
	CU_ASSERT_TRUE(is_ours(c, "mx.example.org"));
	CU_ASSERT_TRUE(is_ours(c, "[203.0.113.5]"));
	CU_ASSERT_FALSE(is_ours(c, "[203.0.113.6]"));
	CU_ASSERT_FALSE(is_ours(c, "example.com"));
	CU_ASSERT_FALSE(is_ours(c, "notexample.org"));
	conf_free(c);
}

static void monitor_can_be_forced(void)
{
	const struct conf_options force = { .force_monitor = true }, keep = { .force_monitor = false };
	struct conf *c;

	conf_write("t.conf", "mode = enforce\notherwise = inspect\n");
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", &force, &c), 0);
	CU_ASSERT_EQUAL(policy_settings(c->policy)->mode, MODE_MONITOR);
	conf_free(c);
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", &keep, &c), 0);
	CU_ASSERT_EQUAL(policy_settings(c->policy)->mode, MODE_ENFORCE);
	conf_free(c);
}

static void hash_of(char hash[17])
{
	struct conf *c;

	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", NULL, &c), 0);
	memcpy(hash, c->hash, sizeof(c->hash));
	CU_ASSERT_EQUAL(strlen(hash), 16);
	CU_ASSERT_EQUAL(strspn(hash, "0123456789abcdef"), 16);
	conf_free(c);
}

/* The hash changes with every byte of every file, comments too, and with nothing else. */
static void hash_covers_all_files(void)
{
	char first[17], again[17], hash[17];

	conf_write("t.conf", "include(\"more.conf\")\n"
	                     "servers m { addresses = { 192.0.2.1 } domains-file = \"more.domains\" }\n");
	conf_write("more.conf", "home = { 10.0.0.0/8 }\n");
	conf_write("more.domains", "example.org\n");
	hash_of(first);
	hash_of(again);
	CU_ASSERT_STRING_EQUAL(first, again);
	conf_write("more.domains", "example.org\n#\n");
	hash_of(hash);
	CU_ASSERT_STRING_NOT_EQUAL(first, hash);
	conf_write("more.domains", "example.org\n");
	conf_write("more.conf", "home = { 10.0.0.0/8 } \n");
	hash_of(hash);
	CU_ASSERT_STRING_NOT_EQUAL(first, hash);
	conf_write("more.conf", "home = { 10.0.0.0/8 }\n");
	hash_of(hash);
	CU_ASSERT_STRING_EQUAL(first, hash);
}

/* A list named in an included file lies beside that file. */
/* What a daemon needs to see that a list is another one, and only a list. */
static void lists_have_versions(void)
{
	struct conf *c = load_every_key(), *again;
	struct conf_stamp now;

	CU_ASSERT_EQUAL_FATAL(c->list_count, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(c->lists[0].path, "/more.domains"));
	conf_stamp_read(c->lists[0].path, &now);
	CU_ASSERT_EQUAL(memcmp(&now, &c->lists[0].stamp, sizeof(now)), 0);
	conf_write("more.domains", "example.com\nexample.net\n");
	conf_stamp_read(c->lists[0].path, &now);
	CU_ASSERT_NOT_EQUAL(memcmp(&now, &c->lists[0].stamp, sizeof(now)), 0);
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", NULL, &again), 0);
	CU_ASSERT_STRING_NOT_EQUAL(again->hash, c->hash);
	CU_ASSERT_STRING_EQUAL(again->own_hash, c->own_hash);
	conf_free(again);
	conf_write("more.conf", "rule \"other\" { from = { home } to = { 192.0.2.99 } }\n");
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", NULL, &again), 0);
	CU_ASSERT_STRING_NOT_EQUAL(again->own_hash, c->own_hash);
	conf_free(again);
	conf_free(c);
	conf_stamp_read("/nowhere", &now);
	CU_ASSERT_EQUAL(now.inode, 0);
}

static void includes_are_relative_to_their_file(void)
{
	char folder[256];
	struct conf *c;

	conf_write("t.conf", "include(\"sub/in.conf\")\nhome += { 10.3.0.0/16 }\n");
	snprintf(folder, sizeof(folder), "%s/sub", conf_folder);
	CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
	conf_write("sub/in.conf", "network \"n\" { file = \"nets\" }\ninclude(\"deep.conf\")\n");
	conf_write("sub/deep.conf", "mode = enforce\notherwise = inspect\n");
	conf_write("sub/nets", "10.2.0.0/16\n");
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", NULL, &c), 0);
	CU_ASSERT_TRUE(is_in(c, "n", "10.2.0.1"));
	CU_ASSERT_TRUE(is_in(c, "home", "10.3.0.1"));
	CU_ASSERT_EQUAL(policy_settings(c->policy)->mode, MODE_ENFORCE);
	conf_free(c);
}

/* A daemon reloads: what one reading leaves behind in libconfuse must not spoil the next. */
static void bad_files_do_not_spoil_later_ones(void)
{
	struct conf *c;
	int i;

	conf_write("loop.conf", "include(\"loop.conf\")\n");
	for (i = 0; i < 25; i++) {
		CU_ASSERT_EQUAL(conf_read_text("include(\"loop.conf\")\n", &c), -EINVAL);
		CU_ASSERT_EQUAL(conf_read_text("mode = \"a\\999\"\n", &c), -EINVAL);
		CU_ASSERT_EQUAL(conf_read_text("home = { \"1\n", &c), -EINVAL);
		CU_ASSERT_EQUAL(conf_read_text("upstream \"x\" { foo = {\n", &c), -EINVAL);
		conf_free(load_every_key());
	}
}

#define BOM "\xef\xbb\xbf"

/* Files as editors elsewhere save them: byte order mark, CRLF, no newline at the end. */
static void foreign_line_ends_are_read(void)
{
	struct policy_group_view mail, net;
	struct conf *c;

	conf_write("crlf.domains", BOM "example.net\r\n\r\n# more\r\nexample.com");
	conf_write("crlf.nets", BOM "10.0.0.0/8\r\n192.0.2.7\r\n2001:db8::/32");
	CU_ASSERT_EQUAL_FATAL(conf_read_text(BOM "mode = enforce\r\n"
	                                         "home = { \"10.0.0.0/8\",\r\n \"11.0.0.0/8\" }\r\n"
	                                         "network \"n\" { file = \"crlf.nets\" }\r\n"
	                                         "servers \"m\" { addresses = { \"192.0.2.1\" }\r\n"
	                                         " domains-file = \"crlf.domains\" }\r\n"
	                                         "otherwise = inspect",
	                              &c),
	        0);
	CU_ASSERT_EQUAL(policy_settings(c->policy)->mode, MODE_ENFORCE);
	CU_ASSERT_EQUAL(policy_settings(c->policy)->otherwise, DO_INSPECT);
	mail = policy_group(c->policy, (unsigned)policy_group_find(c->policy, "m"));
	net = policy_group(c->policy, (unsigned)policy_group_find(c->policy, "n"));
	CU_ASSERT_EQUAL(mail.domain_count, 2);
	CU_ASSERT_EQUAL(net.prefix_count, 3);
	conf_free(c);
	CU_ASSERT_EQUAL(conf_read_text(BOM "\r\nmode = enfroce\r\n", &c), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(conf_errors, "t.conf:2: mode = \"enfroce\" is unknown"));
}

static void offline_without_options_knows_nothing(void)
{
	struct policy_connection pc;
	struct conf *c;

	CU_ASSERT_EQUAL_FATAL(conf_offline(NULL, 0, NULL, 0, NULL, 0, &c, conf_on_error, NULL), 0);
	CU_ASSERT_TRUE(policy_has_port(c->policy, 587));
	CU_ASSERT_TRUE(policy_has_port(c->policy, 1));
	pc = judge(c, "192.0.2.1", "10.0.0.1");
	CU_ASSERT_EQUAL(pc.what, DO_INSPECT);
	CU_ASSERT_EQUAL(pc.server, -1);
	CU_ASSERT_FALSE(pc.client_ours);
	CU_ASSERT_EQUAL(policy_group_find(c->policy, "local"), -ENOENT);
	CU_ASSERT_EQUAL(policy_settings(c->policy)->mode, MODE_MONITOR);
	CU_ASSERT_STRING_EQUAL(c->hash, ""); /* there is no file to tell apart */
	conf_free(c);
}

static void offline_options_arrive(void)
{
	static const char *const home[] = { "10.0.0.0/8", "fd00::/8" }, *const domains[] = { "example.org" };
	static const uint16_t ports[] = { 25, 587 };
	struct policy_connection pc;
	struct conf *c;

	CU_ASSERT_EQUAL_FATAL(conf_offline(home, 2, domains, 1, ports, 2, &c, conf_on_error, NULL), 0);
	CU_ASSERT_TRUE(policy_has_port(c->policy, 587));
	CU_ASSERT_FALSE(policy_has_port(c->policy, 2525));
	pc = judge(c, "192.0.2.1", "10.0.0.1");
	CU_ASSERT_EQUAL(pc.server, policy_group_find(c->policy, "local"));
	CU_ASSERT_FALSE(pc.client_ours);
	CU_ASSERT_TRUE(judge(c, "fd00::1", "10.0.0.1").client_ours);
	CU_ASSERT_EQUAL(policy_group(c->policy, (unsigned)pc.server).domain_count, 1);
	conf_free(c);
	CU_ASSERT_EQUAL_FATAL(conf_offline(home, 2, NULL, 0, NULL, 0, &c, conf_on_error, NULL), 0);
	CU_ASSERT_EQUAL(judge(c, "192.0.2.1", "10.0.0.1").server, -1); /* no domain: nothing to judge by */
	CU_ASSERT_TRUE(judge(c, "10.0.0.1", "192.0.2.1").client_home);
	conf_free(c);
}

static void offline_mistakes_are_told(void)
{
	static const char *const home[] = { "10.0.0.1/8" }, *const domains[] = { "a@example.org" };
	static const uint16_t ports[POLICY_PORTS_MAX + 1] = { 25 };
	struct conf *c = NULL;

	conf_errors[0] = '\0';
	CU_ASSERT_EQUAL(conf_offline(home, 1, domains, 1, NULL, 0, &c, conf_on_error, NULL), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors,
	        "--home: 10.0.0.1/8 has bits set behind the prefix; write 10.0.0.0/8, or 10.0.0.1 for the "
	        "one host\n"
	        "--domain: \"a@example.org\" is an address of a person; write the domain alone: example.org");
	conf_errors[0] = '\0';
	CU_ASSERT_EQUAL(
	        conf_offline(NULL, 0, domains, 1, ports, POLICY_PORTS_MAX + 1, &c, conf_on_error, NULL),
	        -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors,
	        "--domain: no server is ours without --home; add --home with the addresses of the servers\n"
	        "--ports: more than 16 ports; leave some out");
	CU_ASSERT_PTR_NULL(c);
}

static void examples_are_fine(void)
{
	glob_t found;
	struct conf *c;
	size_t i;

	/* run from the top of the tree, as `make` does */
	CU_ASSERT_EQUAL_FATAL(glob("rules/*.conf", 0, NULL, &found), 0);
	CU_ASSERT_EQUAL(found.gl_pathc, 5);
	for (i = 0; i < found.gl_pathc; i++) {
		conf_errors[0] = conf_warnings[0] = '\0';
		if (conf_load(found.gl_pathv[i], NULL, &c, conf_on_error, conf_on_warning, NULL) == 0) {
			CU_ASSERT_TRUE(policy_rule_count(c->policy) > 0);
			conf_free(c);
		}
		CU_ASSERT_STRING_EQUAL(conf_errors, "");
		CU_ASSERT_STRING_EQUAL(conf_warnings, "");
	}
	globfree(&found);
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", "more.conf", "more.domains", "more.nets", "loop.conf",
		"crlf.domains", "crlf.nets", "sub/in.conf", "sub/deep.conf", "sub/nets", "sub", NULL };

	conf_clean(names);
	CU_ASSERT_EQUAL(access(conf_folder, F_OK), -1);
}

SUITE("conf", { "an empty file means the defaults", empty_file_means_defaults },
        { "the defaults can be written", defaults_can_be_written },
        { "every key is in the test", every_key_is_in_the_test }, { "scalars arrive", scalars_arrive },
        { "suppressions arrive", suppressions_arrive }, { "lists arrive", lists_arrive },
        { "groups arrive", groups_arrive }, { "rules arrive", rules_arrive },
        { "names arrive", names_arrive }, { "monitor mode can be forced", monitor_can_be_forced },
        { "the hash covers all files", hash_covers_all_files },
        { "lists have versions", lists_have_versions },
        { "includes are relative to their file", includes_are_relative_to_their_file },
        { "bad files do not spoil later ones", bad_files_do_not_spoil_later_ones },
        { "foreign line ends are read", foreign_line_ends_are_read },
        { "offline without options knows nothing", offline_without_options_knows_nothing },
        { "offline options arrive", offline_options_arrive },
        { "offline mistakes are told", offline_mistakes_are_told },
        { "the examples are fine", examples_are_fine }, { "nothing is left behind", remove_files })
