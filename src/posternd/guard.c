/* guard.c - that the kernel's rules stay as they are wanted, whoever changes them.
 *
 * The kernel tells each transaction of others (tap/kernel). One that was about our table, or that may have been because
 * notices were lost, makes us compare the table with the wanted one and send the difference (gate_repair()). What others
 * put into or took out of the sets whose elements live for a time is put right by those who fill them
 * (daemon_refill()), also where notices are missing. Once a second the generation of the kernel's rules is compared with
 * the last one that was told, and once in LOOK_S the table is compared in any case: nothing depends on notices alone.
 *
 * Too many repairs are put off more and more (gate/pace): a war with another program costs little, goes on, and is told
 * in the log, the records and `status`, which says NOT ENFORCED until the table is as it should be.
 *
 * Where the table is owned (gate_own()), the kernel refuses all this to others, and there is nothing to repair.
 *
 * With each new generation flow tables are looked for that carry our ports past all rules (gate/offload). Those are
 * others' and stay; that they are there is told, and shown in `status`.
 *
 * Limits. Somebody with the right to change rules can do so faster than they are repaired, for the moment in between;
 * who did it is the process that asked the kernel, not the person.
 */
#include "posternd/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/pace.h"
#include "policy/policy.h"
#include "posternd/bypass.h"
#include "posternd/daemon.h"
#include "tap/kernel.h"

enum {
	LOOK_S = 60,
	LOOK_WITHOUT_NOTICES_S = 5,
	ERR_BYTES = 512,
	WHAT_BYTES = KERNEL_WHAT_MAX + ERR_BYTES + 4,
	WHO_BYTES = 64
};
static const uint64_t SECOND_US = 1000000;

struct guard {
	struct daemon *daemon;
	struct kernel_tap *tap; /* NULL: the kernel does not tell */
	struct pace pace;
	uint64_t looked_us;
	uint32_t generation; /* a second ago, as the kernel said */
	uint64_t repairs;
	uint32_t offload_generation; /* of the last look at flow tables */
	bool offload_looked;
	char offload[ERR_BYTES]; /* what goes past us; "" = nothing */

	/* what is not put right yet */
	uint64_t since_us; /* 0 = nothing */
	bool touched;      /* by a transaction that was told */
	bool opened;       /* packets may have gone past us */
	bool untold;       /* there was more than what was told */
	char done[KERNEL_WHAT_MAX];
	char who[WHO_BYTES];
	char wrong[ERR_BYTES]; /* of the table; "" = nothing */
	char told[ERR_BYTES];  /* why it could not be repaired */
	bool put_off;          /* and told so */
};

static uint64_t now_us(void)
{
	return clock_monotonic_ns() / 1000;
}

struct guard *guard_new(struct daemon *d)
{
	struct guard *g = calloc(1, sizeof(*g));
	char err[ERR_BYTES] = "";

	if (!g)
		return NULL;
	g->daemon = d;
	g->tap = kernel_tap_open(gate_port(d->gate), err, sizeof(err));
	if (!g->tap)
		log_warning(
		        "%s; the rules are compared every %d seconds instead", err, LOOK_WITHOUT_NOTICES_S);
	return g;
}

void guard_free(struct guard *g)
{
	if (g)
		kernel_tap_close(g->tap);
	free(g);
}

int guard_fd(const struct guard *g)
{
	return g->tap ? kernel_tap_fd(g->tap) : -1;
}

