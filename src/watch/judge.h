/* judge.h - what a watch is: one event in, at most one finding out.
 *
 * A judge sees the event and what is remembered of its connection, fills *f (started with
 * finding_init()) and answers true, or answers false and leaves *f undefined. What a judge has to know
 * beyond one connection it keeps in a book of its own, made with the engine and handed in with the rest;
 * watch.c lists judges in a table by event kind.
 */
#ifndef WATCH_JUDGE_H
#define WATCH_JUDGE_H

#include <stdbool.h>

#include "postern/event.h"
#include "postern/finding.h"
#include "watch/confirm.h"
#include "watch/tls.h"

/* Of one connection; lengths are 0 until seen. */
struct watch_memory {
	struct event_path helo;
	struct event_path mail_from; /* of the running transaction */
	struct event_path auth_user; /* that the server has accepted */
	uint32_t tx_id;              /* of the running transaction, whose MAIL was accepted; 0 = none */
	uint32_t accepted;           /* its recipients */
	struct event_path foreign;   /* its first foreign recipient that the server accepted */
	uint8_t foreign_form;        /* enum smtp_form of that recipient */
	bool starttls_offered;
	bool answered;             /* the server has answered a command: nobody forges the client's address */
	struct event_eod eod;      /* told last; count 0 = none */
	struct event_domain host;  /* as the server called itself in its greeting */
	struct confirm_ref relay;  /* the running transaction, if it relays through a server of ours */
	struct confirm_ref leaves; /* the relayed one that it looks like */
	uint32_t source;           /* place of its client in the ledger; 0 = not known */
};

struct watch_view {
	struct watch_memory *memory; /* NULL: the connection is not remembered (nothing seen, or evicted) */
	struct confirm *confirm;
	struct tls_book *tls;
};
typedef bool watch_judge(const struct watch_view *view, const struct event *e, struct finding *f);

watch_judge confirm_judge_rcpt;      /* EVENT_RCPT: relay.attempt, bounced */
watch_judge confirm_judge_data;      /* EVENT_DATA: relay.confirmed, by content */
watch_judge confirm_judge_handshake; /* EVENT_TLS: relay.confirmed, by destination and time */
watch_judge sender_judge_helo;       /* EVENT_HELO: helo.forged */
watch_judge sender_judge_mail;       /* EVENT_MAIL: sender.spoof, sender.foreign */
watch_judge smuggle_judge_end;       /* EVENT_EOD: smuggling.attempt */
watch_judge smuggle_judge_reply;     /* EVENT_ODD: smuggling.effective */
watch_judge evasion_judge;           /* EVENT_ODD: evasion, starttls.injection */
watch_judge tls_judge_helo;          /* EVENT_HELO: starttls.missing */
watch_judge tls_judge_auth;          /* EVENT_AUTH: auth.clear */
watch_judge tls_judge_handshake;     /* EVENT_TLS: tls.old */
watch_judge tls_judge_close;         /* EVENT_CLOSE: starttls.unused */
watch_judge leak_judge;              /* EVENT_LEAK: header.leak */
watch_judge relay_judge_rcpt;        /* EVENT_RCPT: relay.attempt, relay.accepted */
watch_judge relay_judge_data;        /* EVENT_DATA: relay.accepted again, at the end of data */
watch_judge listed_judge;            /* EVENT_LISTED: source.listed */
watch_judge gate_judge_try;          /* EVENT_REFUSED: gate.refused */
watch_judge gate_judge_blind;        /* EVENT_BLIND: gate.blind */
watch_judge gate_judge_upstream;     /* EVENT_UPSTREAM: gate.upstream */
watch_judge gate_judge_guard;        /* EVENT_GUARD: gate.tampered, gate.blind */
watch_judge gate_judge_audit;        /* EVENT_AUDIT: audit */

#endif
