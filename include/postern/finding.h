/* finding.h - contract: what watch has found, for gate and report.
 *
 * The table below is the one place that knows ids, names and severities; enum, records and
 * documentation are made from it. Ids never change meaning.
 */
#ifndef POSTERN_FINDING_H
#define POSTERN_FINDING_H

#include <stdint.h>

#include "postern/event.h"

/* X(NAME, id, rule, severity 1 (worst) to 4, signature, category, MITRE ATT&CK technique or "") */
#define FINDINGS(X)                                                                                          \
	X(RELAY_ATTEMPT, 1025100, "relay.attempt", 2, "Open-relay attempt, refused",                         \
	        "Attempted use of a mail relay", "T1595.002")                                                \
	X(RELAY_ACCEPTED, 1025101, "relay.accepted", 1,                                                      \
	        "Server accepted mail for a foreign domain from a stranger",                                 \
	        "Successful use of a mail relay", "T1496")                                                   \
	X(RELAY_CONFIRMED, 1025102, "relay.confirmed", 1,                                                    \
	        "Relayed mail seen leaving towards a foreign host", "Successful use of a mail relay",        \
	        "T1496")                                                                                     \
	X(SENDER_SPOOF, 1025120, "sender.spoof", 3, "Stranger sends in the name of a domain of ours",        \
	        "Potentially forged sender", "T1672")                                                        \
	X(SENDER_FOREIGN, 1025121, "sender.foreign", 3,                                                      \
	        "Client of ours sends in the name of a foreign domain", "Potentially forged sender",         \
	        "T1672")                                                                                     \
	X(HELO_FORGED, 1025122, "helo.forged", 3, "Stranger greets with a name or address of ours",          \
	        "Potentially forged sender", "")                                                             \
	X(VOLUME_LIMIT, 1025200, "volume.limit", 2, "Source passed a limit of volume", "Outbound volume",    \
	        "T1496")                                                                                     \
	X(VOLUME_SPIKE, 1025201, "volume.spike", 2, "Source sends far more than it usually does",            \
	        "Outbound volume", "T1496")                                                                  \
	X(VOLUME_REJECTS, 1025202, "volume.rejects", 2, "Refused recipients say that no human writes",       \
	        "Outbound volume", "")                                                                       \
	X(VOLUME_FANOUT, 1025203, "volume.fanout", 2, "Source talks to unusually many mail hosts",           \
	        "Outbound volume", "T1496")                                                                  \
	X(VOLUME_TARGET, 1025204, "volume.target", 3, "Many sources at one recipient or server",             \
	        "Mail flood", "T1667")                                                                       \
	X(VOLUME_SNOWSHOE, 1025205, "volume.snowshoe", 2, "Many sources of one network at once",             \
	        "Mail flood", "")                                                                            \
	X(HARVEST, 1025300, "harvest", 3, "Recipients tried from a dictionary", "Address harvesting",        \
	        "T1589.002")                                                                                 \
	X(BACKSCATTER, 1025301, "backscatter", 3, "Flood of mail from the null sender", "Mail flood", "")    \
	X(AUTH_GUESS, 1025302, "auth.guess", 2, "Passwords tried", "Attempted login", "T1110")               \
	X(REPUTATION, 1025600, "reputation", 2, "Remote servers say that an address of ours is listed",      \
	        "Reputation of our addresses", "")                                                           \
	X(SMUGGLING_ATTEMPT, 1025400, "smuggling.attempt", 2, "End of data that servers read differently",   \
	        "SMTP smuggling", "T1672")                                                                   \
	X(SMUGGLING_EFFECTIVE, 1025401, "smuggling.effective", 1,                                            \
	        "Server answered commands that a strict reader never saw", "SMTP smuggling", "T1672")        \
	X(STARTTLS_INJECTION, 1025410, "starttls.injection", 2, "Bytes in clear behind STARTTLS",            \
	        "Attack on transport encryption", "T1557")                                                   \
	X(STARTTLS_MISSING, 1025411, "starttls.missing", 3, "STARTTLS is no longer offered, or is masked",   \
	        "Attack on transport encryption", "T1557")                                                   \
	X(AUTH_CLEAR, 1025412, "auth.clear", 3, "Credentials in clear text", "Unprotected credentials",      \
	        "T1040")                                                                                     \
	X(TLS_OLD, 1025413, "tls.old", 4, "TLS handshake below version 1.2", "Weak transport encryption",    \
	        "")                                                                                          \
	X(STARTTLS_UNUSED, 1025415, "starttls.unused", 4, "STARTTLS offered and not used",                   \
	        "Weak transport encryption", "")                                                             \
	X(EVASION, 1025420, "evasion", 2, "Bytes that no honest peer sends", "Evasion of inspection",        \
	        "T1027")                                                                                     \
	X(HEADER_LEAK, 1025430, "header.leak", 4, "Outbound mail shows inside addresses or names",           \
	        "Information leak", "")                                                                      \
	X(GATE_REFUSED, 1025500, "gate.refused", 4, "Port-25 connection outside the rules",                  \
	        "Policy violation", "")                                                                      \
	X(GATE_TAMPERED, 1025510, "gate.tampered", 2, "Somebody changed the rules of port 25",               \
	        "Tampering with the firewall", "T1562.004")                                                  \
	X(GATE_UPSTREAM, 1025511, "gate.upstream", 4, "Addresses of an upstream changed, or are held",       \
	        "Change of the allowed hosts", "")                                                           \
	X(GATE_BLIND, 1025512, "gate.blind", 1, "Port-25 packets passed without inspection",                 \
	        "Detection of a denial of service", "")                                                      \
	X(SOURCE_LISTED, 1025601, "source.listed", 4, "Client of a server of ours is on a DNS list",         \
	        "Known malicious source", "")                                                                \
	X(AUDIT, 1025520, "audit", 4, "Postern was started, stopped or changed", "Administrative action", "")

