/* bypass.c - see bypass.h.
 *
 * The kernel holds the bypass, with its end (gate/bypass.h): it goes on and ends whether we run or not, and a daemon
 * that starts meanwhile reads from the kernel what is left. While we run we end it ourselves, GRACE_S before the
 * kernel would, because something has to come first: the workers forget the connections that they knew. Bytes of those
 * have passed unseen, and for enforcement a hole is what must not be passed on: mail would stand still. Forgotten ones
 * are picked up in their middle.
 *
 * It is told when it begins, each TELL_S and when it ends (1025512), and who has done it (1025520).
 *
 * Limits. What came of the reason is known to nft (as a comment) and to the daemon that was told it, not to its
 * successor. A reboot ends a bypass: the rules that are loaded then have none.
 */
#include "posternd/bypass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/policy.h"
#include "posternd/daemon.h"

enum { GRACE_S = 5, FORGET_S = 3, TELL_S = 300, UID_NONE = -1 };
static const uint64_t SECOND_US = 1000000;

enum state { STATE_OFF, STATE_ON, STATE_ENDING };

struct bypass {
	struct daemon *daemon;
	enum state state;
	uint64_t until_us;  /* ON */
	uint64_t ending_us; /* ENDING: since */
	uint64_t tried_us;  /* to end it, in vain */
	uint64_t told_us;
	uint64_t count_before; /* of the kernel's counter, when it began */
	int64_t ended_by;      /* uid, or UID_NONE: its time was over */
	char reason[BYPASS_REASON_MAX];
};

struct bypass *bypass_new(struct daemon *d)
{
	struct bypass *b = calloc(1, sizeof(*b));

	if (b)
		b->daemon = d;
	return b;
}

void bypass_free(struct bypass *b)
{
	free(b);
}

/* ---- telling ------------------------------------------------------------------------------------ */

static uint64_t packets(const struct bypass *b)
{
	uint64_t now = health_bypassed(b->daemon->health);

	return now > b->count_before ? now - b->count_before : 0;
}

static void tell(struct bypass *b, enum event_bypass what, uint64_t now_us)
{
	const struct event_blind e = {
		.packets = what == BYPASS_BEGUN ? 0 : packets(b),
		.left_s = bypass_left_s(b, now_us),
		.bypass = (uint8_t)what,
	};

	b->told_us = now_us;
	desk_blind(b->daemon->desk, &e, now_us);
	desk_flush(b->daemon->desk);
}

/* ---- the kernel --------------------------------------------------------------------------------- */

/* Writes, and reads back what is in force. */
static int set_kernel(struct bypass *b, uint32_t seconds, const char *note)
{
	const struct conf *conf = b->daemon->conf;
	const struct policy_settings *s = policy_settings(conf->policy);
	uint64_t left_ms = 0;
	int r = gate_bypass(b->daemon->gate, conf->nft.table, s->ports, s->port_count, seconds, note);

	if (r == 0)
		r = gate_read_bypass(b->daemon->gate, conf->nft.table, &left_ms);
	if (r == 0 && (left_ms > 0) != (seconds > 0))
		r = -EIO;
	return r;
}

/* ---- from on to off ------------------------------------------------------------------------------ */

/* It is shown on terminals, by nft, too. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f || *text == '"')
			*text = '?';
}

int bypass_begin(struct bypass *b, uint32_t seconds, uint32_t uid, const char *why)
{
	char reason[BYPASS_REASON_MAX];
	uint64_t now_us = clock_now_us();
	char note[BYPASS_REASON_MAX + 32], text[BYPASS_TEXT_MAX];
	int r;

	snprintf(reason, sizeof(reason), "%s", why);
	clean(reason);
	snprintf(note, sizeof(note), "uid %" PRIu32 ": %s", uid, reason);
	r = set_kernel(b, seconds + GRACE_S, note);
	if (r) {
		log_error("a bypass was asked for by uid %" PRIu32 " and is NOT in force: %s", uid,
		        strerror(-r));
		return r;
	}
	if (b->state != STATE_ON)
		b->count_before = health_bypassed(b->daemon->health);
	b->state = STATE_ON;
	b->until_us = now_us + seconds * SECOND_US;
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
	if (bypass_print(b, now_us, text))
		log_warning("%s (uid %" PRIu32 ")", text, uid);
	desk_audit(b->daemon->desk, now_us, "bypass of %" PRIu32 " s begun by uid %" PRIu32 ": %s", seconds,
	        uid, *reason ? reason : "no reason given");
	for (unsigned i = 0; i < b->daemon->worker_count; i++)
		worker_let_go(b->daemon->workers[i]); /* nothing waits in a bypass */
	tell(b, BYPASS_BEGUN, now_us);
	return 0;
}

static void begin_end(struct bypass *b, int64_t uid)
{
	struct daemon *d = b->daemon;

	b->state = STATE_ENDING;
	b->ending_us = clock_now_us();
	b->ended_by = uid;
	for (unsigned i = 0; i < d->worker_count; i++)
		worker_forget(d->workers[i]);
}

int bypass_end(struct bypass *b, uint32_t uid)
{
	if (b->state == STATE_OFF)
		return -ENOENT;
	if (b->state == STATE_ON)
		begin_end(b, uid);
	return 0;
}

bool bypass_is_ending(const struct bypass *b)
{
	return b->state == STATE_ENDING;
}

