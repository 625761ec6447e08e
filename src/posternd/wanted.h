/* wanted.h - the rules that a configuration asks for, for the daemon and for `postern rules` and `verify`. */
#ifndef POSTERND_WANTED_H
#define POSTERND_WANTED_H

#include "conf/conf.h"
#include "gate/ruleset.h"

/* NULL with errno as ruleset_build(). The caller frees it; conf may go before. */
struct ruleset *wanted_rules(const struct conf *conf);

#endif
