/* watch_cost.c - what the watch costs for each event, and how much memory it takes, by the number of sources it tracks.
 *
 *   watch_cost [ROUNDS]      a table: medians of so many rounds (3)
 *
 * Each measurement is a process of its own, with an engine of as many rows as there are sources. First every source sends a
 * mail, so all rows are in use; then SESSIONS sessions are timed, of sources drawn at random: one in HEAVY sources sends
 * three quarters of all mail, the others the rest. That is the worst there is for caches, and enough to fill all histories. A
 * session is seven events, as inspect tells them. Events are made beforehand, up to the address and the time; what that
 * leaves in the loop is measured without the engine, and taken off. Each source sends a mail an hour in the mean, whatever
 * their number, so the busy ones two dozen.
 *
 * CPU time of this process, so what else the machine does matters less; the caches are shared all the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/policy.h"
#include "policy/watching.h"
#include "postern/action.h"
#include "watch/baseline.h"
#include "watch/part.h"
#include "watch/watch.h"

enum { SESSIONS = 1000000, HEAVY = 32, SLOTS = 1024, EVENTS = 7, TICK = 256, ROUNDS_MAX = 99 };
static const uint64_t US_PER_HOUR = UINT64_C(3600000000);
static const uint32_t sizes[] = { 1000, 10000, 100000, 1000000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
static const uint64_t START_US = UINT64_C(1795286167148588);

struct result {
	double ns;        /* of an event */
	double mb;        /* resident, all of it */
	double engine_mb; /* what the engine added */
	uint32_t rows, histories;
};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "watch_cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the engine ------------------------------------------------------------------------------- */

/* A block such as people write, and everything else as it is without a configuration. */
static struct policy *make_policy(uint32_t sources)
{
	struct policy *p = policy_new();
	struct watching *w = calloc(1, sizeof(*w));
	struct prefix home;
	struct volume_block *block;

	need(p && w && prefix_parse("10.0.0.0/8", &home) == 0, "policy");
	need(policy_add_prefix(p, GROUP_ID_HOME, &home) == 0, "home");
	watching_default(w);
	w->sources = sources;
	w->volume_count = 1;
	block = &w->volumes[0];
	strcpy(block->name, "hosts");
	policy_groups_add(&block->match, GROUP_ID_HOME);
	block->bits_v4 = 32;
	block->bits_v6 = 64;
	block->action = ACTION_ALERT;
	block->limit_count[VOLUME_RECIPIENTS] = 2;
	block->limits[VOLUME_RECIPIENTS][0] = (struct volume_limit) { 100, 60 };
	block->limits[VOLUME_RECIPIENTS][1] = (struct volume_limit) { 1000, 3600 };
	block->limit_count[VOLUME_MESSAGES] = 1;
	block->limits[VOLUME_MESSAGES][0] = (struct volume_limit) { 600, 3600 };
	block->limit_count[VOLUME_CONNECTIONS] = 1;
	block->limits[VOLUME_CONNECTIONS][0] = (struct volume_limit) { 60, 60 };
	block->spike_tenths = 50;
	block->spike_floor = 20;
	policy_set_watching(p, w);
	need(policy_seal(p) == 0, "seal");
	free(w);
	return p;
}

/* ---- its events ------------------------------------------------------------------------------- */

static struct event session[EVENTS];

static void set_path(struct event_path *path, const char *text)
{
	path->len = (uint16_t)strlen(text);
	memcpy(path->bytes, text, path->len);
}

static void make_session(void)
{
	static const enum event_kind kinds[EVENTS] = { EVENT_GREETING, EVENT_HELO, EVENT_MAIL, EVENT_RCPT,
		EVENT_DATA, EVENT_TX_END, EVENT_CLOSE };

	for (unsigned i = 0; i < EVENTS; i++) {
		session[i].kind = kinds[i];
		session[i].conn.dst = addr_from_v4((const uint8_t[]) { 198, 51, 100, 10 });
		session[i].conn.sport = 40000;
		session[i].conn.dport = 25;
		session[i].conn.direction = DIRECTION_OUTBOUND;
		session[i].conn.from_home = 1;
		session[i].conn.server = session[i].conn.rule = -1;
	}
	session[0].u.reply.code = 220;
	session[1].u.helo.reply.code = 250;
	set_path(&session[1].u.helo.name, "host.example.org");
	session[2].u.mail.reply.code = 250;
	session[2].u.mail.tx_id = 1;
	set_path(&session[2].u.mail.path, "<someone@example.org>");
	session[3].u.rcpt.reply.code = 250;
	session[3].u.rcpt.tx_id = 1;
	session[3].u.rcpt.outcome = OUTCOME_ACCEPTED;
	set_path(&session[3].u.rcpt.path, "<somebody@example.net>");
	session[4].u.data.reply.code = 250;
	session[4].u.data.tx_id = 1;
	session[4].u.data.final = 1;
	session[4].u.data.size_bytes = 4000;
	session[5].u.tx_end.tx_id = 1;
	session[5].u.tx_end.end = END_COMPLETED;
	session[6].u.close.greeted = 1;
	session[6].u.close.bytes_toserver = 4500;
	session[6].u.close.transactions = 1;
}

