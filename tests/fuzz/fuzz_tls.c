/* fuzz_tls.c - TLS records of one side: whole and byte by byte, then read as either hello. */
#include "fuzz.h"
#include "smtp/tls.h"

enum { ROOM = 600 };

struct seen {
	uint8_t *hello; /* ROOM bytes of their own, so that one too many is seen */
	struct tls_side side;
	enum tls_result result;
	uint64_t used;
};

static void push_all(struct seen *s, const uint8_t *data, size_t size, size_t piece)
{
	size_t at, n;
	uint32_t used;

	*s = (struct seen) { .hello = calloc(1, ROOM), .result = TLS_MORE };
	for (at = 0; at < size && s->result == TLS_MORE; at += n) {
		uint8_t *copy;

		n = piece < size - at ? piece : size - at;
		copy = input_copy(data + at, n);
		s->result = tls_push(&s->side, s->hello, ROOM, copy, (uint32_t)n, &used);
		FUZZ_CHECK(used <= n && (s->result == TLS_NOT || used == n));
		s->used += used;
		free(copy);
	}
	FUZZ_CHECK(s->side.kept <= ROOM);
}

static void read_hello(const struct seen *s)
{
	uint8_t *hello = input_copy(s->hello, s->side.kept);
	struct event_tls tls = { 0 };

	tls_read_client(hello, s->side.kept, &tls);
	FUZZ_CHECK(tls.sni.len <= EVENT_DOMAIN_MAX);
	tls_read_server(hello, s->side.kept, &tls);
	FUZZ_CHECK(tls.sni.len <= EVENT_DOMAIN_MAX);
	free(hello);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, bytes;

	push_all(&whole, data, size, size);
	push_all(&bytes, data, size, 1);
	FUZZ_CHECK(whole.result == bytes.result && whole.side.kept == bytes.side.kept);
	FUZZ_CHECK(memcmp(whole.hello, bytes.hello, ROOM) == 0);
	FUZZ_CHECK(whole.result != TLS_NOT || whole.used == bytes.used);
	read_hello(&whole);
	free(whole.hello);
	free(bytes.hello);
	return 0;
}
