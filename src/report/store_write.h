/* store_write.h - acts to rows: the statements of the store's thread, prepared once for each connection. */
#ifndef REPORT_STORE_WRITE_H
#define REPORT_STORE_WRITE_H

#include <sqlite3.h>

#include "report/store_acts.h"
#include "report/store_clock.h"

/* X(NAME, SQL). Each writes whole rows, so that a batch can be written again. */
#define STORE_STATEMENTS(X)                                                                                  \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                          \
	X(COMMIT, "COMMIT")                                                                                  \
	X(ROLLBACK, "ROLLBACK")                                                                              \
	X(CLOCK, "INSERT INTO clock (id, wall_us, monotonic_us, boot, made_us) VALUES (1, ?1, ?2, ?3, ?1) "  \
	         "ON CONFLICT (id) DO UPDATE SET wall_us = ?1, monotonic_us = ?2, boot = ?3")                \
	X(CLOCK_SET, "UPDATE blocks SET until_us = max(until_us + ?1, 1) WHERE ended_us IS NULL AND "        \
	             "until_us > 0")                                                                         \
	X(BLOCK_SET,                                                                                         \
	        "INSERT INTO blocks (prefix, set_us, until_us, uid, rule, reason, action) VALUES (?1, ?2, "  \
	        "?3, ?4, ?5, ?6, ?7) ON CONFLICT (prefix) WHERE ended_us IS NULL DO UPDATE SET "             \
	        "set_us = ?2, until_us = ?3, uid = ?4, rule = ?5, reason = ?6, action = ?7")                 \
	X(BLOCK_ENDED,                                                                                       \
	        "UPDATE blocks SET ended_us = ?2, ended_by = ?3 WHERE prefix = ?1 AND ended_us IS NULL")     \
	X(BLOCKS_ANEW, "UPDATE blocks SET ended_us = ?1, ended_by = 'unknown' WHERE ended_us IS NULL")       \
	X(BLOCKS_EXPIRED, "UPDATE blocks SET ended_us = until_us, ended_by = 'expired' "                     \
	                  "WHERE ended_us IS NULL AND until_us > 0 AND until_us <= ?1")                      \
	X(STORY, "INSERT INTO incidents (id, rule, severity, state, count, first_us, last_us, pooled, "      \
	         "source, source_key, source_port, server, server_port, direction, flow, self, blocked, "    \
	         "verified, action, would, outcome, form, value, value_limit, baseline, window_s, target, "  \
	         "bits, measure, block, acked_us, acked_by, acked_reason, before) "                          \
	         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, " \
	         "?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34) "          \
	         "ON CONFLICT (id) DO UPDATE SET rule = ?2, severity = ?3, state = ?4, count = ?5, "         \
	         "last_us = ?7, source = ?9, source_key = ?10, source_port = ?11, server = ?12, "            \
	         "server_port = ?13, direction = ?14, flow = ?15, self = ?16, blocked = ?17, "               \
	         "verified = ?18, action = ?19, would = ?20, outcome = ?21, form = ?22, value = ?23, "       \
	         "value_limit = ?24, baseline = ?25, window_s = ?26, measure = ?29, block = ?30, "           \
	         "acked_us = ?31, acked_by = ?32, acked_reason = ?33")                                       \
	X(FACET, "INSERT INTO facets (incident, rule, severity, blocked, count, first_us, last_us) "         \
	         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (incident, rule) DO UPDATE SET "           \
	         "severity = ?3, blocked = ?4, count = ?5, last_us = ?7")                                    \
	X(EVIDENCE, "INSERT INTO evidence (incident, n, cut, bytes, time_us, rule) "                         \
	            "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (incident, n) DO UPDATE SET "               \
	            "cut = ?3, bytes = ?4, rule = ?6 WHERE bytes <> ?4")                                     \
	X(ENVELOPE, "INSERT INTO envelopes (incident, n, time_us, rule, cut, helo, mail_from, rcpt_to) "     \
	            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (incident, n) DO UPDATE SET "       \
	            "time_us = ?3, rule = ?4, cut = ?5, helo = ?6, mail_from = ?7, rcpt_to = ?8 "            \
	            "WHERE time_us <> ?3")                                                                   \
	X(EVIDENCE_BEHIND, "DELETE FROM evidence WHERE incident = ?1 AND n >= ?2")                           \
	X(ENVELOPES_BEHIND, "DELETE FROM envelopes WHERE incident = ?1 AND n >= ?2")                         \
	X(MUTE, "INSERT INTO mutes (prefix, rule, set_us, until_us, uid, reason) "                           \
	        "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (prefix, rule) DO UPDATE SET "                  \
	        "set_us = ?3, until_us = ?4, uid = ?5, reason = ?6")                                         \
	X(UNMUTE, "DELETE FROM mutes WHERE prefix = ?1 AND rule = ?2")                                       \
	X(ACT, "INSERT INTO acts (time_us, rule, text) VALUES (?1, ?2, ?3)")                                 \
	X(SEEN, "INSERT INTO seen (client, server, self, verified, first_us, last_us, connections, mails, "  \
	        "recipients, tls, refused) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "           \
	        "ON CONFLICT (client, server) DO UPDATE SET self = ?3, verified = ?4, last_us = ?6, "        \
	        "connections = ?7, mails = ?8, recipients = ?9, tls = ?10, refused = ?11")                   \
	X(SOURCE, "INSERT INTO sources (prefix, verified, direction, first_us, last_us, connections, "       \
	          "transactions, messages, accepted, refused, null_senders, auth_failures, tls, bytes, "     \
	          "destinations) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) " \
	          "ON CONFLICT (prefix) DO UPDATE SET verified = ?2, direction = ?3, first_us = ?4, "        \
	          "last_us = ?5, connections = ?6, transactions = ?7, messages = ?8, accepted = ?9, "        \
	          "refused = ?10, null_senders = ?11, auth_failures = ?12, tls = ?13, bytes = ?14, "         \
	          "destinations = ?15")                                                                      \
	X(USUAL, "INSERT INTO usual (source, last_us, bytes) VALUES (?1, ?2, ?3) "                           \
	         "ON CONFLICT (source) DO UPDATE SET last_us = ?2, bytes = ?3")                              \
	X(PRUNE_BLOCKS, "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE ended_us < ?1 "         \
	                "ORDER BY ended_us LIMIT ?2)")                                                       \
	X(PRUNE_INCIDENTS, "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE last_us < ?1 " \
	                   "ORDER BY last_us LIMIT ?2)")                                                     \
	X(PRUNE_EVIDENCE, "DELETE FROM evidence WHERE (incident, n) IN (SELECT incident, n FROM evidence "   \
	                  "WHERE time_us < ?1 ORDER BY time_us LIMIT ?2)")                                   \
	X(PRUNE_ENVELOPES,                                                                                   \
	        "DELETE FROM envelopes WHERE (incident, n) IN (SELECT incident, n FROM envelopes "           \
	        "WHERE time_us < ?1 ORDER BY time_us LIMIT ?2)")                                             \
	X(PRUNE_ACTS, "DELETE FROM acts WHERE id IN (SELECT id FROM acts WHERE time_us < ?1 "                \
	              "ORDER BY time_us LIMIT ?2)")                                                          \
	X(PRUNE_SEEN, "DELETE FROM seen WHERE (client, server) IN (SELECT client, server FROM seen "         \
	              "WHERE last_us < ?1 ORDER BY last_us LIMIT ?2)")                                       \
	X(PRUNE_SOURCES, "DELETE FROM sources WHERE prefix IN (SELECT prefix FROM sources "                  \
	                 "WHERE last_us < ?1 ORDER BY last_us LIMIT ?2)")                                    \
	X(PRUNE_USUAL, "DELETE FROM usual WHERE source IN (SELECT source FROM usual WHERE last_us < ?1 "     \
	               "ORDER BY last_us LIMIT ?2)")

