/* action.h - contract: what is done about a finding, and about a connection outside the rules. */
#ifndef POSTERN_ACTION_H
#define POSTERN_ACTION_H

enum action {
	ACTION_ALERT,                       /* tell, touch nothing */
	ACTION_DEFER_RECIPIENT,             /* this RCPT gets a 450, the connection goes on */
	ACTION_REFUSE_RECIPIENT,            /* this RCPT gets a 550, the connection goes on */
	ACTION_REFUSE_SESSION,              /* this RCPT gets a 554, then both ends get a TCP reset */
	ACTION_RESET,                       /* both ends get a TCP reset */
	ACTION_SLOW,                        /* the server's refusals are held for a while: the tar pit */
	ACTION_BLOCK,                       /* as refuse-session, and the client is kept off for a time */
	ACTION_RELAY_COUNT,                 /* the ones above are what `relay` may name */
	ACTION_REFUSE = ACTION_RELAY_COUNT, /* a rule's `refuse`: the try is answered with a reset */
	ACTION_DROP,                        /* a rule's `drop`: the try is left unanswered */
	ACTION_LIMIT,                       /* the kernel lets the source open so many connections a minute */
	ACTION_CLIMB, /* slow, then limit, then block, each if the one before did not help */
	ACTION_COUNT
};

/* Names as the configuration and the records spell them; index = enum action. */
#define ACTION_RELAY_NAMES                                                                                   \
	"alert", "defer-recipient", "refuse-recipient", "refuse-session", "reset", "slow", "block"
#define ACTION_NAMES ACTION_RELAY_NAMES, "refuse", "drop", "limit", "climb"

/* What it is done about does not come to pass. */
static inline int action_refuses(enum action a)
{
	return a != ACTION_ALERT && a != ACTION_SLOW && a != ACTION_LIMIT && a != ACTION_CLIMB;
}

#endif
