/* notify.h - tells the service manager what we are doing (the sd_notify protocol). */
#ifndef POSTERND_NOTIFY_H
#define POSTERND_NOTIFY_H

#include <stdbool.h>

/* Sends lines such as "READY=1\nSTATUS=..." to NOTIFY_SOCKET. Without one, or when it cannot be
 * reached, nothing happens: no service depends on it. */
void notify_send(const char *lines);
/* The service manager wants to hear WATCHDOG=1 from this process. */
bool notify_has_watchdog(void);

#endif
