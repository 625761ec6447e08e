/* kernel.h - what the kernel tells about changes of nf_tables by others. */
#ifndef TAP_KERNEL_H
#define TAP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_tap;

enum { KERNEL_WHAT_MAX = 256, KERNEL_NAME_MAX = 16 /* TASK_COMM_LEN */ };

/* One transaction. Valid during the call. */
struct kernel_notice {
	bool touched; /* the table that is asked for */
	bool opened;  /* in a way by which packets may have gone past the rules, or been refused */
	char what[KERNEL_WHAT_MAX]; /* was done to it, in words */
	char name[KERNEL_NAME_MAX]; /* of the process; "" = unknown */
	uint32_t pid;               /* likewise; 0 = unknown */
};

typedef void (*kernel_sink)(void *arg, const struct kernel_notice *n);

/* own_port: the netlink port of the socket whose transactions are ours, and not told. NULL with errno and a message in
 * err. */
struct kernel_tap *kernel_tap_open(uint32_t own_port, char *err, unsigned err_bytes);
void kernel_tap_close(struct kernel_tap *k); /* NULL is fine */
int kernel_tap_fd(const struct kernel_tap *k);
/* Reads what is there, up to a bound (call again when the descriptor is readable), without waiting. table: of family
 * inet. True: notices were lost, and anything may have changed. */
bool kernel_tap_read(struct kernel_tap *k, const char *table, kernel_sink sink, void *arg);
/* The generation of the ruleset that the last transaction, anybody's, has made; 0 = none was seen. */
uint32_t kernel_tap_generation(const struct kernel_tap *k);

/* For tests: one that nothing comes to, and what kernel_tap_read() does with a datagram. */
struct kernel_tap *kernel_tap_new(uint32_t own_port);
void kernel_tap_take(
        struct kernel_tap *k, const void *bytes, size_t len, const char *table, kernel_sink sink, void *arg);

#endif
