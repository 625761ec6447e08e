/* wanted.h - the rules that a configuration asks for, for the daemon and for `postern rules` and `verify`. */
#ifndef POSTERND_WANTED_H
#define POSTERND_WANTED_H

#include <stdbool.h>

#include "conf/conf.h"
#include "gate/ruleset.h"

/* NULL with errno as ruleset_build(). The caller frees it; conf may go before. */
struct ruleset *wanted_rules(const struct conf *conf);
/* Where the rules in force are kept for the next boot: the file "rules" in the folder that the service manager
 * names in STATE_DIRECTORY. False if it names none: then nobody would load them either. */
bool wanted_path(char *path, unsigned path_bytes);

#endif
