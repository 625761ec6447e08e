/* dnsbl.h - strangers at servers of ours, looked up in DNS lists; what is found is told, and done. */
#ifndef POSTERND_DNSBL_H
#define POSTERND_DNSBL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mention.h"
#include "conf/conf.h"
#include "dns/blocklists.h"
#include "policy/policy.h"
#include "postern/event.h"
#include "postern/forgotten.h"

struct dnsbl;
struct desk;
struct sentences;

struct dnsbl_settings { /* all borrowed */
	const struct conf *conf;
	struct desk *desk;
	struct sentences *sentences;
	const uint8_t *hash_key;
};

/* Begins to test the lists of the configuration, if it has some. A DNS that cannot be asked is said. NULL without memory. */
struct dnsbl *dnsbl_new(const struct dnsbl_settings *s);
/* What was said of sources is taken back. NULL is fine. */
void dnsbl_free(struct dnsbl *d);
/* It serves another configuration as well: lists, action and servers are the same. */
bool dnsbl_fits(const struct dnsbl *d, const struct conf *conf);
void dnsbl_set_conf(struct dnsbl *d, const struct conf *conf);

/* As blocklists_forget_source(). */
void dnsbl_forget(struct dnsbl *d, const struct mention *who, struct forgotten *out);

/* Readable when dnsbl_process() has something to do, the same for the whole life; -1 = never. */
int dnsbl_fd(const struct dnsbl *d);
void dnsbl_process(struct dnsbl *d);
/* About once a second. */
void dnsbl_tick(struct dnsbl *d);
/* Whatever is told of connections. policy: by which they are judged now. */
void dnsbl_event(struct dnsbl *d, const struct policy *policy, const struct event *e);

/* A list would be asked about this client of this server: a stranger, whom the world can reach. */
bool dnsbl_may_ask(const struct conf *conf, const struct policy *policy, const struct addr *client,
        const struct addr *server, enum policy_self self);

/* Each list, and the sum of what is counted of them. */
unsigned dnsbl_count(const struct dnsbl *d);
struct blocklist_view dnsbl_view(const struct dnsbl *d, unsigned list);
uint64_t dnsbl_counted(const struct dnsbl *d, enum blocklist_count what);
void dnsbl_each_fault(
        const struct dnsbl *d, void (*each)(void *arg, const char *text, bool inspecting), void *arg);

#endif
