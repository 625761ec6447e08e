/* desk.h - where events end: watch judges them, report writes events and findings. */
#ifndef POSTERND_DESK_H
#define POSTERND_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ring.h"
#include "conf/conf.h"
#include "postern/counter.h"
#include "postern/event.h"
#include "report/eve.h"
#include "watch/watch.h"

struct desk;
struct incident_ack;
struct store;
struct order;
struct witness;

/* conf is borrowed, its policy until desk_set_conf() brings another one. NULL with a message in err. */
struct desk *desk_open(
        const struct conf *conf, const uint8_t hash_key[HASH_KEY_BYTES], char *err, unsigned err_bytes);
void desk_close(struct desk *d); /* NULL is fine */

void desk_event(struct desk *d, const struct event *e);
/* Is called behind each event, and may bring others. */
void desk_listen(struct desk *d, void (*heard)(void *arg, const struct event *e), void *arg);
/* Takes at most `most` events out of the rings, in the order of their times: what one connection leads to in
 * another one is seen by another worker. True if some are left. */
bool desk_drain(struct desk *d, struct ring *const *rings, unsigned count, unsigned most);
/* What findings ask for (postern/order.h), right behind the event that led to it. NULL: nobody takes it. */
typedef void desk_order(void *arg, const struct order *order);
void desk_set_orders(struct desk *d, desk_order *take, void *arg);
/* About once a second. */
void desk_tick(struct desk *d, uint64_t now_us);
/* Somebody knows of this incident. False: none of that id is open. */
bool desk_ack(struct desk *d, uint64_t id, const struct incident_ack *ack);
/* At the end of a batch of events. */
void desk_flush(struct desk *d);
/* What is found is told to the store, too, from now on. Borrowed; NULL = to none. */
void desk_set_store(struct desk *d, struct store *store);
/* Leaves all incidents open, for the next daemon; tells what was not told yet. */
void desk_leave(struct desk *d, uint64_t now_us);
/* Closes all incidents. */
void desk_finish(struct desk *d, uint64_t now_us);
/* Packets have passed without inspection. */
void desk_blind(struct desk *d, const struct event_blind *blind, uint64_t now_us);
/* Of these, how many the records have told, those of `before` included: the total of the last such record. */
uint64_t desk_blind_told(const struct desk *d);
/* Something was done to the gate. */
void desk_audit(struct desk *d, uint64_t now_us, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* An upstream has changed, or is held; alarm: it lost something. */
void desk_upstream(struct desk *d, uint64_t now_us, bool alarm, const char *text);
/* Others have changed the kernel's rules; e as include/postern/event.h says, texts of any length. */
void desk_guard(struct desk *d, uint64_t now_us, enum event_guard_what state, const char *what,
        const char *who, uint64_t took_us);
/* Opens what records are to go to by conf and do not go to yet; they do from the next desk_set_conf() on. 0 or -errno with a
 * message in err. */
int desk_open_outputs(struct desk *d, const struct conf *conf, char *err, unsigned err_bytes);
/* Of a configuration that does not come into force. */
void desk_close_outputs(struct desk *d);
/* After a reload, or when the policy is another one: what the watch looks for, and what records say of rules, mode and
 * configuration. Behind it nothing of the policy of before is used. 0, or -ENOMEM: the records go on as before. */
int desk_set_conf(struct desk *d, const struct conf *conf);
/* 0 or -errno; on failure the old file stays. */
int desk_reopen(struct desk *d);
/* Writes a stats record; extra as eve_stats takes it. */
void desk_stats(struct desk *d, uint64_t now_us, uint64_t uptime_s, const struct counters *inspect,
        const struct eve_stats_number *extra);

/* Whoever asks for a mailbox writes it in clear: what it is called here, hashed with the key in use. */
void desk_spell(const struct desk *d, struct mention *who);
/* What watch, witness and records in memory know of somebody. */
void desk_forget(struct desk *d, const struct mention *who, struct forgotten *out);
/* Why local parts are not hashed as they should be; NULL = they are, or shall not be. */
const char *desk_privacy_fault(const struct desk *d);

/* For what remembers them over a restart. */
struct witness *desk_own_witness(struct desk *d);
struct watch *desk_own_watch(struct desk *d);

/* For those who ask. */
const struct witness *desk_witness(const struct desk *d);
const struct watch *desk_watch(const struct desk *d);
struct watch_counts desk_watch_counts(const struct desk *d);
struct eve_counts desk_eve_counts(const struct desk *d);
/* As eve_syslog_fault(). */
bool desk_syslog_fault(const struct desk *d, char *text, unsigned text_bytes);
bool desk_disk_fault(const struct desk *d, char *text, unsigned text_bytes);

#endif
