/* bridge.c - that what bridges forward passes the rules, where the configuration says that bridges carry mail.
 *
 * The switches belong to the system (gate/bridged) and to whoever else needs them: they are looked at, told, and not turned.
 */
#include "posternd/bridge.h"

#include "base/clock.h"
#include "base/log.h"
#include "gate/bridged.h"
#include "posternd/daemon.h"

enum { ERR_BYTES = 256 };

void bridge_tick(struct daemon *d)
{
	static const char ended[] = "bridged packets pass the rules again";
	char err[ERR_BYTES] = "";
	bool unseen = d->conf->nft.bridge && !bridged_are_seen(err, sizeof(err));

	if (unseen == d->bridge_unseen)
		return;
	d->bridge_unseen = unseen;
	if (unseen)
		log_error("nft.bridge: NOT ENFORCED: %s", err);
	else if (d->conf->nft.bridge)
		log_info("%s", ended);
	desk_guard(d->desk, clock_now_us(), unseen ? GUARD_OFFLOAD : GUARD_OFFLOAD_ENDED,
	        unseen ? err : ended, "", 0);
}

void bridge_each_fault(const struct daemon *d, health_fault *each, void *arg)
{
	char err[ERR_BYTES];

	if (d->conf->nft.bridge && !bridged_are_seen(err, sizeof(err)))
		each(arg, err, true);
}
