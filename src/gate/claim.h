/* claim.h - who guards a table: at most one process in a network namespace. */
#ifndef GATE_CLAIM_H
#define GATE_CLAIM_H

/* For the life of the process, or until claim_close(). A descriptor, or -1 with errno and a message in
 * err (EBUSY: another process has it). A descriptor and a message (else err is empty): a process that has
 * no business with it sits on the name, and there is no claim. */
int claim_table(const char *table, char *err, unsigned err_bytes);
void claim_close(int claim); /* -1 is fine */
/* Who looks for the holder connects, and stays to see its end. Takes in those who wait, and lets go of who has left or
 * has no right to ask: the kernel keeps few waiting, and when these are too many the holder cannot be found any more.
 * To be called now and then. guests: descriptors, -1 where there is none; they end with the process. */
enum { CLAIM_GUESTS_MAX = 16 };
void claim_tick(int claim, int guests[CLAIM_GUESTS_MAX]);
/* Ends the process that has it, with SIGTERM, and waits for its end. 1: it has ended; 0: nobody had it;
 * -ETIMEDOUT: it is still there; -errno. pid: whom it was about, 0 = unknown. */
int claim_end_holder(const char *table, unsigned wait_ms, int *pid);

/* The number of the process that has it; 0: nobody, or not known. */
int claim_holder(const char *table);

#endif
