/* help.h - what `postern help COMMAND` says of a command's words, line by line. */
#ifndef POSTERN_HELP_H
#define POSTERN_HELP_H

#include <stdio.h>

#include "postern/commands.h"

/* Usage, what it does, and each option that its usage names. */
void help_print(FILE *to, const struct command *c);

#endif
