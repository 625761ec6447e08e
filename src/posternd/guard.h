/* guard.h - that the kernel's rules stay as they are wanted, whoever changes them. */
#ifndef POSTERND_GUARD_H
#define POSTERND_GUARD_H

#include <stdint.h>

#include "posternd/health.h"

struct daemon;
struct guard;

/* Before the rules are installed; the gate has to be open. d is borrowed. NULL without memory. */
struct guard *guard_new(struct daemon *d);
void guard_free(struct guard *g); /* NULL is fine */
/* To be read by guard_process(); -1: there is nothing to read, and guard_tick() does it all. */
int guard_fd(const struct guard *g);
void guard_process(struct guard *g);
/* About once a second. */
void guard_tick(struct guard *g);
/* What is wrong at the moment; of health_fault's kind. */
void guard_each_fault(const struct guard *g, health_fault *each, void *arg);
/* How often something had to be put right. */
uint64_t guard_repairs(const struct guard *g);

#endif