uint64_t guard_repairs(const struct guard *g)
{
	return g->repairs;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void forget(struct guard *g)
{
	g->since_us = 0;
	g->touched = g->opened = g->untold = g->put_off = false;
	g->done[0] = g->who[0] = g->wrong[0] = g->told[0] = '\0';
}

/* outcome: what became of it. */
static void tell(struct guard *g, enum event_guard_what state, const char *outcome, uint64_t took_us)
{
	const char *table = g->daemon->conf->nft.table, *who = *g->who ? g->who : "somebody";
	char what[WHAT_BYTES], text[WHO_BYTES + ERR_BYTES];

	snprintf(what, sizeof(what), "%s%s%s", g->done, *g->done && *g->wrong ? "; " : "", g->wrong);
	snprintf(text, sizeof(text), "by %s: %s", who, outcome);
	if (state == GUARD_REPAIRED)
		log_warning("table inet %s was changed by %s, %s: %s", table, who, outcome, what);
	else
		log_error("table inet %s was changed by %s and is NOT as it should be, %s: %s", table, who,
		        outcome, what);
	desk_guard(g->daemon->desk, clock_now_us(), state, what, text, took_us);
	desk_flush(g->daemon->desk);
}

/* ---- putting it right ------------------------------------------------------------------------ */

static void put_off(struct guard *g, uint64_t until_us)
{
	char outcome[96];

	if (g->put_off)
		return;
	g->put_off = true;
	snprintf(outcome, sizeof(outcome), "repaired %u times in a row, again in %" PRIu64 " s",
	        g->pace.count, (until_us - now_us()) / SECOND_US + 1);
	tell(g, GUARD_PUT_OFF, outcome, 0);
}

/* Bytes that went past us are holes, for which enforcement would wait: what is known of open connections goes, and they
 * are picked up in their middle. */
static void forget_connections(const struct guard *g)
{
	for (unsigned i = 0; g->opened && i < g->daemon->worker_count; i++)
		worker_forget(g->daemon->workers[i]);
}

/* It is as it should be, but for what may have been done to elements that live for a time. */
static void settle(struct guard *g)
{
	bool was_wrong = *g->wrong;

	if (g->touched) {
		forget_connections(g);
		bypass_notice(g->daemon->bypass);
		daemon_refill(g->daemon);
		g->wrong[0] = '\0';
		tell(g, GUARD_REPAIRED,
		        was_wrong ? "it is as it should be again" : "the rules are as they should be",
		        now_us() - g->since_us);
	} else {
		if (g->untold)
			daemon_refill(g->daemon);
		if (was_wrong)
			log_info("table inet %s is as it should be again", g->daemon->conf->nft.table);
	}
	forget(g);
}

/* Finds out whether something is wrong, and puts that right. */
static void repair(struct guard *g)
{
	struct daemon *d = g->daemon;
	char err[ERR_BYTES] = "", outcome[ERR_BYTES + 32], wrong[ERR_BYTES];
	uint64_t took_us;
	int r;

	forget_connections(g);
	r = gate_repair(d->gate, d->rules, wrong, sizeof(wrong), err, sizeof(err));
	if (r == 0 && !*wrong) {
		settle(g);
		return;
	}
	snprintf(g->wrong, sizeof(g->wrong), "%s", *wrong ? wrong : err);
	took_us = gate_changed_us(d->gate) - g->since_us;
	pace_note(&g->pace, now_us());
	g->put_off = false;
	if (r && strcmp(err, g->told) != 0) {
		snprintf(outcome, sizeof(outcome), "the repair failed: %s", err);
		tell(g, GUARD_REPAIR_FAILED, outcome, 0);
		snprintf(g->told, sizeof(g->told), "%s", err);
	}
	if (r)
		return;
	if (!g->touched) { /* nobody has told how */
		g->opened = true;
		forget_connections(g);
	}
	daemon_refill(d);
	g->repairs++;
	snprintf(outcome, sizeof(outcome), "repaired after %.1f ms", (double)took_us / 1000);
	tell(g, GUARD_REPAIRED, outcome, took_us);
	forget(g);
}

static void look(struct guard *g)
{
	struct daemon *d = g->daemon;
	char err[ERR_BYTES] = "";
	uint64_t now = now_us(), next_us = pace_next(&g->pace, now);
	int r;

	g->looked_us = now;
	if (!g->since_us)
		g->since_us = now;
	if (next_us <= now) {
		repair(g);
		return;
	}
	r = gate_compare(d->gate, d->rules, err, sizeof(err));
	if (r == 0) {
		settle(g);
		return;
	}
	snprintf(g->wrong, sizeof(g->wrong), "%s", *err ? err : strerror(-r));
	put_off(g, next_us);
}

/* ---- what makes us look ----------------------------------------------------------------------- */

static void on_notice(void *arg, const struct kernel_notice *n)
{
	struct guard *g = arg;

	if (!n->touched)
		return;
	if (!g->since_us)
		g->since_us = now_us();
	g->touched = true;
	g->opened |= n->opened;
	snprintf(g->done, sizeof(g->done), "%s", n->what);
	if (*n->name)
		snprintf(g->who, sizeof(g->who), "%s (process %" PRIu32 ")", n->name, n->pid);
}

void guard_process(struct guard *g)
{
	bool lost = kernel_tap_read(g->tap, g->daemon->conf->nft.table, on_notice, g);

	g->opened |= lost;
	g->untold |= lost;
	if (g->touched || lost)
		look(g);
}

/* Something has changed that no notice has told, and not just now: then it may be on its way. */
static bool is_behind(struct guard *g)
{
	uint32_t generation = 0, before = g->generation;

	if (gate_read_generation(g->daemon->gate, &generation))
		return false;
	g->generation = generation;
	return generation == before && generation != kernel_tap_generation(g->tap);
}

/* Packets that a flow table takes are not seen at the hook forward; at the others they are. */
static void look_at_offload(struct guard *g)
{
	struct daemon *d = g->daemon;
	const struct policy_settings *s = policy_settings(d->conf->policy);
	char text[ERR_BYTES] = "";
	uint32_t generation = 0;

	if (!(d->conf->nft.hooks >> CONF_HOOK_FORWARD & 1) || gate_read_generation(d->gate, &generation) ||
	        (g->offload_looked && generation == g->offload_generation) ||
	        gate_find_offload(d->gate, s->ports, s->port_count, text, sizeof(text)) < 0)
		return;
	g->offload_looked = true;
	g->offload_generation = generation;
	if (strcmp(text, g->offload) == 0)
		return;
	if (*text)
		log_error("%s: THEY PASS WITHOUT INSPECTION", text);
	else
		log_warning("no flow table takes guarded ports any more");
	desk_guard(d->desk, clock_now_us(), *text ? GUARD_OFFLOAD : GUARD_OFFLOAD_ENDED,
	        *text ? text : "no flow table takes guarded ports any more", "", 0);
	desk_flush(d->desk);
	snprintf(g->offload, sizeof(g->offload), "%s", text);
}

void guard_tick(struct guard *g)
{
	uint64_t since_look_us = now_us() - g->looked_us;
	unsigned look_s = g->tap ? LOOK_S : LOOK_WITHOUT_NOTICES_S;

	if (g->tap)
		guard_process(g);
	g->untold |= g->tap && is_behind(g);
	if (*g->wrong || !g->looked_us || since_look_us >= look_s * SECOND_US || g->untold)
		look(g);
	look_at_offload(g);
}

void guard_each_fault(const struct guard *g, health_fault *each, void *arg)
{
	char text[WHAT_BYTES + WHO_BYTES + 128], pause[64] = "";
	uint64_t now = now_us(), next_us = pace_next(&g->pace, now);

	if (pace_is_war(&g->pace, now) && next_us > now)
		snprintf(pause, sizeof(pause), ", again in %" PRIu64 " s", (next_us - now) / SECOND_US + 1);
	if (*g->offload)
		each(arg, g->offload, true);
	if (*g->wrong) {
		snprintf(text, sizeof(text),
		        "table inet %s WAS CHANGED by %s, repaired %u times in a row%s: %s",
		        g->daemon->conf->nft.table, *g->who ? g->who : "somebody", g->pace.count, pause,
		        *g->told ? g->told : g->wrong);
		each(arg, text, true);
	} else if (pace_is_war(&g->pace, now)) {
		snprintf(text, sizeof(text),
		        "table inet %s is changed by somebody again and again: repaired %u times",
		        g->daemon->conf->nft.table, g->pace.count);
		each(arg, text, false);
	}
}
