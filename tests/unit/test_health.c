/* test_health.c - what is said when something of the daemon sleeps, loses or misses: a worker that was
 * never started stands for one that hangs. */
#include "conf_files.h"
#include "gate_policies.h"
#include "netns.h"
#include "posternd/health.h"
#include "suite.h"

#include "base/clock.h"

static const uint64_t SECOND = 1000000;

static struct {
	struct conf *conf;
	struct worker *worker;
	struct desk *desk;
	struct gate *gate;
	struct health *health;
	uint64_t now_us;
} rig;

static void ignore_wake(void *arg)
{
	(void)arg;
}

static void install(void)
{
	struct policy *p = gate_example_policy(MODE_MONITOR);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	char err[512];

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL_FATAL(gate_install(rig.gate, r, err, sizeof(err)), 0);
	ruleset_free(r);
	policy_free(p);
}

static void rig_up(void)
{
	static const uint8_t key[HASH_KEY_BYTES];
	struct worker_settings s = { .queue = { .number = 2500, .length = 100, .mark_mask = 0x0f000000 },
		.wake = ignore_wake };
	char err[512] = "";

	close(netns_new());
	CU_ASSERT_EQUAL_FATAL(conf_read_text("log { eve = \"\" }\n", &rig.conf), 0);
	s.policy = rig.conf->policy;
	rig.gate = gate_open(err, sizeof(err));
	rig.worker = worker_open(&s, err, sizeof(err));
	rig.desk = desk_open(rig.conf, key, err, sizeof(err));
	CU_ASSERT_FATAL(rig.gate && rig.worker && rig.desk);
	install();
	rig.now_us = clock_now_us();
	rig.health = health_new(
	        &(const struct health_sources) {
	                .workers = &rig.worker,
	                .worker_count = 1,
	                .gate = rig.gate,
	                .table = "postern",
	                .desk = rig.desk,
	        },
	        rig.now_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.health);
}

static void rig_down(void)
{
	static const char *const files[] = { "t.conf", NULL };

	health_free(rig.health);
	desk_close(rig.desk);
	worker_close(rig.worker);
	gate_close(rig.gate);
	conf_free(rig.conf);
	conf_clean(files);
	strcpy(strrchr(conf_folder, '-'), "-XXXXXX");
}

/* What the call says. */
static const char *listen_to(void (*call)(uint64_t now_us), uint64_t now_us)
{
	static char text[8192];
	FILE *to = tmpfile();
	int kept = dup(STDERR_FILENO);
	size_t len;

	CU_ASSERT_FATAL(to && kept >= 0);
	dup2(fileno(to), STDERR_FILENO);
	call(now_us);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(to);
	len = fread(text, 1, sizeof(text) - 1, to);
	text[len] = '\0';
	fclose(to);
	return text;
}

static void call_tick(uint64_t now_us)
{
	health_tick(rig.health, now_us);
}

static void call_watch(uint64_t now_us)
{
	health_watch(rig.health, now_us);
}

/* One reading, so many seconds later; what it said. */
static const char *tick(unsigned seconds)
{
	rig.now_us += seconds * SECOND;
	return listen_to(call_tick, rig.now_us);
}

/* One look at the workers, so many milliseconds later; what it said. */
static const char *watch(unsigned ms)
{
	static uint64_t now_us = 1;

	now_us = ms ? now_us + ms * 1000 : clock_monotonic_ns() / 1000;
	return listen_to(call_watch, now_us);
}

/* Watches a worker that never starts, until it counts as hanging. */
static void must_hang(const char *said)
{
	CU_ASSERT_STRING_EQUAL(watch(0), "");
	CU_ASSERT_STRING_EQUAL(watch(250), "");
	CU_ASSERT_STRING_EQUAL(watch(250), "");
	CU_ASSERT_STRING_EQUAL(watch(250), "");
	CU_ASSERT_TRUE(health_workers_alive(rig.health));
	CU_ASSERT_PTR_NOT_NULL(strstr(watch(250), said));
	CU_ASSERT_FALSE(health_workers_alive(rig.health));
	CU_ASSERT_STRING_EQUAL(watch(250), ""); /* once */
}

/* One that has been started is seen awake, sooner or later: on a busy machine it may sleep on for a while. */
static void must_wake(void)
{
	enum { LOOKS = 500, PAUSE_US = 10000 };
	bool is_awake = false;

	for (unsigned i = 0; i < LOOKS && !is_awake; i++) {
		/* the first look is late, after all that, and says nothing */
		is_awake = strstr(watch(0), "is awake again") || strstr(watch(1), "is awake again");
		usleep(PAUSE_US);
	}
	CU_ASSERT_TRUE(is_awake);
}

