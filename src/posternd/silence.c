/* silence.c - see silence.h. */
#include "posternd/silence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/suppress.h"
#include "postern/kind.h"
#include "posternd/daemon.h"
#include "report/store.h"

enum { WORDS_MAX = 160, WIDE_BITS_V4 = 96 + 8, WIDE_BITS_V6 = 16 };

static struct mutes *mutes_of(const struct daemon *d)
{
	return watch_mutes(desk_own_watch(d->desk));
}

/* "192.0.2.0/24", "192.0.2.1 for relay.attempt". Returns buf. */
static char *print_whom(const struct mute *m, char buf[WORDS_MAX])
{
	char prefix[PREFIX_TEXT_MAX];

	snprintf(buf, WORDS_MAX, "%s%s%s", prefix_print(&m->prefix, prefix), m->rule ? " for " : "",
	        m->rule ? finding_rule(m->rule) : "");
	return buf;
}

static void keep(struct daemon *d, const struct mute *m)
{
	struct store_mute kept = { .prefix = m->prefix,
		.rule = m->rule,
		.set_us = m->set_us,
		.until_us = m->until_us,
		.uid = m->uid };

	snprintf(kept.reason, sizeof(kept.reason), "%s", m->reason);
	store_mute(d->store, &kept);
}

static void restore(void *arg, const struct store_mute *kept)
{
	struct daemon *d = arg;
	struct mute m = { .prefix = kept->prefix,
		.rule = kept->rule,
		.set_us = kept->set_us,
		.until_us = kept->until_us,
		.uid = kept->uid };

	snprintf(m.reason, sizeof(m.reason), "%.*s", INCIDENT_REASON_MAX - 1, kept->reason);
	(void)mutes_set(mutes_of(d), &m);
}

void silence_restore(struct daemon *d)
{
	(void)store_read_mutes(d->store, clock_now_us(), restore, d);
}

void silence_keep_all(struct daemon *d)
{
	const struct mutes *m = mutes_of(d);

	for (unsigned i = 0; i < m->count; i++)
		keep(d, &m->list[i]);
}

/* Those that were over at the start, check has told. */
static void tell_suppressions(struct daemon *d, uint64_t now_us)
{
	const struct suppressions *s = policy_suppressions(d->conf->policy);

	for (unsigned i = 0; d->suppressions_us && i < s->count; i++)
		if (s->list[i].until_us > d->suppressions_us && s->list[i].until_us <= now_us)
			desk_audit(d->desk, now_us, "suppress \"%s\" has ended: what it names is told again",
			        s->list[i].name);
	d->suppressions_us = now_us;
}

void silence_tick(struct daemon *d)
{
	uint64_t now_us = clock_now_us();
	char whom[WORDS_MAX];
	struct mute m;

	tell_suppressions(d, now_us);
	while (mutes_take_expired(mutes_of(d), now_us, &m)) {
		store_unmute(d->store, &m.prefix, m.rule);
		desk_audit(d->desk, now_us, "mute of %s has ended", print_whom(&m, whom));
	}
}

bool silence_mute(struct daemon *d, const struct silence_wish *wish)
{
	uint64_t now_us = clock_now_us();
	struct mute m = { .prefix = wish->prefix,
		.rule = wish->rule,
		.set_us = now_us,
		.until_us = now_us + wish->seconds * UINT64_C(1000000),
		.uid = wish->uid };
	char whom[WORDS_MAX];

	snprintf(m.reason, sizeof(m.reason), "%s", wish->reason);
	if (!mutes_set(mutes_of(d), &m))
		return false;
	if (silence_is_wide(&m.prefix))
		log_warning("%s is muted for %" PRIu32 " s by uid %" PRIu32
		            ": what is found there is not told",
		        print_whom(&m, whom), wish->seconds, wish->uid);
	keep(d, &m);
	desk_audit(d->desk, now_us, "muted by uid %" PRIu32 " for %" PRIu32 " s: %s%s%s", wish->uid,
	        wish->seconds, print_whom(&m, whom), *m.reason ? ": " : "", m.reason);
	return true;
}

unsigned silence_unmute(struct daemon *d, const struct prefix *prefix, uint32_t rule, uint32_t uid)
{
	char whom[WORDS_MAX];
	struct mute m;
	unsigned count = 0;

	for (; mutes_take(mutes_of(d), prefix, rule, &m); count++) {
		store_unmute(d->store, &m.prefix, m.rule);
		desk_audit(d->desk, clock_now_us(), "mute of %s ended by uid %" PRIu32, print_whom(&m, whom),
		        uid);
	}
	return count;
}

bool silence_is_wide(const struct prefix *prefix)
{
	return prefix_is_v4(prefix) ? prefix->bits < WIDE_BITS_V4 : prefix->bits < WIDE_BITS_V6;
}

void silence_each_fault(const struct daemon *d, silence_wrong *each, void *arg)
{
	const struct mutes *m = mutes_of(d);
	char text[2 * WORDS_MAX], whom[WORDS_MAX], until[CLOCK_TEXT_MAX];

	for (unsigned i = 0; i < m->count; i++) {
		if (!silence_is_wide(&m->list[i].prefix))
			continue;
		snprintf(text, sizeof(text),
		        "%s is MUTED until %s by uid %" PRId64
		        ": what is found there is counted, and NOT TOLD",
		        print_whom(&m->list[i], whom), clock_print(m->list[i].until_us, until),
		        m->list[i].uid);
		each(arg, text, false);
	}
}

bool silence_ack(struct daemon *d, uint64_t id, uint32_t uid, const char *reason)
{
	struct incident_ack ack = { .time_us = clock_now_us(), .uid = uid };

	snprintf(ack.reason, sizeof(ack.reason), "%s", reason);
	if (!desk_ack(d->desk, id, &ack))
		return false;
	desk_audit(d->desk, ack.time_us, "incident %" PRIu64 " acknowledged by uid %" PRIu32 "%s%s", id, uid,
	        *ack.reason ? ": " : "", ack.reason);
	return true;
}
