/* down.c - `postern down`: ends posternd, if it runs, and removes its table from the kernel.
 *
 * The table's name is the configuration's. Without a configuration that can be read it is found by its
 * counters, which no other program has; then all such tables are removed.
 *
 * What was removed is told in the records, where the configuration names a file of them; where they are is
 * not known without a configuration, and that is said.
 *
 * The process is ended first: it would say that its table is gone, and its queue would drop what waits.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "conf/conf.h"
#include "gate/claim.h"
#include "gate/gate.h"
#include "postern/commands.h"
#include "posternd/desk.h"

enum { ERR_BYTES = 512, END_WAIT_MS = 15000, OWNER_WAIT_MS = 2000, OWNER_PAUSE_MS = 20, TABLES_MAX = 16 };

struct down {
	struct gate *gate;
	char tables[TABLES_MAX][GATE_TABLE_MAX];
	unsigned count;
	struct conf *conf; /* NULL = cannot be read */
	bool failed;
};

static void add_table(void *arg, const char *table)
{
	struct down *d = arg;

	if (d->count < TABLES_MAX)
		snprintf(d->tables[d->count++], GATE_TABLE_MAX, "%s", table);
}

/* A file that was asked for by name has to be one that can be used. */
static void find_tables(struct down *d, const char *path)
{
	int r = conf_load(path ? path : CONF_DEFAULT_PATH, NULL, &d->conf, NULL, NULL, NULL);

	if (r == 0) {
		add_table(d, d->conf->nft.table);
	} else if (path) {
		fprintf(stderr,
		        "postern down: %s cannot be used (postern check -c %s says why); without -c the "
		        "table is found anyway\n",
		        path, path);
		d->failed = true;
	} else {
		r = gate_find_tables(d->gate, add_table, d);
		if (r < 0)
			fprintf(stderr, "postern down: cannot read the kernel's tables: %s\n", strerror(-r));
		d->failed = r < 0;
	}
}

static void end_daemon(struct down *d, const char *table)
{
	int pid, r = claim_end_holder(table, END_WAIT_MS, &pid);

	if (r > 0)
		printf("posternd (process %d) has ended\n", pid);
	if (r >= 0)
		return;
	fprintf(stderr, "postern down: process %d, which guards table inet %s, cannot be ended: %s\n", pid,
	        table, r == -ETIMEDOUT ? "it does not react; kill -KILL it" : strerror(-r));
	d->failed = true;
}

/* posternd has ended, so the file of records is ours. */
static void tell_records(const struct conf *conf, const char *table)
{
	uint8_t key[HASH_KEY_BYTES];
	char err[ERR_BYTES] = "";
	struct desk *desk;

	if (!conf)
		puts("no configuration was read, so this is not in the records");
	if (!conf || conf->log.eve[0] != '/' || hash_key_random(key))
		return;
	desk = desk_open(conf, key, err, sizeof(err));
	if (desk)
		desk_audit(desk, clock_now_us(), "rules taken down: table inet %s was removed by uid %u",
		        table, (unsigned)getuid());
	else
		fprintf(stderr, "postern down: this is not in the records: %s\n", err);
	desk_close(desk);
}

static void remove_table(struct down *d, const char *table)
{
	int r = gate_remove(d->gate, table);

	/* the kernel lets go of what an ended process owned a moment later */
	for (unsigned tries = 0; r == -EPERM && tries < OWNER_WAIT_MS / OWNER_PAUSE_MS; tries++) {
		usleep(OWNER_PAUSE_MS * 1000);
		r = gate_remove(d->gate, table);
	}
	if (r == 0) {
		printf("table inet %s is removed: port 25 is not guarded any more\n", table);
		tell_records(d->conf, table);
	} else if (r == -ENOENT) {
		printf("there is no table inet %s\n", table);
	} else {
		fprintf(stderr, "postern down: table inet %s cannot be removed: %s\n", table, strerror(-r));
		d->failed = true;
	}
}

int down_run(int argc, char **argv)
{
	const char *path = NULL;
	char err[ERR_BYTES] = "";
	struct down d = { .count = 0 };
	int opt;

	while ((opt = getopt(argc, argv, "+c:")) != -1) {
		if (opt != 'c')
			return COMMAND_USAGE;
		path = optarg;
	}
	if (optind < argc)
		return COMMAND_USAGE;
	d.gate = gate_open(err, sizeof(err));
	if (!d.gate) {
		fprintf(stderr, "postern down: %s\n", err);
		return COMMAND_INVALID;
	}
	find_tables(&d, path);
	if (d.count == 0 && !d.failed)
		puts("there is nothing of posternd in the kernel");
	for (unsigned i = 0; i < d.count; i++) {
		end_daemon(&d, d.tables[i]);
		remove_table(&d, d.tables[i]);
	}
	gate_close(d.gate);
	conf_free(d.conf);
	return d.failed ? COMMAND_INVALID : COMMAND_FINE;
}
