/* hash.h - SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash, so that no sender can aim at
 * one bucket of our tables. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_KEY_BYTES = 16 };

uint64_t hash_bytes(const uint8_t key[HASH_KEY_BYTES], const void *data, size_t len);
/* Fills key from the kernel's random source. 0 or -errno. */
int hash_key_random(uint8_t key[HASH_KEY_BYTES]);

#endif
