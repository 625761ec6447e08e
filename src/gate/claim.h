/* claim.h - who guards a table: at most one process in a network namespace. */
#ifndef GATE_CLAIM_H
#define GATE_CLAIM_H

/* For the life of the process, or until claim_close(). A descriptor, or -1 with errno and a message in
 * err (EBUSY: another process has it). A descriptor and a message (else err is empty): a process that has
 * no business with it sits on the name, and there is no claim. */
int claim_table(const char *table, char *err, unsigned err_bytes);
void claim_close(int claim); /* -1 is fine */
/* Ends the process that has it, with SIGTERM, and waits for its end. 1: it has ended; 0: nobody had it;
 * -ETIMEDOUT: it is still there; -errno. pid: whom it was about, 0 = unknown. */
int claim_end_holder(const char *table, unsigned wait_ms, int *pid);

#endif
