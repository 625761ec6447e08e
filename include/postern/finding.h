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
	        "Attempted use of a mail relay", "T1071.003")                                                \
	X(RELAY_ACCEPTED, 1025101, "relay.accepted", 1,                                                      \
	        "Server accepted mail for a foreign domain from a stranger",                                 \
	        "Successful use of a mail relay", "T1071.003")                                               \
	X(GATE_REFUSED, 1025500, "gate.refused", 4, "Port-25 connection outside the rules",                  \
	        "Policy violation", "")                                                                      \
	X(GATE_BLIND, 1025512, "gate.blind", 1, "Port-25 packets passed without inspection",                 \
	        "Detection of a denial of service", "")

enum finding_id {
#define X(name, id, rule, sev, sig, cat, mitre) FINDING_##name = (id),
	FINDINGS(X)
#undef X
};

/* The life of an incident: one source, one rule, until it is quiet. */
enum incident_state { INCIDENT_OPEN, INCIDENT_GROWN, INCIDENT_CLOSED, INCIDENT_STATE_COUNT };
#define INCIDENT_STATE_NAMES "open", "grown", "closed"

enum { FINDING_EVIDENCE_MAX = 5 };

struct incident_brief {
	uint64_t id;    /* 53 bits */
	uint64_t count; /* findings so far, this one included */
	uint64_t first_us, last_us;
	uint8_t state; /* enum incident_state */
	uint8_t pad[7];
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
	uint8_t pooled; /* its incident is of many sources, by server: the budget of single ones is spent */
	uint8_t pad[3];
	struct event_text evidence[FINDING_EVIDENCE_MAX];
	struct event_path helo, mail_from, rcpt_to;
	struct incident_brief incident;
};

#endif