enum finding_id {
#define X(name, id, rule, sev, sig, cat, mitre) FINDING_##name = (id),
	FINDINGS(X)
#undef X
};

/* About the gate itself: conn of such a finding says nothing. */
static inline int finding_has_connection(uint32_t id)
{
	return id != FINDING_GATE_BLIND && id != FINDING_AUDIT && id != FINDING_GATE_UPSTREAM &&
	       id != FINDING_GATE_TAMPERED;
}

/* Places in the table. */
enum finding_kind_index {
#define X(name, id, rule, severity, signature, category, technique) FINDING_KIND_##name,
	FINDINGS(X)
#undef X
	        FINDING_KIND_COUNT
};

/* The life of an incident: all that is found about one source, until it is quiet. */
enum incident_state { INCIDENT_OPEN, INCIDENT_GROWN, INCIDENT_ACKED, INCIDENT_CLOSED, INCIDENT_STATE_COUNT };
#define INCIDENT_STATE_NAMES "open", "grown", "acked", "closed"

enum {
	FINDING_EVIDENCE_MAX = 5,
	FINDING_BLOCK_MAX = 64,
	INCIDENT_ENVELOPES_MAX = 5,
	INCIDENT_FIELD_MAX = 96,
	INCIDENT_REASON_MAX = 96
};

/* What one rule has found in an incident. */
struct incident_facet {
	uint32_t id;      /* enum finding_id */
	uint8_t severity; /* the worst */
	uint8_t blocked;  /* all of them were stopped */
	uint8_t pad[2];
	uint64_t count, first_us, last_us; /* its findings */
};

/* A mail that led to a finding, each field bounded: cut = there was more. */
enum envelope_field { ENVELOPE_HELO, ENVELOPE_MAIL_FROM, ENVELOPE_RCPT_TO, ENVELOPE_FIELD_COUNT };
struct incident_envelope {
	uint64_t time_us;
	uint8_t facet; /* place of its rule in facets */
	uint8_t len[ENVELOPE_FIELD_COUNT], cut[ENVELOPE_FIELD_COUNT], pad;
	char bytes[ENVELOPE_FIELD_COUNT][INCIDENT_FIELD_MAX];
};

