/* resolv.h - notices a changed resolv.conf: the service starts before the network, when that file may not be there yet. */
#ifndef POSTERND_RESOLV_H
#define POSTERND_RESOLV_H

#include <stdbool.h>

#include "conf/conf.h"

struct resolv {
	struct conf_stamp stamp; /* of what was read */
	unsigned calls;
};

/* It is read now. */
void resolv_note(struct resolv *r);
/* Once a second. True if it is another one since it was noted; it is noted. Never for a configuration that names its servers. */
bool resolv_has_changed(struct resolv *r, const struct conf *conf);

#endif
