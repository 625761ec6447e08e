/* store_keeper.h - the store's thread: takes records out of the rings, and keeps trying.
 *
 * What is here is called by the store's one caller; keeper_read_*() before keeper_start().
 */
#ifndef REPORT_STORE_KEEPER_H
#define REPORT_STORE_KEEPER_H

#include "base/ring.h"
#include "report/store.h"
#include "report/store_acts.h"
#include "report/store_wish.h"

struct keeper;

struct keeper_rings {
	struct ring *acts;    /* of struct store_act, read */
	struct ring *tales;   /* of struct store_tale, read */
	struct ring *notices; /* of char[STORE_NOTICE_MAX], written */
};

struct asked;

/* The settings, the rings, asked and the wish are borrowed. Opens the database. NULL with errno. */
struct keeper *keeper_open(const struct store_settings *settings, const struct keeper_rings *rings,
        struct asked *asked, struct store_wish *wish);
void keeper_close(struct keeper *k); /* not while it runs; NULL is fine */
int keeper_read_blocks(struct keeper *k, uint64_t now_us, store_each_block *each, void *arg);
int keeper_read_expired(struct keeper *k, uint64_t since_us, store_each_block *each, void *arg);
int keeper_read_stories(struct keeper *k, store_each_story *each, void *arg);
int keeper_read_closed(struct keeper *k, uint64_t since_us, unsigned most, store_each_story *each, void *arg);
int keeper_read_mutes(struct keeper *k, uint64_t now_us, store_each_mute *each, void *arg);
int keeper_read_seen(struct keeper *k, unsigned most, store_each_seen *each, void *arg);
int keeper_read_sources(struct keeper *k, unsigned most, store_each_source *each, void *arg);
int keeper_read_usual(struct keeper *k, unsigned most, store_each_usual *each, void *arg);
uint64_t keeper_read_made(struct keeper *k);

/* 0 or -errno. */
int keeper_start(struct keeper *k, store_wake *wake, void *arg);
void keeper_set_keep(struct keeper *k, uint32_t keep_s, uint32_t envelope_s);
/* There is something in the rings, or a wish. Never waits. */
void keeper_ring_bell(struct keeper *k);
/* False: it hangs (a disk that does not answer), and may go on using everything. */
bool keeper_stop(struct keeper *k);
/* The file is a new one since the last call. */
bool keeper_has_begun_anew(struct keeper *k);
void keeper_status(struct keeper *k, struct store_status *out);

#endif
