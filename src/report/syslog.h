/* syslog.h - an alert as a message of syslog (RFC 5424). */
#ifndef REPORT_SYSLOG_H
#define REPORT_SYSLOG_H

#include <jansson.h>
#include <stddef.h>

/* What many receivers still read by default; RFC 5424 6.1 asks for 2048 at least. */
enum { SYSLOG_MESSAGE_MAX = 8192 };
/* RFC 5426 3.2: what a receiver of UDP should take. */
enum { SYSLOG_DATAGRAM_MAX = 2048 };

enum { SYSLOG_AUTHPRIV = 10 /* facility: security, private */ };

struct syslog_origin {
	unsigned facility;
	unsigned pid;  /* 0 = nobody's: PROCID is "-" */
	unsigned most; /* bytes of a message: 1024 to SYSLOG_MESSAGE_MAX; 0 = that */
};

/* Length of the message in out, which has room for SYSLOG_MESSAGE_MAX bytes and a NUL. record: an `alert`. */
size_t syslog_print(const json_t *record, const struct syslog_origin *origin, char *out);
/* The same header, no structured data, and the line of cef.h in place of the text. */
size_t syslog_print_cef(const json_t *record, const struct syslog_origin *origin, char *out);

#endif