static uint64_t drawn = UINT64_C(88172645463325252);

static uint32_t draw(uint32_t below)
{
	drawn ^= drawn << 13;
	drawn ^= drawn >> 7;
	drawn ^= drawn << 17;
	return (uint32_t)((drawn >> 32) * below >> 32);
}

static uint64_t us_per_session;

/* watch NULL: only what is needed to make them. */
static void send(struct watch *watch, struct ring *findings, uint32_t source, uint64_t number)
{
	const uint8_t b[] = { 10, (uint8_t)(source >> 16), (uint8_t)(source >> 8), (uint8_t)source };
	struct addr src = addr_from_v4(b);

	for (unsigned i = 0; i < EVENTS; i++) {
		struct event *e = &session[i];

		e->conn.src = src;
		e->conn.flow_id = number + 1;
		e->time_us = START_US + number * us_per_session + i * 200;
		if (watch)
			watch_event(watch, e);
		else
			__asm__ volatile("" ::"r"(e) : "memory");
	}
	while (findings && ring_front(findings))
		ring_pop(findings);
	if (watch && number % TICK == 0)
		watch_tick(watch, START_US + number * us_per_session);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, resident;

	need(f && fscanf(f, "%ld %ld", &size, &resident) == 2, "/proc/self/statm");
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double time_sessions(struct watch *watch, struct ring *findings, uint32_t sources, uint64_t first)
{
	double begin = cpu_s();

	for (uint64_t i = 0; i < SESSIONS; i++)
		send(watch, findings, draw(4) ? draw(sources / HEAVY) : draw(sources), first + i);
	return (cpu_s() - begin) / SESSIONS / EVENTS * 1e9;
}

static struct result measure(uint32_t sources)
{
	struct ring *findings = ring_new(SLOTS, sizeof(struct finding));
	struct policy *policy = make_policy(sources);
	struct watch_settings settings;
	struct watch *watch;
	struct result r;
	double before = resident_mb(), loop;

	us_per_session = US_PER_HOUR / sources;
	watch_settings_default(&settings);
	settings.sources = sources;
	watch = watch_new(&settings, findings);
	need(findings && watch, "engine");
	watch_set_policy(watch, policy);
	make_session();
	for (uint32_t i = 0; i < sources; i++)
		send(watch, findings, i, i);
	loop = time_sessions(NULL, NULL, sources, 0);
	r.ns = time_sessions(watch, findings, sources, sources) - loop;
	r.mb = resident_mb();
	r.engine_mb = r.mb - before;
	r.rows = sources_count(watch_sources(watch));
	r.histories = baseline_count(watch_part(watch, &baseline_part));
	watch_free(watch);
	policy_free(policy);
	ring_free(findings);
	return r;
}

/* In a process of its own. */
static struct result measure_apart(uint32_t sources)
{
	struct result r;
	int ends[2], status;
	pid_t child;

	need(pipe(ends) == 0 && (child = fork()) >= 0, "fork");
	if (child == 0) {
		r = measure(sources);
		need(write(ends[1], &r, sizeof(r)) == sizeof(r), "pipe");
		_exit(0);
	}
	close(ends[1]);
	need(read(ends[0], &r, sizeof(r)) == sizeof(r) && waitpid(child, &status, 0) == child && status == 0,
	        "child");
	close(ends[0]);
	return r;
}

static int by_ns(const void *a, const void *b)
{
	const struct result *left = a, *right = b;

	return (left->ns > right->ns) - (left->ns < right->ns);
}

int main(int argc, char **argv)
{
	static struct result results[SIZES][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 3;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (int round = 0; round < rounds; round++)
		for (unsigned i = 0; i < SIZES; i++)
			results[i][round] = measure_apart(sizes[i]);
	printf("%10s %10s %8s %8s %10s %10s %10s\n", "sources", "ns/event", "least", "most", "histories",
	        "engine MiB", "process MiB");
	for (unsigned i = 0; i < SIZES; i++) {
		const struct result *middle = &results[i][rounds / 2];

		qsort(results[i], (size_t)rounds, sizeof(results[i][0]), by_ns);
		printf("%10u %10.0f %8.0f %8.0f %10u %10.1f %10.1f\n", middle->rows, middle->ns,
		        results[i][0].ns, results[i][rounds - 1].ns, middle->histories, middle->engine_mb,
		        middle->mb);
	}
	return 0;
}
