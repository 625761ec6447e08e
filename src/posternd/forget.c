/* forget.c - see forget.h.
 *
 * First the memory, then the store: what waits in the store's rings is written before the wish is granted, and nothing of him can
 * follow it, unless he does something new. In between nobody can stop it.
 */
#include "posternd/forget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/watching.h"
#include "posternd/blocks.h"
#include "posternd/daemon.h"
#include "posternd/dnsbl.h"
#include "report/store.h"
#include "watch/mutes.h"
#include "watch/sources.h"

/* ---- what the daemon itself holds --------------------------------------------------------------- */

static void forget_mutes(struct daemon *d, const struct mention *who, struct forgotten *out)
{
	struct mutes *m = watch_mutes(desk_own_watch(d->desk));
	struct mute taken;
	unsigned i = 0;

	while (i < m->count) {
		struct mute *mute = &m->list[i];
		const bool is_his = mention_holds(who, &mute->prefix);
		const bool names_him = mention_in(who, mute->reason, strlen(mute->reason));

		out->n[FORGOTTEN_MUTES] += is_his;
		out->n[FORGOTTEN_TEXTS] += names_him && !is_his;
		if (is_his && !out->look) {
			const struct prefix prefix = mute->prefix;

			(void)mutes_take(m, &prefix, mute->rule, &taken); /* each of that prefix goes */
			continue;
		}
		if (names_him && !out->look)
			snprintf(mute->reason, sizeof(mute->reason), FORGOTTEN_MARK);
		i++;
	}
}

bool forget_is_about(const struct mention *who, const struct block *b)
{
	return (!who->is_mailbox && prefix_overlaps(&b->prefix, &who->prefix)) ||
	       mention_in(who, b->reason, strlen(b->reason));
}

static void count_staying(const struct daemon *d, const struct mention *who, struct forgotten *out)
{
	struct sources *sources = watch_sources(desk_own_watch(d->desk));
	const struct source *row;
	const struct block *b;
	uint32_t cursor = 0;

	while ((b = blockbook_scan(blocks_book(d->blocks), &cursor)))
		out->in_force += forget_is_about(who, b);
	cursor = 0;
	while (!who->is_mailbox && (row = sources_scan(sources, &cursor)))
		out->wider += row->prefix.bits < who->prefix.bits &&
		              prefix_contains(&row->prefix, &who->prefix.addr);
}

/* ---- one ---------------------------------------------------------------------------------------- */

uint32_t forget_start(struct daemon *d, const struct mention *who, bool look, uint32_t uid)
{
	struct daemon_forget *f = &d->forget;
	struct mention spelt = *who;
	uint32_t number = f->number + 1;

	if (f->runs)
		return 0;
	desk_spell(d->desk, &spelt);
	*f = (struct daemon_forget) { .runs = true,
		.number = number > 0 ? number : 1,
		.uid = uid,
		.is_mailbox = who->is_mailbox,
		.is_clean = true };
	f->memory.look = look;
	desk_forget(d->desk, &spelt, &f->memory);
	forget_mutes(d, &spelt, &f->memory);
	dnsbl_forget(d->dnsbl, &spelt, &f->memory);
	count_staying(d, &spelt, &f->memory);
	f->has_store = store_forget(d->store, &spelt, look);
	forget_tick(d);
	return f->number;
}

bool forget_is_done(const struct daemon *d, uint32_t number)
{
	return d->forget.number == number && !d->forget.runs;
}

void forget_tick(struct daemon *d)
{
	struct daemon_forget *f = &d->forget;
	char text[FORGOTTEN_TEXT_MAX];

	if (!f->runs)
		return;
	if (f->has_store)
		f->store_result = store_fetch_forgotten(d->store, &f->store, &f->is_clean);
	if (f->has_store && f->store_result == -EAGAIN)
		return;
	f->runs = false;
	if (f->memory.look)
		return;
	desk_audit(d->desk, clock_now_us(), "%s forgotten by uid %" PRIu32 ", in memory and store%s: %s",
	        f->is_mailbox ? "a mailbox was" : "an address was", f->uid,
	        f->has_store && f->store_result ? " (NOT in the store, which does not work)" : "",
	        forgotten_print(&f->memory, f->has_store && f->store_result == 0 ? &f->store : NULL, text));
}
