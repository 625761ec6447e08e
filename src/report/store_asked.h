/* store_asked.h - questions to the store's thread, and its answers: a few places that both sides see. */
#ifndef REPORT_STORE_ASKED_H
#define REPORT_STORE_ASKED_H

#include <sqlite3.h>

#include "report/store.h"

struct asked;

/* NULL with errno. */
struct asked *asked_new(void);
void asked_free(struct asked *a); /* NULL is fine */

/* The caller's side: as store_ask() and store_fetch(). now_ms: monotonic. */
uint32_t asked_add(struct asked *a, const struct store_question *q, uint64_t now_ms);
int asked_fetch(struct asked *a, uint32_t number, struct finding *rows);

/* The thread's: answers what waits; db may be NULL. True if there was something. */
bool asked_answer(struct asked *a, sqlite3 *db);

#endif
