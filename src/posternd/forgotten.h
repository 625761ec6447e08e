/* forgotten.h - who is to be forgotten, and what was: read and told, for the daemon and for `postern forget` without one. */
#ifndef POSTERND_FORGOTTEN_H
#define POSTERND_FORGOTTEN_H

#include <jansson.h>

#include "base/mention.h"
#include "conf/conf.h"
#include "postern/forgotten.h"

/* Whom a text means, also where the store has only hashes of him. As mention_parse(). */
int forgotten_whom(const struct conf *conf, const char *text, struct mention *out);
/* What is wrong with it, for people. */
const char *forgotten_fault(int result);

/* "sources 1+1, incidents 2+5": what was forgotten in memory and in the store. Either may be NULL. */
enum { FORGOTTEN_TEXT_MAX = 512 };
char *forgotten_print(
        const struct forgotten *memory, const struct forgotten *store, char text[FORGOTTEN_TEXT_MAX]);
/* The numbers. */
json_t *forgotten_json(const struct forgotten *f);
/* What stays: of f, of the rows that have him as a server, files of records, and stores that were set aside as damaged. */
json_t *forgotten_left(const struct conf *conf, const struct forgotten *f, uint64_t as_server);

#endif
