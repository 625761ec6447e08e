/* test_conf_outputs.c - where records go beside files, and how many: every way to write it, and what is none. */
#include <errno.h>

#include "conf_files.h"
#include "suite.h"

struct receiver_case {
	const char *text;
	enum receiver_kind kind; /* RECEIVER_KIND_COUNT = an error */
	const char *end;         /* address or path */
	uint16_t port;
};

static const struct receiver_case receivers[] = {
	{ "no", RECEIVER_NONE, "", 0 },
	{ "yes", RECEIVER_UNIX, "/dev/log", 0 },
	{ "unix:///run/x", RECEIVER_UNIX, "/run/x", 0 },
	{ "udp://192.0.2.1", RECEIVER_UDP, "192.0.2.1", 514 },
	{ "udp://192.0.2.1:65535", RECEIVER_UDP, "192.0.2.1", 65535 },
	{ "tcp://[2001:db8::1]:601", RECEIVER_TCP, "2001:db8::1", 601 },
	{ "tcp://[2001:db8::1]", RECEIVER_TCP, "2001:db8::1", 514 },
	{ "", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://192.0.2.1:", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://192.0.2.1:0", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://192.0.2.1:65536", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://192.0.2.1:514x", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://[192.0.2.1]:514", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://2001:db8::1", RECEIVER_KIND_COUNT, "", 0 },
	{ "udp://[2001:db8::1", RECEIVER_KIND_COUNT, "", 0 },
	{ "tls://192.0.2.1:6514", RECEIVER_KIND_COUNT, "", 0 },
	{ "unix://run/x", RECEIVER_KIND_COUNT, "", 0 },
	{ "unix://///////////////////////////////////////////////////////////////////////////////////////////"
	  "///"
	  "////////////////////x",
	        RECEIVER_KIND_COUNT, "", 0 },
};

static void receivers_are_read(void)
{
	char file[256], text[ADDR_TEXT_MAX];
	struct conf *c;

	for (size_t i = 0; i < sizeof(receivers) / sizeof(receivers[0]); i++) {
		const struct receiver_case *r = &receivers[i];

		snprintf(file, sizeof(file), "log { syslog = \"%s\" }\n", r->text);
		CU_ASSERT_EQUAL(conf_read_text(file, &c) == 0, r->kind != RECEIVER_KIND_COUNT);
		if ((c != NULL) != (r->kind != RECEIVER_KIND_COUNT))
			printf("\n'%s' %s\n", r->text, conf_errors);
		if (!c)
			continue;
		CU_ASSERT_EQUAL(c->log.syslog.kind, r->kind);
		CU_ASSERT_EQUAL(c->log.syslog.port, r->port);
		if (r->kind == RECEIVER_UNIX)
			CU_ASSERT_STRING_EQUAL(c->log.syslog.path, r->end);
		if (r->kind == RECEIVER_UDP || r->kind == RECEIVER_TCP)
			CU_ASSERT_STRING_EQUAL(addr_print(&c->log.syslog.addr, text), r->end);
		conf_free(c);
	}
}

static const struct {
	const char *text;
	uint64_t most;
	uint32_t window_s;
	bool fine;
} budgets[] = {
	{ "0", 0, 0, true },
	{ "64K/1s", 64 << 10, 1, true },
	{ "65536/10s", 65536, 10, true },
	{ "1G/1h", 1 << 30, 3600, true },
	{ "1024G/1d", UINT64_C(1) << 40, 86400, true },
	{ "", 0, 0, false },
	{ "64K", 0, 0, false },
	{ "64K/", 0, 0, false },
	{ "64K/m", 0, 0, false },
	{ "64K/0m", 0, 0, false },
	{ "64K/25h", 0, 0, false },
	{ "64K/2d", 0, 0, false },
	{ "64KB/1m", 0, 0, false },
	{ "1K/1m", 0, 0, false }, /* not one record */
	{ "1025G/1m", 0, 0, false },
	{ "99999999999999999999/1m", 0, 0, false },
	{ "9007199254740993G/1m", 0, 0, false },
	{ "-1/1m", 0, 0, false },
};

static void budgets_are_read(void)
{
	char file[128];
	struct conf *c;

	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		snprintf(file, sizeof(file), "log { total = \"%s\" }\n", budgets[i].text);
		CU_ASSERT_EQUAL(conf_read_text(file, &c) == 0, budgets[i].fine);
		if ((c != NULL) != budgets[i].fine)
			printf("\n'%s' %s\n", budgets[i].text, conf_errors);
		if (!c)
			continue;
		CU_ASSERT_EQUAL(c->log.total.most, budgets[i].most);
		CU_ASSERT_EQUAL(c->log.total.window_s, budgets[i].window_s);
		conf_free(c);
	}
}

