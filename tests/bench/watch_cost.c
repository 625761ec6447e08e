/* watch_cost.c - what the watch costs for each event, and how much memory it takes, by the number of sources it tracks.
 *
 *   watch_cost [ROUNDS [SOURCES]]      a table: medians of so many rounds (3), of so many sources alone
 *
 * Each measurement is a process of its own, with an engine of as many rows as there are sources. First every source sends a
 * mail, so all rows are in use; then come sessions of sources drawn at random: one in HEAVY sources sends three quarters of
 * all mail, the others the rest. That is the worst there is for caches. WARM sessions fill the windows, TIMED ones are timed.
 * A source sends five mails a day in the mean, whatever their number, so the busy ones 240: the work is the same at all sizes,
 * only what it lies in is larger. (With many more than that, a million sources need more room for windows than there is, and
 * events push out what others have left.) Sources come for the first time in another order than that of their addresses, and
 * the busy ones lie among the others. Memory is measured at the end, when bursts of many sources have filled windows and
 * histories as well.
 *
 * A session is eight events, as inspect tells them, and IN_FLIGHT sessions run beside one another, each an event in its turn.
 * Each source has a mail host, the busy ones four, and sixteen recipients.
 * Events are made beforehand, up to what differs; what that leaves in the loop is measured without the engine, and taken off.
 *
 * Beside it stands what one access to memory costs that the processor can foresee nothing of, over as much memory as the engine
 * has: loads that each wait for the one before. That is the machine's own price of size, which no order of rows takes away.
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

enum {
	WARM = 500000,
	TIMED = 250000,
	HEAVY = 64,
	BURST_SOURCES = 16, /* one in so many */
	BURST = 12,
	HEAVY_HOSTS = 4,
	RECIPIENTS = 16,
	SLOTS = 1024,
	EVENTS = 8,
	IN_FLIGHT = 64,
	TICK = 256,
	LINE_BYTES = 64,
	STEPS = 2000000,
	STRIDE = 382019, /* prime, so it meets each of 10^n sources once */
	ROUNDS_MAX = 99
};
static const uint64_t US_PER_MAIL = UINT64_C(17280000000); /* of a source */
static const uint32_t sizes[] = { 1000, 10000, 100000, 1000000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
#define START_US UINT64_C(1795286167148588)

struct result {
	double ns;        /* of an event */
	double access_ns; /* of memory, by chance */
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
	static const enum event_kind kinds[EVENTS] = { EVENT_OPEN, EVENT_GREETING, EVENT_HELO, EVENT_MAIL,
		EVENT_RCPT, EVENT_DATA, EVENT_TX_END, EVENT_CLOSE };

	for (unsigned i = 0; i < EVENTS; i++) {
		session[i].kind = kinds[i];
		session[i].conn.dst = addr_from_v4((const uint8_t[]) { 198, 51, 100, 10 });
		session[i].conn.sport = 40000;
		session[i].conn.dport = 25;
		session[i].conn.direction = DIRECTION_OUTBOUND;
		session[i].conn.from_home = 1;
		session[i].conn.server = session[i].conn.rule = -1;
	}
	session[1].u.reply.code = 220;
	session[2].u.helo.reply.code = 250;
	set_path(&session[2].u.helo.name, "host.example.org");
	session[3].u.mail.reply.code = 250;
	session[3].u.mail.tx_id = 1;
	set_path(&session[3].u.mail.path, "<someone@example.org>");
	session[4].u.rcpt.reply.code = 250;
	session[4].u.rcpt.tx_id = 1;
	session[4].u.rcpt.outcome = OUTCOME_ACCEPTED;
	set_path(&session[4].u.rcpt.path, "<0000000@example.net>");
	session[5].u.data.reply.code = 250;
	session[5].u.data.tx_id = 1;
	session[5].u.data.final = 1;
	session[5].u.data.size_bytes = 4000;
	session[6].u.tx_end.tx_id = 1;
	session[6].u.tx_end.end = END_COMPLETED;
	session[7].u.close.greeted = 1;
	session[7].u.close.bytes_toserver = 4500;
	session[7].u.close.transactions = 1;
}

static uint64_t drawn = UINT64_C(88172645463325252);

static uint32_t draw(uint32_t below)
{
	drawn ^= drawn << 13;
	drawn ^= drawn >> 7;
	drawn ^= drawn << 17;
	return (uint32_t)((drawn >> 32) * below >> 32);
}

static uint64_t us_per_session, now_us = START_US;

static bool is_heavy(uint32_t source, uint32_t sources)
{
	return source < sources / HEAVY;
}

struct flight {
	uint64_t number;
	uint32_t source;
	unsigned step;
};

static struct flight flights[IN_FLIGHT];

/* What differs between two sessions: who, when, to whom. */
static const struct event *next_event(struct flight *f, uint32_t sources)
{
	const uint8_t b[] = { 10, (uint8_t)(f->source >> 16), (uint8_t)(f->source >> 8), (uint8_t)f->source };
	uint32_t recipient = f->source * RECIPIENTS + (uint32_t)(f->number % RECIPIENTS);
	struct event *e = &session[f->step++];

	e->conn.src = addr_from_v4(b);
	e->conn.dst.b[15] =
	        (uint8_t)(f->source + (is_heavy(f->source, sources) ? f->number % HEAVY_HOSTS : 0));
	e->conn.flow_id = f->number + 1;
	e->time_us = now_us;
	for (unsigned i = 0; e->kind == EVENT_RCPT && i < 7; i++)
		e->u.rcpt.path.bytes[1 + i] = (char)('a' + (recipient >> 4 * i & 15));
	return e;
}

/* One more session, and an event of each of those that are in flight; an eighth of them end with it. watch NULL: only what is
 * needed to make them. */
static void send(
        struct watch *watch, struct ring *findings, uint32_t source, uint32_t sources, uint64_t number)
{
	struct flight *first = &flights[number * EVENTS % IN_FLIGHT];

	now_us += us_per_session;
	for (struct flight *f = first; f < first + EVENTS; f++)
		if (f->step == EVENTS || f->number == 0) {
			*f = (struct flight) { .number = number + 1, .source = source };
			break;
		}
	for (struct flight *f = first; f < first + EVENTS; f++) {
		const struct event *e;

		if (f->number == 0 || f->step == EVENTS)
			continue;
		e = next_event(f, sources);
		if (watch)
			watch_event(watch, e);
		else
			__asm__ volatile("" ::"r"(e) : "memory");
	}
	while (findings && ring_front(findings))
		ring_pop(findings);
	if (watch && number % TICK == 0)
		watch_tick(watch, now_us);
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

/* From `first` on; ns of an event. */
static double send_many(
        struct watch *watch, struct ring *findings, uint32_t sources, uint64_t first, uint32_t count)
{
	double begin = cpu_s();

	for (uint64_t i = 0; i < count; i++)
		send(watch, findings, draw(4) ? draw(sources / HEAVY) : draw(sources), sources, first + i);
	return (cpu_s() - begin) / count / EVENTS * 1e9;
}

/* What is taken by what has to be earned. */
static void fill(struct watch *watch, struct ring *findings, uint32_t sources, uint64_t first)
{
	us_per_session = 1000;
	for (uint32_t i = 0; i < sources / BURST_SOURCES * BURST; i++)
		send(watch, findings, i / BURST * BURST_SOURCES, sources, first + i);
}

/* One cycle through all lines, in an order by chance (Sattolo's), and so many steps along it. */
static double access_ns(double mb)
{
	uint32_t count = (uint32_t)(mb * (1 << 20) / LINE_BYTES) + 2, at = 0;
	uint32_t(*lines)[LINE_BYTES / sizeof(uint32_t)] = calloc(count, LINE_BYTES);
	double begin;

	need(lines != NULL, "memory");
	for (uint32_t i = 0; i < count; i++)
		lines[i][0] = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t other = draw(i), line = lines[i][0];

		lines[i][0] = lines[other][0];
		lines[other][0] = line;
	}
	begin = cpu_s();
	for (uint32_t i = 0; i < STEPS; i++)
		at = lines[at][0];
	__asm__ volatile("" ::"r"(at));
	begin = (cpu_s() - begin) / STEPS * 1e9;
	free(lines);
	return begin;
}

static struct result measure(uint32_t sources)
{
	struct ring *findings = ring_new(SLOTS, sizeof(struct finding));
	struct policy *policy = make_policy(sources);
	struct watch_settings settings;
	struct watch *watch;
	struct result r;
	double before = resident_mb();

	us_per_session = US_PER_MAIL / sources;
	watch_settings_default(&settings);
	settings.sources = sources;
	watch = watch_new(&settings, findings);
	need(findings && watch, "engine");
	watch_set_policy(watch, policy);
	make_session();
	for (uint32_t i = 0; i < sources; i++)
		send(watch, findings, (uint32_t)((uint64_t)i * STRIDE % sources), sources, i);
	send_many(watch, findings, sources, sources, WARM);
	r.ns = send_many(watch, findings, sources, sources + WARM, TIMED);
	fill(watch, findings, sources, sources + WARM + TIMED);
	r.ns -= send_many(NULL, NULL, sources, 0, TIMED);
	r.mb = resident_mb();
	r.engine_mb = r.mb - before;
	r.rows = sources_count(watch_sources(watch));
	r.histories = baseline_count(watch_part(watch, &baseline_part));
	watch_free(watch);
	policy_free(policy);
	ring_free(findings);
	r.access_ns = access_ns(r.engine_mb);
	return r;
}

/* ---- everything full, as it is without a configuration ----------------------------------------- */

static struct event event_of(enum event_kind kind, uint32_t source, uint64_t flow_id)
{
	struct event e = session[0];

	e.kind = (uint8_t)kind;
	e.conn.src = addr_from_v4(
	        (const uint8_t[]) { 11, (uint8_t)(source >> 16), (uint8_t)(source >> 8), (uint8_t)source });
	e.conn.from_home = 0;
	e.conn.flow_id = flow_id;
	e.time_us = now_us;
	return e;
}

/* A host that has been offered STARTTLS, and talks without. */
static void open_habit(struct watch *watch, uint32_t source)
{
	struct event e = event_of(EVENT_HELO, source, source + 1);

	e.u.helo = session[2].u.helo;
	e.u.helo.offers_starttls = 1;
	watch_event(watch, &e);
	e = event_of(EVENT_CLOSE, source, source + 1);
	e.u.close = session[7].u.close;
	watch_event(watch, &e);
}

/* A stranger whose recipient a server of ours takes for another. */
static void open_story(struct watch *watch, uint32_t source)
{
	struct event e = event_of(EVENT_MAIL, source, source + 1);

	e.u.mail = session[3].u.mail;
	watch_event(watch, &e);
	e = event_of(EVENT_RCPT, source, source + 1);
	e.u.rcpt = session[4].u.rcpt;
	e.u.rcpt.judged = 1;
	watch_event(watch, &e);
	e = event_of(EVENT_CLOSE, source, source + 1);
	watch_event(watch, &e);
}

static void fill_stories(struct watch *watch, struct ring *findings, const struct watch_settings *s)
{
	for (uint32_t i = 0; i < s->incidents; i++) {
		if (i % s->severe_sources == 0)
			now_us += s->quiet_s *
			          UINT64_C(1000000); /* another budget; no tick, so none is closed */
		open_story(watch, i);
		while (ring_front(findings))
			ring_pop(findings);
	}
	for (uint32_t i = 0; i < s->habits; i++) {
		open_habit(watch, s->incidents + i);
		while (ring_front(findings))
			ring_pop(findings);
	}
}

/* Connections that have said who they are, and from whom their mail is. */
static void fill_connections(struct watch *watch, const struct watch_settings *s)
{
	for (uint32_t i = 0; i < s->connections; i++) {
		struct event e = event_of(EVENT_MAIL, i, UINT64_C(1) << 40 | i);

		e.u.mail = session[3].u.mail;
		watch_event(watch, &e);
	}
}

static void print_full(void)
{
	struct ring *findings = ring_new(SLOTS, sizeof(struct finding));
	struct watch_settings settings;
	struct policy *policy;
	struct watch *watch;
	double mb[5];

	watch_settings_default(&settings);
	policy = make_policy(settings.sources);
	mb[0] = resident_mb();
	watch = watch_new(&settings, findings);
	need(findings && watch, "engine");
	watch_set_policy(watch, policy);
	make_session();
	mb[1] = resident_mb();
	us_per_session = US_PER_MAIL / settings.sources;
	for (uint32_t i = 0; i < settings.sources; i++)
		send(watch, findings, i, settings.sources, i);
	fill(watch, findings, settings.sources, settings.sources);
	mb[2] = resident_mb();
	fill_stories(watch, findings, &settings);
	mb[3] = resident_mb();
	need(watch_counts(watch).incidents_open >= settings.incidents + settings.habits, "stories");
	fill_connections(watch, &settings);
	mb[4] = resident_mb();
	printf("\nWithout a configuration, MiB: engine at rest %.1f; %u sources %.1f; and %u incidents, %u "
	       "of them "
	       "habits %.1f; and %u connections at once %.1f\n",
	        mb[1] - mb[0], settings.sources, mb[2] - mb[0], settings.incidents + settings.habits,
	        settings.habits, mb[3] - mb[0], settings.connections, mb[4] - mb[0]);
	watch_free(watch);
	policy_free(policy);
	ring_free(findings);
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

static void show_progress(int round, int rounds, uint32_t sources)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[Kround %d of %d: %u sources", round + 1, rounds, sources);
}

static void print_results(struct result *results, int rounds)
{
	const struct result *middle = &results[rounds / 2];

	qsort(results, (size_t)rounds, sizeof(results[0]), by_ns);
	printf("%10u %10.0f %8.0f %8.0f %10.0f %10u %10.1f %11.1f\n", middle->rows, middle->ns, results[0].ns,
	        results[rounds - 1].ns, middle->access_ns, middle->histories, middle->engine_mb, middle->mb);
}

int main(int argc, char **argv)
{
	static struct result results[SIZES][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 3;
	uint32_t only = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (int round = 0; round < rounds; round++)
		for (unsigned i = 0; i < SIZES; i++)
			if (only == 0 || only == sizes[i]) {
				show_progress(round, rounds, sizes[i]);
				results[i][round] = measure_apart(sizes[i]);
			}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	printf("%10s %10s %8s %8s %10s %10s %10s %11s\n", "sources", "ns/event", "least", "most", "ns/access",
	        "histories", "engine MiB", "process MiB");
	for (unsigned i = 0; i < SIZES; i++)
		if (only == 0 || only == sizes[i])
			print_results(results[i], rounds);
	print_full();
	return 0;
}
