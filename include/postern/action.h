/* action.h - contract: what is done about a finding. */
#ifndef POSTERN_ACTION_H
#define POSTERN_ACTION_H

enum action {
	ACTION_ALERT,            /* tell, touch nothing */
	ACTION_REFUSE_RECIPIENT, /* this RCPT gets a 550, the connection goes on */
	ACTION_RESET,            /* both ends get a TCP reset */
	ACTION_COUNT
};

/* Names as the configuration and the records spell them; index = enum action. */
#define ACTION_NAMES "alert", "refuse-recipient", "reset"

#endif
