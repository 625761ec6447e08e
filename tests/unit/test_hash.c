/* SipHash-2-4 against the vectors of its authors; the key matters; no byte behind the data is read. */
#include <string.h>

#include "base/hash.h"
#include "guard.h"
#include "suite.h"

/* Key 00 01 .. 0f, data 00 01 .. of the given length; results as the numbers they are. The one for
 * 15 bytes is worked through in the paper's appendix A. */
static void matches_the_vectors(void)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	uint8_t key[HASH_KEY_BYTES], data[64];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t *copy = guard_copy(data, vectors[i].len);

		CU_ASSERT_EQUAL(hash_bytes(key, copy, vectors[i].len), vectors[i].hash);
		guard_free(copy, vectors[i].len);
	}
}

static void every_byte_counts(void)
{
	uint8_t key[HASH_KEY_BYTES] = { 0 }, data[21] = { 0 };
	uint64_t plain = hash_bytes(key, data, sizeof(data));
	size_t i;

	for (i = 0; i < sizeof(data); i++) {
		data[i] = 1;
		CU_ASSERT_NOT_EQUAL(hash_bytes(key, data, sizeof(data)), plain);
		data[i] = 0;
	}
	for (i = 0; i < sizeof(key); i++) {
		key[i] = 1;
		CU_ASSERT_NOT_EQUAL(hash_bytes(key, data, sizeof(data)), plain);
		key[i] = 0;
	}
	CU_ASSERT_NOT_EQUAL(hash_bytes(key, data, sizeof(data) - 1), plain);
}

static void random_keys_differ(void)
{
	uint8_t a[HASH_KEY_BYTES] = { 0 }, b[HASH_KEY_BYTES] = { 0 };

	CU_ASSERT_EQUAL(hash_key_random(a), 0);
	CU_ASSERT_EQUAL(hash_key_random(b), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
}

SUITE("hash", { "matches the vectors", matches_the_vectors }, { "every byte counts", every_byte_counts },
        { "random keys differ", random_keys_differ })
