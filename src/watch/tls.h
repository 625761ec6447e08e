/* tls.h - what is remembered of servers for the judges of tls.c. */
#ifndef WATCH_TLS_H
#define WATCH_TLS_H

#include <stdint.h>

#include "base/hash.h"

struct tls_book;

/* servers: remembered at once, 16..2^22; those seen longest ago are forgotten first. NULL with errno. */
struct tls_book *tls_book_new(uint32_t servers, const uint8_t hash_key[HASH_KEY_BYTES]);
void tls_book_free(struct tls_book *b); /* NULL is fine */

#endif
