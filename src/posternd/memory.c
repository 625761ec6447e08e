/* memory.c - see memory.h. */
#include "posternd/memory.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "report/store.h"

/* A clock that was just set may be wrong: whatever seems old then is left alone. */
enum { CALM_S = 3600 };

bool memory_open(struct daemon *d)
{
	const struct store_settings s = {
		.path = d->conf->store.path,
		.keep_s = d->conf->store.keep_s,
		.calm_s = CALM_S,
	};

	if (!*s.path) {
		log_info("store.path is empty: blocks, incidents and who delivers are not kept");
		return true;
	}
	d->store = store_open(&s);
	if (!d->store)
		log_error("no memory for the store: %s", strerror(errno));
	return d->store;
}

void memory_start(struct daemon *d)
{
	int r = store_start(d->store);

	if (r)
		log_error("the thread of the store cannot be started, nothing is kept: %s", strerror(-r));
}

void memory_set_conf(struct daemon *d, const struct conf *conf)
{
	store_set_keep(d->store, conf->store.keep_s, 0);
}

void memory_tick(struct daemon *d)
{
	char text[STORE_NOTICE_MAX];

	store_tick(d->store);
	while (store_take_notice(d->store, text))
		desk_audit(d->desk, clock_now_us(), "%s", text);
}

void memory_close(struct daemon *d)
{
	store_close(d->store);
	d->store = NULL;
}
