/* store_wish.h - somebody is to be forgotten: the wish, on its way from the store's caller to its thread and back. */
#ifndef REPORT_STORE_WISH_H
#define REPORT_STORE_WISH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mention.h"
#include "postern/forgotten.h"
#include "report/store_file.h"

enum wish_state { WISH_NONE, WISH_WAITS, WISH_DONE };

/* Who has set the state last is not the one who may touch the rest. */
struct store_wish {
	_Atomic int state; /* enum wish_state */
	struct mention who;
	struct forgotten forgotten;
	int result; /* 0 or -errno */
	bool is_clean;
};

/* The caller's side: as store_forget() and store_fetch_forgotten(). */
bool wish_make(struct store_wish *w, const struct mention *who, bool look);
int wish_fetch(struct store_wish *w, struct forgotten *out, bool *is_clean);

/* The thread's. */
struct wish_keeper {
	struct store_wish *wish; /* borrowed */
	bool has_wish;
	uint64_t after;    /* records, all told: what was told before it */
	bool is_old;       /* the file was not written anew behind it */
	bool is_unclean;   /* what was forgotten may still be in the file's free space, or its journal */
	uint64_t clean_ms; /* when that was tried last; monotonic */
	int (*is_leaving)(void *arg);
	void *arg;
};
/* told: records so far, written or not. */
void wish_see(struct wish_keeper *k, uint64_t told);
/* Forgets, once so many records are written; a file that does not work (NULL) says so at once. True: there is an answer. */
bool wish_grant(struct wish_keeper *k, struct store_file *f, uint64_t written);
/* Tries again what has failed. */
enum { WISH_CLEAN_AGAIN_MS = 1000 };
void wish_clean(struct wish_keeper *k, const struct store_file *f);

#endif
