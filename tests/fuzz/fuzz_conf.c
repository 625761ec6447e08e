/* fuzz_conf.c - any bytes as a configuration file. Either it is refused and every message says where, or it is
 * taken and its rules can be printed. Files it may name are looked for beside it: the working directory, which
 * run.sh makes for it. */
#include "fuzz.h"
#include "conf/conf.h"
#include "gate/ruleset.h"

/* libconfuse frees neither the name of an include() that no bracket closes nor a string the text ends in: what it
 * takes while it parses is let go, what we open and do not close is not. Its frames are seen by slow unwinding. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:cfg_parse_fp\n";
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

static const char file[] = "fuzz.conf";

static void on_message(void *arg, const char *message)
{
	const char *p;

	++*(unsigned *)arg;
	FUZZ_CHECK(strchr(message, ':'));
	for (p = message; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void print_rules(const struct conf *c)
{
	struct ruleset_settings s = { .table = c->nft.table,
		.priority = c->nft.priority,
		.mark_mask = c->nft.mark_mask,
		.queue = c->queue.number,
		.queues = c->queue.workers,
		.hooks = c->nft.hooks,
		.log_group = c->queue.number,
		.blocks = 16 };
	struct ruleset *r = ruleset_build(c->policy, &s);
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	FUZZ_CHECK(r && ruleset_print(r, nowhere) == 0);
	ruleset_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned errors = 0;
	struct conf *c = NULL;
	FILE *f = fopen(file, "w");
	int r;

	FUZZ_CHECK(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
	r = conf_load(file, NULL, &c, on_message, NULL, &errors);
	FUZZ_CHECK((r == 0) == (c != NULL) && (r == 0) == (errors == 0));
	if (c)
		print_rules(c);
	conf_free(c);
	return 0;
}
