/* hash.c - SipHash-2-4: two rounds for each word of 8 bytes, four at the end.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012, section 2; the
 * test checks the vectors of its appendix A. A faster unkeyed hash was rejected: senders choose
 * addresses and ports, and could fill one bucket.
 */
#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* Little-endian, as the paper wants it. */
static uint64_t read_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

/* The last 0..7 bytes. */
static uint64_t read_rest(const uint8_t *p, size_t len)
{
	uint64_t word = 0;

	while (len-- > 0)
		word = word << 8 | p[len];
	return word;
}

static void mix(struct state *s, unsigned rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s, 2);
	s->v0 ^= word;
}

uint64_t hash_bytes(const uint8_t key[HASH_KEY_BYTES], const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t left = len;
	uint64_t k0 = read_word(key), k1 = read_word(key + 8);
	/* "somepseudorandomlygeneratedbytes" */
	struct state s = {
		k0 ^ 0x736f6d6570736575,
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	};

	for (; left >= 8; p += 8, left -= 8)
		absorb(&s, read_word(p));
	absorb(&s, (uint64_t)len << 56 | read_rest(p, left));
	s.v2 ^= 0xff;
	mix(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

int hash_key_random(uint8_t key[HASH_KEY_BYTES])
{
	ssize_t got;

	do
		got = getrandom(key, HASH_KEY_BYTES, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return got == HASH_KEY_BYTES ? 0 : -EIO;
}
