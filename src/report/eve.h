/* eve.h - events and findings to JSON lines as Suricata's EVE writes them, or to lines for people.
 *
 * Assembles one `smtp` record for each transaction from its events, writes `flow` at a connection's
 * end, `alert` for each finding told, `stats` when asked. All JSON goes through jansson; the lines for
 * people are made from the same records.
 *
 * No line is longer than 60 KiB: fields and lists have their bounds, and what is cut says so (KEY_cut).
 * A full disk loses whole records with a count (writer.h). Foreign text is escaped (escape.h).
 */
#ifndef REPORT_EVE_H
#define REPORT_EVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "postern/counter.h"
#include "postern/event.h"
#include "postern/finding.h"
#include "postern/receiver.h"
#include "report/budget.h"

struct eve;
struct policy;

/* How a record is written: docs/FORMATS.md. CEF and both of syslog have words for alerts alone. */
enum eve_format {
	EVE_FORMAT_JSON,
	EVE_FORMAT_TEXT, /* for people */
	EVE_FORMAT_ECS,
	EVE_FORMAT_CEF,
	EVE_FORMAT_SYSLOG,     /* RFC 5424 with structured data */
	EVE_FORMAT_SYSLOG_CEF, /* CEF behind a header of RFC 5424 */
	EVE_FORMAT_COUNT
};
/* "eve", "text", "ecs", ...; -1 = no such format. */
int eve_format_find(const char *name);
const char *eve_format_name(enum eve_format format);
/* "eve, text, ..."; returns buf. */
enum { EVE_FORMATS_TEXT_MAX = 64 };
char *eve_format_list(char buf[EVE_FORMATS_TEXT_MAX]);

/* Tells the translated ends of a connection; NULL where there are none, or none are known. */
typedef const struct event_nat *eve_nat(const void *arg, uint64_t flow_id);

/* Where records go. */
struct eve_output {
	enum eve_format format;
	const char *path;          /* file (appended to, mode 0640), "-" = stdout, "" or NULL = nowhere */
	const struct receiver *to; /* or a syslog receiver; NULL = a file */
};

enum { EVE_OUTPUTS_MAX = 4 };

struct eve_settings {
	const char *path; /* the first output, in this format */
	enum eve_format format;
	const struct eve_output *more; /* and others beside it */
	unsigned more_count;           /* below EVE_OUTPUTS_MAX */
	unsigned facility;             /* of syslog messages: syslog.h */
	unsigned pid;                  /* in them; 0 = "-" */
	struct budget_limits budget;   /* all zero = none */
	bool alerts_only;              /* no `smtp` and `flow` records */
	const char *host;              /* NULL = gethostname() */
	const char *config_hash;       /* or "" */
	const char *mode;              /* "monitor", "enforce", "offline" */
	uint32_t connections;          /* remembered at once */
	uint8_t hash_key[HASH_KEY_BYTES];
	eve_nat *nat; /* may be NULL */
	const void *nat_arg;
};

/* NULL with errno and a message in err (file cannot be opened). policy: for names of rules, which are
 * copied; may be NULL. */
struct eve *eve_open(
        const struct eve_settings *s, const struct policy *policy, char *err, unsigned err_bytes);
/* After a reload: new names of rules, mode and config_hash from the next record on. 0 or -ENOMEM. */
int eve_set_policy(struct eve *e, const struct policy *policy, const char *mode, const char *config_hash);
/* Other limits, from now on. */
void eve_set_budget(struct eve *e, const struct budget_limits *limits);
/* Where records go, and which, changes in two steps, so that what cannot be opened leaves all as it is: of s only path, format,
 * more, facility and pid count here. NULL with errno and a message in err. */
struct eve_outputs;
struct eve_outputs *eve_open_outputs(
        const struct eve *e, const struct eve_settings *s, char *err, unsigned err_bytes);
/* They are not wanted after all; NULL is fine. Before e, whose own they share. */
void eve_close_outputs(struct eve_outputs *o);
/* next becomes e's. With alerts_only, transactions in progress are written as end = lost; without it, what was said in them
 * before is not in their records. */
void eve_set_outputs(struct eve *e, struct eve_outputs *next, bool alerts_only);
/* As budget_forget(). */
void eve_forget(struct eve *e, const struct mention *who, struct forgotten *out);
void eve_close(struct eve *e); /* writes transactions still open as end = lost; NULL is fine */
/* Closes and opens the files again (log rotation). 0 or -errno of the last that failed; its old file stays. */
int eve_reopen(struct eve *e);
/* Writes what is buffered, at the end of each batch of events; and again what a full disk refused. */
int eve_flush(struct eve *e);

/* Tells what was left out in windows that are over; about once a second. */
void eve_tick(struct eve *e, uint64_t now_us);

void eve_event(struct eve *e, const struct event *ev);
void eve_finding(struct eve *e, const struct finding *f);

/* One stats record; sections that are not known (offline) are NULL. */
struct eve_stats {
	uint64_t time_us, uptime_s;
	const struct counters *inspect; /* summed over workers */
	const struct watch_counts *watch;
	const struct eve_stats_number *extra; /* name and value pairs, names dotted; ends with name NULL */
};
struct eve_stats_number {
	const char *name; /* "kernel.queue.dropped" becomes nested objects */
	uint64_t value;
};

void eve_stats(struct eve *e, const struct eve_stats *s);

struct eve_counts {
	uint64_t records, bytes; /* lines in files, of all formats */
	uint64_t lost;           /* could not be written (disk full, ...) */
	uint64_t cut;            /* fields or lists cut to their bounds */
	uint64_t connections_evicted;
	uint64_t left_out; /* records of mail and connections beyond the budget */
	struct {
		uint64_t sent, lost, waiting;
	} syslog;
};
struct eve_counts eve_counts(const struct eve *e);
/* The syslog receiver takes nothing: what to say about it. False: it does, or there is none. */
bool eve_syslog_fault(const struct eve *e, char *text, unsigned text_bytes);
/* Likewise: a file system of theirs is nearly full, and records are left out. */
bool eve_disk_fault(const struct eve *e, char *text, unsigned text_bytes);

#endif