/* What an incident's column `target` says. */
enum store_target { STORE_TARGET_NONE, STORE_TARGET_MAILBOX, STORE_TARGET_SERVER };

enum store_statement {
#define X(name, sql) STATEMENT_##name,
	STORE_STATEMENTS(X)
#undef X
	        STATEMENT_COUNT
};

struct store_writer {
	sqlite3_stmt *of[STATEMENT_COUNT];
};

/* SQLite's results all of them. */
int store_write_prepare(struct store_writer *w, sqlite3 *db);
void store_write_finalize(struct store_writer *w);
/* A statement without values. */
int store_write_plain(struct store_writer *w, enum store_statement which);
/* One with two numbers. */
int store_write_numbers(struct store_writer *w, enum store_statement which, int64_t first, int64_t second);
/* Commits if r is SQLITE_OK, else rolls back; the result of both. */
int store_write_finish(struct store_writer *w, int r);
int store_write_act(struct store_writer *w, const struct store_act *act, uint64_t now_us);
/* That the file was written now, by both clocks. */
int store_write_clock(struct store_writer *w, const struct store_clock *now);
/* Lines of evidence and envelopes of what began before envelopes_us are left out. */
int store_write_tale(struct store_writer *w, const struct store_tale *tale, uint64_t envelopes_us);
int store_write_expired(struct store_writer *w, uint64_t now_us);

#endif
