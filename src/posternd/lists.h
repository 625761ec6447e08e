/* lists.h - notices changed list files (domains-file, file) of the configuration in force. */
#ifndef POSTERND_LISTS_H
#define POSTERND_LISTS_H

#include <stdbool.h>

struct conf;
struct lists;

/* NULL without memory. */
struct lists *lists_new(void);
void lists_free(struct lists *l); /* NULL is fine */
/* Once a second: looks at the files of this configuration. True if it should be read again (reload.h). */
bool lists_look(struct lists *l, const struct conf *conf);

#endif
