/* community_id.c - see community_id.h.
 *
 * SHA-1 over these bytes, the two ends in ascending order (address, then port), then base64:
 *
 *   seed 2 | address 4 or 16 | address 4 or 16 | protocol 1 | zero 1 | port 2 | port 2
 *
 * Source: the Community ID specification version 1 (corelight/community-id-spec). SHA-1 is part of it; no
 * security hangs on it.
 */
#include "report/community_id.h"

#include <string.h>

#include <netinet/in.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>

#include "base/bytes.h"

struct end {
	const struct addr *addr;
	uint16_t port;
};

static void hash_addr(struct sha1_ctx *sha, const struct addr *a)
{
	if (addr_is_v4(a))
		sha1_update(sha, 4, a->b + 12);
	else
		sha1_update(sha, sizeof(a->b), a->b);
}

char *community_id_print(char out[COMMUNITY_ID_MAX], const struct addr *src, uint16_t sport,
        const struct addr *dst, uint16_t dport)
{
	static const uint8_t seed[2] = { 0, 0 };
	struct end low = { src, sport }, high = { dst, dport };
	uint8_t tail[6] = { IPPROTO_TCP, 0 }, digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;
	int order = addr_compare(src, dst);

	if (order > 0 || (order == 0 && sport > dport)) {
		low = (struct end) { dst, dport };
		high = (struct end) { src, sport };
	}
	sha1_init(&sha);
	sha1_update(&sha, sizeof(seed), seed);
	hash_addr(&sha, low.addr);
	hash_addr(&sha, high.addr);
	bytes_put16(tail + 2, low.port);
	bytes_put16(tail + 4, high.port);
	sha1_update(&sha, sizeof(tail), tail);
	sha1_digest(&sha, sizeof(digest), digest);
	memcpy(out, "1:", 2);
	base64_encode_raw(out + 2, sizeof(digest), digest);
	out[2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)] = '\0';
	return out;
}