static bool queue_is_bound(void)
{
	struct nfqueue_kernel_counts k;

	return nfqueue_read_kernel(2500, &k) == 0;
}

static void says_that_a_worker_hangs(void)
{
	rig_up();
	must_hang("the worker of queue 2500 HANGS: its packets wait");
	CU_ASSERT_TRUE(queue_is_bound());
	CU_ASSERT_EQUAL_FATAL(worker_start(rig.worker), 0);
	for (unsigned i = 0; i < 500 && !worker_queue_counts(rig.worker)->last_wakeup_us; i++)
		usleep(10000);
	must_wake();
	CU_ASSERT_TRUE(health_workers_alive(rig.health));
	worker_stop(rig.worker);
	CU_ASSERT_EQUAL(worker_join(rig.worker), 0);
	rig_down();
}

/* With fail = open the kernel gets the queue back, which is no loss; the worker takes it again. */
static void releases_the_queue_of_one_that_hangs(void)
{
	rig_up();
	health_set_fail_open(rig.health, true);
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	must_hang("the worker of queue 2500 HANGS: its queue is released");
	CU_ASSERT_FALSE(queue_is_bound());
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	CU_ASSERT_FALSE(health_queue_is_gone(rig.health));
	CU_ASSERT_EQUAL_FATAL(worker_start(rig.worker), 0);
	for (unsigned i = 0; i < 500 && !queue_is_bound(); i++)
		usleep(10000);
	CU_ASSERT_TRUE(queue_is_bound());
	must_wake();
	worker_stop(rig.worker);
	CU_ASSERT_EQUAL(worker_join(rig.worker), 0);
	CU_ASSERT_EQUAL(worker_queue_counts(rig.worker)->releases, 1);
	rig_down();
}

/* When we were late ourselves, the whole machine stood still, and nobody is to blame. */
static void blames_nobody_when_it_was_late_itself(void)
{
	rig_up();
	CU_ASSERT_STRING_EQUAL(watch(0), "");
	CU_ASSERT_STRING_EQUAL(watch(5000), "");
	CU_ASSERT_TRUE(health_workers_alive(rig.health));
	rig_down();
}

static void says_that_the_queue_is_gone(void)
{
	rig_up();
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	close(netns_new()); /* /proc/net shows this thread's namespace: no queue is in this one */
	CU_ASSERT_PTR_NOT_NULL(strstr(tick(1), "queue 2500 IS GONE"));
	CU_ASSERT_TRUE(health_queue_is_gone(rig.health));
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	rig_down();
}

/* A clean end is not a loss. */
static void says_nothing_at_a_clean_end(void)
{
	rig_up();
	CU_ASSERT_EQUAL_FATAL(worker_start(rig.worker), 0);
	worker_stop(rig.worker);
	CU_ASSERT_EQUAL(worker_join(rig.worker), 0);
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	CU_ASSERT_FALSE(health_queue_is_gone(rig.health));
	rig_down();
}

static void says_what_the_ring_lost(void)
{
	struct ring *ring;
	unsigned lost = 0;

	rig_up();
	ring = worker_events(rig.worker);
	while (lost < 7)
		if (ring_reserve(ring))
			ring_commit(ring);
		else
			lost++;
	CU_ASSERT_PTR_NOT_NULL(strstr(tick(1), "warning: 7 events are lost to the records"));
	(void)ring_reserve(ring);
	CU_ASSERT_STRING_EQUAL(tick(1), ""); /* not every second */
	CU_ASSERT_PTR_NOT_NULL(strstr(tick(30), "warning: 1 events are lost"));
	rig_down();
}

static void says_what_came_to_the_table(void)
{
	int status;

	rig_up();
	free(netns_shell(&status, "nft delete table inet postern"));
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(tick(1), "table inet postern IS GONE"));
	install();
	CU_ASSERT_PTR_NOT_NULL(strstr(tick(1), "table inet postern is there again"));
	CU_ASSERT_STRING_EQUAL(tick(1), "");
	rig_down();
}

SUITE("health", { "says that a worker hangs", says_that_a_worker_hangs },
        { "releases the queue of one that hangs", releases_the_queue_of_one_that_hangs },
        { "blames nobody when it was late itself", blames_nobody_when_it_was_late_itself },
        { "says that the queue is gone", says_that_the_queue_is_gone },
        { "says nothing at a clean end", says_nothing_at_a_clean_end },
        { "says what the ring lost", says_what_the_ring_lost },
        { "says what came to the table", says_what_came_to_the_table })