static void sizes_are_read(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		bool fine;
	} sizes[] = { { "0", 0, true }, { "1M", 1 << 20, true }, { "512M", 512 << 20, true },
		{ "2G", UINT64_C(2) << 30, true }, { "1024G", UINT64_C(1) << 40, true },
		{ "1025G", 0, false }, { "1K", 0, false }, { "512MB", 0, false }, { "1M/1m", 0, false },
		{ "", 0, false }, { "-1M", 0, false }, { "M", 0, false } };
	char file[128];
	struct conf *c;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(file, sizeof(file), "log { keep-free = \"%s\" }\n", sizes[i].text);
		CU_ASSERT_EQUAL(conf_read_text(file, &c) == 0, sizes[i].fine);
		if (!sizes[i].fine)
			CU_ASSERT_PTR_NOT_NULL(strstr(conf_errors, "is no size; write one like 256M"));
		if (c)
			CU_ASSERT_EQUAL(c->log.keep_free, sizes[i].bytes);
		conf_free(c);
	}
}

static void files_are_apart(void)
{
	struct conf *c;

	CU_ASSERT_EQUAL(conf_read_text("log { eve = \"\" ecs = \"/a\" cef = \"/b\" syslog-format = cef "
	                               "syslog-facility = local5 }\n",
	                        &c),
	        0);
	CU_ASSERT_STRING_EQUAL(c->log.ecs, "/a");
	CU_ASSERT_STRING_EQUAL(c->log.cef, "/b");
	CU_ASSERT_EQUAL(c->log.syslog_format, CONF_SYSLOG_CEF);
	CU_ASSERT_EQUAL(c->log.syslog_facility, 21);
	conf_free(c);
	CU_ASSERT_EQUAL(conf_read_text("log { eve = - ecs = - }\n", &c), -EINVAL);
	CU_ASSERT_EQUAL(conf_read_text("log { eve = \"\" ecs = \"\" cef = \"\" }\n", &c), 0);
	conf_free(c);
}

/* Nor are they what the configuration is read from. */
static void sources_are_kept(void)
{
	char text[512];
	struct conf *c;

	conf_write("nets", "192.0.2.0/24\n");
	snprintf(text, sizeof(text),
	        "network \"n\" { file = nets }\nstore { path = \"%s/t.conf\" }\n"
	        "log { eve = \"%s/./nets\" ecs = \"%s/other.json\" }\n",
	        conf_folder, conf_folder, conf_folder);
	CU_ASSERT_EQUAL(conf_read_text(text, &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors,
	        "t.conf:2: store.path = \"t.conf\" is a file of this configuration and would be written "
	        "over; "
	        "name another\n"
	        "t.conf:3: log.eve = \"./nets\" is a file of this configuration and would be written over; "
	        "name another");
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", "nets", NULL };

	conf_clean(names);
}

SUITE("conf outputs", { "receivers are read", receivers_are_read }, { "budgets are read", budgets_are_read },
        { "sizes are read", sizes_are_read }, { "files are apart", files_are_apart },
        { "sources are kept", sources_are_kept }, { "nothing is left behind", remove_files })