static bool workers_have_forgotten(const struct daemon *d)
{
	for (unsigned i = 0; i < d->worker_count; i++)
		if (!worker_has_forgotten(d->workers[i]))
			return false;
	return true;
}

static void finish(struct bypass *b, uint64_t now_us)
{
	struct daemon *d = b->daemon;
	char by[32] = "";
	int r = set_kernel(b, 0, NULL);

	b->tried_us = r ? now_us : 0;
	if (r) {
		log_error(
		        "the bypass CANNOT BE ENDED: %s; it is tried again, and the kernel ends it by itself",
		        strerror(-r));
		return;
	}
	health_tick(d->health, now_us); /* the last packets count, too */
	b->state = STATE_OFF;
	if (b->ended_by != UID_NONE)
		snprintf(by, sizeof(by), " by uid %" PRId64, b->ended_by);
	log_warning("the bypass has ended%s: port 25 is guarded again; %" PRIu64
	            " packets passed uninspected",
	        by, packets(b));
	desk_audit(d->desk, now_us, "bypass ended%s, %" PRIu64 " packets passed", by, packets(b));
	tell(b, BYPASS_ENDED, now_us);
}

void bypass_settle(struct bypass *b)
{
	uint64_t now_us;

	if (b->state != STATE_ENDING)
		return;
	now_us = clock_now_us();
	if (b->tried_us && now_us - b->tried_us < SECOND_US)
		return;
	if (workers_have_forgotten(b->daemon) || now_us - b->ending_us > FORGET_S * SECOND_US)
		finish(b, now_us);
}

/* Somebody else has ended it, or we were late and the kernel has. */
static void notice_end(struct bypass *b)
{
	uint64_t left_ms = 0;

	if (gate_read_bypass(b->daemon->gate, b->daemon->conf->nft.table, &left_ms) || left_ms > 0)
		return;
	log_warning("the bypass is not in the kernel any more, before its time");
	begin_end(b, UID_NONE);
}

void bypass_notice(struct bypass *b)
{
	uint64_t left_ms = 0;
	int r;

	if (b->state == STATE_ON)
		notice_end(b);
	if (b->state != STATE_OFF ||
	        gate_read_bypass(b->daemon->gate, b->daemon->conf->nft.table, &left_ms) || left_ms == 0)
		return;
	r = set_kernel(b, 0, NULL);
	log_warning("somebody else has put ports into the bypass, and they are %s%s",
	        r ? "STILL THERE: " : "taken out", r ? strerror(-r) : "");
}

void bypass_refill(struct bypass *b)
{
	uint32_t left_s = bypass_left_s(b, clock_now_us());
	int r = 0;

	if (left_s > 0)
		r = set_kernel(b, left_s + GRACE_S, b->reason);
	else
		bypass_notice(b);
	if (r)
		log_error("the bypass cannot be put back: %s", strerror(-r));
}

void bypass_tick(struct bypass *b, uint64_t now_us)
{
	if (b->state == STATE_ON && now_us >= b->until_us)
		begin_end(b, UID_NONE);
	else if (b->state == STATE_ON)
		notice_end(b);
	bypass_settle(b);
	if (b->state == STATE_ON && now_us - b->told_us >= TELL_S * SECOND_US)
		tell(b, BYPASS_GOES_ON, now_us);
}

/* ---- over restarts and reloads -------------------------------------------------------------------- */

void bypass_take_over(struct bypass *b)
{
	uint64_t now_us = clock_now_us(), left_ms = 0, left_us;
	char text[BYPASS_TEXT_MAX];

	if (gate_read_bypass(b->daemon->gate, b->daemon->conf->nft.table, &left_ms) || left_ms == 0)
		return;
	if (left_ms > (BYPASS_SECONDS_MAX + GRACE_S) * UINT64_C(1000)) {
		bypass_notice(b); /* none of ours is so long */
		return;
	}
	left_us = left_ms * 1000;
	b->state = STATE_ON;
	b->until_us = now_us + (left_us > GRACE_S * SECOND_US ? left_us - GRACE_S * SECOND_US : 0);
	snprintf(b->reason, sizeof(b->reason), "begun before posternd was started");
	if (bypass_print(b, now_us, text))
		log_warning("%s", text);
	tell(b, BYPASS_GOES_ON, now_us);
}

void bypass_say_goodbye(const struct bypass *b)
{
	char text[BYPASS_TEXT_MAX];

	if (b && bypass_print(b, clock_now_us(), text))
		log_warning("%s; the kernel ends it", text);
}

/* ---- questions ------------------------------------------------------------------------------------ */

uint32_t bypass_left_s(const struct bypass *b, uint64_t now_us)
{
	if (b->state != STATE_ON || now_us >= b->until_us)
		return 0;
	return (uint32_t)((b->until_us - now_us + SECOND_US - 1) / SECOND_US);
}

const char *bypass_reason(const struct bypass *b)
{
	return b->reason;
}

bool bypass_print(const struct bypass *b, uint64_t now_us, char text[BYPASS_TEXT_MAX])
{
	uint32_t left_s = bypass_left_s(b, now_us);

	if (left_s == 0)
		return false;
	snprintf(text, BYPASS_TEXT_MAX,
	        "BYPASS: everything PASSES WITHOUT INSPECTION for another %" PRIu32 "m %" PRIu32 "s: %s",
	        left_s / 60, left_s % 60, *b->reason ? b->reason : "no reason given");
	return true;
}
