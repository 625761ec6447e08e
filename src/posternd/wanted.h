/* wanted.h - the rules that a configuration asks for, for the daemon and for `postern rules` and `verify`. */
#ifndef POSTERND_WANTED_H
#define POSTERND_WANTED_H

#include <stdbool.h>

#include "conf/conf.h"
#include "gate/ruleset.h"

/* NULL with errno as ruleset_build(). The caller frees it; conf may go before. */
struct ruleset *wanted_rules(const struct conf *conf);
/* With another policy in place of its own. */
struct ruleset *wanted_rules_of(const struct conf *conf, const struct policy *policy);
/* A file in the folder that the service manager names in STATE_DIRECTORY. False if it names none. */
bool wanted_file(const char *name, char *path, unsigned path_bytes);
/* Where the rules in force are kept for the next boot: "rules" there. Without a folder, nobody would load them
 * either. */
bool wanted_path(char *path, unsigned path_bytes);

#endif
