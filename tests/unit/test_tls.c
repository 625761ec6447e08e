/* test_tls.c - first TLS records: version and server name, cut in every way. */
#include "smtp/tls.h"

#include <string.h>

#include "guard.h"
#include "suite.h"

enum { ROOM = 512 };

#define RANDOM "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
/* Session id, ciphers, compressions; then extensions: one unknown, server_name "mx.example". */
#define CLIENT                                                                                               \
	"\x16\x03\x01\x00\x4a\x01\x00\x00\x46\x03\x03" RANDOM "\x00\x00\x02\x13\x01\x01\x00\x00\x1b\x00\x17" \
	"\x00\x01x\x00\x00\x00\x0f\x00\x0d\x00\x00\x0amx.example\x00\x0b\x00\x00"
#define SERVER_13                                                                                            \
	"\x16\x03\x03\x00\x32\x02\x00\x00\x2e\x03\x03" RANDOM                                                \
	"\x00\x13\x01\x00\x00\x06\x00\x2b\x00\x02\x03\x04"
#define SERVER_12 "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" RANDOM "\x00\x00\x2f\x00"
/* The same hello in two records. */
#define SERVER_SPLIT                                                                                         \
	"\x16\x03\x03\x00\x02\x02\x00\x16\x03\x03\x00\x30\x00\x2e\x03\x03" RANDOM                            \
	"\x00\x13\x01\x00\x00\x06\x00\x2b\x00\x02\x03\x04"

static uint8_t hello[ROOM];

static enum tls_result read_records(
        struct tls_side *t, const char *text, uint32_t len, uint32_t cut, uint32_t *used)
{
	uint8_t *copy = guard_copy(text, len);
	enum tls_result result = TLS_MORE;
	uint32_t at = 0, n, taken;

	*t = (struct tls_side) { 0 };
	for (; at < len && result != TLS_NOT; at += taken) {
		n = len - at < cut ? len - at : cut;
		result = tls_push(t, hello, ROOM, copy + at, n, &taken);
	}
	guard_free(copy, len);
	*used = at;
	return result;
}

static void check_server(const char *text, uint32_t len, uint16_t version)
{
	struct event_tls tls = { 0 };
	struct tls_side t;
	uint32_t cut, used;

	for (cut = 1; cut <= len; cut++) {
		CU_ASSERT(read_records(&t, text, len - 1, cut, &used) == TLS_MORE);
		CU_ASSERT(read_records(&t, text, len, cut, &used) == TLS_DONE);
		tls_read_server(hello, t.kept, &tls);
		CU_ASSERT(tls.version == version);
	}
}

static void reads_the_version(void)
{
	check_server(SERVER_13, sizeof(SERVER_13) - 1, 0x0304);
	check_server(SERVER_12, sizeof(SERVER_12) - 1, 0x0303);
	check_server(SERVER_SPLIT, sizeof(SERVER_SPLIT) - 1, 0x0304);
	check_server("\x16\x03\x03\x00\x00" SERVER_12, 5 + sizeof(SERVER_12) - 1, 0x0303);
}

static void reads_the_server_name(void)
{
	struct event_tls tls = { 0 };
	struct tls_side t;
	uint32_t cut, used;

	for (cut = 1; cut < sizeof(CLIENT); cut++) {
		CU_ASSERT(read_records(&t, CLIENT, sizeof(CLIENT) - 1, cut, &used) == TLS_DONE);
		tls_read_client(hello, t.kept, &tls);
		CU_ASSERT(tls.sni.len == 10 && memcmp(tls.sni.bytes, "mx.example", 10) == 0);
	}
}

static void bears_hellos_cut_off(void)
{
	uint32_t len;

	for (len = 0; len < sizeof(CLIENT) - 6; len++) {
		uint8_t *client = guard_copy(&CLIENT[5], len);
		struct event_tls tls = { 0 };

		tls_read_client(client, len, &tls);
		tls_read_server(client, len, &tls);
		CU_ASSERT(tls.sni.len == 0 || tls.sni.len == 10);
		CU_ASSERT(tls.version == 0);
		guard_free(client, len);
	}
}

static void knows_what_is_not_tls(void)
{
	struct tls_side t;
	uint32_t used;

	CU_ASSERT(read_records(&t, "250 ok\r\n", 8, 8, &used) == TLS_NOT);
	CU_ASSERT(used == 0);
	CU_ASSERT(read_records(&t, "\x16\x02\x00", 3, 1, &used) == TLS_NOT);
	CU_ASSERT(used == 2);
	CU_ASSERT(read_records(&t, "\x15\x03\x03\x00\x02\x02\x28", 7, 3, &used) == TLS_MORE);
	CU_ASSERT(read_records(&t,
	                  "\x15\x03\x03\x00\x02\x02\x28"
	                  "454 no\r\n",
	                  15, 15, &used) == TLS_NOT);
	CU_ASSERT(used == 7);
	CU_ASSERT(read_records(&t, "\x17\x03\x03\x00\x02\x02\x28", 7, 3, &used) == TLS_DONE);
	CU_ASSERT(tls_is_start(0x16) && tls_is_start(0x14) && tls_is_start(0x17));
	CU_ASSERT(!tls_is_start(0x13) && !tls_is_start(0x18) && !tls_is_start('E'));
}

static void keeps_within_the_buffer(void)
{
	static uint8_t big[5 + 2000] = { 0x16, 3, 1, 0x07, 0xd0, 1, 0, 0xff, 0xff };
	struct tls_side t = { 0 };
	uint32_t used;
	uint8_t *room = guard_copy(big, 64);

	CU_ASSERT(tls_push(&t, room, 64, big, sizeof(big), &used) == TLS_DONE);
	CU_ASSERT(used == sizeof(big));
	CU_ASSERT(t.kept == 64);
	guard_free(room, 64);
}

SUITE("tls", { "version", reads_the_version }, { "server name", reads_the_server_name },
        { "hellos cut off", bears_hellos_cut_off }, { "not TLS", knows_what_is_not_tls },
        { "bounded", keeps_within_the_buffer })