/* Somebody knows of it. time_us 0 = nobody does. */
struct incident_ack {
	uint64_t time_us;
	int64_t uid;
	char reason[INCIDENT_REASON_MAX]; /* terminated */
};

/* The incident that a finding belongs to, as it is with this one. The lists are those of the whole incident: in its first
 * finding and its summaries, else empty. */
struct incident_brief {
	uint64_t id;     /* 53 bits */
	uint64_t before; /* of the source's or target's one before, if it ended lately; 0 = none is known */
	uint64_t count;  /* findings so far, this one included */
	uint64_t rule_count; /* of these, of this one's rule */
	uint64_t first_us, last_us;
	uint8_t state; /* enum incident_state */
	uint8_t facet_count, envelope_count;
	uint8_t evidence_facet
	        [FINDING_EVIDENCE_MAX]; /* of each line of evidence: place of its rule in facets */
	struct incident_facet facets[FINDING_KIND_COUNT];
	struct incident_envelope envelopes[INCIDENT_ENVELOPES_MAX];
	struct incident_ack ack;
};

struct finding {
	uint32_t id;      /* enum finding_id */
	uint8_t severity; /* may differ from the table's by circumstance */
	uint8_t action;   /* enum action taken */
	uint8_t would;    /* enum action that was not taken because of mode or certainty; = action if none */
	uint8_t outcome;  /* enum event_outcome */
	uint64_t time_us;
	struct event_connection conn;
	uint64_t value; /* measured, in the rule's unit; limit, baseline, window: 0 = none */
	uint64_t limit;
	uint64_t baseline;
	uint32_t window_s;
	uint32_t tx_id;   /* 0 = not about a transaction */
	uint8_t form;     /* enum smtp_form, form.h */
	uint8_t blocked;  /* the thing itself was stopped by us (kernel or inspect) */
	uint8_t verified; /* the source completed a TCP handshake (its address is not forged) */
	uint8_t evidence_count;
	uint8_t pooled;  /* its incident is of many sources, by server: the budget of single ones is spent */
	uint8_t alone;   /* an act, or the course of one: told each time, in no incident with others */
	uint8_t measure; /* of value: 1 + enum volume_measure of policy/watching.h; 0 = the rule's own unit */
	uint8_t at_target; /* its incident is of what is attacked: rcpt_to, or the server where that is empty; 2 = of
	                      a mailbox that the store has forgotten */
	uint8_t source_bits; /* of conn.src that are one source, in the mapped space; 0 = a host, of IPv6 a /64 */
	uint8_t silent;      /* muted: it is kept, and not told */
	char block[FINDING_BLOCK_MAX]; /* title of the volume block, terminated; "" = none */
	struct event_text evidence[FINDING_EVIDENCE_MAX];
	struct event_path helo, mail_from, rcpt_to; /* auth.guess at_target: rcpt_to is the user's name */
	struct incident_brief incident;
};

/* What is attacked is somebody's login. */
static inline int finding_is_of_user(const struct finding *f)
{
	return f->id == FINDING_AUTH_GUESS && f->at_target;
}

/* What counts as one source with this address, where a finding's source_bits are bits. */
static inline struct prefix finding_prefix(const struct addr *src, unsigned bits)
{
	enum { HOST_BITS = 128, V6_BITS = 64 };
	struct prefix source = { .bits = addr_is_v4(src) ? HOST_BITS : V6_BITS };

	if (bits > 0 && bits <= HOST_BITS)
		source.bits = (uint8_t)bits;
	source.addr = addr_mask(src, source.bits);
	return source;
}

/* Says nothing where it is about the gate itself, pooled or at a target. */
static inline struct prefix finding_source(const struct finding *f)
{
	return finding_prefix(&f->conn.src, f->source_bits);
}

/* Whom it is told of: the source, or the server that many are at. */
static inline const struct addr *finding_whose(const struct finding *f)
{
	return f->at_target ? &f->conn.dst : &f->conn.src;
}

#endif
