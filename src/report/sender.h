/* sender.h - messages to a syslog receiver: datagrams (a local socket, or UDP: RFC 5426), or TCP with octet counting
 * (RFC 6587 3.4.1).
 *
 * Nothing here ever waits but sender_close(): sockets do not block, and what cannot be sent stays in a queue of
 * SENDER_QUEUE_BYTES for the next sender_flush(); what comes beyond that is lost whole and counted. A receiver that is not
 * there, or goes, is tried again after a quarter of a second, then twice as long, up to half a minute.
 *
 * TCP: a message stays in the queue until the receiver's kernel has acknowledged all of it, and is sent again over the next
 * connection otherwise; so none is lost by a receiver that starts anew, and some may come twice. UDP and its network say
 * nothing of the kind: lost there is what the receiver's host has refused, as far as it tells.
 */
#ifndef REPORT_SENDER_H
#define REPORT_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/receiver.h"

enum { SENDER_QUEUE_BYTES = 1024 * 1024, SENDER_CLOSE_MS = 1000 };

struct sender;

struct sender_counts {
	uint64_t sent, bytes; /* messages; TCP: acknowledged */
	uint64_t lost;
	uint64_t waiting;
};

/* to is copied. NULL without memory; that nobody listens is no error. */
struct sender *sender_open(const struct receiver *to);
/* Waits up to SENDER_CLOSE_MS for what can still be sent; what cannot is lost, which the log says. NULL is fine. */
void sender_close(struct sender *s);
void sender_put(struct sender *s, const char *message, size_t len);
/* Sends what can be sent now. 0, or -errno of what stands in the way. */
int sender_flush(struct sender *s);
/* A receiver that was not there is tried at once. */
void sender_retry(struct sender *s);
struct sender_counts sender_counts(const struct sender *s);
/* Why messages wait, or 0; as -errno. */
int sender_fault(const struct sender *s);
/* "udp://192.0.2.1:514". Returns buf. */
char *receiver_print(const struct receiver *to, char buf[RECEIVER_TEXT_MAX]);

#endif
